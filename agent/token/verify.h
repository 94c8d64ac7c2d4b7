/* Is this token good? All that decides it is here, in one order: bytes in, an outcome out; no clock, no file, no socket.

   A token goes through its checks in four stages, so that each is done where and as often as it must be:
     STAGE_FORM       what it says of itself, up to the keys that may have signed it   (once)
     STAGE_SIGNATURE  the expensive one; may be done by another thread                 (once)
     STAGE_CLAIMS     what depends on the token and the configuration alone            (once)
     STAGE_NOW        time, audience, revocation: what may change until the next call  (on every call) */
#ifndef ASSAY_VERIFY_H
#define ASSAY_VERIFY_H

#include "assay/status.h"
#include "base64url.h"
#include "bounds.h"
#include "claims.h"
#include "json.h"
#include "signature.h"

/* Zero is "undecided", so that an outcome which nobody set is never a yes. */
enum outcome { OUTCOME_UNDECIDED = 0, OUTCOME_ACCEPTED, OUTCOME_REFUSED };

enum reason {
    REASON_NONE = 0,
#define REASON_ENUM(name, wire, text) REASON_##name,
    ASSAY_REASONS(REASON_ENUM)
#undef REASON_ENUM
        REASON_COUNT
};

/* The name on the wire; static. */
const char *reason_name(enum reason reason);

enum stage { STAGE_FORM, STAGE_SIGNATURE, STAGE_CLAIMS, STAGE_NOW };

/* A header that was read before: an issuer's tokens differ in it only by the key. It says the same to whoever reads it. */
struct known_header {
    size_t bytes; /* of its JSON; 0: none */
    uint8_t json[KNOWN_HEADER_BYTES_MAX];
    uint8_t wire[WIRE_BYTES_OF_JSON(KNOWN_HEADER_BYTES_MAX)];
    enum algorithm alg;
    bool has_crit;
    struct text kid, typ; /* in `wire`; at NULL: none */
};

/* Where the header, the payload and the signature of one token are decoded to: 90 KiB, to be used again for the next token. All
   zero at first. */
struct token_room {
    struct known_header known[KNOWN_HEADERS];
    unsigned next_known; /* takes the place of that one */
    uint8_t header_json[BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX)];
    uint8_t payload_json[BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX)];
    uint8_t signature[BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX)];
    uint8_t header[WIRE_BYTES_OF_JSON(BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX))];
    uint8_t payload[WIRE_BYTES_OF_JSON(BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX))];
};

/* One token on its way. Everything points into the caller's text and room, or into the issuer; nothing is owned. */
struct token {
    struct text text;
    size_t input_bytes;                 /* of the text: what was signed (RFC 7515 section 5.2: header.payload) */
    size_t header_bytes, payload_bytes; /* of their JSON, in the room */
    const uint8_t *signature_at;
    size_t signature_bytes;
    enum algorithm alg;
    bool has_crit;
    bool is_padded;  /* one of its parts is, at least */
    struct wire_cursor header; /* in the room: up to STAGE_SIGNATURE */
    struct text kid; /* at NULL: none */
    struct text typ; /* likewise */
    struct claims claims;
    const struct issuer *issuer;
    const struct key *keys[TOKEN_KEYS_TRIED_MAX]; /* that may have signed it */
    unsigned key_count;
    const struct key *key; /* that did */
    bool has_input_sha256; /* SHA-256 of what was signed, where the signature is over that */
    uint8_t input_sha256[32];
    double exp, nbf, iat; /* Unix seconds; nbf and iat negative: the token has none */
    enum reason reason;   /* why it was refused */
    struct json_fault fault; /* of a header or payload that was refused as malformed */
    enum reason judged; /* a shadow issuer's tokens are all refused as unknown_issuer; this is what was found (REASON_NONE: good) */
};

/* Is a verified token revoked? OUTCOME_ACCEPTED: it is not. OUTCOME_UNDECIDED: the list could not be read. */
struct revocations {
    enum outcome (*judge)(void *context, const struct token *token);
    void *context;
};

/* What is asked, and of whom. The issuers must live as long as the token that was judged with them. */
struct question {
    const struct issuer *const *issuers;
    unsigned issuer_count;
    struct text audience; /* at NULL: any that the issuer's settings have */
    const struct bounds *bounds; /* of who asks; NULL: none */
    double now;           /* Unix seconds */
    bool jws_only;        /* format, header, algorithm, key and signature alone: `assay inspect --jws` */
    struct token_room *room;
    struct verifier *verifier;
    const struct revocations *revocations; /* NULL: none stands */

    /* Told of each check, after it: for `assay inspect`. NULL: nobody. */
    void (*observe)(void *context, const char *check, enum outcome outcome, const struct token *token);
    void *observer;
};

/* Takes a token through the checks of the stages `first` to `last`. A stage must have accepted it before the next may begin.
   OUTCOME_REFUSED: token->reason says why. */
enum outcome token_check(struct token *token, const struct question *question, enum stage first, enum stage last);

/* A token at its beginning. */
struct token token_of(const char *text, size_t bytes);

#endif
