/* The cursor that every byte from outside goes through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/wire/wire.h"

static const struct wire_limits limits = {.most_bytes = 64, .most_nodes = 16, .most_depth = 3};

/* The bytes are copied to the end of an allocation of their size, so that a sanitizer sees a read beyond them. */
static enum wire_status measure(const char *bytes, size_t size, size_t *ret_bytes)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    memcpy(copy, bytes, size);
    enum wire_status status = wire_measure(copy, size, &limits, ret_bytes);

    free(copy);
    return status;
}

#define MEASURE(text) measure(text, sizeof(text) - 1, &(size_t){0})

static void a_message_that_ends_early_is_not_whole(void **state)
{
    static const char message[] =
        "\x94\x00\xcc\x80\xa6verify\x91\x82\xc4\x05token\xd9\x01t\xa1n\xcb\x40\x09\x21\xfb\x54\x44\x2d\x18";
    size_t bytes = 0;

    (void)state;
    for (size_t size = 0; size < sizeof message - 1; size++)
        assert_int_equal(measure(message, size, &bytes), WIRE_MORE);
    assert_int_equal(bytes, 0);
    assert_int_equal(measure(message, sizeof message - 1, &bytes), WIRE_OK);
    assert_int_equal(bytes, sizeof message - 1);
    assert_int_equal(measure(message, sizeof message, &bytes), WIRE_OK); /* and a byte of the next one */
    assert_int_equal(bytes, sizeof message - 1);
}

static void counts_are_not_believed(void **state)
{
    (void)state;
    assert_int_equal(MEASURE("\xdd\xff\xff\xff\xff"), WIRE_BAD);
    assert_int_equal(MEASURE("\xdf\xff\xff\xff\xff"), WIRE_BAD);
    assert_int_equal(MEASURE("\xdf\x80\x00\x00\x00"), WIRE_BAD);
    assert_int_equal(MEASURE("\xdc\xff\xff"), WIRE_BAD);
    assert_int_equal(MEASURE("\xde\xff\xff"), WIRE_BAD);
    assert_int_equal(MEASURE("\xdb\xff\xff\xff\xff"), WIRE_BAD); /* at once, though nothing of it is there */
}

static void nodes_depth_and_bytes_have_limits(void **state)
{
    static const char sixteen[] = "\x9f\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"; /* the array and 15 */
    static const char seventeen[] = "\xdc\x00\x10\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1";
    char string[80] = "\xd9\x3e";

    (void)state;
    assert_int_equal(MEASURE(sixteen), WIRE_OK);
    assert_int_equal(MEASURE(seventeen), WIRE_BAD);
    assert_int_equal(MEASURE("\x91\x91\x90"), WIRE_OK);
    assert_int_equal(MEASURE("\x91\x91\x91\x90"), WIRE_BAD);
    assert_int_equal(MEASURE("\x81\x01\x81\x01\x80"), WIRE_OK);
    assert_int_equal(MEASURE("\x81\x01\x81\x01\x81\x01\x80"), WIRE_BAD);
    memset(string + 2, 'x', sizeof string - 2);
    assert_int_equal(measure(string, 64, &(size_t){0}), WIRE_OK);
    string[1] = 0x3f;
    assert_int_equal(measure(string, 65, &(size_t){0}), WIRE_BAD);
}

static void what_is_no_message_pack_or_an_extension_is_bad(void **state)
{
    static const uint8_t bad[] = {0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8};

    (void)state;
    for (size_t i = 0; i < sizeof bad; i++) {
        uint8_t bytes[32] = {bad[i]};
        struct wire_cursor cursor = {bytes, bytes + sizeof bytes};
        struct wire_item item = {.type = WIRE_BOOL};

        assert_int_equal(wire_next(&cursor, &item), WIRE_BAD);
        assert_int_equal(item.type, WIRE_BOOL);
        assert_ptr_equal(cursor.at, bytes);
    }
}

static struct wire_item read_one(const struct wire_writer *writer)
{
    struct wire_cursor cursor = {writer->start, writer->at};
    struct wire_item item;

    assert_int_equal(wire_next(&cursor, &item), WIRE_OK);
    assert_ptr_equal(cursor.at, writer->at);
    return item;
}

static void numbers_come_back_as_they_were_written(void **state)
{
    static const int64_t numbers[] = {
        0,         1,  127, 128, 255,      256,          65535,     65536,         UINT32_MAX, UINT32_MAX + INT64_C(1),
        INT64_MAX, -1, -32, -33, INT8_MIN, INT8_MIN - 1, INT16_MIN, INT16_MIN - 1, INT32_MIN,  INT32_MIN - INT64_C(1),
        INT64_MIN};
    uint8_t bytes[16];
    struct wire_writer writer;

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        wire_writer_init(&writer, bytes, sizeof bytes);
        wire_put_int(&writer, numbers[i]);
        struct wire_item item = read_one(&writer);

        assert_int_equal(item.type, numbers[i] < 0 ? WIRE_INT : WIRE_UINT);
        assert_true(item.sint == numbers[i]);
    }
    wire_writer_init(&writer, bytes, sizeof bytes);
    wire_put_uint(&writer, UINT64_MAX);
    assert_true(read_one(&writer).uint == UINT64_MAX);
    wire_writer_init(&writer, bytes, sizeof bytes);
    wire_put_double(&writer, -0.1);
    assert_true(read_one(&writer).real == -0.1);
}

static void signed_forms_of_positive_numbers_are_the_same_numbers(void **state)
{
    const uint8_t bytes[] = {0xd3, 0, 0, 0, 0, 0, 0, 0, 5};
    struct wire_cursor cursor = {bytes, bytes + sizeof bytes};
    struct wire_item item;

    (void)state;
    assert_int_equal(wire_next(&cursor, &item), WIRE_OK);
    assert_int_equal(item.type, WIRE_UINT);
    assert_int_equal(item.uint, 5);
}

static void a_writer_that_is_full_stays_full(void **state)
{
    uint8_t bytes[4] = {9, 9, 9, 9};
    struct wire_writer writer;

    (void)state;
    wire_writer_init(&writer, bytes, 3);
    wire_put_text(&writer, "ab");
    assert_false(writer.full);
    wire_put_nil(&writer);
    assert_true(writer.full);
    assert_int_equal(wire_written(&writer), 3);
    assert_int_equal(bytes[3], 9);

    wire_writer_init(&writer, bytes, 3);
    wire_put_text(&writer, "abc"); /* the head fits, the text does not */
    assert_true(writer.full);
    wire_put_nil(&writer);
    assert_int_equal(wire_written(&writer), 1);
}

static void strings_of_every_head_come_back(void **state)
{
    static const size_t sizes[] = {0, 31, 32, 255, 256, 65535, 65536};
    char *text = calloc(1, 65536);
    uint8_t *bytes = malloc(70000);

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct wire_writer writer;

        wire_writer_init(&writer, bytes, 70000);
        wire_put_str(&writer, text, sizes[i]);
        assert_int_equal(read_one(&writer).count, sizes[i]);
    }
    free(bytes);
    free(text);
}

static void a_map_gives_the_value_of_a_name(void **state)
{
    static const char map[] = "\x83\x01\xa1x\xa4name\x92\x01\x02\xa5other\xc3";
    struct wire_cursor cursor = {(const uint8_t *)map, (const uint8_t *)map + sizeof map - 1}, value;
    struct wire_item item;

    (void)state;
    assert_true(wire_find(cursor, "other", &value));
    assert_int_equal(wire_next(&value, &item), WIRE_OK);
    assert_true(item.type == WIRE_BOOL && item.boolean);
    assert_true(wire_find(cursor, "name", &value));
    assert_false(wire_find(cursor, "nam", &value));
    assert_false(wire_find(value, "name", &value)); /* no map */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_that_ends_early_is_not_whole),
        cmocka_unit_test(counts_are_not_believed),
        cmocka_unit_test(nodes_depth_and_bytes_have_limits),
        cmocka_unit_test(what_is_no_message_pack_or_an_extension_is_bad),
        cmocka_unit_test(numbers_come_back_as_they_were_written),
        cmocka_unit_test(signed_forms_of_positive_numbers_are_the_same_numbers),
        cmocka_unit_test(a_writer_that_is_full_stays_full),
        cmocka_unit_test(strings_of_every_head_come_back),
        cmocka_unit_test(a_map_gives_the_value_of_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
