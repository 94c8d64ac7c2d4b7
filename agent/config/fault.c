#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fault_add(struct faults *faults, struct place place, const char *format, ...)
{
    char *message, *text;
    va_list arguments;

    if (faults->count == CONFIG_FAULTS_MAX)
        return;
    va_start(arguments, format);
    int made = vasprintf(&message, format, arguments);

    va_end(arguments);
    if (made < 0)
        return;
    if (place.line > 0)
        made = asprintf(&text, "%s:%u:%u: %s", place.file, place.line, place.column, message);
    else
        made = asprintf(&text, "%s: %s", place.file, message);
    free(message);
    if (made >= 0)
        faults->text[faults->count++] = text;
}

void faults_clear(struct faults *faults)
{
    for (unsigned i = 0; i < faults->count; i++)
        free(faults->text[i]);
    faults->count = 0;
}

#define NAME_BYTES_MAX 48

/* How many letters must be put in, taken out, changed or swapped with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    unsigned rows[3][NAME_BYTES_MAX + 1];

    if (a_size > NAME_BYTES_MAX || b_size > NAME_BYTES_MAX)
        return NAME_BYTES_MAX;
    for (unsigned k = 0; k <= b_size; k++)
        rows[0][k] = k;
    for (unsigned i = 1; i <= a_size; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *higher = rows[(i + 1) % 3];

        row[0] = i;
        for (unsigned k = 1; k <= b_size; k++) {
            unsigned best = above[k - 1] + (a[i - 1] != b[k - 1]);

            if (above[k] + 1 < best)
                best = above[k] + 1;
            if (row[k - 1] + 1 < best)
                best = row[k - 1] + 1;
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && higher[k - 2] + 1 < best)
                best = higher[k - 2] + 1;
            row[k] = best;
        }
    }
    return rows[a_size % 3][b_size];
}

const char *nearest_name(const char *name, const char *const *names)
{
    const char *nearest = NULL;
    unsigned least = (unsigned)strlen(name) / 3 + 2;

    for (; *names != NULL; names++) {
        unsigned d = distance(name, *names);

        if (d < least) {
            least = d;
            nearest = *names;
        }
    }
    return nearest;
}
