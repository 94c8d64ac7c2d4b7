/* What is asked, as parameters: the heads of the strings in a few bytes on the stack, and the strings where the caller has them. */
#include "ask.h"

#include <string.h>

#include "judge.h"

/* For each string its name and its own head, which have at most this many bytes together. */
#define PAIR_HEAD_BYTES_MAX 16

struct params {
    uint8_t heads[PARAMS_PAIRS_MAX * PAIR_HEAD_BYTES_MAX];
    struct wire_writer writer;
    struct iovec parts[PARAMS_PARTS_MAX];
    unsigned count;
};

static void params_begin(struct params *params, unsigned pairs)
{
    params->count = 0;
    wire_writer_init(&params->writer, params->heads, sizeof params->heads);
    wire_put_map(&params->writer, pairs);
}

/* A yes that comes with what it rests on can be remembered. It is the last pair. */
static void put_stamp(struct params *params)
{
    static const uint8_t stamp[] = "\xa5stamp\xc3";

    params->parts[params->count++] = (struct iovec){(void *)stamp, sizeof stamp - 1};
}

/* The first one's head has the map's before it. */
static void put_text(struct params *params, const char *name, const char *text, size_t bytes)
{
    size_t before = params->count == 0 ? 0 : wire_written(&params->writer);

    wire_put_text(&params->writer, name);
    wire_put_str_head(&params->writer, bytes);
    params->parts[params->count++] = (struct iovec){params->heads + before, wire_written(&params->writer) - before};
    params->parts[params->count++] = (struct iovec){(void *)text, bytes};
}

int ask_verify(struct assay *assay, const struct question *question, struct answer *answer, struct assay_verdict **ret_verdict)
{
    size_t audience_bytes = question->audience != NULL ? strlen(question->audience) : 0;
    struct params params;

    if (audience_bytes > AUDIENCE_BYTES_MAX)
        return ASSAY_E_ARGUMENT;
    if (question->token_bytes > TOKEN_SENT_BYTES_MAX)
        return verdict_refuse(401, "too_large", ret_verdict);
    bool stamped = cache_has_page(&assay->cache);

    params_begin(&params, 1U + (question->audience != NULL) + stamped);
    put_text(&params, "token", question->token, question->token_bytes);
    if (question->audience != NULL)
        put_text(&params, "audience", question->audience, audience_bytes);
    if (stamped)
        put_stamp(&params);
    int status = assay_call(assay, "verify", params.parts, params.count, answer);

    return status == 0 ? judge_verify(answer->result, ret_verdict) : status;
}

/* A token that is too long to be sent counts as none, and only the agent knows what is allowed without one. It looks at the length
   before all else, so the beginning of the token gets the same answer. */
static size_t token_bytes_sent(const struct question *question)
{
    return question->token_bytes < AUTHORIZE_TOKEN_SENT_BYTES_MAX ? question->token_bytes : AUTHORIZE_TOKEN_SENT_BYTES_MAX;
}

int ask_authorize(struct assay *assay, const struct question *question, struct answer *answer, struct assay_verdict **ret_verdict)
{
    size_t audience_bytes = question->audience != NULL ? strlen(question->audience) : 0;
    size_t action_bytes = strlen(question->action), resource_bytes = strlen(question->resource);
    bool has_token = question->token_bytes > 0;
    struct params params;

    if (audience_bytes > AUDIENCE_BYTES_MAX || action_bytes > ACTION_BYTES_MAX)
        return ASSAY_E_ARGUMENT;
    if (resource_bytes > RESOURCE_SENT_BYTES_MAX) /* never cut: its beginning is another resource */
        return verdict_refuse(403, "bad_resource", ret_verdict);
    bool stamped = cache_has_page(&assay->cache);

    params_begin(&params, 2U + has_token + (question->audience != NULL) + stamped);
    if (has_token)
        put_text(&params, "token", question->token, token_bytes_sent(question));
    put_text(&params, "action", question->action, action_bytes);
    put_text(&params, "resource", question->resource, resource_bytes);
    if (question->audience != NULL)
        put_text(&params, "audience", question->audience, audience_bytes);
    if (stamped)
        put_stamp(&params);
    int status = assay_call(assay, "authorize", params.parts, params.count, answer);

    return status == 0 ? judge_authorize(answer->result, ret_verdict) : status;
}
