/* Keys that are revoked by a kid stay revoked when the issuer's next key set gives them another kid. The store notes which keys have borne a
   revoked kid (revocation/former_kids.c); until a note is on the disk, this room compares with the keyrings that are on their way there. */
#ifndef ASSAY_RENAMED_KEYS_H
#define ASSAY_RENAMED_KEYS_H

#include "agent/base/core.h"
#include "agent/token/verify.h"

struct renamed_keys;
struct view;

struct renamed_keys *renamed_keys_new(struct core *core); /* NULL: out of memory */
void renamed_keys_free(struct renamed_keys *renamed);     /* no note is on its way; NULL is fine */

/* Another keyring is in force: notes its keys, then ends what rests on the changed ones. Takes the old keyring. */
void renamed_keys_note(struct renamed_keys *renamed, struct keyring *old);

/* Is a verified token's key revoked by a kid that it bore until a moment ago? As list_judge. */
enum outcome renamed_keys_judge(const struct renamed_keys *renamed, struct view *view, const struct token *token);

#endif
