/* Is this signature good? The one function that the public vectors are run against. */
#ifndef ASSAY_SIGNATURE_H
#define ASSAY_SIGNATURE_H

#include "key.h"

/* What one thread needs to check signatures: fetched digests, contexts. Its number, 0 to WORKERS_MAX, picks its slot in each key;
   no two threads may share one. */
struct verifier;
struct verifier *verifier_new(unsigned number);
void verifier_free(struct verifier *verifier);

/* SHA-256 of the input that was found good last, if its algorithm hashes with that; else NULL. */
const uint8_t *verifier_sha256(const struct verifier *verifier);

enum signature { SIGNATURE_UNDECIDED = 0, SIGNATURE_GOOD, SIGNATURE_BAD };

/* Checks a JWS signature (RFC 7515 5.2; RFC 7518 3.2 to 3.5; RFC 8037 3.1) over the signing input, under a key that fits the algorithm.
   SIGNATURE_UNDECIDED: OpenSSL could not do it (out of memory). */
enum signature signature_check(struct verifier *verifier, const struct key *key, enum algorithm alg, const void *input, size_t input_bytes,
                               const uint8_t *signature, size_t signature_bytes);

#endif
