/* The options of a command: a table beside the variables that they fill, from which --help is written too. An option has one
   spelling, is given once, and a wrong one is told with its value and what to write instead. */
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
    OPTION_SECONDS,  /* the same, where a number without a unit is seconds, as the option's name says */
    OPTION_TIME,     /* int64_t Unix seconds, NOT_GIVEN if not */
    OPTION_OPERAND,  /* const char *: no option, but what stands by itself; in the table's order */
};

#define NOT_GIVEN     INT64_C(-1)
#define TEXT_LIST_MAX 64

struct text_list {
    const char *items[TEXT_LIST_MAX];
    size_t count;
};

struct option_spec {
    const char *name; /* without the dashes; of an operand, as the help calls it */
    enum option_kind kind;
    void *to;
    const char *value_name; /* NULL for flags */
    const char *help;
};

#define OPTION_JSON(flag) ((struct option_spec){"json", OPTION_FLAG, &(flag), NULL, "answer in JSON, errors too"})

#define OPTIONS_PARSED (-1)

/* Fills the variables. OPTIONS_PARSED, or what to exit with: --help was asked for and is written, or it was wrong and was told. */
int options_parse(const struct command *command, const struct option_spec *specs, size_t count, int argc, char **argv);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
