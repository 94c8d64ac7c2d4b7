#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/limits.h"
#include "agent/outbound/redis.h"
#include "config.h"

static void read_issuers(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct texts *issuers = into;
    yaml_node_t *item;

    issuers->list = arena_get(yaml->arena, CONFIG_LIST_MAX * sizeof *issuers->list);
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        const char *text = yaml_text(yaml, item);

        if (issuers->count == CONFIG_LIST_MAX)
            yaml_fault(yaml, item, "more than %d entries", CONFIG_LIST_MAX);
        else if (text != NULL)
            issuers->list[issuers->count++] = (struct text){text, strlen(text)};
    }
    if (value->type == YAML_SEQUENCE_NODE && issuers->count == 0)
        yaml_fault(yaml, value, "with an empty list this feed may have records for no issuer; leave the key out to allow every issuer");
}

static void read_file(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char **path = into;

    yaml_read_path(yaml, value, path);
    if (*path != NULL && access(*path, R_OK) < 0)
        yaml_fault(yaml, value, "the feed %s cannot be read: %s%s%s", *path, strerror(errno),
                   errno == ENOENT ? "; to start with an empty feed: touch " : "", errno == ENOENT ? *path : "");
}

#ifdef ASSAY_REDIS
static void read_redis(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);
    struct redis_place place;
    char why[256];

    if (text != NULL && redis_place_read(text, &place, why) < 0)
        yaml_fault(yaml, value, "%s", why);
    else if (text != NULL)
        *(const char **)into = text;
}
#endif

static void read_interval(struct yaml *yaml, yaml_node_t *value, void *into)
{
    yaml_read_seconds(yaml, value, into);
    if (*(double *)into < 1 || *(double *)into > FEED_INTERVAL_SECONDS_MAX)
        yaml_fault(yaml, value, "out of range; write 1s to %dh", FEED_INTERVAL_SECONDS_MAX / 3600);
}

static void read_undo(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct feed_config *feed = into;

    yaml_read_bool(yaml, value, &feed->undo);
    feed->undo_is_said = true;
}

#define FEED(member) offsetof(struct feed_config, member)
static const struct yaml_key feed_keys[] = {
    {"file", read_file, FEED(path), false, NULL},
#ifdef ASSAY_HTTPS
    {"url", config_read_https, FEED(url), false, NULL},
#else
    {"url", NULL, 0, false, "HTTPS (libcurl)"},
#endif
#ifdef ASSAY_REDIS
    {"redis", read_redis, FEED(redis), false, NULL},
#else
    {"redis", NULL, 0, false, "a Redis (hiredis)"},
#endif
    {"issuers", read_issuers, FEED(issuers), false, NULL},
    {"undo", read_undo, 0, false, NULL},
    {"interval", read_interval, FEED(interval), false, NULL},
    {"stream", yaml_read_text, FEED(stream), false, NULL},
    {"ca_file", config_read_readable, FEED(ca_file), false, NULL},
    {"token_file", config_read_secret, FEED(token_file), false, NULL},
    {"password_file", config_read_secret, FEED(password_file), false, NULL},
    {"start_without", yaml_read_bool, FEED(start_without), false, NULL},
    {0},
};

/* Settings that only some kinds of feed have. */
static const char *misplaced(const struct feed_config *feed)
{
    if (feed->url == NULL && (feed->interval > 0 || feed->token_file != NULL))
        return "`interval` and `token_file` apply only to a `url`";
    if (feed->redis == NULL && (feed->stream != NULL || feed->password_file != NULL))
        return "`stream` and `password_file` apply only to `redis`";
    if (feed->path != NULL && (feed->ca_file != NULL || feed->start_without))
        return "`ca_file` and `start_without` apply only to a `url` or `redis`";
    return NULL;
}

static void name_source(struct yaml *yaml, yaml_node_t *item, struct feed_config *feed)
{
    char source[SOURCE_NAME_BYTES];
    int size;

    if (feed->path != NULL)
        size = snprintf(source, sizeof source, "file:%s", feed->path);
    else if (feed->url != NULL)
        size = snprintf(source, sizeof source, "%s", feed->url);
    else
        size = snprintf(source, sizeof source, "%s#%s", feed->redis, feed->stream);
    if (size > FEED_PATH_BYTES_MAX + 5)
        yaml_fault(yaml, item, "the feed's path or URL is too long; at most %d bytes are allowed", FEED_PATH_BYTES_MAX);
    else
        feed->source = arena_text(yaml->arena, source, (size_t)size);
}

/* True: it can be used. This machine's administrator writes a file; anybody with access to a remote source can write it, so a remote feed may undo
   revocations only if the configuration says so. */
static bool check_feed(struct yaml *yaml, yaml_node_t *item, const struct revocation_config *revocation, struct feed_config *feed)
{
    int places = (feed->path != NULL) + (feed->url != NULL) + (feed->redis != NULL);
    const char *fault = places != 1 ? "a feed needs exactly one of `file`, `url` and `redis`" : misplaced(feed);

    if (fault != NULL) {
        yaml_fault(yaml, item, "%s", fault);
        return false;
    }
    if (!feed->undo_is_said)
        feed->undo = feed->path != NULL;
    if (feed->redis != NULL && feed->stream == NULL)
        feed->stream = "assay:revocations";
    if (feed->interval <= 0)
        feed->interval = FEED_INTERVAL_SECONDS;
    name_source(yaml, item, feed);
    for (unsigned i = 0; feed->source != NULL && i < revocation->feed_count; i++) {
        if (strcmp(revocation->feeds[i].source, feed->source) == 0)
            yaml_fault(yaml, item, "the feed %s is given twice; keep one", feed->source);
    }
    return feed->source != NULL;
}

static void read_feeds(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct revocation_config *revocation = into;
    yaml_node_t *item;

    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        struct feed_config *feed = &revocation->feeds[revocation->feed_count];

        if (revocation->feed_count == CONFIG_FEEDS_MAX) {
            yaml_fault(yaml, item, "more than %d feeds", CONFIG_FEEDS_MAX);
            return;
        }
        *feed = (struct feed_config){.place = yaml_place(yaml, item)};
        yaml_read_map(yaml, item, feed_keys, feed);
        if (check_feed(yaml, item, revocation, feed))
            revocation->feed_count++;
    }
}

/* A feed that is confirmed once an interval must not become too old in between. */
static void check_max_age(struct yaml *yaml, yaml_node_t *value, const struct revocation_config *revocation)
{
    for (unsigned i = 0; i < revocation->feed_count; i++) {
        const struct feed_config *feed = &revocation->feeds[i];
        double between = feed->url != NULL ? feed->interval : feed->redis != NULL ? FEED_BLOCK_SECONDS : 0;

        if (between > 0 && revocation->max_age > 0 && revocation->max_age < between + 1)
            yaml_fault(yaml, value,
                       "`max_age` is too short for %.120s, which is confirmed every %.0fs: every token would be undecided in between; make it at "
                       "least twice as long",
                       feed->source, between);
    }
}

void config_read_revocation(struct yaml *yaml, yaml_node_t *value, void *revocation)
{
    static const struct yaml_key keys[] = {
        {"max_age", yaml_read_seconds, offsetof(struct revocation_config, max_age), false, NULL},
        {"feeds", read_feeds, 0, false, NULL},
        {0},
    };

    yaml_read_map(yaml, value, keys, revocation);
    check_max_age(yaml, value, revocation);
}
