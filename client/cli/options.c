/* Parses in one pass, from left to right. There are no abbreviations and no short forms: in a script that revokes tokens, an option must
   not change its meaning because a later version has more options. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/assay.h"
#include "client/wire/cleanup.h"
#include "client/wire/nearest.h"
#include "client/wire/when.h"
#include "command.h"

#define HELP_COLUMN 30

static void print_help(const struct command *command, const struct option_spec *specs, size_t count)
{
    printf("assay %s: %s\n\nUsage: assay %s%s%s\n\nOptions:\n", command->name, command->summary, command->name,
           command->synopsis[0] != '\0' ? " " : "", command->synopsis);
    for (size_t i = 0; i < count; i++) {
        const struct option_spec *spec = &specs[i];
        int width = printf("  %s%s%s%s", spec->kind == OPTION_OPERAND ? "" : "--", spec->name, spec->value_name != NULL ? " " : "",
                           spec->value_name != NULL ? spec->value_name : "");

        printf("%*s%s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 2, "", spec->help);
    }
    printf("  --help%*sprint this text\n  --version%*sprint the version\n", HELP_COLUMN - 8, "", HELP_COLUMN - 11, "");
    if (command->details != NULL)
        printf("\n%s", command->details);
}

/* Does not print the value that may follow: it can be a token. */
static int unknown_option(const struct command *command, const struct option_spec *specs, size_t count, const char *argument)
{
    struct nearest nearest = {0};
    char *given CLEANUP_FREE = strndup(argument, strcspn(argument, "="));

    if (given == NULL)
        return report_no_memory();
    const char *name = given + strspn(given, "-");

    for (size_t i = 0; i < count; i++)
        if (specs[i].kind != OPTION_OPERAND)
            nearest_consider(&nearest, name, specs[i].name);
    if (nearest.name != NULL)
        return report_bad_input("unknown option '%s'; did you mean --%s?", given, nearest.name);
    return report_bad_input("unknown option '%s'; 'assay %s --help' lists the options", given, command->name);
}

static int unexpected(const struct command *command, const char *argument)
{
    if (strlen(argument) > 32)
        return report_bad_input("unexpected argument '%.16s…'; give a token by --token-file or on stdin", argument);
    return report_bad_input("unexpected argument '%s'; 'assay %s --help' lists what the command takes", argument, command->name);
}

/* Does not print the value: it can be a token. */
static int given_twice(const struct option_spec *spec)
{
    return report_bad_input("--%s is given twice; leave one out", spec->name);
}

static int store_list(const struct option_spec *spec, const char *value)
{
    struct text_list *list = spec->to;

    if (list->count == TEXT_LIST_MAX)
        return report_bad_input("--%s is given more than %d times", spec->name, TEXT_LIST_MAX);
    list->items[list->count++] = value;
    return OPTIONS_PARSED;
}

static int store_text(const struct option_spec *spec, const char *value)
{
    const char **text = spec->to;

    if (*text != NULL)
        return given_twice(spec);
    *text = value;
    return OPTIONS_PARSED;
}

/* Digits alone, at most nine of them. */
static bool parse_count(const char *text, int64_t *ret)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 9 || text[digits] != '\0')
        return false;
    *ret = atol(text);
    return *ret > 0;
}

static int store_number(const struct option_spec *spec, const char *value)
{
    int64_t *number = spec->to;

    if (*number != NOT_GIVEN)
        return given_twice(spec);
    if (spec->kind == OPTION_COUNT && !parse_count(value, number))
        return report_bad_input("--%s: '%s' is not a number from 1 to 999999999", spec->name, value);
    if (spec->kind == OPTION_DURATION || spec->kind == OPTION_SECONDS) {
        const char *fault = parse_duration(value, spec->kind == OPTION_SECONDS ? 1000 : 0, number);

        if (fault != NULL)
            return report_bad_input("--%s: '%s': %s; use 500ms, 30s, 10m, 24h or 7d", spec->name, value, fault);
    }
    if (spec->kind == OPTION_TIME && !parse_time(value, number))
        return report_bad_input("--%s: '%s' is not a time; write Unix seconds, or RFC 3339 like 2026-01-31T12:00:00Z", spec->name,
                                value);
    return OPTIONS_PARSED;
}

static int store(const struct option_spec *spec, const char *value)
{
    switch (spec->kind) {
    case OPTION_TEXT:
        return store_text(spec, value);
    case OPTION_LIST:
        return store_list(spec, value);
    default:
        return store_number(spec, value);
    }
}

static const struct option_spec *find(const struct option_spec *specs, size_t count, const char *name, size_t name_bytes)
{
    for (size_t i = 0; i < count; i++)
        if (specs[i].kind != OPTION_OPERAND && strlen(specs[i].name) == name_bytes && memcmp(specs[i].name, name, name_bytes) == 0)
            return &specs[i];
    return NULL;
}

/* Takes one option and its value from the arguments. */
static int take_option(const struct command *command, const struct option_spec *specs, size_t count, int *at, int argc, char **argv)
{
    const char *argument = argv[*at], *equals = strchr(argument, '=');
    size_t bytes = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
    const struct option_spec *spec = bytes > 2 && argument[1] == '-' ? find(specs, count, argument + 2, bytes - 2) : NULL;

    if (spec == NULL)
        return unknown_option(command, specs, count, argument);
    if (spec->kind == OPTION_FLAG) {
        if (equals != NULL)
            return report_bad_input("--%s takes no value; write it without '%s'", spec->name, equals);
        *(bool *)spec->to = true;
        return OPTIONS_PARSED;
    }
    if (equals != NULL)
        return store(spec, equals + 1);
    if (*at + 1 >= argc)
        return report_bad_input("--%s needs a value: --%s %s", spec->name, spec->name, spec->value_name);
    return store(spec, argv[++*at]);
}

static int take_operand(const struct command *command, const struct option_spec *specs, size_t count, const char *argument)
{
    for (size_t i = 0; i < count; i++) {
        const char **operand = specs[i].to;

        if (specs[i].kind == OPTION_OPERAND && *operand == NULL) {
            *operand = argument;
            return OPTIONS_PARSED;
        }
    }
    return unexpected(command, argument);
}

/* After --, every argument is an operand. */
static int take_operands(const struct command *command, const struct option_spec *specs, size_t count, int argc, char **argv)
{
    int parsed = OPTIONS_PARSED;

    for (int i = 0; parsed == OPTIONS_PARSED && i < argc; i++)
        parsed = take_operand(command, specs, count, argv[i]);
    return parsed;
}

int options_parse(const struct command *command, const struct option_spec *specs, size_t count, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(command, specs, count);
            return report_yes();
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("assay " ASSAY_VERSION);
            return report_yes();
        }
        if (strcmp(argv[i], "--") == 0)
            return take_operands(command, specs, count, argc - i - 1, argv + i + 1);
        int parsed = argv[i][0] != '-' || argv[i][1] == '\0' ? take_operand(command, specs, count, argv[i])
                                                             : take_option(command, specs, count, &i, argc, argv);

        if (parsed != OPTIONS_PARSED)
            return parsed;
    }
    return OPTIONS_PARSED;
}
