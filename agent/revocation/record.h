/* One revocation record: an issuer, and what of it is revoked. A `revoke` call, a line of a feed and a stream's entry all contain a record. The
   store keeps it under a hash, so that the store does not show whose tokens were revoked. */
#ifndef ASSAY_RECORD_H
#define ASSAY_RECORD_H

#include <msgpack.h>

#include "agent/token/verify.h"

/* These numbers are hashed into the store's keys: append only. */
enum record_kind {
    RECORD_NONE = 0,
    RECORD_JTI = 1,
    RECORD_SUB = 2,           /* with `before` */
    RECORD_SID = 3,           /* `before` optional */
    RECORD_KID = 4,           /* the keys that have it, when it is applied or later, under any kid */
    RECORD_JKT = 5,           /* one key, by its thumbprint (RFC 7638) */
    RECORD_SIGNING_INPUT = 6, /* one token: SHA-256 of header.payload, because an ECDSA signature has two spellings */
    RECORD_ISSUER = 7,        /* all tokens that it issued until `before` */
    RECORD_KIND_COUNT,
    RECORD_COVER = 255 /* not a record: a key, and the revoked kids that it has had */
};

#define SECONDS_NONE INT64_MIN /* no `before`: whenever issued. No `exp`: kept without end */

struct record {
    enum record_kind kind;
    struct text issuer;
    struct text name; /* the jti, sub, sid, kid, base64url thumbprint, or hex hash; RECORD_ISSUER: empty */
    int64_t before;   /* applies to tokens with iat up to then, in whole seconds, or without iat */
    int64_t exp;      /* when it may be removed; a lookup never considers it */
    bool exp_is_ours; /* the agent computed it from the token lifetime, which another configuration may change */
};

/* The member that names a kind in a record: "jti", …; "before" for RECORD_ISSUER. */
const char *record_kind_name(enum record_kind kind);

/* Can a record have a member with this name? */
bool record_has_member(struct text name);

/* Reads a record from a decoded map; the caller judges other members, with record_has_member. NULL, or what is wrong with it. `applies`: the
   record is to be applied, not looked up or undone: then a sub needs its `before`. The issuer may be missing: `issuer.at` is NULL. The record
   points into the message, or into `digits`, which gets the text of a whole number. */
#define RECORD_DIGITS_BYTES 24
const char *record_read(const msgpack_object_map *map, bool applies, char digits[RECORD_DIGITS_BYTES], struct record *ret_record);

/* Sets when a record may be removed, if it does not say: when every token that it applies to has expired. `lifetime`: the longest life of such a
   token, leeway included; not above 0: unlimited. A record that names a key, or a session whenever its tokens were issued, never expires by
   itself. */
void record_set_exp(struct record *record, double now, double lifetime);

/* A value that is a str or a bin, since the protocol accepts either. False: another type. */
bool object_text(const msgpack_object *object, struct text *ret);

/* Whole Unix seconds up to 2^53, also as a double without a fraction. False: another value. */
bool object_seconds(const msgpack_object *object, int64_t *ret);

#define RECORD_KEY_BYTES 12 /* 96 of SHA-256's bits */

/* SHA-256, set up once for each thread that needs it: a fetch costs more than the hash. */
struct hasher;
struct hasher *hasher_new(void);
void hasher_free(struct hasher *hasher);                       /* NULL is fine */
int hash_bytes(struct hasher *hasher, const void *bytes, size_t size, uint8_t digest[32]);

/* SHA-256 of a token's signing input, which records name in hex. 0, or -1 if OpenSSL failed. */
int hash_input(struct hasher *hasher, const struct token *token, uint8_t digest[32]);

/* The key of a record in the store: a hash over the kind and the length-prefixed parts. 0, or -1 if OpenSSL failed. */
int record_key(struct hasher *hasher, enum record_kind kind, struct text issuer, struct text name, uint8_t key[RECORD_KEY_BYTES]);

#endif
