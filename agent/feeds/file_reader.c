#include "file_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/rand.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "client/wire/clock.h"

#define READ_BYTES   (256 * 1024) /* more than the longest line, so that each read ends one */
#define TAIL_BYTES   1024
#define SMALL_BYTES  (1024 * 1024)        /* up to this size, a file is checked as a whole each time */
#define VERIFY_NS    NS_PER_S             /* a larger one is checked this often, and only its last bytes in between */
#define SETTLES_NS   NS_PER_S             /* the file counts as quiet after no write for this long */
#define REWRITES_NS  (300 * NS_PER_MS)    /* a file that is being rewritten in place is not read after a write for this long, */
#define REWRITING_NS (1200 * NS_PER_MS)   /* but at most for this long */
#define QUIET_NS     (2050 * NS_PER_MS)   /* more than a tick of any file system's clock */
#define FOLLOW_MAX   4                    /* how often one reading follows a file that is replaced again and again */

void feed_file_close(struct feed_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    feed_file_reset(file);
}

void feed_file_reset(struct feed_file *file)
{
    XXH3_freeState(file->sum);
    file->sum = NULL;
    file->verified_ns = file->mismatch_ns = file->settling_ns = 0;
    memset(&file->last, 0, sizeof file->last);
    file->anew = false;
}

static XXH3_state_t *new_sum(uint64_t seed)
{
    XXH3_state_t *sum = XXH3_createState();

    if (sum != NULL)
        XXH3_128bits_reset_withSeed(sum, seed);
    else
        errno = ENOMEM;
    return sum;
}

static void note_sum(struct feed_file *file)
{
    XXH128_hash_t hash = XXH3_128bits_digest(file->sum);

    file->cursor.sum[0] = hash.low64;
    file->cursor.sum[1] = hash.high64;
}

/* A checksum of the last bytes that were read as lines. 0 or -1. */
static int read_tail(const struct feed_file *file, uint64_t bytes, uint64_t *ret)
{
    char tail[TAIL_BYTES];
    ssize_t got = pread(file->fd, tail, bytes, (off_t)(file->cursor.offset - bytes));

    if (got < 0)
        return -1;
    *ret = (uint64_t)got == bytes ? XXH3_64bits(tail, bytes) : 0;
    return 0;
}

static int note_tail(struct feed_file *file)
{
    file->tail_bytes = file->cursor.offset < TAIL_BYTES ? file->cursor.offset : TAIL_BYTES;
    return read_tail(file, file->tail_bytes, &file->tail);
}

/* Are all bytes that were read before unchanged? 1, 0, -1. */
static int verify(struct feed_file *file, char *piece, const struct feed_taker *taker)
{
    const struct feed_cursor *cursor = &file->cursor;
    XXH3_state_t *sum = new_sum(cursor->seed);

    if (sum == NULL)
        return -1;
    for (uint64_t at = 0; at < cursor->offset;) {
        uint64_t left = cursor->offset - at;
        ssize_t got = taker->enough(taker->context) ? -1 : pread(file->fd, piece, left < READ_BYTES ? left : READ_BYTES, (off_t)at);

        if (got <= 0) {
            XXH3_freeState(sum);
            return got < 0 ? -1 : 0;
        }
        XXH3_128bits_update(sum, piece, (size_t)got);
        at += (uint64_t)got;
    }
    XXH128_hash_t hash = XXH3_128bits_digest(sum);
    bool same = hash.low64 == cursor->sum[0] && hash.high64 == cursor->sum[1];

    XXH3_freeState(file->sum);
    file->sum = same ? sum : NULL;
    if (!same)
        XXH3_freeState(sum);
    file->verified_ns = monotonic_ns();
    return same;
}

/* After a whole check a moment ago: is at least the end unchanged? */
static int looks_same(struct feed_file *file)
{
    uint64_t tail = 0;

    if (file->cursor.offset == 0)
        return 1;
    if (read_tail(file, file->tail_bytes, &tail) < 0)
        return -1;
    return tail == file->tail;
}

/* 1: the bytes read before are unchanged; 0: they are not; -1. */
static int is_same(struct feed_file *file, const struct file_facts *facts, char *piece, const struct feed_taker *taker)
{
    const struct feed_cursor *cursor = &file->cursor;
    bool lately = file->verified_ns != 0 && monotonic_ns() - file->verified_ns < VERIFY_NS;

    if (cursor->seed == 0 || cursor->offset > facts->size)
        return 0;
    file->unsure = lately && file->sum != NULL && cursor->offset > SMALL_BYTES && cursor->inode == facts->inode &&
                   cursor->device == facts->device;
    if (file->unsure && looks_same(file) == 1)
        return 1;
    file->unsure = false;
    return verify(file, piece, taker);
}

static int begin_anew(struct feed_file *file)
{
    uint64_t seed;

    if (RAND_bytes((unsigned char *)&seed, sizeof seed) != 1) {
        errno = EIO;
        return -1;
    }
    file->replaced |= file->cursor.offset > 0;
    file->cursor = (struct feed_cursor){.seed = seed};
    XXH3_freeState(file->sum);
    file->sum = new_sum(seed);
    file->anew = !file->is_new;
    file->is_new = false;
    return file->sum != NULL ? 0 : -1;
}

/* Takes the whole lines of a piece. Returns how much of it was used. 1; 0 or -2: as `take` says. */
static int take_lines(struct feed_file *file, const char *piece, size_t size, const struct feed_taker *taker, size_t *ret_done)
{
    const char *at = piece, *end;
    int status = 1;

    while ((end = memchr(at, '\n', size - (size_t)(at - piece))) != NULL) {
        status = end == at ? 1 : taker->take(taker->context, file->cursor.lines + 1, at, (size_t)(end - at));
        if (status != 1)
            break;
        file->cursor.lines++;
        at = end + 1;
    }
    *ret_done = (size_t)(at - piece);
    return status < 0 ? -2 : status;
}

static void pass(struct feed_file *file, const char *bytes, size_t count)
{
    XXH3_128bits_update(file->sum, bytes, count);
    file->cursor.offset += count;
}

/* The length of the line that begins here. 1, *ret: with its newline; 0: its end has not arrived, or enough; -1. */
static int measure_line(const struct feed_file *file, char *piece, const struct feed_taker *taker, uint64_t *ret)
{
    uint64_t at = file->cursor.offset;
    ssize_t got = 0;

    while (!taker->enough(taker->context) && (got = pread(file->fd, piece, READ_BYTES, (off_t)at)) > 0) {
        const char *end = memchr(piece, '\n', (size_t)got);

        at += end != NULL ? (uint64_t)(end - piece) + 1 : (uint64_t)got;
        *ret = at - file->cursor.offset;
        if (end != NULL)
            return 1;
    }
    return got < 0 ? -1 : 0;
}

/* A line that does not fit into a piece is reported as too long, and skipped. 2: there may be more after it; otherwise as read_on. */
static int step_over(struct feed_file *file, char *piece, const struct feed_taker *taker)
{
    uint64_t left = 0;
    int found = measure_line(file, piece, taker, &left);

    if (found <= 0)
        return found < 0 ? -1 : 1;
    memset(piece, ' ', FEED_LINE_BYTES_MAX + 1);
    int status = taker->take(taker->context, file->cursor.lines + 1, piece, FEED_LINE_BYTES_MAX + 1);

    if (status != 1)
        return status < 0 ? -2 : 0;
    for (ssize_t got; left > 0; left -= (uint64_t)got) {
        if (taker->enough(taker->context))
            return -1;
        got = pread(file->fd, piece, left < READ_BYTES ? left : READ_BYTES, (off_t)file->cursor.offset);
        if (got <= 0)
            return -1;
        pass(file, piece, (size_t)got);
    }
    file->cursor.lines++;
    return 2;
}

/* 1: the end of this file; 0, -1, -2: as feed_file_read. */
static int read_on(struct feed_file *file, char *piece, const struct feed_taker *taker)
{
    for (;;) {
        ssize_t got = pread(file->fd, piece, READ_BYTES, (off_t)file->cursor.offset);
        size_t done = 0;

        if (got <= 0)
            return got < 0 ? -1 : 1;
        int status = take_lines(file, piece, (size_t)got, taker, &done);

        pass(file, piece, done);
        if (done == 0 && status == 1 && got == READ_BYTES) {
            status = step_over(file, piece, taker);
            if (status == 2)
                continue;
            return status;
        }
        if (status != 1 || done == 0)
            return status;
    }
}

/* Has no process written to it for this long, while it was checked here? The file system's clock may differ from this machine's. */
static bool is_quiet(struct feed_file *file, const struct file_facts *facts, int64_t ns)
{
    int64_t now = monotonic_ns();

    if (!facts_are_same(&file->last, facts)) {
        file->last = *facts;
        file->settling_ns = now;
    }
    return now - file->settling_ns >= ns;
}

/* Opens the file that the path names, beside the one that is already open. -1: errno. */
static int open_named(const struct feed_file *file, struct file_facts *ret)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat found;
    int error = fd < 0 || fstat(fd, &found) < 0 ? errno : !S_ISREG(found.st_mode) ? EINVAL : 0;

    if (error == 0) {
        *ret = facts_of(&found);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

/* Reads a file that was moved away to its end first, because lines may have been appended before. `named`: the file at the path now, or NULL. */
static int read_former(struct feed_file *file, const struct file_facts *named, char *piece, const struct feed_taker *taker)
{
    struct stat found;

    if (file->fd < 0 || fstat(file->fd, &found) < 0 || (uint64_t)found.st_size < file->cursor.offset ||
        (named != NULL && found.st_dev == named->device && found.st_ino == named->inode))
        return 1;
    if ((file->sum != NULL ? looks_same(file) : verify(file, piece, taker)) != 1)
        return 1;
    int status = read_on(file, piece, taker);

    note_sum(file); /* lines that do not fit now come next time */
    return status >= 0 && note_tail(file) < 0 ? -1 : status;
}

/* Is it being rewritten in place? Then its content is a mixture of old and new. */
static bool is_being_rewritten(struct feed_file *file, const struct file_facts *facts)
{
    int64_t now = monotonic_ns();

    if (file->cursor.offset == 0 || facts->size < file->cursor.offset || file->cursor.inode != facts->inode ||
        file->cursor.device != facts->device || is_quiet(file, facts, REWRITES_NS))
        return false;
    if (file->mismatch_ns == 0)
        file->mismatch_ns = now;
    return now - file->mismatch_ns < REWRITING_NS;
}

/* The bytes checked did not change during the reading, which reached the end: this is known as long as the facts stay the same. */
static int note_facts(struct feed_file *file, const struct file_facts *before, bool to_its_end)
{
    struct stat found;

    if (fstat(file->fd, &found) < 0)
        return -1;
    struct file_facts facts = facts_of(&found);
    bool known = to_its_end && !file->unsure && facts_are_same(before, &facts);

    if (known && is_quiet(file, &facts, QUIET_NS))
        file->cursor.facts = facts;
    else
        memset(&file->cursor.facts, 0, sizeof file->cursor.facts);
    return 0;
}

/* Reads the open file, which has these facts. */
static int read_open(struct feed_file *file, const struct file_facts *facts, char *piece, const struct feed_taker *taker)
{
    if (facts_are_same(facts, &file->cursor.facts))
        return 1;
    int same = is_same(file, facts, piece, taker);

    if (same < 0)
        return -1;
    if (same == 0 && is_being_rewritten(file, facts)) {
        file->unsure = true;
        return 1;
    }
    file->mismatch_ns = 0;
    if (same == 0 && begin_anew(file) < 0)
        return -1;
    file->cursor.device = facts->device;
    file->cursor.inode = facts->inode;
    int status = read_on(file, piece, taker);

    note_sum(file);
    if (same == 0)
        file->verified_ns = monotonic_ns();
    if (status >= 0 && (note_tail(file) < 0 || note_facts(file, facts, status == 1) < 0))
        return -1;
    return status;
}

static int read_named(struct feed_file *file, char *piece, const struct feed_taker *taker, bool *ret_again)
{
    struct file_facts facts, after;
    int fd = open_named(file, &facts), status;

    *ret_again = false;
    if (fd < 0) {
        int error = errno;

        (void)read_former(file, NULL, piece, taker);
        errno = error;
        return -1;
    }
    status = read_former(file, &facts, piece, taker);
    if (status != 1) {
        close(fd);
        return status;
    }
    if (file->fd >= 0)
        close(file->fd);
    file->fd = fd;
    file->size = facts.size;
    status = read_open(file, &facts, piece, taker);
    if (status != 1)
        return status;
    file->unsettled = file->anew && (!is_quiet(file, &facts, SETTLES_NS) || file->unsure);
    file->anew = file->unsettled;
    if (facts_look(file->path, false, &after) != 0)
        return -1;
    *ret_again = after.device != facts.device || after.inode != facts.inode;
    return 1;
}

int feed_file_read(struct feed_file *file, const struct feed_taker *taker)
{
    char *piece = malloc(READ_BYTES);
    int status = piece != NULL ? 1 : -1;
    bool again = status == 1;

    file->unsure = file->unsettled = false;
    for (unsigned i = 0; again && i < FOLLOW_MAX; i++)
        status = read_named(file, piece, taker, &again);
    file->unsure |= again;
    free(piece);
    return status;
}
