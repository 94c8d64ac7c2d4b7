/* The board: the page that is shared with clients (client/page.h has its layout), from its writer's side. On the loop's thread alone.
   The agent's own cache goes by the same counters, also where nobody is given the page.

   Which counter stands for a thing is a keyed hash with a key of this run: who reads the page learns nothing about tokens that he
   has not had verified. */
#ifndef ASSAY_BOARD_H
#define ASSAY_BOARD_H

#include "agent/token/issuer.h"
#include "client/page.h"

/* What a yes rests on and can be taken back, all of it an issuer's. These numbers are hashed, and live as long as one run. */
enum thing_kind { THING_ISSUER, THING_KEY, THING_INPUT, THING_JTI, THING_SUB, THING_SID };

struct thing {
    uint64_t low, high;
};

struct board;

/* Where there is no memory that can be shared, the page is the agent's alone. NULL: out of memory, or OpenSSL failed. */
struct board *board_new(const uint8_t instance[16]);
void board_free(struct board *board); /* NULL is fine */

/* What is handed to clients: a descriptor of sealed memory, which can only be read. -1: there is none. */
int board_fd(const struct board *board);
const struct page *board_page(const struct board *board);

/* Any thread may ask: it changes nothing. */
struct thing board_thing(const struct board *board, enum thing_kind kind, struct text issuer, struct text name);

/* The counters that stand for things. 0, or -1: OpenSSL failed. */
#define THINGS_MAX 6
int board_indexes(struct board *board, const struct thing *things, unsigned count, uint16_t *ret_indexes);

/* A thing was taken back, or given back: what rests on it has to be asked anew. To be called when that can be seen by whoever asks,
   and before anybody is told of it. */
void board_bump(struct board *board, struct thing thing);
void board_bump_all(struct board *board); /* whatever thing it may have been */
void board_bump_issuer(struct board *board, const struct issuer *issuer); /* all that it said */
void board_bump_keys(struct board *board);                               /* all that any issuer said */
void board_bump_policy(struct board *board);

/* The agent is alive. */
void board_beat(struct board *board);

/* The end: nothing rests on the page any more. */
void board_close(struct board *board);

#endif
