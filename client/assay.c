/* The handle, and the calls that ask. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "cancel.h"
#include "cleanup.h"
#include "clock.h"
#include "doubt.h"
#include "hello.h"
#include "sized.h"
#include "stream.h"
#include "verdict.h"

#define SOCKET_DEFAULT "/run/assay/assayd.sock"

_Static_assert(offsetof(struct assay_options, agent_uid) + sizeof(uid_t) == sizeof(struct assay_options), "no room for a later member that nobody sets");

/* In a setuid program the environment is the attacker's, and so would be the agent. */
static const char *default_path(void)
{
    const char *path = secure_getenv("ASSAY_SOCKET");

    return path != NULL && path[0] != '\0' ? path : SOCKET_DEFAULT;
}

int assay_open(struct assay **ret, const char *socket_path, const struct assay_options *options)
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

/* Verdicts own what they point to. */
void assay_close(struct assay *assay)
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

/* What this process knows already is not asked. `ret` NULL asks for the status alone; the verdict is made all the same, because making
   it is what checks the answer. */
static int ask(int (*question)(struct assay *, const struct question *, struct answer *, struct assay_verdict **),
               struct assay *assay, const struct question *what, struct assay_verdict **ret)
{
    UNCANCELLED;
    struct assay_verdict *verdict CLEANUP(verdict_free_at) = NULL;
    struct answer answer CLEANUP(answer_clear);

    answer_init(&answer);
    answer.begun = monotonic_ns();
    hello_if_needed(assay, answer.begun + assay->timeout_ns);

    int status = question(assay, what, &answer, &verdict), error = errno;

    if (status == 0)
        cache_keep(&assay->cache, what, verdict);
    if (ret != NULL)
        *ret = verdict != NULL ? take(verdict) : doubt_about(&assay->channel, status, error, &answer);
    return status;
}

int assay_verify(struct assay *assay, const char *token, size_t token_bytes, const char *audience, struct assay_verdict **ret)
{
    const struct question question = {.token = token, .token_bytes = token_bytes, .audience = audience};

    if (ret != NULL)
        *ret = NULL;
    if (assay == NULL || token == NULL)
        return doubt_argument(assay == NULL ? "the handle is NULL" : "the token is NULL", ret);
    if (cache_find(&assay->cache, &question, ret))
        return 0;
    return ask(ask_verify, assay, &question, ret);
}

int assay_authorize(struct assay *assay, const char *token, size_t token_bytes, const char *audience, const char *action,
                    const char *resource, struct assay_verdict **ret)
{
    const struct question question = {token, token_bytes, audience, action, resource};

    if (ret != NULL)
        *ret = NULL;
    if (assay == NULL || (token == NULL && token_bytes > 0) || action == NULL || resource == NULL)
        return doubt_argument("the handle, the token, the action or the resource is NULL", ret);
    if (cache_find(&assay->cache, &question, ret))
        return 0;
    return ask(ask_authorize, assay, &question, ret);
}
