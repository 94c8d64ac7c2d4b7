/* Durations and points in time as people write them. Exactly these spellings: a mistake in a duration is a security setting. */
#ifndef ASSAY_COMMAND_WHEN_H
#define ASSAY_COMMAND_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* 500ms, 30s, 10m, 24h, 7d: digits and one unit. In milliseconds, at most 100 years. */
bool parse_duration(const char *text, int64_t *ret_ms);

/* Unix seconds, or RFC 3339: 2026-01-31T12:00:00Z, with fractions (cut off) and offsets. In Unix seconds, 0 to 2^53. */
bool parse_time(const char *text, int64_t *ret_seconds);

#endif
