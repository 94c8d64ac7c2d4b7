/* A call that finds an idle connection is one sendmsg and one recv. The deadline is the whole call's: the socket's own timeouts,
   set when it was connected, are enough for the first wait, unless they are longer than what is left; after that poll() is asked. */
#include "call.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "client/wire/exports.h"

/* What is sent: the head, which converse() fills in, and the caller's parts. */
struct request {
    struct iovec parts[REQUEST_PARTS_MAX];
    unsigned count;
};

static const struct wire_limits answer_limits = {ANSWER_BYTES_MAX, ANSWER_NODES_MAX, ANSWER_DEPTH_MAX};

enum wire_status answer_measure(const uint8_t *bytes, size_t size, size_t *ret_bytes)
{
    return wire_measure(bytes, size, &answer_limits, ret_bytes);
}

void answer_init(struct answer *answer)
{
    memset(answer, 0, offsetof(struct answer, small));
    answer->bytes = answer->small;
}

void answer_clear(struct answer *answer)
{
    explicit_bzero(answer->bytes, answer->size);
    if (answer->bytes != answer->small)
        free(answer->bytes);
    answer_init(answer);
}

static int wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd waiting = {.fd = fd, .events = events};

    for (;;) {
        int left_ms = milliseconds_until(deadline);

        if (left_ms == 0)
            return ASSAY_E_TIMEOUT;
        int ready = poll(&waiting, 1, left_ms);

        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return ASSAY_E_UNREACHABLE;
    }
}

/* Steps over what has been sent: a signal, or the socket's timeout, can cut a message anywhere. */
static void advance(struct msghdr *message, size_t sent)
{
    while (message->msg_iovlen > 0 && sent >= message->msg_iov->iov_len) {
        sent -= message->msg_iov->iov_len;
        message->msg_iov++;
        message->msg_iovlen--;
    }
    if (message->msg_iovlen > 0) {
        message->msg_iov->iov_base = (char *)message->msg_iov->iov_base + sent;
        message->msg_iov->iov_len -= sent;
    }
}

/* Would the socket's own timeout go beyond the deadline? It is the one of the call that connected it. */
static bool waits_too_long(const struct connection *connection, int64_t deadline)
{
    return connection->wait_ns > deadline - monotonic_ns() + DEADLINE_SLACK_NS;
}

/* MSG_NOSIGNAL: a program must not die of SIGPIPE because the agent was restarted. */
static int transmit(const struct connection *connection, struct request *request, int64_t deadline)
{
    struct msghdr message = {.msg_iov = request->parts, .msg_iovlen = request->count};
    int fd = connection->fd, flags = MSG_NOSIGNAL | (waits_too_long(connection, deadline) ? MSG_DONTWAIT : 0);

    for (;;) {
        ssize_t sent = sendmsg(fd, &message, flags);

        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return ASSAY_E_UNREACHABLE;
        if (sent > 0)
            advance(&message, (size_t)sent);
        if (message.msg_iovlen == 0)
            return 0;
        int status = wait_for(fd, POLLOUT, deadline);

        if (status != 0)
            return status;
        flags |= MSG_DONTWAIT;
    }
}

/* An answer that fills the stack's buffer: the largest that there may be is made room for at once, because one that does not fit
   there either is refused anyway. */
static int move_to_heap(struct answer *answer)
{
    uint8_t *bytes = malloc(ANSWER_BYTES_MAX);

    if (bytes == NULL)
        return ASSAY_E_NO_MEMORY;
    memcpy(bytes, answer->bytes, answer->size);
    explicit_bzero(answer->bytes, answer->size);
    answer->bytes = bytes;
    return 0;
}

/* Reads what there is. The end of the stream before any byte is the agent's farewell; after some, half an answer. */
static int receive_some(int fd, int flags, struct answer *answer)
{
    size_t room = answer->bytes == answer->small ? sizeof answer->small : ANSWER_BYTES_MAX;
    ssize_t got = recv(fd, answer->bytes + answer->size, room - answer->size, flags);

    if (got > 0) {
        answer->size += (size_t)got;
        return 0;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got == 0)
        errno = ECONNRESET;
    return answer->size == 0 ? ASSAY_E_UNREACHABLE : ASSAY_E_PROTOCOL;
}

/* Reads one whole answer, and nothing after it: there is one request on its way, so more than one answer is none. Where hardly any
   time has passed the socket's timeout does for the first read, and poll() is spared; a slow connect or send has used up some of
   it. Nothing of the answer is looked at before wire_measure has passed the whole. */
static int receive(const struct connection *connection, int64_t deadline, struct answer *answer)
{
    bool late = waits_too_long(connection, deadline);
    int fd = connection->fd;

    for (;;) {
        int status = late ? wait_for(fd, POLLIN, deadline) : 0;

        if (status == 0)
            status = receive_some(fd, late ? MSG_DONTWAIT : 0, answer);
        if (status != 0)
            return status;
        size_t bytes = 0;
        enum wire_status measured = answer_measure(answer->bytes, answer->size, &bytes);

        if (measured == WIRE_OK)
            return bytes == answer->size ? 0 : ASSAY_E_PROTOCOL;
        if (measured == WIRE_BAD)
            return ASSAY_E_PROTOCOL;
        if (answer->bytes == answer->small && answer->size == sizeof answer->small) {
            status = move_to_heap(answer);
            if (status != 0)
                return status;
        }
        late = true;
    }
}

/* [number, "name: what happened"] */
static int read_error(struct wire_cursor *cursor, struct answer *answer)
{
    struct wire_item number, text;

    if (wire_next(cursor, &number) != WIRE_OK || number.type != WIRE_UINT || number.uint == 0 || number.uint > UINT16_MAX)
        return ASSAY_E_PROTOCOL;
    if (wire_next(cursor, &text) != WIRE_OK || text.type != WIRE_STR)
        return ASSAY_E_PROTOCOL;
    answer->error = (unsigned)number.uint;
    answer->text = text.str;
    answer->text_bytes = text.count;
    return 0;
}

/* A number beyond the list comes from a newer agent. It is no yes and no no, and has no name here. */
static int status_of_error(unsigned error)
{
    switch (error) {
#define CASE(number, name, wire, text)                                                                                             \
    case number:                                                                                                                   \
        return ASSAY_E_##name;
        ASSAY_WIRE_ERRORS(CASE)
#undef CASE
    default:
        return ASSAY_E_PROTOCOL;
    }
}

static bool next_is(struct wire_cursor *cursor, enum wire_type type, uint64_t number)
{
    struct wire_item item;

    if (wire_next(cursor, &item) != WIRE_OK || item.type != type)
        return false;
    return type == WIRE_ARRAY ? item.count == number : item.uint == number;
}

bool answer_msgid(const uint8_t *bytes, size_t size, uint32_t *ret_msgid)
{
    struct wire_cursor cursor = {bytes, bytes + size};
    struct wire_item item;

    if (!next_is(&cursor, WIRE_ARRAY, 4) || !next_is(&cursor, WIRE_UINT, 1))
        return false;
    if (wire_next(&cursor, &item) != WIRE_OK || item.type != WIRE_UINT || item.uint > UINT32_MAX)
        return false;
    *ret_msgid = (uint32_t)item.uint;
    return true;
}

/* [1, msgid, nil, result] or [1, msgid, error, nil] */
int answer_read(struct answer *answer, uint32_t msgid)
{
    struct wire_cursor cursor = {answer->bytes, answer->bytes + answer->size};
    struct wire_item item;

    if (!next_is(&cursor, WIRE_ARRAY, 4) || !next_is(&cursor, WIRE_UINT, 1) || !next_is(&cursor, WIRE_UINT, msgid))
        return ASSAY_E_PROTOCOL;
    if (wire_next(&cursor, &item) != WIRE_OK)
        return ASSAY_E_PROTOCOL;
    if (item.type == WIRE_NIL) {
        answer->result = cursor;
        return 0;
    }
    if (item.type != WIRE_ARRAY || item.count != 2 || read_error(&cursor, answer) != 0)
        return ASSAY_E_PROTOCOL;
    if (wire_next(&cursor, &item) != WIRE_OK || item.type != WIRE_NIL) {
        answer->error = 0;
        return ASSAY_E_PROTOCOL;
    }
    return status_of_error(answer->error);
}

size_t request_head(uint8_t *buffer, uint32_t msgid, const char *method)
{
    struct wire_writer writer;

    wire_writer_init(&writer, buffer, REQUEST_HEAD_BYTES_MAX);
    wire_put_array(&writer, 4);
    wire_put_uint(&writer, 0);
    wire_put_uint(&writer, msgid);
    wire_put_text(&writer, method);
    wire_put_array(&writer, 1);
    return wire_written(&writer);
}

/* One request on this connection. If the answer was read whole the connection goes back to the others, also where the agent said
   that it could not decide. In every other case it is closed: bytes that are still to come must not meet the next request. */
static int converse(struct assay *assay, struct connection *connection, const char *method, const struct request *request,
                    struct answer *answer)
{
    struct connection *mine CLEANUP(connection_close_at) = connection;
    struct request numbered = *request;
    uint8_t head[REQUEST_HEAD_BYTES_MAX];

    numbered.parts[0] = (struct iovec){head, request_head(head, ++mine->msgid, method)};

    int status = transmit(mine, &numbered, answer->deadline);

    if (status == 0)
        status = receive(mine, answer->deadline, answer);
    if (status == 0)
        status = answer_read(answer, mine->msgid);
    if (status == 0 || status <= ASSAY_E_WIRE)
        channel_put(&assay->channel, take(mine));
    return status;
}

/* The first part is left for the head: its msgid is the connection's, and which connection it will be is not known yet. */
static int make_request(struct request *ret_request, const char *method, const struct iovec *params, unsigned parts)
{
    size_t bytes = REQUEST_HEAD_BYTES_MAX;

    if (parts > PARAMS_PARTS_MAX || strlen(method) > METHOD_BYTES_MAX)
        return ASSAY_E_ARGUMENT;
    for (unsigned i = 0; i < parts; i++) {
        if (params[i].iov_len > REQUEST_BYTES_MAX - bytes)
            return ASSAY_E_ARGUMENT;
        bytes += params[i].iov_len;
        ret_request->parts[1 + i] = params[i];
    }
    ret_request->count = 1 + parts;
    return 0;
}

int assay_call(struct assay *assay, const char *method, const struct iovec *params, unsigned parts, struct answer *answer)
{
    struct request request = {0};
    int status = make_request(&request, method, params, parts);

    if (status != 0)
        return status;
    if (answer->deadline == 0)
        answer->deadline = monotonic_ns() + assay->timeout_ns;

    /* An agent that was restarted, or found the connection idle for too long, has closed it; it did not see the request. What is asked may be
       asked twice: a verdict changes nothing, and a revocation said twice is one. */
    struct connection *connection = channel_take(&assay->channel);

    if (connection != NULL) {
        bool reused = connection->reused;

        status = converse(assay, connection, method, &request, answer);
        if (status != ASSAY_E_UNREACHABLE || !reused)
            return status;
        channel_lost(&assay->channel);
    }
    for (bool waited = false;; waited = true) {
        status = channel_connect(&assay->channel, answer->deadline, &connection);
        if (status == 0)
            status = converse(assay, connection, method, &request, answer);
        else if (!waited)
            return status;
        if (status == ASSAY_E_TIMEOUT && waited) /* it was not to be reached all the time */
            status = ASSAY_E_UNREACHABLE;
        if (status != ASSAY_E_UNREACHABLE || !channel_waited(&assay->channel, answer->deadline))
            return status;
    }
}
