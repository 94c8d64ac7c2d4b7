/* A command's options: a table with the variables that they fill, from which --help is printed too. An option has one spelling and is
   given once. An error names the option and its value, and says what to write instead. */
#ifndef ASSAY_COMMAND_OPTIONS_H
#define ASSAY_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;

enum option_kind {
    OPTION_FLAG = 1, /* bool */
    OPTION_TEXT,     /* const char *, NULL if not given */
    OPTION_LIST,     /* struct text_list: may be given again */
    OPTION_COUNT,    /* int64_t, at least 1, NOT_GIVEN if not */
    OPTION_DURATION, /* int64_t milliseconds, NOT_GIVEN if not */
    OPTION_SECONDS,  /* the same, but a number without a unit is in seconds, as the option's name says */
    OPTION_TIME,     /* int64_t Unix seconds, NOT_GIVEN if not */
    OPTION_OPERAND,  /* const char *: an argument that is not an option; in the table's order */
};

#define NOT_GIVEN     INT64_C(-1)
#define TEXT_LIST_MAX 64

struct text_list {
    const char *items[TEXT_LIST_MAX];
    size_t count;
};

struct option_spec {
    const char *name; /* without the dashes; of an operand, its name in the help */
    enum option_kind kind;
    void *to;
    const char *value_name; /* NULL for flags */
    const char *help;
};

#define OPTION_JSON(flag) ((struct option_spec){"json", OPTION_FLAG, &(flag), NULL, "print JSON, also for errors"})

#define OPTIONS_PARSED (-1)

/* Fills the variables. Returns OPTIONS_PARSED, or the exit code: --help was printed, or an error was reported. */
int options_parse(const struct command *command, const struct option_spec *specs, size_t count, int argc, char **argv);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
