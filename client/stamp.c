#include "stamp.h"

#include <string.h>
#include <time.h>

#include "client/wire/clock.h"
#include "client/wire/exports.h"
#include "cold.h"

/* Later ends mean the same, and this fits into nanoseconds. */
#define SECONDS_MAX (INT64_MAX / NS_PER_S - 1)

static int64_t nanoseconds(clockid_t clock, int (*ask)(clockid_t clock, struct timespec *ret))
{
    struct timespec time = {0, 0};

    (void)ask(clock, &time);
    return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* The coarse clocks take a third of the time, and each call reads two clocks. But on virtual machines they were seen more than a tick
   behind, because the interrupt of one processor advances them; the library would trust a heartbeat that has stopped for that much
   longer. So the monotonic clock is the exact one: it ends a stamp in any case. The wall clock ends it earlier if it was set forward. */
struct clocks clocks_read(void)
{
    return (struct clocks){nanoseconds(CLOCK_REALTIME_COARSE, clock_gettime), monotonic_ns()};
}

COLD struct clocks clocks_ticks(void)
{
    return (struct clocks){nanoseconds(CLOCK_REALTIME_COARSE, clock_getres), nanoseconds(CLOCK_MONOTONIC, clock_getres)};
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

COLD bool instance_read(const char *hex, size_t bytes, uint8_t ret[16])
{
    for (size_t i = 0; bytes == 32 && i < 16; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return bytes == 32;
}

/* Names in a map are strings (value.c), so reading `index` already tells a map from an array; a check of the type would change nothing. */
COLD static bool read_counters(const struct value *counters, struct stamp *ret)
{
    if (counters == NULL || counters->count > STAMP_COUNTERS_MAX)
        return false;
    const struct value *pair = value_first(counters);

    for (uint32_t i = 0; i < counters->count; i++) {
        const struct value *index = value_first(pair), *value = index + 1;

        if (pair->type != WIRE_ARRAY || pair->count != 2 || index->type != WIRE_UINT || index->uint >= PAGE_COUNTERS ||
            value->type != WIRE_UINT)
            return false;
        ret->index[i] = (uint16_t)index->uint;
        ret->value[i] = value->uint;
        pair = value_next(pair);
    }
    ret->count = counters->count;
    return true;
}

static bool read_uint(const struct value *stamp, const char *name, uint64_t *ret)
{
    const struct value *value = value_member_of(stamp, name, WIRE_UINT);

    if (value != NULL)
        *ret = value->uint;
    return value != NULL;
}

COLD bool stamp_read(const struct value *result, struct stamp *ret)
{
    const struct value *stamp = value_member_of(result, "stamp", WIRE_MAP), *instance = value_member_of(stamp, "instance", WIRE_STR);
    uint64_t from, until;

    if (instance == NULL || !instance_read(instance->str, instance->count, ret->instance) || !read_uint(stamp, "from", &from) ||
        !read_uint(stamp, "until", &until) || !read_uint(stamp, "keys", &ret->keys) || !read_uint(stamp, "policy", &ret->policy) ||
        !read_counters(value_member_of(stamp, "counters", WIRE_ARRAY), ret) || from > SECONDS_MAX)
        return false;
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    ret->from = (int64_t)from * NS_PER_S;
    ret->until = (int64_t)(until < SECONDS_MAX ? until : SECONDS_MAX) * NS_PER_S;
    ret->deadline = monotonic_ns();

    int64_t left = ret->until - ((int64_t)wall.tv_sec * NS_PER_S + wall.tv_nsec);

    ret->deadline = left > INT64_MAX - ret->deadline ? INT64_MAX : ret->deadline + left;
    return true;
}

static uint64_t word(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_acquire);
}

bool page_is_fresh(const struct page *page, const struct clocks *now, const struct clocks *ticks)
{
    int64_t age = now->monotonic - (int64_t)word(&page->heartbeat);

    return word(&page->closed) == 0 && age >= -PAGE_EARLY_NS && age + ticks->monotonic <= PAGE_FRESH_NS;
}

/* Checks first whether the agent behind the page is alive: another thread may replace the page by the next agent's meanwhile, and the new
   heartbeat must not confirm counters that were read from the old page. */
bool stamp_holds(const struct stamp *stamp, const struct page *page, bool policy, const struct clocks *now, const struct clocks *ticks)
{
    if (!page_is_fresh(page, now, ticks) || memcmp(stamp->instance, page->instance, sizeof stamp->instance) != 0 || stamp->keys != word(&page->keys) ||
        (policy && stamp->policy != word(&page->policy)))
        return false;
    for (uint32_t i = 0; i < stamp->count; i++) {
        if (stamp->value[i] != word(&page->counter[stamp->index[i]]))
            return false;
    }
    return now->wall >= stamp->from && now->wall + ticks->wall < stamp->until && now->monotonic + ticks->monotonic < stamp->deadline;
}
