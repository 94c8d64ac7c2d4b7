#include "sorted_changes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define PARTS      256
#define FEW        24 /* up to this many are sorted by insertion */
#define FIRST_ROOM 64

/* A run: its words are sorted by part only. */
struct run {
    uint32_t ends[PARTS]; /* after the part's last word */
    uint64_t sums[PARTS];
};

struct words {
    const char *folder;
    int fd; /* -1: none yet */
    struct run *runs[FEED_RUNS_MAX];
    unsigned run_count; /* full runs in the file */
    word_bytes *gathered, *scratch;
    size_t count, room; /* of `gathered`, which becomes the last run once sealed */
    struct run last;
    size_t totals[PARTS];
    size_t added, given;
    unsigned parts_left, next_run; /* the position of words_take */
    word_bytes *portion;
};

struct words *words_new(const char *folder)
{
    struct words *words = calloc(1, sizeof *words);

    if (words == NULL)
        return NULL;
    words->folder = folder;
    words->fd = -1;
    words->parts_left = PARTS;
    return words;
}

void words_free(struct words *words)
{
    if (words == NULL)
        return;
    for (unsigned i = 0; i < words->run_count; i++)
        free(words->runs[i]);
    if (words->fd >= 0)
        close(words->fd);
    free(words->gathered);
    free(words->scratch);
    free(words->portion);
    free(words);
}

size_t words_count(const struct words *words)
{
    return words->added;
}

/* Distributes by the byte at `depth`, and keeps the order of those with the same byte. */
static void distribute(const word_bytes *from, word_bytes *to, size_t count, unsigned depth, uint32_t ends[PARTS])
{
    uint32_t at = 0;

    memset(ends, 0, PARTS * sizeof *ends);
    for (size_t i = 0; i < count; i++)
        ends[from[i][depth]]++;
    for (unsigned part = 0; part < PARTS; part++) {
        uint32_t its = ends[part];

        ends[part] = at;
        at += its;
    }
    for (size_t i = 0; i < count; i++)
        memcpy(to[ends[from[i][depth]]++], from[i], ENTRY_BYTES);
}

static void sort_few(word_bytes *words, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        word_bytes word;
        size_t at = i;

        memcpy(word, words[i], ENTRY_BYTES);
        while (at > 0 && memcmp(words[at - 1], word, ENTRY_KEY_BYTES) > 0)
            at--;
        memmove(words[at + 1], words[at], (i - at) * ENTRY_BYTES);
        memcpy(words[at], word, ENTRY_BYTES);
    }
}

/* Byte after byte: hashes are spread evenly, and if an attacker chooses them so that they are not, at most twelve rounds are needed. */
static void sort(word_bytes *words, word_bytes *scratch, size_t count, unsigned depth)
{
    uint32_t ends[PARTS];

    if (count <= FEW) {
        sort_few(words, count);
        return;
    }
    if (depth == ENTRY_KEY_BYTES)
        return;
    distribute(words, scratch, count, depth, ends);
    memcpy(words, scratch, count * ENTRY_BYTES);
    for (unsigned part = 0; part < PARTS; part++) {
        uint32_t start = part > 0 ? ends[part - 1] : 0;

        sort(words + start, scratch, ends[part] - start, depth + 1);
    }
}

/* Turns the collected words into a run, in memory. */
static void make_run(struct words *words, struct run *run)
{
    word_bytes *cut = words->scratch;

    if (words->count == 0) { /* of an empty batch: nothing of it is ever taken */
        memset(run, 0, sizeof *run);
        return;
    }
    distribute(words->gathered, cut, words->count, 0, run->ends);
    for (unsigned part = 0; part < PARTS; part++) {
        uint32_t start = part > 0 ? run->ends[part - 1] : 0;

        run->sums[part] = XXH3_64bits(cut[start], (run->ends[part] - start) * sizeof *cut);
    }
    words->scratch = words->gathered;
    words->gathered = cut;
}

static void count_run(struct words *words, const struct run *run)
{
    for (unsigned part = 0; part < PARTS; part++)
        words->totals[part] += run->ends[part] - (part > 0 ? run->ends[part - 1] : 0);
}

static bool write_all(int fd, const void *from, size_t bytes, uint64_t offset)
{
    const char *at = from;

    while (bytes > 0) {
        ssize_t put = pwrite(fd, at, bytes, (off_t)offset);

        if (put <= 0)
            return false;
        at += put;
        bytes -= (size_t)put;
        offset += (uint64_t)put;
    }
    return true;
}

/* Memory is full: writes a run to the file. False: it could not, and the collected words stay where they are. */
static bool put_away(struct words *words)
{
    struct run *run;

    if (words->run_count == FEED_RUNS_MAX)
        return false;
    if (words->fd < 0)
        words->fd = open(words->folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (words->fd < 0 || (run = malloc(sizeof *run)) == NULL)
        return false;
    make_run(words, run);
    if (!write_all(words->fd, words->gathered, sizeof(word_bytes) * FEED_RUN_RECORDS,
                   (uint64_t)words->run_count * sizeof(word_bytes) * FEED_RUN_RECORDS)) {
        free(run);
        return false;
    }
    count_run(words, run);
    words->runs[words->run_count++] = run;
    words->count = 0;
    return true;
}

static bool make_room(struct words *words)
{
    size_t room = words->room == 0 ? FIRST_ROOM : 2 * words->room;
    word_bytes *gathered = realloc(words->gathered, room * sizeof *gathered);

    if (gathered == NULL)
        return false;
    words->gathered = gathered;
    free(words->scratch);
    words->scratch = malloc(room * sizeof *gathered);
    words->room = words->scratch != NULL ? room : 0;
    return words->scratch != NULL;
}

int words_add(struct words *words, const word_bytes word)
{
    if (words->count == FEED_RUN_RECORDS && !put_away(words))
        return 0;
    if (words->count == words->room && !make_room(words))
        return -1;
    memcpy(words->gathered[words->count++], word, ENTRY_BYTES);
    words->added++;
    return 1;
}

void words_seal(struct words *words)
{
    make_run(words, &words->last);
    count_run(words, &words->last);
}

bool words_left(const struct words *words)
{
    return words->given < words->added;
}

bool words_are_split(const struct words *words)
{
    return words->next_run != 0;
}

static bool read_all(int fd, void *to, size_t bytes, uint64_t offset)
{
    char *at = to;

    while (bytes > 0) {
        ssize_t got = pread(fd, at, bytes, (off_t)offset);

        if (got <= 0)
            return false;
        at += got;
        bytes -= (size_t)got;
        offset += (uint64_t)got;
    }
    return true;
}

/* Takes some parts of a run, to the end of the portion. */
static int take_from(struct words *words, unsigned number, unsigned first, unsigned end, size_t *count)
{
    const struct run *run = number < words->run_count ? words->runs[number] : &words->last;
    uint32_t start = first > 0 ? run->ends[first - 1] : 0;
    size_t some = run->ends[end - 1] - start;
    word_bytes *to = words->portion + *count;

    if (run == &words->last && some > 0)
        memcpy(to, words->gathered + start, some * sizeof *to);
    else if (!read_all(words->fd, to, some * sizeof *to, ((uint64_t)number * FEED_RUN_RECORDS + start) * sizeof *to))
        return -1;
    for (unsigned part = first; part < end; part++) {
        uint32_t at = part > 0 ? run->ends[part - 1] : 0;

        if (XXH3_64bits(to + (at - start), (run->ends[part] - at) * sizeof *to) != run->sums[part])
            return -1;
    }
    *count += some;
    return 0;
}

/* How many parts make a portion: as many as fit, at least one. */
static unsigned first_part(const struct words *words)
{
    unsigned first = words->parts_left - 1;
    size_t count = words->totals[first];

    while (first > 0 && count + words->totals[first - 1] <= FEED_RUN_RECORDS)
        count += words->totals[--first];
    return first;
}

static bool make_portion(struct words *words)
{
    size_t room = words->added < FEED_RUN_RECORDS ? words->added : FEED_RUN_RECORDS;

    if (words->portion == NULL)
        words->portion = malloc(room * sizeof *words->portion);
    return words->portion != NULL;
}

int words_take(struct words *words, word_bytes **ret, size_t *ret_count)
{
    unsigned first = first_part(words), run = words->next_run;
    size_t count = 0;

    if (!make_portion(words))
        return -1;
    /* One part may be more than a portion, if most words are about one thing: then its runs come one after the other. */
    for (; run <= words->run_count; run++) {
        const struct run *its = run < words->run_count ? words->runs[run] : &words->last;
        size_t some = its->ends[words->parts_left - 1] - (first > 0 ? its->ends[first - 1] : 0);

        if (count + some > FEED_RUN_RECORDS)
            break;
        if (take_from(words, run, first, words->parts_left, &count) < 0)
            return -1;
    }
    if (run > words->run_count)
        words->parts_left = first;
    words->next_run = run > words->run_count ? 0 : run;
    words->given += count;
    if (count > 0)
        sort(words->portion, words->scratch, count, 0);
    *ret = words->portion;
    *ret_count = count;
    return 0;
}
