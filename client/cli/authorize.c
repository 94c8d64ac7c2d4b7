/* assay authorize: asks the policy whether a token's holder may do something. */
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "client/ask.h"
#include "client/verdict.h"
#include "client/wire/cleanup.h"
#include "client/wire/printable.h"
#include "token_source.h"

/* A resource that is too long is not sent, so there is no result of the agent's to print. */
static int print_json(const struct assay_verdict *verdict)
{
    if (verdict_result(verdict) != NULL)
        return agent_print_json(verdict_result(verdict));
    printf("{\"allow\":false,\"status\":%d,\"reason\":\"%s\",\"rule\":null,\"subject\":null,\"roles\":[],\"issuer\":null,\"expires_at\":null,"
           "\"scopes\":[]}\n",
           assay_verdict_http_status(verdict), assay_verdict_reason(verdict));
    return report_yes();
}

static int tell_allowed(const struct assay_verdict *verdict)
{
    char *rule CLEANUP_FREE = strdup(assay_verdict_rule(verdict));

    if (rule == NULL)
        return report_no_memory();
    make_printable(rule);
    printf("allowed by the rule %s\n", rule);
    return report_yes();
}

static int tell_denied(const struct assay_verdict *verdict)
{
    const char *reason = assay_verdict_reason(verdict), *rule = assay_verdict_rule(verdict);

    return report_no(reason, "denied, %d: %s: %s%s%s", assay_verdict_http_status(verdict), reason, reason_meaning(reason),
                     rule != NULL ? "; rule " : "", rule != NULL ? rule : "");
}

static int tell(const struct agent *agent, const struct assay_verdict *verdict)
{
    if (agent->json) {
        int code = print_json(verdict);

        return code != EXIT_YES || assay_verdict_ok(verdict) ? code : EXIT_NO;
    }
    return assay_verdict_ok(verdict) ? tell_allowed(verdict) : tell_denied(verdict);
}

static int check(const struct question *question)
{
    if (question->action == NULL)
        return report_bad_input("--action A is needed: the request's method, for example GET");
    if (question->resource == NULL)
        return report_bad_input("--resource R is needed: the request's path, for example /orders/42");
    return 0;
}

int command_authorize(const struct command *self, int argc, char **argv)
{
    struct agent agent CLEANUP(agent_close) = AGENT_DEFAULTS;
    struct token_source source = {.optional = true};
    struct question question = {0};
    const struct option_spec options[] = {
        {"action", OPTION_TEXT, &question.action, "A", "the action: a request's method"},
        {"resource", OPTION_TEXT, &question.resource, "R", "the resource: a request's path, as the client sent it"},
        TOKEN_OPTIONS(source),
        {"audience", OPTION_TEXT, &question.audience, "A", "the audience that the token must have (else any configured one)"},
        AGENT_OPTIONS(agent),
    };
    struct token_text token CLEANUP(token_text_clear) = {NULL, 0};
    struct assay_verdict *verdict CLEANUP(verdict_free_at) = NULL;
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    if ((code = check(&question)) != 0 || (code = agent_open(&agent)) != 0 || (code = token_text_read(&source, &token)) != 0)
        return code;
    struct answer answer CLEANUP(answer_clear);

    answer_init(&answer);
    question.token = token.bytes;
    question.token_bytes = token.count;
    int status = ask_agent(agent.assay, &kind_authorize, &question, &answer, &verdict);

    if (verdict == NULL)
        return agent_failed(&agent, status, &answer);
    return tell(&agent, verdict);
}
