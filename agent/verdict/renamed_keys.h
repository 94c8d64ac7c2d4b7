/* Keys that are revoked by a kid stay revoked if the issuer's next key set gives them another kid. The store records which keys have had a revoked
   kid (revocation/former_kids.c); until the record is on the disk, this code compares with the keyrings whose records are being written. */
#ifndef ASSAY_RENAMED_KEYS_H
#define ASSAY_RENAMED_KEYS_H

#include "agent/base/core.h"
#include "agent/token/verify.h"

struct renamed_keys;
struct view;

struct renamed_keys *renamed_keys_new(struct core *core); /* NULL: out of memory */
void renamed_keys_free(struct renamed_keys *renamed);     /* call it when no write is under way; NULL is fine */

/* After another keyring was put in force: records its keys, then ends the cached results of the changed ones. Takes the old keyring. */
void renamed_keys_note(struct renamed_keys *renamed, struct keyring *old);

/* Is a verified token's key revoked by a kid that it had until a moment ago? Returns the same as list_judge. */
enum outcome renamed_keys_judge(const struct renamed_keys *renamed, struct view *view, const struct token *token);

#endif
