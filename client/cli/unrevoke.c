/* assay unrevoke: takes back a revocation. */
#include <stdio.h>

#include "agent.h"
#include "client/wire/cleanup.h"
#include "publish.h"
#include "table.h"

static int tell(const struct value *result)
{
    const struct value *held_by = value_member_of(result, "held_by", WIRE_ARRAY);

    if (held_by == NULL)
        return agent_misspoke("held_by is missing");
    if (held_by->count == 0) {
        puts("taken back; no other source holds it");
        return report_yes();
    }
    fputs("taken back, but still in force; it is held by: ", stdout);
    print_list(held_by);
    return report_yes();
}

int command_unrevoke(const struct command *self, int argc, char **argv)
{
    struct agent agent CLEANUP(agent_close) = AGENT_DEFAULTS;
    struct selector selector = SELECTOR_DEFAULTS;
    struct publish publish = PUBLISH_DEFAULTS;
    bool all_sources = false;
    const struct option_spec options[] = {
        SELECTOR_OPTIONS(selector),
        SELECTOR_BEFORE(selector),
        {"all-sources", OPTION_FLAG, &all_sources, NULL, "take it back from every source, not only from operators"},
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
    if (publish.to != NULL && all_sources)
        return report_bad_input("--all-sources does not go with --to: a stream takes back its own records only");
    if (publish.to != NULL)
        return publish_record(&publish, &selector, SELECTOR_UNREVOKE, &agent);
    code = selector_ask(&agent, "unrevoke", &selector, SELECTOR_UNREVOKE, all_sources, &result);
    if (code != 0)
        return code;
    return agent.json ? agent_print_json(result) : tell(result);
}
