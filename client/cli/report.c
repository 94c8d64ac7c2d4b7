/* Results go to stdout and errors to stderr, so that a pipe gets only results. With --json, everything is one object on stdout, so that a
   program has one place to read. */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/cleanup.h"
#include "client/wire/json.h"
#include "client/wire/printable.h"
#include "client/wire/value.h"

static bool as_json;

void report_as_json(bool json)
{
    as_json = json;
}

bool report_is_json(void)
{
    return as_json;
}

static struct value string_value(const char *text)
{
    return (struct value){.type = WIRE_STR, .count = (uint32_t)strlen(text), .span = 1, .str = text};
}

static void print_object(const char *name, const char *message)
{
    const struct value object[] = {
        {.type = WIRE_MAP, .count = 2, .span = 5},
        string_value("error"),
        string_value(name),
        string_value("message"),
        string_value(message),
    };
    char *text CLEANUP_FREE = json_text(object);

    if (text != NULL)
        puts(text);
}

static int say(int outcome, const char *name, const char *format, va_list arguments)
{
    char *message CLEANUP_FREE = NULL;

    if (vasprintf(&message, format, arguments) < 0) {
        message = NULL;
        fputs("assay: out of memory\n", stderr);
        return EXIT_UNDECIDED;
    }
    if (as_json) {
        print_object(name, message);
        return outcome;
    }
    make_printable(message);
    fprintf(stderr, "assay: %s\n", message);
    return outcome;
}

int report_no(const char *name, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int outcome = say(EXIT_NO, name, format, arguments);

    va_end(arguments);
    return outcome;
}

int report_bad_input(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int outcome = say(EXIT_BAD_INPUT, "bad_input", format, arguments);

    va_end(arguments);
    return outcome;
}

int report_undecided(const char *name, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int outcome = say(EXIT_UNDECIDED, name, format, arguments);

    va_end(arguments);
    return outcome;
}

int report_no_memory(void)
{
    return report_undecided("no_memory", "out of memory");
}

int report_yes(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("assay: stdout");
        return EXIT_BAD_INPUT;
    }
    return EXIT_YES;
}
