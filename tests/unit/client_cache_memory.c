/* The memory of the cache: it has a bound, old tokens are wiped, and core dumps and child processes hold nothing of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache_around.h"

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
    const char *places[] = {(const char *)cache.greeting, cache.shards.at, (const char *)cache.greeting + cache.bytes - 1};
    char flags[512];

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        read_flags(places[i], flags, sizeof flags);
        assert_non_null(strstr(flags, " dd"));
        assert_non_null(strstr(flags, " wf"));
    }
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
    shards_empty(&cache.shards);
    assert_null(memmem(cache.shards.at, cache.shards.count * cache.shards.shard_bytes, "secret-", 7));
    for (unsigned i = 0; i < QUESTIONS; i++) {
        assert_int_equal(verdicts[i]->references, 0); /* nobody's any more but ours */
        assay_verdict_free(verdicts[i]);
        free(tokens[i]);
    }
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

static void too_little_memory_is_none(void **state)
{
    struct cache none;
    struct question question = verify("t", NULL);

    (void)state;
    cache_init(&none, 1000);
    assert_false(cache_has_page(&none) || cache_find(&none, &question, NULL));
    cache_fini(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_of_all_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_remembered_is_in_no_core_dump_and_no_child, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_begins_with_nothing, set_up, tear_down),
        cmocka_unit_test(too_little_memory_is_none),
    };

    stay();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
