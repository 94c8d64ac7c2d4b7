/* Reports every failure of a request in one place, so that all commands use the same words. */
#include "agent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/status.h"
#include "client/wire/cleanup.h"
#include "client/wire/json.h"

/* The most that is printed of the agent's own text: some lines of a terminal. */
#define WORDS_BYTES_MAX 4096

int agent_open(struct agent *agent)
{
    struct assay_options options = {.size = sizeof options};

    if (agent->timeout_ms == 0 || agent->timeout_ms > UINT32_MAX)
        return report_bad_input("--timeout must be at least 1ms and at most 49d");
    if (agent->timeout_ms != NOT_GIVEN)
        options.timeout_ms = (unsigned)agent->timeout_ms;
    int status = assay_open(&agent->assay, agent->socket, &options);

    if (status == ASSAY_E_ARGUMENT)
        return report_bad_input("the socket's path must have 1 to %zu bytes; make it shorter, for example by a symbolic link",
                                sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
    return status == 0 ? 0 : report_no_memory();
}

void agent_close(struct agent *agent)
{
    assay_close(agent->assay);
    agent->assay = NULL;
}

static int text_length(const struct answer *answer)
{
    return answer->text_bytes > WORDS_BYTES_MAX ? WORDS_BYTES_MAX : (int)answer->text_bytes;
}

/* Prints the agent's own text, which begins with the error's name. */
static int agent_said(int status, const struct answer *answer)
{
    int length = text_length(answer);

    if (status == ASSAY_E_BAD_REQUEST)
        return report_bad_input("%.*s", length, answer->text);
    return report_undecided(status_name(status), "%.*s", length, answer->text);
}

static int not_reached(const char *path, int cause)
{
    if (cause == EACCES)
        return report_undecided("unreachable", "may not use %s: its group and mode say who may", path);
    return report_undecided("unreachable", "cannot reach the agent at %s: %s; is assayd running, and is this its socket (--socket)?",
                            path, strerror(cause));
}

int agent_failed(const struct agent *agent, int status, const struct answer *answer)
{
    int cause = errno;
    const char *path = agent->assay->channel.address.sun_path;

    if (answer->error != 0)
        return agent_said(status, answer);
    switch (status) {
    case ASSAY_E_UNREACHABLE:
        return not_reached(path, cause);
    case ASSAY_E_UNTRUSTED:
        return report_undecided("untrusted", "%s is served by a user who is neither root nor the owner of its directory", path);
    case ASSAY_E_TIMEOUT:
        return report_undecided("timeout", "the agent at %s did not answer in time (--timeout)", path);
    case ASSAY_E_ARGUMENT:
        return report_bad_input("this is more than a request can carry");
    case ASSAY_E_NO_MEMORY:
        return report_no_memory();
    default:
        return report_undecided("protocol", "what answers at %s does not speak the agent's protocol", path);
    }
}

const char *reason_meaning(const char *reason)
{
#define MEANING(name, wire, text)                                                                                                  \
    if (strcmp(reason, wire) == 0)                                                                                                 \
        return text;
    ASSAY_REASONS(MEANING)
#undef MEANING
    return "a reason that this version does not know";
}

int agent_misspoke(const char *what)
{
    return report_undecided("protocol", "the agent's answer does not follow the protocol: %s", what);
}

int agent_ask(struct agent *agent, const char *method, const struct wire_writer *params, struct value **ret_result)
{
    if (params->full)
        return report_bad_input("this is more than a request can carry");
    int code = agent_open(agent);

    if (code != 0)
        return code;
    struct answer answer CLEANUP(answer_clear);
    const struct iovec map = {params->start, wire_written(params)};
    struct value *result CLEANUP_FREE = NULL;

    answer_init(&answer);
    int status = assay_call(agent->assay, method, &map, 1, &answer);

    if (status == 0)
        status = value_read(answer.result, &result);
    if (status == ASSAY_E_FORBIDDEN) /* the agent forbids the action: the answer is no */
        return report_no("forbidden", "%.*s", text_length(&answer), answer.text);
    if (status != 0)
        return agent_failed(agent, status, &answer);
    if (result->type != WIRE_MAP)
        return agent_misspoke("the result is not a map");
    *ret_result = take(result);
    return 0;
}

int agent_ask_plainly(const struct command *self, struct agent *agent, const char *method, int argc, char **argv,
                      struct value **ret_result)
{
    const struct option_spec options[] = {AGENT_OPTIONS(*agent)};
    uint8_t params[1];
    struct wire_writer writer;
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    wire_writer_init(&writer, params, sizeof params);
    wire_put_map(&writer, 0);
    code = agent_ask(agent, method, &writer, ret_result);
    return code == 0 ? OPTIONS_PARSED : code;
}

int agent_print_json(const struct value *result)
{
    char *text CLEANUP_FREE = json_text(result);

    if (text == NULL)
        return report_no_memory();
    puts(text);
    return report_yes();
}
