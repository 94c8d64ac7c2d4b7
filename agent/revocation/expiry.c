#include "expiry.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/alarm.h"
#include "agent/base/log.h"
#include "agent/keys/keyring.h"
#include "agent/state/clock.h"
#include "agent/state/entries.h"
#include "agent/token/issuer.h"
#include "holders.h"
#include "list.h"
#include "record.h"

struct forget {
    struct job job;
    struct core *core;
    struct alarm *alarm;
    uint8_t at[ENTRY_KEY_BYTES], next[ENTRY_KEY_BYTES];
    struct forget_rules rules;
    struct keyring *held; /* for its rules */
    double due; /* not earlier */
    uint64_t forgotten, some;
    bool busy, end, closed;
};

struct sweep {
    const struct forget_rules *rules;
    uint64_t forgotten;
    uint16_t last_slot; /* the slot whose lifetime is cached */
    double last_lifetime;
    bool has_last;
    struct {
        uint16_t slot;
        int64_t count;
    } counts[64]; /* counts of removed entries by slot; if more slots occur, they are subtracted at once */
    unsigned count;
    struct view *view;
    bool failed;
};

static void count_off(struct sweep *sweep, uint16_t slot)
{
    for (unsigned i = 0; i < sweep->count; i++) {
        if (sweep->counts[i].slot == slot) {
            sweep->counts[i].count--;
            return;
        }
    }
    if (sweep->count < 64) {
        sweep->counts[sweep->count].slot = slot;
        sweep->counts[sweep->count++].count = -1;
    } else {
        sweep->failed |= slot_count(sweep->view, slot, -1) < 0;
    }
}

/* The longest life of tokens of the issuer that this slot counts; 0: unlimited, or unknown. */
static double lifetime_of(struct sweep *sweep, uint16_t number)
{
    struct slot slot;

    if (sweep->has_last && sweep->last_slot == number)
        return sweep->last_lifetime;
    bool read = slot_read(sweep->view, number, &slot) == 0;
    const struct issuer *issuer = read ? keyring_issuer(sweep->rules->ring, (struct text){slot.issuer, strlen(slot.issuer)}) : NULL;

    sweep->has_last = true;
    sweep->last_slot = number;
    sweep->last_lifetime = issuer != NULL && issuer->lifetime_max > 0 ? issuer->lifetime_max + issuer->leeway : 0;
    return sweep->last_lifetime;
}

/* The lifetime limit may have been raised or lifted since, and the clock corrected: then tokens that the record applies to live longer than an
   `exp` that the agent computed. */
static bool may_be_forgotten(struct sweep *sweep, const uint8_t *entry)
{
    int64_t exp = word_exp(entry);

    if (exp == SECONDS_NONE)
        return false;
    if (word_exp_is_ours(entry)) {
        double lifetime = lifetime_of(sweep, word_slot(entry));

        if (lifetime <= 0)
            return false;
        exp += (int64_t)lifetime + sweep->rules->leap;
    }
    return exp + FORGET_GRACE_SECONDS < sweep->rules->now;
}

static bool keep(void *context, const uint8_t *entry)
{
    struct sweep *sweep = context;

    if (!may_be_forgotten(sweep, entry))
        return true;
    sweep->forgotten++;
    count_off(sweep, word_slot(entry));
    return false;
}

int forget_some(struct view *view, const struct forget_rules *rules, uint8_t at[ENTRY_KEY_BYTES], uint64_t *ret_forgotten, bool *ret_end)
{
    struct sweep sweep = {.rules = rules, .view = view};
    bool end = false;

    for (unsigned i = 0; i < FORGET_GROUPS_PER_COMMIT && !end; i++) {
        if (entries_sweep(view, &list_records, at, keep, &sweep, &end) < 0)
            return -1;
    }
    for (unsigned i = 0; i < sweep.count; i++) {
        if (slot_count(view, sweep.counts[i].slot, sweep.counts[i].count) < 0)
            return -1;
    }
    *ret_forgotten = sweep.forgotten;
    *ret_end = end;
    return sweep.failed ? -1 : 0;
}

static int run(struct job *job, struct view *view)
{
    struct forget *forget = (struct forget *)job;

    memcpy(forget->next, forget->at, sizeof forget->next); /* the job may run again */
    return forget_some(view, &forget->rules, forget->next, &forget->some, &forget->end);
}

static void submit(struct forget *forget)
{
    forget->busy = !forget->closed && writer_submit(forget->core->writer, &forget->job) == 0;
}

static void done(struct job *job, int status)
{
    struct forget *forget = (struct forget *)job;

    forget->busy = false;
    if (status == 0) {
        memcpy(forget->at, forget->next, sizeof forget->at);
        forget->forgotten += forget->some;
    }
    if (!forget->closed && status == 0 && !forget->end)
        submit(forget);
    if (forget->busy)
        return;
    keyring_drop(forget->held);
    forget->held = NULL;
    if (forget->closed)
        return;
    if (forget->forgotten > 0)
        log_info("revocations removed, because their tokens have expired", LOG_NUMBER("records", forget->forgotten));
    forget->due = unix_now() + FORGET_EVERY_SECONDS - 1;
    alarm_set(forget->alarm, FORGET_EVERY_SECONDS);
}

void forget_look(struct forget *forget)
{
    double now = unix_now();

    if (forget->busy || forget->closed || now < forget->due || !clock_may_forget(forget->core->clock, now))
        return;
    memset(forget->at, 0, sizeof forget->at);
    forget->held = keyring_hold(forget->core->ring);
    forget->rules = (struct forget_rules){(int64_t)now, (int64_t)forget->core->clock->leap, forget->held};
    forget->forgotten = 0;
    submit(forget);
    if (forget->busy)
        return;
    keyring_drop(forget->held);
    forget->held = NULL;
}

static void on_alarm(void *context)
{
    struct forget *forget = context;

    forget_look(forget);
    if (!forget->busy)
        alarm_set(forget->alarm, FORGET_FIRST_SECONDS);
}

struct forget *forget_new(struct core *core)
{
    struct forget *forget = calloc(1, sizeof *forget);

    if (forget == NULL)
        return NULL;
    forget->core = core;
    forget->job.run = run;
    forget->job.done = done;
    forget->job.frees = true;
    forget->job.tells = true; /* no cached result rests on removed records */
    forget->alarm = alarm_new(core->loop, on_alarm, forget);
    if (forget->alarm == NULL) {
        free(forget);
        return NULL;
    }
    alarm_set(forget->alarm, FORGET_FIRST_SECONDS);
    return forget;
}

void forget_close(struct forget *forget)
{
    if (forget == NULL)
        return;
    forget->closed = true;
    alarm_close(forget->alarm);
}

void forget_free(struct forget *forget)
{
    free(forget);
}
