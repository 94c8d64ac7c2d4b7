/* Revocations for a fleet: instead of asking an agent, `assay revoke --to URL` adds the record, as a feed has it, to a stream of a
   Redis that every agent of the fleet reads. No agent has looked at the record before it is there for all of them, so what is
   wrong with it has to be found here. */
#ifndef ASSAY_COMMAND_PUBLISH_H
#define ASSAY_COMMAND_PUBLISH_H

#include "selector.h"

#define PUBLISH_STREAM "assay:revocations"

struct publish {
    const char *to; /* NULL: an agent is asked */
    const char *stream, *ca_file, *password_file;
    int64_t most; /* entries that the stream keeps; NOT_GIVEN: all */
};

#define PUBLISH_DEFAULTS ((struct publish){.most = NOT_GIVEN})
#define PUBLISH_OPTIONS(publish)                                                                                                   \
    {"to", OPTION_TEXT, &(publish).to, "URL",                                                                                      \
     "a fleet's Redis, instead of the agent: rediss://[user@]host[:port][/db], redis://"},                                         \
        {"stream", OPTION_TEXT, &(publish).stream, "S", "with --to: the stream's key (" PUBLISH_STREAM ")"},                       \
        {"ca-file", OPTION_TEXT, &(publish).ca_file, "F", "with --to: who signs the Redis's certificate (else the system's)"},     \
        {"password-file", OPTION_TEXT, &(publish).password_file, "F", "with --to: the file that holds the password"},              \
    {                                                                                                                              \
        "maxlen", OPTION_COUNT, &(publish).most, "N", "with --to: trims the stream to about N entries (else never)"                \
    }
#define PUBLISH_DETAILS                                                                                                            \
    "\n"                                                                                                                           \
    "With --to the record is added to a stream (Redis 5 or later, Valkey), and --issuer is needed, except with --token: its\n"     \
    "signature is not checked then, for nothing but that very token is named by it. Exit 0 says that the Redis has it; agents\n"   \
    "read it from there. Without --maxlen nothing is ever trimmed: a stream that is trimmed past what an agent has read makes\n"   \
    "that agent read it from its start, and say so.\n"

/* Options that do not go together. 0, or told and the exit code. */
int publish_check(const struct publish *publish, const struct agent *agent);

/* Publishes the selector's record, or with SELECTOR_UNREVOKE that it is taken back. Of the agent's options only --timeout and
   --json count. The exit code. */
int publish_record(const struct publish *publish, const struct selector *selector, enum selector_use use,
                   const struct agent *agent);

#endif
