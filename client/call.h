/* One request and its answer, whatever the method: the library's calls and the commands are made of it. */
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
    struct connection *holder; /* of the page: while it is open the agent's heart beats (hello.c) */
    int64_t timeout_ns;
    struct stream *stream; /* of the calls that never wait; NULL before the first of them */
};

/* An answer as it came. Points into itself: never copied. */
struct answer {
    int64_t deadline; /* monotonic: until when the call that this is a part of must be over; 0: the handle's time, from now */
    struct wire_cursor result; /* one whole value: wire_measure has passed it */
    unsigned error;            /* the agent could not decide: its number for it; else 0 */
    const char *text;          /* and its words, text_bytes of them, not terminated */
    uint32_t text_bytes;
    uint8_t *bytes;
    size_t size;
    uint8_t small[ANSWER_SMALL_BYTES];
};

void answer_init(struct answer *answer);

/* Wipes and frees what was read. */
void answer_clear(struct answer *answer);

/* What stands before the parameters, into REQUEST_HEAD_BYTES_MAX bytes; returns how many it has. */
size_t request_head(uint8_t *buffer, uint32_t msgid, const char *method);

/* Does one whole answer stand at the start of the bytes? As wire_measure, with the limits of an answer. */
enum wire_status answer_measure(const uint8_t *bytes, size_t size, size_t *ret_bytes);

/* To which request it is an answer. False: it is no answer. */
bool answer_msgid(const uint8_t *bytes, size_t size, uint32_t *ret_msgid);

/* Reads the answer in answer->bytes, which is whole: answer_measure has passed it. As assay_call() returns. Where it is
   ASSAY_E_PROTOCOL with answer->error not 0, the answer was well formed, and has a number that this library does not know. */
int answer_read(struct answer *answer, uint32_t msgid);

/* Calls a method. The parts, one after the other, are its parameters: exactly one map. They are sent from where they are, so a
   token is copied nowhere. `answer` has been initialised; it is the caller's to clear, whatever comes back.
   0: there is a result. ASSAY_E_WIRE - n: the agent's error n. A number that this library does not know is ASSAY_E_PROTOCOL, as is
   every answer that is not exactly one. Else ASSAY_E_UNREACHABLE (errno says why), ASSAY_E_UNTRUSTED, ASSAY_E_TIMEOUT,
   ASSAY_E_NO_MEMORY, or ASSAY_E_ARGUMENT for a request that would be too long. */
int assay_call(struct assay *assay, const char *method, const struct iovec *params, unsigned parts, struct answer *answer);

#endif
