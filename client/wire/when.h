/* Durations and points in time as people write them. Exactly these spellings: a mistake in a duration is a security setting. */
#ifndef ASSAY_WHEN_H
#define ASSAY_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* 500ms, 30s, 10m, 24h, 7d: digits and one unit. `plain_ms`: what a number without a unit counts in; 0: it must have one. NULL, with
   milliseconds in *ret_ms, at most 100 years; else what is wrong, in words, and *ret_ms is untouched. */
const char *parse_duration(const char *text, int64_t plain_ms, int64_t *ret_ms);

/* Unix seconds, or RFC 3339: 2026-01-31T12:00:00Z, with fractions (cut off) and offsets. In Unix seconds, 0 to 2^53. */
bool parse_time(const char *text, int64_t *ret_seconds);

#endif
