#include "config.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

void config_read_mode(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);
    char *end;

    if (text == NULL)
        return;
    unsigned long mode = strtoul(text, &end, 8);

    if (*text != '0' || *end != '\0' || mode > 0777)
        yaml_fault(yaml, value, "`%s` is not a file mode; write it in octal and in quotes, for example \"0660\"", text);
    else
        *(mode_t *)into = (mode_t)mode;
}

void config_read_group(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);
    struct group *group = text != NULL ? getgrnam(text) : NULL;

    if (text == NULL)
        return;
    if (group == NULL)
        yaml_fault(yaml, value, "this machine has no group `%s`; create it: groupadd --system %s", text, text);
    else
        *(gid_t *)into = group->gr_gid;
}

static void read_socket_path(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);

    if (text == NULL)
        return;
    if (*text != '/')
        yaml_fault(yaml, value, "`%s` is not an absolute path; begin it with /", text);
    else if (strlen(text) >= sizeof((struct sockaddr_un *)0)->sun_path)
        yaml_fault(yaml, value, "the path has %zu bytes; a socket path may have at most %zu", strlen(text),
                   sizeof((struct sockaddr_un *)0)->sun_path - 1);
    else
        *(const char **)into = text;
}

static void read_directory(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);

    if (text != NULL && *text != '/')
        yaml_fault(yaml, value, "`%s` is not an absolute path; begin it with /", text);
    else if (text != NULL)
        *(const char **)into = text;
}

static void read_socket(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const struct yaml_key keys[] = {
        {"path", read_socket_path, offsetof(struct config, socket_path), false, NULL},
        {"mode", config_read_mode, offsetof(struct config, socket_mode), false, NULL},
        {"group", config_read_group, offsetof(struct config, socket_group), false, NULL},
        {0},
    };

    yaml_read_map(yaml, value, keys, into);
}

static void read_cache_size(struct yaml *yaml, yaml_node_t *value, void *into)
{
    yaml_read_size(yaml, value, into);
    if (*(uint64_t *)into < CACHE_BYTES_MIN)
        yaml_fault(yaml, value, "a cache below 1MiB is too small to help; write at least 1MiB");
}

static void read_cache(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const struct yaml_key keys[] = {
        {"size", read_cache_size, offsetof(struct config, cache_bytes), false, NULL},
        {0},
    };

    yaml_read_map(yaml, value, keys, into);
}

static void read_threads(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);
    char *end;

    if (text == NULL || strcmp(text, "auto") == 0)
        return;
    unsigned long threads = strtoul(text, &end, 10);

    if (*text < '1' || *text > '9' || *end != '\0' || threads > WORKERS_MAX)
        yaml_fault(yaml, value, "`%s` is not a number of threads; write auto, or 1 to %d", text, WORKERS_MAX);
    else
        *(unsigned *)into = (unsigned)threads;
}

static void read_log_level(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
    int choice = yaml_choice(yaml, value, levels);

    if (choice >= 0)
        *(enum log_level *)into = (enum log_level)choice;
}

static void read_log_format(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const formats[] = {"text", "json", NULL};
    int choice = yaml_choice(yaml, value, formats);

    if (choice >= 0)
        *(bool *)into = choice == 1;
}

static void read_log_decisions(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const decisions[] = {"off", "denied", "all", NULL};
    int choice = yaml_choice(yaml, value, decisions);

    if (choice >= 0)
        *(enum log_decisions *)into = (enum log_decisions)choice;
}

static void read_log(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const struct yaml_key keys[] = {
        {"level", read_log_level, offsetof(struct config, log_level), false, NULL},
        {"format", read_log_format, offsetof(struct config, log_json), false, NULL},
        {"decisions", read_log_decisions, offsetof(struct config, log_decisions), false, NULL},
        {0},
    };

    yaml_read_map(yaml, value, keys, into);
}

static void read_policy(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct config *config = into;

    yaml_read_path(yaml, value, &config->policy_path);
    if (config->policy_path != NULL && access(config->policy_path, R_OK) < 0)
        yaml_fault(yaml, value, "the policy %s cannot be read: %s", config->policy_path, strerror(errno));
}

static const struct yaml_key top_keys[] = {
    {"socket", read_socket, 0, false, NULL},
    {"state", read_directory, offsetof(struct config, state_path), false, NULL},
    {"issuers", config_read_issuers, 0, true, NULL},
    {"cache", read_cache, 0, false, NULL},
    {"threads", read_threads, offsetof(struct config, threads), false, NULL},
    {"log", read_log, 0, false, NULL},
    {"audit", config_read_audit, offsetof(struct config, audit), false, NULL},
    {"fast_path", yaml_read_bool, offsetof(struct config, fast_path), false, NULL},
    {"policy", read_policy, 0, false, NULL},
    {"revocation", config_read_revocation, offsetof(struct config, revocation), false, NULL},
    {"peers", config_read_peers, offsetof(struct config, peers), false, NULL},
#ifdef ASSAY_HTTP
    {"http", config_read_http, offsetof(struct config, http), false, NULL},
#else
    {"http", NULL, 0, false, "HTTP (llhttp)"},
#endif
    {"service_tokens", NULL, 0, false, "tokens for calling other services"},
    {0},
};

/* The folder that a service manager has made for this service, so that several instances of one unit can run; otherwise the default. */
static const char *from_manager(struct config *config, const char *variable, const char *file, size_t bytes_max, const char *usual)
{
    const char *folder = secure_getenv(variable);

    if (folder == NULL || *folder != '/' || strchr(folder, ':') != NULL || strlen(folder) + strlen(file) >= bytes_max)
        return usual;
    char *path = arena_get(&config->arena, strlen(folder) + strlen(file) + 1);

    strcpy(stpcpy(path, folder), file);
    return path;
}

static void set_defaults(struct config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t path_max = sizeof((struct sockaddr_un *)0)->sun_path;

    config->references = 1;
    config->socket_path = from_manager(config, "RUNTIME_DIRECTORY", "/assayd.sock", path_max, SOCKET_PATH_DEFAULT);
    config->socket_mode = 0660;
    config->socket_group = (gid_t)-1;
    config->http.mode = 0660;
    config->http.group = (gid_t)-1;
    config->state_path = from_manager(config, "STATE_DIRECTORY", "", PATH_MAX, STATE_PATH_DEFAULT);
    config->cache_bytes = CACHE_BYTES_DEFAULT;
    config->fast_path = true;
    config->threads = cores < 1 ? 1 : cores > WORKERS_MAX ? WORKERS_MAX : (unsigned)cores;
    config->log_level = LOG_INFO;
    config->log_json = true;
    config->log_decisions = DECISIONS_DENIED;
}

struct config *config_load(const char *path, struct faults *faults)
{
    struct config *config = calloc(1, sizeof *config);
    unsigned before = faults->count;

    if (config == NULL) {
        fault_add(faults, (struct place){path, 0, 0}, "out of memory");
        return NULL;
    }
    set_defaults(config);
    struct yaml *yaml = yaml_open(path, CONFIG_FILE_BYTES_MAX, &config->arena, faults);

    if (yaml != NULL) {
        config->path = yaml->path;
        yaml_read_map(yaml, yaml_root(yaml), top_keys, config);
        config_check_peers(yaml, config);
        config_check_http(yaml, config);
        yaml_close(yaml);
    }
    if (faults->count > before || yaml == NULL) {
        config_drop(config);
        return NULL;
    }
    return config;
}

struct config *config_hold(struct config *config)
{
    config->references++;
    return config;
}

void config_drop(struct config *config)
{
    if (config == NULL || --config->references > 0)
        return;
    struct arena arena = config->arena;

    arena_free(&arena);
    free(config);
}

const char *config_nearest_issuer(const struct config *config, const char *name)
{
    const char **names = calloc(config->issuer_count * (CONFIG_ALIASES_MAX + 1U) + 1, sizeof *names);
    size_t count = 0;

    if (names == NULL)
        return NULL;
    for (unsigned i = 0; i < config->issuer_count; i++) {
        for (unsigned k = 0; k < config->issuers[i].rules.names.count; k++)
            names[count++] = config->issuers[i].rules.names.list[k].at;
    }
    const char *nearest = nearest_name(name, names);

    free(names);
    return nearest;
}
