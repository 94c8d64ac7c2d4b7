/* A policy read as the agent reads it, and who asks it: what `assay policy test` and `assay policy explain` share. */
#ifndef ASSAY_COMMAND_POLICY_FILE_H
#define ASSAY_COMMAND_POLICY_FILE_H

#include "agent/policy/decision.h"
#include "client/cli/command.h"
#include "client/cli/owned.h"

struct policy_file {
    struct config *config; /* NULL: none was given; claims are where they usually are, and rules may name any issuer */
    struct policy *policy;
    struct issuer any;   /* stands for all that are configured, for claims without iss */
    bool issuers_differ; /* in where roles and scopes stand, so that it stands for none of them */
};

#define POLICY_OPTIONS(path, config_path, json)                                                                                    \
    {"FILE", OPTION_OPERAND, &(path), NULL, "the policy"},                                                                         \
        {"config", OPTION_TEXT, &(config_path), "FILE", "the agent's configuration: its issuers, and where their roles stand"},    \
        OPTION_JSON(json)

/* Reads both files. Faults are told as assayd tells them. 0, or told and the exit code. */
int policy_file_open(struct policy_file *file, const char *path, const char *config_path);
void policy_file_close(struct policy_file *file);

/* Warnings of the policy, on stderr; with --json as a list that is the caller's. */
json_t *policy_warnings(const struct policy_file *file);

/* Whoever has these claims, as if their token had been verified. */
#define BEARER_BYTES_MAX 65536
struct bearer {
    struct claims claims;
    struct issuer made; /* of the claim iss, where no configuration was given */
    struct text name;
    uint8_t wire[BEARER_BYTES_MAX]; /* where numbers become texts (numeric_claims) */
};

/* Who asks: claims, issuer, or why they count as no token. `wire` NULL: without a token. */
void bearer_init(struct bearer *bearer, const struct policy_file *file, const uint8_t *wire, size_t bytes, struct ask *ret_ask);

/* What was decided in a few words: "allow, rule a", "403, no_rule". To be freed; NULL: no memory. */
char *ruling_words(const struct ruling *ruling);

/* Text as JSON, whatever bytes it has. */
json_t *text_json(const char *text);
json_t *ruling_json(const struct ruling *ruling);

/* One object on stdout, which is freed. NULL: no memory. */
int print_object(json_t *object);

int command_policy_test(const struct command *self, int argc, char **argv);
int command_policy_explain(const struct command *self, int argc, char **argv);

#endif
