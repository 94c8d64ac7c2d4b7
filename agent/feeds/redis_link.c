#include "redis_link_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/outbound/threads.h"
#include "client/wire/cleanup.h"
#include "client/wire/clock.h"

void redis_link_drop(struct redis_link *link)
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
    int status = threads_start(redis_link_run, link);

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
        redis_link_drop(link);
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

/* The last entry's position may also contain how many entries were added. */
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
    redis_link_drop(wake->data);
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
        /* it is awake already */
    }
    uv_close((uv_handle_t *)&link->wake, on_closed);
}
