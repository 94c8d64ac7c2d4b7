#include "schedule.h"

#include <math.h>

#include "agent/base/limits.h"

/* Splitmix64: any state is as good as any other. */
static double uniform(struct schedule *schedule, double low, double high)
{
    uint64_t bits = schedule->random += 0x9e3779b97f4a7c15;

    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    bits ^= bits >> 31;
    return low + (high - low) * ((double)(bits >> 11) * 0x1p-53);
}

bool schedule_is_stale(const struct schedule *schedule, const struct schedule_rules *rules, double now)
{
    return schedule->fetched <= 0 || now - schedule->fetched > rules->max_age;
}

/* Without keys every second matters. With keys there is time, and quick retries would only add load: an outage is seen by the whole fleet within
   one period, and each quick retry adds one more request of each agent. */
static double back_off(struct schedule *schedule, const struct schedule_rules *rules, double now)
{
    double first = FETCH_BACK_OFF_SECONDS;

    if (!schedule_is_stale(schedule, rules, now))
        first = fmax(first, rules->refresh / FETCH_BACK_OFF_PARTS);
    double longest = fmin(rules->refresh, ldexp(first, (int)(schedule->failures < 64 ? schedule->failures : 64) - 1));

    return longest * uniform(schedule, 0.5, 1);
}

/* The rest of the period, but long enough that a fleet with sets of one age does not come all at once; and never longer than the set may be used. */
static double time_left(const struct schedule *schedule, const struct schedule_rules *rules, double now)
{
    double age = now - schedule->fetched, least = fmin(FETCH_SPREAD_SECONDS, rules->refresh);

    return fmin(fmax(rules->refresh - age, least), rules->max_age - age);
}

void schedule_start(struct schedule *schedule, const struct schedule_rules *rules, double now)
{
    schedule->fetched = fmin(schedule->fetched, now);
    schedule->tried = fmin(schedule->tried, now);
    schedule->due = now;
    if (!schedule_is_stale(schedule, rules, now))
        schedule->due += uniform(schedule, 0, time_left(schedule, rules, now));
    if (schedule->failures > 0)
        schedule->due = fmax(schedule->due, schedule->tried + back_off(schedule, rules, now));
}

void schedule_began(struct schedule *schedule, double now)
{
    schedule->tried = now;
}

/* A cache may have kept the answer for most of its lifetime (RFC 9111 4.2), or longer. */
void schedule_succeeded(struct schedule *schedule, const struct schedule_rules *rules, double now, double age, double http_max_age)
{
    double period = rules->refresh, usable = fmax(rules->max_age - age, fmin(rules->max_age, FETCH_PERIOD_SECONDS_MIN));

    if (http_max_age >= 0)
        period = fmin(fmax(http_max_age - age, FETCH_PERIOD_SECONDS_MIN), FETCH_PERIOD_SECONDS_MAX);
    period = fmin(period, usable / 2); /* the other half is for failing tries */
    schedule->fetched = fmax(now - age, 1);
    schedule->failures = 0;
    schedule->failed = false;
    schedule->due = now + period * uniform(schedule, 0.5, 1);
}

/* The server's Retry-After is the minimum: all agents that got the same value are spread over the time after it. */
void schedule_failed(struct schedule *schedule, const struct schedule_rules *rules, double now, double retry_after)
{
    double word = fmin(retry_after, rules->refresh) * uniform(schedule, 1, 1.5);

    schedule->failures++;
    schedule->failed = true;
    schedule->due = now + fmax(word, back_off(schedule, rules, now));
}

/* A last try in the future means that the clock was set back, and says nothing about how long ago it was. */
bool schedule_may_refetch(const struct schedule *schedule, const struct schedule_rules *rules, double now)
{
    return schedule->tried <= 0 || schedule->tried > now || now - schedule->tried >= rules->cooldown;
}
