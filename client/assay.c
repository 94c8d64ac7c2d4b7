/* The handle, and the calls that ask. */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "verdict.h"
#include "verify.h"

#define SOCKET_DEFAULT "/run/assay/assayd.sock"

/* In a setuid program the environment is the attacker's, and so would be the agent. */
static const char *default_path(void)
{
    const char *path = secure_getenv("ASSAY_SOCKET");

    return path != NULL && path[0] != '\0' ? path : SOCKET_DEFAULT;
}

int assay_open(struct assay **ret, const char *socket_path, const struct assay_options *options)
{
    static const struct assay_options defaults = {0};

    if (ret == NULL)
        return ASSAY_E_ARGUMENT;
    *ret = NULL;
    if (options == NULL)
        options = &defaults;
    struct assay *assay CLEANUP_FREE = calloc(1, sizeof *assay);

    if (assay == NULL)
        return ASSAY_E_NO_MEMORY;
    assay->timeout_ns = NS_PER_MS * (options->timeout_ms != 0 ? options->timeout_ms : TIMEOUT_DEFAULT_MS);

    int status = channel_init(&assay->channel, socket_path != NULL ? socket_path : default_path(), options->agent_uid);

    if (status == 0)
        *ret = take(assay);
    return status;
}

/* Connections alone are the handle's: verdicts own what they point to. */
void assay_close(struct assay *assay)
{
    if (assay == NULL)
        return;
    channel_fini(&assay->channel);
    free(assay);
}

/* {"token": …} or {"token": …, "audience": …}: two heads on the stack, and the two strings where the caller has them. */
static int ask(struct assay *assay, const char *token, size_t token_bytes, const char *audience, struct answer *answer)
{
    size_t audience_bytes = audience != NULL ? strlen(audience) : 0;
    uint8_t heads[48];
    struct wire_writer writer;

    if (audience_bytes > AUDIENCE_BYTES_MAX)
        return ASSAY_E_ARGUMENT;
    wire_writer_init(&writer, heads, sizeof heads);
    wire_put_map(&writer, audience != NULL ? 2 : 1);
    wire_put_text(&writer, "token");
    wire_put_str_head(&writer, token_bytes);

    size_t first = wire_written(&writer);

    wire_put_text(&writer, "audience");
    wire_put_str_head(&writer, audience_bytes);

    const struct iovec params[] = {
        {heads, first},
        {(void *)token, token_bytes},
        {heads + first, wire_written(&writer) - first},
        {(void *)audience, audience_bytes},
    };

    return assay_call(assay, "verify", params, audience != NULL ? 4 : 2, answer);
}

int verify_token(struct assay *assay, const char *token, size_t token_bytes, const char *audience, struct answer *answer,
                 struct assay_verdict **ret_verdict)
{
    if (token_bytes > TOKEN_SENT_BYTES_MAX)
        return verdict_refuse("too_large", ret_verdict);

    /* A yes that is remembered in this process, and still holds, is given here. */

    int status = ask(assay, token, token_bytes, audience, answer);

    if (status == 0)
        status = verdict_read(answer->result, ret_verdict);

    /* And a yes that has just come is remembered here. */

    return status;
}

/* `ret` NULL asks for the status alone; the verdict is made all the same, because making it is what checks the answer. */
int assay_verify(struct assay *assay, const char *token, size_t token_bytes, const char *audience, struct assay_verdict **ret)
{
    if (ret != NULL)
        *ret = NULL;
    if (assay == NULL || token == NULL)
        return ASSAY_E_ARGUMENT;
    struct assay_verdict *verdict CLEANUP(verdict_free_at) = NULL;
    struct answer answer CLEANUP(answer_clear);

    answer_init(&answer);

    int status = verify_token(assay, token, token_bytes, audience, &answer, &verdict);

    if (ret != NULL)
        *ret = take(verdict);
    return status;
}

const char *assay_strerror(int status)
{
    switch (status) {
    case 0:
        return "yes";
#define CASE(number, name, text)                                                                                                   \
    case ASSAY_E_##name:                                                                                                           \
        return text;
        ASSAY_STATUSES(CASE)
#undef CASE
#define CASE(number, name, wire, text)                                                                                             \
    case ASSAY_E_##name:                                                                                                           \
        return text;
        ASSAY_WIRE_ERRORS(CASE)
#undef CASE
    default:
        return "no such status";
    }
}
