/* What jwk.c and pem.c need to fill a set. No other code changes one. */
#ifndef ASSAY_KEYSET_BUILD_H
#define ASSAY_KEYSET_BUILD_H

#include <jansson.h>

#include "keyset.h"

struct keyset *keyset_new(unsigned room);
void keyset_add(struct keyset *keyset, struct key *key); /* takes the key */
__attribute__((format(printf, 2, 3))) void keyset_skip(struct keyset *keyset, const char *format, ...);

/* A key with this kid was not admitted (NULL: it has no kid). Another key with the same kid is not trusted either. */
void keyset_spoil(struct keyset *keyset, const char *kid);

/* NULL: `why` says what is wrong. jwk_read returns an object whose `keys` is an array of an allowed length. */
json_t *jwk_read(const char *text, size_t size, char why[KEYSET_WHY_BYTES]);
struct keyset *jwk_parse_set(const char *text, size_t size, char why[KEYSET_WHY_BYTES]);
struct keyset *pem_parse(const char *text, size_t size, const char *kid, char why[KEYSET_WHY_BYTES]);

#endif
