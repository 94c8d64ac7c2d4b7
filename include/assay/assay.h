/* libassay: ask the Assay agent on this machine whether a token is good.

       struct assay *assay;
       assay_open(&assay, NULL, NULL);
       if (!assay_verify(assay, token, strlen(token), "orders", NULL))
           serve();

   0 means yes, and nothing else does: a call that returns anything else has not accepted the token. ASSAY_E_REFUSED is a no;
   every other status means that nobody could decide, and a service answers 503. All statuses are negative.

   Threads: any number of threads may share a handle and call at the same time, each call with its own connection. A verdict does
   not change after it was returned and may be read by any number of threads. A child process after fork() may go on using the
   handle: it makes connections of its own.

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
#define ASSAY_STATUS_ENUM(value, name, text) ASSAY_E_##name = (value),
    ASSAY_STATUSES(ASSAY_STATUS_ENUM)
#undef ASSAY_STATUS_ENUM
#define ASSAY_STATUS_ENUM(number, name, wire, text) ASSAY_E_##name = ASSAY_E_WIRE - (number),
    ASSAY_WIRE_ERRORS(ASSAY_STATUS_ENUM)
#undef ASSAY_STATUS_ENUM
};

struct assay;         /* a handle: where the agent is, and connections to it */
struct assay_verdict; /* what the agent said of one token */

/* All zero is the default of each. */
struct assay_options {
    unsigned timeout_ms; /* for a whole call, connecting included; 0: 5000 */
    uid_t agent_uid;     /* who may serve the socket besides root and the owner of its directory; 0: nobody */
};

/* Makes a handle. `socket_path` NULL: $ASSAY_SOCKET (not in setuid programs), else /run/assay/assayd.sock. `options` NULL: the
   defaults. Both are copied. Nothing is connected before the first call, so the agent may be started later.
   Returns 0 with *ret to be given to assay_close(); ASSAY_E_ARGUMENT (a path too long for a socket), ASSAY_E_NO_MEMORY. */
ASSAY_MUST_USE int assay_open(struct assay **ret, const char *socket_path, const struct assay_options *options);

/* Closes the handle's connections and frees it. No other call on it may be under way or follow. NULL is fine.
   Verdicts that came from it stay valid. */
void assay_close(struct assay *assay);

/* Is this token good, for this audience (RFC 7519 4.1.3)? `token` is the compact JWT without "Bearer ", `token_bytes` long,
   not terminated. `audience` NULL: any of those that the agent has configured for the token's issuer.
   0: yes. ASSAY_E_REFUSED: no, and the verdict has the reason. Anything else: could not decide, *ret is NULL.
   `ret` may be NULL; else *ret is to be given to assay_verdict_free() after a yes or a no. */
ASSAY_MUST_USE int assay_verify(struct assay *assay, const char *token, size_t token_bytes, const char *audience,
                                struct assay_verdict **ret);

/* True for a yes only; false for NULL. */
bool assay_verdict_ok(const struct assay_verdict *verdict);

/* What a service answers: 200, 401, or 503 for NULL. */
int assay_verdict_http_status(const struct assay_verdict *verdict);

/* Why it was refused: one of the names in status.h. NULL after a yes, and for NULL. Lives as long as the verdict. */
const char *assay_verdict_reason(const struct assay_verdict *verdict);

/* The claim `sub` (RFC 7519 4.1.2); NULL where there is none. Lives as long as the verdict. */
const char *assay_verdict_subject(const struct assay_verdict *verdict);

/* The issuer as the agent's configuration spells it; NULL after a no. Lives as long as the verdict. */
const char *assay_verdict_issuer(const struct assay_verdict *verdict);

/* When the token ends: its `exp`, in Unix seconds, rounded down; 0 after a no. */
int64_t assay_verdict_expires_at(const struct assay_verdict *verdict);

/* Claims of an accepted token, by JSON pointer (RFC 6901): "/email", "/realm_access/roles/0"; "" is the whole set.
   Each returns 0, ASSAY_E_NO_CLAIM, ASSAY_E_CLAIM_TYPE, ASSAY_E_ARGUMENT (not a pointer) or ASSAY_E_NO_MEMORY; *ret is untouched
   unless 0. Strings are UTF-8 without NUL inside, and live as long as the verdict. _int takes whole numbers only, also if they
   were written as 1.0; _count is of an array's members or an object's; _json gives any value as JSON text. */
ASSAY_MUST_USE int assay_verdict_claim_string(const struct assay_verdict *verdict, const char *pointer, const char **ret);
ASSAY_MUST_USE int assay_verdict_claim_int(const struct assay_verdict *verdict, const char *pointer, int64_t *ret);
ASSAY_MUST_USE int assay_verdict_claim_bool(const struct assay_verdict *verdict, const char *pointer, bool *ret);
ASSAY_MUST_USE int assay_verdict_claim_count(const struct assay_verdict *verdict, const char *pointer, size_t *ret);
ASSAY_MUST_USE int assay_verdict_claim_json(const struct assay_verdict *verdict, const char *pointer, const char **ret);

/* Frees it. NULL is fine. */
void assay_verdict_free(struct assay_verdict *verdict);

/* What a status means, in English. Never NULL; not to be freed. */
const char *assay_strerror(int status);

#ifdef __cplusplus
}
#endif

#endif
