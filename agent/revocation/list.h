/* The revocation list: which revocations are in force, from which source, and whether one of them applies to a token. It works on a view of the
   store; the caller opens views.

   An entry is one source's revocation of one thing. A token is refused while any source's entry exists; an undo removes only the source's own. */
#ifndef ASSAY_LIST_H
#define ASSAY_LIST_H

#include "agent/keys/keyring.h"
#include "agent/state/entries.h"
#include "holders.h"

#define SOURCE_OPERATORS "operators" /* the `revoke` calls */

/* Changes, inside a write job. 0, or -1: the store failed, and the job must be given up. */
int list_apply(struct hasher *hasher, struct view *view, const struct record *record, const char *source);

/* Removes that source's entry (NULL: every source's), under each spelling of the record's issuer, because all spellings are one issuer.
   `spellings` NULL: only under the record's. */
int list_undo(struct hasher *hasher, struct view *view, const struct record *record, const struct texts *spellings,
              const char *source);

/* A key with a revoked kid is revoked itself, and stays so under any other kid (former_kids.c). Call it for a ring when keys are loaded, and when
   a kid is revoked. */
int list_cover(struct hasher *hasher, struct view *view, const struct keyring *ring);

/* The same for one key and one of its kids. No effect unless that kid is revoked. */
int list_cover_key(struct hasher *hasher, struct view *view, struct text issuer, struct text kid,
                   const uint8_t thumbprint[THUMBPRINT_BYTES]);

/* No source revokes the kid any more: ends the revocation of the keys that it covered. */
int list_uncover(struct view *view, const uint8_t kid[ENTRY_KEY_BYTES]);

/* Calls `each` for each source that holds a record. -1: the store failed; otherwise the number of sources. */
int list_holders(struct hasher *hasher, struct view *view, const struct record *record,
                 void (*each)(void *context, const char *source, int64_t before, int64_t exp), void *context);

/* The kinds of record that were ever applied, as bits (LIST_KIND). Only these are looked up: if no record ever named a `sid`, tokens' sids cost
   nothing. The set only grows, so that a wrong count cannot hide a record. -1: the store failed. */
#define LIST_KIND(kind) (1U << (kind))
int list_kinds(struct view *view, unsigned *ret_kinds);
int list_note_kinds(struct view *view, unsigned kinds); /* 0 or -1 */

/* OUTCOME_REFUSED: an entry applies to this verified token. OUTCOME_UNDECIDED: the store failed. */
enum outcome list_judge(struct hasher *hasher, struct view *view, unsigned kinds, const struct token *token);

/* The entries' set and layout: hash 12, slot 2, before 5, exp 5 bytes. The highest bit of exp says whether the record set it or the agent did. */
extern const struct entry_set list_records, list_covers;
void word_write(uint8_t entry[ENTRY_BYTES], const uint8_t key[ENTRY_KEY_BYTES], uint16_t slot, const struct record *record);
uint16_t word_slot(const uint8_t *entry);
void word_set_slot(uint8_t *entry, uint16_t slot);
int64_t word_before(const uint8_t *entry); /* SECONDS_NONE: none */
int64_t word_exp(const uint8_t *entry);
bool word_exp_is_ours(const uint8_t *entry);

#endif
