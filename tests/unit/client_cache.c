/* The cache of a process: a result is found by exactly what was asked, it is bounded and wiped, it waits for nobody, and it is repeated
   only while each thing that it rests on is as it was. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/cache.h"
#include "client/wire/clock.h"
#include "client/wire/exports.h"

#define BYTES (1024 * 1024)

/* The page, written as an agent does. */
static struct page *page;
static struct cache cache;

static void beat(void)
{
    atomic_store(&page->heartbeat, (uint64_t)monotonic_ns());
}

static int set_up(void **state)
{
    int fd = memfd_create("page", MFD_CLOEXEC);

    (void)state;
    assert_true(fd >= 0 && ftruncate(fd, sizeof *page) == 0);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    memset(page->instance, 7, sizeof page->instance);
    for (unsigned i = 0; i < PAGE_COUNTERS; i++)
        page->counter[i] = 1000 + i;
    page->keys = 50;
    page->policy = 60;
    beat();
    cache_init(&cache, BYTES);
    assert_false(cache_has_page(&cache));
    assert_int_equal(cache_use_page(&cache, fd), 0);
    assert_true(cache_has_page(&cache));
    close(fd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cache_fini(&cache);
    munmap(page, sizeof *page);
    return 0;
}

/* An answer with a stamp, as a verdict has it: {stamp: {…}} in msgpack, read by the library's own. */
struct told {
    char instance[33];
    int64_t from, until; /* seconds from now */
    uint64_t keys, policy;
    unsigned count;
    uint64_t index[9], value[9];
    const char *without; /* this member; NULL: it has all */
    void (*put_first)(struct wire_writer *writer); /* writes a member before the stamp; NULL: there is none */
    void (*put_last)(struct wire_writer *writer); /* writes the last pair as it should not be; NULL: as it should */
};

static struct told told(void)
{
    struct told it = {
        .from = -10, .until = 100, .keys = 50, .policy = 60, .count = 3, .index = {5, 6, 4095}, .value = {1005, 1006, 5095}};

    for (unsigned i = 0; i < 16; i++)
        memcpy(it.instance + 2 * i, "07", 3);
    return it;
}

static bool has(const struct told *it, const char *name)
{
    return it->without == NULL || strcmp(it->without, name) != 0;
}

static void put_number(struct wire_writer *writer, const struct told *it, const char *name, int64_t number)
{
    if (!has(it, name))
        return;
    wire_put_text(writer, name);
    wire_put_int(writer, number);
}

static void put_counters(struct wire_writer *writer, const struct told *it)
{
    wire_put_text(writer, "counters");
    wire_put_array(writer, it->count);
    for (unsigned i = 0; i < it->count; i++) {
        if (it->put_last != NULL && i == it->count - 1) {
            it->put_last(writer);
            continue;
        }
        wire_put_array(writer, 2);
        wire_put_uint(writer, it->index[i]);
        wire_put_uint(writer, it->value[i]);
    }
}

static struct assay_verdict *verdict_of(const struct told *it)
{
    uint8_t bytes[1024];
    struct wire_writer writer;
    struct value_size size;

    wire_writer_init(&writer, bytes, sizeof bytes);
    wire_put_map(&writer, it->put_first != NULL ? 2 : 1);
    if (it->put_first != NULL)
        it->put_first(&writer);
    wire_put_text(&writer, "stamp");
    wire_put_map(&writer, it->without != NULL ? 5 : 6);
    if (has(it, "instance")) {
        wire_put_text(&writer, "instance");
        wire_put_text(&writer, it->instance);
    }
    put_number(&writer, it, "from", time(NULL) + it->from);
    put_number(&writer, it, "until", time(NULL) + it->until);
    put_number(&writer, it, "keys", (int64_t)it->keys);
    put_number(&writer, it, "policy", (int64_t)it->policy);
    if (has(it, "counters"))
        put_counters(&writer, it);
    struct wire_cursor cursor = {bytes, writer.at};

    assert_false(writer.full);
    assert_int_equal(value_size(cursor, &size), 0);
    struct assay_verdict *verdict = calloc(1, sizeof *verdict + size.nodes * sizeof(struct value) + size.text_bytes);

    assert_non_null(verdict);
    verdict->ok = true;
    verdict->http_status = 200;
    verdict->count = size.nodes;
    verdict->values = (struct value *)(verdict + 1);
    verdict->bytes = sizeof *verdict + size.nodes * sizeof(struct value) + size.text_bytes;
    value_build(cursor, verdict->values, (char *)(verdict->values + size.nodes));
    return verdict;
}

static struct question verify(const char *token, const char *audience)
{
    return (struct question){.token = token, .token_bytes = strlen(token), .audience = audience};
}

static struct question authorize(const char *token, const char *audience, const char *action, const char *resource)
{
    return (struct question){
        .token = token, .token_bytes = token != NULL ? strlen(token) : 0, .audience = audience, .action = action, .resource = resource};
}

static struct question with_claims(struct question question)
{
    question.claims = true;
    return question;
}

static bool is_known(struct question question)
{
    return cache_find(&cache, &question, NULL);
}

static void keep(struct question question, const struct told *it)
{
    struct assay_verdict *verdict = verdict_of(it);

    cache_keep(&cache, &question, verdict);
    assay_verdict_free(verdict);
}

static void what_was_asked_is_found_and_nothing_else(void **state)
{
    const struct told it = told();
    struct question asked[] = {verify("aaaa.bbbb.cccc", NULL),
                               verify("aaaa.bbbb.cccc", ""),
                               verify("aaaa.bbbb.cccc", "orders"),
                               verify("aaaa.bbbb.ccccc", NULL),
                               verify("xaaa.bbbb.cccc", NULL),
                               verify("", NULL),
                               authorize("aaaa.bbbb.cccc", NULL, "GET", "/a"),
                               authorize("aaaa.bbbb.cccc", NULL, "GET", "/b"),
                               authorize("aaaa.bbbb.cccc", NULL, "GET/", "a"),
                               authorize("aaaa.bbbb.cccc", "o", "GET", "/a"),
                               authorize("aaaa.bbbb.cccc", NULL, "", ""),
                               authorize(NULL, NULL, "GET", "/a"),
                               with_claims(authorize("aaaa.bbbb.cccc", NULL, "GET", "/a")),
                               with_claims(authorize(NULL, NULL, "GET", "/a"))};
    size_t count = sizeof asked / sizeof *asked;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++)
            assert_int_equal(is_known(asked[k]), k < i);
        keep(asked[i], &it);
    }
    assert_true(is_known(asked[count - 1]));
}

/* How long a call may take has no part in what its answer is. Of several checks nobody says what their answer rests on. */
static void neither_time_nor_checks_are_remembered(void **state)
{
    static const struct assay_check checks[] = {{"GET", "/a"}};
    const struct told it = told();
    struct question timed = authorize("aaaa.bbbb.cccc", NULL, "GET", "/a"), several = verify("aaaa.bbbb.cccc", NULL);

    (void)state;
    keep(timed, &it);
    timed.timeout_ms = 7;
    assert_true(is_known(timed));
    keep(several, &it);
    several.checks = checks;
    several.check_count = 1;
    assert_false(is_known(several));
    several.token = "another.token";
    keep(several, &it);
    assert_false(is_known(several));
    several.check_count = 0;
    assert_false(is_known(several));
}

/* Where texts are long only their ends are hashed, and all of them is compared. */
static void long_texts_are_compared_whole(void **state)
{
    const struct told it = told();
    char one[1000], other[1000];

    (void)state;
    memset(one, 'r', sizeof one - 1);
    one[sizeof one - 1] = '\0';
    memcpy(other, one, sizeof one);
    other[0] = 'x';
    keep(authorize("t", one, one, one), &it);
    assert_true(is_known(authorize("t", one, one, one)));
    assert_false(is_known(authorize("t", other, one, one)));
    assert_false(is_known(authorize("t", one, other, one)));
    assert_false(is_known(authorize("t", one, one, other)));
}

static void a_hit_is_the_verdict_itself_and_outlives_the_cache(void **state)
{
    const struct told it = told();
    struct question question = verify("aaaa.bbbb.cccc", NULL);
    struct assay_verdict *verdict = verdict_of(&it), *again = NULL;

    cache_keep(&cache, &question, verdict);
    assert_true(cache_find(&cache, &question, &again));
    assert_ptr_equal(again, verdict);
    assay_verdict_free(verdict);
    tear_down(state);
    assert_true(assay_verdict_ok(again));
    assay_verdict_free(again);
    set_up(state);
}

/* Each change makes it hold no more; and once it did not hold it is forgotten. */
static void it_holds_only_while_nothing_has_changed(void **state)
{
    const struct told it = told();
    struct question question = verify("t", NULL), policy = authorize("t", NULL, "a", "/r");
    _Atomic uint64_t *words[] = {&page->keys, &page->counter[5], &page->counter[6], &page->counter[4095], &page->closed};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        keep(question, &it);
        assert_true(is_known(question));
        atomic_fetch_add(words[i], 1);
        assert_false(is_known(question));
        atomic_fetch_sub(words[i], 1);
        assert_false(is_known(question));
    }
    keep(question, &it);
    keep(policy, &it);
    atomic_fetch_add(&page->counter[7], 1); /* of something else */
    atomic_fetch_add(&page->policy, 1);
    assert_true(is_known(question)); /* does not rest on the policy */
    assert_false(is_known(policy));
    atomic_fetch_sub(&page->policy, 1);
    page->instance[15]++;
    assert_false(is_known(question));
    page->instance[15]--;
}

static void nobody_is_believed_whose_heart_does_not_beat(void **state)
{
    const struct told it = told();
    struct question question = verify("t", NULL);
    const struct {
        int64_t age;
        bool holds;
    } beats[] = {{0, true},
                 {1500 * NS_PER_MS, true},
                 {1901 * NS_PER_MS, false},
                 {3600 * NS_PER_S, false},
                 {-5 * NS_PER_MS, true},
                 {-5000 * NS_PER_MS, false},
                 {-3600 * NS_PER_S, false}};

    (void)state;
    for (size_t i = 0; i < sizeof beats / sizeof *beats; i++) {
        beat();
        keep(question, &it);
        atomic_store(&page->heartbeat, (uint64_t)(monotonic_ns() - beats[i].age));
        assert_int_equal(cache_has_page(&cache), beats[i].holds);
        assert_int_equal(is_known(question), beats[i].holds);
    }
}

static void it_has_its_time(void **state)
{
    struct told early = told(), late = told(), short_lived = told();
    struct clocks now = clocks_read(), ticks = clocks_ticks();
    struct stamp stamp;
    struct assay_verdict *verdict = verdict_of(&short_lived);

    (void)state;
    early.from = 5;
    late.until = 0;
    keep(verify("early", NULL), &early);
    keep(verify("late", NULL), &late);
    assert_false(is_known(verify("early", NULL)));
    assert_false(is_known(verify("late", NULL)));

    assert_true(stamp_read(verdict_result(verdict), &stamp));
    assay_verdict_free(verdict);
    assert_true(stamp.deadline > now.monotonic + 98 * NS_PER_S && stamp.deadline <= monotonic_ns() + 100 * NS_PER_S);
    assert_true(stamp_holds(&stamp, page, true, &now, &ticks));
    struct clocks at = now;

    at.wall = stamp.until - ticks.wall; /* it may be the end already */
    assert_false(stamp_holds(&stamp, page, true, &at, &ticks));
    at.wall = stamp.until - ticks.wall - 1;
    assert_true(stamp_holds(&stamp, page, true, &at, &ticks));
    at.wall = stamp.from - 1;
    assert_false(stamp_holds(&stamp, page, true, &at, &ticks));
    at.wall = stamp.from;
    assert_true(stamp_holds(&stamp, page, true, &at, &ticks));
    stamp.deadline = now.monotonic + ticks.monotonic; /* the wall clock was set back, and time has passed all the same */
    assert_false(stamp_holds(&stamp, page, true, &now, &ticks));
}

static void a_stamp_that_is_not_understood_is_none(void **state)
{
    struct told bad[9];
    struct question question = verify("t", NULL);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        bad[i] = told();
    bad[0].instance[31] = 'g';
    bad[1].instance[31] = '\0';
    memcpy(bad[2].instance, "08", 2); /* another agent's */
    bad[3].index[2] = PAGE_COUNTERS;
    bad[4].count = 9; /* more than there is room for */
    bad[5].from = INT64_MAX / 2 - time(NULL);
    bad[6].keys++;
    bad[7].value[1]++;
    bad[8].instance[31] = '^'; /* as far below `a` as 7 is */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        keep(question, &bad[i]);
        assert_false(is_known(question));
    }
}

static void put_index_behind_the_page(struct wire_writer *writer)
{
    wire_put_array(writer, 2);
    wire_put_uint(writer, PAGE_COUNTERS);
    wire_put_uint(writer, 1);
}

static void put_negative_index(struct wire_writer *writer)
{
    wire_put_array(writer, 2);
    wire_put_int(writer, -1);
    wire_put_uint(writer, 1);
}

static void put_value_in_words(struct wire_writer *writer)
{
    wire_put_array(writer, 2);
    wire_put_uint(writer, 1);
    wire_put_text(writer, "1001");
}

static void put_one(struct wire_writer *writer)
{
    wire_put_array(writer, 1);
    wire_put_uint(writer, 1);
}

static void put_three(struct wire_writer *writer)
{
    wire_put_array(writer, 3);
    for (unsigned i = 0; i < 3; i++)
        wire_put_uint(writer, 1);
}

static void put_map(struct wire_writer *writer)
{
    wire_put_map(writer, 2);
    for (unsigned i = 0; i < 2; i++) {
        wire_put_text(writer, i == 0 ? "index" : "value");
        wire_put_uint(writer, 1);
    }
}

static void put_one_number(struct wire_writer *writer)
{
    wire_put_uint(writer, 1);
}

/* As bytes it is an index. */
static void put_index_with_a_point(struct wire_writer *writer)
{
    wire_put_array(writer, 2);
    wire_put_double(writer, 0.0);
    wire_put_uint(writer, 1);
}

static bool is_stamp(const struct told *it)
{
    struct assay_verdict *verdict = verdict_of(it);
    struct stamp stamp;
    bool is = stamp_read(verdict_result(verdict), &stamp);

    free(verdict);
    return is;
}

/* Whatever a counter would then be compared with. */
static void a_counter_of_another_shape_is_no_stamp(void **state)
{
    void (*const shapes[])(struct wire_writer *) = {NULL, put_index_behind_the_page, put_negative_index, put_value_in_words,
                                                    put_one, put_three, put_map, put_one_number,
                                                    put_index_with_a_point};

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct told it = told();

        it.put_last = shapes[i];
        assert_int_equal(is_stamp(&it), shapes[i] == NULL);
    }
}

static void without_one_of_its_members_it_is_no_stamp(void **state)
{
    static const char *const names[] = {"instance", "from", "until", "keys", "policy", "counters"};
    struct told it = told();

    (void)state;
    assert_true(is_stamp(&it));
    it.count = STAMP_COUNTERS_MAX;
    assert_true(is_stamp(&it));
    it.count++;
    assert_false(is_stamp(&it));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        it = told();
        it.without = names[i];
        assert_false(is_stamp(&it));
    }
}

static void an_instance_is_32_digits_of_lower_case_hex(void **state)
{
    static const char bad[] = "/:`gAFG \x7f";
    char hex[] = "0123456789abcdef00112233445566778";
    uint8_t instance[16];

    (void)state;
    assert_true(instance_read(hex, 32, instance));
    assert_true(instance[0] == 0x01 && instance[7] == 0xef && instance[15] == 0x77);
    assert_false(instance_read(hex, 33, instance));
    assert_false(instance_read("0123", 4, instance));
    for (size_t i = 0; i < sizeof bad - 1; i++) {
        for (size_t k = 0; k < 32; k += 31) { /* either digit of a byte */
            char was = hex[k];

            hex[k] = bad[i];
            assert_false(instance_read(hex, 32, instance));
            hex[k] = was;
        }
    }
}

/* Texts lie behind all values: these look like two numbers there, where a pair's would be if the last one was no text of two bytes. */
static void put_texts_like_numbers(struct wire_writer *writer)
{
    static const char number[] = {WIRE_UINT, '\0'};

    _Static_assert(sizeof(struct value) == 24, "as many bytes as are written here for each");
    wire_put_text(writer, number);
    wire_put_array(writer, 45);
    for (unsigned i = 0; i < 45; i++)
        wire_put_text(writer, i == 22 ? number : "");
}

static void put_text_of_two(struct wire_writer *writer)
{
    wire_put_text(writer, "ab");
}

static void a_text_is_no_counter_whatever_lies_behind_it(void **state)
{
    struct told it = told();

    (void)state;
    it.put_first = put_texts_like_numbers;
    it.put_last = put_text_of_two;
    assert_false(is_stamp(&it));
}

/* The flags that the kernel keeps of the memory at this address. */
static void read_flags(const void *at, char *flags, size_t size)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    char line[512];
    bool here = false;
    unsigned long first, end;

    assert_non_null(maps);
    flags[0] = '\0';
    while (flags[0] == '\0' && fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx ", &first, &end) == 2)
            here = (unsigned long)at >= first && (unsigned long)at < end;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(flags, size, "%s", line + 8);
    }
    fclose(maps);
}

static void what_is_remembered_is_in_no_core_dump_and_no_child(void **state)
{
    const char *places[] = {(const char *)cache.greeting, cache.lanes.at, (const char *)cache.greeting + cache.bytes - 1};
    char flags[512];

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        read_flags(places[i], flags, sizeof flags);
        assert_non_null(strstr(flags, " dd"));
        assert_non_null(strstr(flags, " wf"));
    }
}

static void a_no_and_a_yes_without_a_stamp_are_not_remembered(void **state)
{
    const struct told it = told();
    struct question question = verify("t", NULL);
    struct assay_verdict *verdict = verdict_of(&it);

    (void)state;
    verdict->ok = false;
    cache_keep(&cache, &question, verdict);
    assert_false(is_known(question));
    verdict->ok = true;
    verdict->values[0].count = 0;
    cache_keep(&cache, &question, verdict);
    assert_false(is_known(question));
    assay_verdict_free(verdict);
}

/* Whatever is found is what was kept for exactly that question; memory stays within its bound, and tokens that went are wiped. */
static void many_of_all_sizes(void **state)
{
    enum { QUESTIONS = 3000, ROUNDS = 40000 };
    static char *tokens[QUESTIONS];
    static struct assay_verdict *verdicts[QUESTIONS];
    const struct told it = told();
    unsigned seed = 1, found = 0;

    (void)state;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        size_t size = 20 + (unsigned)rand_r(&seed) % (i % 50 == 0 ? 16000 : 900);

        tokens[i] = malloc(size + 32);
        memset(tokens[i], 'x', size);
        snprintf(tokens[i] + size, 32, "secret-%08u", i % 7 == 0 ? 0 : i); /* some end alike */
        tokens[i][0] = (char)('a' + i % 26);
        memcpy(tokens[i] + 1, &i, 2); /* may have a NUL inside: lengths count */
        verdicts[i] = verdict_of(&it);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned i = (unsigned)rand_r(&seed) % QUESTIONS;
        struct question question = {.token = tokens[i], .token_bytes = 20 + strlen(tokens[i] + 20)};
        struct assay_verdict *verdict = NULL;

        if (round % 500 == 0)
            beat();
        if (!cache_find(&cache, &question, &verdict)) {
            cache_keep(&cache, &question, verdicts[i]);
            continue;
        }
        assert_ptr_equal(verdict, verdicts[i]);
        assay_verdict_free(verdict);
        found++;
    }
    assert_true(found > ROUNDS / 20);
    lanes_empty(&cache.lanes);
    assert_null(memmem(cache.lanes.at, cache.lanes.count * cache.lanes.lane_bytes, "secret-", 7));
    for (unsigned i = 0; i < QUESTIONS; i++) {
        assert_int_equal(verdicts[i]->references, 0); /* nobody's any more but ours */
        assay_verdict_free(verdicts[i]);
        free(tokens[i]);
    }
}

static void nobody_waits_for_a_lane_that_somebody_is_in(void **state)
{
    const struct told it = told();
    struct question question = verify("t", NULL);
    struct lane *taken[64];
    unsigned count = 0;

    (void)state;
    keep(question, &it);
    while ((taken[count] = lanes_enter(&cache.lanes)) != NULL)
        count++;
    assert_true(count > 0 && count <= cache.lanes.count);
    assert_false(is_known(question));
    keep(question, &it);
    lanes_empty(&cache.lanes); /* passes them over */
    while (count > 0)
        lane_leave(taken[--count]);
    assert_true(is_known(question));
}

static void a_child_begins_with_nothing(void **state)
{
    const struct told it = told();
    struct question question = verify("t", NULL);
    int status;

    (void)state;
    keep(question, &it);
    pid_t child = fork();

    if (child == 0) {
        bool nothing = !cache_has_page(&cache) && !is_known(question) &&
                       memmem(cache.greeting, cache.bytes, "\x07\x07\x07\x07\x07\x07\x07\x07", 8) == NULL;

        _exit(nothing ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    beat(); /* the child may have taken its time */
    assert_true(is_known(question));
}

static void a_new_page_empties_it(void **state)
{
    const struct told it = told();
    struct question question = verify("the token itself", NULL);
    int fd = memfd_create("page", MFD_CLOEXEC);

    (void)state;
    keep(question, &it);
    assert_true(ftruncate(fd, sizeof *page) == 0);
    assert_int_equal(cache_use_page(&cache, fd), 0);
    close(fd);
    assert_null(memmem(cache.lanes.at, cache.lanes.count * cache.lanes.lane_bytes, "the token itself", 16));
    assert_false(is_known(question));
}

static void too_little_memory_is_none(void **state)
{
    struct cache none;
    struct question question = verify("t", NULL);

    (void)state;
    cache_init(&none, 1000);
    assert_false(cache_has_page(&none) || cache_find(&none, &question, NULL));
    cache_fini(&none);
}

/* A thread that is moved to another processor finds another lane, in which nothing was put. */
static void stay(void)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((unsigned)sched_getcpu(), &one);
    (void)sched_setaffinity(0, sizeof one, &one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_asked_is_found_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(neither_time_nor_checks_are_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_texts_are_compared_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hit_is_the_verdict_itself_and_outlives_the_cache, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_holds_only_while_nothing_has_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_believed_whose_heart_does_not_beat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_has_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stamp_that_is_not_understood_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_no_and_a_yes_without_a_stamp_are_not_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_of_all_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_waits_for_a_lane_that_somebody_is_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_counter_of_another_shape_is_no_stamp, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_one_of_its_members_it_is_no_stamp, set_up, tear_down),
        cmocka_unit_test(an_instance_is_32_digits_of_lower_case_hex),
        cmocka_unit_test_setup_teardown(a_text_is_no_counter_whatever_lies_behind_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_remembered_is_in_no_core_dump_and_no_child, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_begins_with_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_page_empties_it, set_up, tear_down),
        cmocka_unit_test(too_little_memory_is_none),
    };

    stay();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
