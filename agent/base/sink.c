#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "limits.h"
#include "log.h"

/* Lines, one behind the other. */
struct lines {
    char *bytes;
    size_t used;
};

struct sink {
    pthread_mutex_t lock;
    pthread_cond_t more, less; /* there is something to do; something was done */
    char *path;                /* NULL: stdout */
    struct lines waiting;      /* under the lock, like the next ones */
    uint64_t lost;             /* lines, since a line said how many */
    bool reopen, closing, ended, left; /* left: nobody waits for the thread, which frees all of it */
    char error[160];

    int fd; /* the thread's, like the next ones; -1: not open */
    struct lines writing;
};

static void free_sink(struct sink *sink)
{
    if (sink->fd >= 0 && sink->path != NULL)
        close(sink->fd);
    pthread_mutex_destroy(&sink->lock);
    pthread_cond_destroy(&sink->more);
    pthread_cond_destroy(&sink->less);
    free(sink->waiting.bytes);
    free(sink->writing.bytes);
    free(sink->path);
    free(sink);
}

static void set_error(struct sink *sink, int error)
{
    char text[sizeof sink->error] = "";

    if (error != 0)
        snprintf(text, sizeof text, "%s", error == EAGAIN ? "nobody reads it" : strerror(error));
    pthread_mutex_lock(&sink->lock);
    bool is_new = strcmp(text, sink->error) != 0;

    memcpy(sink->error, text, sizeof text);
    pthread_mutex_unlock(&sink->lock);
    if (is_new && error != 0)
        log_error("audit lines cannot be written; the agent tries again every second", LOG_TEXT("file", sink->path), LOG_TEXT("why", text));
    else if (is_new)
        log_info("audit lines can be written again", LOG_TEXT("file", sink->path));
}

/* Is the file that is open still the one of that name? */
static bool is_in_place(const struct sink *sink)
{
    struct stat open_one, named;

    return fstat(sink->fd, &open_one) == 0 && stat(sink->path, &named) == 0 && open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

static bool open_again(struct sink *sink)
{
    int fd = open(sink->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);

    if (fd < 0) {
        set_error(sink, errno);
        return false;
    }
    if (sink->fd >= 0)
        close(sink->fd);
    sink->fd = fd;
    return true;
}

/* Waits for a second, or until the sink is closed. */
static void rest(struct sink *sink)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    pthread_mutex_lock(&sink->lock);
    while (!sink->closing && pthread_cond_timedwait(&sink->more, &sink->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&sink->lock);
}

static bool is_closing(struct sink *sink)
{
    pthread_mutex_lock(&sink->lock);
    bool closing = sink->closing;

    pthread_mutex_unlock(&sink->lock);
    return closing;
}

/* How many bytes were written; 0: not now. A pipe takes at most PIPE_BUF at once, so that a write never blocks in the middle of a line. */
static size_t write_some(struct sink *sink, const char *at, size_t bytes)
{
    struct pollfd writable = {.fd = sink->fd, .events = POLLOUT};
    int ready = poll(&writable, 1, 1000);

    if (ready <= 0) {
        set_error(sink, ready == 0 ? EAGAIN : errno);
        return 0;
    }
    ssize_t written = write(sink->fd, at, sink->path == NULL && bytes > LOG_LINE_BYTES_MAX ? LOG_LINE_BYTES_MAX : bytes);

    if (written <= 0) {
        set_error(sink, written == 0 ? EIO : errno);
        return 0;
    }
    set_error(sink, 0);
    return (size_t)written;
}

/* Opens the file if none is open, or if another one has its name now. */
static bool look_after_file(struct sink *sink)
{
    return sink->path == NULL || (sink->fd >= 0 && is_in_place(sink)) || open_again(sink);
}

static size_t line_begin(const struct lines *lines, size_t at)
{
    while (at > 0 && lines->bytes[at - 1] != '\n')
        at--;
    return at;
}

/* Writes all that was taken out of the buffer. False: the sink was closed before. If another file is opened meanwhile, it gets the line under way
   from its beginning, because the former file has only a part of it. */
static bool write_all(struct sink *sink)
{
    size_t at = 0;

    while (at < sink->writing.used) {
        int before = sink->fd;
        bool there = look_after_file(sink);

        if (before != sink->fd)
            at = line_begin(&sink->writing, at);
        size_t written = there ? write_some(sink, sink->writing.bytes + at, sink->writing.used - at) : 0;

        at += written;
        if (written > 0)
            continue;
        if (is_closing(sink))
            return false;
        rest(sink);
    }
    return true;
}

/* As one of the lines, when there is room for it. */
static void put_lost(struct sink *sink)
{
    struct log_line line;

    if (sink->lost == 0)
        return;
    log_line_make(&line, true, "warning", "audit lines were lost", (const struct log_field[]){LOG_NUMBER("count", sink->lost), LOG_TEXT("why", "the buffer was full")}, 2);
    line.text[line.used++] = '\n';
    memcpy(sink->waiting.bytes + sink->waiting.used, line.text, line.used); /* SINK_BYTES_MAX leaves room for it */
    sink->waiting.used += line.used;
    sink->lost = 0;
}

/* Takes what waits. False: the sink is closed, and nothing waits. */
static bool take(struct sink *sink, bool *ret_reopen)
{
    pthread_mutex_lock(&sink->lock);
    while (sink->waiting.used == 0 && !sink->reopen && !sink->closing)
        pthread_cond_wait(&sink->more, &sink->lock);
    put_lost(sink);
    struct lines taken = sink->waiting;
    bool any = taken.used > 0 || sink->reopen;

    sink->waiting = (struct lines){.bytes = sink->writing.bytes};
    sink->writing = taken;
    *ret_reopen = sink->reopen;
    sink->reopen = false;
    pthread_mutex_unlock(&sink->lock);
    return any;
}

static void *run(void *context)
{
    struct sink *sink = context;
    bool reopen;

    while (take(sink, &reopen)) {
        if (reopen && sink->path != NULL)
            (void)open_again(sink);
        if (!write_all(sink))
            break;
    }
    pthread_mutex_lock(&sink->lock);
    sink->ended = true;
    bool left = sink->left;

    pthread_cond_broadcast(&sink->less);
    pthread_mutex_unlock(&sink->lock);
    if (left)
        free_sink(sink);
    return NULL;
}

struct sink *sink_open(const char *path)
{
    struct sink *sink = calloc(1, sizeof *sink);
    pthread_condattr_t monotonic;
    pthread_t thread;

    if (sink == NULL)
        return NULL;
    sink->fd = path != NULL ? -1 : STDOUT_FILENO;
    sink->path = path != NULL ? strdup(path) : NULL;
    sink->waiting.bytes = malloc(SINK_BYTES_MAX + LOG_LINE_BYTES_MAX);
    sink->writing.bytes = malloc(SINK_BYTES_MAX + LOG_LINE_BYTES_MAX);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&sink->lock, NULL);
    pthread_cond_init(&sink->more, &monotonic);
    pthread_cond_init(&sink->less, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if ((path != NULL && sink->path == NULL) || sink->waiting.bytes == NULL || sink->writing.bytes == NULL ||
        pthread_create(&thread, NULL, run, sink) != 0) {
        free_sink(sink);
        return NULL;
    }
    pthread_detach(thread);
    return sink;
}

void sink_put(struct sink *sink, const char *line, size_t bytes)
{
    pthread_mutex_lock(&sink->lock);
    if (bytes > SINK_BYTES_MAX - sink->waiting.used) {
        sink->lost++;
    } else {
        memcpy(sink->waiting.bytes + sink->waiting.used, line, bytes);
        sink->waiting.used += bytes;
    }
    pthread_cond_signal(&sink->more);
    pthread_mutex_unlock(&sink->lock);
}

void sink_reopen(struct sink *sink)
{
    pthread_mutex_lock(&sink->lock);
    sink->reopen = true;
    pthread_cond_signal(&sink->more);
    pthread_mutex_unlock(&sink->lock);
}

void sink_close(struct sink *sink)
{
    struct timespec until;

    if (sink == NULL)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SINK_CLOSE_SECONDS;
    pthread_mutex_lock(&sink->lock);
    sink->closing = true;
    pthread_cond_broadcast(&sink->more);
    while (!sink->ended && pthread_cond_timedwait(&sink->less, &sink->lock, &until) == 0)
        ;
    bool ended = sink->ended;

    sink->left = !ended;
    pthread_mutex_unlock(&sink->lock);
    if (ended)
        free_sink(sink);
}
