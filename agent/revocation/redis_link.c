#include "redis_link.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <hiredis/hiredis.h>

#include "agent/limits.h"
#include "agent/outbound/authorities.h"
#include "agent/outbound/redis.h"
#include "agent/outbound/threads.h"
#include "client/cleanup.h"
#include "client/clock.h"
#include "stream_reader.h"

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
    bool after_gap;                  /* the reply came with one */
    struct stream_position last;     /* of the reply */
    struct stream_position position; /* the loop's while there is a reply, else the thread's, and written with the lock */
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
    link->pending.alive = false;
    tell(link);
    pthread_mutex_unlock(&link->lock);
}

/* Nothing new has come. */
static void tell_alive(struct redis_link *link, const struct stream_position *position)
{
    pthread_mutex_lock(&link->lock);
    link->position = *position;
    link->pending.alive = true;
    link->pending.error[0] = '\0'; /* it is over */
    tell(link);
    pthread_mutex_unlock(&link->lock);
}

/* To be called with the lock. Whatever was well before it is well no more. */
static void tell_gap(struct redis_link *link, const char *missed)
{
    link->position = (struct stream_position){.id = STREAM_START};
    snprintf(link->pending.gap, sizeof link->pending.gap, "%s", missed);
    link->pending.alive = false;
    tell(link);
}

/* Lays it down, and waits until it was dealt with. `missed`: something before it, or NULL. */
static void deliver(struct redis_link *link, redisReply *reply, const struct stream_position *last, const char *missed)
{
    pthread_mutex_lock(&link->lock);
    if (missed != NULL)
        tell_gap(link, missed);
    link->reply = reply;
    link->last = *last;
    link->after_gap = missed != NULL;
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

static void free_reply(redisReply **reply)
{
    if (*reply != NULL)
        freeReplyObject(*reply);
}

/* False: the connection is of no use; reader->why. */
static bool read_once(struct redis_link *link, struct stream_reader *reader, bool *waits)
{
    redisReply *reply CLEANUP(free_reply) = NULL;
    struct stream_position position = link->position; /* the thread's now */
    struct stream_part part = {0};
    const redisReply *record;
    const char *missed = NULL;
    int count = stream_read(reader, position.id, *waits, &reply);

    if (count < 0)
        return false;
    part.entries = (unsigned)count;
    if (count > 0 && !stream_entry(stream_entries(reply)->element[count - 1], &part.last, &record)) {
        snprintf(reader->why, sizeof reader->why, "it answers what is no stream");
        return false;
    }
    enum stream_check check = stream_check(reader, &position, &part, &missed);

    if (check == STREAM_UNCHECKED)
        return false;
    *waits = count == 0 && check == STREAM_WHOLE;
    if (count > 0 && check != STREAM_CHANGES) {
        deliver(link, reply, &part.last, missed);
        reply = NULL;
        return count >= FEED_REPLY_ENTRIES || pace(link);
    }
    if (check == STREAM_WHOLE) {
        tell_alive(link, &position);
    } else if (check == STREAM_MISSED) {
        pthread_mutex_lock(&link->lock);
        tell_gap(link, missed);
        pthread_mutex_unlock(&link->lock);
    }
    return true;
}

/* The connection rests on the authorities as they were before it was opened. */
static bool is_trusted(const struct redis_link *link, const struct authorities_facts *before)
{
    struct authorities_facts now;

    if (!link->place.tls)
        return true;
    authorities_look(link->ca_file, &now);
    return authorities_are_same(before, &now);
}

/* Reads until the connection breaks, `why` says how, or is to be opened again: true. It waits only where it has just found that
   there is nothing more: so it knows how much there has been before the next entry comes. */
static bool read_stream(struct redis_link *link, struct redis *redis, const struct authorities_facts *authorities, char why[256])
{
    struct stream_reader reader = {.redis = redis, .stream = link->stream, .wake_fd = link->wake_fd};
    bool waits = false, trusted = true, reads = true;

    while (!is_closed(link) && reads && trusted) {
        reads = read_once(link, &reader, &waits);
        trusted = is_trusted(link, authorities);
    }
    memcpy(why, reader.why, sizeof reader.why);
    return reads && !trusted;
}

static void *run(void *context)
{
    struct redis_link *link = context;
    const struct redis_login login = {link->ca_file, link->password_file};
    double wait = FEED_RECONNECT_SECONDS_MIN;

    while (!is_closed(link)) {
        char why[256] = "";
        int64_t begun = monotonic_ns();
        struct authorities_facts authorities;

        authorities_look(link->ca_file, &authorities);
        struct redis *redis = redis_open(&link->place, &login, begun + FEED_REDIS_SECONDS_MAX * NS_PER_S, link->wake_fd, why);
        bool again = redis != NULL && read_stream(link, redis, &authorities, why);

        redis_close(redis);
        if (is_closed(link))
            break;
        if (again)
            continue;
        tell_error(link, why[0] != '\0' ? why : "the connection was closed");
        wait = redis != NULL && (double)(monotonic_ns() - begun) > FEED_RECONNECT_SECONDS_MAX * 1e9 ? FEED_RECONNECT_SECONDS_MIN
                                                                                                    : wait;
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
    link->references++;
    int status = threads_start(run, link);

    if (status < 0)
        link->references--;
    return status;
}

static void set_position(struct redis_link *link, const struct stream_position *position)
{
    link->position = *position;
    if (link->position.id[0] == '\0')
        link->position = (struct stream_position){.id = STREAM_START};
}

struct redis_link *redis_link_new(uv_loop_t *loop, const struct feed_config *config, const struct stream_position *position,
                                  void (*news)(void *context), void *context)
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
    set_position(link, position);
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
    ret->position = link->position;
    memset(&link->pending, 0, sizeof link->pending);
    pthread_mutex_unlock(&link->lock);
}

void redis_link_look_again(struct redis_link *link)
{
    uv_async_send(&link->wake);
}

/* The last one's position may say more: how many there have been. */
static void position_behind(const struct redis_link *link, bool is_last, struct stream_position *position)
{
    if (link->after_gap)
        *position = link->position;
    else if (is_last)
        *position = link->last;
}

int redis_link_each(struct redis_link *link,
                    int (*each)(void *context, const struct stream_position *position, const char *text, size_t bytes),
                    void *context, bool *ret_more)
{
    const redisReply *entries = stream_entries(link->reply), *record;
    struct stream_position position;
    int status = 1;

    *ret_more = entries->elements >= FEED_REPLY_ENTRIES || link->after_gap;
    for (size_t i = 0; status == 1 && i < entries->elements; i++) {
        if (!stream_entry(entries->element[i], &position, &record))
            return -2;
        position_behind(link, i + 1 == entries->elements, &position);
        status = each(context, &position, record->str, (size_t)record->len);
    }
    return status;
}

void redis_link_go_on(struct redis_link *link, const struct stream_position *position)
{
    pthread_mutex_lock(&link->lock);
    if (link->reply != NULL)
        freeReplyObject(link->reply);
    link->reply = NULL;
    set_position(link, position);
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
