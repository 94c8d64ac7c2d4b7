/* Durations and times: the spellings that count, and those that are nearly them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/wire/when.h"

static void durations_are_a_number_and_a_unit(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"500ms", 500},    {"30s", 30000}, {"10m", 600000}, {"24h", 86400000},
                {"7d", 604800000}, {"0s", 0},      {"007s", 7000},  {"36525d", 3155760000000}};
    static const char *const bad[] = {"",
                                      "s",
                                      "5 s",
                                      " 5s",
                                      "5s ",
                                      "+5s",
                                      "-5s",
                                      "5.5s",
                                      "5S",
                                      "5sec",
                                      "1h5m",
                                      "0x5s",
                                      "5ms5",
                                      "1e3s",
                                      "5w",
                                      "5y",
                                      "36526d",
                                      "99999999999999999999s"};
    int64_t ms = -1;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(parse_duration(bad[i], 0, &ms));
    assert_true(ms == -1);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(parse_duration(good[i].text, 0, &ms));
        assert_true(ms == good[i].ms);
        assert_null(parse_duration(good[i].text, 1000, &ms));
        assert_true(ms == good[i].ms);
    }
}

static void a_number_alone_needs_a_unit_to_be_obvious(void **state)
{
    int64_t ms = -1;

    (void)state;
    assert_string_equal(parse_duration("5", 0, &ms), "missing unit");
    assert_true(ms == -1);
    assert_null(parse_duration("5", 1000, &ms));
    assert_true(ms == 5000);
    assert_null(parse_duration("3155760000", 1000, &ms));
    assert_true(ms == 3155760000000);
    ms = -1;
    assert_string_equal(parse_duration("3155760001", 1000, &ms), "more than 100 years");
    assert_string_equal(parse_duration("", 1000, &ms), "not a whole number with a unit");
    assert_string_equal(parse_duration("-5", 1000, &ms), "not a whole number with a unit");
    assert_string_equal(parse_duration("5.5", 1000, &ms), "not a whole number");
    assert_string_equal(parse_duration("2x", 1000, &ms), "unknown unit");
    assert_string_equal(parse_duration("5 ", 1000, &ms), "unknown unit");
    assert_string_equal(parse_duration("36526d", 0, &ms), "more than 100 years");
    assert_string_equal(parse_duration("99999999999999999999", 1000, &ms), "more than 100 years");
    assert_true(ms == -1);
}

static void times_are_unix_seconds_or_rfc_3339(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {
        {"0", 0},
        {"1700000000", 1700000000},
        {"9007199254740992", 9007199254740992},
        {"1970-01-01T00:00:00Z", 0},
        {"2023-11-14T22:13:20Z", 1700000000},
        {"2023-11-14t22:13:20z", 1700000000},
        {"2023-11-14T22:13:20.999Z", 1700000000},
        {"2023-11-15T00:13:20+02:00", 1700000000},
        {"2023-11-14T17:43:20-04:30", 1700000000},
        {"2024-02-29T00:00:00Z", 1709164800},
        {"2000-02-29T12:00:00Z", 951825600},
        {"2016-12-31T23:59:60Z", 1483228800},
        {"9999-12-31T23:59:59Z", 253402300799},
    };
    int64_t seconds;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(parse_time(good[i].text, &seconds));
        assert_true(seconds == good[i].seconds);
    }
}

static void what_is_nearly_a_time_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        "-1",
        "+1",
        "1.5",
        " 1",
        "1 ",
        "9007199254740993",
        "now",
        "2023-11-14",
        "2023-11-14T22:13:20",
        "2023-11-14 22:13:20Z",
        "2023-11-14T22:13Z",
        "2023-13-01T00:00:00Z",
        "2023-00-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2023-04-31T00:00:00Z",
        "2023-11-00T00:00:00Z",
        "2023-11-14T24:00:00Z",
        "2023-11-14T22:60:00Z",
        "2023-11-14T22:13:61Z",
        "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20Z ",
        "2023-11-14T22:13:20+0200",
        "2023-11-14T22:13:20+24:00",
        "2023-11-14T22:13:20+02:60",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "2023-1-14T22:13:20Z",
        "12023-11-14T22:13:20Z",
    };
    int64_t seconds = -1;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(parse_time(bad[i], &seconds));
    assert_true(seconds == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_a_number_and_a_unit),
        cmocka_unit_test(a_number_alone_needs_a_unit_to_be_obvious),
        cmocka_unit_test(times_are_unix_seconds_or_rfc_3339),
        cmocka_unit_test(what_is_nearly_a_time_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
