/* Files that a request needs: a bearer token, an authority's certificates. The agent reads them again for each request, and they may lie where
   open() and read() block; so their own threads read them, which are abandoned if nothing comes. There is at most one reading of a file, however
   often it is requested: later requests wait with the first, and once it has lasted for READING_SECONDS_MAX they fail at once until it has ended.
   Any thread may call. */
#ifndef ASSAY_OUTBOUND_READING_H
#define ASSAY_OUTBOUND_READING_H

#include <stdbool.h>
#include <stddef.h>

struct authorities;
struct reading;

enum reading_kind { READING_TOKEN, READING_AUTHORITIES };

/* NULL: `why`, for people. */
struct reading *reading_begin(enum reading_kind kind, const char *path, char *why, size_t why_bytes);
bool reading_has_ended(const struct reading *reading);

/* Readable when some reading has ended, until it is emptied; -1: not available. */
int readings_fd(void);
void readings_empty_fd(void);

/* 0: the contents are available until the reading is dropped. -1: `why`, also if it has not ended. */
int reading_check(const struct reading *reading, char *why, size_t why_bytes);
const char *reading_token(const struct reading *reading);
const struct authorities *reading_authorities(const struct reading *reading);

/* The caller of reading_begin no longer needs it. NULL is fine. */
void reading_drop(struct reading *reading);

#endif
