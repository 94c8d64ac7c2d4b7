/* The connection of a handle for calls that do not wait: many questions at a time. */
#ifndef ASSAY_CLIENT_STREAM_H
#define ASSAY_CLIENT_STREAM_H

#include "pending.h"
#include "hello.h"
#include "loop.h"

/* One thread at a time uses it. */
struct stream {
    struct loop loop;
    struct pending_table pending;
    struct connection *connection; /* NULL: not connected */
    uint32_t life;                 /* the number of the process that it belongs to; see channel.c */
    struct pending *unsent;        /* the first live question that was not sent whole, */
    size_t sent_bytes;             /* and how many of its bytes were sent */
    bool deaf;                     /* nothing more can be sent; received bytes may still be read */
    bool drained;                  /* the last read took everything, and the program has not waited since */
    int64_t drained_at;            /* when everything had been read, or there was no connection */
    int64_t connect_at;            /* when to try again to connect, if the agent's backlog is full or the agent may come back */
    int64_t lost;                  /* as in channel.h */
    int error;                     /* errno of the last failure */
    struct span hello;             /* when it was sent last */
    int descriptor;                /* the last one received, for the answer to hello; -1: none */
    size_t at, filled;             /* bytes that were read and not yet parsed */
    uint8_t in[ANSWER_BYTES_MAX];
};

/* Returns 0, ASSAY_E_NO_MEMORY or ASSAY_E_UNREACHABLE (no descriptors are left). */
int stream_new(uint32_t life, struct stream **ret_stream);

/* Wipes and frees it. In a child, this does not affect the parent's stream. Does nothing for NULL. */
void stream_free(struct stream *stream);

/* ASSAY_E_PENDING: the question was taken. ASSAY_E_BUSY, ASSAY_E_NO_MEMORY, ASSAY_E_UNREACHABLE, ASSAY_E_UNTRUSTED: it was not. */
int stream_ask(struct assay *assay, const struct question_kind *kind, const struct question *question, void *tag);

/* Gives a finished question: its status, tag and verdict. ASSAY_E_PENDING: there is none. */
int stream_next(struct assay *assay, void **ret_tag, struct assay_verdict **ret_verdict);

/* Call this before the program waits: from then on the descriptor becomes readable when there is something to do. */
void stream_rest(struct stream *stream);

#endif
