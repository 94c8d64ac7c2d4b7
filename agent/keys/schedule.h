/* When one issuer's keys are fetched: at a refresh period that is never the same twice, so that a fleet does not fetch in step;
   later and later while that fails; and at once, as often as a cool-down lets it, for a token whose key is not there. Nothing here
   knows a clock, a timer or a socket: `now` is Unix seconds, and whoever calls keeps at most one fetch under way. */
#ifndef ASSAY_KEYS_SCHEDULE_H
#define ASSAY_KEYS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/* All in seconds. */
struct schedule_rules {
    double refresh;  /* the period, where the issuer does not say another one; a back-off is never longer */
    double cooldown; /* the least between two fetches for tokens whose key is not there */
    double max_age;  /* a set that was last confirmed longer ago is not used any more */
};

/* All zero: nothing was ever fetched. Its owner sets `random` to something that no other instance has, in any process. */
struct schedule {
    uint64_t random;
    double fetched;    /* when the set in use was last known to be the issuer's, by a 200 or a 304; 0: never */
    double tried;      /* when the last fetch began; 0: never */
    double due;        /* when the next one should */
    unsigned failures; /* since the last success */
    bool failed;       /* the last fetch */
};

/* After a start, a reload, or a step of the clock. `fetched`, `tried`, `failures` and `failed` are what an earlier run has stored;
   what of it lies in the future counts as now. Without a usable set the issuer is due at once, or when its back-off ends. With one
   it is due some time in what is left of the period. */
void schedule_start(struct schedule *schedule, const struct schedule_rules *rules, double now);

void schedule_began(struct schedule *schedule, double now);

/* `age`: so long ago the issuer has said it. `http_max_age`: how long it may be cached since then, as it says itself; below 0: it
   does not. */
void schedule_succeeded(struct schedule *schedule, const struct schedule_rules *rules, double now, double age, double http_max_age);

/* `retry_after`: how long the server wants to be left alone; below 0: it does not say. Kept to up to the refresh period. */
void schedule_failed(struct schedule *schedule, const struct schedule_rules *rules, double now, double retry_after);

/* A token names a key that the set lacks: may a fetch be begun for it? A back-off does not stand in its way, for an issuer that has
   come back must be noticed by the first token that needs it. */
bool schedule_may_refetch(const struct schedule *schedule, const struct schedule_rules *rules, double now);

/* The set must not be used any more, or there is none. */
bool schedule_is_stale(const struct schedule *schedule, const struct schedule_rules *rules, double now);

#endif
