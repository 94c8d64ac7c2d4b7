/* The calls that never wait. */
#include <errno.h>

#include "cancel.h"
#include "doubt.h"
#include "stream.h"
#include "verdict.h"

/* What was on its way at a fork is the parent's. */
static struct stream *own_stream(struct assay *assay)
{
    struct stream *stream = assay->stream;

    if (stream == NULL || stream->life == channel_life(&assay->channel))
        return stream;
    assay->stream = NULL;
    stream_free(stream);
    return NULL;
}

/* Without being told of forks, two processes could read each other's answers. Kernels that do not tell are older than those that
   the agent runs on, so that what is missing is the page. */
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

static int ask_without_waiting(struct assay *assay, const struct kind *kind, const struct question *question, void *tag,
                               struct assay_verdict **ret)
{
    if (cache_find(&assay->cache, question, ret))
        return 0;
    UNCANCELLED;
    struct assay_verdict *verdict CLEANUP(verdict_free_at) = NULL;
    int status = kind->check(question, &verdict);

    if (status == 0)
        status = begin(assay);
    int error = errno;

    if (status == 0) {
        status = stream_ask(assay, kind, question, tag); /* never 0: the agent has not answered */
        error = assay->stream->error;
    }
    if (ret != NULL && status != ASSAY_E_PENDING)
        *ret = verdict != NULL ? take(verdict) : doubt_about(&assay->channel, status, error, NULL);
    return status;
}

int assay_send_verify(struct assay *assay, const char *token, size_t token_bytes, const char *audience, void *tag,
                      struct assay_verdict **ret)
{
    const struct question question = {.token = token, .token_bytes = token_bytes, .audience = audience};

    if (ret != NULL)
        *ret = NULL;
    if (assay == NULL || token == NULL)
        return doubt_argument(assay == NULL ? "the handle is NULL" : "the token is NULL", ret);
    return ask_without_waiting(assay, &kind_verify, &question, tag, ret);
}

int assay_send_authorize(struct assay *assay, const char *token, size_t token_bytes, const char *audience, const char *action,
                         const char *resource, void *tag, struct assay_verdict **ret)
{
    const struct question question = {token, token_bytes, audience, action, resource};

    if (ret != NULL)
        *ret = NULL;
    if (assay == NULL || (token == NULL && token_bytes > 0) || action == NULL || resource == NULL)
        return doubt_argument("the handle, the token, the action or the resource is NULL", ret);
    return ask_without_waiting(assay, &kind_authorize, &question, tag, ret);
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
        return doubt_argument(assay == NULL ? "the handle is NULL" : "there is no place for the tag", ret);
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

    return stream != NULL ? asked_cancel(&stream->asked, tag) : 0;
}

size_t assay_waiting(struct assay *assay)
{
    UNCANCELLED;
    struct stream *stream = assay != NULL ? own_stream(assay) : NULL;

    return stream != NULL ? stream->asked.waiting : 0;
}
