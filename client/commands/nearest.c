/* For a handful of names once a run: the plain algorithm does. */
#include "nearest.h"

#include <string.h>

/* Longer names than this are nobody's. */
#define NAME_BYTES_MAX 32

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to insert, leave out or change (Levenshtein), one row of the table at a time. */
static size_t distance(const char *from, size_t from_bytes, const char *to, size_t to_bytes)
{
    size_t row[NAME_BYTES_MAX + 1];

    for (size_t column = 0; column <= to_bytes; column++)
        row[column] = column;
    for (size_t line = 1; line <= from_bytes; line++) {
        size_t diagonal = row[0];

        row[0] = line;
        for (size_t column = 1; column <= to_bytes; column++) {
            size_t changed = diagonal + (from[line - 1] != to[column - 1]);

            diagonal = row[column];
            row[column] = least(changed, 1 + least(row[column - 1], row[column]));
        }
    }
    return row[to_bytes];
}

void nearest_consider(struct nearest *nearest, const char *typed, const char *candidate)
{
    size_t typed_bytes = strlen(typed), candidate_bytes = strlen(candidate);

    if (typed_bytes > NAME_BYTES_MAX || candidate_bytes > NAME_BYTES_MAX)
        return;
    size_t apart = distance(typed, typed_bytes, candidate, candidate_bytes);

    /* Two letters, or a third of a long name: further away it is no misspelling any more. */
    if (apart > 2 && apart > candidate_bytes / 3)
        return;
    if (apart < candidate_bytes && (nearest->name == NULL || apart < nearest->distance))
        *nearest = (struct nearest){candidate, apart};
}
