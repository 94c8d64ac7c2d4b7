/* libassay: ask the Assay agent on this machine whether a token is good, and what its holder may do.

       struct assay *assay;
       if (assay_open(&assay, NULL, NULL) != 0)
           return 1;
       if (assay_is_valid(assay, token, strlen(token), "orders"))
           serve();

   0 means yes, and nothing else does: a call that returns anything else has not accepted the token. ASSAY_E_REFUSED means no. Every
   other status means that nothing was decided, and the service answers 503. All statuses are negative. Where a structure was not
   filled in, or a pointer is NULL, the answer is never yes.

   Threads: any number of threads may share a handle and call at the same time. Each call that asks the agent has its own connection. A
   verdict does not change after a call has returned it, and any number of threads may read it. After fork() the child may go on using the
   handle: it makes its own connections. If pthread_cancel() cancels a thread in a call (deferred, which is the default), the thread ends
   after the call, at the latest when the call's timeout ends; the handle stays usable. Asynchronous cancellation during a call, and a
   longjmp() out of a call from a signal handler, are not supported.

   Memory: the library caches each yes in the process, up to options.cache_bytes, and gives it again without asking the agent, as long as
   nothing has changed that the yes rests on. The agent shows this in memory that it shares. A revocation takes effect on the next
   call: a call that begins after `revoke` was answered gets a refusal, whatever is cached. A cached result costs no system call, no
   wait and no allocation. The library wipes results that leave the cache, and keeps the cache out of core dumps and out of children.

   Restarts: an agent that has gone may be restarting. A call waits for it, once, for two seconds at most and within its own timeout. After
   that, calls fail at once with ASSAY_E_UNREACHABLE until one succeeds. The library asks again what it had asked the agent that went.

   The library does not log, exit, abort or raise SIGPIPE, and has no global state. Every descriptor that it opens is close-on-exec.

   Versions: two structures grow in later versions, struct assay_options and struct assay_question. Their first member, `size`, is the
   sizeof of the structure that the program was compiled with. They are structures and not opaque objects with setters because the compiler
   then checks their members, and because a question on the stack costs no allocation. Later members stand at the end, and zero in them
   means what it means today. A library that is older than the program refuses a structure (ASSAY_E_ARGUMENT) in which a member is set that
   it does not know: it never leaves out what the program asks for. */
#ifndef ASSAY_ASSAY_H
#define ASSAY_ASSAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <assay/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ASSAY_MUST_USE __attribute__((warn_unused_result))
#else
#define ASSAY_MUST_USE
#endif

enum assay_status {
#define ASSAY_STATUS_ENUM(value, name, word, text) ASSAY_E_##name = (value),
    ASSAY_STATUSES(ASSAY_STATUS_ENUM)
#undef ASSAY_STATUS_ENUM
#define ASSAY_STATUS_ENUM(number, name, word, text) ASSAY_E_##name = ASSAY_E_WIRE - (number),
    ASSAY_WIRE_ERRORS(ASSAY_STATUS_ENUM)
#undef ASSAY_STATUS_ENUM
};

struct assay;         /* a handle: the agent's address, and connections to it */
struct assay_verdict; /* the answer to one question */

/* Set `size` to sizeof(struct assay_options). Zero in another member means its default. */
struct assay_options {
    size_t size;
    size_t cache_bytes;  /* for all cached results, tokens and verdicts together, in bytes; 0: 16 MiB. Below 256 KiB: no cache */
    unsigned timeout_ms; /* of a whole call, connecting included, in milliseconds; 0: 5000 */
    uid_t agent_uid;     /* a user that may serve the socket, beside root and the owner of its directory; 0: no other */
};

/* As cache_bytes: the library caches nothing, and every call asks the agent. */
#define ASSAY_NO_CACHE ((size_t)1)

/* Makes a handle. `socket_path` NULL: $ASSAY_SOCKET (but not in a setuid program), else /run/assay/assayd.sock. `options` NULL: the
   defaults. The library copies both. It connects at the first call, so the agent may start later.
   Returns 0, and *ret must be given to assay_close(); else *ret is NULL: ASSAY_E_ARGUMENT (the path is empty or too long for a socket;
   options have no size, or a member that this version does not know), ASSAY_E_NO_MEMORY. */
ASSAY_MUST_USE int assay_open(struct assay **ret, const char *socket_path, const struct assay_options *options);

/* Closes the handle's connections, frees it, and drops its questions. No other call on the handle may run then or later. Does nothing for
   NULL. Verdicts that came from it stay valid. */
void assay_close(struct assay *assay);

/* Is this token good, for this audience (RFC 7519 4.1.3)? `token` is the compact JWT (RFC 7519) without "Bearer ", `token_bytes` long,
   and needs no terminating NUL. `audience` is a terminated string; NULL: any of the audiences that the agent has configured for the
   token's issuer.
   0: yes. ASSAY_E_REFUSED: no. Anything else: nothing was decided.
   `ret` may be NULL. Otherwise *ret is a verdict, after every outcome, which must be given to assay_verdict_free(); it is NULL where
   there is no memory for it. The verdict says why. */
ASSAY_MUST_USE int assay_verify(struct assay *assay, const char *token, size_t token_bytes, const char *audience,
                                struct assay_verdict **ret);

/* May the holder of this token do this? The agent judges the token as for assay_verify(), and then asks its policy. `token` NULL with
   0 bytes: the request had no token. A token that is not good counts as none: what the policy allows to everybody stays allowed.
   `action` and `resource` are terminated strings: the request's method, and its path as it came, with its escapes and its query. The
   agent decodes the path once. `audience` and `ret`: as for assay_verify().
   0: yes. ASSAY_E_REFUSED: no; assay_verdict_http_status() tells 401 (no good token) from 403. Anything else: nothing was decided; among
   others ASSAY_E_ARGUMENT for a NULL token with bytes, a NULL action or resource, and an audience or action above 4096 bytes. */
ASSAY_MUST_USE int assay_authorize(struct assay *assay, const char *token, size_t token_bytes, const char *audience, const char *action,
                                   const char *resource, struct assay_verdict **ret);

/* The same two questions without a verdict: true for yes, false for everything else, be it that the agent cannot be reached. */
ASSAY_MUST_USE bool assay_is_valid(struct assay *assay, const char *token, size_t token_bytes, const char *audience);
ASSAY_MUST_USE bool assay_is_allowed(struct assay *assay, const char *token, size_t token_bytes, const char *audience, const char *action,
                                     const char *resource);

/* One of several things to allow. Two terminated strings, as for assay_authorize(). */
struct assay_check {
    const char *action;
    const char *resource;
};

/* What a question asks: one of the first two, and ASSAY_ASK_CLAIMS with it where it is wanted. */
enum assay_what {
    ASSAY_ASK_VERIFY = 1,    /* is the token good? As assay_verify() */
    ASSAY_ASK_AUTHORIZE = 2, /* may its holder do this? As assay_authorize() */
    ASSAY_ASK_CLAIMS = 4,    /* with ASSAY_ASK_AUTHORIZE: give the claims of an accepted token too. ASSAY_ASK_VERIFY always gives them */
};

/* A question with everything that a program can ask. Set `size` to sizeof(struct assay_question). Zero in another member: not there.

       struct assay_question question = {
           .size = sizeof question, .token = token, .token_bytes = bytes,
           .what = ASSAY_ASK_AUTHORIZE | ASSAY_ASK_CLAIMS, .action = "GET", .resource = path, .timeout_ms = 200};

   The question and its strings are the caller's; the calls below copy what they need longer. */
struct assay_question {
    size_t size;
    const char *token; /* token, token_bytes and audience: as for assay_verify() and assay_authorize() */
    size_t token_bytes;
    const char *audience;
    const char *action; /* of ASSAY_ASK_AUTHORIZE: an action and a resource, or checks in their place */
    const char *resource;
    const struct assay_check *checks; /* several things to allow, */
    size_t check_count;               /* 1 to 256 of them */
    unsigned what;                    /* of enum assay_what; 0: ASSAY_E_ARGUMENT */
    unsigned timeout_ms;              /* of this call, in milliseconds, in place of options.timeout_ms; 0: options.timeout_ms */
};

/* Asks the question, as assay_verify() and assay_authorize() do. The library caches a yes with claims apart from a yes without, and
   never caches an answer to checks.
   0: yes; with checks: yes to every one of them. ASSAY_E_REFUSED: no; with checks: no to at least one, and assay_verdict_check() gives
   the verdict on each. Anything else: nothing was decided. ASSAY_E_ARGUMENT also for a question that lacks something, has something
   that does not belong to what it asks, or does not fit into one request of 64 KiB. `ret`: as for assay_verify(). */
ASSAY_MUST_USE int assay_ask(struct assay *assay, const struct assay_question *question, struct assay_verdict **ret);

/* Calls for a program with an event loop. None of them waits: the program sends many questions at a time over one connection, and takes
   the answers when they have come.

       status = assay_fd(assay, &fd);                     // the loop watches fd for reading
       status = assay_send_verify(assay, token, bytes, "orders", request, &verdict);
       if (status != ASSAY_E_PENDING)
           answer(request, status, verdict);              // known at once

       // whenever fd is readable
       while ((status = assay_process(assay, &tag, &verdict)) != ASSAY_E_PENDING)
           answer(tag, status, verdict);                  // 0 is a yes, as everywhere

   Threads: only one thread at a time may make these calls on one handle. Meanwhile other threads may make assay_verify(),
   assay_authorize() and assay_ask() on it. After fork() the child has none of the parent's questions, and not its descriptor: it removes
   the old one from its loop, and calls assay_fd() for its own. */

/* The descriptor to watch. It is readable (level-triggered) whenever assay_process() has something to do, also when only a question's time
   has ended. It stays the same for the handle's life, before and after connections to the agent, except in a child after fork() and in a
   program that has closed it. It belongs to the handle: do not read from it, do not close it.
   0 with the descriptor in *ret_fd. Else *ret_fd is -1: ASSAY_E_ARGUMENT, ASSAY_E_NO_MEMORY, ASSAY_E_UNREACHABLE (the process may open no
   more descriptors). */
ASSAY_MUST_USE int assay_fd(struct assay *assay, int *ret_fd);

/* Send what assay_verify(), assay_authorize() and assay_ask() ask, and do not wait. The library copies the strings, and wipes its copies
   when it no longer needs them. `tag` is the program's name for the question; the library never looks at what it points to.
   ASSAY_E_PENDING: the question is on its way, and *ret is NULL. assay_process() gives this tag once, with the outcome, at the latest when
   the question's timeout has passed. After every other status no answer comes for this tag: 0 is a yes that is known at once, ASSAY_E_REFUSED
   a no that need not be sent. Else the question was not sent: ASSAY_E_ARGUMENT, ASSAY_E_BUSY (4096 questions, or 16 MiB of them, are on
   their way), ASSAY_E_UNREACHABLE, ASSAY_E_UNTRUSTED, ASSAY_E_NO_MEMORY. `ret`: as for assay_verify(), but for ASSAY_E_PENDING. */
ASSAY_MUST_USE int assay_send_verify(struct assay *assay, const char *token, size_t token_bytes, const char *audience, void *tag,
                                     struct assay_verdict **ret);
ASSAY_MUST_USE int assay_send_authorize(struct assay *assay, const char *token, size_t token_bytes, const char *audience,
                                        const char *action, const char *resource, void *tag, struct assay_verdict **ret);
ASSAY_MUST_USE int assay_send(struct assay *assay, const struct assay_question *question, void *tag, struct assay_verdict **ret);

/* Connects, sends and reads as far as this is possible without waiting, and gives one question that is finished: its tag, and the status
   and verdict that assay_verify(), assay_authorize() or assay_ask() would have given. Answers come in any order. If the agent has
   restarted, the library asks it once more.
   ASSAY_E_PENDING, with *ret_tag and *ret NULL: no more is finished; wait until the descriptor is readable. Call until this comes.
   ASSAY_E_ARGUMENT with *ret_tag NULL: `assay` or `ret_tag` is NULL. `ret`: as for assay_verify(), but for ASSAY_E_PENDING. */
ASSAY_MUST_USE int assay_process(struct assay *assay, void **ret_tag, struct assay_verdict **ret);

/* No answer will come for the questions with this tag, so that the program may free what it points to. Returns how many of them were on
   their way, or finished and not yet given by assay_process(). The agent may answer them all the same, and until then they count for
   ASSAY_E_BUSY. */
size_t assay_cancel(struct assay *assay, const void *tag);

/* How many answers assay_process() has still to give. 0 for NULL. */
size_t assay_waiting(struct assay *assay);

/* True for a yes only; false for NULL. */
bool assay_verdict_ok(const struct assay_verdict *verdict);

/* The HTTP status that fits: 200 for a yes; 401, or 403 after a question that authorizes; where nothing was decided 503, and 429 for
   ASSAY_E_RATE_LIMITED; 503 for NULL. */
int assay_verdict_http_status(const struct assay_verdict *verdict);

/* Of a question with checks: the verdict on the check with this index, from 0, in the question's order. Every call here that takes a
   verdict takes it. It is a part of `verdict`: it lives as long, and the program does not free it. The whole verdict has the reason and
   the HTTP status of its first refusal. NULL for an index beyond the last check, for a question without checks, where nothing was
   decided, and for NULL. */
const struct assay_verdict *assay_verdict_check(const struct assay_verdict *verdict, size_t index);

/* Why the answer is not yes. After a no: the name of a reason in status.h, or one that a newer agent has. Where nothing was decided: the
   name of the status. NULL after a yes, and for NULL. Lives as long as the verdict. */
const char *assay_verdict_reason(const struct assay_verdict *verdict);

/* Why nothing was decided, in English: the agent's own words, or what the system said. For a log: later versions may word it otherwise.
   It has no control characters. NULL after a yes or a no, and for NULL. Lives as long as the verdict. */
const char *assay_verdict_text(const struct assay_verdict *verdict);

/* The errno of the system call that failed, after ASSAY_E_UNREACHABLE: for example ENOENT (no such socket) or EACCES (this process may not
   use it). Else 0. */
int assay_verdict_errno(const struct assay_verdict *verdict);

/* After a question that authorizes: the policy's rule that decided; for insufficient_role and insufficient_scope the rule that would
   have allowed it. NULL where no rule did, for a verdict on several checks, after assay_verify(), and for NULL. Lives as long as the
   verdict. */
const char *assay_verdict_rule(const struct assay_verdict *verdict);

/* The name that the agent gave this decision: the same as `decision_id` in the agent's audit line about it. A result from the cache of this process
   has the name of the decision that it repeats, and the verdicts on several checks have one name. NULL where the agent did not decide, and for
   NULL. Lives as long as the verdict. */
const char *assay_verdict_decision_id(const struct assay_verdict *verdict);

/* Whom an accepted token is about: its claim `sub` (RFC 7519 4.1.2). NULL where there is none. Lives as long as the verdict. */
const char *assay_verdict_subject(const struct assay_verdict *verdict);

/* After a question that authorizes: the roles and the scopes that an accepted token has, from index 0. The roles are those in the token,
   without those that they contain by the policy's hierarchy. NULL beyond the last one, after assay_verify(), and for NULL. Live as long as
   the verdict. */
const char *assay_verdict_role(const struct assay_verdict *verdict, size_t index);
const char *assay_verdict_scope(const struct assay_verdict *verdict, size_t index);

/* The issuer of an accepted token, as the agent's configuration spells it. NULL where no token was accepted, and for NULL. After a
   question that authorizes this tells whether the yes rests on the token. Lives as long as the verdict. */
const char *assay_verdict_issuer(const struct assay_verdict *verdict);

/* When an accepted token expires: its `exp` (RFC 7519 4.1.4), in Unix seconds, rounded down. 0 where no token was accepted. */
int64_t assay_verdict_expires_at(const struct assay_verdict *verdict);

/* Claims of an accepted token, by JSON pointer (RFC 6901): "/email", "/realm_access/roles/0"; "" is the set of all claims. They are there
   after assay_verify() and ASSAY_ASK_VERIFY, and where a question has ASSAY_ASK_CLAIMS; without them each call returns ASSAY_E_NO_CLAIM.
   Each returns 0, ASSAY_E_NO_CLAIM, ASSAY_E_CLAIM_TYPE, ASSAY_E_ARGUMENT (not a JSON pointer, or NULL) or ASSAY_E_NO_MEMORY; unless it
   returns 0, *ret is untouched. Strings are UTF-8 without a NUL inside, and live as long as the verdict. _int takes whole numbers only,
   also if the token has them as 1.0. _double takes any number, and gives the nearest double. _count gives how many members an array or
   an object has. _json gives any value as JSON text. */
ASSAY_MUST_USE int assay_verdict_claim_string(const struct assay_verdict *verdict, const char *pointer, const char **ret);
ASSAY_MUST_USE int assay_verdict_claim_int(const struct assay_verdict *verdict, const char *pointer, int64_t *ret);
ASSAY_MUST_USE int assay_verdict_claim_double(const struct assay_verdict *verdict, const char *pointer, double *ret);
ASSAY_MUST_USE int assay_verdict_claim_bool(const struct assay_verdict *verdict, const char *pointer, bool *ret);
ASSAY_MUST_USE int assay_verdict_claim_count(const struct assay_verdict *verdict, const char *pointer, size_t *ret);
ASSAY_MUST_USE int assay_verdict_claim_json(const struct assay_verdict *verdict, const char *pointer, const char **ret);

/* One claim, or a value inside of it, for a program that does not know the names before.

       if (assay_verdict_claim(verdict, "/resource_access", &clients) == 0)
           for (size_t i = 0; (client = assay_claim_member(clients, i, &name)) != NULL; i++)
               look_at(name, client);

   It is a part of its verdict: it lives as long, the program does not free it, and any number of threads may read it. */
struct assay_claim;

enum assay_claim_type {
    ASSAY_CLAIM_NONE = 0, /* of NULL */
    ASSAY_CLAIM_NULL,
    ASSAY_CLAIM_BOOL,
    ASSAY_CLAIM_NUMBER,
    ASSAY_CLAIM_STRING,
    ASSAY_CLAIM_ARRAY,
    ASSAY_CLAIM_OBJECT,
};

/* Finds the claim at a JSON pointer. Returns the statuses that the calls above return. */
ASSAY_MUST_USE int assay_verdict_claim(const struct assay_verdict *verdict, const char *pointer, const struct assay_claim **ret);

/* Its JSON type (RFC 8259 section 3). */
enum assay_claim_type assay_claim_type(const struct assay_claim *claim);

/* How many members an array or an object has. 0 for every other type, and for NULL. */
size_t assay_claim_count(const struct assay_claim *claim);

/* The member with this index, from 0, in the token's order. `ret_name` may be NULL; else *ret_name is the member's name in an object, and
   NULL in an array. Returns NULL beyond the last member, for a claim of another type, and for NULL. */
const struct assay_claim *assay_claim_member(const struct assay_claim *claim, size_t index, const char **ret_name);

/* Its value. Each returns 0, ASSAY_E_CLAIM_TYPE, ASSAY_E_NO_CLAIM (for NULL) or ASSAY_E_ARGUMENT (`ret` is NULL), and takes the numbers that
   the calls by JSON pointer take; unless it returns 0, *ret is untouched. */
ASSAY_MUST_USE int assay_claim_string(const struct assay_claim *claim, const char **ret);
ASSAY_MUST_USE int assay_claim_int(const struct assay_claim *claim, int64_t *ret);
ASSAY_MUST_USE int assay_claim_double(const struct assay_claim *claim, double *ret);
ASSAY_MUST_USE int assay_claim_bool(const struct assay_claim *claim, bool *ret);

/* Frees the verdict, with all that it gave out. Does nothing for NULL. */
void assay_verdict_free(struct assay_verdict *verdict);

/* What a status means, in English. Never NULL. The program does not free it. */
const char *assay_strerror(int status);

/* The version of the library that the program runs with; ASSAY_VERSION and ASSAY_VERSION_NUMBER are those that it was compiled with. The
   program does not free it. */
const char *assay_version(void);
unsigned assay_version_number(void);

#ifdef __cplusplus
}
#endif

#endif
