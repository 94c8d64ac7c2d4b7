/* A call on an idle connection is one sendmsg and one recv. The deadline is that of the whole call. The socket's own timeout, set when it
   was connected, limits the first wait, unless it is longer than the time left; all other waits use poll(). */
#include "call.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "client/wire/exports.h"

/* A request: the head, which converse() fills in, and the caller's parts. */
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

/* Skips what was sent: a signal, or the socket's timeout, can interrupt a message anywhere. */
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

/* True if the socket's own timeout, set by the call that connected it, would end after the deadline. */
static bool waits_too_long(const struct connection *connection, int64_t deadline)
{
    return connection->wait_ns > deadline - monotonic_ns() + DEADLINE_SLACK_NS;
}

/* MSG_NOSIGNAL: a program must not die of SIGPIPE because the agent restarts. */
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

/* For an answer that fills the buffer on the stack. Allocates room for the largest answer at once, because the library refuses an answer
   that does not fit there. */
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

/* Reads what there is. The end of the stream before any byte means that the agent closed the connection; after some bytes, it is half an
   answer. */
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

/* Reads one whole answer, and nothing after it: there is one request on the connection, so more than one answer is a protocol error. If
   hardly any time has passed, the socket's timeout limits the first read, which saves a poll(); after a slow connect or send it does not.
   wire_measure checks the whole answer before anything in it is used. */
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

/* A newer agent may send a number that is not in the list. It is neither yes nor no, and has no name here. */
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

/* Sends one request on this connection and reads its answer. If a whole answer was read, the connection goes back to the idle ones, also
   if the agent could not decide. In all other cases it is closed: bytes that are still to come must not be read as the answer to the next
   request. */
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

/* Leaves the first part free for the head: it has the msgid, and the connection, which numbers the requests, is not known yet. */
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

    /* An agent that has restarted, or found the connection idle for too long, has closed it, and has not read the request. It is safe to
       send a request twice: a verdict changes nothing, and a repeated revocation is the same revocation. */
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
        if (status == ASSAY_E_TIMEOUT && waited) /* the agent was unreachable all the time */
            status = ASSAY_E_UNREACHABLE;
        if (status != ASSAY_E_UNREACHABLE || !channel_waited(&assay->channel, answer->deadline))
            return status;
    }
}
