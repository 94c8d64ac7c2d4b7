/* Options: exact, once, and told when wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cli/command.h"
#include "client/wire/nearest.h"

struct filled {
    bool flag;
    const char *text;
    struct text_list list;
    int64_t duration;
    int64_t time;
    int64_t number;
    const char *file, *other;
};

static char told[1024];

/* Parses, with what is told on stderr caught in `told`. */
static int parse(struct filled *filled, int argc, const char *const *argv)
{
    static const struct command command = {.name = "test", .synopsis = ""};
    const struct option_spec specs[] = {
        {"flag", OPTION_FLAG, &filled->flag, NULL, ""},      {"text", OPTION_TEXT, &filled->text, "T", ""},
        {"list", OPTION_LIST, &filled->list, "L", ""},       {"wait", OPTION_DURATION, &filled->duration, "D", ""},
        {"before", OPTION_TIME, &filled->time, "TIME", ""},  {"FILE", OPTION_OPERAND, &filled->file, NULL, ""},
        {"OTHER", OPTION_OPERAND, &filled->other, NULL, ""}, {"number", OPTION_COUNT, &filled->number, "N", ""},
    };
    FILE *caught = tmpfile();
    int saved = dup(STDERR_FILENO);

    *filled = (struct filled){.duration = NOT_GIVEN, .time = NOT_GIVEN, .number = NOT_GIVEN};
    fflush(stderr);
    dup2(fileno(caught), STDERR_FILENO);
    int code = options_parse(&command, specs, COUNT(specs), argc, (char **)argv);

    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(caught);
    told[fread(told, 1, sizeof told - 1, caught)] = '\0';
    fclose(caught);
    return code;
}

#define WORDS(...)         ((const char *[]){"test", __VA_ARGS__})
#define PARSE(filled, ...) parse(filled, (int)COUNT(WORDS(__VA_ARGS__)), WORDS(__VA_ARGS__))

static void numbers_are_digits(void **state)
{
    static const char *const bad[] = {"", "0", "-1", "+1", "1.5", "1e3", " 1", "1 ", "0x1", "1000000000"};
    struct filled filled;

    (void)state;
    assert_int_equal(PARSE(&filled, "--number", "999999999"), OPTIONS_PARSED);
    assert_int_equal(filled.number, 999999999);
    assert_int_equal(PARSE(&filled, "--number", "007"), OPTIONS_PARSED);
    assert_int_equal(filled.number, 7);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(PARSE(&filled, "--number", bad[i]), EXIT_BAD_INPUT);
    assert_int_equal(PARSE(&filled, "--number", "1", "--number", "2"), EXIT_BAD_INPUT);
    assert_non_null(strstr(told, "twice"));
}

static void options_fill_their_variables(void **state)
{
    struct filled filled;

    (void)state;
    assert_int_equal(PARSE(&filled, "--flag", "--text", "a", "--list=b", "--list", "c=d", "--wait", "5s", "--before=7"),
                     OPTIONS_PARSED);
    assert_true(filled.flag);
    assert_string_equal(filled.text, "a");
    assert_int_equal(filled.list.count, 2);
    assert_string_equal(filled.list.items[1], "c=d");
    assert_int_equal(filled.duration, 5000);
    assert_int_equal(filled.time, 7);
    assert_int_equal(PARSE(&filled, "--text", "--flag"), OPTIONS_PARSED); /* a value is a value */
    assert_string_equal(filled.text, "--flag");
    assert_false(filled.flag);
    assert_int_equal(PARSE(&filled, "--text="), OPTIONS_PARSED);
    assert_string_equal(filled.text, "");
}

static void operands_stand_by_themselves(void **state)
{
    struct filled filled;

    (void)state;
    assert_int_equal(PARSE(&filled, "a", "--flag", "b"), OPTIONS_PARSED);
    assert_string_equal(filled.file, "a");
    assert_string_equal(filled.other, "b");
    assert_true(filled.flag);
    assert_int_equal(PARSE(&filled, "--text", "t", "--", "--flag"), OPTIONS_PARSED);
    assert_string_equal(filled.file, "--flag");
    assert_null(filled.other);
    assert_false(filled.flag);
}

static void wrong_ones_are_told_with_the_remedy(void **state)
{
    struct filled filled;

    (void)state;
    assert_int_equal(PARSE(&filled, "--txt", "a"), EXIT_BAD_INPUT);
    assert_non_null(strstr(told, "'--txt'; did you mean --text?"));
    assert_int_equal(PARSE(&filled, "--te", "a"), EXIT_BAD_INPUT); /* no abbreviations */
    assert_int_equal(PARSE(&filled, "-text", "a"), EXIT_BAD_INPUT);
    assert_non_null(strstr(told, "did you mean --text?"));
    assert_int_equal(PARSE(&filled, "--quite-another"), EXIT_BAD_INPUT);
    assert_non_null(strstr(told, "'assay test --help'"));
    assert_int_equal(PARSE(&filled, "--text"), EXIT_BAD_INPUT);
    assert_non_null(strstr(told, "--text needs a value: --text T"));
    assert_int_equal(PARSE(&filled, "--flag=yes"), EXIT_BAD_INPUT);
    assert_int_equal(PARSE(&filled, "--text", "a", "--text", "b"), EXIT_BAD_INPUT);
    assert_non_null(strstr(told, "given twice"));
    assert_int_equal(PARSE(&filled, "--wait", "5"), EXIT_BAD_INPUT);
    assert_non_null(strstr(told, "--wait: '5': missing unit; use 500ms"));
    assert_int_equal(PARSE(&filled, "--before", "noon"), EXIT_BAD_INPUT);
    assert_non_null(strstr(told, "--before: 'noon' is not a time"));
    assert_int_equal(PARSE(&filled, "one", "two", "word"), EXIT_BAD_INPUT);
    assert_non_null(strstr(told, "unexpected argument 'word'"));
    assert_int_equal(PARSE(&filled, "one", "--", "two", "word"), EXIT_BAD_INPUT);
    assert_int_equal(PARSE(&filled, "--FILE", "x"), EXIT_BAD_INPUT); /* an operand has no dashes, */
    assert_null(strstr(told, "did you mean"));                       /* and none are suggested */
    assert_int_equal(PARSE(&filled, "--esc\x1b[2J"), EXIT_BAD_INPUT);
    assert_null(strchr(told, '\x1b'));
}

static void the_nearest_name_is_near(void **state)
{
    struct nearest nearest = {0};

    (void)state;
    nearest_consider(&nearest, "revok", "unrevoke");
    nearest_consider(&nearest, "revok", "revoke");
    nearest_consider(&nearest, "revok", "revocations");
    assert_string_equal(nearest.name, "revoke");
    nearest = (struct nearest){0};
    nearest_consider(&nearest, "x", "verify");
    nearest_consider(&nearest, "", "all");
    nearest_consider(&nearest, "ab", "sub");
    assert_true(nearest.name == NULL || strcmp(nearest.name, "sub") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_digits),
        cmocka_unit_test(options_fill_their_variables),
        cmocka_unit_test(operands_stand_by_themselves),
        cmocka_unit_test(wrong_ones_are_told_with_the_remedy),
        cmocka_unit_test(the_nearest_name_is_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
