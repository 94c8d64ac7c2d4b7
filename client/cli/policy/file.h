/* A policy read as the agent reads it, and the holder of the claims: what `assay policy test` and `assay policy explain` share. */
#ifndef ASSAY_COMMAND_POLICY_FILE_H
#define ASSAY_COMMAND_POLICY_FILE_H

#include "agent/policy/decision.h"
#include "client/cli/command.h"
#include "client/cli/owned.h"

struct policy_file {
    struct config *config; /* NULL: not given; then claims are in the usual places, and rules may name any issuer */
    struct policy *policy;
    struct issuer any;   /* all configured issuers in one, for claims without iss */
    bool issuers_differ; /* in where roles and scopes are, so `any` cannot be used */
};

#define POLICY_OPTIONS(path, config_path, json)                                                                                       \
    {"FILE", OPTION_OPERAND, &(path), NULL, "the policy"},                                                                            \
        {"config", OPTION_TEXT, &(config_path), "FILE", "the agent's configuration: its issuers, and where their tokens have roles"}, \
        OPTION_JSON(json)

/* Reads both files, and reports faults as assayd does. Returns 0; on failure reports the error and returns the exit code. */
int policy_file_open(struct policy_file *file, const char *path, const char *config_path);
void policy_file_close(struct policy_file *file);

/* Prints warnings of the policy to stderr; with --json returns them as a list that the caller frees. */
json_t *policy_warnings(const struct policy_file *file);

/* The holder of these claims, as if the token had been verified. */
#define BEARER_BYTES_MAX 65536
struct bearer {
    struct claims claims;
    struct issuer made; /* of the claim iss, if no configuration was given */
    struct text name;
    uint8_t wire[BEARER_BYTES_MAX]; /* for numbers that become strings (numeric_claims) */
};

/* Sets the claims and the issuer in `ret_ask`, or why the claims count as no token. `wire` NULL: there is no token. */
void bearer_init(struct bearer *bearer, const struct policy_file *file, const uint8_t *wire, size_t bytes, struct ask *ret_ask);

/* The decision in a few words: "allow, rule a", "403, no_rule". The caller frees it. NULL: no memory. */
char *ruling_words(const struct ruling *ruling);

/* Any text as a JSON string. */
json_t *text_json(const char *text);
json_t *ruling_json(const struct ruling *ruling);

/* Prints one object to stdout, and frees it. NULL: no memory. */
int print_object(json_t *object);

int command_policy_test(const struct command *self, int argc, char **argv);
int command_policy_explain(const struct command *self, int argc, char **argv);

#endif
