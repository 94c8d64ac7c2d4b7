/* The handle, and the calls that ask and wait for the answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cancel.h"
#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "cold.h"
#include "doubt.h"
#include "hello.h"
#include "question.h"
#include "sized.h"
#include "stream.h"
#include "verdict.h"

#define SOCKET_DEFAULT "/run/assay/assayd.sock"

_Static_assert(offsetof(struct assay_options, agent_uid) + sizeof(uid_t) == sizeof(struct assay_options),
               "no room for a later member that nobody sets");

/* In a setuid program an attacker controls the environment, and could name another agent. */
static const char *default_path(void)
{
    const char *path = secure_getenv("ASSAY_SOCKET");

    return path != NULL && path[0] != '\0' ? path : SOCKET_DEFAULT;
}

COLD int assay_open(struct assay **ret, const char *socket_path, const struct assay_options *options)
{
    static const struct assay_options defaults = {.size = sizeof defaults};

    if (ret == NULL)
        return ASSAY_E_ARGUMENT;
    *ret = NULL;
    UNCANCELLED;

    if (options == NULL)
        options = &defaults;
    if (!sized_is_known(options, options->size, sizeof *options))
        return ASSAY_E_ARGUMENT;
    struct assay *assay CLEANUP_FREE = calloc(1, sizeof *assay);

    if (assay == NULL)
        return ASSAY_E_NO_MEMORY;
    assay->timeout_ns = NS_PER_MS * (options->timeout_ms != 0 ? options->timeout_ms : TIMEOUT_DEFAULT_MS);

    int status = channel_init(&assay->channel, socket_path != NULL ? socket_path : default_path(), options->agent_uid);

    if (status != 0)
        return status;
    cache_init(&assay->cache, options->cache_bytes != 0 ? options->cache_bytes : CACHE_BYTES_DEFAULT);
    *ret = take(assay);
    return 0;
}

/* Verdicts stay valid: they own what they point to. */
COLD void assay_close(struct assay *assay)
{
    UNCANCELLED;

    if (assay == NULL)
        return;
    connection_close(assay->holder);
    cache_fini(&assay->cache);
    stream_free(assay->stream);
    channel_fini(&assay->channel);
    free(assay);
}

/* `ret` NULL: the caller wants the status alone. The verdict is made all the same, because that is what checks the answer. */
COLD static int ask_now(struct assay *assay, const struct question_kind *kind, const struct question *question,
                        struct assay_verdict **ret)
{
    UNCANCELLED;
    struct assay_verdict *verdict CLEANUP(verdict_free_at) = NULL;
    struct answer answer CLEANUP(answer_clear);

    answer_init(&answer);
    answer.deadline = monotonic_ns() + question_ns(assay, question);
    hello_if_needed(assay, answer.deadline);

    int status = ask_agent(assay, kind, question, &answer, &verdict), error = errno;

    if (status == 0)
        cache_keep(&assay->cache, question, verdict);
    if (ret == NULL)
        return status;
    if (status == ASSAY_E_ARGUMENT)
        return doubt_argument(kind->fault, ret);
    *ret = verdict != NULL ? take(verdict) : doubt_about(&assay->channel, status, error, &answer);
    return status;
}

/* Looks into the cache before it asks the agent. */
static int ask(struct assay *assay, const struct question_kind *kind, const struct question *question, const char *fault,
               struct assay_verdict **ret)
{
    if (ret != NULL)
        *ret = NULL;
    if (fault != NULL)
        return doubt_argument(fault, ret);
    if (cache_find(&assay->cache, question, ret))
        return 0;
    return ask_now(assay, kind, question, ret);
}

int assay_verify(struct assay *assay, const char *token, size_t token_bytes, const char *audience, struct assay_verdict **ret)
{
    const struct question question = {.token = token, .token_bytes = token_bytes, .audience = audience};

    return ask(assay, &kind_verify, &question, verify_fault(assay, &question), ret);
}

int assay_authorize(struct assay *assay, const char *token, size_t token_bytes, const char *audience, const char *action,
                    const char *resource, struct assay_verdict **ret)
{
    const struct question question = {
        .token = token, .token_bytes = token_bytes, .audience = audience, .action = action, .resource = resource};

    return ask(assay, &kind_authorize, &question, authorize_fault(assay, &question), ret);
}

int assay_ask(struct assay *assay, const struct assay_question *question, struct assay_verdict **ret)
{
    const struct question_kind *kind = NULL;
    struct question asked = {0};
    const char *fault = question_read(assay, question, &asked, &kind);

    return ask(assay, kind, &asked, fault, ret);
}

bool assay_is_valid(struct assay *assay, const char *token, size_t token_bytes, const char *audience)
{
    return assay_verify(assay, token, token_bytes, audience, NULL) == 0;
}

bool assay_is_allowed(struct assay *assay, const char *token, size_t token_bytes, const char *audience, const char *action,
                      const char *resource)
{
    return assay_authorize(assay, token, token_bytes, audience, action, resource, NULL) == 0;
}
