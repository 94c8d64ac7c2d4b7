/* The calls that never wait: what they have given back, or read, holds no token. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/stream.h"
#include "fake_agent.h"
#include "hand_agent.h"

#define SECRET "secret.token.bytes"

static int set_up(void **state)
{
    return both_start(state, 5000);
}

static unsigned leaks;
static bool watching;

void __real_free(void *memory);
void __wrap_free(void *memory);

void __wrap_free(void *memory)
{
    if (watching && memory != NULL && memmem(memory, malloc_usable_size(memory), SECRET, strlen(SECRET)) != NULL)
        leaks++;
    __real_free(memory);
}

static void tokens_are_wiped(void **state)
{
    struct both *both = *state;
    char big[50000];

    memset(big, 's', sizeof big);
    memcpy(big, SECRET, strlen(SECRET));
    big[sizeof big - 1] = '\0';
    watching = true;
    leaks = 0;
    for (int i = 0; i < 10; i++)
        ask_about(both->assay, SECRET, &both->tags[i]);
    for (int i = 0; i < 9; i++) {
        struct hand_request request = read_one(both);

        hand_say_no(both->agent, &request);
        assert_int_equal(end_of(both->assay, &both->tags[i], NULL), ASSAY_E_REFUSED);
    }
    hand_say(both->agent, "\xc1", 1); /* one ends like this, */
    assert_int_equal(end_of(both->assay, &both->tags[9], NULL), ASSAY_E_PROTOCOL);
    for (int i = 0; i < 10; i++) /* and some are never sent */
        ask_about(both->assay, big, &both->tags[i]);
    assay_close(both->assay);
    watching = false;
    assert_int_equal(leaks, 0);
    assert_int_equal(assay_open(&both->assay, both->agent->path, &fake_asked_always), 0);
}

static bool holds(const struct assay *assay, const char *text)
{
    return memmem(assay->stream->in, sizeof assay->stream->in, text, strlen(text)) != NULL;
}

static void answers_are_wiped(void **state)
{
    struct both *both = *state;
    struct hand_request request;
    uint8_t bytes[512];
    void *tag;

    for (int i = 0; i < 4; i++)
        ask_about(both->assay, SECRET, &both->tags[i]);
    for (int i = 0; i < 3; i++) {
        request = read_one(both);
        hand_say_yes(both->agent, &request); /* with the token as its subject */
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(end_of(both->assay, &both->tags[i], SECRET), 0);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_false(holds(both->assay, SECRET));

    request = read_one(both); /* most of an answer, and the end */
    hand_say(both->agent, bytes, hand_write_yes(&request, bytes, sizeof bytes) - 1);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_true(holds(both->assay, SECRET));
    hand_hang_up(both->agent);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_false(holds(both->assay, SECRET));

    watching = true;
    leaks = 0;
    request = read_one(both);
    hand_say(both->agent, bytes, hand_write_yes(&request, bytes, sizeof bytes) - 1);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_true(holds(both->assay, SECRET));
    assay_close(both->assay);
    watching = false;
    assert_int_equal(leaks, 0);
    assert_int_equal(assay_open(&both->assay, both->agent->path, &fake_asked_always), 0);
}

/* What moves to the front leaves nothing behind. */
static void halves_are_wiped_where_they_were(void **state)
{
    struct both *both = *state;
    struct hand_request one, two;
    uint8_t bytes[1024];
    void *tag;

    ask_about(both->assay, "an.answer.that.is.rather.long.so.that.it.pushes.the.next.away", &both->tags[0]);
    ask_about(both->assay, SECRET, &both->tags[1]);
    one = read_one(both);
    two = read_one(both);
    size_t size = hand_write_yes(&one, bytes, 512);

    size += hand_write_yes(&two, bytes + size, 512);
    hand_say(both->agent, bytes, size - 1);
    assert_int_equal(end_of(both->assay, &both->tags[0], NULL), 0);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    hand_say(both->agent, bytes + size - 1, 1);
    assert_int_equal(end_of(both->assay, &both->tags[1], SECRET), 0);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_false(holds(both->assay, SECRET));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, both_stop)
    const struct CMUnitTest tests[] = {
        TEST(tokens_are_wiped),
        TEST(answers_are_wiped),
        TEST(halves_are_wiped_where_they_were),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
