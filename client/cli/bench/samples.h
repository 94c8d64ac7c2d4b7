/* Many measured times in little memory: counted in buckets, 64 for each power of two, so that a percentile is at most 1/64 too large. The
   unit is nanoseconds, but nothing here depends on it. */
#ifndef ASSAY_COMMAND_BENCH_SAMPLES_H
#define ASSAY_COMMAND_BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#define SAMPLES_BITS    6 /* log2 of the buckets for each power of two */
#define SAMPLES_BUCKETS ((64 - SAMPLES_BITS + 1) << SAMPLES_BITS)

/* All zero: no samples. */
struct samples {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[SAMPLES_BUCKETS];
};

void samples_add(struct samples *samples, uint64_t value);
void samples_merge(struct samples *samples, const struct samples *others);

/* The value that `per_mille` of a thousand samples do not exceed, rounded up to the end of its bucket, but not above the largest sample.
   0 if there are no samples. */
uint64_t samples_percentile(const struct samples *samples, unsigned per_mille);

/* The largest value that the bucket counts. */
uint64_t samples_upper(size_t bucket);

#endif
