/* The table of one handle's questions: those without an answer yet, and those that are finished and not yet fetched. It holds each
   question's tag, request and deadline. It sends and reads nothing. */
#ifndef ASSAY_CLIENT_PENDING_H
#define ASSAY_CLIENT_PENDING_H

#include "ask.h"

enum pending_state {
    PENDING_NOT,      /* free, or the question was given up and its late answer may still come */
    PENDING_LIVE,     /* waits for its answer */
    PENDING_FINISHED, /* has no answer; its status waits to be fetched */
};

/* One place of the table. Its msgid consists of its index and, above that, how often the place has been used. */
struct pending {
    struct pending *next, *previous; /* in one of three lists: live ones in the order of asking, finished ones, free places */
    const struct question_kind *kind;
    void *tag;
    uint8_t *request;            /* the whole message, and behind it the strings of `question`; NULL when it is no longer needed */
    size_t request_bytes, bytes; /* of the message; of the message and the strings */
    struct question question;    /* the question, as long as the request is kept */
    int64_t deadline;
    uint64_t number;  /* counts all questions; of two with the same deadline, the lower number comes first */
    unsigned heap_at; /* its index in the heap of live ones */
    uint32_t msgid;
    int status; /* of a finished one */
    int error;  /* errno, if that says more than the status; else 0 */
    enum pending_state state;
    bool awaited;   /* the whole request was sent on the present connection: an answer with this msgid may come */
    bool outlived;  /* a connection has failed with this question on it */
    bool cancelled; /* the program gets no answer for it */
};

struct pending_list {
    struct pending *first, *last;
};

struct pending_table {
    struct pending *places; /* PENDING_MAX */
    unsigned touched;       /* places from here on have never been used */
    struct pending *free;
    struct pending_list live, finished;
    struct pending **heap; /* a heap of the live ones by deadline, with `live_count` entries */
    unsigned live_count;
    uint64_t numbers;
    size_t waiting; /* live and finished ones that were not cancelled */
    unsigned given_up;
    size_t request_bytes;
};

/* Returns 0 or ASSAY_E_NO_MEMORY. */
int pending_init(struct pending_table *table);

/* Wipes and frees everything. Also works in a child that was forked while another thread was inside a call. */
void pending_fini(struct pending_table *table);

/* The live question with the earliest deadline; NULL if there are no live questions. */
struct pending *pending_soonest(const struct pending_table *table);

/* Adds a live question behind the others. Returns 0, ASSAY_E_BUSY or ASSAY_E_NO_MEMORY. */
int pending_add(struct pending_table *table, const struct question_kind *kind, const struct question *question, bool stamped,
                void *tag, int64_t deadline, struct pending **ret_pending);

/* True if the table is full, and some places are held only by questions that were given up and whose answers may still come. */
bool pending_is_clogged(const struct pending_table *table);

/* The question that an answer with this msgid on this connection belongs to; NULL if there is no such question. */
struct pending *pending_find(const struct pending_table *table, uint32_t msgid);

/* The answer to this question has come. */
void pending_answered(struct pending_table *table, struct pending *pending);

/* Ends a live question without an answer: its status waits to be fetched. */
void pending_finish(struct pending_table *table, struct pending *pending, int status, int error);

/* Ends a live question whose outcome was given to the program. Frees its place, or that of a question that was given up, if no
   answer can come for it. */
void pending_release(struct pending_table *table, struct pending *pending);

/* Takes the next finished question from the table. Returns false if there is none. */
bool pending_fetch(struct pending_table *table, void **ret_tag, int *ret_status, int *ret_error);

/* The connection has ended: no answers will come to requests that were sent on it. */
void pending_await_none(struct pending_table *table);

/* The program gets no answers to questions with this tag. Returns how many there were. */
size_t pending_cancel(struct pending_table *table, const void *tag);

#endif
