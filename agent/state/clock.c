#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "agent/base/core.h"
#include "agent/base/log.h"

static double monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int store_leap(struct view *view, double leap)
{
    uint8_t bytes[8];

    store_number(bytes, (uint64_t)leap, 8);
    return view_put(view, TABLE_META, (struct bytes){"leap", 4}, (struct bytes){bytes, 8});
}

/* The agent may have been away for days, or the clock corrected meanwhile: it cannot distinguish these, and keeping records longer does no harm. */
static int load_leap(struct clock *clock, struct view *view)
{
    struct bytes value;
    int found = view_get(view, TABLE_META, (struct bytes){"leap", 4}, &value);
    double away = clock->noted > 0 ? clock->wall_start - clock->noted : 0;

    if (found < 0 || (found == 1 && value.size != 8))
        return -1;
    clock->leap = found == 1 ? (double)stored_number(value.at, 8) : 0;
    if (away <= CLOCK_LEAP_SECONDS || away <= clock->leap)
        return 0;
    clock->leap = away;
    return store_leap(view, away);
}

int clock_load(struct clock *clock, struct view *view)
{
    struct bytes value;

    if (view_get(view, TABLE_META, (struct bytes){"clock", 5}, &value) != 1 || value.size != 8)
        return -1;
    clock->noted = clock->highest = (double)stored_number(value.at, 8);
    clock->wall_start = unix_now();
    clock->monotonic_start = monotonic();
    if (load_leap(clock, view) < 0)
        return -1;
    if (!clock_is_trusted(clock, clock->wall_start))
        log_error(
            "the clock is behind the latest time that this agent has seen, so no token is accepted; set it (NTP), or if it is right, run: assay "
            "reload --accept-clock",
            LOG_NUMBER("seconds_behind", clock->highest - clock->wall_start));
    return 0;
}

struct clock_job {
    struct job job;
    struct clock *clock;
    double time, leap;
    void (*done)(void *context, int status);
    void *context;
};

static int run(struct job *job, struct view *view)
{
    const struct clock_job *its = (const struct clock_job *)job;
    uint8_t bytes[8];

    store_number(bytes, (uint64_t)its->time, 8);
    if (its->leap > 0 && store_leap(view, its->leap) < 0)
        return -1;
    return view_put(view, TABLE_META, (struct bytes){"clock", 5}, (struct bytes){bytes, 8});
}

static void noted(struct job *job, int status)
{
    struct clock_job *its = (struct clock_job *)job;

    its->clock->noted =
        its->time; /* also after a failure: on a full disk it tries again after a while, not each time */
    if (its->done == NULL) {
        its->clock->noting = false;
    } else {
        its->clock->accepting--;
        if (status == 0)
            its->clock->highest = its->time;
        its->done(its->context, status);
    }
    free(its);
}

static int submit(struct clock *clock, double time, void (*done)(void *context, int status), void *context)
{
    struct clock_job *its = calloc(1, sizeof *its);

    if (its == NULL)
        return -1;
    *its = (struct clock_job){{.run = run, .done = noted, .frees = true, .tells = true}, clock, floor(time), clock->leap, done, context};
    if (writer_submit(clock->writer, &its->job) == 0)
        return 0;
    free(its);
    return -1;
}

/* Clients' cached results were decided while the clock could be trusted. */
void clock_saw(struct clock *clock, double now)
{

    if (now > clock->highest)
        clock->highest = now;
    bool behind = !clock_is_trusted(clock, now);

    if (behind && !clock->behind)
        clock->on_behind(clock->context);
    clock->behind = behind;
    if (!clock->noting && clock->highest - clock->noted > CLOCK_NOTED_EVERY_SECONDS)
        clock_note(clock);
}

bool clock_is_trusted(const struct clock *clock, double now)
{
    return now >= clock->highest - CLOCK_BACK_SECONDS_MAX;
}

/* Not after an operator has accepted the clock, because the later write would overwrite his. */
void clock_note(struct clock *clock)
{
    double apart = (unix_now() - clock->wall_start) - (monotonic() - clock->monotonic_start);

    if (apart > CLOCK_APART_SECONDS_MAX && apart > clock->leap)
        clock->leap = apart;
    if (clock->accepting == 0 && clock->highest > clock->noted)
        clock->noting = submit(clock, clock->highest, NULL, NULL) == 0;
}

int clock_accept(struct clock *clock, void (*done)(void *context, int status), void *context)
{
    if (submit(clock, unix_now(), done, context) < 0)
        return -1;
    clock->accepting++;
    return 0;
}

bool clock_may_forget(const struct clock *clock, double now)
{
    double run = monotonic() - clock->monotonic_start, apart = (now - clock->wall_start) - run;

    return run >= FORGET_FIRST_SECONDS && fabs(apart) <= CLOCK_APART_SECONDS_MAX && clock_is_trusted(clock, now);
}
