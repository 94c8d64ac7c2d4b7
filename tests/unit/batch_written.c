#include "batch_written.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What should stand against a thing. */
struct word {
    bool is;
    int64_t before, exp;
};

const struct keyring no_keys;
static uint64_t seed;
static struct word words[NAMES];

uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

void begin_anew(void)
{
    memset(words, 0, sizeof words);
    seed = 88172645463325252ULL;
}

int open_batch(void **state)
{
    begin_anew();
    return open_store(state);
}

static struct record record_of(unsigned number, char name[16])
{
    snprintf(name, 16, "s%u", number);
    return (struct record){RECORD_SID, {"i", 1}, {name, strlen(name)}, SECONDS_NONE, SECONDS_NONE, false};
}

int add(struct batch *batch, unsigned number, bool undo, int64_t before, int64_t exp)
{
    char name[16];
    struct line line = {record_of(number, name), undo};

    line.record.before = before;
    line.record.exp = exp;
    return batch_add(batch, hasher, &line, NULL);
}

int add_of(struct batch *batch, struct text issuer, enum record_kind kind)
{
    struct line line = {{kind, issuer, {"x", 1}, SECONDS_NONE, SECONDS_NONE, false}, false};

    return batch_add(batch, hasher, &line, NULL);
}

static int64_t later(int64_t a, int64_t b)
{
    return a == SECONDS_NONE || b == SECONDS_NONE ? SECONDS_NONE : a > b ? a : b;
}

static void note(unsigned number, bool undo, int64_t before, int64_t exp)
{
    struct word *word = &words[number];

    if (undo)
        word->is = false;
    else if (word->is)
        *word = (struct word){true, later(word->before, before), later(word->exp, exp)};
    else
        *word = (struct word){true, before, exp};
}

unsigned fill(struct batch *batch, unsigned lines, unsigned names)
{
    for (unsigned i = 0; i < lines; i++) {
        unsigned number = (unsigned)(next_random() % names);
        bool undo = next_random() % 4 == 0;
        int64_t before = (int64_t)(next_random() % 100), exp = 1000 + (int64_t)(next_random() % 100);

        if (before == 0)
            before = SECONDS_NONE;
        if (add(batch, number, undo, before, exp) != 1)
            return i;
        note(number, undo, before, exp);
    }
    batch_set_cursor(batch, CURSOR, sizeof CURSOR);
    return lines;
}

bool write_some(struct batch *batch, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        struct view *view = store_begin(store, false);

        assert_int_equal(batch_write(batch, hasher, view, &no_keys), 0);
        if (i % 2 == 1) {
            store_abort(view);
            view = store_begin(store, false);
            assert_int_equal(batch_write(batch, hasher, view, &no_keys), 0);
        }
        assert_int_equal(store_commit(view), 0);
        store_let_go(store);
        if (batch_advance(batch))
            return true;
    }
    return false;
}

static void compare(void *context, const char *source, int64_t before, int64_t exp)
{
    const struct word *word = context;

    assert_string_equal(source, SOURCE);
    assert_true(before == word->before && exp == word->exp);
}

static int sum(void *context, const struct slot *slot)
{
    *(uint64_t *)context += slot->count;
    return 0;
}

void all_is_as_it_should_be(unsigned names)
{
    uint64_t counted = 0, standing = 0;
    struct view *view = store_view(store);

    for (unsigned i = 0; i < names; i++) {
        char name[16];
        struct record record = record_of(i, name);

        assert_int_equal(list_holders(hasher, view, &record, compare, &words[i]), words[i].is);
        standing += words[i].is;
    }
    assert_int_equal(slot_each(view, sum, &counted), 0);
    assert_int_equal(counted, standing);
    store_let_go(store);
}

struct batch *new_batch(void)
{
    struct batch *batch = batch_new(SOURCE, state_path);

    assert_non_null(batch);
    return batch;
}
