/* The shared: the page that is shared with clients (client/page.h has its layout), from its writer's side. On the loop's thread alone.
   The agent's own cache goes by the same counters, also where nobody is given the page.

   Which counter stands for a thing is a keyed hash with a key of this run: who reads the page learns nothing about tokens that he
   has not had verified. */
#ifndef ASSAY_BOARD_H
#define ASSAY_BOARD_H

#include "agent/token/issuer.h"
#include "client/wire/page.h"

/* What a yes rests on and can be taken back, all of it an issuer's. These numbers are hashed, and live as long as one run. */
enum thing_kind { THING_ISSUER, THING_KEY, THING_INPUT, THING_JTI, THING_SUB, THING_SID };

struct thing {
    uint64_t low, high;
};

struct shared_page;

/* Where there is no memory that can be shared, the page is the agent's alone. NULL: out of memory, or OpenSSL failed. */
struct shared_page *shared_page_new(const uint8_t instance[16]);
void shared_page_free(struct shared_page *shared); /* NULL is fine */

/* What is handed to clients: a descriptor of sealed memory, which can only be read. -1: there is none. */
int shared_page_fd(const struct shared_page *shared);
const struct page *shared_page_at(const struct shared_page *shared);

/* Any thread may ask: it changes nothing. */
struct thing shared_page_thing(const struct shared_page *shared, enum thing_kind kind, struct text issuer, struct text name);

/* The counters that stand for things. 0, or -1: OpenSSL failed. */
#define THINGS_MAX 6
int shared_page_indexes(struct shared_page *shared, const struct thing *things, unsigned count, uint16_t *ret_indexes);

/* A thing was taken back, or given back: what rests on it has to be asked anew. To be called when that can be seen by whoever asks,
   and before anybody is told of it. */
void shared_page_bump(struct shared_page *shared, struct thing thing);
void shared_page_bump_all(struct shared_page *shared); /* whatever thing it may have been */
void shared_page_bump_issuer(struct shared_page *shared, const struct issuer *issuer); /* all that it said */
void shared_page_bump_keys(struct shared_page *shared);                               /* all that any issuer said */
void shared_page_bump_policy(struct shared_page *shared);

/* The agent is alive. */
void shared_page_beat(struct shared_page *shared);

/* The end: nothing rests on the page any more. */
void shared_page_close(struct shared_page *shared);

#endif
