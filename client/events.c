/* The calls that do not wait. */
#include <errno.h>

#include "cancel.h"
#include "doubt.h"
#include "question.h"
#include "stream.h"
#include "verdict.h"

/* After a fork, the questions of the stream belong to the parent. */
static struct stream *own_stream(struct assay *assay)
{
    struct stream *stream = assay->stream;

    if (stream == NULL || stream->life == channel_life(&assay->channel))
        return stream;
    assay->stream = NULL;
    stream_free(stream);
    return NULL;
}

/* If the kernel did not tell of forks, two processes could read each other's answers. Such kernels are older than those that the
   agent runs on; so if the page is missing, there was no memory for it. */
static int begin(struct assay *assay)
{
    uint32_t life = channel_life(&assay->channel);

    if (own_stream(assay) != NULL)
        return 0;
    return life != 0 ? stream_new(life, &assay->stream) : ASSAY_E_NO_MEMORY;
}

int assay_fd(struct assay *assay, int *ret_fd)
{
    UNCANCELLED;

    if (ret_fd == NULL)
        return ASSAY_E_ARGUMENT;
    *ret_fd = -1;
    if (assay == NULL)
        return ASSAY_E_ARGUMENT;
    int status = begin(assay);

    if (status == 0)
        *ret_fd = assay->stream->loop.epoll_fd;
    return status;
}

static int send_now(struct assay *assay, const struct question_kind *kind, const struct question *question, void *tag,
                    struct assay_verdict **ret)
{
    UNCANCELLED;
    struct assay_verdict *verdict CLEANUP(verdict_free_at) = NULL;
    int status = kind->check(question, &verdict);

    if (status == ASSAY_E_ARGUMENT)
        return doubt_argument(kind->fault, ret);
    if (status == 0)
        status = begin(assay);
    int error = errno;

    if (status == 0) {
        status = stream_ask(assay, kind, question, tag); /* never 0: the agent has not answered yet */
        error = assay->stream->error;
    }
    if (ret != NULL && status != ASSAY_E_PENDING)
        *ret = verdict != NULL ? take(verdict) : doubt_about(&assay->channel, status, error, NULL);
    return status;
}

static int send_question(struct assay *assay, const struct question_kind *kind, const struct question *question, const char *fault,
                         void *tag, struct assay_verdict **ret)
{
    if (ret != NULL)
        *ret = NULL;
    if (fault != NULL)
        return doubt_argument(fault, ret);
    if (cache_find(&assay->cache, question, ret))
        return 0;
    return send_now(assay, kind, question, tag, ret);
}

int assay_send_verify(struct assay *assay, const char *token, size_t token_bytes, const char *audience, void *tag,
                      struct assay_verdict **ret)
{
    const struct question question = {.token = token, .token_bytes = token_bytes, .audience = audience};

    return send_question(assay, &kind_verify, &question, verify_fault(assay, &question), tag, ret);
}

int assay_send_authorize(struct assay *assay, const char *token, size_t token_bytes, const char *audience, const char *action,
                         const char *resource, void *tag, struct assay_verdict **ret)
{
    const struct question question = {
        .token = token, .token_bytes = token_bytes, .audience = audience, .action = action, .resource = resource};

    return send_question(assay, &kind_authorize, &question, authorize_fault(assay, &question), tag, ret);
}

int assay_send(struct assay *assay, const struct assay_question *question, void *tag, struct assay_verdict **ret)
{
    const struct question_kind *kind = NULL;
    struct question asked = {0};
    const char *fault = question_read(assay, question, &asked, &kind);

    return send_question(assay, kind, &asked, fault, tag, ret);
}

int assay_process(struct assay *assay, void **ret_tag, struct assay_verdict **ret)
{
    UNCANCELLED;
    struct assay_verdict *verdict CLEANUP(verdict_free_at) = NULL;

    if (ret != NULL)
        *ret = NULL;
    if (ret_tag != NULL)
        *ret_tag = NULL;
    if (assay == NULL || ret_tag == NULL)
        return doubt_argument(assay == NULL ? "the handle is NULL" : "ret_tag is NULL", ret);
    if (own_stream(assay) == NULL)
        return ASSAY_E_PENDING;
    int status = stream_next(assay, ret_tag, &verdict);

    if (status == ASSAY_E_PENDING)
        stream_rest(assay->stream);
    if (ret != NULL)
        *ret = take(verdict);
    return status;
}

size_t assay_cancel(struct assay *assay, const void *tag)
{
    UNCANCELLED;
    struct stream *stream = assay != NULL ? own_stream(assay) : NULL;

    return stream != NULL ? pending_cancel(&stream->pending, tag) : 0;
}

size_t assay_waiting(struct assay *assay)
{
    UNCANCELLED;
    struct stream *stream = assay != NULL ? own_stream(assay) : NULL;

    return stream != NULL ? stream->pending.waiting : 0;
}
