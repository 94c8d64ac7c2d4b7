/* The shared page, from its writer's side (client/page.h has its layout). On the loop's thread only. The agent's own cache uses the same counters,
   also if no client gets the page.

   Counters are indexed by a keyed hash with a key of this run: a reader of the page learns nothing about tokens that he has not had verified. */
#ifndef ASSAY_BOARD_H
#define ASSAY_BOARD_H

#include "agent/token/issuer.h"
#include "client/wire/page.h"

/* The things that an acceptance rests on and that can be revoked, each of an issuer. These numbers are hashed, and valid for one run. */
enum thing_kind { THING_ISSUER, THING_KEY, THING_INPUT, THING_JTI, THING_SUB, THING_SID };

struct thing {
    uint64_t low, high;
};

struct shared_page;

/* If no memory can be shared, the page is private to the agent. NULL: out of memory, or OpenSSL failed. */
struct shared_page *shared_page_new(const uint8_t instance[16]);
void shared_page_free(struct shared_page *shared); /* NULL is fine */

/* What clients get: a descriptor of sealed, read-only memory. -1: none. */
int shared_page_fd(const struct shared_page *shared);
const struct page *shared_page_at(const struct shared_page *shared);

/* May be called from any thread: it changes nothing. */
struct thing shared_page_thing(const struct shared_page *shared, enum thing_kind kind, struct text issuer, struct text name);

/* The counters of things. 0, or -1: OpenSSL failed. */
#define THINGS_MAX 6
int shared_page_indexes(struct shared_page *shared, const struct thing *things, unsigned count, uint16_t *ret_indexes);

/* A thing was revoked, or the revocation was undone: ends the cached results that rest on it. Call it when lookups can already see the change,
   and before the change is confirmed to anybody. */
void shared_page_bump(struct shared_page *shared, struct thing thing);
void shared_page_bump_all(struct shared_page *shared); /* all things */
void shared_page_bump_issuer(struct shared_page *shared, const struct issuer *issuer); /* all tokens of the issuer */
void shared_page_bump_keys(struct shared_page *shared);                               /* all tokens of every issuer */
void shared_page_bump_policy(struct shared_page *shared);

/* The heartbeat. */
void shared_page_beat(struct shared_page *shared);

/* At the end: ends everything that rests on the page. */
void shared_page_close(struct shared_page *shared);

#endif
