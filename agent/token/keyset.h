/* A key set: all keys that one issuer has at one time. It is made from the text of a JWK Set (RFC 7517), or of PEM public keys and certificates,
   and never changes afterwards. A replaced set is freed when its last user drops it. */
#ifndef ASSAY_KEYSET_H
#define ASSAY_KEYSET_H

#include "key.h"

#define KEYSET_NOTE_BYTES 256

struct keyset {
    unsigned references; /* used on the loop's thread only */
    unsigned count;
    unsigned skipped; /* keys of the text that are not used; the first of them by name: */
    unsigned warnings;
    char *warning[KEY_SET_WARNINGS_MAX];
    unsigned shared_kids; /* kids (or the lack of one) that several keys share and no algorithm distinguishes */
    char note[KEYSET_NOTE_BYTES]; /* describes the first of them; empty: there is none */
    unsigned spoilt_count;
    char **spoilt; /* kids of damaged or too weak keys: it is uncertain which key they name */
    bool incomplete; /* a part of the text could not be kept: out of memory */
    bool has_secrets; /* the text has an HMAC secret or the private half of a key */
    struct key *keys[];
};

#define KEYSET_WHY_BYTES 256

/* Reads a key set. `kid` names the key of a PEM text that holds one (NULL: no kid); it is an error with a JWK Set. NULL: `why` says what is wrong.
   A set without a usable key is an error, because it must never replace a good one. */
struct keyset *keyset_parse(const char *text, size_t size, const char *kid, char why[KEYSET_WHY_BYTES]);

/* A set without keys, for an issuer whose keys were not fetched yet. NULL: out of memory. */
struct keyset *keyset_none(void);

/* The part of a JWK Set's text that may be stored, and is enough for keyset_parse(): no secrets, no private halves. (Keys published with a private
   half are marked as damaged in it, because everybody has them.) The caller frees it. NULL: `why` says what is wrong. */
char *keyset_public(const char *text, size_t size, size_t *ret_size, char why[KEYSET_WHY_BYTES]);

struct keyset *keyset_hold(struct keyset *keyset);
void keyset_drop(struct keyset *keyset); /* NULL is fine */

/* Does the set have a key with exactly this kid? */
bool keyset_names(const struct keyset *keyset, const char *kid, size_t kid_bytes);

enum choice { CHOICE_NONE = 0, CHOICE_KEYS, CHOICE_WRONG_ALGORITHM };

/* The keys that may have signed a token with this algorithm and kid (NULL: the token has none), in the set's order. CHOICE_WRONG_ALGORITHM: such a
   key exists, but is not for that algorithm. If several keys have one kid, all are tried, in the set's order and at most TOKEN_KEYS_TRIED_MAX: RFC
   7517 section 4.5 only recommends that kids differ, and issuers rotate keys under one kid. */
enum choice keyset_choose(const struct keyset *keyset, enum algorithm alg, const char *kid, size_t kid_bytes,
                          const struct key *ret_keys[TOKEN_KEYS_TRIED_MAX], unsigned *ret_count);

#endif
