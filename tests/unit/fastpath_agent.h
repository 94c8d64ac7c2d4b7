/* An agent without its event loop, whose steps are taken one by one: the agent's own code from the method's call to the bytes of
   the answer, its store and its writer, but no sockets and no threads. */
#ifndef ASSAY_TESTS_FASTPATH_AGENT_H
#define ASSAY_TESTS_FASTPATH_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const char *good_token;

enum item { ITEM_VERIFY, ITEM_REVOKE, ITEM_HELLO, ITEM_RELOAD };

/* Deliberate mistakes, to see whether they would be found. */
enum mistake {
    MISTAKE_NONE,
    NO_COUNTER_GROWS,
    COUNTERS_GROW_BEFORE_THE_COMMIT,
    ANSWERED_BEFORE_COUNTERS_GROW,
    OLD_VIEW_IS_KEPT,
    NO_GENERATION_GROWS,
    NOTHING_IS_HELD_BACK,
    NO_MARKER_IS_LEFT,
    PAGE_IS_NOT_CLOSED,
    HEARTBEAT_IS_READ_LAST, /* the client's (fastpath_client.h) */
    MISTAKES
};
extern enum mistake mistake;

/* The time, which stands still unless it is moved. */
void agents_wait(double seconds);

/* What becomes of answers; `asker` as it was given with the item. */
extern void (*agents_answered)(unsigned asker, const uint8_t *answer, size_t bytes, int descriptor);

void agents_open(void); /* once: the store and the keys */
void agents_close(void);

/* A run of its own: nothing is revoked, no agent was there. */
void agents_begin(void);
void agents_end(void);

/* An agent begins; one ends in order. Index 0 is the first, index 1 the one after it, on the same state. */
void agent_begins(unsigned index);
void agent_ends(unsigned index);

/* The loop's steps. An item is asked first. */
bool agent_asked(unsigned index, unsigned asker, enum item item);
bool loop_can_go_on(unsigned index);
void loop_goes_on(unsigned index);

/* The writer's: one transaction. */
bool writer_can_go_on(unsigned index);
void writer_goes_on(unsigned index);

#endif
