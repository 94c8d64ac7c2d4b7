#include "threads.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "agent/base/limits.h"
#include "client/wire/clock.h"

struct start {
    void *(*run)(void *context);
    void *context;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended; /* by the monotonic clock */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned running;

static void set_up(void)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void count(int change)
{
    pthread_mutex_lock(&lock);
    running += (unsigned)change;
    pthread_cond_broadcast(&ended);
    pthread_mutex_unlock(&lock);
}

/* Frees OpenSSL's data of a thread before the thread is no longer counted: at the thread's own end that could collide with the process's. */
static void *run(void *context)
{
    struct start start = *(struct start *)context;

    free(context);
    (void)start.run(start.context);
    OPENSSL_thread_stop();
    count(-1);
    return NULL;
}

static int create(struct start *start)
{
    pthread_attr_t attributes;
    pthread_t thread;

    if (pthread_attr_init(&attributes) != 0)
        return -1;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int status = pthread_create(&thread, &attributes, run, start) == 0 ? 0 : -1;

    pthread_attr_destroy(&attributes);
    return status;
}

int threads_start(void *(*function)(void *context), void *context)
{
    struct start *start = malloc(sizeof *start);

    if (start == NULL)
        return -1;
    *start = (struct start){function, context};
    (void)pthread_once(&once, set_up);
    count(1);
    if (create(start) == 0)
        return 0;
    count(-1);
    free(start);
    return -1;
}

void threads_leave_one(void)
{
    (void)pthread_once(&once, set_up);
    count(1);
}

bool threads_have_ended(int64_t deadline)
{
    const struct timespec until = {deadline / NS_PER_S, deadline % NS_PER_S};

    (void)pthread_once(&once, set_up);
    pthread_mutex_lock(&lock);
    while (running > 0 && pthread_cond_timedwait(&ended, &lock, &until) != ETIMEDOUT)
        ;
    bool all = running == 0;

    pthread_mutex_unlock(&lock);
    return all;
}

void threads_exit(int code)
{
    if (threads_have_ended(monotonic_ns() + THREADS_END_SECONDS_MAX * NS_PER_S))
        exit(code);
    (void)fflush(NULL);
    _exit(code);
}
