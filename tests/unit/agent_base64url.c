/* base64url: each value has one spelling, and no other text is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/token/base64url.h"

static void all_lengths_come_back(void **state)
{
    uint8_t bytes[67], decoded[BASE64URL_DECODED_MAX(BASE64URL_ENCODED_MAX(67))];
    char text[BASE64URL_ENCODED_MAX(67)];

    (void)state;
    for (size_t size = 0; size < sizeof bytes; size++) {
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(i * 37 + size * 101 + 251);
        size_t found = 999;

        base64url_encode(bytes, size, text);
        assert_int_equal(strlen(text), (size * 8 + 5) / 6);
        assert_int_equal(base64url_decode(text, strlen(text), decoded, &found), 0);
        assert_int_equal(found, size);
        assert_memory_equal(decoded, bytes, size);
    }
}

static void rfc4648_examples(void **state)
{
    static const struct {
        const char *bytes, *text;
    } examples[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"},
                    {"\xfb\xff\xbf", "-_-_"}};
    char text[16];

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        base64url_encode((const uint8_t *)examples[i].bytes, strlen(examples[i].bytes), text);
        assert_string_equal(text, examples[i].text);
    }
}

/* Of the 256 bytes exactly 64 may stand in each place. */
static void only_the_alphabet(void **state)
{
    uint8_t out[BASE64URL_DECODED_MAX(7)];
    size_t size;

    (void)state;
    for (size_t place = 0; place < 5; place++) {
        unsigned accepted = 0;

        for (unsigned c = 0; c < 256; c++) {
            char text[] = "AAAAAAA";

            text[place] = (char)c;
            accepted += base64url_decode(text, 7, out, &size) == 0;
        }
        assert_int_equal(accepted, 64);
    }
}

/* What is left over of the last character must be zero: of two characters 4 bits, of three 2. */
static void spare_bits_are_zero(void **state)
{
    uint8_t out[BASE64URL_DECODED_MAX(4)];
    unsigned accepted[4] = {0};
    size_t size;

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        const char text[] = {'A', 'A', (char)c};
        const char pair[] = {'A', (char)c};

        accepted[2] += base64url_decode(pair, 2, out, &size) == 0;
        accepted[3] += base64url_decode(text, 3, out, &size) == 0;
    }
    assert_int_equal(accepted[2], 4);
    assert_int_equal(accepted[3], 16);
}

static void no_other_spelling(void **state)
{
    static const char *const bad[] = {"A", "AAAAA", "AA==", "AAA=", "AAAA=", "AA=", "A A", "AAAA ", " AAAA", "AAAA\n", "AA\tAA", "AAA+", "AAA/",
                                      "AA.A", "AAA%", "\xc3\x84zz"};
    uint8_t out[BASE64URL_DECODED_MAX(16)];
    size_t size = 77;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(base64url_decode(bad[i], strlen(bad[i]), out, &size), -1);
    assert_int_equal(base64url_decode("AAAA\0AAA", 8, out, &size), -1);
    assert_int_equal(size, 77); /* untouched on failure */
}

/* What the reader refuses has a fault, at the right character, and nothing else has. */
static void a_fault_has_its_place(void **state)
{
    static const struct {
        const char *text;
        enum base64url_fault fault;
        size_t at;
    } examples[] = {{"", BASE64URL_GOOD, 0},         {"Zg", BASE64URL_GOOD, 1},           {"Zm9v", BASE64URL_GOOD, 3},
                    {"Zg==", BASE64URL_CHARACTER, 2}, {"+m9v", BASE64URL_CHARACTER, 0},    {"Zm9vZ!", BASE64URL_CHARACTER, 5},
                    {"Zm9vY=A", BASE64URL_CHARACTER, 5}, {"Z", BASE64URL_LENGTH, 0},       {"Zm9vY", BASE64URL_LENGTH, 4},
                    {"Zh", BASE64URL_SPARE_BITS, 1},  {"Zm9vYmF", BASE64URL_SPARE_BITS, 6}, {"Zm9vYmE", BASE64URL_GOOD, 6}};
    uint8_t out[BASE64URL_DECODED_MAX(8)];
    size_t size, at;

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const char *text = examples[i].text;

        at = 99;
        assert_int_equal(base64url_fault(text, strlen(text), &at), examples[i].fault);
        assert_int_equal(at, examples[i].at);
        assert_int_equal(base64url_decode(text, strlen(text), out, &size), examples[i].fault == BASE64URL_GOOD ? 0 : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_lengths_come_back), cmocka_unit_test(rfc4648_examples), cmocka_unit_test(only_the_alphabet),
        cmocka_unit_test(spare_bits_are_zero),
        cmocka_unit_test(a_fault_has_its_place),   cmocka_unit_test(no_other_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
