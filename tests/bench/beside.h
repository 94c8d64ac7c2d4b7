/* A cached verify over the socket, alone and beside a process that disturbs it, round by round. */
#ifndef ASSAY_BENCH_BESIDE_H
#define ASSAY_BENCH_BESIDE_H

#include "bench.h"

/* Who disturbs: never ends by itself, and counts in *done what was answered to it. It runs on another core, where there is one. */
struct disturber {
    void (*run)(const struct bench_agent *agent, unsigned long *done);
    unsigned first_us; /* until it is at work */
    unsigned rest_us;  /* after it */
};

struct beside {
    double alone50, alone99, beside50, beside99; /* us; medians of the rounds */
    double worst_alone, worst;                   /* us; of all rounds */
    double rate;                                 /* what was answered to it, a second */
};
#define BESIDE_ROUNDS 9

/* `trips` calls each time, or as many as fit into `seconds`. The agent's loop and who measures share core 0. */
struct beside measure_beside(const struct bench_agent *agent, const struct issuer_key *key, unsigned trips, double seconds,
                             const struct disturber *disturber);

/* Two lines: the median and the 99th percentile, whose ratio is the goal `name`. */
void tell_beside(const struct beside *beside, const char *name);

#endif
