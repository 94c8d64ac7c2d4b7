/* Requests in flight, sent by one thread. It reads the clock once for all that it sends together, and once for all that it receives
   together. It checks each answer: if the bytes differ from the token's earlier answer, it reads the answer as the library does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "client/judge.h"
#include "client/verdict.h"
#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "wire.h"

#define IN_BYTES (2 * ANSWER_BYTES_MAX)

struct slot {
    const struct bench_request *request; /* NULL: no request is in flight here */
    int64_t sent;
};

struct line {
    int fd;
    struct slot *slots;
    size_t *free_slots, free_count;
    uint8_t *out, *in;
    size_t out_bytes, out_room, in_bytes;
};

struct run {
    struct pipeline *pipeline;
    struct bench_figures *figures;
    struct line *lines;
    int epoll;
    int64_t end;
    uint64_t left, flying;
};

static void drop_run(struct run *run)
{
    for (size_t i = 0; run->lines != NULL && i < run->pipeline->connections; i++) {
        struct line *line = &run->lines[i];

        if (line->out != NULL)
            explicit_bzero(line->out, line->out_room);
        if (line->in != NULL)
            explicit_bzero(line->in, IN_BYTES);
        free(line->slots);
        free(line->free_slots);
        free(line->out);
        free(line->in);
    }
    free(run->lines);
    if (run->epoll >= 0)
        close(run->epoll);
}

static int failed(const struct run *run, int status, const struct answer *answer)
{
    return agent_failed(&run->pipeline->order->agent, status, answer);
}

static int failed_silently(const struct run *run, int status)
{
    struct answer none CLEANUP(answer_clear);

    answer_init(&none);
    return failed(run, status, &none);
}

static int flush(const struct run *run, struct line *line)
{
    ssize_t put = line->out_bytes > 0 ? send(line->fd, line->out, line->out_bytes, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

    if (put < 0 && errno != EAGAIN && errno != EINTR)
        return failed_silently(run, ASSAY_E_UNREACHABLE);
    if (put > 0) {
        line->out_bytes -= (size_t)put;
        memmove(line->out, line->out + put, line->out_bytes);
    }
    return 0;
}

/* Sends as many requests as there is room for. What the socket does not take is sent when the next answers come; at least one request was
   sent. */
static int refill(struct run *run, struct line *line, int64_t now)
{
    struct pipeline *pipeline = run->pipeline;

    while (line->free_count > 0 && run->left > 0 && now < run->end) {
        size_t slot = line->free_slots[--line->free_count];
        const struct bench_request *request = &pipeline->requests->requests[pipeline->next];

        memcpy(line->out + line->out_bytes, request->bytes, request->size);
        msgid_put(line->out + line->out_bytes, MSGID_FIRST + (uint32_t)slot);
        line->out_bytes += request->size;
        line->slots[slot] = (struct slot){request, now};
        run->left--;
        run->flying++;
        if (++pipeline->next == pipeline->requests->count) {
            pipeline->next = 0;
            run->left = pipeline->once ? 0 : run->left;
        }
    }
    return flush(run, line);
}

/* Reads the answer as the library does. Returns 0; on failure reports the error and returns the exit code. */
static int judge(const struct run *run, const struct bench_request *request, const uint8_t *bytes, size_t size, uint32_t msgid)
{
    struct answer answer;
    struct assay_verdict *verdict CLEANUP(verdict_free_at) = NULL;

    answer_init(&answer); /* not cleared: it does not own the bytes */
    answer.bytes = (uint8_t *)bytes;
    answer.size = size;
    int status = answer_read(&answer, msgid);

    if (status == 0)
        status = judge_verify(answer.result, NULL, &verdict);
    if (verdict == NULL)
        return failed(run, status, &answer);
    if (status == 0)
        return 0;
    const char *reason = assay_verdict_reason(verdict);
    size_t number = (size_t)(request - run->pipeline->requests->requests);

    return report_no(reason, "token %zu was refused: %s: %s", number + 1, reason, reason_meaning(reason));
}

static bool is_expected(const struct bench_request *request, const uint8_t *at, size_t left)
{
    return request->expected != NULL && left >= MSGID_END + request->expected_bytes &&
           memcmp(at + MSGID_END, request->expected, request->expected_bytes) == 0;
}

static struct slot *slot_of(const struct run *run, struct line *line, uint32_t msgid)
{
    uint32_t number = msgid - MSGID_FIRST;

    return msgid >= MSGID_FIRST && number < run->pipeline->depth && line->slots[number].request != NULL ? &line->slots[number]
                                                                                                        : NULL;
}

/* Reads one answer. *ret_bytes 0: it is not complete yet. */
static int take_answer(struct run *run, struct line *line, const uint8_t *at, size_t left, int64_t now, size_t *ret_bytes)
{
    *ret_bytes = 0;
    if (left < MSGID_END)
        return 0;
    bool usual = memcmp(at, (const uint8_t[]){0x94, 0x01, 0xce}, 3) == 0;
    struct slot *slot = usual ? slot_of(run, line, msgid_get(at)) : NULL;

    if (slot != NULL && is_expected(slot->request, at, left)) {
        *ret_bytes = MSGID_END + slot->request->expected_bytes;
    } else {
        uint32_t msgid;
        enum wire_status measured = answer_measure(at, left, ret_bytes);

        if (measured == WIRE_MORE) {
            *ret_bytes = 0;
            return 0;
        }
        if (measured != WIRE_OK || !answer_msgid(at, *ret_bytes, &msgid) || (slot = slot_of(run, line, msgid)) == NULL)
            return failed_silently(run, ASSAY_E_PROTOCOL);
        int code = judge(run, slot->request, at, *ret_bytes, msgid);

        if (code != 0)
            return code;
    }
    samples_add(&run->figures->samples, (uint64_t)(now - slot->sent));
    run->figures->requests++;
    run->flying--;
    slot->request = NULL;
    line->free_slots[line->free_count++] = (size_t)(slot - line->slots);
    return 0;
}

static int receive(struct run *run, struct line *line)
{
    ssize_t got = recv(line->fd, line->in + line->in_bytes, IN_BYTES - line->in_bytes, MSG_DONTWAIT);
    int64_t now = monotonic_ns();
    size_t at = 0, bytes;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got == 0)
        errno = ECONNRESET;
    if (got <= 0)
        return failed_silently(run, ASSAY_E_UNREACHABLE);
    line->in_bytes += (size_t)got;
    do {
        int code = take_answer(run, line, line->in + at, line->in_bytes - at, now, &bytes);

        if (code != 0)
            return code;
        at += bytes;
    } while (bytes > 0);
    line->in_bytes -= at;
    memmove(line->in, line->in + at, line->in_bytes);
    return refill(run, line, now);
}

static int open_line(struct run *run, size_t number, size_t request_bytes)
{
    struct line *line = &run->lines[number];
    size_t depth = run->pipeline->depth;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};

    line->fd = run->pipeline->sockets[number];
    line->slots = calloc(depth, sizeof *line->slots);
    line->free_slots = calloc(depth, sizeof *line->free_slots);
    line->out_room = depth * request_bytes;
    line->out = malloc(line->out_room);
    line->in = malloc(IN_BYTES);
    if (line->slots == NULL || line->free_slots == NULL || line->out == NULL || line->in == NULL)
        return report_no_memory();
    for (size_t i = 0; i < depth; i++)
        line->free_slots[line->free_count++] = i;
    return epoll_ctl(run->epoll, EPOLL_CTL_ADD, line->fd, &event) == 0 ? 0 : report_no_memory();
}

static int open_lines(struct run *run)
{
    const struct bench_requests *requests = run->pipeline->requests;
    size_t largest = 0;
    int code = 0;

    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    run->lines = calloc(run->pipeline->connections, sizeof *run->lines);
    if (run->epoll < 0 || run->lines == NULL)
        return report_no_memory();
    for (size_t i = 0; i < requests->count; i++)
        largest = requests->requests[i].size > largest ? requests->requests[i].size : largest;
    for (size_t i = 0; code == 0 && i < run->pipeline->connections; i++)
        code = open_line(run, i, largest);
    return code;
}

static int wait_for_answers(struct run *run)
{
    struct epoll_event events[64];
    int ready = epoll_wait(run->epoll, events, COUNT(events), (int)(run->pipeline->order->agent.assay->timeout_ns / NS_PER_MS));
    int code = 0;

    if (ready == 0)
        return failed_silently(run, ASSAY_E_TIMEOUT);
    if (ready < 0 && errno != EINTR)
        return failed_silently(run, ASSAY_E_UNREACHABLE);
    for (int i = 0; code == 0 && i < ready; i++)
        code = receive(run, events[i].data.ptr);
    return code;
}

int pipeline_run(struct pipeline *pipeline, int64_t ns, uint64_t most, struct bench_figures *figures)
{
    struct run run CLEANUP(drop_run) = {.pipeline = pipeline, .figures = figures, .epoll = -1, .left = most};
    int code = open_lines(&run);
    int64_t begin = monotonic_ns();

    run.end = begin + ns;
    for (size_t i = 0; code == 0 && i < pipeline->connections; i++)
        code = refill(&run, &run.lines[i], begin);
    while (code == 0 && run.flying > 0)
        code = wait_for_answers(&run);
    figures->elapsed_ns += monotonic_ns() - begin;
    return code;
}
