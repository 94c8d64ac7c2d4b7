/* Claims of a verdict, by pointer and one after the other: each type is one type, and behind the last there is nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/verdict.h"

/* {s: "x", u: 7, n: -7, d: 2.5, w: 3.0, big: 2^63, b: true, z: nil, a: [1, "two", [3]], o: {"a/b": {"~": 9}, "k": 1}, flat: {"p": 1, "q": 2}} */
static const char document[] = "\x8b\xa1s\xa1x\xa1u\x07\xa1n\xf9\xa1" "d\xcb\x40\x04\0\0\0\0\0\0\xa1w\xcb\x40\x08\0\0\0\0\0\0"
                               "\xa3" "big\xcf\x80\0\0\0\0\0\0\0\xa1" "b\xc3\xa1z\xc0\xa1" "a\x93\x01\xa3two\x91\x03"
                               "\xa1o\x82\xa3" "a/b\x81\xa1~\x09\xa1k\x01\xa4" "flat\x82\xa1p\x01\xa1q\x02";

static struct assay_verdict verdict;
static struct value *values;

static int set_up(void **state)
{
    const struct wire_cursor cursor = {(const uint8_t *)document, (const uint8_t *)document + sizeof document - 1};

    (void)state;
    assert_int_equal(value_read(cursor, &values), 0);
    verdict = (struct assay_verdict){.claims = values};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(values);
    return 0;
}

static const struct assay_claim *at(const char *pointer)
{
    const struct assay_claim *claim = NULL;

    assert_int_equal(assay_verdict_claim(&verdict, pointer, &claim), 0);
    assert_non_null(claim);
    return claim;
}

/* What each getter says of one claim, by pointer and at hand: 0 or ASSAY_E_CLAIM_TYPE, and the same. */
static void only_these_take_it(const char *pointer, const char *getters)
{
    const struct assay_claim *claim = at(pointer);
    const char *text = NULL;
    int64_t number = 77;
    double real = 77;
    bool yes = false;
    const int by_pointer[] = {assay_verdict_claim_string(&verdict, pointer, &text), assay_verdict_claim_int(&verdict, pointer, &number),
                              assay_verdict_claim_double(&verdict, pointer, &real), assay_verdict_claim_bool(&verdict, pointer, &yes)};
    const int at_hand[] = {assay_claim_string(claim, &text), assay_claim_int(claim, &number), assay_claim_double(claim, &real),
                           assay_claim_bool(claim, &yes)};

    for (int i = 0; i < 4; i++) {
        int expected = strchr(getters, "sidb"[i]) != NULL ? 0 : ASSAY_E_CLAIM_TYPE;

        assert_int_equal(by_pointer[i], expected);
        assert_int_equal(at_hand[i], expected);
    }
    assert_true((text != NULL) == (by_pointer[0] == 0));
    assert_true((number != 77) == (by_pointer[1] == 0)); /* untouched */
    assert_true((real > 77 || real < 77) == (by_pointer[2] == 0));
    assert_true(yes == (by_pointer[3] == 0));
}

static void each_type_is_one_type(void **state)
{
    static const struct {
        const char *pointer, *getters;
        enum assay_claim_type type;
        size_t count;
    } cases[] = {
        {"/s", "s", ASSAY_CLAIM_STRING, 0},   {"/u", "id", ASSAY_CLAIM_NUMBER, 0}, {"/n", "id", ASSAY_CLAIM_NUMBER, 0},
        {"/d", "d", ASSAY_CLAIM_NUMBER, 0},   {"/w", "id", ASSAY_CLAIM_NUMBER, 0}, {"/big", "d", ASSAY_CLAIM_NUMBER, 0},
        {"/b", "b", ASSAY_CLAIM_BOOL, 0},     {"/z", "", ASSAY_CLAIM_NULL, 0},     {"/a", "", ASSAY_CLAIM_ARRAY, 3},
        {"/o", "", ASSAY_CLAIM_OBJECT, 2},    {"", "", ASSAY_CLAIM_OBJECT, 11},    {"/flat", "", ASSAY_CLAIM_OBJECT, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t count = 77;
        bool has_members = cases[i].type == ASSAY_CLAIM_ARRAY || cases[i].type == ASSAY_CLAIM_OBJECT;

        only_these_take_it(cases[i].pointer, cases[i].getters);
        assert_int_equal(assay_claim_type(at(cases[i].pointer)), cases[i].type);
        assert_int_equal(assay_claim_count(at(cases[i].pointer)), cases[i].count);
        assert_int_equal(assay_verdict_claim_count(&verdict, cases[i].pointer, &count), has_members ? 0 : ASSAY_E_CLAIM_TYPE);
        assert_int_equal(count, has_members ? cases[i].count : 77);
    }
}

static void numbers_are_what_they_are(void **state)
{
    static const struct {
        const char *pointer;
        double real;
    } cases[] = {{"/u", 7}, {"/n", -7}, {"/d", 2.5}, {"/w", 3}, {"/big", 0x1p63}};
    double real;
    int64_t number;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(assay_verdict_claim_double(&verdict, cases[i].pointer, &real), 0);
        assert_true(real >= cases[i].real && real <= cases[i].real);
    }
    assert_int_equal(assay_verdict_claim_int(&verdict, "/w", &number), 0);
    assert_int_equal(number, 3);
    assert_int_equal(assay_claim_int(at("/n"), &number), 0);
    assert_int_equal(number, -7);
}

static void members_come_one_after_the_other(void **state)
{
    static const char *const names[] = {"s", "u", "n", "d", "w", "big", "b", "z", "a", "o", "flat"};
    const struct assay_claim *root = at("");
    const char *name = NULL;
    int64_t number;

    (void)state;
    for (size_t i = 0; i < 11; i++) {
        assert_non_null(assay_claim_member(root, i, &name));
        assert_string_equal(name, names[i]);
    }
    assert_ptr_equal(assay_claim_member(root, 8, NULL), at("/a"));
    assert_null(assay_claim_member(root, 11, &name));
    assert_null(name);
    assert_null(assay_claim_member(root, SIZE_MAX, &name));

    name = "x";
    assert_ptr_equal(assay_claim_member(at("/a"), 1, &name), at("/a/1"));
    assert_null(name); /* members of an array have none */
    assert_int_equal(assay_claim_int(assay_claim_member(assay_claim_member(at("/a"), 2, NULL), 0, NULL), &number), 0);
    assert_int_equal(number, 3);
    assert_null(assay_claim_member(at("/a"), 3, NULL));

    assert_ptr_equal(assay_claim_member(at("/o"), 0, &name), at("/o/a~1b")); /* no escapes in a name */
    assert_string_equal(name, "a/b");
    assert_ptr_equal(assay_claim_member(at("/o"), 1, &name), at("/o/k"));
    assert_string_equal(name, "k");
    assert_ptr_equal(assay_claim_member(at("/flat"), 1, &name), at("/flat/q"));
    assert_string_equal(name, "q");
    assert_null(assay_claim_member(at("/flat"), 2, &name));
    assert_null(assay_claim_member(at("/s"), 0, &name));
    assert_null(name);
}

static void nothing_has_nothing(void **state)
{
    const struct assay_verdict refused = {.http_status = 401};
    const struct assay_claim *claim = at("/s");
    const char *text = "untouched", *name = "x";
    int64_t number;
    double real;
    bool yes;

    (void)state;
    assert_int_equal(assay_claim_type(NULL), ASSAY_CLAIM_NONE);
    assert_int_equal(assay_claim_count(NULL), 0);
    assert_null(assay_claim_member(NULL, 0, &name));
    assert_null(name);
    assert_int_equal(assay_claim_string(NULL, &text), ASSAY_E_NO_CLAIM);
    assert_int_equal(assay_claim_int(NULL, &number), ASSAY_E_NO_CLAIM);
    assert_int_equal(assay_claim_double(NULL, &real), ASSAY_E_NO_CLAIM);
    assert_int_equal(assay_claim_bool(NULL, &yes), ASSAY_E_NO_CLAIM);
    assert_int_equal(assay_claim_string(claim, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_claim_int(claim, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_claim_double(claim, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_claim_bool(claim, NULL), ASSAY_E_ARGUMENT);
    claim = NULL;
    assert_int_equal(assay_verdict_claim(&refused, "/s", &claim), ASSAY_E_NO_CLAIM);
    assert_int_equal(assay_verdict_claim(NULL, "/s", &claim), ASSAY_E_NO_CLAIM);
    assert_int_equal(assay_verdict_claim(&verdict, "/none", &claim), ASSAY_E_NO_CLAIM);
    assert_int_equal(assay_verdict_claim(&verdict, "s", &claim), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_verdict_claim(&verdict, NULL, &claim), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_verdict_claim(&verdict, "/s", NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_verdict_claim_double(&verdict, "/d", NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_verdict_claim_double(&verdict, NULL, &real), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_verdict_claim_double(NULL, "/d", &real), ASSAY_E_NO_CLAIM);
    assert_null(claim);
    assert_string_equal(text, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_is_one_type),         cmocka_unit_test(numbers_are_what_they_are),
        cmocka_unit_test(members_come_one_after_the_other), cmocka_unit_test(nothing_has_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
