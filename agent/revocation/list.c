#include "agent/base/hex.h"
#include "list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT_SLOT 12
#define AT_BEFORE 14
#define AT_EXP 19
#define ID_BYTES 14
#define SECONDS_BYTES 5
#define STORED_NONE 0xffffffffffULL
#define STORED_OURS 0x8000000000ULL   /* a flag in `exp` */
#define STORED_MAX (STORED_OURS - 2) /* the year 19391: later times are equivalent */

static int64_t read_seconds(const uint8_t *at)
{
    uint64_t seconds = stored_number(at, SECONDS_BYTES);

    return seconds == STORED_NONE ? SECONDS_NONE : (int64_t)(seconds & ~STORED_OURS);
}

static void write_seconds(uint8_t *at, int64_t seconds)
{
    store_number(at, seconds == SECONDS_NONE ? STORED_NONE : (uint64_t)seconds > STORED_MAX ? STORED_MAX : (uint64_t)seconds, SECONDS_BYTES);
}

static void write_exp(uint8_t *entry, int64_t exp, bool is_ours)
{
    write_seconds(entry + AT_EXP, exp);
    if (is_ours && exp != SECONDS_NONE)
        entry[AT_EXP + SECONDS_BYTES - 1] |= (uint8_t)(STORED_OURS >> (8 * (SECONDS_BYTES - 1)));
}

void word_write(uint8_t entry[ENTRY_BYTES], const uint8_t key[ENTRY_KEY_BYTES], uint16_t slot, const struct record *record)
{
    memcpy(entry, key, ENTRY_KEY_BYTES);
    store_number(entry + AT_SLOT, slot, 2);
    write_seconds(entry + AT_BEFORE, record->before);
    write_exp(entry, record->exp, record->exp_is_ours);
}

uint16_t word_slot(const uint8_t *entry)
{
    return (uint16_t)stored_number(entry + AT_SLOT, 2);
}

void word_set_slot(uint8_t *entry, uint16_t slot)
{
    store_number(entry + AT_SLOT, slot, 2);
}

int64_t word_before(const uint8_t *entry)
{
    return read_seconds(entry + AT_BEFORE);
}

int64_t word_exp(const uint8_t *entry)
{
    return read_seconds(entry + AT_EXP);
}

bool word_exp_is_ours(const uint8_t *entry)
{
    uint64_t exp = stored_number(entry + AT_EXP, SECONDS_BYTES);

    return exp != STORED_NONE && (exp & STORED_OURS) != 0;
}

/* The larger `before` wins, and none at all counts as larger still; the same for `exp`: the entry is kept for the longer time, without end if
   either says so. */
static int64_t later(int64_t a, int64_t b)
{
    return a == SECONDS_NONE || b == SECONDS_NONE ? SECONDS_NONE : a > b ? a : b;
}

/* Computed by the agent, if either is: the entry is then kept longer. */
static void meet(uint8_t *stored, const uint8_t *given)
{
    write_seconds(stored + AT_BEFORE, later(word_before(stored), word_before(given)));
    write_exp(stored, later(word_exp(stored), word_exp(given)), word_exp_is_ours(stored) || word_exp_is_ours(given));
}

const struct entry_set list_records = {TABLE_RECORDS, ID_BYTES, meet};

int list_kinds(struct view *view, unsigned *ret_kinds)
{
    struct bytes value;

    if (view_get(view, TABLE_META, (struct bytes){"kinds", 5}, &value) != 1 || value.size != 4)
        return -1;
    *ret_kinds = (unsigned)stored_number(value.at, 4);
    return 0;
}

/* In the transaction of the records themselves, so that both are stored or neither. */
int list_note_kinds(struct view *view, unsigned more)
{
    unsigned kinds;
    uint8_t bytes[4];

    if (list_kinds(view, &kinds) < 0)
        return -1;
    if ((kinds & more) == more)
        return 0;
    store_number(bytes, kinds | more, 4);
    return view_put(view, TABLE_META, (struct bytes){"kinds", 5}, (struct bytes){bytes, 4});
}

static int change_one(struct view *view, struct entry_op *op)
{
    size_t done;

    if (entries_change(view, &list_records, op, 1, 1, &done) < 0)
        return -1;
    return slot_count(view, word_slot(op->entry), (int64_t)op->is - (int64_t)op->was);
}

int list_apply(struct hasher *hasher, struct view *view, const struct record *record, const char *source)
{
    struct entry_op op = {.change = ENTRY_ADD};
    uint8_t key[RECORD_KEY_BYTES];
    uint16_t slot;

    if (record_key(hasher, record->kind, record->issuer, record->name, key) < 0 ||
        slot_number(view, record->issuer, record->kind, source, true, &slot) != 1 || list_note_kinds(view, LIST_KIND(record->kind)) < 0)
        return -1;
    word_write(op.entry, key, slot, record);
    return change_one(view, &op);
}

/* The entries for a thing, copied out of the view, because a change would invalidate them. */
struct words {
    unsigned count;
    uint8_t entry[ENTRIES_PER_KEY_MAX][ENTRY_BYTES];
};

static int read_words(struct view *view, const uint8_t key[RECORD_KEY_BYTES], struct words *ret)
{
    struct bytes entries;
    int count = entries_find(view, &list_records, key, &entries);

    if (count < 0 || count > ENTRIES_PER_KEY_MAX)
        return -1;
    if (count > 0)
        memcpy(ret->entry, entries.at, entries.size);
    ret->count = (unsigned)count;
    return 0;
}

static int undo_one(struct hasher *hasher, struct view *view, const struct record *record, const char *source)
{
    uint8_t key[RECORD_KEY_BYTES];
    struct words words;
    uint16_t slot = 0;
    unsigned left = 0;

    if (record_key(hasher, record->kind, record->issuer, record->name, key) < 0 || read_words(view, key, &words) < 0)
        return -1;
    int known = source != NULL ? slot_number(view, record->issuer, record->kind, source, false, &slot) : 1;

    if (known <= 0)
        return known;
    for (unsigned i = 0; i < words.count; i++) {
        struct entry_op op = {.change = ENTRY_REMOVE};

        if (source != NULL && word_slot(words.entry[i]) != slot) {
            left++;
            continue;
        }
        memcpy(op.entry, words.entry[i], ENTRY_BYTES);
        if (change_one(view, &op) < 0)
            return -1;
    }
    return record->kind == RECORD_KID && words.count > 0 && left == 0 ? list_uncover(view, key) : 0;
}

int list_undo(struct hasher *hasher, struct view *view, const struct record *record, const struct texts *spellings, const char *source)
{
    struct record spelt = *record;

    if (spellings == NULL)
        return undo_one(hasher, view, record, source);
    for (unsigned i = 0; i < spellings->count; i++) {
        spelt.issuer = spellings->list[i];
        if (undo_one(hasher, view, &spelt, source) < 0)
            return -1;
    }
    return 0;
}

int list_holders(struct hasher *hasher, struct view *view, const struct record *record,
                 void (*each)(void *context, const char *source, int64_t before, int64_t exp), void *context)
{
    uint8_t key[RECORD_KEY_BYTES];
    struct words words;
    struct slot slot;

    if (record_key(hasher, record->kind, record->issuer, record->name, key) < 0 || read_words(view, key, &words) < 0)
        return -1;
    for (unsigned i = 0; i < words.count; i++) {
        if (slot_read(view, word_slot(words.entry[i]), &slot) < 0)
            return -1;
        each(context, slot.source, word_before(words.entry[i]), word_exp(words.entry[i]));
    }
    return (int)words.count;
}

/* `before` counts in whole seconds: a token of 12:00:00.9 was issued at 12:00:00. A token without `iat` has -1 here: every entry applies to it. */
static bool falls_under(const uint8_t *entry, double iat)
{
    int64_t before = word_before(entry);

    return before == SECONDS_NONE || floor(iat) <= (double)before;
}

static enum outcome judge_records(struct bytes entries, double iat)
{
    for (size_t at = 0; at < entries.size; at += ENTRY_BYTES) {
        if (falls_under((const uint8_t *)entries.at + at, iat))
            return OUTCOME_REFUSED;
    }
    return OUTCOME_ACCEPTED;
}

/* For each kid that the key has had: is it still revoked? */
static enum outcome judge_covers(struct view *view, struct bytes entries)
{
    struct bytes words;

    for (size_t at = 0; at < entries.size; at += ENTRY_BYTES) {
        int count = entries_find(view, &list_records, (const uint8_t *)entries.at + at + ENTRY_KEY_BYTES, &words);

        if (count != 0)
            return count > 0 ? OUTCOME_REFUSED : OUTCOME_UNDECIDED;
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

/* Is there an entry of that kind for that name? */
static enum outcome look_up(struct judgement *j, enum record_kind kind, struct text issuer, const char *name, size_t bytes)
{
    uint8_t key[RECORD_KEY_BYTES];
    struct bytes entries;

    if (record_key(j->hasher, kind, issuer, (struct text){name, bytes}, key) < 0 ||
        entries_find(j->view, kind == RECORD_COVER ? &list_covers : &list_records, key, &entries) < 0)
        return OUTCOME_UNDECIDED;
    return kind == RECORD_COVER ? judge_covers(j->view, entries) : judge_records(entries, j->token->iat);
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
    if (hash_input(j->hasher, j->token, digest) < 0)
        return -1;
    hex_encode(digest, sizeof digest, j->input);
    return 0;
}

/* The claims by which a token may be revoked, and the kind of record needed for each. */
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
