#include "words.h"

#include <stdio.h>
#include <string.h>

#include "list.h"

void store_number(uint8_t *out, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

uint64_t stored_number(const uint8_t *in, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}

struct word word_read(const uint8_t *at)
{
    return (struct word){(uint16_t)stored_number(at, 2), (int64_t)stored_number(at + 2, 8), (int64_t)stored_number(at + 10, 8)};
}

static void put_word(uint8_t *at, struct word word)
{
    store_number(at, word.source, 2);
    store_number(at + 2, (uint64_t)word.before, 8);
    store_number(at + 10, (uint64_t)word.exp, 8);
}

int words_read(struct view *view, const uint8_t key[RECORD_KEY_BYTES], struct words *words)
{
    struct bytes value;
    int found = view_get(view, TABLE_RECORDS, (struct bytes){key, RECORD_KEY_BYTES}, &value);

    words->count = 0;
    if (found <= 0)
        return found;
    if (value.size == 0 || value.size % WORD_BYTES != 0 || value.size / WORD_BYTES > REVOCATION_SOURCES_MAX)
        return -1; /* not something that was written here */
    for (; words->count < value.size / WORD_BYTES; words->count++)
        words->word[words->count] = word_read((const uint8_t *)value.at + words->count * WORD_BYTES);
    return 1;
}

int words_write(struct view *view, const uint8_t key[RECORD_KEY_BYTES], const struct words *words)
{
    uint8_t value[WORD_BYTES * REVOCATION_SOURCES_MAX];

    if (words->count == 0)
        return view_delete(view, TABLE_RECORDS, (struct bytes){key, RECORD_KEY_BYTES});
    for (unsigned i = 0; i < words->count; i++)
        put_word(value + i * WORD_BYTES, words->word[i]);
    return view_put(view, TABLE_RECORDS, (struct bytes){key, RECORD_KEY_BYTES}, (struct bytes){value, words->count * WORD_BYTES});
}

/* Sources have numbers in the store: meta "source:NAME" -> number, and "number:N" -> name. */
int source_number(struct view *view, const char *source, bool make, uint16_t *ret)
{
    char name[300], number[32];
    struct bytes value, next;
    uint8_t bytes[2];
    int size = snprintf(name, sizeof name, "source:%s", source);
    int found = view_get(view, TABLE_META, (struct bytes){name, (size_t)size}, &value);

    if (found < 0 || size >= (int)sizeof name)
        return -1;
    if (found == 1) {
        *ret = (uint16_t)stored_number(value.at, 2);
        return 1;
    }
    if (!make)
        return 0;
    found = view_get(view, TABLE_META, (struct bytes){"sources", 7}, &next);
    uint16_t free_number = found == 1 ? (uint16_t)stored_number(next.at, 2) : 0;

    if (found < 0 || free_number >= REVOCATION_SOURCES_MAX)
        return -1;
    store_number(bytes, free_number, 2);
    int number_size = snprintf(number, sizeof number, "number:%u", free_number);

    if (view_put(view, TABLE_META, (struct bytes){name, (size_t)size}, (struct bytes){bytes, 2}) < 0 ||
        view_put(view, TABLE_META, (struct bytes){number, (size_t)number_size}, (struct bytes){source, strlen(source)}) < 0)
        return -1;
    store_number(bytes, free_number + 1U, 2);
    if (view_put(view, TABLE_META, (struct bytes){"sources", 7}, (struct bytes){bytes, 2}) < 0)
        return -1;
    *ret = free_number;
    return 1;
}

int source_name(struct view *view, uint16_t number, char name[256])
{
    char key[32];
    struct bytes value;
    int size = snprintf(key, sizeof key, "number:%u", number);

    if (view_get(view, TABLE_META, (struct bytes){key, (size_t)size}, &value) != 1)
        return -1;
    snprintf(name, 256, "%.*s", (int)value.size, (const char *)value.at);
    return 0;
}

/* The tally's keys: issuer, kind, source, each ended by NUL. A very long issuer is cut: LMDB's keys have 511 bytes. */
#define TALLY_ISSUER_BYTES_MAX 300

int words_count(struct view *view, const struct record *record, uint16_t source, int64_t change)
{
    char key[511], name[256];
    struct bytes value;
    uint8_t bytes[8];

    if (source_name(view, source, name) < 0)
        return -1;
    int issuer_bytes = record->issuer.bytes > TALLY_ISSUER_BYTES_MAX ? TALLY_ISSUER_BYTES_MAX : (int)record->issuer.bytes;
    int size = snprintf(key, sizeof key, "%.*s%c%s%c%.100s", issuer_bytes, record->issuer.at, 0, record_kind_name(record->kind), 0, name);
    struct bytes at = {key, (size_t)size + 1};
    int found = view_get(view, TABLE_TALLY, at, &value);

    if (found < 0)
        return -1;
    uint64_t now = (found == 1 && value.size == 8 ? stored_number(value.at, 8) : 0) + (uint64_t)change;

    if (now == 0)
        return view_delete(view, TABLE_TALLY, at);
    store_number(bytes, now, 8);
    return view_put(view, TABLE_TALLY, at, (struct bytes){bytes, 8});
}

struct tally {
    void (*each)(void *context, const char *issuer, const char *kind, const char *source, uint64_t count);
    void *context;
};

static int tally_one(void *context, struct bytes key, struct bytes value)
{
    struct tally *tally = context;
    const char *issuer = key.at, *end = issuer + key.size;
    const char *kind = memchr(issuer, '\0', key.size);
    const char *source = kind != NULL ? memchr(kind + 1, '\0', (size_t)(end - kind - 1)) : NULL;

    if (source == NULL || end[-1] != '\0' || source + 1 == end || value.size != 8)
        return -1;
    tally->each(tally->context, issuer, kind + 1, source + 1, stored_number(value.at, 8));
    return 0;
}

int list_tally(struct view *view, void (*each)(void *context, const char *issuer, const char *kind, const char *source, uint64_t count),
               void *context)
{
    struct tally tally = {each, context};

    return view_each(view, TABLE_TALLY, tally_one, &tally);
}
