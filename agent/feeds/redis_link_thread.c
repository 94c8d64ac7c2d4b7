/* The thread of a link to a Redis stream: it reads, tells the loop, and waits until the loop has finished with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/outbound/authorities.h"
#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "redis_link_inside.h"

static bool is_closed(struct redis_link *link)
{
    pthread_mutex_lock(&link->lock);
    bool closed = link->closed;

    pthread_mutex_unlock(&link->lock);
    return closed;
}

/* Call it with the lock held. */
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

/* Reports that nothing new has come. */
static void tell_alive(struct redis_link *link, const struct stream_position *position)
{
    pthread_mutex_lock(&link->lock);
    link->position = *position;
    link->pending.alive = true;
    link->pending.error[0] = '\0'; /* the error is over */
    tell(link);
    pthread_mutex_unlock(&link->lock);
}

/* Call it with the lock held. An earlier confirmation no longer holds. */
static void tell_gap(struct redis_link *link, const char *missed)
{
    link->position = (struct stream_position){.id = STREAM_START};
    snprintf(link->pending.gap, sizeof link->pending.gap, "%s", missed);
    link->pending.alive = false;
    tell(link);
}

/* Leaves the reply for the loop, and waits until it is finished. `missed`: what was missed before it, or NULL. */
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

/* False: the link was closed meanwhile. */
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

/* Each reply costs a commit. A single one is passed on at once; if they come all the time, they are collected. */
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

/* False: the connection can no longer be used; reader->why. */
static bool read_once(struct redis_link *link, struct stream_reader *reader, bool *waits)
{
    redisReply *reply CLEANUP(free_reply) = NULL;
    struct stream_position position = link->position; /* belongs to the thread now */
    struct stream_part part = {0};
    const redisReply *record;
    const char *missed = NULL;
    int count = stream_read(reader, position.id, *waits, &reply);

    if (count < 0)
        return false;
    part.entries = (unsigned)count;
    if (count > 0 && !stream_entry(stream_entries(reply)->element[count - 1], &part.last, &record)) {
        snprintf(reader->why, sizeof reader->why, "its answer is not a stream");
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

/* Are the authorities unchanged since before the connection was opened? */
static bool is_trusted(const struct redis_link *link, const struct authorities_facts *before)
{
    struct authorities_facts now;

    if (!link->place.tls)
        return true;
    authorities_look(link->ca_file, &now);
    return authorities_are_same(before, &now);
}

/* Reads until the connection breaks, as `why` says, or must be opened again: true. It waits only after it has just found that there are no more
   entries, so it knows how many were added before the next one comes. */
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

void *redis_link_run(void *context)
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
    redis_link_drop(link);
    return NULL;
}
