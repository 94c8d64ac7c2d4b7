/* assay health: asks whether the agent is ready. */
#include <stdio.h>

#include "agent.h"
#include "client/wire/cleanup.h"

/* Prints what is missing, by name, on one line. What does not fit is in --json and in the agent's log. */
static int tell_missing(const struct value *missing)
{
    char names[1024] = "";
    size_t used = 0;
    const struct value *name = value_first(missing);

    for (uint32_t i = 0; i < missing->count; i++, name = value_next(name)) {
        if (name->type != WIRE_STR || used + name->count + 3 > sizeof names)
            continue;
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "", name->str);
    }
    return report_no("not_ready", "not ready; missing: %s", names);
}

int command_health(const struct command *self, int argc, char **argv)
{
    struct agent agent CLEANUP(agent_close) = AGENT_DEFAULTS;
    struct value *result CLEANUP_FREE = NULL;
    int code = agent_ask_plainly(self, &agent, "ping", argc, argv, &result);

    if (code != OPTIONS_PARSED)
        return code;
    const struct value *ready = value_member_of(result, "ready", WIRE_BOOL);
    const struct value *missing = value_member_of(result, "missing", WIRE_ARRAY);

    if (ready == NULL || missing == NULL)
        return agent_misspoke("ready or missing is missing");
    if (agent.json && (code = agent_print_json(result)) != 0)
        return code;
    if (!ready->boolean)
        return agent.json ? EXIT_NO : tell_missing(missing);
    if (!agent.json)
        puts("ready");
    return report_yes();
}
