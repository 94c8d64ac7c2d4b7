#include "feeds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
        yaml_fault(yaml, value, "a feed that may speak for nobody; leave the key out for every issuer");
}

static void read_file(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char **path = into;

    yaml_read_path(yaml, value, path);
    if (*path != NULL && access(*path, R_OK) < 0)
        yaml_fault(yaml, value, "the feed %s cannot be read: %s%s%s", *path, strerror(errno),
                   errno == ENOENT ? "; to begin with none: touch " : "", errno == ENOENT ? *path : "");
}

static const struct yaml_key feed_keys[] = {
    {"file", read_file, offsetof(struct feed_config, path), true, NULL},
    {"issuers", read_issuers, offsetof(struct feed_config, issuers), false, NULL},
    {"undo", yaml_read_bool, offsetof(struct feed_config, undo), false, NULL},
    {"url", NULL, 0, false, "revocations over HTTPS"},
    {"interval", NULL, 0, false, "revocations over HTTPS"},
    {"redis", NULL, 0, false, "revocations from Redis"},
    {"stream", NULL, 0, false, "revocations from Redis"},
    {"password_file", NULL, 0, false, "revocations from Redis"},
    {"start_without", NULL, 0, false, "remote revocation feeds"},
    {0},
};

static void check_feed(struct yaml *yaml, yaml_node_t *item, const struct revocation_config *revocation, struct feed_config *feed)
{
    if (feed->path == NULL)
        return;
    if (strlen(feed->path) > FEED_PATH_BYTES_MAX) {
        yaml_fault(yaml, item, "a feed's path has at most %d bytes", FEED_PATH_BYTES_MAX);
        return;
    }
    for (unsigned i = 0; i < revocation->feed_count; i++) {
        if (strcmp(revocation->feeds[i].path, feed->path) == 0)
            yaml_fault(yaml, item, "the feed %s stands here twice", feed->path);
    }
    char source[FEED_PATH_BYTES_MAX + 6];

    snprintf(source, sizeof source, "file:%s", feed->path);
    feed->source = arena_text(yaml->arena, source, strlen(source));
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
        feed->undo = true;
        yaml_read_map(yaml, item, feed_keys, feed);
        check_feed(yaml, item, revocation, feed);
        if (feed->path != NULL)
            revocation->feed_count++;
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
}
