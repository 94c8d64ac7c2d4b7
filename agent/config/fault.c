#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/commands/nearest.h"

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

const char *nearest_name(const char *name, const char *const *names)
{
    struct nearest nearest = {NULL, 0};

    for (; *names != NULL; names++)
        nearest_consider(&nearest, name, *names);
    return nearest.name;
}
