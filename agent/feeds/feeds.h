/* The revocation feeds: each is read to its end before the agent is ready, and again whenever it changed. Reading and sorting is
   done off the loop, writing by the writer; here is who is where, and whether a yes may be said at all. On the loop's thread. */
#ifndef ASSAY_FEEDS_H
#define ASSAY_FEEDS_H

#include "agent/base/core.h"
#include "agent/state/store.h"
#include "agent/token/issuer.h"
#include "client/wire/wire.h"

struct feeds;

struct feeds *feeds_new(struct core *core); /* NULL: out of memory */

/* The feeds of the configuration in force, and no others; those that were read before go on. */
int feeds_use_config(struct feeds *feeds); /* -1: out of memory */

/* At the start, in a write transaction: lines that could not be read once may be readable now, and then what they revoke is revoked.
   0 or -1. */
int feeds_retry_unreadable(struct core *core, struct hasher *hasher, struct view *view);

/* Files are read on, whether anybody has noticed a change or not. */
void feeds_look(struct feeds *feeds);

/* May a token of this issuer be accepted? False: a feed that may speak for it was not read yet, or could not be read for too long;
   `why` names it. */
bool feeds_are_fresh(const struct feeds *feeds, const struct issuer *issuer, double now, char why[256]);

/* Until when may a token of this issuer be accepted, if nothing changes? Unix seconds; infinite: for ever. */
double feeds_until(const struct feeds *feeds, const struct issuer *issuer);

/* Seconds since the feeds for this issuer were all confirmed; -1: it has none. */
int64_t feeds_age(const struct feeds *feeds, const struct issuer *issuer);

/* Was each of them read once? */
bool feeds_are_read(const struct feeds *feeds);

/* Calls `each` for every feed, for `status` and `ping`. */
struct feed_facts {
    const char *source;
    const char *error; /* NULL: none */
    bool is_read;
    bool starts_without;                 /* being ready does not wait for it */
    uint64_t lines, records, unreadable, excluded; /* all but `lines`: since the start; excluded: by the configuration */
    uint64_t gaps;                       /* how often something may have been missed for ever, since the start */
    uint64_t offset, size;
    double confirmed;   /* Unix seconds: when it was last known to be read to its end; 0: never */
    bool is_incomplete; /* what it says is not all in force: nothing is decided that rests on it */
};
void feeds_each(const struct feeds *feeds, void (*each)(void *context, const struct feed_facts *facts), void *context);

/* No more reading. What is under way comes back; the feeds are freed by feeds_free after the loop has ended. */
void feeds_stop(struct feeds *feeds);
void feeds_free(struct feeds *feeds); /* NULL is fine */

#endif
