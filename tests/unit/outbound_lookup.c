/* Look-ups of names that take as long as they like, and the counting of their threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netdb.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/limits.h"
#include "agent/outbound/lookup.h"
#include "agent/outbound/threads.h"
#include "client/wire/clock.h"

static sem_t answer; /* for names that begin with "slow" */
static atomic_uint calls;

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *wanted, struct addrinfo **ret);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *wanted, struct addrinfo **ret);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *wanted, struct addrinfo **ret)
{
    atomic_fetch_add(&calls, 1);
    if (strncmp(host, "slow", 4) == 0) {
        while (sem_wait(&answer) != 0)
            ;
    }
    return strcmp(host, "none") == 0 ? EAI_NONAME : __real_getaddrinfo("127.0.0.1", service, wanted, ret);
}

static struct lookup *begin(const char *host, unsigned seconds_old)
{
    char why[128];
    struct lookup *lookup = lookup_begin(host, seconds_old, why, sizeof why);

    if (lookup == NULL)
        fail_msg("%s", why);
    return lookup;
}

static bool is_readable(const struct lookup *lookup, int milliseconds)
{
    struct pollfd polled = {.fd = lookup_fd(lookup), .events = POLLIN};

    return poll(&polled, 1, milliseconds) == 1;
}

static void finds(struct lookup *lookup)
{
    char why[128];

    assert_true(is_readable(lookup, 5000));
    assert_true(lookup_has_ended(lookup));
    assert_non_null(lookup_addresses(lookup, why, sizeof why));
}

static bool none_is_left(void)
{
    return threads_have_ended(monotonic_ns() + 5 * NS_PER_S);
}

static int set_up(void **state)
{
    (void)state;
    atomic_store(&calls, 0);
    return sem_init(&answer, 0, 0);
}

static void one_host_is_looked_up_once_at_a_time(void **state)
{
    struct lookup *first = begin("slow.example", 60), *second = begin("Slow.Example", 60), *third = begin("slow.example", 0);

    (void)state;
    assert_ptr_equal(first, second);
    assert_ptr_equal(first, third);
    assert_false(is_readable(first, 0));
    assert_false(lookup_has_ended(first));
    lookup_drop(first);
    sem_post(&answer);
    finds(second);
    finds(third);
    assert_int_equal(atomic_load(&calls), 1);
    lookup_drop(second);
    lookup_drop(third);
    assert_true(none_is_left());
}

static void what_was_found_is_of_use_to_those_who_say_so(void **state)
{
    struct lookup *first = begin("host.example", 60);

    (void)state;
    finds(first);
    lookup_drop(first);
    struct lookup *second = begin("host.example", 60);

    assert_true(lookup_has_ended(second));
    finds(second);
    assert_int_equal(atomic_load(&calls), 1);
    struct lookup *third = begin("host.example", 0);

    finds(third);
    assert_int_equal(atomic_load(&calls), 2);
    finds(second); /* it is as it was for those who have it */
    lookup_drop(second);
    lookup_drop(third);
    assert_true(none_is_left());
}

static void a_failure_is_told_and_not_kept(void **state)
{
    char why[128];

    (void)state;
    for (unsigned i = 1; i <= 2; i++) {
        struct lookup *lookup = begin("none", 60);

        assert_true(is_readable(lookup, 5000));
        assert_null(lookup_addresses(lookup, why, sizeof why));
        assert_non_null(strstr(why, "the name none cannot be resolved: "));
        assert_int_equal(atomic_load(&calls), i);
        lookup_drop(lookup);
    }
    assert_true(none_is_left());
}

static void those_that_hang_are_bounded_and_counted(void **state)
{
    struct lookup *lookups[LOOKUPS_MAX];
    char host[32], why[128];

    (void)state;
    for (unsigned i = 0; i < LOOKUPS_MAX; i++) {
        snprintf(host, sizeof host, "slow%u", i);
        lookups[i] = begin(host, 0);
    }
    assert_null(lookup_begin("one.more", 0, why, sizeof why));
    assert_non_null(strstr(why, "other name lookups"));
    for (unsigned i = 1; i < LOOKUPS_MAX; i++)
        lookup_drop(lookups[i]); /* nobody waits for them; their threads do */
    assert_false(threads_have_ended(monotonic_ns() + 10 * NS_PER_MS));
    for (unsigned i = 0; i < LOOKUPS_MAX; i++)
        sem_post(&answer);
    finds(lookups[0]);
    lookup_drop(lookups[0]);
    assert_true(none_is_left());
    struct lookup *again = begin("one.more", 0);

    finds(again);
    lookup_drop(again);
    assert_true(none_is_left());
}

static void a_name_that_is_none(void **state)
{
    char host[300], why[128];

    (void)state;
    memset(host, 'a', sizeof host);
    host[255] = '\0';
    struct lookup *longest = begin(host, 0);

    finds(longest);
    lookup_drop(longest);
    host[255] = 'a';
    host[256] = '\0';
    assert_null(lookup_begin(host, 0, why, sizeof why));
    assert_non_null(strstr(why, "too long"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_host_is_looked_up_once_at_a_time, set_up),
        cmocka_unit_test_setup(what_was_found_is_of_use_to_those_who_say_so, set_up),
        cmocka_unit_test_setup(a_failure_is_told_and_not_kept, set_up),
        cmocka_unit_test_setup(those_that_hang_are_bounded_and_counted, set_up),
        cmocka_unit_test_setup(a_name_that_is_none, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
