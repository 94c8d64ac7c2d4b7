/* assay reload: makes the agent read its configuration again. */
#include <stdio.h>

#include "agent.h"
#include "client/wire/cleanup.h"
#include "client/wire/printable.h"

/* Prints one fault per line, as compilers do, so that editors find the place. */
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
    return report_no("not_reloaded", "not reloaded; the old configuration stays in force");
}

int command_reload(const struct command *self, int argc, char **argv)
{
    struct agent agent CLEANUP(agent_close) = AGENT_DEFAULTS;
    struct value *result CLEANUP_FREE = NULL;
    bool accept_clock = false;
    const struct option_spec options[] = {
        {"accept-clock", OPTION_FLAG, &accept_clock, NULL, "trust the clock, although the agent has seen later times (clock_untrusted)"},
        AGENT_OPTIONS(agent),
    };
    uint8_t params[32];
    struct wire_writer writer;
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    wire_writer_init(&writer, params, sizeof params);
    wire_put_map(&writer, accept_clock ? 1 : 0);
    if (accept_clock) {
        wire_put_text(&writer, "accept_clock");
        wire_put_bool(&writer, true);
    }
    code = agent_ask(&agent, "reload", &writer, &result);
    if (code != 0)
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
