/* assay verify: verifies a token and prints its claims. */
#include <stdio.h>

#include "agent.h"
#include "client/ask.h"
#include "client/verdict.h"
#include "client/wire/cleanup.h"
#include "client/wire/json.h"
#include "token_source.h"

/* A token that is too long is not sent, so there is no result of the agent's to print. */
static int print_json(const struct assay_verdict *verdict)
{
    if (verdict_result(verdict) != NULL)
        return agent_print_json(verdict_result(verdict));
    printf("{\"active\":false,\"reason\":\"%s\"}\n", assay_verdict_reason(verdict));
    return report_yes();
}

static int print_claims(const struct assay_verdict *verdict)
{
    const char *claims;

    if (assay_verdict_claim_json(verdict, "", &claims) != 0)
        return report_no_memory();
    puts(claims);
    return report_yes();
}

static int tell(const struct agent *agent, const struct assay_verdict *verdict)
{
    int code = EXIT_YES;

    if (agent->json)
        code = print_json(verdict);
    else if (assay_verdict_ok(verdict))
        code = print_claims(verdict);
    if (assay_verdict_ok(verdict) || code != EXIT_YES)
        return code;
    const char *reason = assay_verdict_reason(verdict);

    return agent->json ? EXIT_NO : report_no(reason, "refused: %s: %s", reason, reason_meaning(reason));
}

int command_verify(const struct command *self, int argc, char **argv)
{
    struct agent agent CLEANUP(agent_close) = AGENT_DEFAULTS;
    struct token_source source = {0};
    const char *audience = NULL;
    const struct option_spec options[] = {
        TOKEN_OPTIONS(source),
        {"audience", OPTION_TEXT, &audience, "A", "the audience that the token must have (else any configured one)"},
        AGENT_OPTIONS(agent),
    };
    struct token_text token CLEANUP(token_text_clear) = {NULL, 0};
    struct assay_verdict *verdict CLEANUP(verdict_free_at) = NULL;
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    if ((code = agent_open(&agent)) != 0 || (code = token_text_read(&source, &token)) != 0)
        return code;
    struct answer answer CLEANUP(answer_clear);

    answer_init(&answer);
    const struct question question = {.token = token.bytes, .token_bytes = token.count, .audience = audience};
    int status = ask_agent(agent.assay, &kind_verify, &question, &answer, &verdict);

    if (verdict == NULL)
        return agent_failed(&agent, status, &answer);
    return tell(&agent, verdict);
}
