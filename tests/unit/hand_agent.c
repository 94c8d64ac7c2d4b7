#include "hand_agent.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/wire/wire.h"
#include "fake_agent.h"

#define MUST(condition)                                                                                                            \
    do {                                                                                                                           \
        if (!(condition)) {                                                                                                        \
            fprintf(stderr, "agent by hand, line %d: " #condition ": %s\n", __LINE__, strerror(errno));                            \
            abort();                                                                                                               \
        }                                                                                                                          \
    } while (0)

struct hand_agent *hand_start(uid_t as_user, int backlog)
{
    struct hand_agent *agent = calloc(1, sizeof *agent);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uid_t own = geteuid();

    MUST(agent != NULL);
    agent->fd = -1;
    strcpy(agent->directory, "/tmp/assay-test-XXXXXX");
    MUST(mkdtemp(agent->directory) != NULL);
    snprintf(agent->path, sizeof agent->path, "%s/agent.sock", agent->directory);
    strcpy(address.sun_path, agent->path);
    agent->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    MUST(agent->listener >= 0);
    MUST(bind(agent->listener, (struct sockaddr *)&address, sizeof address) == 0);
    MUST(as_user == 0 || seteuid(as_user) == 0); /* what the kernel notes is who listens */
    MUST(listen(agent->listener, backlog) == 0);
    MUST(as_user == 0 || seteuid(own) == 0);
    return agent;
}

void hand_stop_listening(struct hand_agent *agent)
{
    if (agent->listener >= 0)
        close(agent->listener);
    agent->listener = -1;
}

void hand_stop(struct hand_agent *agent)
{
    hand_hang_up(agent);
    hand_stop_listening(agent);
    unlink(agent->path);
    rmdir(agent->directory);
    free(agent);
}

void hand_hang_up(struct hand_agent *agent)
{
    if (agent->fd >= 0)
        close(agent->fd);
    agent->fd = -1;
    agent->filled = 0;
}

bool hand_accept(struct hand_agent *agent)
{
    int fd = accept4(agent->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return false;
    hand_hang_up(agent);
    agent->fd = fd;
    return true;
}

static void receive(struct hand_agent *agent)
{
    ssize_t got = recv(agent->fd, agent->in + agent->filled, sizeof agent->in - agent->filled, 0);

    if (got > 0)
        agent->filled += (size_t)got;
}

/* [0, msgid, method, [params]] */
bool hand_read(struct hand_agent *agent, struct hand_request *ret_request)
{
    static const struct wire_limits limits = {65536, 4096, 8};
    struct wire_item items[5], token;
    struct wire_cursor at;
    size_t bytes;

    receive(agent);
    if (wire_measure(agent->in, agent->filled, &limits, &bytes) != WIRE_OK)
        return false;
    struct wire_cursor cursor = {agent->in, agent->in + bytes};

    for (int i = 0; i < 5; i++)
        MUST(wire_next(&cursor, &items[i]) == WIRE_OK);
    memset(ret_request, 0, sizeof *ret_request);
    ret_request->msgid = (uint32_t)items[2].uint;
    ret_request->authorize = wire_is(&items[3], "authorize");
    if (wire_find(cursor, "token", &at) && wire_next(&at, &token) == WIRE_OK)
        memcpy(ret_request->token, token.str,
               token.count < sizeof ret_request->token ? token.count : sizeof ret_request->token - 1);
    agent->filled -= bytes;
    memmove(agent->in, agent->in + bytes, agent->filled);
    return true;
}

bool hand_is_alone(struct hand_agent *agent)
{
    char lost[65536];
    ssize_t got;

    while ((got = recv(agent->fd, lost, sizeof lost, 0)) > 0)
        ;
    return got == 0 || errno == ECONNRESET;
}

void hand_say(struct hand_agent *agent, const void *bytes, size_t size)
{
    ssize_t sent = send(agent->fd, bytes, size, MSG_NOSIGNAL);

    MUST(sent == (ssize_t)size || (sent < 0 && errno == EPIPE)); /* the client may have hung up */
}

size_t hand_write_yes(const struct hand_request *request, uint8_t *buffer, size_t size)
{
    struct wire_writer out;

    wire_writer_init(&out, buffer, size);
    fake_answer(&out, request->msgid);
    (request->authorize ? fake_allow : fake_yes)(&out, request->token, strlen(request->token));
    MUST(!out.full);
    return wire_written(&out);
}

void hand_say_yes(struct hand_agent *agent, const struct hand_request *request)
{
    uint8_t buffer[512];

    hand_say(agent, buffer, hand_write_yes(request, buffer, sizeof buffer));
}

void hand_say_no(struct hand_agent *agent, const struct hand_request *request)
{
    uint8_t buffer[512];
    struct wire_writer out;

    wire_writer_init(&out, buffer, sizeof buffer);
    fake_answer(&out, request->msgid);
    wire_put_map(&out, 2);
    wire_put_text(&out, "active");
    wire_put_bool(&out, false);
    wire_put_text(&out, "reason");
    wire_put_text(&out, "expired");
    hand_say(agent, buffer, wire_written(&out));
}

void hand_say_error(struct hand_agent *agent, const struct hand_request *request, unsigned number)
{
    uint8_t buffer[512];
    struct wire_writer out;

    wire_writer_init(&out, buffer, sizeof buffer);
    wire_put_array(&out, 4);
    wire_put_uint(&out, 1);
    wire_put_uint(&out, request->msgid);
    wire_put_array(&out, 2);
    wire_put_uint(&out, number);
    wire_put_text(&out, "some_error: it could not be decided");
    wire_put_nil(&out);
    hand_say(agent, buffer, wire_written(&out));
}

bool is_ready(struct assay *assay, int milliseconds)
{
    struct pollfd waiting = {.fd = descriptor_of(assay), .events = POLLIN};

    MUST(waiting.fd >= 0);
    return poll(&waiting, 1, milliseconds) == 1;
}

int next_end(struct assay *assay, void **ret_tag, struct assay_verdict **ret_verdict)
{
    int status;

    while ((status = assay_process(assay, ret_tag, ret_verdict)) == ASSAY_E_PENDING) {
        MUST(*ret_tag == NULL && *ret_verdict == NULL);
        if (!is_ready(assay, 5000))
            return status;
    }
    verdict_agrees(*ret_verdict, status);
    return status;
}

int end_of(struct assay *assay, const void *tag, const char *subject)
{
    struct assay_verdict *verdict;
    void *found;
    int status = next_end(assay, &found, &verdict);

    MUST(found == tag);
    if (status == 0 && subject != NULL)
        MUST(strcmp(assay_verdict_subject(verdict), subject) == 0);
    assay_verdict_free(verdict);
    return status;
}

void ask_about(struct assay *assay, const char *token, void *tag)
{
    struct assay_verdict *verdict = (struct assay_verdict *)1;

    MUST(assay_send_verify(assay, token, strlen(token), NULL, tag, &verdict) == ASSAY_E_PENDING);
    MUST(verdict == NULL);
}

int both_start(void **state, unsigned timeout_ms)
{
    struct both *both = calloc(1, sizeof *both);
    struct assay_options options = {.size = sizeof options, .cache_bytes = ASSAY_NO_CACHE, .timeout_ms = timeout_ms};

    MUST(both != NULL);
    both->agent = hand_start(0, 16);
    MUST(assay_open(&both->assay, both->agent->path, &options) == 0);
    *state = both;
    return 0;
}

int both_stop(void **state)
{
    struct both *both = *state;

    assay_close(both->assay);
    hand_stop(both->agent);
    free(both);
    return 0;
}

struct hand_request read_one(struct both *both)
{
    struct hand_request request = {.msgid = 0};
    void *tag;

    for (int i = 0; i < 5; i++) {
        if (both->agent->fd < 0)
            hand_accept(both->agent);
        if (both->agent->fd >= 0 && hand_read(both->agent, &request))
            return request;
        MUST(assay_process(both->assay, &tag, NULL) == ASSAY_E_PENDING);
    }
    bool has_come = false;

    MUST(has_come);
    return request;
}

void is_quiet(struct both *both)
{
    void *tag = both;

    MUST(assay_process(both->assay, &tag, NULL) == ASSAY_E_PENDING);
    MUST(tag == NULL);
    MUST(assay_waiting(both->assay) == 0);
    MUST(!is_ready(both->assay, 0));
}

void works(struct both *both)
{
    ask_about(both->assay, "works", both);
    hand_accept(both->agent);
    struct hand_request request = read_one(both);

    hand_say_yes(both->agent, &request);
    MUST(end_of(both->assay, both, "works") == 0);
    is_quiet(both);
}
