/* The revocation list: what stands, who said so, and whether a token falls under it. It decides over a view of the store; who opens
   views, and when, is not its business.

   An entry is one source's word against one thing. A token is refused while any source's word stands; taking back takes back one's
   own. */
#ifndef ASSAY_LIST_H
#define ASSAY_LIST_H

#include "agent/keys/keyring.h"
#include "agent/state/entries.h"
#include "holders.h"

#define SOURCE_OPERATORS "operators" /* the `revoke` calls */

/* Changes, inside a write job. 0, or -1: the store failed, and the job must be given up. */
int list_apply(struct hasher *hasher, struct view *view, const struct record *record, const char *source);

/* Takes back that source's word (NULL: every source's), under each of the spellings of the record's issuer; they are one.
   `spellings` NULL: under the record's alone. */
int list_undo(struct hasher *hasher, struct view *view, const struct record *record, const struct texts *spellings,
              const char *source);

/* A key that bears a revoked kid is revoked itself, and stays so under any other name (former_kids.c). To be called for a ring when keys
   are loaded, and when a kid is revoked. */
int list_cover(struct hasher *hasher, struct view *view, const struct keyring *ring);

/* One key, and a kid that it bears. Does nothing unless that kid is revoked. */
int list_cover_key(struct hasher *hasher, struct view *view, struct text issuer, struct text kid,
                   const uint8_t thumbprint[THUMBPRINT_BYTES]);

/* The kid is no longer revoked by anybody: the keys that it had covered are free. */
int list_uncover(struct view *view, const uint8_t kid[ENTRY_KEY_BYTES]);

/* Who holds a record: called for each source. -1: the store failed; otherwise the number of sources. */
int list_holders(struct hasher *hasher, struct view *view, const struct record *record,
                 void (*each)(void *context, const char *source, int64_t before, int64_t exp), void *context);

/* Which kinds of record were ever applied, as bits (LIST_KIND). Only they are looked up: where nobody was ever revoked by `sid`, no
   token's sid costs anything. It only grows, so that no mistake in counting can hide a record. -1: the store failed. */
#define LIST_KIND(kind) (1U << (kind))
int list_kinds(struct view *view, unsigned *ret_kinds);
int list_note_kinds(struct view *view, unsigned kinds); /* 0 or -1 */

/* OUTCOME_REFUSED: a word stands against this verified token. OUTCOME_UNDECIDED: the store failed. */
enum outcome list_judge(struct hasher *hasher, struct view *view, unsigned kinds, const struct token *token);

/* The entries' set and form: hash 12, slot 2, before 5, exp 5, of which the highest bit says whose it is: the record's own, or ours. */
extern const struct entry_set list_records, list_covers;
void word_write(uint8_t entry[ENTRY_BYTES], const uint8_t key[ENTRY_KEY_BYTES], uint16_t slot, const struct record *record);
uint16_t word_slot(const uint8_t *entry);
void word_set_slot(uint8_t *entry, uint16_t slot);
int64_t word_before(const uint8_t *entry); /* SECONDS_NONE: none */
int64_t word_exp(const uint8_t *entry);
bool word_exp_is_ours(const uint8_t *entry);

#endif
