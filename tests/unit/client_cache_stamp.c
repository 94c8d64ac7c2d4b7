/* Reading the stamp of an answer, by which the cache knows what a result rests on: a malformed stamp counts as none. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache_around.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stamp_that_is_not_understood_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_counter_of_another_shape_is_no_stamp, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_one_of_its_members_it_is_no_stamp, set_up, tear_down),
        cmocka_unit_test(an_instance_is_32_digits_of_lower_case_hex),
        cmocka_unit_test_setup_teardown(a_text_is_no_counter_whatever_lies_behind_it, set_up, tear_down),
    };

    stay();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
