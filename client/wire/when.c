/* Does not use strptime() and timegm(): they take more than one spelling, depend on the locale, and hardly say what is wrong. */
#include "when.h"

#include <string.h>

#define DURATION_MS_MAX  INT64_C(3155760000000) /* 100 years */
#define TIME_SECONDS_MAX (INT64_C(1) << 53)     /* the largest NumericDate that the agent takes */

/* Reads one or more digits, and moves past them. */
static bool read_digits(const char **at, int64_t most, int64_t *ret_number)
{
    int64_t number = 0;
    const char *digit = *at;

    for (; *digit >= '0' && *digit <= '9'; digit++) {
        number = 10 * number + (*digit - '0');
        if (number > most)
            return false;
    }
    if (digit == *at)
        return false;
    *at = digit;
    *ret_number = number;
    return true;
}

const char *parse_duration(const char *text, int64_t plain_ms, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    int64_t number, unit_ms = 0;

    if (*text < '0' || *text > '9')
        return "not a whole number with a unit";
    if (!read_digits(&text, DURATION_MS_MAX, &number))
        return "more than 100 years";
    if (*text == '.' || *text == ',')
        return "not a whole number";
    if (*text == '\0' && plain_ms == 0)
        return "missing unit";
    if (*text == '\0')
        unit_ms = plain_ms;
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(text, units[i].unit) == 0)
            unit_ms = units[i].ms;
    if (unit_ms == 0)
        return "unknown unit";
    if (number > DURATION_MS_MAX / unit_ms)
        return "more than 100 years";
    *ret_ms = number * unit_ms;
    return NULL;
}

/* Reads exactly that many digits, in a range, and then the character `then`, unless it is 0. */
static bool read_field(const char **at, int digits, int least, int most, char then, int *ret_field)
{
    int field = 0;

    for (int i = 0; i < digits; i++) {
        if ((*at)[i] < '0' || (*at)[i] > '9')
            return false;
        field = 10 * field + ((*at)[i] - '0');
    }
    if (field < least || field > most || (then != 0 && ((*at)[digits] | 0x20) != (then | 0x20)))
        return false;
    *at += digits + (then != 0);
    *ret_field = field;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && is_leap);
}

/* Days from 1970-01-01 in the Gregorian calendar. Counts years from March, so that a leap day is the last of its year. */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t march_year = year - (month <= 2);
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return 365 * march_year + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year - 719468;
}

/* Reads Z or +HH:MM, with nothing after it. */
static bool read_offset(const char *at, int64_t *ret_seconds)
{
    int hours, minutes;
    char sign = *at;

    if ((at[0] == 'Z' || at[0] == 'z') && at[1] == '\0') {
        *ret_seconds = 0;
        return true;
    }
    if (sign != '+' && sign != '-')
        return false;
    at++;
    if (!read_field(&at, 2, 0, 23, ':', &hours) || !read_field(&at, 2, 0, 59, 0, &minutes) || *at != '\0')
        return false;
    *ret_seconds = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool parse_rfc3339(const char *at, int64_t *ret_seconds)
{
    int year, month, day, hour, minute, second;
    int64_t offset, fraction;

    if (!read_field(&at, 4, 0, 9999, '-', &year) || !read_field(&at, 2, 1, 12, '-', &month) ||
        !read_field(&at, 2, 1, days_in_month(year, month), 'T', &day))
        return false;
    if (!read_field(&at, 2, 0, 23, ':', &hour) || !read_field(&at, 2, 0, 59, ':', &minute) ||
        !read_field(&at, 2, 0, 60, 0, &second)) /* 60: a leap second */
        return false;
    if (*at == '.') {
        at++;
        if (!read_digits(&at, INT64_MAX / 16, &fraction))
            return false;
    }
    if (!read_offset(at, &offset))
        return false;
    int64_t seconds = days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;

    if (seconds < 0)
        return false;
    *ret_seconds = seconds;
    return true;
}

bool parse_time(const char *text, int64_t *ret_seconds)
{
    const char *at = text;
    int64_t seconds;

    if (read_digits(&at, TIME_SECONDS_MAX, &seconds) && *at == '\0') {
        *ret_seconds = seconds;
        return true;
    }
    return parse_rfc3339(text, ret_seconds);
}
