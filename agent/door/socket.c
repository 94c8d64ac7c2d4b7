#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/base/limits.h"
#include "agent/base/log.h"

struct socket_place {
    const char *path;
    const char *key; /* the configuration key that names another path */
    mode_t mode;
    gid_t group; /* (gid_t)-1: the agent's */
};

static bool is_bound_to(int fd, const char *path)
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof address;

    return getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
           strncmp(address.sun_path, path, sizeof address.sun_path) == 0;
}

#define FOR_HTTP "http" /* FileDescriptorName= of assayd-http.socket */

/* sd_listen_fds(3)'s protocol. */
#define FIRST_FD 3

static int handed_over(void)
{
    const char *pid = secure_getenv("LISTEN_PID"), *count = secure_getenv("LISTEN_FDS");

    if (pid == NULL || count == NULL || strtol(pid, NULL, 10) != getpid())
        return 0;
    long fds = strtol(count, NULL, 10);

    return fds > 0 && fds < INT_MAX ? (int)fds : 0; /* the first descriptor that is not ours ends the search */
}

/* The next name in LISTEN_FDNAMES, which may have none. */
static void next_name(const char **names, char *ret_name, size_t room)
{
    size_t bytes = *names != NULL ? strcspn(*names, ":") : 0;

    snprintf(ret_name, room, "%.*s", (int)bytes, bytes > 0 ? *names : "");
    if (*names != NULL)
        *names = (*names)[bytes] == ':' ? *names + bytes + 1 : NULL;
}

static bool is_option(int fd, int option, int wanted)
{
    int value;
    socklen_t size = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

static bool is_listening(int fd)
{
    return is_option(fd, SO_DOMAIN, AF_UNIX) && is_option(fd, SO_TYPE, SOCK_STREAM) && is_option(fd, SO_ACCEPTCONN, 1) &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* The sockets that systemd holds: at most one of each kind. -1: none of this kind; -2: what it passed cannot be used. */
static int from_systemd(bool for_http, char why[SOCKET_WHY_BYTES])
{
    const char *names = secure_getenv("LISTEN_FDNAMES");
    int count = handed_over(), found = -1;

    for (int i = 0; i < count && found != -2; i++) {
        char name[256];

        next_name(&names, name, sizeof name);
        if (!is_listening(FIRST_FD + i)) {
            snprintf(why, SOCKET_WHY_BYTES, "systemd passed `%.100s`, which is not a listening Unix stream socket", name);
            found = -2;
        } else if ((strcmp(name, FOR_HTTP) == 0) == for_http) {
            if (found >= 0)
                snprintf(why, SOCKET_WHY_BYTES,
                         "systemd passed %d sockets; expected one for services, and one named `" FOR_HTTP "`", count);
            found = found == -1 ? FIRST_FD + i : -2;
        }
    }
    return found;
}

/* The parent folder decides who could replace the socket. */
static int make_parent(const char *path, char why[SOCKET_WHY_BYTES])
{
    char copy[sizeof((struct sockaddr_un *)0)->sun_path];

    snprintf(copy, sizeof copy, "%s", path);
    const char *parent = dirname(copy);

    if (mkdir(parent, 0755) == 0 || errno == EEXIST)
        return 0;
    snprintf(why, SOCKET_WHY_BYTES, "the folder %s cannot be created: %s; create it, and make the agent's user its owner", parent,
             strerror(errno));
    return -1;
}

/* A socket file on which no process listens is left over from a killed run. If a process listens, the socket belongs to it. */
static int clear_leftover(const struct sockaddr_un *address, const char *key, bool *ret_found, char why[SOCKET_WHY_BYTES])
{
    struct stat facts;

    if (lstat(address->sun_path, &facts) < 0)
        return 0;
    if (!S_ISSOCK(facts.st_mode)) {
        snprintf(why, SOCKET_WHY_BYTES, "%s exists and is not a socket; remove it, or configure another `%s`", address->sun_path,
                 key);
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int status = fd >= 0 ? connect(fd, (const struct sockaddr *)address, sizeof *address) : -1;
    bool alive = fd < 0 || status == 0 || errno != ECONNREFUSED;

    if (fd >= 0)
        close(fd);
    if (alive) {
        snprintf(why, SOCKET_WHY_BYTES, "another program listens on %s; stop it, or configure another `%s`", address->sun_path,
                 key);
        return -1;
    }
    *ret_found = true;
    if (unlink(address->sun_path) < 0 && errno != ENOENT) {
        snprintf(why, SOCKET_WHY_BYTES, "the leftover socket %s cannot be removed: %s", address->sun_path, strerror(errno));
        return -1;
    }
    return 0;
}

/* Binds under a mask that lets nobody in, and sets mode and group before anybody can connect, because it does not listen yet. */
static int bind_closed(int fd, const struct sockaddr_un *address, const struct socket_place *place)
{
    mode_t before = umask(0777);
    int status = bind(fd, (const struct sockaddr *)address, sizeof *address);

    umask(before);
    if (status < 0)
        return -1;
    if (place->group != (gid_t)-1 && place->group != getegid() && lchown(address->sun_path, (uid_t)-1, place->group) < 0)
        return -2;
    if (chmod(address->sun_path, place->mode) < 0)
        return -1;
    return listen(fd, LISTEN_BACKLOG);
}

static int make(const struct socket_place *place, bool *ret_found, char why[SOCKET_WHY_BYTES])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, place->path, strlen(place->path) + 1); /* its length was checked */
    if (clear_leftover(&address, place->key, ret_found, why) < 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int status = fd >= 0 ? bind_closed(fd, &address, place) : -1;

    if (status == 0)
        return fd;
    snprintf(why, SOCKET_WHY_BYTES,
             status == -2 ? "the group of the socket %s cannot be set: %s; under systemd, set SocketGroup= in its socket unit"
                          : "the socket %s cannot be created: %s",
             place->path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int socket_make_folders(const struct config *config, char why[SOCKET_WHY_BYTES])
{
    if (from_systemd(false, why) == -1 && make_parent(config->socket_path, why) < 0)
        return -1;
    return config->http.path != NULL && from_systemd(true, why) == -1 ? make_parent(config->http.path, why) : 0;
}

/* Takes the socket from systemd, or creates it. If systemd holds it, the configured path is not used, which is logged because it may surprise. */
static int take_or_make(const struct socket_place *place, bool for_http, bool *ret_made, bool *ret_found,
                        char why[SOCKET_WHY_BYTES])
{
    int fd = from_systemd(for_http, why);

    *ret_made = false;
    *ret_found = fd >= 0;
    if (fd >= 0 && !is_bound_to(fd, place->path))
        log_warning("systemd holds the socket, so the agent does not use the configured one", LOG_TEXT("configured", place->path));
    if (fd != -1)
        return fd < 0 ? -1 : fd;
    fd = make(place, ret_found, why);
    *ret_made = fd >= 0;
    return fd;
}

int socket_listen(const struct config *config, bool *ret_made, bool *ret_found, char why[SOCKET_WHY_BYTES])
{
    const struct socket_place place = {config->socket_path, "socket: path", config->socket_mode, config->socket_group};

    if (config->http.path == NULL && from_systemd(true, why) >= 0) {
        snprintf(why, SOCKET_WHY_BYTES,
                 "systemd holds a socket for HTTP, but `http` is not configured; write `http: {listen: unix:PATH}`, or run: systemctl disable "
                 "--now assayd-http.socket");
        return -1;
    }
    return take_or_make(&place, false, ret_made, ret_found, why);
}

int socket_listen_http(const struct config *config, bool *ret_made, char why[SOCKET_WHY_BYTES])
{
    const struct socket_place place = {config->http.path, "http: listen", config->http.mode, config->http.group};
    bool found;

    return take_or_make(&place, true, ret_made, &found, why);
}

void socket_remove(const char *path, int fd)
{
    struct stat file;

    /* The file's inode is not the socket's; what can be checked is that the socket is bound to that name, and that a socket is there. */
    if (is_bound_to(fd, path) && lstat(path, &file) == 0 && S_ISSOCK(file.st_mode))
        unlink(path);
}
