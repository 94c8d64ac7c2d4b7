/* The least that any server on a Unix socket must do: wait with epoll, read a request, and write as many bytes as an answer has. It also
   copies the request's msgid into the answer, so that the client does the same work as with the agent. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "client/wire/cleanup.h"
#include "wire.h"

struct peer {
    int fd;
    size_t kept;
    uint8_t *in;
};

struct server {
    const struct bench_request *request;
    size_t depth;
    uint8_t *out;
    struct peer *peers;
};

static bool write_all(int fd, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        ssize_t put = send(fd, bytes, count, MSG_NOSIGNAL);

        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0) {
            bytes += put;
            count -= (size_t)put;
        }
    }
    return true;
}

/* Answers what came on one socket. False: the socket is closed. */
static bool serve(const struct server *server, struct peer *peer)
{
    const struct bench_request *request = server->request;
    ssize_t got = read(peer->fd, peer->in + peer->kept, server->depth * request->size - peer->kept);

    if (got <= 0)
        return got < 0 && errno == EINTR;
    size_t size = peer->kept + (size_t)got, count = size / request->size, answer = MSGID_END + request->expected_bytes;

    for (size_t i = 0; i < count; i++)
        memcpy(server->out + i * answer + MSGID_AT, peer->in + i * request->size + MSGID_AT, MSGID_END - MSGID_AT);
    peer->kept = size - count * request->size;
    memmove(peer->in, peer->in + count * request->size, peer->kept);
    return write_all(peer->fd, server->out, count * answer);
}

static void serve_all(const struct server *server, size_t count)
{
    struct epoll_event events[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &server->peers[i]};

        if (epoll_ctl(epoll, EPOLL_CTL_ADD, server->peers[i].fd, &event) != 0)
            return;
    }
    for (;;) {
        int ready = epoll_wait(epoll, events, COUNT(events), -1);

        if (ready < 0 && errno != EINTR)
            return;
        for (int i = 0; i < ready; i++)
            if (!serve(server, events[i].data.ptr))
                return;
    }
}

/* Never returns. Ends with its parent, or when the parent closes a socket. */
static void be_echo(const struct bench_request *request, const int *sockets, size_t count, size_t depth)
{
    size_t answer = MSGID_END + request->expected_bytes;
    struct server server = {request, depth, malloc(depth * answer), calloc(count, sizeof *server.peers)};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (server.out == NULL || server.peers == NULL)
        _exit(1);
    for (size_t i = 0; i < depth; i++) {
        memcpy(server.out + i * answer, (const uint8_t[]){0x94, 0x01}, MSGID_AT);
        memcpy(server.out + i * answer + MSGID_END, request->expected, request->expected_bytes);
    }
    for (size_t i = 0; i < count; i++) {
        server.peers[i] = (struct peer){.fd = sockets[i], .in = malloc(depth * request->size)};
        if (server.peers[i].in == NULL)
            _exit(1);
    }
    serve_all(&server, count);
    _exit(0);
}

static void close_all(const int *sockets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(sockets[i]);
}

/* `ours` and `theirs` have room for `count`. */
static int make_pairs(int *ours, int *theirs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
            close_all(ours, i);
            close_all(theirs, i);
            return report_bad_input("--connections: no sockets for the echo: %s", strerror(errno));
        }
        ours[i] = pair[0];
        theirs[i] = pair[1];
    }
    return 0;
}

int echo_start(const struct bench_request *request, size_t connections, size_t depth, struct echo *echo)
{
    int *theirs CLEANUP_FREE = calloc(connections, sizeof *theirs);

    echo->sockets = calloc(connections, sizeof *echo->sockets);
    if (theirs == NULL || echo->sockets == NULL)
        return report_no_memory();
    int code = make_pairs(echo->sockets, theirs, connections);

    if (code != 0)
        return code;
    echo->count = connections;
    echo->pid = fork();
    if (echo->pid == 0) {
        close_all(echo->sockets, connections);
        be_echo(request, theirs, connections, depth);
    }
    close_all(theirs, connections);
    return echo->pid > 0 ? 0 : report_undecided("internal", "no process for the echo: %s", strerror(errno));
}

void echo_stop(struct echo *echo)
{
    close_all(echo->sockets, echo->count);
    free(echo->sockets);
    if (echo->pid > 0)
        waitpid(echo->pid, NULL, 0);
    *echo = (struct echo){0};
}
