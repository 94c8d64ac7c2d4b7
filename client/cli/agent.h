/* The agent that a command asks: its socket, the request, and the report when no answer came. */
#ifndef ASSAY_COMMAND_AGENT_H
#define ASSAY_COMMAND_AGENT_H

#include "client/call.h"
#include "client/wire/exports.h"
#include "client/wire/value.h"
#include "command.h"

struct agent {
    const char *socket;
    int64_t timeout_ms;
    bool json;
    struct assay *assay;
};

#define AGENT_DEFAULTS ((struct agent){.timeout_ms = NOT_GIVEN})
#define AGENT_OPTIONS(agent)                                                                                                       \
    {"socket", OPTION_TEXT, &(agent).socket, "PATH", "the agent's socket (else $ASSAY_SOCKET, else /run/assay/assayd.sock)"},      \
        {"timeout", OPTION_DURATION, &(agent).timeout_ms, "DURATION", "how long to wait for the answer (default 5s)"},             \
        OPTION_JSON((agent).json)

/* Makes the handle. Returns 0; on failure reports the error and returns the exit code. */
int agent_open(struct agent *agent);
void agent_close(struct agent *agent);

/* Reports why a call with this status brought no answer, and returns the exit code. */
int agent_failed(const struct agent *agent, int status, const struct answer *answer);

/* Opens the agent, calls the method with the map that was written, and reads the result, which must be a map. Returns 0 with a value that
   the caller frees; on failure reports the error and returns the exit code. */
int agent_ask(struct agent *agent, const char *method, const struct wire_writer *params, struct value **ret_result);

/* For a command without options of its own, and a method without parameters: reads the options, and asks. Returns OPTIONS_PARSED with a
   value that the caller frees; on failure reports the error and returns the exit code. */
int agent_ask_plainly(const struct command *self, struct agent *agent, const char *method, int argc, char **argv,
                      struct value **ret_result);

/* What a reason's name means, in English; static. */
const char *reason_meaning(const char *reason);

/* Reports a result that does not follow the protocol. */
int agent_misspoke(const char *what);

/* With --json: prints the whole result as the agent sent it. */
int agent_print_json(const struct value *result);

#endif
