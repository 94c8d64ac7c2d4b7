/* The revocation feeds: each is read to its end before the agent is ready, and again whenever it has changed. Reading and sorting run off the
   loop, the writer writes; this part tracks the state of each, and whether tokens may be accepted at all. On the loop's thread. */
#ifndef ASSAY_FEEDS_H
#define ASSAY_FEEDS_H

#include "agent/base/core.h"
#include "agent/state/store.h"
#include "agent/token/issuer.h"
#include "client/wire/wire.h"

struct feeds;

struct feeds *feeds_new(struct core *core); /* NULL: out of memory */

/* Uses the feeds of the configuration in force, and no others; those that were read before continue. */
int feeds_use_config(struct feeds *feeds); /* -1: out of memory */

/* At the start, in a write transaction: tries the lines again that could not be read before; the readable ones take effect. 0 or -1. */
int feeds_retry_unreadable(struct core *core, struct hasher *hasher, struct view *view);

/* Reads all files on, whether a change was noticed or not. */
void feeds_look(struct feeds *feeds);

/* May a token of this issuer be accepted? False: a feed that may revoke for it was not read yet, or has been unreadable for too long; `why` names
   it. */
bool feeds_are_fresh(const struct feeds *feeds, const struct issuer *issuer, double now, char why[256]);

/* Until when may a token of this issuer be accepted, if nothing changes? Unix seconds; infinite: without end. */
double feeds_until(const struct feeds *feeds, const struct issuer *issuer);

/* Seconds since all feeds for this issuer were confirmed; -1: it has no feed. */
int64_t feeds_age(const struct feeds *feeds, const struct issuer *issuer);

/* Was each of them read once? */
bool feeds_are_read(const struct feeds *feeds);

/* Calls `each` for every feed, for `status` and `ping`. */
struct feed_facts {
    const char *source;
    const char *error; /* NULL: no error */
    bool is_read;
    bool starts_without;                 /* the agent is ready without it */
    uint64_t lines, records, unreadable, excluded; /* all but `lines` count since the start; excluded: by the configuration */
    uint64_t gaps;                       /* how often something may have been missed for good, since the start */
    uint64_t offset, size;
    double confirmed;   /* Unix seconds: when it was last known to be read to its end; 0: never */
    bool is_incomplete; /* not all of its records are in force, so tokens that depend on it are undecided */
};
void feeds_each(const struct feeds *feeds, void (*each)(void *context, const struct feed_facts *facts), void *context);

/* Ends reading. What is under way comes back; feeds_free frees the feeds after the loop has ended. */
void feeds_stop(struct feeds *feeds);
void feeds_free(struct feeds *feeds); /* NULL is fine */

#endif
