/* Reads durations and times as people write them. It takes exactly one spelling, because a duration is often a security setting. */
#ifndef ASSAY_WHEN_H
#define ASSAY_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* 500ms, 30s, 10m, 24h, 7d: digits and one unit. `plain_ms`: the unit of a number without one; 0: there must be a unit. Returns NULL with
   *ret_ms in milliseconds, at most 100 years; else what is wrong, in words, and leaves *ret_ms unchanged. */
const char *parse_duration(const char *text, int64_t plain_ms, int64_t *ret_ms);

/* Unix seconds, or RFC 3339: 2026-01-31T12:00:00Z, with fractions (cut off) and offsets. The result is in Unix seconds, 0 to 2^53. */
bool parse_time(const char *text, int64_t *ret_seconds);

#endif
