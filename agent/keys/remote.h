/* One issuer's keys over HTTPS, for remotes.c and waiting.c: its schedule, what is known of its set, the fetch that is under way,
   kids that were asked for in vain, and who waits. */
#ifndef ASSAY_KEYS_REMOTE_H
#define ASSAY_KEYS_REMOTE_H

#include "agent/base/core.h"
#include "fetch.h"
#include "keyring.h"
#include "remotes.h"
#include "schedule.h"
#include "stored.h"

/* A kid that a fetch did not bring. It may be a new key's that has not been published yet: so it is fetched for again, later and
   later. */
struct missing_kid {
    uint64_t hash; /* of the kid; 0: none */
    double next;   /* Unix seconds */
    unsigned tries;
};

/* Somebody who waits, and for what: the token follows. */
struct parked {
    struct parked *next;
    struct waiter *waiter;
    int64_t until; /* as monotonic_ns() counts: so long it waits */
    bool late;     /* it has waited so long, and the fetch goes on */
    bool again;    /* it has had its fetch, and waits for no other one */
    size_t bytes;
    char text[];
};

struct remote {
    struct remote *next;
    struct core *core;
    char *issuer_name, *source_name;    /* by which it is found after a reload */
    const struct issuer_config *issuer; /* of the configuration in force */
    unsigned index;                     /* in the keyring in force */
    bool used;                          /* by it */
    struct schedule schedule;
    struct schedule_rules rules;
    struct known_set known;
    struct key_fetch *fetch; /* NULL: none is under way */
    char *error;
    bool was_stale;
    uint64_t seed; /* of their hashes */
    struct missing_kid strange[KEYS_STRANGE_MAX];
    unsigned next_strange;
    struct parked *parked; /* the last one first */
    unsigned parked_count;
};

struct remotes {
    struct core *core;
    void (*again_about)(void *context, struct text token, struct waiter *waiter);
    void *context;
    struct alarm *alarm;
    double alarm_due; /* Unix seconds, as the clock stood when it was set */
    uv_idle_t again;  /* runs while somebody is to be asked about again */
    struct remote *all;
    struct parked *woken;
    unsigned parked_count;
    size_t parked_bytes;
    bool asks_again; /* for those who have had their fetch */
    bool asks_late;  /* for those whose patience ended before the fetch did */
    bool used;       /* by a configuration, at the start or later */
    bool stopped;
};

/* Those who wait for this one are asked about again, a few in each turn of the loop; or only those who have waited long
   enough, while the fetch goes on. */
void remotes_wake(struct remotes *remotes, struct remote *remote);
void remotes_wake_late(struct remotes *remotes, struct remote *remote);

/* When somebody who waits for this one has waited long enough, as monotonic_ns() counts; INT64_MAX: nobody waits. */
int64_t remote_patience_ends(const struct remote *remote);

/* What is due first is another. */
void remotes_set_alarm(struct remotes *remotes);
void remotes_ask_again(uv_idle_t *again);

/* Begins a fetch; `anew`: whatever is known. */
void remote_fetch(struct remote *remote, bool anew);

/* What is being fetched was asked for too long ago: nobody uses it, and another fetch may begin. */
void remote_forsake(struct remote *remote);

/* What came is in force, and those who wait are to be asked again: remotes.c. */
void remote_fetched(struct remote *remote);

bool remote_is_missing_kid(struct remote *remote, struct text kid, double now);
void remote_note_missing_kid(struct remote *remote, struct text kid, double now);

void remote_free(struct remote *remote);

#endif
