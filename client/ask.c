/* What is asked, as parameters: the heads of the strings in a few bytes on the stack, and the strings where the caller has them. */
#include "ask.h"

#include <string.h>

#include "judge.h"

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

static size_t audience_bytes(const struct question *question)
{
    return question->audience != NULL ? strlen(question->audience) : 0;
}

static void put_audience(struct params *params, const struct question *question)
{
    if (question->audience != NULL)
        put_text(params, "audience", question->audience, audience_bytes(question));
}

static int check_verify(const struct question *question, struct assay_verdict **ret_verdict)
{
    if (audience_bytes(question) > AUDIENCE_BYTES_MAX)
        return ASSAY_E_ARGUMENT;
    if (question->token_bytes > TOKEN_SENT_BYTES_MAX)
        return verdict_refuse(401, "too_large", ret_verdict);
    return 0;
}

static void put_verify(struct params *params, const struct question *question, bool stamped)
{
    params_begin(params, 1U + (question->audience != NULL) + stamped);
    put_text(params, "token", question->token, question->token_bytes);
    put_audience(params, question);
    if (stamped)
        put_stamp(params);
}

const struct kind kind_verify = {"verify", check_verify, put_verify, judge_verify};

int ask_verify(struct assay *assay, const struct question *question, struct answer *answer, struct assay_verdict **ret_verdict)
{
    struct params params;
    int status = check_verify(question, ret_verdict);

    if (status != 0)
        return status;
    put_verify(&params, question, cache_has_page(&assay->cache));
    status = assay_call(assay, "verify", params.parts, params.count, answer);
    return status == 0 ? judge_verify(answer->result, ret_verdict) : status;
}

/* A token that is too long to be sent counts as none, and only the agent knows what is allowed without one. It looks at the length
   before all else, so the beginning of the token gets the same answer. */
static size_t token_bytes_sent(const struct question *question)
{
    return question->token_bytes < AUTHORIZE_TOKEN_SENT_BYTES_MAX ? question->token_bytes : AUTHORIZE_TOKEN_SENT_BYTES_MAX;
}

/* Of a resource that is too long the query is left behind, which the agent cuts before it decides. The rest is never cut: its beginning is
   another resource. */
static size_t resource_bytes_sent(const struct question *question)
{
    size_t bytes = strlen(question->resource);

    return bytes <= RESOURCE_SENT_BYTES_MAX ? bytes : strcspn(question->resource, "?");
}

static int check_authorize(const struct question *question, struct assay_verdict **ret_verdict)
{
    if (audience_bytes(question) > AUDIENCE_BYTES_MAX || strlen(question->action) > ACTION_BYTES_MAX)
        return ASSAY_E_ARGUMENT;
    if (resource_bytes_sent(question) > RESOURCE_SENT_BYTES_MAX)
        return verdict_refuse(403, "bad_resource", ret_verdict);
    return 0;
}

static void put_authorize(struct params *params, const struct question *question, bool stamped)
{
    bool has_token = question->token_bytes > 0;

    params_begin(params, 2U + has_token + (question->audience != NULL) + stamped);
    if (has_token)
        put_text(params, "token", question->token, token_bytes_sent(question));
    put_text(params, "action", question->action, strlen(question->action));
    put_text(params, "resource", question->resource, resource_bytes_sent(question));
    put_audience(params, question);
    if (stamped)
        put_stamp(params);
}

const struct kind kind_authorize = {"authorize", check_authorize, put_authorize, judge_authorize};

int ask_authorize(struct assay *assay, const struct question *question, struct answer *answer, struct assay_verdict **ret_verdict)
{
    struct params params;
    int status = check_authorize(question, ret_verdict);

    if (status != 0)
        return status;
    put_authorize(&params, question, cache_has_page(&assay->cache));
    status = assay_call(assay, "authorize", params.parts, params.count, answer);
    return status == 0 ? judge_authorize(answer->result, ret_verdict) : status;
}
