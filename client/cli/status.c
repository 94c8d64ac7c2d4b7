/* assay status: prints the agent's state. */
#include "agent.h"
#include "client/wire/cleanup.h"
#include "table.h"

int command_status(const struct command *self, int argc, char **argv)
{
    struct agent agent CLEANUP(agent_close) = AGENT_DEFAULTS;
    struct value *result CLEANUP_FREE = NULL;
    int code = agent_ask_plainly(self, &agent, "status", argc, argv, &result);

    if (code != OPTIONS_PARSED)
        return code;
    if (agent.json)
        return agent_print_json(result);
    print_map(result, 0);
    return report_yes();
}
