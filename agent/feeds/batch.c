#include "batch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch_groups.h"
#include "sorted_changes.h"
#include "unreadable.h"

#define GROUP_UNDO 0x8000U /* beside a word's group: it is an undo */
static_assert(FEED_BATCH_GROUPS_MAX <= GROUP_UNDO, "a group and GROUP_UNDO share a slot's bits");

struct unreadable {
    struct unreadable *next;
    uint64_t number;
    size_t bytes;
    char text[];
};

struct batch {
    char source[SOURCE_NAME_BYTES];
    struct words *words; /* their slots are numbers of groups until they are written */
    size_t records;
    struct entry_op *ops; /* a part of them */
    size_t count;
    size_t written, part; /* ops that are on the disk; ops that the last part wrote */
    const char *folder;
    struct words *later; /* words that must follow all others; NULL: none */
    enum batch_end end;
    bool second;         /* `later` is being written */
    bool broken;         /* data was lost, and the feed must be read again */
    struct groups groups;
    unsigned kinds;
    struct unreadable *unreadable;
    unsigned unreadable_count;
    uint8_t cursor[CURSOR_BYTES_MAX];
    size_t cursor_bytes;
};

struct batch *batch_new(const char *source, const char *folder)
{
    struct batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL)
        return NULL;
    snprintf(batch->source, sizeof batch->source, "%s", source);
    batch->folder = folder;
    batch->words = words_new(folder);
    if (batch->words != NULL)
        return batch;
    free(batch);
    return NULL;
}

static void drop_unreadable(struct batch *batch)
{
    while (batch->unreadable != NULL) {
        struct unreadable *line = batch->unreadable;

        batch->unreadable = line->next;
        free(line);
    }
    batch->unreadable_count = 0;
}

void batch_free(struct batch *batch)
{
    if (batch == NULL)
        return;
    drop_unreadable(batch);
    words_free(batch->later);
    groups_clear(&batch->groups);
    free(batch->ops);
    words_free(batch->words);
    free(batch);
}

size_t batch_records(const struct batch *batch)
{
    return batch->records;
}

bool batch_is_empty(const struct batch *batch)
{
    return words_count(batch->words) == 0 && batch->unreadable == NULL;
}

static int add_word(struct batch *batch, struct hasher *hasher, const struct record *record, bool undo)
{
    uint8_t key[RECORD_KEY_BYTES], word[ENTRY_BYTES];
    int group = groups_find(&batch->groups, record);

    if (group == FEED_BATCH_GROUPS_MAX)
        return 0;
    if (group < 0 || record_key(hasher, record->kind, record->issuer, record->name, key) < 0)
        return -1;
    word_write(word, key, (uint16_t)((unsigned)group | (undo ? GROUP_UNDO : 0)), record);
    if (!undo)
        batch->kinds |= LIST_KIND(record->kind);
    return words_add(batch->words, word);
}

int batch_add(struct batch *batch, struct hasher *hasher, const struct line *line, const struct texts *spellings)
{
    struct record record = line->record;
    int status = 1;

    if (!line->undo || spellings == NULL)
        status = add_word(batch, hasher, &record, line->undo);
    for (unsigned i = 0; line->undo && spellings != NULL && status == 1 && i < spellings->count; i++) {
        record.issuer = spellings->list[i];
        status = add_word(batch, hasher, &record, true); /* undoing twice, if the line comes again, has the same effect */
    }
    batch->records += status == 1;
    return status;
}

int batch_keep_unreadable(struct batch *batch, uint64_t number, const char *text, size_t bytes)
{
    struct unreadable *line;

    if (bytes > UNREADABLE_BYTES_MAX || batch->unreadable_count == UNREADABLE_KEPT_MAX)
        return 0;
    if ((line = malloc(sizeof *line + bytes)) == NULL)
        return -1;
    batch->unreadable_count++;
    line->number = number;
    line->bytes = bytes;
    memcpy(line->text, text, bytes);
    line->next = batch->unreadable;
    batch->unreadable = line;
    return 0;
}

void batch_set_cursor(struct batch *batch, const void *cursor, size_t bytes)
{
    memcpy(batch->cursor, cursor, bytes);
    batch->cursor_bytes = bytes;
}

/* Combines two changes of one thing, one after the other. */
static void follow(struct entry_op *first, const struct entry_op *then)
{
    bool met = first->change != ENTRY_REMOVE;

    if (then->change == ENTRY_REMOVE) {
        first->change = ENTRY_REMOVE;
        return;
    }
    if (met)
        list_records.meet(first->entry, then->entry);
    else
        *first = *then;
    if (!met)
        first->change = ENTRY_SET; /* an undo followed by a revocation: the old entry no longer matters */
}

void batch_seal(struct batch *batch, enum batch_end end)
{
    batch->end = end;
    words_seal(batch->words);
}

bool batch_moved_cursor(const struct batch *batch)
{
    return batch->end != BATCH_GOES_ON || batch->later == NULL;
}

/* What was kept for later comes before what is added now. */
static int take_over(struct words *later, struct words *words)
{
    word_bytes *some;
    size_t count;

    words_seal(later);
    while (words_left(later)) {
        if (words_take(later, &some, &count) < 0)
            return -1;
        for (size_t i = 0; i < count; i++) {
            if (words_add(words, some[i]) != 1)
                return -1;
        }
    }
    return 0;
}

int batch_go_on(struct batch *batch)
{
    struct words *words = words_new(batch->folder), *later = batch->later;
    int status = words != NULL ? 0 : -1;

    if (status == 0 && later != NULL)
        status = take_over(later, words);
    words_free(later);
    words_free(batch->words);
    batch->words = words;
    batch->later = NULL;
    drop_unreadable(batch);
    free(batch->ops);
    batch->ops = NULL;
    batch->records = batch->count = batch->written = batch->part = 0;
    batch->second = false;
    batch->broken = status < 0;
    return status;
}

static struct entry_op op_of(const uint8_t *word)
{
    uint16_t group = word_slot(word);
    struct entry_op op = {.change = (group & GROUP_UNDO) != 0 ? ENTRY_REMOVE : ENTRY_ADD, .tag = group & (GROUP_UNDO - 1)};

    memcpy(op.entry, word, ENTRY_BYTES);
    return op;
}

static int keep_word(struct batch *batch, const struct entry_op *op, bool undo)
{
    uint8_t word[ENTRY_BYTES];

    if (batch->end == BATCH_BREAKS_OFF)
        return 0;
    memcpy(word, op->entry, ENTRY_BYTES);
    word_set_slot(word, (uint16_t)((unsigned)op->tag | (undo ? GROUP_UNDO : 0)));
    if (batch->later == NULL && (batch->later = words_new(batch->folder)) == NULL)
        return -1;
    return words_add(batch->later, word) == 1 ? 0 : -1;
}

/* Writes only the revocations of this part now, and keeps the rest for later. `all`: more words about these hashes will come, which must follow
   what is kept. */
static int put_off(struct batch *batch, bool all)
{
    size_t kept = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct entry_op op = batch->ops[i];
        bool takes_back = op.change != ENTRY_ADD;

        if (takes_back && keep_word(batch, &op, true) < 0)
            return -1;
        if (op.change != ENTRY_REMOVE && (takes_back || all) && keep_word(batch, &op, false) < 0)
            return -1;
        if (op.change == ENTRY_REMOVE)
            continue;
        op.change = ENTRY_ADD;
        batch->ops[kept++] = op;
    }
    batch->count = kept;
    return 0;
}

/* Loads the next part. All words are of one source, so one hash is one entry. */
static int load(struct batch *batch)
{
    size_t all = words_count(batch->words), most = all < FEED_RUN_RECORDS ? all : FEED_RUN_RECORDS, count, kept = 0;
    bool is_split = words_are_split(batch->words);
    word_bytes *words;

    /* Memory first, for all parts: words that were taken cannot be taken again. */
    if (batch->ops == NULL && (batch->ops = malloc(most * sizeof *batch->ops)) == NULL)
        return -1;
    if (words_take(batch->words, &words, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct entry_op op = op_of(words[i]);

        if (kept > 0 && memcmp(batch->ops[kept - 1].entry, op.entry, ENTRY_KEY_BYTES) == 0)
            follow(&batch->ops[kept - 1], &op);
        else
            batch->ops[kept++] = op;
    }
    batch->written = 0;
    batch->count = kept;
    is_split |= words_are_split(batch->words);
    if ((batch->end != BATCH_ENDS || is_split) && !batch->second && put_off(batch, is_split) < 0)
        batch->broken = true;
    return batch->broken ? -1 : 0;
}

static int find_slots(struct batch *batch, struct view *view)
{
    for (size_t i = 0; i < batch->groups.count; i++) {
        struct group *group = &batch->groups.list[i];

        group->change = 0;
        if (!group->has_slot &&
            slot_number(view, group_issuer(&batch->groups, group), group->kind, batch->source, true, &group->slot) != 1)
            return -1;
    }
    for (size_t i = batch->written; i < batch->count; i++)
        word_set_slot(batch->ops[i].entry, batch->groups.list[batch->ops[i].tag].slot);
    return 0;
}

/* If no source revokes a kid any more, ends the revocation of the keys that it covered. */
static int uncover(struct view *view, const struct entry_op *op)
{
    struct bytes left;
    int count = entries_find(view, &list_records, op->entry, &left);

    return count != 0 ? (count < 0 ? -1 : 0) : list_uncover(view, op->entry);
}

static int count_changes(struct batch *batch, struct view *view)
{
    for (size_t i = batch->written; i < batch->written + batch->part; i++) {
        const struct entry_op *op = &batch->ops[i];
        struct group *group = &batch->groups.list[op->tag];

        group->change += (int64_t)op->is - (int64_t)op->was;
        if (group->kind == RECORD_KID && op->was && !op->is && uncover(view, op) < 0)
            return -1;
    }
    for (size_t i = 0; i < batch->groups.count; i++) {
        if (slot_count(view, batch->groups.list[i].slot, batch->groups.list[i].change) < 0)
            return -1;
    }
    return 0;
}

static int finish(struct batch *batch, struct hasher *hasher, struct view *view, const struct keyring *ring)
{
    if ((batch->kinds & LIST_KIND(RECORD_KID)) != 0 && list_cover(hasher, view, ring) < 0)
        return -1;
    for (const struct unreadable *line = batch->unreadable; line != NULL; line = line->next) {
        if (unreadable_write(view, batch->source, line->number, line->text, line->bytes) < 0)
            return -1;
    }
    if (batch->cursor_bytes == 0 || !batch_moved_cursor(batch))
        return 0;
    return batch_put_cursor(view, batch->source, batch->cursor, batch->cursor_bytes);
}

/* Starts writing what was kept for later; nothing more is kept. */
static void begin_second(struct batch *batch)
{
    words_seal(batch->later);
    words_free(batch->words);
    batch->words = batch->later;
    batch->later = NULL;
    free(batch->ops);
    batch->ops = NULL;
    batch->count = batch->written = 0;
    batch->second = true;
}

/* Is all of the batch written with this part? */
static bool is_last_portion(const struct batch *batch)
{
    return !words_left(batch->words) && (batch->end != BATCH_ENDS || batch->later == NULL);
}

int batch_write(struct batch *batch, struct hasher *hasher, struct view *view, const struct keyring *ring)
{
    if (batch->broken)
        return -1;
    if (batch->written == batch->count && words_left(batch->words) && load(batch) < 0)
        return -1;
    if (find_slots(batch, view) < 0 || list_note_kinds(view, batch->kinds) < 0 ||
        entries_change(view, &list_records, batch->ops + batch->written, batch->count - batch->written, FEED_BUCKETS_PER_COMMIT,
                       &batch->part) < 0 ||
        count_changes(batch, view) < 0)
        return -1;
    return batch->written + batch->part == batch->count && is_last_portion(batch) ? finish(batch, hasher, view, ring) : 0;
}

bool batch_advance(struct batch *batch)
{
    batch->written += batch->part;
    batch->part = 0;
    for (size_t i = 0; i < batch->groups.count; i++)
        batch->groups.list[i].has_slot = true;
    if (batch->written < batch->count || words_left(batch->words))
        return false;
    if (is_last_portion(batch))
        return true;
    begin_second(batch);
    return false;
}
