/* Fleets of agents that fetch one issuer's keys, under a clock that is only a number: an issuer must not be able to tell from its
   load that they started together, or that it was away. Agents do not know of each other, so that each is followed to the end by
   itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/keys/schedule.h"

#define START   1.7e9
#define SECONDS 30000 /* the longest course */
#define TAKES   0.2   /* a fetch */
#define NO_SET  -1.0
#define MOST    0.02

/* Times are seconds after the start. */
struct course {
    const char *name;
    double refresh, http_max_age;
    double stored_age; /* of the sets that all of them have; NO_SET */
    double gone, back; /* the issuer answers nobody from the one to the other */
    double most;       /* of the agents in one second */
};

static unsigned fetches[SECONDS];

/* At the latest two periods after the moment. */
static void has_fetched_since(double moment, const struct course *course, double fetched, double now)
{
    assert_true(now - START <= moment + 2 * course->refresh || fetched - START >= moment);
}

static void must_be_fresh(const struct course *course, double fetched, double now)
{
    has_fetched_since(course->back, course, fetched, now);
    if (course->gone > 2 * course->refresh)
        has_fetched_since(0, course, fetched, now);
}

static void follow(const struct course *course, uint64_t number)
{
    double end = START + course->back + 5 * fmax(course->refresh, course->http_max_age);
    struct schedule_rules rules = {.refresh = course->refresh, .cooldown = 10, .max_age = 86400};
    struct schedule agent = {.random = number, .fetched = course->stored_age < 0 ? 0 : START - course->stored_age};

    schedule_start(&agent, &rules, START);
    for (bool at_once = course->stored_age < 0; agent.due < end; at_once = false) {
        double now = agent.due;

        must_be_fresh(course, agent.fetched, now);
        fetches[(unsigned)(now - START)] += !at_once; /* without any key it cannot wait */
        schedule_began(&agent, now);
        if (now - START >= course->gone && now - START < course->back)
            schedule_failed(&agent, &rules, now + TAKES, -1);
        else
            schedule_succeeded(&agent, &rules, now + TAKES, 0, course->http_max_age);
    }
    must_be_fresh(course, agent.fetched, end);
}

static void run(const struct course *course, unsigned agents)
{
    unsigned most = 0;

    memset(fetches, 0, sizeof fetches);
    for (unsigned i = 0; i < agents; i++)
        follow(course, i);
    for (unsigned second = 0; second < SECONDS; second++)
        most = fetches[second] > fetches[most] ? second : most;
    printf("%6u agents, refresh %3.0f s, max-age %4.0f s, %s: at most %.2f %% in a second\n", agents, course->refresh,
           course->http_max_age, course->name, 100.0 * fetches[most] / agents);
    assert_true(fetches[most] > 0 && fetches[most] <= agents * course->most);
}

static void run_all(const struct course *courses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        run(&courses[i], 1000);
        run(&courses[i], 100000);
    }
}
#define RUN_ALL(courses) run_all(courses, sizeof(courses) / sizeof *(courses))

static void started_together_with_stored_sets(void **state)
{
    static const struct course courses[] = {
        {"sets just fetched", 600, -1, 0, 0, 0, MOST},    {"sets of 5 min", 600, -1, 300, 0, 0, MOST},
        {"sets of 9 min 50 s", 600, -1, 590, 0, 0, MOST}, {"sets of a period", 600, -1, 600, 0, 0, MOST},
        {"sets of 2 h", 600, -1, 7200, 0, 0, MOST},       {"sets that end in 150 s", 600, -1, 86250, 0, 0, MOST},
        {"sets just fetched", 600, 3600, 0, 0, 0, MOST},  {"sets of 2 h", 600, 3600, 7200, 0, 0, MOST},
    };

    (void)state;
    RUN_ALL(courses);
}

static void started_together_with_nothing(void **state)
{
    static const struct course courses[] = {
        {"nothing stored", 600, -1, NO_SET, 0, 0, MOST},
        {"nothing stored", 600, 3600, NO_SET, 0, 0, MOST},
        {"nothing stored", 60, 3600, NO_SET, 0, 0, MOST},
    };

    (void)state;
    RUN_ALL(courses);
}

static void an_outage_of_an_hour(void **state)
{
    static const struct course courses[] = {
        {"an outage", 600, -1, 0, 7200, 10800, MOST},
        {"nothing stored, an outage", 600, -1, NO_SET, 7200, 10800, MOST},
        {"nothing stored, soon an outage", 600, -1, NO_SET, 200, 3800, MOST},
        {"sets just fetched, an outage at the start", 600, -1, 0, 0, 3600, MOST},
        {"sets of 2 h, an outage at the start", 600, -1, 7200, 0, 3600, MOST},
        {"an outage", 600, 3600, 0, 7200, 10800, MOST},
        {"nothing stored, soon an outage", 600, 3600, NO_SET, 200, 3800, MOST},
    };

    (void)state;
    RUN_ALL(courses);
}

/* Who asks for a fetch every 45 s on average has 2.2 % of them in an average second, whatever is done: there the bound is what
   chance makes of that. */
static void a_minute_s_period(void **state)
{
    static const struct course courses[] = {
        {"sets just fetched", 60, -1, 0, 0, 0, 0.06},   {"sets of 2 h", 60, -1, 7200, 0, 0, 0.06},
        {"nothing stored", 60, -1, NO_SET, 0, 0, 0.06}, {"an outage", 60, -1, 0, 7200, 10800, 0.06},
        {"sets just fetched", 60, 3600, 0, 0, 0, 0.06}, {"sets of 2 h", 60, 3600, 7200, 0, 0, 0.06},
        {"an outage", 60, 3600, 0, 7200, 10800, 0.06},
    };

    (void)state;
    RUN_ALL(courses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(started_together_with_stored_sets),
        cmocka_unit_test(started_together_with_nothing),
        cmocka_unit_test(an_outage_of_an_hour),
        cmocka_unit_test(a_minute_s_period),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
