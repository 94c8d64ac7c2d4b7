/* assay revocations: counts revocations, or looks one up. */
#include <stdio.h>

#include "agent.h"
#include "client/wire/cleanup.h"
#include "selector.h"
#include "table.h"

static int tell_counts(const struct value *result)
{
    const struct value *counts = value_member_of(result, "revocations", WIRE_ARRAY);

    if (counts == NULL)
        return agent_misspoke("revocations is missing");
    if (counts->count == 0)
        puts("no revocations");
    else
        print_table(counts, 0);
    return report_yes();
}

/* Here yes means that the revocation is in force, because that was the question. */
static int tell_one(const struct value *result, bool json)
{
    const struct value *revoked = value_member_of(result, "revoked", WIRE_BOOL);
    const struct value *held_by = value_member_of(result, "held_by", WIRE_ARRAY);

    if (revoked == NULL || held_by == NULL)
        return agent_misspoke("revoked or held_by is missing");
    int code = json ? agent_print_json(result) : EXIT_YES;

    if (code != EXIT_YES)
        return code;
    if (!revoked->boolean)
        return json ? EXIT_NO : report_no("not_revoked", "not revoked");
    if (json)
        return EXIT_YES;
    puts("revoked, and held by:");
    print_table(held_by, 2);
    return report_yes();
}

int command_revocations(const struct command *self, int argc, char **argv)
{
    struct agent agent CLEANUP(agent_close) = AGENT_DEFAULTS;
    struct selector selector = SELECTOR_DEFAULTS;
    const struct option_spec options[] = {SELECTOR_OPTIONS(selector), AGENT_OPTIONS(agent)};
    struct value *result CLEANUP_FREE = NULL;
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    code = selector_ask(&agent, "revocations", &selector, SELECTOR_LOOK_UP, false, &result);
    if (code != 0)
        return code;
    if (selector_given(&selector))
        return tell_one(result, agent.json);
    return agent.json ? agent_print_json(result) : tell_counts(result);
}
