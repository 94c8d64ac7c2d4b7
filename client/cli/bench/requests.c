/* Writes the requests before the clock starts, and keeps the agent's answer to each. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "client/ask.h"
#include "client/verdict.h"
#include "client/wire/cleanup.h"
#include "wire.h"

static int refused(const struct assay_verdict *verdict, size_t number)
{
    const char *reason = assay_verdict_reason(verdict);

    return report_no(reason, "token %zu was refused: %s: %s", number + 1, reason, reason_meaning(reason));
}

int bench_ask(const struct bench_order *order, const struct token_text *token, size_t number, struct answer *answer)
{
    const struct question question = {.token = token->bytes, .token_bytes = token->count, .audience = order->audience};
    struct assay_verdict *verdict CLEANUP(verdict_free_at) = NULL;
    int status = ask_agent(order->agent.assay, &kind_verify, &question, answer, &verdict);

    if (verdict == NULL)
        return agent_failed(&order->agent, status, answer);
    return status == 0 ? 0 : refused(verdict, number);
}

static int write_request(const struct bench_order *order, const struct token_text *token, struct bench_request *request)
{
    size_t audience_bytes = order->audience != NULL ? strlen(order->audience) : 0, room = token->count + audience_bytes + 64;
    struct wire_writer writer;

    request->bytes = malloc(room);
    if (request->bytes == NULL)
        return report_no_memory();
    memcpy(request->bytes, (const uint8_t[]){0x94, 0x00}, MSGID_AT);
    msgid_put(request->bytes, MSGID_FIRST);
    wire_writer_init(&writer, request->bytes + MSGID_END, room - MSGID_END);
    wire_put_text(&writer, "verify");
    wire_put_array(&writer, 1);
    wire_put_map(&writer, 1 + (order->audience != NULL));
    wire_put_text(&writer, "token");
    wire_put_str(&writer, token->bytes, token->count);
    if (order->audience != NULL) {
        wire_put_text(&writer, "audience");
        wire_put_text(&writer, order->audience);
    }
    request->size = MSGID_END + wire_written(&writer);
    return 0;
}

/* Everything behind the msgid: nil, and the result. */
static int keep_answer(const struct answer *answer, struct bench_request *request)
{
    size_t bytes = (size_t)(answer->result.end - answer->result.at);

    request->expected = malloc(1 + bytes);
    if (request->expected == NULL)
        return report_no_memory();
    request->expected[0] = 0xc0;
    memcpy(request->expected + 1, answer->result.at, bytes);
    request->expected_bytes = 1 + bytes;
    return 0;
}

static int make(const struct bench_order *order, const struct token_text *token, size_t number, bool answered,
                struct bench_request *request)
{
    struct answer answer CLEANUP(answer_clear);

    answer_init(&answer);
    int code = write_request(order, token, request);

    if (code == 0 && answered)
        code = bench_ask(order, token, number, &answer);
    return code == 0 && answered ? keep_answer(&answer, request) : code;
}

int bench_requests_make(const struct bench_order *order, const struct bench_tokens *tokens, bool answered,
                        struct bench_requests *requests)
{
    int code = 0;

    requests->requests = calloc(tokens->count, sizeof *requests->requests);
    if (requests->requests == NULL)
        return report_no_memory();
    requests->count = tokens->count;
    for (size_t i = 0; code == 0 && i < tokens->count; i++)
        code = make(order, &tokens->tokens[i], i, answered, &requests->requests[i]);
    return code;
}

void bench_requests_clear(struct bench_requests *requests)
{
    for (size_t i = 0; i < requests->count; i++) {
        struct bench_request *request = &requests->requests[i];

        if (request->bytes != NULL)
            explicit_bzero(request->bytes, request->size);
        if (request->expected != NULL)
            explicit_bzero(request->expected, request->expected_bytes);
        free(request->bytes);
        free(request->expected);
    }
    free(requests->requests);
    *requests = (struct bench_requests){NULL, 0};
}
