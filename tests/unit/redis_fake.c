#include "redis_fake.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct redis_fake {
    struct redis_script script;
    int listener;
    unsigned port;
    pthread_t thread;
};

char redis_fake_received[8192];

/* False: the client has gone. */
static bool put(int fd, const char *bytes, size_t count, size_t piece)
{
    for (size_t at = 0; at < count;) {
        size_t some = piece == 0 || piece > count - at ? count - at : piece;
        ssize_t sent = send(fd, bytes + at, some, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        at += (size_t)sent;
        if (piece > 0 && count > piece)
            usleep(300);
    }
    return true;
}

static bool get(int fd, size_t *received)
{
    char spare[4096];
    size_t room = sizeof redis_fake_received - 1 - *received;
    ssize_t got = room > 0 ? recv(fd, redis_fake_received + *received, room, 0) : recv(fd, spare, sizeof spare, 0);

    if (got > 0 && room > 0)
        *received += (size_t)got;
    return got > 0;
}

static void fill(int fd, const struct redis_script *script)
{
    char bytes[4096];

    memset(bytes, script->fill, sizeof bytes);
    while (put(fd, bytes, script->fill_slowly ? 16 : sizeof bytes, 0))
        if (script->fill_slowly)
            usleep(500);
}

static void serve(int fd, const struct redis_script *script)
{
    const char *first = script->first != NULL ? script->first : "+PONG\r\n";
    size_t received = 0;

    if (!get(fd, &received) || !put(fd, first, strlen(first), 0) || script->close_first)
        return;
    do {
        if (script->again)
            received = 0;
        if (!get(fd, &received) || script->answer == NULL || !put(fd, script->answer, script->bytes, script->piece))
            return;
    } while (script->again);
    if (script->fill != 0)
        fill(fd, script);
    while (!script->close && get(fd, &received))
        continue;
}

static void *run(void *context)
{
    struct redis_fake *fake = context;

    for (int fd; (fd = accept(fake->listener, NULL, NULL)) >= 0; close(fd)) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        serve(fd, &fake->script);
    }
    return NULL;
}

struct redis_fake *redis_fake_start(const struct redis_script *script)
{
    struct redis_fake *fake = calloc(1, sizeof *fake);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    if (fake == NULL)
        abort();
    fake->script = *script;
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fake->listener < 0 || bind(fake->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fake->listener, 8) != 0 || getsockname(fake->listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    fake->port = ntohs(address.sin_port);
    memset(redis_fake_received, 0, sizeof redis_fake_received);
    if (pthread_create(&fake->thread, NULL, run, fake) != 0)
        abort();
    return fake;
}

unsigned redis_fake_port(const struct redis_fake *fake)
{
    return fake->port;
}

/* The clients have gone, so that it waits in accept(). */
void redis_fake_stop(struct redis_fake *fake)
{
    shutdown(fake->listener, SHUT_RDWR);
    pthread_join(fake->thread, NULL);
    close(fake->listener);
    free(fake);
}
