/* What all commands of `assay` share: the entry in the list, the options, and the exit codes. */
#ifndef ASSAY_COMMAND_H
#define ASSAY_COMMAND_H

#include "options.h"
#include "report.h"

struct command {
    const char *name;
    const char *summary;  /* one line, for the list of commands */
    const char *synopsis; /* what comes after the name */
    const char *details;  /* printed below the options; NULL: nothing */
    int (*run)(const struct command *self, int argc, char **argv);
};

int command_verify(const struct command *self, int argc, char **argv);
int command_authorize(const struct command *self, int argc, char **argv);
int command_policy(const struct command *self, int argc, char **argv);
int command_revoke(const struct command *self, int argc, char **argv);
int command_unrevoke(const struct command *self, int argc, char **argv);
int command_revocations(const struct command *self, int argc, char **argv);
int command_status(const struct command *self, int argc, char **argv);
int command_reload(const struct command *self, int argc, char **argv);
int command_health(const struct command *self, int argc, char **argv);
int command_keygen(const struct command *self, int argc, char **argv);
int command_mint(const struct command *self, int argc, char **argv);
int command_selftest(const struct command *self, int argc, char **argv);
int command_bench(const struct command *self, int argc, char **argv);
int command_inspect(const struct command *self, int argc, char **argv);

#endif
