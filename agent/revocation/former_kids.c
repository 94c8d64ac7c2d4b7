/* Keys that have had a revoked kid: they stay revoked when the next key set gives them another kid. An entry has the key's hash and the kid's; the
   list knows which kids are revoked, so that undoing a kid's revocation also ends that of its keys. */
#include <stdlib.h>
#include <string.h>

#include "list.h"

const struct entry_set list_covers = {TABLE_COVERS, ENTRY_BYTES, NULL};

int list_cover_key(struct hasher *hasher, struct view *view, struct text issuer, struct text kid_name,
                   const uint8_t thumbprint[THUMBPRINT_BYTES])
{
    struct text print = {(const char *)thumbprint, THUMBPRINT_BYTES};
    struct entry_op op = {.change = ENTRY_ADD};
    uint8_t *kid = op.entry + ENTRY_KEY_BYTES;
    struct bytes entries;
    size_t done;

    if (record_key(hasher, RECORD_KID, issuer, kid_name, kid) < 0 || record_key(hasher, RECORD_COVER, issuer, print, op.entry) < 0)
        return -1;
    int revoked = entries_find(view, &list_records, kid, &entries);

    return revoked <= 0 ? revoked : entries_change(view, &list_covers, &op, 1, 1, &done);
}

int list_cover(struct hasher *hasher, struct view *view, const struct keyring *ring)
{
    unsigned kinds;

    if (list_kinds(view, &kinds) < 0)
        return -1;
    if ((kinds & LIST_KIND(RECORD_KID)) == 0)
        return 0;
    for (unsigned i = 0; i < ring->count; i++) {
        const struct keyring_entry *entry = &ring->entries[i];

        for (unsigned k = 0; k < entry->keys->count; k++) {
            const struct key *key = entry->keys->keys[k];

            for (unsigned n = 0; key->kid != NULL && n < entry->issuer.names.count; n++) {
                if (list_cover_key(hasher, view, entry->issuer.names.list[n], (struct text){key->kid, key->kid_bytes},
                                   key->thumbprint) < 0)
                    return -1;
            }
        }
    }
    return 0;
}

static bool is_of_another(void *kid, const uint8_t *entry)
{
    return memcmp(entry + ENTRY_KEY_BYTES, kid, ENTRY_KEY_BYTES) != 0;
}

/* Few keys were ever covered, so all are visited. */
int list_uncover(struct view *view, const uint8_t kid[ENTRY_KEY_BYTES])
{
    uint8_t at[ENTRY_KEY_BYTES] = {0}, copy[ENTRY_KEY_BYTES];
    int status = 0;

    memcpy(copy, kid, sizeof copy);
    for (bool end = false; status == 0 && !end;)
        status = entries_sweep(view, &list_covers, at, is_of_another, copy, &end);
    return status;
}
