/* When one issuer's keys are fetched: after a refresh period that varies at random, so that a fleet does not fetch in step; at growing intervals
   while fetches fail; and at once for a token whose key is missing, as often as a cool-down allows. This file has no clock, timer or socket: `now`
   is Unix seconds, and the caller keeps at most one fetch under way. */
#ifndef ASSAY_KEYS_SCHEDULE_H
#define ASSAY_KEYS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/* All in seconds. */
struct schedule_rules {
    double refresh;  /* the period, unless the issuer sets another one; a back-off is never longer */
    double cooldown; /* the least time between two fetches for tokens whose key is missing */
    double max_age;  /* a set that was last confirmed longer ago is no longer used */
};

/* All zero: never fetched. The owner seeds `random` with a value that no other instance has, in any process. */
struct schedule {
    uint64_t random;
    double fetched;    /* when a 200 or a 304 last confirmed the set in use; 0: never */
    double tried;      /* when the last fetch began; 0: never */
    double due;        /* when the next one should begin */
    unsigned failures; /* since the last success */
    bool failed;       /* the last fetch failed */
};

/* Call it after a start, a reload, or a step of the clock. `fetched`, `tried`, `failures` and `failed` come from the store of an earlier run;
   times in the future count as now. Without a usable set a fetch is due at once, or when the back-off ends. With one it is due at a random time in
   the rest of the period. */
void schedule_start(struct schedule *schedule, const struct schedule_rules *rules, double now);

void schedule_began(struct schedule *schedule, double now);

/* `age`: how long ago the issuer sent the answer. `http_max_age`: how long the answer says that it may be cached since then; below 0: it does not
   say. */
void schedule_succeeded(struct schedule *schedule, const struct schedule_rules *rules, double now, double age, double http_max_age);

/* `retry_after`: how long the server asks for no requests; below 0: it does not ask. It is obeyed up to the refresh period. */
void schedule_failed(struct schedule *schedule, const struct schedule_rules *rules, double now, double retry_after);

/* A token names a key that the set lacks: may a fetch begin for it? A back-off does not prevent it, because the first token that needs a recovered
   issuer must reach it. */
bool schedule_may_refetch(const struct schedule *schedule, const struct schedule_rules *rules, double now);

/* Is the set too old to be used, or absent? */
bool schedule_is_stale(const struct schedule *schedule, const struct schedule_rules *rules, double now);

#endif
