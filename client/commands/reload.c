/* assay reload */
#include <stdio.h>

#include "agent.h"
#include "client/cleanup.h"

/* The faults one a line, as a compiler's, so that editors find the place. */
static int tell_faults(const struct value *faults)
{
    const struct value *fault = value_first(faults);

    for (uint32_t i = 0; i < faults->count; i++, fault = value_next(fault)) {
        if (fault->type != WIRE_STR)
            continue;
        char *line CLEANUP_FREE = strdup(fault->str);

        if (line == NULL)
            return report_no_memory();
        make_printable(line);
        fprintf(stderr, "%s\n", line);
    }
    return report_no("not_reloaded", "not reloaded; the configuration from before goes on");
}

int command_reload(const struct command *self, int argc, char **argv)
{
    struct agent agent CLEANUP(agent_close) = AGENT_DEFAULTS;
    struct value *result CLEANUP_FREE = NULL;
    int code = agent_ask_plainly(self, &agent, "reload", argc, argv, &result);

    if (code != OPTIONS_PARSED)
        return code;
    const struct value *reloaded = value_member_of(result, "reloaded", WIRE_BOOL);
    const struct value *faults = value_member_of(result, "faults", WIRE_ARRAY);

    if (reloaded == NULL || faults == NULL)
        return agent_misspoke("reloaded or faults is missing");
    if (agent.json && (code = agent_print_json(result)) != 0)
        return code;
    if (!reloaded->boolean)
        return agent.json ? EXIT_NO : tell_faults(faults);
    if (!agent.json)
        puts("reloaded");
    return report_yes();
}
