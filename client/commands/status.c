/* assay status */
#include "agent.h"
#include "client/cleanup.h"
#include "table.h"

int command_status(const struct command *self, int argc, char **argv)
{
    struct agent agent CLEANUP(agent_close) = AGENT_DEFAULTS;
    const struct option_spec options[] = {AGENT_OPTIONS(agent)};
    struct value *result CLEANUP_FREE = NULL;
    uint8_t params[1];
    struct wire_writer writer;
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    wire_writer_init(&writer, params, sizeof params);
    wire_put_map(&writer, 0);
    code = agent_ask(&agent, "status", &writer, &result);
    if (code != 0)
        return code;
    if (agent.json)
        return agent_print_json(result);
    print_map(result, 0);
    return report_yes();
}
