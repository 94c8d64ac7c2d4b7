/* One request and its answer, for any method. The library's calls and the commands use it. */
#ifndef ASSAY_CLIENT_CALL_H
#define ASSAY_CLIENT_CALL_H

#include <sys/uio.h>

#include "cache.h"
#include "channel.h"
#include "client/wire/wire.h"

struct stream;

struct assay {
    struct channel channel;
    struct cache cache;
    struct connection *holder; /* the connection that the page came over: while it is open, the agent updates the page's heartbeat (hello.c) */
    int64_t timeout_ns;
    struct stream *stream; /* of the calls that do not wait; NULL before the first of them */
};

/* An answer as it was received. Do not copy it: it points into itself. */
struct answer {
    int64_t deadline; /* monotonic: when the call that this belongs to must end; 0: now plus the handle's timeout */
    struct wire_cursor result; /* one whole value, checked by wire_measure */
    unsigned error;            /* the agent's error number if it could not decide; else 0 */
    const char *text;          /* the error's text, text_bytes long, not terminated */
    uint32_t text_bytes;
    uint8_t *bytes;
    size_t size;
    uint8_t small[ANSWER_SMALL_BYTES];
};

void answer_init(struct answer *answer);

/* Wipes and frees what was read. */
void answer_clear(struct answer *answer);

/* Writes what comes before the parameters into REQUEST_HEAD_BYTES_MAX bytes. Returns the length. */
size_t request_head(uint8_t *buffer, uint32_t msgid, const char *method);

/* Tells whether the bytes begin with one whole answer: wire_measure with the limits of an answer. */
enum wire_status answer_measure(const uint8_t *bytes, size_t size, size_t *ret_bytes);

/* Reads the msgid of an answer. False: the bytes are not an answer. */
bool answer_msgid(const uint8_t *bytes, size_t size, uint32_t *ret_msgid);

/* Reads the answer in answer->bytes, which answer_measure has checked. Returns the statuses of assay_call(). ASSAY_E_PROTOCOL with
   answer->error not 0 means a well-formed error answer with a number that this library does not know. */
int answer_read(struct answer *answer, uint32_t msgid);

/* Calls a method. The parts, joined, are its parameters: exactly one map. The library sends them from where they are, and so makes no
   copy of a token. The caller initialises `answer`, and clears it after every outcome. Returns 0 if there is a result; ASSAY_E_WIRE - n
   for the agent's error n; ASSAY_E_PROTOCOL for an error number that this library does not know, and for anything that is not exactly one
   answer; else ASSAY_E_UNREACHABLE (errno says why), ASSAY_E_UNTRUSTED, ASSAY_E_TIMEOUT, ASSAY_E_NO_MEMORY, or ASSAY_E_ARGUMENT for a
   request that is too long. */
int assay_call(struct assay *assay, const char *method, const struct iovec *params, unsigned parts, struct answer *answer);

#endif
