/* Writes a question as parameters: the heads of the strings into a few bytes on the stack. The strings themselves stay where the
   caller has them. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

#include "client/wire/cleanup.h"
#include "judge.h"

static void params_begin(struct params *params, unsigned pairs)
{
    params->count = 0;
    params->own = NULL;
    params->own_bytes = 0;
    wire_writer_init(&params->writer, params->heads, sizeof params->heads);
    wire_put_map(&params->writer, pairs);
}

void params_clear(struct params *params)
{
    if (params->own == NULL)
        return;
    explicit_bzero(params->own, params->own_bytes);
    free(params->own);
    params->own = NULL;
}

static void put_whole(struct params *params, const void *bytes, size_t size)
{
    params->parts[params->count++] = (struct iovec){(void *)bytes, size};
}

/* A yes can be cached only if the answer says what it depends on. These are the last pairs. */
static void put_wishes(struct params *params, bool claims, bool stamped)
{
    static const uint8_t both[] = "\xa6"
                                  "claims\xc3\xa5stamp\xc3";
    const size_t claims_bytes = 8, stamp_bytes = sizeof both - 1 - claims_bytes;

    if (claims || stamped)
        put_whole(params, claims ? both : both + claims_bytes, (claims ? claims_bytes : 0) + (stamped ? stamp_bytes : 0));
}

/* The head of the map goes before the first pair's head. */
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

static int put_verify(struct params *params, const struct question *question, bool stamped)
{
    params_begin(params, 1U + (question->audience != NULL) + stamped);
    put_text(params, "token", question->token, question->token_bytes);
    put_audience(params, question);
    put_wishes(params, false, stamped);
    return 0;
}

const struct question_kind kind_verify = {"verify", "the audience is longer than 4096 bytes", check_verify, put_verify,
                                          judge_verify};

/* A token that is too long to send counts as no token, and only the agent knows what the policy allows without a token. The agent
   checks the length first, so it answers the same to the beginning of the token. */
static size_t token_bytes_sent(size_t bytes, size_t most)
{
    return bytes < most ? bytes : most;
}

/* The query of a resource that is too long is not sent: the agent removes it before it decides. The path is never cut, because its
   beginning is another resource. */
static size_t resource_bytes_sent(const char *resource)
{
    size_t bytes = strlen(resource);

    return bytes <= RESOURCE_SENT_BYTES_MAX ? bytes : strcspn(resource, "?");
}

static int check_authorize(const struct question *question, struct assay_verdict **ret_verdict)
{
    if (audience_bytes(question) > AUDIENCE_BYTES_MAX || strlen(question->action) > ACTION_BYTES_MAX)
        return ASSAY_E_ARGUMENT;
    if (resource_bytes_sent(question->resource) > RESOURCE_SENT_BYTES_MAX)
        return verdict_refuse(403, "bad_resource", ret_verdict);
    return 0;
}

static int put_authorize(struct params *params, const struct question *question, bool stamped)
{
    bool has_token = question->token_bytes > 0;

    params_begin(params, 2U + has_token + (question->audience != NULL) + question->claims + stamped);
    if (has_token)
        put_text(params, "token", question->token, token_bytes_sent(question->token_bytes, AUTHORIZE_TOKEN_SENT_BYTES_MAX));
    put_text(params, "action", question->action, strlen(question->action));
    put_text(params, "resource", question->resource, resource_bytes_sent(question->resource));
    put_audience(params, question);
    put_wishes(params, question->claims, stamped);
    return 0;
}

const struct question_kind kind_authorize = {"authorize", "the audience or the action is longer than 4096 bytes", check_authorize,
                                             put_authorize, judge_authorize};

#define CHECK_HEADS_BYTES_MAX  (1 + 3 + 3) /* the head of an array, and of two strings */
#define CHECKS_HEADS_BYTES_MAX (7 + 3)     /* the name, and the head of an array */

static size_t checks_bytes(const struct question *question)
{
    size_t bytes = CHECKS_HEADS_BYTES_MAX;

    for (uint32_t i = 0; i < question->check_count; i++)
        bytes += CHECK_HEADS_BYTES_MAX + strlen(question->checks[i].action) + resource_bytes_sent(question->checks[i].resource);
    return bytes;
}

/* With several checks, the library does not refuse a resource that is too long: only the agent knows the answers to the other
 * checks. */
static int check_checks(const struct question *question, struct assay_verdict **ret_verdict)
{
    size_t left = REQUEST_BYTES_MAX - REQUEST_HEAD_BYTES_MAX - sizeof(((struct params *)NULL)->heads) -
                  token_bytes_sent(question->token_bytes, CHECKS_TOKEN_SENT_BYTES_MAX);

    (void)ret_verdict;
    if (audience_bytes(question) > AUDIENCE_BYTES_MAX || checks_bytes(question) > left - audience_bytes(question))
        return ASSAY_E_ARGUMENT;
    return 0;
}

static int put_checks(struct params *params, const struct question *question, bool stamped)
{
    bool has_token = question->token_bytes > 0;
    struct wire_writer writer;

    (void)stamped; /* an answer to several checks does not say what it depends on */
    params_begin(params, 1U + has_token + (question->audience != NULL) + question->claims);
    params->own_bytes = checks_bytes(question);
    params->own = malloc(params->own_bytes);
    if (params->own == NULL)
        return ASSAY_E_NO_MEMORY;
    if (has_token)
        put_text(params, "token", question->token, token_bytes_sent(question->token_bytes, CHECKS_TOKEN_SENT_BYTES_MAX));
    put_audience(params, question);
    wire_writer_init(&writer, params->own, params->own_bytes);
    wire_put_text(&writer, "checks");
    wire_put_array(&writer, question->check_count);
    for (uint32_t i = 0; i < question->check_count; i++) {
        wire_put_array(&writer, 2);
        wire_put_text(&writer, question->checks[i].action);
        wire_put_str(&writer, question->checks[i].resource, resource_bytes_sent(question->checks[i].resource));
    }
    if (params->count == 0) /* the map is empty: nothing else writes its head */
        put_whole(params, params->heads, wire_written(&params->writer));
    put_whole(params, writer.start, wire_written(&writer));
    put_wishes(params, question->claims, false);
    return 0;
}

const struct question_kind kind_checks = {
    "authorize", "the audience is longer than 4096 bytes, or there is more to check than fits into one request", check_checks,
    put_checks, judge_checks};

int ask_agent(struct assay *assay, const struct question_kind *kind, const struct question *question, struct answer *answer,
              struct assay_verdict **ret_verdict)
{
    struct params params CLEANUP(params_clear) = {.own = NULL};
    int status = kind->check(question, ret_verdict);

    if (status == 0)
        status = kind->put(&params, question, cache_has_page(&assay->cache));
    if (status != 0)
        return status;
    if (answer->deadline == 0)
        answer->deadline = monotonic_ns() + question_ns(assay, question);
    status = assay_call(assay, kind->name, params.parts, params.count, answer);
    return status == 0 ? kind->judge(answer->result, question, ret_verdict) : status;
}
