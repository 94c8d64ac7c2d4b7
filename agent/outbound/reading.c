#include "reading.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/base/limits.h"
#include "authorities.h"
#include "bearer.h"
#include "client/wire/clock.h"
#include "threads.h"

struct reading {
    struct reading *next;
    enum reading_kind kind;
    char *path;
    unsigned references; /* the list holds one */
    int64_t asked;
    bool has_begun, has_ended;
    struct bearer bearer;
    struct authorities authorities;
    char why[256]; /* empty: it was read */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects everything that changes */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct reading *first; /* those that have not ended, the oldest first */
static unsigned readers;
static int ended_fd = -1;

static void set_up(void)
{
    ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* Call it with the lock held, like everything below up to the thread. */
static void drop(struct reading *reading)
{
    if (--reading->references > 0)
        return;
    bearer_clear(&reading->bearer);
    authorities_clear(&reading->authorities);
    free(reading->path);
    free(reading);
}

static void take_out(struct reading *reading)
{
    struct reading **link = &first;

    while (*link != reading)
        link = &(*link)->next;
    *link = reading->next;
    drop(reading);
}

static void explain_late(const char *path, char *why, size_t why_bytes)
{
    snprintf(why, why_bytes, "%.120s was not read in time; does its file system answer?", path);
}

/* An existing reading; NULL: there is none, or none that can be used, which `why` says. */
static struct reading *join(enum reading_kind kind, const char *path, char *why, size_t why_bytes)
{
    struct reading *found = first;

    while (found != NULL && (found->kind != kind || strcmp(found->path, path) != 0))
        found = found->next;
    if (found == NULL)
        return NULL;
    if (monotonic_ns() - found->asked > READING_SECONDS_MAX * NS_PER_S) {
        explain_late(path, why, why_bytes);
        return NULL;
    }
    found->references++;
    return found;
}

static struct reading *next_one(void)
{
    struct reading *reading = first;

    while (reading != NULL && reading->has_begun)
        reading = reading->next;
    return reading;
}

static void read_it(struct reading *reading)
{
    if (reading->kind == READING_TOKEN)
        (void)bearer_read(&reading->bearer, reading->path, reading->why, sizeof reading->why);
    else
        (void)authorities_read(reading->path, &reading->authorities, reading->why, sizeof reading->why);
}

static void end(struct reading *reading)
{
    uint64_t one = 1;

    reading->has_ended = true;
    take_out(reading);
    if (write(ended_fd, &one, sizeof one) != sizeof one) {
        /* it is readable already */
    }
}

/* Runs one after the other, until no reading is left that has not begun. */
static void *run(void *context)
{
    (void)context;
    pthread_mutex_lock(&lock);
    for (struct reading *reading; (reading = next_one()) != NULL;) {
        reading->has_begun = true;
        pthread_mutex_unlock(&lock);
        read_it(reading);
        pthread_mutex_lock(&lock);
        end(reading);
    }
    readers--;
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* One more thread, so that this reading does not wait for the others. -1: no thread is running at all. */
static int add_reader(void)
{
    if (readers < READERS_MAX && threads_start(run, NULL) == 0)
        readers++;
    return readers > 0 ? 0 : -1;
}

static struct reading *start(enum reading_kind kind, const char *path)
{
    struct reading *reading = calloc(1, sizeof *reading), **link = &first;

    if (reading == NULL)
        return NULL;
    reading->kind = kind;
    reading->path = strdup(path);
    reading->references = 2; /* the list's, and the caller's */
    reading->asked = monotonic_ns();
    if (reading->path == NULL || ended_fd < 0 || add_reader() < 0) {
        reading->references = 1;
        drop(reading);
        return NULL;
    }
    while (*link != NULL)
        link = &(*link)->next;
    *link = reading;
    return reading;
}

struct reading *reading_begin(enum reading_kind kind, const char *path, char *why, size_t why_bytes)
{
    (void)pthread_once(&once, set_up);
    why[0] = '\0';
    pthread_mutex_lock(&lock);
    struct reading *reading = join(kind, path, why, why_bytes);

    if (reading == NULL && why[0] == '\0') {
        reading = start(kind, path);
        if (reading == NULL)
            snprintf(why, why_bytes, "out of memory, threads or descriptors to read %.120s", path);
    }
    pthread_mutex_unlock(&lock);
    return reading;
}

bool reading_has_ended(const struct reading *reading)
{
    pthread_mutex_lock(&lock);
    bool has_ended = reading->has_ended;

    pthread_mutex_unlock(&lock);
    return has_ended;
}

int readings_fd(void)
{
    (void)pthread_once(&once, set_up);
    return ended_fd;
}

void readings_empty_fd(void)
{
    uint64_t count;

    if (read(ended_fd, &count, sizeof count) != sizeof count) {
        /* it is empty */
    }
}

/* A reading that has ended does not change. */
int reading_check(const struct reading *reading, char *why, size_t why_bytes)
{
    if (!reading_has_ended(reading))
        explain_late(reading->path, why, why_bytes);
    else if (reading->why[0] != '\0')
        snprintf(why, why_bytes, "%s", reading->why);
    else
        return 0;
    return -1;
}

const char *reading_token(const struct reading *reading)
{
    return reading->bearer.text;
}

const struct authorities *reading_authorities(const struct reading *reading)
{
    return &reading->authorities;
}

void reading_drop(struct reading *reading)
{
    if (reading == NULL)
        return;
    pthread_mutex_lock(&lock);
    drop(reading);
    pthread_mutex_unlock(&lock);
}
