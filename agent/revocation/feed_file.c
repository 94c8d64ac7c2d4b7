#include "feed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define HEAD_BYTES_MAX 1024
#define READ_BYTES     (256 * 1024) /* more than the longest line, so that each read ends one */

void feed_file_close(struct feed_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

/* A checksum of the first bytes, as many as were read as lines. */
static int read_head(int fd, uint64_t bytes, uint64_t *ret)
{
    char head[HEAD_BYTES_MAX];
    ssize_t got = pread(fd, head, bytes, 0);

    if (got < 0)
        return -1;
    *ret = (uint64_t)got == bytes ? XXH3_64bits(head, bytes) : 0;
    return 0;
}

/* Is what is open still what was read before? */
static int is_same(const struct feed_file *file, const struct stat *facts, bool *ret)
{
    const struct feed_cursor *cursor = &file->cursor;
    uint64_t head = 0;

    if (cursor->head_bytes > HEAD_BYTES_MAX || read_head(file->fd, cursor->head_bytes, &head) < 0)
        return -1;
    *ret = cursor->device == facts->st_dev && cursor->inode == facts->st_ino && cursor->offset <= (uint64_t)facts->st_size &&
           (cursor->head_bytes == 0 || head == cursor->head);
    return 0;
}

static void begin_anew(struct feed_file *file, const struct stat *facts)
{
    file->replaced |= file->cursor.offset > 0;
    file->cursor = (struct feed_cursor){.device = facts->st_dev, .inode = facts->st_ino};
}

static int look(struct feed_file *file)
{
    struct stat facts;
    bool same;

    if (file->fd < 0)
        file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0 || fstat(file->fd, &facts) < 0)
        return -1;
    if (!S_ISREG(facts.st_mode)) {
        feed_file_close(file);
        errno = EINVAL;
        return -1;
    }
    file->size = (uint64_t)facts.st_size;
    if (is_same(file, &facts, &same) < 0)
        return -1;
    if (!same)
        begin_anew(file, &facts);
    return 0;
}

/* Of the first bytes there may be more now than when they were last summed up. */
static int sum_head(struct feed_file *file)
{
    struct feed_cursor *cursor = &file->cursor;
    uint64_t bytes = cursor->offset < HEAD_BYTES_MAX ? cursor->offset : HEAD_BYTES_MAX;

    if (bytes == cursor->head_bytes)
        return 0;
    if (read_head(file->fd, bytes, &cursor->head) < 0)
        return -1;
    cursor->head_bytes = bytes;
    return 0;
}

/* The whole lines of a piece. Gives how much of it was done. 1; 0 or -2: as `take` says. */
static int take_lines(struct feed_file *file, const char *piece, size_t size, const struct feed_taker *taker, size_t *ret_done)
{
    const char *at = piece, *end;
    int status = 1;

    while (status == 1 && (end = memchr(at, '\n', size - (size_t)(at - piece))) != NULL) {
        status = end == at ? 1 : taker->take(taker->context, file->cursor.lines + 1, at, (size_t)(end - at));
        if (status != 1)
            break;
        file->cursor.lines++;
        at = end + 1;
    }
    *ret_done = (size_t)(at - piece);
    return status < 0 ? -2 : status;
}

/* A line that does not fit into a piece is no line: it is stepped over, and told as one. */
static int step_over(struct feed_file *file, char *piece, const struct feed_taker *taker)
{
    uint64_t at = file->cursor.offset;
    ssize_t got;

    while ((got = pread(file->fd, piece, READ_BYTES, (off_t)at)) > 0) {
        const char *end = memchr(piece, '\n', (size_t)got);

        if (end == NULL) {
            at += (uint64_t)got;
            continue;
        }
        memset(piece, ' ', FEED_LINE_BYTES_MAX + 1);
        int status = taker->take(taker->context, file->cursor.lines + 1, piece, FEED_LINE_BYTES_MAX + 1);

        if (status == 1) {
            file->cursor.lines++;
            file->cursor.offset = at + (uint64_t)(end - piece) + 1;
        }
        return status < 0 ? -2 : status == 0 ? 0 : 2;
    }
    return got < 0 ? -1 : 1;
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

        file->cursor.offset += done;
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

/* Does the path name another file by now? What was appended to the old one has been read to its end. 1, 0; -1: it names none. */
static int is_another(const struct feed_file *file)
{
    struct stat named, open;

    if (stat(file->path, &named) < 0 || fstat(file->fd, &open) < 0)
        return -1;
    return named.st_dev != open.st_dev || named.st_ino != open.st_ino;
}

int feed_file_read(struct feed_file *file, const struct feed_taker *taker)
{
    char *piece = malloc(READ_BYTES);
    int status = piece != NULL ? 1 : -1;
    bool again = status == 1;

    while (again) {
        status = look(file) < 0 ? -1 : read_on(file, piece, taker);
        if (status >= 0 && sum_head(file) < 0)
            status = -1;
        int another = status == 1 ? is_another(file) : 0;

        again = another == 1;
        status = another < 0 ? -1 : status;
        if (again || status == -1) {
            int error = errno;

            feed_file_close(file);
            errno = error;
        }
    }
    free(piece);
    return status;
}
