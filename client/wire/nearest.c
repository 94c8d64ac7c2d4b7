/* A run compares a handful of names, once: the simple algorithm is fast enough. */
#include "nearest.h"

#include <stdbool.h>
#include <string.h>

/* Names longer than this are not known names; an issuer's URL is rarely longer. */
#define NAME_BYTES_MAX 128

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters to insert, remove, change, or swap with their neighbour (Damerau-Levenshtein); keeps three rows of the table at a
   time. */
static size_t distance(const char *from, size_t from_bytes, const char *to, size_t to_bytes)
{
    size_t rows[3][NAME_BYTES_MAX + 1];

    for (size_t column = 0; column <= to_bytes; column++)
        rows[0][column] = column;
    for (size_t line = 1; line <= from_bytes; line++) {
        size_t *row = rows[line % 3], *above = rows[(line + 2) % 3], *higher = rows[(line + 1) % 3];

        row[0] = line;
        for (size_t column = 1; column <= to_bytes; column++) {
            size_t changed = above[column - 1] + (from[line - 1] != to[column - 1]);

            row[column] = least(changed, 1 + least(row[column - 1], above[column]));
            if (line > 1 && column > 1 && from[line - 1] == to[column - 2] && from[line - 2] == to[column - 1])
                row[column] = least(row[column], 1 + higher[column - 2]);
        }
    }
    return rows[from_bytes % 3][to_bytes];
}

void nearest_consider(struct nearest *nearest, const char *typed, const char *candidate)
{
    size_t typed_bytes = strlen(typed), candidate_bytes = strlen(candidate);

    if (typed_bytes > NAME_BYTES_MAX || candidate_bytes > NAME_BYTES_MAX)
        return;
    size_t apart = distance(typed, typed_bytes, candidate, candidate_bytes);
    bool shortened = typed_bytes >= 3 && strncmp(typed, candidate, typed_bytes) == 0;

    /* Two letters, or a third of a long name. A name that is further away is not a misspelling, unless it is the beginning of the
       candidate. */
    if (apart > 2 && apart > candidate_bytes / 3 && !shortened)
        return;
    if (apart < candidate_bytes && (nearest->name == NULL || apart < nearest->distance))
        *nearest = (struct nearest){candidate, apart};
}
