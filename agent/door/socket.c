#include "socket.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static int from_systemd(char why[SOCKET_WHY_BYTES])
{
    int count = sd_listen_fds(0);

    if (count == 0)
        return -1;
    if (count != 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0) {
        snprintf(why, SOCKET_WHY_BYTES, "systemd handed over %d descriptors; one listening Unix stream socket is expected", count);
        return -2;
    }
    return SD_LISTEN_FDS_START;
}

/* The parent folder decides who could put another socket in our place. */
static int make_parent(const char *path, char why[SOCKET_WHY_BYTES])
{
    char copy[sizeof((struct sockaddr_un *)0)->sun_path];

    snprintf(copy, sizeof copy, "%s", path);
    const char *parent = dirname(copy);

    if (mkdir(parent, 0755) == 0 || errno == EEXIST)
        return 0;
    snprintf(why, SOCKET_WHY_BYTES, "the folder %s cannot be made: %s; make it, and give it to the agent's user", parent, strerror(errno));
    return -1;
}

/* A socket file on which nobody listens is a leftover of a run that was killed. On which somebody does, it is his. */
static int clear_leftover(const struct sockaddr_un *address, const char *key, bool *ret_found, char why[SOCKET_WHY_BYTES])
{
    struct stat facts;

    if (lstat(address->sun_path, &facts) < 0)
        return 0;
    if (!S_ISSOCK(facts.st_mode)) {
        snprintf(why, SOCKET_WHY_BYTES, "%s is there and is no socket; remove it, or configure another `%s`", address->sun_path, key);
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int status = fd >= 0 ? connect(fd, (const struct sockaddr *)address, sizeof *address) : -1;
    bool alive = fd < 0 || status == 0 || errno != ECONNREFUSED;

    if (fd >= 0)
        close(fd);
    if (alive) {
        snprintf(why, SOCKET_WHY_BYTES, "another program listens on %s; stop it, or configure another `%s`", address->sun_path, key);
        return -1;
    }
    *ret_found = true;
    if (unlink(address->sun_path) < 0 && errno != ENOENT) {
        snprintf(why, SOCKET_WHY_BYTES, "the leftover socket %s cannot be removed: %s", address->sun_path, strerror(errno));
        return -1;
    }
    return 0;
}

/* Bound under a mask that lets nobody in; mode and group are set before anybody can connect, for it does not listen yet. */
static int bind_closed(int fd, const struct sockaddr_un *address, const struct socket_place *place)
{
    mode_t before = umask(0777);
    int status = bind(fd, (const struct sockaddr *)address, sizeof *address);

    umask(before);
    if (status < 0)
        return -1;
    if (place->group != (gid_t)-1 && lchown(address->sun_path, (uid_t)-1, place->group) < 0)
        return -1;
    if (chmod(address->sun_path, place->mode) < 0)
        return -1;
    return listen(fd, LISTEN_BACKLOG);
}

int socket_make(const struct socket_place *place, bool *ret_found, char why[SOCKET_WHY_BYTES])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, place->path, strlen(place->path) + 1); /* its length was checked */
    if (clear_leftover(&address, place->key, ret_found, why) < 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && bind_closed(fd, &address, place) == 0)
        return fd;
    snprintf(why, SOCKET_WHY_BYTES, "the socket %s cannot be made: %s", place->path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int socket_make_folders(const struct config *config, char why[SOCKET_WHY_BYTES])
{
    if (sd_listen_fds(0) == 0 && make_parent(config->socket_path, why) < 0)
        return -1;
    return config->http.path != NULL ? make_parent(config->http.path, why) : 0;
}

int socket_listen(const struct config *config, bool *ret_made, bool *ret_found, char why[SOCKET_WHY_BYTES])
{
    const struct socket_place place = {config->socket_path, "socket: path", config->socket_mode, config->socket_group};
    int given = from_systemd(why);

    *ret_made = false;
    *ret_found = given >= 0;
    if (given != -1)
        return given < 0 ? -1 : given;
    int fd = socket_make(&place, ret_found, why);

    *ret_made = fd >= 0;
    return fd;
}

void socket_remove(const char *path, int fd)
{
    struct stat file;
    struct sockaddr_un address;
    socklen_t size = sizeof address;

    /* The file's inode is not the socket's; what can be known is that our socket is bound to that name, and that a socket is there. */
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 && strcmp(address.sun_path, path) == 0 && lstat(path, &file) == 0 &&
        S_ISSOCK(file.st_mode))
        unlink(path);
}
