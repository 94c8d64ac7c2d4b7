/* `keys:` of an issuer, and the settings for them: where they come from, and how old they may become. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/secret.h"
#include "config.h"
#include "discovery.h"

static void read_file(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct key_source *source = into;

    source->place = yaml_place(yaml, value);
    yaml_read_path(yaml, value, &source->file);
}

void config_read_https(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);

    if (text != NULL && !url_is_https(text))
        yaml_fault(yaml, value, "`%s` is not an https URL; over an insecure connection an attacker can replace or truncate the contents", text);
    else if (text != NULL)
        *(const char **)into = text;
}

void config_read_readable(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char **path = into;

    yaml_read_path(yaml, value, path);
    if (*path != NULL && access(*path, R_OK) < 0)
        yaml_fault(yaml, value, "%s cannot be read: %s", *path, strerror(errno));
}

void config_read_secret(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char **path = into;
    struct stat facts;

    config_read_readable(yaml, value, into);
    if (*path != NULL && stat(*path, &facts) == 0 && secret_is_open(*path, facts.st_mode))
        yaml_fault(yaml, value, "every user of this machine can read the secret in %s; run: chmod o-rwx %s", *path, *path);
}

static void read_timeout(struct yaml *yaml, yaml_node_t *value, void *into)
{
    yaml_read_seconds(yaml, value, into);
    if (*(double *)into < 1 || *(double *)into > KEYS_FETCH_SECONDS_MAX)
        yaml_fault(yaml, value, "out of range; write 1s to %ds", KEYS_FETCH_SECONDS_MAX);
}

void config_read_keys(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const struct yaml_key keys[] = {
        {"file", read_file, 0, false, NULL},
        {"kid", yaml_read_text, offsetof(struct key_source, kid), false, NULL},
#ifdef ASSAY_HTTPS
        {"jwks_uri", config_read_https, offsetof(struct key_source, jwks_uri), false, NULL},
        {"discovery", yaml_read_bool, offsetof(struct key_source, discovery), false, NULL},
#else
        {"jwks_uri", NULL, 0, false, "HTTPS (libcurl)"},
        {"discovery", NULL, 0, false, "HTTPS (libcurl)"},
#endif
        {"ca_file", config_read_readable, offsetof(struct key_source, ca_file), false, NULL},
        {"token_file", config_read_secret, offsetof(struct key_source, token_file), false, NULL},
        {"timeout", read_timeout, offsetof(struct key_source, timeout), false, NULL},
        {0},
    };
    struct key_source *source = into;

    source->place = yaml_place(yaml, value);
    yaml_read_map(yaml, value, keys, into);
    if ((source->file != NULL) + (source->jwks_uri != NULL) + source->discovery != 1)
        yaml_fault(yaml, value, "the issuer's keys need exactly one of `file`, `jwks_uri` and `discovery: true`");
    else if (source->file != NULL && (source->ca_file != NULL || source->token_file != NULL || source->timeout > 0))
        yaml_fault(yaml, value, "`ca_file`, `token_file` and `timeout` apply only to keys over HTTPS");
    else if (source->file == NULL && source->kid != NULL)
        yaml_fault(yaml, value, "`kid` applies only to a PEM file; the keys of a JWK Set have their own `kid`");
}

void config_read_key_time(struct yaml *yaml, yaml_node_t *value, void *into)
{
    yaml_read_seconds(yaml, value, into);
    if (*(double *)into < 1 || *(double *)into > KEYS_AGE_SECONDS_MAX)
        yaml_fault(yaml, value, "out of range; write 1s to %dd", KEYS_AGE_SECONDS_MAX / 86400);
}

static void use_default(double *seconds, double usual)
{
    if (!(*seconds > 0))
        *seconds = usual;
}

/* The source's name in logs and answers. */
static const char *name_source(struct yaml *yaml, const struct issuer *rules, const struct key_source *source)
{
    char url[URL_BYTES_MAX + 1];

    if (source->file != NULL || source->jwks_uri != NULL)
        return source->file != NULL ? source->file : source->jwks_uri;
    return discovery_url(DISCOVERY_OPENID, rules->names.list[0].at, url, sizeof url) == 0
               ? arena_text(yaml->arena, url, strlen(url))
               : NULL;
}

void config_check_keys(struct yaml *yaml, yaml_node_t *node, const struct issuer *rules, struct key_source *source)
{
    if (rules->names.count == 0 || (source->file == NULL && source->jwks_uri == NULL && !source->discovery))
        return; /* the fault was added */
    source->name = name_source(yaml, rules, source);
    if (source->name == NULL)
        yaml_fault(yaml, node,
                   "`discovery` needs an issuer that is an https URL without query and fragment, and `%s` is not; write `jwks_uri`",
                   rules->names.list[0].at);
    if (source->file != NULL) {
        if (source->refresh > 0 || source->cooldown > 0 || source->max_age > 0)
            yaml_fault(yaml, node, "`refresh`, `refetch_cooldown` and `max_key_age` apply only to keys over HTTPS; the agent watches a key file");
        return;
    }
    if ((rules->algorithms & ~ALGORITHMS_ASYMMETRIC) != 0)
        yaml_fault(yaml, node, "HS256, HS384 and HS512 need a secret, and the agent does not fetch secrets; give it in a `file`");
    use_default(&source->refresh, KEYS_REFRESH_SECONDS);
    use_default(&source->cooldown, KEYS_COOLDOWN_SECONDS);
    use_default(&source->max_age, fmax(KEYS_AGE_SECONDS, source->refresh));
    /* A fetch that hangs must leave time for others before the keys are too old. */
    use_default(&source->timeout, fmin(KEYS_FETCH_SECONDS, fmax(KEYS_FETCH_SECONDS_LEAST, source->max_age / 4)));
    if (source->max_age < source->refresh)
        yaml_fault(yaml, node, "`max_key_age` is shorter than `refresh`: the keys would expire before the next fetch; make it longer");
}
