/* The keyring: every issuer's settings and keys, and the policy, at one moment, under one generation. Never changed; a new one
   takes its place whole. What was begun under an old one begins again, unless its issuer has the same keys in the new one. */
#ifndef ASSAY_KEYRING_H
#define ASSAY_KEYRING_H

#include "agent/config/config.h"
#include "agent/policy/policy.h"
#include "agent/token/keyset.h"

struct keyring_entry {
    struct issuer issuer; /* the configuration's rules, with the keys */
    struct keyset *keys;
    double loaded;      /* Unix seconds */
    uint8_t digest[32]; /* of the file and its mode, to notice that nothing changed */
    struct remote *remote; /* where they come over HTTPS (remotes.h); valid while this keyring is in force. NULL: a file */
};

struct keyring {
    unsigned references; /* the loop thread's alone */
    uint64_t generation;
    struct config *config;
    struct policy *policy; /* NULL: none is configured */
    unsigned count;
    const struct issuer **issuers; /* as a question wants them */
    struct keyring_entry entries[];
};

/* Reads all key files and the policy that the configuration names (keys over HTTPS are filled in by remotes_prepare), and takes over the configuration's reference. NULL: at least one
   fault, and the reference was not taken. May be called on any thread. */
struct keyring *keyring_load(struct config *config, double now, struct faults *faults);

/* One issuer's key file read anew, as a keyring that has that entry alone. NULL with *ret_changed false: the file says what it
   said; with *ret_changed true: at least one fault. May be called on any thread while `old` is held; keyring_adopt must follow on
   the loop's, for only there may references be counted: it fills in the other entries from the keyring in force. Its NULL: another
   configuration is in force by now, and what was read is thrown away. */
struct keyring *keyring_reload_file(const struct keyring *old, unsigned index, double now, bool *ret_changed,
                                    struct faults *faults);
struct keyring *keyring_adopt(struct keyring *keyring, const struct keyring *current);

/* The same keyring, but for the keys of one issuer, which it takes over. NULL: out of memory, and they were not taken. On the loop's
   thread. */
struct keyring *keyring_with(const struct keyring *current, unsigned index, struct keyset *keys, double loaded);

/* The same keyring, but for the policy, which it takes over. NULL: out of memory, and it is dropped. On the loop's thread. */
struct keyring *keyring_with_policy(const struct keyring *current, struct policy *policy);

/* Fills in the keys of an issuer that has none yet, before the keyring is put in force. Takes them over. */
void keyring_fill(struct keyring *keyring, unsigned index, struct keyset *keys, double loaded);

/* The entry of an issuer that is one of the keyring's; NULL: it is not. */
struct keyring_entry *keyring_entry_of(struct keyring *keyring, const struct issuer *issuer);

/* Where this issuer of one keyring stands in another, if everything that was found of its tokens holds there as well: it is the same
   configuration and policy, and the issuer's keys are the same object, so that pointers to them stay valid. NULL: it has to be found again. */
const struct issuer *keyring_carry(const struct keyring *from, const struct keyring *to, const struct issuer *issuer);

/* The issuer of which this is one spelling, or NULL. */
const struct issuer *keyring_issuer(const struct keyring *keyring, struct text name);

const struct texts *keyring_spellings(const struct keyring *keyring, struct text name); /* all of its, or NULL */

struct keyring *keyring_hold(struct keyring *keyring);
void keyring_drop(struct keyring *keyring); /* NULL is fine */

/* Of the same configuration: has the issuer at this place other keys? */
bool keyring_has_other_keys(const struct keyring *old, const struct keyring *ring, unsigned index);

/* Likewise: ends what rests on the keys of the issuers that have others. What an issuer's new keys put in question is what that issuer said, and
   nothing of the others'. */
struct shared_page;
void keyring_bump_changed(const struct keyring *old, const struct keyring *ring, struct shared_page *shared);

#endif
