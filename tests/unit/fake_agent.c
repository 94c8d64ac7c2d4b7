#include "fake_agent.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX   64
#define MESSAGE_BYTES_MAX (256 * 1024)

const struct assay_options fake_asked_always = {.size = sizeof fake_asked_always, .cache_bytes = ASSAY_NO_CACHE};

struct fake_agent {
    char directory[64];
    char path[96];
    int listener;
    int commands[2]; /* the test's end, and the thread's */
    pthread_t thread;
    fake_reply *reply;
    void *context;
    int page; /* a descriptor */
    int connections[CONNECTIONS_MAX];
    atomic_uint accepted, requests, connected;
    uint8_t in[MESSAGE_BYTES_MAX], out[MESSAGE_BYTES_MAX];
};

#define MUST(condition)                                                                                                            \
    do {                                                                                                                           \
        if (!(condition)) {                                                                                                        \
            perror("fake agent: " #condition);                                                                                     \
            exit(99);                                                                                                              \
        }                                                                                                                          \
    } while (0)

void verdict_agrees(const struct assay_verdict *verdict, int status)
{
    int http_status = assay_verdict_http_status(verdict);
    const char *reason = assay_verdict_reason(verdict), *text = assay_verdict_text(verdict);
    bool is_decided = status == 0 || status == ASSAY_E_REFUSED;

    MUST(verdict != NULL && status != ASSAY_E_PENDING && status <= 0);
    MUST(assay_verdict_ok(verdict) == (status == 0) && (http_status == 200) == (status == 0));
    MUST((reason == NULL) == (status == 0) && (reason == NULL || reason[0] != '\0'));
    MUST((http_status == 401 || http_status == 403) == (status == ASSAY_E_REFUSED));
    MUST((text == NULL) == is_decided && (is_decided || (text[0] != '\0' && assay_verdict_issuer(verdict) == NULL)));
    MUST(is_decided || http_status == (status == ASSAY_E_RATE_LIMITED ? 429 : 503));
    MUST((assay_verdict_errno(verdict) != 0) <= (status == ASSAY_E_UNREACHABLE));
}

int descriptor_of(struct assay *assay)
{
    int fd, status = assay_fd(assay, &fd);

    return status == 0 ? fd : status;
}

static void drop(struct fake_agent *agent, int place)
{
    if (agent->connections[place] < 0)
        return;
    close(agent->connections[place]);
    agent->connections[place] = -1;
    atomic_fetch_sub(&agent->connected, 1);
}

static void welcome(struct fake_agent *agent)
{
    int fd = accept4(agent->listener, NULL, NULL, SOCK_CLOEXEC);

    for (int i = 0; fd >= 0 && i < CONNECTIONS_MAX; i++)
        if (agent->connections[i] < 0) {
            agent->connections[i] = fd;
            atomic_fetch_add(&agent->accepted, 1);
            atomic_fetch_add(&agent->connected, 1);
            return;
        }
    MUST(fd < 0);
}

/* [0, msgid, method, [params]] */
static bool read_request(struct fake_agent *agent, size_t size, struct fake_request *ret_request)
{
    static const struct wire_limits limits = {65536, 4096, 8};
    struct wire_cursor cursor = {agent->in, agent->in + size};
    struct wire_item item;
    size_t bytes;

    if (wire_measure(agent->in, size, &limits, &bytes) != WIRE_OK)
        return false;
    *ret_request = (struct fake_request){.bytes = agent->in, .size = bytes};
    for (int i = 0; i < 5; i++) {
        if (wire_next(&cursor, &item) != WIRE_OK)
            return false;
        if (i == 2)
            ret_request->msgid = (uint32_t)item.uint;
        if (i == 3)
            ret_request->method = item;
    }
    ret_request->params = cursor;
    return true;
}

static void send_all(int fd, const uint8_t *bytes, size_t size, size_t piece)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t now = send(fd, bytes + sent, piece < size - sent ? piece : size - sent, MSG_NOSIGNAL);

        if (now <= 0)
            return; /* the client has hung up, as it may */
        sent += (size_t)now;
        if (piece == 1)
            sched_yield();
    }
}

static void send_with(int fd, uint8_t *bytes, size_t size, int descriptor)
{
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(sizeof(int))];
    } room = {.bytes = {0}};
    struct iovec part = {bytes, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    (void)!sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* False: the connection is closed. */
static bool answer(struct fake_agent *agent, int place, struct fake_request *request)
{
    int fd = agent->connections[place];
    struct wire_writer out;

    request->number = atomic_fetch_add(&agent->requests, 1) + 1;
    wire_writer_init(&out, agent->out, sizeof agent->out);
    enum fake_action action = agent->reply(agent->context, request, &out);

    if (action == FAKE_SEND_PAGE)
        send_with(fd, agent->out, wire_written(&out), agent->page);
    else if (action != FAKE_HOLD)
        send_all(fd, agent->out, wire_written(&out), action == FAKE_SEND_BY_BYTES ? 1 : sizeof agent->out);
    if (action == FAKE_SEND_AND_CLOSE)
        drop(agent, place);
    return action != FAKE_SEND_AND_CLOSE;
}

/* What has come, and the rest of the last message. */
static void serve(struct fake_agent *agent, int place)
{
    struct fake_request request;
    size_t size = 0;

    do {
        ssize_t got = recv(agent->connections[place], agent->in + size, sizeof agent->in - size, 0);

        if (got <= 0) {
            drop(agent, place);
            return;
        }
        size += (size_t)got;
        while (size > 0 && read_request(agent, size, &request)) {
            size_t bytes = request.size;

            if (!answer(agent, place, &request))
                return;
            size -= bytes;
            memmove(agent->in, agent->in + bytes, size);
        }
    } while (size > 0);
}

/* Commands from the test: 'h' hang up, 'q' quit. Each is acknowledged. */
static bool obey(struct fake_agent *agent)
{
    char command;

    MUST(read(agent->commands[1], &command, 1) == 1);
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        drop(agent, i);
    MUST(write(agent->commands[1], &command, 1) == 1);
    return command != 'q';
}

static void *run(void *argument)
{
    struct fake_agent *agent = argument;

    for (;;) {
        struct pollfd fds[2 + CONNECTIONS_MAX] = {{agent->commands[1], POLLIN, 0}, {agent->listener, POLLIN, 0}};

        for (int i = 0; i < CONNECTIONS_MAX; i++)
            fds[2 + i] = (struct pollfd){agent->connections[i], POLLIN, 0};
        if (poll(fds, 2 + CONNECTIONS_MAX, -1) < 0)
            continue;
        for (int i = 0; i < CONNECTIONS_MAX; i++)
            if (fds[2 + i].revents != 0)
                serve(agent, i);
        if (fds[1].revents != 0)
            welcome(agent);
        if (fds[0].revents != 0 && !obey(agent))
            return NULL;
    }
}

static void command(struct fake_agent *agent, char what)
{
    MUST(write(agent->commands[0], &what, 1) == 1);
    MUST(read(agent->commands[0], &what, 1) == 1);
}

static void listen_as(struct fake_agent *agent, uid_t user)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uid_t own = geteuid();

    strcpy(agent->directory, "/tmp/assay-test-XXXXXX");
    MUST(mkdtemp(agent->directory) != NULL);
    snprintf(agent->path, sizeof agent->path, "%s/agent.sock", agent->directory);
    strcpy(address.sun_path, agent->path);
    agent->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    MUST(agent->listener >= 0);
    MUST(bind(agent->listener, (struct sockaddr *)&address, sizeof address) == 0);
    MUST(user == 0 || seteuid(user) == 0); /* what the kernel notes is who listens */
    MUST(listen(agent->listener, 64) == 0);
    MUST(user == 0 || seteuid(own) == 0);
}

struct fake_agent *fake_agent_start(fake_reply *reply, void *context, uid_t as_user)
{
    struct fake_agent *agent = calloc(1, sizeof *agent);

    MUST(agent != NULL);
    agent->reply = reply;
    agent->context = context;
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        agent->connections[i] = -1;
    listen_as(agent, as_user);
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, agent->commands) == 0);
    MUST(pthread_create(&agent->thread, NULL, run, agent) == 0);
    return agent;
}

void fake_agent_stop(struct fake_agent *agent)
{
    command(agent, 'q');
    pthread_join(agent->thread, NULL);
    close(agent->listener);
    close(agent->commands[0]);
    close(agent->commands[1]);
    unlink(agent->path);
    rmdir(agent->directory);
    free(agent);
}

void fake_agent_page(struct fake_agent *agent, int fd)
{
    agent->page = fd;
}

void fake_agent_hang_up(struct fake_agent *agent)
{
    command(agent, 'h');
}

const char *fake_agent_path(const struct fake_agent *agent)
{
    return agent->path;
}

unsigned fake_agent_accepted(const struct fake_agent *agent)
{
    return atomic_load(&agent->accepted);
}

unsigned fake_agent_requests(const struct fake_agent *agent)
{
    return atomic_load(&agent->requests);
}

unsigned fake_agent_connected(const struct fake_agent *agent)
{
    return atomic_load(&agent->connected);
}

void fake_answer(struct wire_writer *out, uint32_t msgid)
{
    wire_put_array(out, 4);
    wire_put_uint(out, 1);
    wire_put_uint(out, msgid);
    wire_put_nil(out);
}

void fake_yes(struct wire_writer *out, const char *subject, size_t bytes)
{
    wire_put_map(out, 6);
    wire_put_text(out, "active");
    wire_put_bool(out, true);
    wire_put_text(out, "claims");
    wire_put_map(out, 2);
    wire_put_text(out, "sub");
    wire_put_str(out, subject, bytes);
    wire_put_text(out, "n");
    wire_put_uint(out, 1);
    wire_put_text(out, "issuer");
    wire_put_text(out, "https://auth.example.com");
    wire_put_text(out, "expires_at");
    wire_put_uint(out, 1900000000);
    wire_put_text(out, "key_age");
    wire_put_uint(out, 12);
    wire_put_text(out, "revocation_age");
    wire_put_nil(out);
}

void fake_allow(struct wire_writer *out, const char *subject, size_t bytes)
{
    wire_put_map(out, 9);
    wire_put_text(out, "allow");
    wire_put_bool(out, true);
    wire_put_text(out, "status");
    wire_put_uint(out, 200);
    wire_put_text(out, "reason");
    wire_put_nil(out);
    wire_put_text(out, "rule");
    wire_put_text(out, "r");
    wire_put_text(out, "subject");
    wire_put_str(out, subject, bytes);
    wire_put_text(out, "roles");
    wire_put_array(out, 2);
    wire_put_text(out, "user");
    wire_put_text(out, "buyer");
    wire_put_text(out, "issuer");
    wire_put_text(out, "https://auth.example.com");
    wire_put_text(out, "expires_at");
    wire_put_uint(out, 1900000000);
    wire_put_text(out, "scopes");
    wire_put_array(out, 1);
    wire_put_text(out, "read");
}

enum fake_action fake_echo(void *context, const struct fake_request *request, struct wire_writer *out)
{
    struct wire_cursor at;
    struct wire_item token;

    (void)context;
    fake_answer(out, request->msgid);
    if (wire_find(request->params, "token", &at) && wire_next(&at, &token) == WIRE_OK)
        (wire_is(&request->method, "authorize") ? fake_allow : fake_yes)(out, token.str, token.count);
    return FAKE_SEND;
}
