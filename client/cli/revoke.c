/* assay revoke: revokes tokens. */
#include <stdio.h>

#include "agent.h"
#include "client/wire/cleanup.h"
#include "publish.h"

int command_revoke(const struct command *self, int argc, char **argv)
{
    struct agent agent CLEANUP(agent_close) = AGENT_DEFAULTS;
    struct selector selector = SELECTOR_DEFAULTS;
    struct publish publish = PUBLISH_DEFAULTS;
    const struct option_spec options[] = {
        SELECTOR_OPTIONS(selector),
        SELECTOR_BEFORE(selector),
        {"ttl", OPTION_DURATION, &selector.ttl_ms, "D", "how long the agent keeps the revocation (else as configured)"},
        PUBLISH_OPTIONS(publish),
        AGENT_OPTIONS(agent),
    };
    struct value *result CLEANUP_FREE = NULL;
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    code = publish_check(&publish, &agent);
    if (code != 0)
        return code;
    if (publish.to != NULL)
        return publish_record(&publish, &selector, SELECTOR_REVOKE, &agent);
    code = selector_ask(&agent, "revoke", &selector, SELECTOR_REVOKE, false, &result);
    if (code != 0)
        return code;
    puts(agent.json ? "{\"revoked\":true}" : "revoked");
    return report_yes();
}
