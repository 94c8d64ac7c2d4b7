/* The questions of one handle that are on their way, and those that are finished and were not fetched yet: who asked, what is sent,
   and until when. Nothing is sent or read here. */
#ifndef ASSAY_CLIENT_ASKED_H
#define ASSAY_CLIENT_ASKED_H

#include "ask.h"

enum asked_state {
    ASKED_NOT,      /* nobody waits: the place is free, or the late answer to a question that was given up is still to come */
    ASKED_LIVE,     /* somebody waits for its answer */
    ASKED_FINISHED, /* it has no answer, and its status waits to be fetched */
};

/* One place of the table. Its msgid is its index and, above it, how often the place was used. */
struct asked {
    struct asked *next, *previous; /* among the live ones in the order of asking, the finished ones, or the free places */
    const struct kind *kind;
    void *tag;
    uint8_t *request; /* the whole message, and behind it what `question` points to; NULL once it is not needed any more */
    size_t request_bytes, bytes; /* of the message, and of all */
    struct question question; /* what it was, as long as the request is kept */
    int64_t deadline;
    uint64_t number; /* of all that were asked; of two with one deadline the earlier is the sooner */
    unsigned heap_at; /* its place in the heap of live ones */
    uint32_t msgid;
    int status; /* of a finished one */
    int error;  /* and errno where that says more; else 0 */
    enum asked_state state;
    bool awaited;   /* the request is out, whole, on the connection that there is: an answer with this msgid may come */
    bool outlived;  /* one connection ended with it */
    bool cancelled; /* nobody is to hear of it */
};

struct asked_list {
    struct asked *first, *last;
};

struct asked_table {
    struct asked *places; /* ASKED_MAX */
    unsigned touched;     /* those behind were never used */
    struct asked *free;
    struct asked_list live, finished;
    struct asked **heap; /* the live ones, so many of them, by their deadlines */
    unsigned live_count;
    uint64_t numbers;
    size_t waiting; /* live and finished ones that were not cancelled */
    unsigned given_up;
    size_t request_bytes;
};

/* 0 or ASSAY_E_NO_MEMORY. */
int asked_init(struct asked_table *table);

/* Wipes and frees all; also in a child that was forked in the midst of another thread's call. */
void asked_fini(struct asked_table *table);

/* The live question whose deadline comes first; NULL: there is none. */
struct asked *asked_soonest(const struct asked_table *table);

/* A live question, behind the others. 0, ASSAY_E_BUSY, ASSAY_E_NO_MEMORY. */
int asked_add(struct asked_table *table, const struct kind *kind, const struct question *question, bool stamped, void *tag,
              int64_t deadline, struct asked **ret_asked);

/* True if there is no place, and some are held only by answers that nobody waits for any more. */
bool asked_is_clogged(const struct asked_table *table);

/* The one to which an answer with this msgid may come on this connection; NULL: there is none. */
struct asked *asked_find(const struct asked_table *table, uint32_t msgid);

/* Its answer has come. */
void asked_answered(struct asked_table *table, struct asked *asked);

/* A live question is over: its status waits to be fetched. */
void asked_finish(struct asked_table *table, struct asked *asked, int status, int error);

/* A live question is over, and what it came to has been told. Its place, and that of one that was given up, is free if nothing may
   come for it. */
void asked_release(struct asked_table *table, struct asked *asked);

/* The next finished one, taken from the table. False: there is none. */
bool asked_fetch(struct asked_table *table, void **ret_tag, int *ret_status, int *ret_error);

/* The connection is gone: no answer to what went over it will come. */
void asked_await_none(struct asked_table *table);

/* Nobody is to hear of the questions with this tag; how many there were. */
size_t asked_cancel(struct asked_table *table, const void *tag);

#endif
