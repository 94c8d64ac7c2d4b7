/* The one connection of a handle on which questions are asked without waiting, many at a time. */
#ifndef ASSAY_CLIENT_STREAM_H
#define ASSAY_CLIENT_STREAM_H

#include "asked.h"
#include "hello.h"
#include "loop.h"

/* Used by one thread at a time. */
struct stream {
    struct loop loop;
    struct asked_table asked;
    struct connection *connection; /* NULL: there is none */
    uint32_t life;                 /* the process' life that it belongs to; see channel.c */
    struct asked *unsent;          /* the first live question that is not out whole, */
    size_t sent_bytes;             /* and how much of it is */
    bool deaf;                     /* nothing more can be sent; what has come may still be read */
    bool drained;                  /* the last read took all there was, and nobody has waited since */
    int64_t drained_at;            /* when all there was had been read, or there was no connection */
    int64_t connect_at;            /* where the agent's backlog is full, or it may come back: when connecting is tried again */
    int64_t lost;                  /* as channel.h's */
    int error;                     /* errno of what has failed last */
    struct span hello;             /* when it was said last */
    int descriptor;                /* that came last, for the answer to it; -1: none */
    size_t at, filled;             /* what has been read, and not been looked at */
    uint8_t in[ANSWER_BYTES_MAX];
};

/* 0, ASSAY_E_NO_MEMORY, ASSAY_E_UNREACHABLE (no descriptors are left). */
int stream_new(uint32_t life, struct stream **ret_stream);

/* Wipes and frees it; in a child, without a trace on what the parent has of it. NULL is fine. */
void stream_free(struct stream *stream);

/* ASSAY_E_PENDING: it is on its way. ASSAY_E_BUSY, ASSAY_E_NO_MEMORY, ASSAY_E_UNREACHABLE, ASSAY_E_UNTRUSTED: it is not. */
int stream_ask(struct assay *assay, const struct kind *kind, const struct question *question, void *tag);

/* A finished question: its status, tag and verdict. ASSAY_E_PENDING: there is none. */
int stream_next(struct assay *assay, void **ret_tag, struct assay_verdict **ret_verdict);

/* Before the program waits: from now on the descriptor tells what it has to. */
void stream_rest(struct stream *stream);

#endif
