/* assay revoke */
#include <stdio.h>
#include <time.h>

#include "agent.h"
#include "client/cleanup.h"
#include "selector.h"

int command_revoke(const struct command *self, int argc, char **argv)
{
    struct agent agent CLEANUP(agent_close) = AGENT_DEFAULTS;
    struct selector selector = SELECTOR_DEFAULTS;
    const struct option_spec options[] = {
        SELECTOR_OPTIONS(selector),
        SELECTOR_BEFORE(selector),
        {"ttl", OPTION_DURATION, &selector.ttl_ms, "D", "how long it must be remembered (else as the agent is configured)"},
        AGENT_OPTIONS(agent),
    };
    struct value *result CLEANUP_FREE = NULL;
    uint8_t params[REQUEST_BYTES_MAX];
    struct wire_writer writer;
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    wire_writer_init(&writer, params, sizeof params);
    code = selector_check(&selector, SELECTOR_REVOKE);
    if (code == 0)
        code = selector_write(&selector, SELECTOR_REVOKE, (int64_t)time(NULL), 0, &writer);
    if (code == 0)
        code = agent_ask(&agent, "revoke", &writer, &result);
    explicit_bzero(params, wire_written(&writer));
    if (code != 0)
        return code;
    puts(agent.json ? "{\"revoked\":true}" : "revoked");
    return report_yes();
}
