/* `http:`: where gateways and probes connect. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config.h"

static void read_path(struct yaml *yaml, yaml_node_t *value, const char *path, struct http_config *http)
{
    if (*path != '/')
        yaml_fault(yaml, value, "`%s` is not an absolute path; write for example unix:/run/assay/http.sock", path);
    else if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        yaml_fault(yaml, value, "the path has %zu bytes; a socket path may have at most %zu", strlen(path),
                   sizeof((struct sockaddr_un *)0)->sun_path - 1);
    else
        http->path = path;
}

/* The port after the address; `auto` is not supported, because gateways must know the port. */
static bool read_port(const char *text, in_port_t *ret)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    *ret = htons((in_port_t)port);
    return *text >= '1' && *text <= '9' && *end == '\0' && port <= UINT16_MAX;
}

/* Only loopback: answers over HTTP say, unencrypted, who somebody is. */
static bool read_address(const char *text, struct sockaddr_storage *ret)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

    *ret = (struct sockaddr_storage){0};
    if (strncmp(text, "127.0.0.1:", 10) == 0) {
        v4->sin_family = AF_INET;
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return read_port(text + 10, &v4->sin_port);
    }
    if (strncmp(text, "[::1]:", 6) != 0)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_addr = in6addr_loopback;
    return read_port(text + 6, &v6->sin6_port);
}

static void read_listen(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct http_config *http = into;
    const char *text = yaml_text(yaml, value);

    if (text == NULL)
        return;
    http->listen = text;
    http->place = yaml_place(yaml, value);
    if (strncmp(text, "unix:", 5) == 0)
        read_path(yaml, value, text + 5, http);
    else if (!read_address(text, &http->at))
        yaml_fault(yaml, value,
                   "`%s` is neither a Unix socket nor a loopback address; write unix:/run/assay/http.sock, 127.0.0.1:PORT or [::1]:PORT",
                   text);
}

void config_read_http(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct http_config *http = into;
    static const struct yaml_key keys[] = {
        {"listen", read_listen, 0, true, NULL},
        {"mode", config_read_mode, offsetof(struct http_config, mode), false, NULL},
        {"group", config_read_group, offsetof(struct http_config, group), false, NULL},
        {"peer", yaml_read_text, offsetof(struct http_config, peer), false, NULL},
        {0},
    };
    const mode_t mode = http->mode;

    yaml_read_map(yaml, value, keys, http);
    if (http->listen == NULL)
        return;
    if (http->path == NULL && (http->mode != mode || http->group != (gid_t)-1))
        yaml_fault(yaml, value, "`mode` and `group` apply only to a Unix socket; every process on this machine can connect to a TCP port");
    if (http->path != NULL && http->peer != NULL)
        yaml_fault(yaml, value, "`peer` applies only to a TCP port; on a Unix socket the kernel identifies the caller");
}

void config_check_http(struct yaml *yaml, const struct config *config)
{
    const struct http_config *http = &config->http;

    if (http->listen == NULL || http->path != NULL)
        return;
    if (http->peer == NULL && config->peers.configured)
        fault_add(yaml->faults, http->place, "the agent cannot identify callers over TCP; name with `peer` the entry of `peers` whose rights they "
                                             "get");
    else if (http->peer != NULL && peers_named(&config->peers, http->peer) == NULL)
        fault_add(yaml->faults, http->place, "`peers` has no entry `%s`; `http.peer` must name one, and callers get its rights", http->peer);
}
