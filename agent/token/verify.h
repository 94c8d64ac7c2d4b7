/* Verifies a token. The whole decision is here, in one order: bytes in, an outcome out; no clock, no file, no socket.

   A token passes its checks in four stages, so that each check runs where and as often as it must:
   STAGE_FORM       header, claims' form, issuer, and the keys that may have signed it          (once)
   STAGE_SIGNATURE  the expensive one; another thread may run it                                (once)
   STAGE_CLAIMS     checks that depend only on the token and the configuration                  (once)
   STAGE_NOW        time, audience, revocation: results that may change until the next call     (on every call) */
#ifndef ASSAY_VERIFY_H
#define ASSAY_VERIFY_H

#include "assay/status.h"
#include "base64url.h"
#include "bounds.h"
#include "claims.h"
#include "json.h"
#include "signature.h"

/* Zero is "undecided", so that an outcome which was never set is never accepted. */
enum outcome { OUTCOME_UNDECIDED = 0, OUTCOME_ACCEPTED, OUTCOME_REFUSED };

enum reason {
    REASON_NONE = 0,
#define REASON_ENUM(name, wire, text) REASON_##name,
    ASSAY_REASONS(REASON_ENUM)
#undef REASON_ENUM
        REASON_COUNT
};

/* The name in answers; static. */
const char *reason_name(enum reason reason);

enum stage { STAGE_FORM, STAGE_SIGNATURE, STAGE_CLAIMS, STAGE_NOW };

/* A header that was read before: an issuer's tokens have different headers only when their keys differ. Its meaning does not depend on the issuer. */
struct known_header {
    size_t bytes; /* of its JSON; 0: unused */
    uint8_t json[KNOWN_HEADER_BYTES_MAX];
    uint8_t wire[WIRE_BYTES_OF_JSON(KNOWN_HEADER_BYTES_MAX)];
    enum algorithm alg;
    bool has_crit;
    struct text kid, typ; /* in `wire`; at NULL: absent */
};

/* Where the header, the payload and the signature of one token are decoded to: 90 KiB, reused for the next token. All zero at first. */
struct token_room {
    struct known_header known[KNOWN_HEADERS];
    unsigned next_known; /* the entry that the next new header replaces */
    uint8_t header_json[BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX)];
    uint8_t payload_json[BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX)];
    uint8_t signature[BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX)];
    uint8_t header[WIRE_BYTES_OF_JSON(BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX))];
    uint8_t payload[WIRE_BYTES_OF_JSON(BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX))];
};

/* A token while it is verified. All pointers lead into the caller's text and room, or into the issuer; it owns nothing. */
struct token {
    struct text text;
    size_t input_bytes;                 /* of the text: the signing input (RFC 7515 section 5.2: header.payload) */
    size_t header_bytes, payload_bytes; /* of their JSON, in the room */
    const uint8_t *signature_at;
    size_t signature_bytes;
    enum algorithm alg;
    bool has_crit;
    bool is_padded;  /* at least one of its parts has padding */
    struct wire_cursor header; /* in the room: valid up to STAGE_SIGNATURE */
    struct text kid; /* at NULL: absent */
    struct text typ; /* likewise */
    struct claims claims;
    const struct issuer *issuer;
    const struct key *keys[TOKEN_KEYS_TRIED_MAX]; /* the keys that may have signed it */
    unsigned key_count;
    const struct key *key; /* the key that did */
    bool has_input_sha256; /* SHA-256 of the signing input, if the signature algorithm computes it */
    uint8_t input_sha256[32];
    double exp, nbf, iat; /* Unix seconds; nbf and iat negative: the token does not have them */
    enum reason reason;   /* why it was refused */
    struct json_fault fault; /* of a header or payload that was refused as malformed */
    enum reason judged; /* a shadow issuer's tokens are all refused as unknown_issuer; this is the real result (REASON_NONE: accepted) */
};

/* Is a verified token revoked? OUTCOME_ACCEPTED: no. OUTCOME_UNDECIDED: the list could not be read. */
struct revocations {
    enum outcome (*judge)(void *context, const struct token *token);
    void *context;
};

/* The caller's question. The issuers must live as long as the token that was judged with them. */
struct question {
    const struct issuer *const *issuers;
    unsigned issuer_count;
    struct text audience; /* at NULL: any of the issuer's configured audiences */
    const struct bounds *bounds; /* of the caller; NULL: no bounds */
    double now;           /* Unix seconds */
    bool jws_only;        /* checks only format, header, algorithm, key and signature: `assay inspect --jws` */
    struct token_room *room;
    struct verifier *verifier;
    const struct revocations *revocations; /* NULL: nothing is revoked */

    /* Called after each check, for `assay inspect`. NULL: not called. */
    void (*observe)(void *context, const char *check, enum outcome outcome, const struct token *token);
    void *observer;
};

/* Runs the checks of the stages `first` to `last` on a token. The earlier stages must have accepted it. OUTCOME_REFUSED: token->reason says why. */
enum outcome token_check(struct token *token, const struct question *question, enum stage first, enum stage last);

/* A token before its first check. */
struct token token_of(const char *text, size_t bytes);

#endif
