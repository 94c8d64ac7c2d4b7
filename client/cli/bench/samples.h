/* Many measured times in little memory: counted in buckets of which there are 64 for each power of two, so that a percentile is at
   most a 64th too large. Nanoseconds, but nothing here depends on it. */
#ifndef ASSAY_COMMAND_BENCH_SAMPLES_H
#define ASSAY_COMMAND_BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#define SAMPLES_BITS    6 /* buckets of a power of two, as a power of two */
#define SAMPLES_BUCKETS ((64 - SAMPLES_BITS + 1) << SAMPLES_BITS)

/* All zero: none yet. */
struct samples {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[SAMPLES_BUCKETS];
};

void samples_add(struct samples *samples, uint64_t value);
void samples_merge(struct samples *samples, const struct samples *others);

/* The value that `per_mille` of a thousand are not above, to the upper end of its bucket; never above the largest. 0 of none. */
uint64_t samples_percentile(const struct samples *samples, unsigned per_mille);

/* The largest value that is counted there. */
uint64_t samples_upper(size_t bucket);

#endif
