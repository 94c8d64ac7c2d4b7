/* libassay: ask the Assay agent on this machine whether a token is good, and what its holder may do.

       struct assay *assay;
       assay_open(&assay, NULL, NULL);
       if (!assay_verify(assay, token, strlen(token), "orders", NULL))
           serve();

   0 means yes, and nothing else does: a call that returns anything else has not accepted the token. ASSAY_E_REFUSED is a no;
   every other status means that nobody could decide, and a service answers 503. All statuses are negative.

   Threads: any number of threads may share a handle and call at the same time, each call that asks with its own connection. A verdict does
   not change after it was returned and may be read by any number of threads. A child process after fork() may go on using the
   handle: it makes connections of its own. A thread that is cancelled (pthread_cancel, deferred, as it is by default) in a call ends after the
   call, which takes no longer than its timeout; the handle stays good. Asynchronous cancellation during a call, and a signal handler that
   leaves one by longjmp(), are not supported.

   A yes is remembered in the process, up to options.cache_bytes, and given again without asking the agent as long as nothing has changed of
   what it rests on, which the agent shows in memory that it shares: a call that begins after `revoke` was answered is refused, whatever
   was remembered. Such a call makes no system call, waits for nobody and allocates nothing. What is remembered is wiped when it goes, is in
   no core dump, and not in a child.

   An agent that is gone may be being begun anew: a call waits for it for two seconds at most, within its own timeout, once; from then on
   calls fail at once with ASSAY_E_UNREACHABLE until one succeeds. What was asked of an agent that was lost is asked again.

   The library does not log, exit, raise SIGPIPE or hold global state; every descriptor that it opens is close-on-exec. */
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

struct assay;         /* a handle: where the agent is, and connections to it */
struct assay_verdict; /* what the agent said to one question */

/* `size` is sizeof(struct assay_options); zero in every other member is its default. */
struct assay_options {
    size_t size;
    size_t cache_bytes;  /* for yeses that are remembered in this process, tokens and verdicts together; 0: 16 MiB; ASSAY_NO_CACHE: none */
    unsigned timeout_ms; /* for a whole call, connecting included; 0: 5000 */
    uid_t agent_uid;     /* who may serve the socket besides root and the owner of its directory; 0: nobody */
};

/* Nothing is remembered: every call asks the agent. So does everything below 256 KiB. */
#define ASSAY_NO_CACHE ((size_t)1)

/* Makes a handle. `socket_path` NULL: $ASSAY_SOCKET (not in setuid programs), else /run/assay/assayd.sock. `options` NULL: the
   defaults. Both are copied. Nothing is connected before the first call, so the agent may be started later.
   Returns 0 with *ret to be given to assay_close(); ASSAY_E_ARGUMENT (a path too long for a socket, options without a size or
   with something that this version does not know), ASSAY_E_NO_MEMORY. */
ASSAY_MUST_USE int assay_open(struct assay **ret, const char *socket_path, const struct assay_options *options);

/* Closes the handle's connections and frees it, and drops what is on its way. No other call on it may be under way or follow. NULL is
   fine. Verdicts that came from it stay valid. */
void assay_close(struct assay *assay);

/* Is this token good, for this audience (RFC 7519 4.1.3)? `token` is the compact JWT without "Bearer ", `token_bytes` long,
   not terminated. `audience` NULL: any of those that the agent has configured for the token's issuer.
   0: yes. ASSAY_E_REFUSED: no, and the verdict has the reason. Anything else: could not decide, *ret is NULL.
   `ret` may be NULL; else *ret is to be given to assay_verdict_free() after a yes or a no. */
ASSAY_MUST_USE int assay_verify(struct assay *assay, const char *token, size_t token_bytes, const char *audience,
                                struct assay_verdict **ret);

/* May the holder of this token do this? The agent judges the token as for assay_verify(), and then asks its policy. `token` NULL with
   0 bytes: none was sent; one that is not good counts as none, and what the policy allows to everybody is allowed all the same.
   `action` and `resource` are terminated: the request's method, and its path as it came, escapes and query included; the agent decodes
   it once, and resolves what a server behind would resolve. `audience` as above.
   0: yes. ASSAY_E_REFUSED: no; assay_verdict_http_status() tells 401 (no good token) from 403, and the verdict has the reason.
   Anything else: could not decide, *ret is NULL; among it ASSAY_E_ARGUMENT for a token of NULL with bytes, an action or a resource of
   NULL, and an audience or action above 4096 bytes. `ret` as above. */
ASSAY_MUST_USE int assay_authorize(struct assay *assay, const char *token, size_t token_bytes, const char *audience, const char *action,
                                   const char *resource, struct assay_verdict **ret);

/* The same two for what needs no verdict: true for a yes, and for nothing else. */
ASSAY_MUST_USE bool assay_is_valid(struct assay *assay, const char *token, size_t token_bytes, const char *audience);
ASSAY_MUST_USE bool assay_is_allowed(struct assay *assay, const char *token, size_t token_bytes, const char *audience, const char *action,
                                     const char *resource);

/* One of several things to be allowed. Both are terminated, and as for assay_authorize(). */
struct assay_check {
    const char *action;
    const char *resource;
};

/* `what` of a question: one of the first two, and with it what else is wanted. */
enum assay_what {
    ASSAY_ASK_VERIFY = 1,    /* as assay_verify() */
    ASSAY_ASK_AUTHORIZE = 2, /* as assay_authorize() */
    ASSAY_ASK_CLAIMS = 4,    /* the verdict is to have the claims of an accepted token. assay_verify() always has them */
};

/* A question with all that can be said of it. `size` is sizeof(struct assay_question); zero in a member means that it is not there. */
struct assay_question {
    size_t size;
    const char *token; /* this and the next two: as for assay_verify() and assay_authorize() */
    size_t token_bytes;
    const char *audience;
    const char *action; /* of ASSAY_ASK_AUTHORIZE both, or checks in their place */
    const char *resource;
    const struct assay_check *checks; /* check_count of them, 1 to 256 */
    size_t check_count;
    unsigned what;       /* enum assay_what; 0 asks nothing: ASSAY_E_ARGUMENT */
    unsigned timeout_ms; /* for this call; 0: as long as options.timeout_ms says */
};

/* As assay_verify() and assay_authorize(), for whatever the structure says. With checks 0 means that each of them is allowed;
   ASSAY_E_REFUSED that one is not at least, and assay_verdict_check() has each of them. */
ASSAY_MUST_USE int assay_ask(struct assay *assay, const struct assay_question *question, struct assay_verdict **ret);

/* For a program that has an event loop of its own. Nothing here waits: questions are sent many at a time over one connection, and
   their answers are fetched when there are any.

       status = assay_fd(assay, &fd);                     // watched by the loop for reading
       status = assay_send_verify(assay, token, bytes, "orders", request, &verdict);
       if (status != ASSAY_E_PENDING)
           answer(request, status, verdict);              // known at once

       // whenever fd is readable
       while ((status = assay_process(assay, &tag, &verdict)) != ASSAY_E_PENDING)
           answer(tag, status, verdict);                  // 0 is a yes, as everywhere

   Threads: one at a time makes these calls on one handle; meanwhile others may make assay_verify() and assay_authorize() on it.
   After fork() a child has none of the parent's questions, and not its descriptor: it asks for assay_fd() anew, and takes the old one
   out of its loop. */

/* The descriptor to watch: readable, level-triggered, whenever assay_process() has something to do, be it that a question's time is up.
   The same for the handle's life, before and after connections to the agent, save in a child after fork() and in a program that has
   closed it. It is the handle's: not to be read, not to be closed; close-on-exec.
   0 with the descriptor in *ret_fd; else *ret_fd is -1: ASSAY_E_ARGUMENT, ASSAY_E_NO_MEMORY, ASSAY_E_UNREACHABLE (the process may open no
   more descriptors). */
ASSAY_MUST_USE int assay_fd(struct assay *assay, int *ret_fd);

/* As assay_verify() and assay_authorize(), without waiting. The texts are copied, and wiped when they are not needed any more. `tag` is
   whatever the program knows the question by, and is never looked at.
   ASSAY_E_PENDING: it is on its way, *ret is NULL, and assay_process() will give this tag once, with what it came to, at the latest
   when options.timeout_ms have passed. With every other status no answer comes for this tag: 0 with a verdict is a yes that is known
   at once, and ASSAY_E_REFUSED with a verdict a no that need not be sent; else it could not be asked: ASSAY_E_ARGUMENT,
   ASSAY_E_BUSY (4096 questions, or 16 MiB of them, are on their way), ASSAY_E_UNREACHABLE, ASSAY_E_UNTRUSTED, ASSAY_E_NO_MEMORY.
   `ret` as above. */
ASSAY_MUST_USE int assay_send_verify(struct assay *assay, const char *token, size_t token_bytes, const char *audience, void *tag,
                                     struct assay_verdict **ret);
ASSAY_MUST_USE int assay_send_authorize(struct assay *assay, const char *token, size_t token_bytes, const char *audience,
                                        const char *action, const char *resource, void *tag, struct assay_verdict **ret);

ASSAY_MUST_USE int assay_send(struct assay *assay, const struct assay_question *question, void *tag, struct assay_verdict **ret);

/* Connects, sends and reads as far as that can be done without waiting, and gives one question that is finished: its tag, and what
   assay_verify() or assay_authorize() would have returned, with the verdict. Answers come in any order. An agent that was restarted is
   asked once more.
   ASSAY_E_PENDING, with *ret_tag NULL: nothing (more) is finished; wait until assay_fd() is readable. To be called until then.
   ASSAY_E_ARGUMENT with *ret_tag NULL: `assay` or `ret_tag` is NULL. `ret` as above. */
ASSAY_MUST_USE int assay_process(struct assay *assay, void **ret_tag, struct assay_verdict **ret);

/* No answer will come for the questions with this tag, so that what it points to may be freed. Returns how many of them were on their
   way, or finished and not fetched. They are asked all the same, and count as on their way for ASSAY_E_BUSY until they are answered. */
size_t assay_cancel(struct assay *assay, const void *tag);

/* How many answers assay_process() has still to give. 0 for NULL. */
size_t assay_waiting(struct assay *assay);

/* True for a yes only, valid or allowed; false for NULL. */
bool assay_verdict_ok(const struct assay_verdict *verdict);

/* Of several checks: the verdict on the one with this index, from 0, in the order of the question. It has what every verdict has, lives as
   long as the one that it is from, and is not freed. NULL behind the last one, where nothing was decided, and without checks. */
const struct assay_verdict *assay_verdict_check(const struct assay_verdict *verdict, size_t index);

/* What a service answers: 200; 401; after assay_authorize() also 403; where nothing was decided 503, or 429 for ASSAY_E_RATE_LIMITED; 503
   for NULL. */
int assay_verdict_http_status(const struct assay_verdict *verdict);

/* Why it is no yes: the name of a reason after a no, of a status where nothing was decided, as they stand in status.h; or a name of a newer
   agent's. NULL after a yes, and for NULL. Lives as long as the verdict. */
const char *assay_verdict_reason(const struct assay_verdict *verdict);

/* Where nothing was decided: what happened, in English: the agent's own words, or what the system said. For a log; it may change, and
   has neither line ends nor control characters. NULL after a yes and a no, and for NULL. Lives as long as the verdict. */
const char *assay_verdict_text(const struct assay_verdict *verdict);

/* Where nothing was decided because a call of the system failed: its errno, such as ENOENT or EACCES from connecting. Else 0. */
int assay_verdict_errno(const struct assay_verdict *verdict);

/* After assay_authorize(): the rule of the policy that decided; of insufficient_role and insufficient_scope the one that would have
   allowed it. NULL where no rule did, after assay_verify(), and for NULL. Lives as long as the verdict. */
const char *assay_verdict_rule(const struct assay_verdict *verdict);

/* The claim `sub` (RFC 7519 4.1.2) of an accepted token; NULL where there is none. Lives as long as the verdict. */
const char *assay_verdict_subject(const struct assay_verdict *verdict);

/* After assay_authorize(): the roles that an accepted token has, as it has them, from 0; those that they contain by the policy's
   hierarchy are not among them. NULL behind the last one, after assay_verify(), and for NULL. Lives as long as the verdict. */
const char *assay_verdict_role(const struct assay_verdict *verdict, size_t index);

/* After assay_authorize(): the scopes that an accepted token has, from 0. NULL behind the last one, after assay_verify(), and for NULL.
   Lives as long as the verdict. */
const char *assay_verdict_scope(const struct assay_verdict *verdict, size_t index);

/* The issuer of an accepted token, as the agent's configuration spells it; else NULL. Lives as long as the verdict. */
const char *assay_verdict_issuer(const struct assay_verdict *verdict);

/* When an accepted token ends: its `exp`, in Unix seconds, rounded down; else 0. */
int64_t assay_verdict_expires_at(const struct assay_verdict *verdict);

/* Claims of an accepted token, by JSON pointer (RFC 6901): "/email", "/realm_access/roles/0"; "" is the whole set. assay_verify() always
   has them, a question of ASSAY_ASK_AUTHORIZE where ASSAY_ASK_CLAIMS was asked for; else there are none: ASSAY_E_NO_CLAIM.
   Each returns 0, ASSAY_E_NO_CLAIM, ASSAY_E_CLAIM_TYPE, ASSAY_E_ARGUMENT (not a pointer, or a NULL) or ASSAY_E_NO_MEMORY; *ret is untouched
   unless 0. Strings are UTF-8 without NUL inside, and live as long as the verdict. _int takes whole numbers only, also if they
   were written as 1.0; _double any number, to the nearest double; _count is of an array's members or an object's; _json gives any value
   as JSON text. */
ASSAY_MUST_USE int assay_verdict_claim_string(const struct assay_verdict *verdict, const char *pointer, const char **ret);
ASSAY_MUST_USE int assay_verdict_claim_int(const struct assay_verdict *verdict, const char *pointer, int64_t *ret);
ASSAY_MUST_USE int assay_verdict_claim_double(const struct assay_verdict *verdict, const char *pointer, double *ret);
ASSAY_MUST_USE int assay_verdict_claim_bool(const struct assay_verdict *verdict, const char *pointer, bool *ret);
ASSAY_MUST_USE int assay_verdict_claim_count(const struct assay_verdict *verdict, const char *pointer, size_t *ret);
ASSAY_MUST_USE int assay_verdict_claim_json(const struct assay_verdict *verdict, const char *pointer, const char **ret);

/* The same claims one after the other, for names that are not known before.

       assay_verdict_claim(verdict, "/resource_access", &clients);
       for (size_t i = 0; (client = assay_claim_member(clients, i, &name)) != NULL; i++)
           look_at(name, client);

   A claim is a part of its verdict: it lives as long, is not freed, and any number of threads may read it. */
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

/* The claim at a JSON pointer, with statuses as above. */
ASSAY_MUST_USE int assay_verdict_claim(const struct assay_verdict *verdict, const char *pointer, const struct assay_claim **ret);

enum assay_claim_type assay_claim_type(const struct assay_claim *claim);

/* How many members an array or an object has; 0 for everything else, and for NULL. */
size_t assay_claim_count(const struct assay_claim *claim);

/* The member with this index, from 0, in the token's order; NULL behind the last one, of what has no members, and for NULL. *ret_name, if
   `ret_name` is not NULL, is its name in an object, else NULL. */
const struct assay_claim *assay_claim_member(const struct assay_claim *claim, size_t index, const char **ret_name);

/* Its value, with statuses as above; ASSAY_E_NO_CLAIM for NULL. */
ASSAY_MUST_USE int assay_claim_string(const struct assay_claim *claim, const char **ret);
ASSAY_MUST_USE int assay_claim_int(const struct assay_claim *claim, int64_t *ret);
ASSAY_MUST_USE int assay_claim_double(const struct assay_claim *claim, double *ret);
ASSAY_MUST_USE int assay_claim_bool(const struct assay_claim *claim, bool *ret);

/* Frees it. NULL is fine. */
void assay_verdict_free(struct assay_verdict *verdict);

/* What a status means, in English. Never NULL; not to be freed. */
const char *assay_strerror(int status);

/* The version of the library that is linked, as ASSAY_VERSION and ASSAY_VERSION_NUMBER are those of the header. Not to be freed. */
const char *assay_version(void);
unsigned assay_version_number(void);

#ifdef __cplusplus
}
#endif

#endif
