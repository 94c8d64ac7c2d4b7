#include "list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

/* The larger `before` wins, and none at all is larger still. */
static int64_t later_before(int64_t a, int64_t b)
{
    return a == SECONDS_NONE || b == SECONDS_NONE ? SECONDS_NONE : a > b ? a : b;
}

int list_kinds(struct view *view, unsigned *ret_kinds)
{
    struct bytes value;
    int found = view_get(view, TABLE_META, (struct bytes){"kinds", 5}, &value);

    if (found < 0 || (found == 1 && value.size != 4))
        return -1;
    *ret_kinds = found == 1 ? (unsigned)stored_number(value.at, 4) : 0;
    return 0;
}

/* In the transaction of the record itself: they are there together or not at all. */
static int note_kind(struct view *view, enum record_kind kind)
{
    unsigned kinds;
    uint8_t bytes[4];

    if (list_kinds(view, &kinds) < 0)
        return -1;
    if ((kinds & LIST_KIND(kind)) != 0)
        return 0;
    store_number(bytes, kinds | LIST_KIND(kind), 4);
    return view_put(view, TABLE_META, (struct bytes){"kinds", 5}, (struct bytes){bytes, 4});
}

int list_apply(struct hasher *hasher, struct view *view, const struct record *record, const char *source)
{
    uint8_t key[RECORD_KEY_BYTES];
    struct words words;
    uint16_t number;

    if (record_key(hasher, record->kind, record->issuer, record->name, key) < 0 || words_read(view, key, &words) < 0 ||
        source_number(view, source, true, &number) != 1 || note_kind(view, record->kind) < 0)
        return -1;
    for (unsigned i = 0; i < words.count; i++) {
        struct word *word = &words.word[i];

        if (word->source != number)
            continue;
        word->before = later_before(word->before, record->before);
        word->exp = later_before(word->exp, record->exp); /* the same rule: kept the longer, for ever if either says so */
        return words_write(view, key, &words);
    }
    if (words.count == REVOCATION_SOURCES_MAX)
        return -1;
    words.word[words.count++] = (struct word){number, record->before, record->exp};
    if (words_write(view, key, &words) < 0)
        return -1;
    return words_count(view, record, number, 1);
}

struct uncover {
    const uint8_t *kid;
    unsigned count;
    uint8_t keys[KEY_SET_KEYS_MAX][RECORD_KEY_BYTES];
};

static int find_cover(void *context, struct bytes key, struct bytes value)
{
    struct uncover *uncover = context;

    for (size_t at = 0; at + RECORD_KEY_BYTES <= value.size; at += RECORD_KEY_BYTES) {
        if (key.size == RECORD_KEY_BYTES && memcmp((const uint8_t *)value.at + at, uncover->kid, RECORD_KEY_BYTES) == 0 &&
            uncover->count < KEY_SET_KEYS_MAX)
            memcpy(uncover->keys[uncover->count++], key.at, RECORD_KEY_BYTES);
    }
    return 0;
}

/* Removes one kid from what covers a key. */
static int remove_cover(struct view *view, const uint8_t cover[RECORD_KEY_BYTES], const uint8_t kid[RECORD_KEY_BYTES])
{
    struct bytes key = {cover, RECORD_KEY_BYTES}, value;
    uint8_t rest[4096];
    size_t size = 0;

    if (view_get(view, TABLE_COVERS, key, &value) != 1)
        return -1;
    for (size_t at = 0; at + RECORD_KEY_BYTES <= value.size && size + RECORD_KEY_BYTES <= sizeof rest; at += RECORD_KEY_BYTES) {
        if (memcmp((const uint8_t *)value.at + at, kid, RECORD_KEY_BYTES) == 0)
            continue;
        memcpy(rest + size, (const uint8_t *)value.at + at, RECORD_KEY_BYTES);
        size += RECORD_KEY_BYTES;
    }
    return size == 0 ? view_delete(view, TABLE_COVERS, key) : view_put(view, TABLE_COVERS, key, (struct bytes){rest, size});
}

/* A kid that is no longer revoked by anybody gives back the keys that it had covered. There are few of either. */
static int uncover(struct view *view, const uint8_t kid[RECORD_KEY_BYTES])
{
    struct uncover *found = calloc(1, sizeof *found);
    int status = -1;

    if (found == NULL)
        return -1;
    found->kid = kid;
    status = view_each(view, TABLE_COVERS, find_cover, found);
    for (unsigned i = 0; status == 0 && i < found->count; i++)
        status = remove_cover(view, found->keys[i], kid);
    free(found);
    return status;
}

int list_undo(struct hasher *hasher, struct view *view, const struct record *record, const char *source)
{
    uint8_t key[RECORD_KEY_BYTES];
    struct words words, rest = {.count = 0};
    uint16_t number = 0;

    if (record_key(hasher, record->kind, record->issuer, record->name, key) < 0 || words_read(view, key, &words) < 0)
        return -1;
    int known = source != NULL ? source_number(view, source, false, &number) : 1;

    if (known <= 0)
        return known;
    for (unsigned i = 0; i < words.count; i++) {
        if (source != NULL && words.word[i].source != number)
            rest.word[rest.count++] = words.word[i];
        else if (words_count(view, record, words.word[i].source, -1) < 0)
            return -1;
    }
    if (rest.count == words.count)
        return 0;
    if (words_write(view, key, &rest) < 0)
        return -1;
    return record->kind == RECORD_KID && rest.count == 0 ? uncover(view, key) : 0;
}

int list_cover(struct hasher *hasher, struct view *view, struct text issuer, struct text kid, const uint8_t thumbprint[THUMBPRINT_BYTES])
{
    struct text print = {(const char *)thumbprint, THUMBPRINT_BYTES};
    uint8_t kid_key[RECORD_KEY_BYTES], cover[RECORD_KEY_BYTES], all[4096];
    struct bytes value;

    if (record_key(hasher, RECORD_KID, issuer, kid, kid_key) < 0 || record_key(hasher, RECORD_COVER, issuer, print, cover) < 0)
        return -1;
    int revoked = view_get(view, TABLE_RECORDS, (struct bytes){kid_key, sizeof kid_key}, &value);

    if (revoked <= 0)
        return revoked;
    struct bytes at = {cover, sizeof cover};
    int found = view_get(view, TABLE_COVERS, at, &value);

    if (found < 0)
        return -1;
    size_t size = found == 1 ? value.size : 0;

    if (size + RECORD_KEY_BYTES > sizeof all)
        return -1; /* a key under hundreds of revoked names: better no answer than one that forgets a name */
    if (size > 0)
        memcpy(all, value.at, size);
    for (size_t i = 0; i < size; i += RECORD_KEY_BYTES) {
        if (memcmp(all + i, kid_key, RECORD_KEY_BYTES) == 0)
            return 0;
    }
    memcpy(all + size, kid_key, RECORD_KEY_BYTES);
    return view_put(view, TABLE_COVERS, at, (struct bytes){all, size + RECORD_KEY_BYTES});
}

int list_holders(struct hasher *hasher, struct view *view, const struct record *record,
                 void (*each)(void *context, const char *source, int64_t before, int64_t exp), void *context)
{
    uint8_t key[RECORD_KEY_BYTES];
    struct words words;
    char name[256];

    if (record_key(hasher, record->kind, record->issuer, record->name, key) < 0 || words_read(view, key, &words) < 0)
        return -1;
    for (unsigned i = 0; i < words.count; i++) {
        if (source_name(view, words.word[i].source, name) < 0)
            return -1;
        each(context, name, words.word[i].before, words.word[i].exp);
    }
    return (int)words.count;
}

/* `before` counts in whole seconds: a token of 12:00:00.9 was issued at 12:00:00. */
static bool falls_under(struct word word, double iat)
{
    return word.before == SECONDS_NONE || iat < 0 || floor(iat) <= (double)word.before;
}

static enum outcome judge_records(const uint8_t *words, size_t size, double iat)
{
    if (size == 0 || size % WORD_BYTES != 0)
        return OUTCOME_UNDECIDED;
    for (size_t at = 0; at < size; at += WORD_BYTES) {
        if (falls_under(word_read(words + at), iat))
            return OUTCOME_REFUSED;
    }
    return OUTCOME_ACCEPTED;
}

static enum outcome judge_covers(struct view *view, const uint8_t *kids, size_t size)
{
    struct bytes value;

    for (size_t at = 0; at + RECORD_KEY_BYTES <= size; at += RECORD_KEY_BYTES) {
        int found = view_get(view, TABLE_RECORDS, (struct bytes){kids + at, RECORD_KEY_BYTES}, &value);

        if (found != 0)
            return found == 1 ? OUTCOME_REFUSED : OUTCOME_UNDECIDED;
    }
    return OUTCOME_ACCEPTED;
}

struct judgement {
    struct hasher *hasher;
    struct view *view;
    const struct token *token;
    unsigned kinds;
    char jkt[BASE64URL_ENCODED_MAX(THUMBPRINT_BYTES)]; /* of the key that verified */
    char input[65];                                    /* SHA-256 of the signing input, in hex */
};

/* Is there a word of that kind against that name? */
static enum outcome look_up(struct judgement *j, enum record_kind kind, struct text issuer, const char *name, size_t bytes)
{
    uint8_t key[RECORD_KEY_BYTES];
    struct bytes value;

    if (record_key(j->hasher, kind, issuer, (struct text){name, bytes}, key) < 0)
        return OUTCOME_UNDECIDED;
    int found = view_get(j->view, kind == RECORD_COVER ? TABLE_COVERS : TABLE_RECORDS, (struct bytes){key, sizeof key}, &value);

    if (found <= 0)
        return found == 0 ? OUTCOME_ACCEPTED : OUTCOME_UNDECIDED;
    return kind == RECORD_COVER ? judge_covers(j->view, value.at, value.size) : judge_records(value.at, value.size, j->token->iat);
}

static enum outcome look_up_claim(struct judgement *j, enum record_kind kind, struct text issuer, enum claim claim)
{
    struct wire_item item = claim_item(&j->token->claims, claim);

    return item.type == WIRE_STR ? look_up(j, kind, issuer, item.str, item.count) : OUTCOME_ACCEPTED;
}

static enum outcome look_up_kind(struct judgement *j, enum record_kind kind, struct text issuer)
{
    const struct key *key = j->token->key;

    switch (kind) {
    case RECORD_JTI:
        return look_up_claim(j, kind, issuer, CLAIM_JTI);
    case RECORD_SUB:
        return look_up_claim(j, kind, issuer, CLAIM_SUB);
    case RECORD_SID:
        return look_up_claim(j, kind, issuer, CLAIM_SID);
    case RECORD_KID:
        return key->kid != NULL ? look_up(j, kind, issuer, key->kid, key->kid_bytes) : OUTCOME_ACCEPTED;
    case RECORD_COVER:
        return look_up(j, kind, issuer, (const char *)key->thumbprint, THUMBPRINT_BYTES);
    case RECORD_JKT:
        return look_up(j, kind, issuer, j->jkt, strlen(j->jkt));
    case RECORD_SIGNING_INPUT:
        return look_up(j, kind, issuer, j->input, sizeof j->input - 1);
    default:
        return look_up(j, kind, issuer, "", 0);
    }
}

static int prepare(struct judgement *j)
{
    uint8_t digest[32];

    if ((j->kinds & LIST_KIND(RECORD_JKT)) != 0)
        base64url_encode(j->token->key->thumbprint, THUMBPRINT_BYTES, j->jkt);
    if ((j->kinds & LIST_KIND(RECORD_SIGNING_INPUT)) == 0)
        return 0;
    if (hash_bytes(j->hasher, j->token->text.at, j->token->input_bytes, digest) < 0)
        return -1;
    hex_encode(digest, sizeof digest, j->input);
    return 0;
}

/* Where a token may stand, and the kind of record without which there is nothing to be found there. */
static const struct {
    enum record_kind kind;
    enum record_kind needs;
} places[] = {
    {RECORD_JTI, RECORD_JTI}, {RECORD_SUB, RECORD_SUB}, {RECORD_SID, RECORD_SID},
    {RECORD_KID, RECORD_KID}, {RECORD_COVER, RECORD_KID}, {RECORD_JKT, RECORD_JKT},
    {RECORD_SIGNING_INPUT, RECORD_SIGNING_INPUT}, {RECORD_ISSUER, RECORD_ISSUER},
};

enum outcome list_judge(struct hasher *hasher, struct view *view, unsigned kinds, const struct token *token)
{
    struct judgement j = {.hasher = hasher, .view = view, .token = token, .kinds = kinds};

    if (kinds == 0)
        return OUTCOME_ACCEPTED;
    if (prepare(&j) < 0)
        return OUTCOME_UNDECIDED;
    for (unsigned i = 0; i < token->issuer->names.count; i++) { /* each spelling: a record may be older than the alias */
        for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
            if ((kinds & LIST_KIND(places[k].needs)) == 0)
                continue;
            enum outcome outcome = look_up_kind(&j, places[k].kind, token->issuer->names.list[i]);

            if (outcome != OUTCOME_ACCEPTED)
                return outcome;
        }
    }
    return OUTCOME_ACCEPTED;
}
