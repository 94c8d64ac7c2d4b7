/* Revocations for a fleet: instead of asking an agent, `assay revoke --to URL` adds the record, in the form of a feed, to a stream in a
   Redis that every agent of the fleet reads. No agent checks the record before all agents get it, so the command must find every fault in
   it. */
#ifndef ASSAY_COMMAND_PUBLISH_H
#define ASSAY_COMMAND_PUBLISH_H

#include "selector.h"

#define PUBLISH_STREAM "assay:revocations"

struct publish {
    const char *to; /* NULL: ask an agent */
    const char *stream, *ca_file, *password_file;
    int64_t most; /* entries that the stream keeps; NOT_GIVEN: all */
};

#define PUBLISH_DEFAULTS ((struct publish){.most = NOT_GIVEN})
#define PUBLISH_OPTIONS(publish)                                                                                                   \
    {"to", OPTION_TEXT, &(publish).to, "URL",                                                                                      \
     "a fleet's Redis, instead of the agent: rediss://[user@]host[:port][/db] or redis://…"},                                      \
        {"stream", OPTION_TEXT, &(publish).stream, "S", "with --to: the stream's key (" PUBLISH_STREAM ")"},                       \
        {"ca-file", OPTION_TEXT, &(publish).ca_file, "F", "with --to: the CA of the Redis certificate (else the system's CAs)"},   \
        {"password-file", OPTION_TEXT, &(publish).password_file, "F", "with --to: the file with the password"},                    \
    {                                                                                                                              \
        "maxlen", OPTION_COUNT, &(publish).most, "N", "with --to: trim the stream to about N entries (default: never)"             \
    }
#define PUBLISH_DETAILS                                                                                                            \
    "\n"                                                                                                                           \
    "With --to, the command adds the record to a stream (Redis 5 or later, Valkey), from which the agents read it. --issuer is\n"  \
    "needed, except with --token. The token's signature is not checked then: the record has the token's hash, which identifies\n"  \
    "no other token. Exit 0 means that Redis has the record. Without --maxlen the stream is never trimmed. If the stream is\n"     \
    "trimmed past what an agent has read, that agent reads the stream from its start, and logs that.\n"

/* Finds options that exclude each other. Returns 0; on failure reports the error and returns the exit code. */
int publish_check(const struct publish *publish, const struct agent *agent);

/* Publishes the selector's record, or with SELECTOR_UNREVOKE a record that takes it back. Of the agent's options it uses only --timeout
   and --json. Returns the exit code. */
int publish_record(const struct publish *publish, const struct selector *selector, enum selector_use use,
                   const struct agent *agent);

#endif
