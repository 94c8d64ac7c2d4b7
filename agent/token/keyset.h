/* A set of keys: all that one issuer verifies with at one time. Made from the text of a JWK Set (RFC 7517) or of PEM public keys and
   certificates, and never changed afterwards. One that is replaced is freed when the last user of it lets go. */
#ifndef ASSAY_KEYSET_H
#define ASSAY_KEYSET_H

#include "key.h"

#define KEYSET_NOTE_BYTES 256

struct keyset {
    unsigned references; /* the loop thread's alone */
    unsigned count;
    unsigned skipped; /* keys of the text that are not used; the first of them by name: */
    unsigned warnings;
    char *warning[KEY_SET_WARNINGS_MAX];
    unsigned shared_kids; /* names (or none) that several keys bear which no algorithm tells apart */
    char note[KEYSET_NOTE_BYTES]; /* says so of the first; empty: there is none */
    unsigned spoilt_count;
    char **spoilt; /* kids under which a key stood that is damaged or too weak: which key they name is not certain any more */
    bool incomplete; /* something of the text could not be kept: out of memory */
    bool has_secrets; /* an HMAC secret, or the private half of a key, stood in the text */
    struct key *keys[];
};

#define KEYSET_WHY_BYTES 256

/* Reads a key set. `kid` names the key of a PEM text that holds one (NULL: it has none); it is an error with a JWK Set.
   NULL: `why` says what is wrong with the text. A set without a single usable key is an error: it must never replace a good one. */
struct keyset *keyset_parse(const char *text, size_t size, const char *kid, char why[KEYSET_WHY_BYTES]);

/* No key at all: of an issuer whose keys have not come yet. NULL: out of memory. */
struct keyset *keyset_none(void);

/* What of a JWK Set's text may be kept, and is enough for keyset_parse(): no secrets, no private halves (keys that have one are damaged
   in it, for everybody has it). To be given to free(). NULL: `why` says what is wrong. */
char *keyset_public(const char *text, size_t size, size_t *ret_size, char why[KEYSET_WHY_BYTES]);

struct keyset *keyset_hold(struct keyset *keyset);
void keyset_drop(struct keyset *keyset); /* NULL is fine */

/* Has it a key of this very name? */
bool keyset_names(const struct keyset *keyset, const char *kid, size_t kid_bytes);

enum choice { CHOICE_NONE = 0, CHOICE_KEYS, CHOICE_WRONG_ALGORITHM };

/* The keys that may have signed a token with this algorithm and kid (NULL: it names none), in the set's order.
   CHOICE_WRONG_ALGORITHM: there is such a key, but it is not for that algorithm. Several keys under one kid are all tried, in the set's order and
   TOKEN_KEYS_TRIED_MAX at most: RFC 7517 section 4.5 only recommends that names differ, and issuers rotate keys under one name. */
enum choice keyset_choose(const struct keyset *keyset, enum algorithm alg, const char *kid, size_t kid_bytes,
                          const struct key *ret_keys[TOKEN_KEYS_TRIED_MAX], unsigned *ret_count);

#endif
