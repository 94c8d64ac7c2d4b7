/* There are no locks here: a thread that is stopped, or that does not exist in a forked child, could hold one. An idle connection is in a
   slot; the thread that exchanges it for NULL owns it.

   A child has the parent's descriptors, and must not use them: two processes would read each other's answers. The library detects a fork
   by a page that the kernel wipes in the child. A process id does not show it: in another pid namespace it may be the same. The number in
   the page identifies the process. A connection with another number is closed when it is found in a slot. One that another thread was
   using during the fork stays open, unused, until the child ends or calls exec. */
#include "channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "client/wire/exports.h"

/* What the kernel shows for every user that this user namespace does not map. */
#define OVERFLOW_UID ((uid_t)65534)

/* Zero, as every new page. channel_take and channel_connect give the process its first number when they need it. */
static _Atomic uint32_t *map_life(void)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, page_bytes, MADV_WIPEONFORK) != 0) {
        munmap(page, page_bytes);
        return NULL;
    }
    return page;
}

/* The number of this process, never 0. It is counted before it is used, so after a fork at any moment the child takes another one. */
static uint32_t current_life(struct channel *channel)
{
    uint32_t life = atomic_load_explicit(channel->life, memory_order_acquire);

    if (life != 0)
        return life;
    uint32_t next = atomic_fetch_add(&channel->lives, 1) + 1;

    if (atomic_compare_exchange_strong(channel->life, &life, next))
        return next;
    return life; /* another thread of the child was first */
}

uint32_t channel_life(struct channel *channel)
{
    return channel->life != NULL ? current_life(channel) : 0;
}

int channel_init(struct channel *channel, const char *path, uid_t agent_uid)
{
    size_t path_bytes = strlen(path);

    if (path_bytes == 0 || path_bytes >= sizeof channel->address.sun_path)
        return ASSAY_E_ARGUMENT;
    memset(channel, 0, sizeof *channel);
    channel->address.sun_family = AF_UNIX;
    memcpy(channel->address.sun_path, path, path_bytes + 1);
    channel->agent_uid = agent_uid;
    channel->life = map_life();
    return 0;
}

void channel_fini(struct channel *channel)
{
    struct connection *connection;

    while ((connection = channel_take(channel)) != NULL)
        connection_close(connection);
    if (channel->life != NULL)
        munmap((void *)channel->life, (size_t)sysconf(_SC_PAGESIZE));
}

/* The program may have closed every descriptor, as daemons do, and opened others with the same numbers. The library must not write a
   token into them or close them. This check costs some 0.4 µs of a call's 11. */
bool connection_is_ours(const struct connection *connection)
{
    struct stat now;

    return connection->fd >= 0 && fstat(connection->fd, &now) == 0 && now.st_dev == connection->device &&
           now.st_ino == connection->inode;
}

/* Both take and put begin at the first slot, so few calls at a time use few connections, and the agent closes the others as idle. The
   load before the exchange keeps threads from writing to empty slots. */
struct connection *channel_take(struct channel *channel)
{
    if (channel->life == NULL)
        return NULL;
    uint32_t life = current_life(channel);

    for (unsigned i = 0; i < IDLE_CONNECTIONS_MAX; i++) {
        if (atomic_load_explicit(&channel->idle[i], memory_order_relaxed) == NULL)
            continue;
        struct connection *connection = atomic_exchange_explicit(&channel->idle[i], NULL, memory_order_acquire);

        if (connection == NULL)
            continue;
        if (connection->life == life && connection_is_ours(connection))
            return connection;
        connection_close(connection);
    }
    return NULL;
}

void channel_put(struct channel *channel, struct connection *connection)
{
    connection->reused = true;
    if (atomic_load_explicit(&channel->lost, memory_order_relaxed) != 0)
        atomic_store_explicit(&channel->lost, 0, memory_order_relaxed);
    for (unsigned i = 0; channel->life != NULL && i < IDLE_CONNECTIONS_MAX; i++) {
        struct connection *empty = NULL;

        if (atomic_load_explicit(&channel->idle[i], memory_order_relaxed) == NULL &&
            atomic_compare_exchange_strong_explicit(&channel->idle[i], &empty, connection, memory_order_release,
                                                    memory_order_relaxed))
            return;
    }
    connection_close(connection);
}

void connection_close(struct connection *connection)
{
    if (connection == NULL)
        return;
    int saved = errno;

    if (connection_is_ours(connection))
        close(connection->fd);
    free(connection);
    errno = saved;
}

void connection_close_at(struct connection **connection)
{
    connection_close(*connection);
}

/* The owner of the directory decides what is in it, and so which process listens there. An unmapped user as the owner is not trusted. */
static bool owns_directory(const char *path, uid_t uid)
{
    char directory[sizeof(((struct sockaddr_un *)0)->sun_path)];
    const char *slash = strrchr(path, '/');
    size_t bytes = slash == NULL ? 0 : (size_t)(slash - path);
    struct stat found;

    memcpy(directory, path, bytes);
    directory[bytes] = '\0';
    if (bytes == 0)
        strcpy(directory, slash == NULL ? "." : "/");
    return stat(directory, &found) == 0 && found.st_uid == uid && uid != OVERFLOW_UID;
}

/* A process that listens in the agent's place could say yes to everything. */
static int check_listener(const struct channel *channel, int fd)
{
    struct ucred peer;
    socklen_t bytes = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0 || bytes != sizeof peer)
        return ASSAY_E_UNTRUSTED;
    if (peer.uid == 0 || (channel->agent_uid != 0 && peer.uid == channel->agent_uid))
        return 0;
    return owns_directory(channel->address.sun_path, peer.uid) ? 0 : ASSAY_E_UNTRUSTED;
}

/* Sets how long the socket waits at most, in both directions: until the deadline, but never 0, which would mean for ever. */
static int limit_waiting(struct connection *connection, int64_t deadline)
{
    int64_t left = deadline - monotonic_ns();
    int fd = connection->fd;

    if (left <= 0)
        return ASSAY_E_TIMEOUT;
    struct timeval wait = {.tv_sec = left / NS_PER_S, .tv_usec = 1 + left % NS_PER_S / 1000};

    if (wait.tv_usec == 1000000)
        wait.tv_usec--;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0)
        return ASSAY_E_UNREACHABLE;
    connection->wait_ns = left;
    return 0;
}

void channel_lost(struct channel *channel)
{
    int64_t never = 0;

    (void)atomic_compare_exchange_strong(&channel->lost, &never, monotonic_ns());
}

bool channel_may_come_back(int error, int64_t lost, int64_t now)
{
    return (error == ECONNREFUSED || error == ENOENT || error == ECONNRESET || error == EPIPE) && lost != 0 && now - lost < COMES_BACK_NS;
}

bool channel_waited(const struct channel *channel, int64_t deadline)
{
    const struct timespec pause = {.tv_nsec = CONNECT_AGAIN_NS};
    int64_t now = monotonic_ns();
    int error = errno;

    if (!channel_may_come_back(error, atomic_load(&channel->lost), now) || deadline - now <= CONNECT_AGAIN_NS)
        return false;
    (void)nanosleep(&pause, NULL);
    errno = error;
    return true;
}

/* A blocking connect() on purpose: a non-blocking one returns EAGAIN if the backlog is full, and no event tells when there is a place. A
   blocking one waits for a place, limited by the timeout for sending. */
static int connect_in_time(const struct channel *channel, struct connection *connection, int64_t deadline)
{
    for (bool waited = false;;) {
        int status = limit_waiting(connection, deadline);

        if (status != 0)
            return waited ? ASSAY_E_UNREACHABLE : status;
        if (connect(connection->fd, (const struct sockaddr *)&channel->address, sizeof channel->address) == 0)
            return 0;
        if (errno == EINTR || errno == EAGAIN)
            continue;
        waited = channel_waited(channel, deadline);
        if (!waited)
            return ASSAY_E_UNREACHABLE;
    }
}

/* Makes a socket that is not connected yet. Reads the process' number first: a fork in between comes from another thread, and its child
   has neither. */
static int make_connection(struct channel *channel, int flags, struct connection **ret_connection)
{
    struct connection *made CLEANUP(connection_close_at) = calloc(1, sizeof *made);
    struct stat self;

    if (made == NULL)
        return ASSAY_E_NO_MEMORY;
    made->life = channel_life(channel);
    made->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (made->fd < 0)
        return errno == ENOMEM || errno == ENOBUFS ? ASSAY_E_NO_MEMORY : ASSAY_E_UNREACHABLE;
    if (fstat(made->fd, &self) != 0) {
        close_fd(&made->fd); /* connection_close would not recognise it */
        return ASSAY_E_UNREACHABLE;
    }
    made->device = self.st_dev;
    made->inode = self.st_ino;
    *ret_connection = take(made);
    return 0;
}

int channel_connect(struct channel *channel, int64_t deadline, struct connection **ret_connection)
{
    struct connection *made CLEANUP(connection_close_at) = NULL;
    int status = make_connection(channel, 0, &made);

    if (status == 0)
        status = connect_in_time(channel, made, deadline);
    if (status == 0)
        status = check_listener(channel, made->fd);
    if (status == 0)
        *ret_connection = take(made);
    return status;
}

/* On a Unix socket connect() succeeds at once, or fails. */
int channel_connect_now(struct channel *channel, struct connection **ret_connection)
{
    struct connection *made CLEANUP(connection_close_at) = NULL;
    int status = make_connection(channel, SOCK_NONBLOCK, &made);

    if (status != 0)
        return status;
    if (connect(made->fd, (const struct sockaddr *)&channel->address, sizeof channel->address) != 0)
        return errno == EAGAIN || errno == EINTR ? ASSAY_E_PENDING : ASSAY_E_UNREACHABLE;
    status = check_listener(channel, made->fd);
    if (status == 0)
        *ret_connection = take(made);
    return status;
}
