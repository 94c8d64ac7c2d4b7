/* The clocks. Deadlines are moments of the monotonic clock in nanoseconds; tokens and users give times in Unix seconds. */
#ifndef ASSAY_CLIENT_CLOCK_H
#define ASSAY_CLIENT_CLOCK_H

#include <limits.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

static inline int64_t monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static inline double unix_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The time left, as poll() takes it: rounded up, so that a loop does not spin in the last millisecond. 0: the time is up. */
static inline int milliseconds_until(int64_t deadline)
{
    int64_t left = deadline - monotonic_ns();

    if (left <= 0)
        return 0;
    left = (left + NS_PER_MS - 1) / NS_PER_MS;
    return left > INT_MAX ? INT_MAX : (int)left;
}

#endif
