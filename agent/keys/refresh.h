/* Key files and the policy, kept as their files are: what has changed is read off the loop and takes effect whole. What is not usable
   changes nothing, and status and log say why. */
#ifndef ASSAY_REFRESH_H
#define ASSAY_REFRESH_H

#include "agent/base/core.h"

struct refresh *refresh_new(struct core *core); /* NULL: out of memory */

/* The files of the configuration in force, and no others. */
void refresh_use_config(struct refresh *refresh);

/* When a file was last found to be what is in force: Unix seconds; 0: never. `issuer`: its index in the keyring in force. */
double refresh_keys_confirmed(const struct refresh *refresh, unsigned issuer);
double refresh_policy_confirmed(const struct refresh *refresh);

/* A key file has changed, and could not be read in time. NULL is fine. */
bool refresh_keys_are_late(const struct refresh *refresh, unsigned issuer);

/* How often something else that a file said was put in force. */
unsigned refresh_count(const struct refresh *refresh);

bool refresh_is_quiet(const struct refresh *refresh);
void refresh_close(struct refresh *refresh); /* watches nothing any more; NULL is fine */
void refresh_free(struct refresh *refresh);  /* not while it is reading; NULL is fine */

#endif
