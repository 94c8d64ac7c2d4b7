/* Checks signatures. The public test vectors run against this one function. */
#ifndef ASSAY_SIGNATURE_H
#define ASSAY_SIGNATURE_H

#include "key.h"

/* What one thread needs to check signatures: fetched digests, contexts. Its number, 0 to WORKERS_MAX, selects its slot in each key; two threads
   must not share one. */
struct verifier;
struct verifier *verifier_new(unsigned number);
void verifier_free(struct verifier *verifier);

/* SHA-256 of the last input that had a good signature, if its algorithm uses that hash; otherwise NULL. */
const uint8_t *verifier_sha256(const struct verifier *verifier);

enum signature { SIGNATURE_UNDECIDED = 0, SIGNATURE_GOOD, SIGNATURE_BAD };

/* Checks a JWS signature (RFC 7515 5.2; RFC 7518 3.2 to 3.5; RFC 8037 3.1) over the signing input, with a key that fits the algorithm.
   SIGNATURE_UNDECIDED: OpenSSL could not check it (out of memory). */
enum signature signature_check(struct verifier *verifier, const struct key *key, enum algorithm alg, const void *input, size_t input_bytes,
                               const uint8_t *signature, size_t signature_bytes);

#endif
