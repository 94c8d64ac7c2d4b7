#include "redis_link.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <hiredis/hiredis.h>

#include "agent/limits.h"
#include "agent/outbound/redis.h"
#include "client/clock.h"
#include "stream_gap.h"

struct redis_link {
    uv_async_t wake; /* of the loop; not sent to once it is closed */
    void (*news)(void *context);
    void *context;
    struct redis_place place;
    char *stream, *ca_file, *password_file;
    char said[600]; /* the configuration, to compare */
    int wake_fd;    /* of the thread, while it waits for the network */
    double tokens;  /* the thread's: how often it may go to the loop at once */
    int64_t paced;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t go;
    unsigned references;
    bool closed;
    struct redis_news pending;
    redisReply *reply;
    char id[STREAM_ID_BYTES];
};

/* --- shared -------------------------------------------------------------- */

static void drop(struct redis_link *link)
{
    pthread_mutex_lock(&link->lock);
    bool last = --link->references == 0;

    pthread_mutex_unlock(&link->lock);
    if (!last)
        return;
    if (link->reply != NULL)
        freeReplyObject(link->reply);
    pthread_mutex_destroy(&link->lock);
    pthread_cond_destroy(&link->go);
    close(link->wake_fd);
    free(link->stream);
    free(link->ca_file);
    free(link->password_file);
    free(link);
}

static void say(const struct feed_config *config, char said[600])
{
    snprintf(said, 600, "%s %s %s %s", config->redis, config->stream, config->ca_file != NULL ? config->ca_file : "",
             config->password_file != NULL ? config->password_file : "");
}

/* --- the thread ---------------------------------------------------------- */

static bool is_closed(struct redis_link *link)
{
    pthread_mutex_lock(&link->lock);
    bool closed = link->closed;

    pthread_mutex_unlock(&link->lock);
    return closed;
}

/* To be called with the lock. */
static void tell(struct redis_link *link)
{
    if (!link->closed)
        uv_async_send(&link->wake);
}

static void tell_error(struct redis_link *link, const char *why)
{
    pthread_mutex_lock(&link->lock);
    snprintf(link->pending.error, sizeof link->pending.error, "%s", why);
    tell(link);
    pthread_mutex_unlock(&link->lock);
}

static void tell_alive(struct redis_link *link)
{
    pthread_mutex_lock(&link->lock);
    link->pending.alive = true;
    link->pending.error[0] = '\0'; /* it is over */
    tell(link);
    pthread_mutex_unlock(&link->lock);
}

/* Lays it down, and waits until it was dealt with. */
static void deliver(struct redis_link *link, redisReply *reply)
{
    pthread_mutex_lock(&link->lock);
    link->reply = reply;
    link->pending.error[0] = '\0';
    tell(link);
    while (link->reply != NULL && !link->closed)
        pthread_cond_wait(&link->go, &link->lock);
    pthread_mutex_unlock(&link->lock);
}

/* False: it was closed meanwhile. */
static bool wait_for(struct redis_link *link, double seconds)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t at = (int64_t)until.tv_sec * NS_PER_S + until.tv_nsec + (int64_t)(seconds * (double)NS_PER_S);

    until = (struct timespec){at / NS_PER_S, at % NS_PER_S};
    pthread_mutex_lock(&link->lock);
    while (!link->closed && pthread_cond_timedwait(&link->go, &link->lock, &until) == 0)
        ;
    bool open = !link->closed;

    pthread_mutex_unlock(&link->lock);
    return open;
}

/* Each reply costs a commit. One that comes alone is passed on at once; where they come all the time they are gathered. */
static bool pace(struct redis_link *link)
{
    int64_t now = monotonic_ns();

    link->tokens += (double)(now - link->paced) / (double)NS_PER_S * FEED_REPLIES_PER_SECOND;
    link->paced = now;
    if (link->tokens > FEED_REPLIES_PER_SECOND)
        link->tokens = FEED_REPLIES_PER_SECOND;
    link->tokens -= 1;
    return link->tokens >= 0 || wait_for(link, -link->tokens / FEED_REPLIES_PER_SECOND);
}

static redisReply *call(struct redis_link *link, struct redis *redis, double seconds, char why[256], int count, const char **words)
{
    size_t lengths[12];

    for (int i = 0; i < count; i++)
        lengths[i] = strlen(words[i]);
    redisReply *reply =
        redis_call(redis, monotonic_ns() + (int64_t)(seconds * (double)NS_PER_S), link->wake_fd, why, count, words, lengths);

    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        snprintf(why, 256, "%.200s", reply->str);
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

/* 0, or -1: the connection is of no use. */
static int look_for_gap(struct redis_link *link, struct redis *redis, char why[256])
{
    const char *entry[] = {"XRANGE", link->stream, link->id, link->id, "COUNT", "1"}, *info[] = {"XINFO", "STREAM", link->stream};
    const char *missed = NULL;

    if (strcmp(link->id, "0-0") == 0)
        return 0;
    redisReply *reply = call(link, redis, FEED_REDIS_SECONDS_MAX, why, 6, entry);

    if (reply == NULL)
        return -1;
    bool there = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0;

    freeReplyObject(reply);
    if (there)
        return 0;
    reply = call(link, redis, FEED_REDIS_SECONDS_MAX, why, 3, info);
    if (reply != NULL) {
        missed = stream_gap(reply, link->id);
        freeReplyObject(reply);
    } else if (strstr(why, "no such key") != NULL) {
        missed = "the stream is gone";
    } else {
        return -1;
    }
    if (missed == NULL)
        return 0;
    pthread_mutex_lock(&link->lock);
    strcpy(link->id, "0-0");
    snprintf(link->pending.gap, sizeof link->pending.gap, "%s", missed);
    tell(link);
    pthread_mutex_unlock(&link->lock);
    return 0;
}

/* [[stream, [entry, …]]], or nil: nothing new. How many, or -1. */
static int count_entries(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL)
        return 0;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 || reply->element[0]->type != REDIS_REPLY_ARRAY ||
        reply->element[0]->elements != 2 || reply->element[0]->element[1]->type != REDIS_REPLY_ARRAY)
        return -1;
    return (int)reply->element[0]->element[1]->elements;
}

/* Reads until the connection breaks; `why` says how. Waiting begins when there is nothing more. */
static void read_stream(struct redis_link *link, struct redis *redis, char why[256])
{
    static const char most[] = FEED_REPLY_ENTRIES_TEXT;
    int64_t looked = 0;
    bool waits = false;

    while (!is_closed(link)) {
        if (monotonic_ns() - looked > NS_PER_S) {
            if (look_for_gap(link, redis, why) < 0)
                return;
            looked = monotonic_ns();
        }
        const char *at_once[] = {"XREAD", "COUNT", most, "STREAMS", link->stream, link->id};
        const char *later[] = {"XREAD", "COUNT", most, "BLOCK", FEED_BLOCK_MILLISECONDS_TEXT, "STREAMS", link->stream, link->id};
        redisReply *reply = call(link, redis, FEED_REDIS_SECONDS_MAX + (waits ? FEED_BLOCK_SECONDS : 0), why, waits ? 8 : 6,
                                 waits ? later : at_once);
        int count = reply != NULL ? count_entries(reply) : -1;

        if (reply != NULL && count < 0)
            snprintf(why, 256, "it answers what is no stream");
        if (count <= 0) {
            if (reply != NULL)
                freeReplyObject(reply);
            if (count < 0)
                return;
            tell_alive(link);
            waits = true;
            continue;
        }
        deliver(link, reply);
        waits = count < FEED_REPLY_ENTRIES;
        if (waits && !pace(link))
            return;
    }
}

static void *run(void *context)
{
    struct redis_link *link = context;
    const struct redis_login login = {link->ca_file, link->password_file};
    double wait = FEED_RECONNECT_SECONDS_MIN;

    while (!is_closed(link)) {
        char why[256] = "";
        int64_t begun = monotonic_ns();
        struct redis *redis = redis_open(&link->place, &login, begun + FEED_REDIS_SECONDS_MAX * NS_PER_S, link->wake_fd, why);

        if (redis != NULL)
            read_stream(link, redis, why);
        redis_close(redis);
        if (is_closed(link))
            break;
        tell_error(link, why[0] != '\0' ? why : "the connection was closed");
        wait = redis != NULL && (double)(monotonic_ns() - begun) > FEED_RECONNECT_SECONDS_MAX * 1e9 ? FEED_RECONNECT_SECONDS_MIN : wait;
        if (!wait_for(link, wait * (0.5 + (double)(monotonic_ns() % 1000) / 2000)))
            break;
        wait = wait * 2 < FEED_RECONNECT_SECONDS_MAX ? wait * 2 : FEED_RECONNECT_SECONDS_MAX;
    }
    drop(link);
    return NULL;
}

/* --- the loop ------------------------------------------------------------ */

static void on_wake(uv_async_t *wake)
{
    struct redis_link *link = wake->data;

    link->news(link->context);
}

static bool copy_texts(struct redis_link *link, const struct feed_config *config)
{
    link->stream = strdup(config->stream);
    link->ca_file = config->ca_file != NULL ? strdup(config->ca_file) : NULL;
    link->password_file = config->password_file != NULL ? strdup(config->password_file) : NULL;
    return link->stream != NULL && (config->ca_file == NULL || link->ca_file != NULL) &&
           (config->password_file == NULL || link->password_file != NULL);
}

static int start_thread(struct redis_link *link)
{
    pthread_attr_t attributes;
    pthread_t thread;

    if (pthread_attr_init(&attributes) != 0)
        return -1;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    link->references++;
    int status = pthread_create(&thread, &attributes, run, link) == 0 ? 0 : -1;

    pthread_attr_destroy(&attributes);
    if (status < 0)
        link->references--;
    return status;
}

struct redis_link *redis_link_new(uv_loop_t *loop, const struct feed_config *config, const char *id, void (*news)(void *context),
                                  void *context)
{
    struct redis_link *link = calloc(1, sizeof *link);
    pthread_condattr_t monotonic;
    char why[256];

    if (link == NULL)
        return NULL;
    link->news = news;
    link->context = context;
    link->references = 1;
    link->tokens = FEED_REPLIES_PER_SECOND;
    link->paced = monotonic_ns();
    snprintf(link->id, sizeof link->id, "%s", *id != '\0' ? id : "0-0");
    say(config, link->said);
    pthread_mutex_init(&link->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&link->go, &monotonic);
    pthread_condattr_destroy(&monotonic);
    link->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (link->wake_fd < 0 || !copy_texts(link, config) || redis_place_read(config->redis, &link->place, why) < 0 ||
        uv_async_init(loop, &link->wake, on_wake) != 0) {
        drop(link);
        return NULL;
    }
    link->wake.data = link;
    if (start_thread(link) == 0)
        return link;
    redis_link_close(link);
    return NULL;
}

bool redis_link_fits(const struct redis_link *link, const struct feed_config *config)
{
    char said[600];

    say(config, said);
    return strcmp(said, link->said) == 0;
}

void redis_link_news(struct redis_link *link, struct redis_news *ret)
{
    pthread_mutex_lock(&link->lock);
    *ret = link->pending;
    ret->has_reply = link->reply != NULL;
    memset(&link->pending, 0, sizeof link->pending);
    pthread_mutex_unlock(&link->lock);
}

void redis_link_look_again(struct redis_link *link)
{
    uv_async_send(&link->wake);
}

/* The text of an entry's field `r`; what has none is a record that cannot be read. */
static const redisReply *record_of(const redisReply *fields)
{
    static char none[] = "{}";
    static const redisReply nothing = {.type = REDIS_REPLY_STRING, .str = none, .len = 2};

    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i], *value = fields->element[i + 1];

        if (name->type == REDIS_REPLY_STRING && strcmp(name->str, "r") == 0 && value->type == REDIS_REPLY_STRING)
            return value;
    }
    return &nothing;
}

int redis_link_each(struct redis_link *link, int (*take)(void *context, const char *id, const char *text, size_t bytes),
                    void *context, bool *ret_more)
{
    const redisReply *entries = link->reply->element[0]->element[1];
    int status = 1;

    *ret_more = entries->elements >= FEED_REPLY_ENTRIES;
    for (size_t i = 0; status == 1 && i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];

        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->type != REDIS_REPLY_STRING ||
            entry->element[0]->len >= STREAM_ID_BYTES)
            return -2;
        const redisReply *record = record_of(entry->element[1]);

        status = take(context, entry->element[0]->str, record->str, (size_t)record->len);
    }
    return status;
}

void redis_link_go_on(struct redis_link *link, const char *id)
{
    pthread_mutex_lock(&link->lock);
    if (link->reply != NULL)
        freeReplyObject(link->reply);
    link->reply = NULL;
    snprintf(link->id, sizeof link->id, "%s", *id != '\0' ? id : "0-0");
    pthread_cond_signal(&link->go);
    pthread_mutex_unlock(&link->lock);
}

static void on_closed(uv_handle_t *wake)
{
    drop(wake->data);
}

void redis_link_close(struct redis_link *link)
{
    uint64_t one = 1;

    if (link == NULL)
        return;
    pthread_mutex_lock(&link->lock);
    link->closed = true;
    pthread_cond_signal(&link->go);
    pthread_mutex_unlock(&link->lock);
    if (write(link->wake_fd, &one, sizeof one) != sizeof one) {
        /* it is woken already */
    }
    uv_close((uv_handle_t *)&link->wake, on_closed);
}
