#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/nearest.h"
#include "client/wire/printable.h"

/* A fault is still counted if there is no memory for its text. */
static char no_words[] = "out of memory";

void fault_add(struct faults *faults, struct place place, const char *format, ...)
{
    char *message, *text = no_words;
    va_list arguments;

    if (faults->count == CONFIG_FAULTS_MAX)
        return;
    va_start(arguments, format);
    int made = vasprintf(&message, format, arguments);

    va_end(arguments);
    if (made >= 0) {
        make_printable(message); /* the file's own words among it */
        if (place.line > 0)
            made = asprintf(&text, "%s:%u:%u: %s", place.file, place.line, place.column, message);
        else
            made = asprintf(&text, "%s: %s", place.file, message);
        free(message);
    }
    faults->text[faults->count++] = made >= 0 ? text : no_words;
}

void faults_clear(struct faults *faults)
{
    for (unsigned i = 0; i < faults->count; i++)
        if (faults->text[i] != no_words)
            free(faults->text[i]);
    faults->count = 0;
}

void faults_copy(const struct faults *faults, struct faults *ret)
{
    for (unsigned i = 0; i < faults->count; i++) {
        char *text = strdup(faults->text[i]);

        ret->text[i] = text != NULL ? text : no_words;
    }
    ret->count = faults->count;
}

const char *nearest_name(const char *name, const char *const *names)
{
    struct nearest nearest = {NULL, 0};

    for (; *names != NULL; names++)
        nearest_consider(&nearest, name, *names);
    return nearest.name;
}
