/* One issuer's keys over HTTPS, for remotes.c and waiting.c: its schedule, what is known of its set, the fetch under way, the kids that a fetch
   did not bring, and the requests that wait. */
#ifndef ASSAY_KEYS_REMOTE_H
#define ASSAY_KEYS_REMOTE_H

#include "agent/base/core.h"
#include "fetch.h"
#include "keyring.h"
#include "remotes.h"
#include "schedule.h"
#include "stored.h"

/* A kid that a fetch did not bring. It may belong to a new key that is not published yet, so the agent fetches again for it, at growing intervals. */
struct missing_kid {
    uint64_t hash; /* of the kid; 0: unused */
    double next;   /* Unix seconds */
    unsigned tries;
};

/* A request that waits; its token follows. */
struct parked {
    struct parked *next;
    struct waiter *waiter;
    int64_t until; /* end of its wait, as monotonic_ns() counts */
    bool late;     /* its wait has ended, and the fetch continues */
    bool again;    /* its fetch has ended; it does not wait for another one */
    size_t bytes;
    char text[];
};

struct remote {
    struct remote *next;
    struct core *core;
    char *issuer_name, *source_name;    /* identify it after a reload */
    const struct issuer_config *issuer; /* in the configuration in force */
    unsigned index;                     /* in the keyring in force */
    bool used;                          /* the configuration in force uses it */
    struct schedule schedule;
    struct schedule_rules rules;
    struct known_set known;
    struct key_fetch *fetch; /* NULL: no fetch is under way */
    char *error;
    bool was_stale;
    uint64_t seed; /* for hashes of kids */
    struct missing_kid strange[KEYS_STRANGE_MAX];
    unsigned next_strange;
    struct parked *parked; /* the newest first */
    unsigned parked_count;
};

struct remotes {
    struct core *core;
    void (*again_about)(void *context, struct text token, struct waiter *waiter);
    void *context;
    struct alarm *alarm;
    double alarm_due; /* Unix seconds, by the clock when it was set */
    uv_idle_t again;  /* runs while waiting requests are to be tried again */
    struct remote *all;
    struct parked *woken;
    unsigned parked_count;
    size_t parked_bytes;
    bool asks_again; /* for requests whose fetch has ended */
    bool asks_late;  /* for requests whose wait ended before the fetch did */
    bool used;       /* a configuration has used it, at the start or later */
    bool stopped;
};

/* Tries the requests that wait for this remote again, a few in each turn of the loop; or, while the fetch continues, only those whose wait has
   ended. */
void remotes_wake(struct remotes *remotes, struct remote *remote);
void remotes_wake_late(struct remotes *remotes, struct remote *remote);

/* When the wait of the first request for this remote ends, as monotonic_ns() counts; INT64_MAX: no request waits. */
int64_t remote_patience_ends(const struct remote *remote);

/* Sets the alarm again after the first due time has changed. */
void remotes_set_alarm(struct remotes *remotes);
void remotes_ask_again(uv_idle_t *again);

/* Begins a fetch; `anew`: ignores what is known, and so fetches the whole set. */
void remote_fetch(struct remote *remote, bool anew);

/* Gives up a fetch that has taken too long: its result is not used, and another fetch may begin. */
void remote_forsake(struct remote *remote);

/* Puts the result of the fetch in force, and lets the waiting requests be tried again: remotes.c. */
void remote_fetched(struct remote *remote);

bool remote_is_missing_kid(struct remote *remote, struct text kid, double now);
void remote_note_missing_kid(struct remote *remote, struct text kid, double now);

void remote_free(struct remote *remote);

#endif
