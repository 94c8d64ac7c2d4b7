/* Bytes from whoever serves the socket, for four questions at a time on one connection: each ends once, and never with more yeses
   than there are bytes for. The connection's end follows them, and then there is no agent any more. */
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/stream.h"
#include "client/verdict.h"
#include "tests/fuzz/target.h"

#define QUESTIONS 4

/* A connection on which all is there already. What is sent over it goes nowhere. */
static void put_connection(struct assay *assay, const uint8_t *data, size_t size, int *ret_far_end)
{
    struct stream *stream = assay->stream;
    struct connection *connection = calloc(1, sizeof *connection);
    struct stat facts;
    int ends[2];

    CHECK(connection != NULL && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    CHECK(write(ends[1], data, size) == (ssize_t)size && fstat(ends[0], &facts) == 0);
    *connection = (struct connection){.fd = ends[0], .life = stream->life, .device = facts.st_dev, .inode = facts.st_ino};
    CHECK(loop_watch(&stream->loop, connection->fd));
    stream->connection = connection;
    *ret_far_end = ends[1];
}

static void ask_all(struct assay *assay, char *tags)
{
    for (int i = 0; i < QUESTIONS; i++) {
        int status = i % 2 == 0 ? assay_send_verify(assay, "token", 5, NULL, &tags[i], NULL)
                                : assay_send_authorize(assay, "token", 5, NULL, "read", "/", &tags[i], NULL);

        CHECK(status == ASSAY_E_PENDING);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char tags[QUESTIONS] = {0};
    struct assay_verdict *verdict;
    struct assay *assay;
    int far_end, status, fd, ends = 0;
    void *tag;

    if (size > 2 * ANSWER_BYTES_MAX)
        return 0;
    CHECK(assay_open(&assay, "/dev/null/nobody", NULL) == 0 && assay_fd(assay, &fd) == 0 && fd >= 0);
    put_connection(assay, data, size, &far_end);
    ask_all(assay, tags);
    for (int round = 0; round < 2 || assay_waiting(assay) > 0; round++) {
        CHECK(round < 8);
        while ((status = assay_process(assay, &tag, &verdict)) != ASSAY_E_PENDING) {
            ptrdiff_t which = (char *)tag - tags;

            CHECK(which >= 0 && which < QUESTIONS && tags[which]++ == 0);
            CHECK(verdict != NULL && assay_verdict_ok(verdict) == (status == 0));
            CHECK(status != 0 || assay_verdict_http_status(verdict) == 200);
            CHECK(status != 0 || (which % 2 != 0) == (assay_verdict_rule(verdict) != NULL)); /* of the kind that was asked */
            assay_verdict_free(verdict);
            ends++;
        }
        CHECK(tag == NULL && verdict == NULL);
        if (round == 0)
            close(far_end);
    }
    CHECK(ends == QUESTIONS);
    CHECK(assay->stream->pending.given_up == 0 && assay->stream->pending.request_bytes == 0);
    assay_close(assay);
    return 0;
}
