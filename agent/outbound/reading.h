/* Files that a request needs: a bearer token, an authority's certificates. They are read anew for each request, and may lie where
   open() and read() wait for somebody else: so they are read on threads of their own, which are left behind where nothing comes. There
   is at most one reading of a file, however often it is asked for: those who come later wait with the first, and once it has lasted for
   READING_SECONDS_MAX they are sent away until it has ended. Any thread may ask. */
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

/* Readable when some reading has ended, until it is emptied; -1: there is none. */
int readings_fd(void);
void readings_empty_fd(void);

/* 0: what was read is there until the reading is dropped. -1: `why`, also that it has not ended. */
int reading_check(const struct reading *reading, char *why, size_t why_bytes);
const char *reading_token(const struct reading *reading);
const struct authorities *reading_authorities(const struct reading *reading);

/* Whoever has begun it needs it no more. NULL is fine. */
void reading_drop(struct reading *reading);

#endif
