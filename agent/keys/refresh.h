/* Keeps key files and the policy in step with their files: a changed file is read off the loop and takes effect as a whole. An unusable one
   changes nothing; status and log say why. */
#ifndef ASSAY_REFRESH_H
#define ASSAY_REFRESH_H

#include "agent/base/core.h"

struct refresh *refresh_new(struct core *core); /* NULL: out of memory */

/* Watches the files of the configuration in force, and no others. */
void refresh_use_config(struct refresh *refresh);

/* When the file was last found equal to what is in force: Unix seconds; 0: never. `issuer`: its index in the keyring in force. */
double refresh_keys_confirmed(const struct refresh *refresh, unsigned issuer);
double refresh_policy_confirmed(const struct refresh *refresh);

/* Has the key file changed, and could not be read in time? NULL is fine. */
bool refresh_keys_are_late(const struct refresh *refresh, unsigned issuer);

/* How often a changed file was put in force. */
unsigned refresh_count(const struct refresh *refresh);

bool refresh_is_quiet(const struct refresh *refresh);
void refresh_close(struct refresh *refresh); /* stops watching; NULL is fine */
void refresh_free(struct refresh *refresh);  /* not while it is reading; NULL is fine */

#endif
