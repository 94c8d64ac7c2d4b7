#include "samples.h"

#define PER_OCTAVE (UINT64_C(1) << SAMPLES_BITS)

/* Each value below 64 has its own bucket. */
static size_t bucket_of(uint64_t value)
{
    if (value < PER_OCTAVE)
        return (size_t)value;
    unsigned shift = 63U - (unsigned)__builtin_clzll(value) - SAMPLES_BITS;

    return (size_t)(PER_OCTAVE * shift + (value >> shift));
}

uint64_t samples_upper(size_t bucket)
{
    if (bucket < 2 * PER_OCTAVE)
        return bucket;
    size_t shift = bucket / PER_OCTAVE - 1;

    return (((bucket % PER_OCTAVE + PER_OCTAVE) + 1) << shift) - 1; /* for the last bucket 2^64 - 1, by wrapping around */
}

void samples_add(struct samples *samples, uint64_t value)
{
    samples->count++;
    samples->buckets[bucket_of(value)]++;
    if (value > samples->max)
        samples->max = value;
}

void samples_merge(struct samples *samples, const struct samples *others)
{
    samples->count += others->count;
    for (size_t i = 0; i < SAMPLES_BUCKETS; i++)
        samples->buckets[i] += others->buckets[i];
    if (others->max > samples->max)
        samples->max = others->max;
}

uint64_t samples_percentile(const struct samples *samples, unsigned per_mille)
{
    /* In two steps, because a thousand times the count may overflow. */
    uint64_t rank = samples->count / 1000 * per_mille + (samples->count % 1000 * per_mille + 999) / 1000, seen = 0;

    for (size_t i = 0; i < SAMPLES_BUCKETS; i++) {
        seen += samples->buckets[i];
        if (seen > 0 && seen >= rank)
            return samples_upper(i) < samples->max ? samples_upper(i) : samples->max;
    }
    return 0;
}
