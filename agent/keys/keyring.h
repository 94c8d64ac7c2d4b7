/* The keyring: all issuers' settings and keys, and the policy, at one moment, under one generation. It never changes; a new one replaces it as a
   whole. Work that began under an old keyring begins again, unless its issuer has the same keys in the new one. */
#ifndef ASSAY_KEYRING_H
#define ASSAY_KEYRING_H

#include "agent/config/config.h"
#include "agent/policy/policy.h"
#include "agent/token/keyset.h"

struct keyring_entry {
    struct issuer issuer; /* the configuration's settings, with the keys */
    struct keyset *keys;
    double loaded;      /* Unix seconds */
    uint8_t digest[32]; /* of the file and its mode, to detect that nothing changed */
    struct remote *remote; /* the remote, if keys come over HTTPS (remotes.h); valid while this keyring is in force. NULL: a file */
};

struct keyring {
    unsigned references; /* used on the loop's thread only */
    uint64_t generation;
    struct config *config;
    struct policy *policy; /* NULL: not configured */
    unsigned count;
    const struct issuer **issuers; /* in the form that a question needs */
    struct keyring_entry entries[];
};

/* Reads all key files and the policy that the configuration names (remotes_prepare fills in keys over HTTPS), and takes over the configuration's
   reference. NULL: at least one fault, and the reference was not taken. May be called from any thread. */
struct keyring *keyring_load(struct config *config, double now, struct faults *faults);

/* Reads one issuer's key file again, into a keyring that has only that entry. NULL with *ret_changed false: the file is unchanged; NULL with
   *ret_changed true: at least one fault. May be called from any thread while the caller holds `old`; then keyring_adopt must run on the loop's
   thread, because only that thread may count references: it fills in the other entries from the keyring in force. It returns NULL if another
   configuration is in force by now; then the result of the reading is dropped. */
struct keyring *keyring_reload_file(const struct keyring *old, unsigned index, double now, bool *ret_changed,
                                    struct faults *faults);
struct keyring *keyring_adopt(struct keyring *keyring, const struct keyring *current);

/* The same keyring with other keys for one issuer, which it takes over. NULL: out of memory, and they were not taken. On the loop's thread. */
struct keyring *keyring_with(const struct keyring *current, unsigned index, struct keyset *keys, double loaded);

/* The same keyring with another policy, which it takes over. NULL: out of memory, and the policy is dropped. On the loop's thread. */
struct keyring *keyring_with_policy(const struct keyring *current, struct policy *policy);

/* Fills in the keys of an issuer that has none yet, before the keyring is put in force. Takes them over. */
void keyring_fill(struct keyring *keyring, unsigned index, struct keyset *keys, double loaded);

/* The entry of an issuer of this keyring; NULL: the issuer is not in it. */
struct keyring_entry *keyring_entry_of(struct keyring *keyring, const struct issuer *issuer);

/* The same issuer in another keyring, if all results about its tokens hold there too: configuration and policy are the same, and the issuer's keys
   are the same object, so that pointers to them stay valid. NULL: the issuer must be looked up again. */
const struct issuer *keyring_carry(const struct keyring *from, const struct keyring *to, const struct issuer *issuer);

/* The issuer that has this name as one of its spellings, or NULL. */
const struct issuer *keyring_issuer(const struct keyring *keyring, struct text name);

const struct texts *keyring_spellings(const struct keyring *keyring, struct text name); /* all spellings of that issuer, or NULL */

struct keyring *keyring_hold(struct keyring *keyring);
void keyring_drop(struct keyring *keyring); /* NULL is fine */

/* Under the same configuration: does the issuer at this index have other keys? */
bool keyring_has_other_keys(const struct keyring *old, const struct keyring *ring, unsigned index);

/* Under the same configuration: ends the cached results of the issuers that have other keys. New keys of one issuer put only that issuer's tokens
   in question. */
struct shared_page;
void keyring_bump_changed(const struct keyring *old, const struct keyring *ring, struct shared_page *shared);

#endif
