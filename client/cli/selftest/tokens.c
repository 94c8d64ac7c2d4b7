/* Attacks with forged tokens: by what a token says, how it is signed, and how it is written. Each is one line of a table. The few that
   expect "accepted" show that the agent does not simply refuse everything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/cleanup.h"
#include "selftest.h"

#define RS256     "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"rsa\"}"
#define ES256     "{\"alg\":\"ES256\",\"kid\":\"ec\"}"
#define RS256_AND(more) "{\"alg\":\"RS256\",\"kid\":\"rsa\"," more "}"
#define ALG(name) "{\"alg\":\"" name "\",\"typ\":\"JWT\",\"kid\":\"rsa\"}"
#define KID(kid)  "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" kid "\"}"
#define TYP(typ)  "{\"alg\":\"RS256\",\"typ\":\"" typ "\",\"kid\":\"rsa\"}"

#define CLAIMS           "{\"iss\":\"$I\",\"aud\":\"$A\",\"sub\":\"alice\",\"iat\":$N,\"exp\":$X}"
#define WITH(more)       "{\"iss\":\"$I\",\"aud\":\"$A\",\"sub\":\"alice\",\"iat\":$N,\"exp\":$X," more "}"
#define ISSUED_BY(iss)   "{\"iss\":\"" iss "\",\"aud\":\"$A\",\"sub\":\"alice\",\"exp\":$X}"
#define MEANT_FOR(aud)   "{\"iss\":\"$I\"," aud "\"sub\":\"alice\",\"exp\":$X}"
#define ENDING(exp)      "{\"iss\":\"$I\",\"aud\":\"$A\",\"sub\":\"alice\"" exp "}"
#define SIXTEEN(text)    text text text text text text text text text text text text text text text text

static const struct attack {
    const char *name, *tried, *expected;
    const char *header, *payload;
    enum signer signer;
    enum damage damage;
} signatures[] = {
    {"a good token", "RS256, as the issuer signs", "accepted", RS256, CLAIMS, SIGN_RS256, 0},
    {"a good token, ES256", "an EC key of the same issuer", "accepted", ES256, CLAIMS, SIGN_ES256, 0},
    {"a good token, EdDSA", "an Ed25519 key of the same issuer", "accepted", "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", CLAIMS, SIGN_EDDSA, 0},
    {"alg none", "alg: none, no signature", "unsupported_algorithm", ALG("none"), CLAIMS, SIGN_NOTHING, 0},
    {"alg nOnE", "the same, spelt otherwise", "unsupported_algorithm", ALG("nOnE"), CLAIMS, SIGN_NOTHING, 0},
    {"alg NONE", "the same, in capitals", "unsupported_algorithm", ALG("NONE"), CLAIMS, SIGN_NOTHING, 0},
    {"alg empty", "alg: \"\"", "unsupported_algorithm|malformed", ALG(""), CLAIMS, SIGN_NOTHING, 0},
    {"alg absent", "a header without alg", "malformed|unsupported_algorithm", "{\"kid\":\"rsa\"}", CLAIMS, SIGN_RS256, 0},
    {"alg null", "alg: null", "malformed|unsupported_algorithm", "{\"alg\":null,\"kid\":\"rsa\"}", CLAIMS, SIGN_RS256, 0},
    {"alg none, signed", "alg: none, and a good signature", "unsupported_algorithm", ALG("none"), CLAIMS, SIGN_RS256, 0},
    {"signature stripped", "header.payload. without a signature", "bad_signature|malformed", RS256, CLAIMS, SIGN_RS256, DAMAGE_STRIPPED},
    {"key confusion, PEM", "HS256 by the public RSA key's PEM as the secret", "algorithm_mismatch", ALG("HS256"), CLAIMS, SIGN_PUBLIC_PEM, 0},
    {"key confusion, DER", "HS256 by the public RSA key's DER as the secret", "algorithm_mismatch", ALG("HS256"), CLAIMS, SIGN_PUBLIC_DER, 0},
    {"key confusion, JWK", "HS256 by the public RSA key's JWK as the secret", "algorithm_mismatch", ALG("HS256"), CLAIMS, SIGN_PUBLIC_JWK, 0},
    {"empty secret", "HS256 with an empty secret", "algorithm_mismatch", ALG("HS256"), CLAIMS, SIGN_EMPTY_SECRET, 0},
    {"key of another kind", "ES256 by the EC key, kid of the RSA key", "algorithm_mismatch", ALG("ES256"), CLAIMS, SIGN_ES256, 0},
    {"unknown key", "signed with an unknown key, kid of the issuer", "bad_signature", RS256, CLAIMS, SIGN_ATTACKER, 0},
    {"psychic signature", "ECDSA r = s = 0 (CVE-2022-21449)", "bad_signature", ES256, CLAIMS, SIGN_ZEROS, 0},
    {"ECDSA as ASN.1", "a good ES256 signature in DER", "bad_signature", ES256, CLAIMS, SIGN_ES256_DER, 0},
    {"PSS for PKCS #1", "RS256 in the header, PS256 in the signature", "bad_signature", RS256, CLAIMS, SIGN_RSA_PSS, 0},
    {"PKCS #1 for PSS", "PS256 in the header, RS256 in the signature", "bad_signature", ALG("PS256"), CLAIMS, SIGN_RS256, 0},
    {"first bit flipped", "of the signature", "bad_signature", RS256, CLAIMS, SIGN_RS256, DAMAGE_FIRST_BIT},
    {"last bit flipped", "of the signature", "bad_signature", RS256, CLAIMS, SIGN_RS256, DAMAGE_LAST_BIT},
    {"last bit flipped, EdDSA", "of the signature", "bad_signature", "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", CLAIMS, SIGN_EDDSA, DAMAGE_LAST_BIT},
    {"signature cut", "a byte shorter", "bad_signature", RS256, CLAIMS, SIGN_RS256, DAMAGE_SHORTER},
    {"claims exchanged", "sub: root under alice's signature", "bad_signature", RS256, CLAIMS, SIGN_RS256, DAMAGE_OTHER_CLAIMS},
}, headers[] = {
    {"embedded key", "jwk in the header, signed by it", "bad_signature|unknown_key", RS256_AND("\"jwk\":$J"), CLAIMS, SIGN_ATTACKER, 0},
    {"embedded key, its own kid", "jwk and its kid in the header", "unknown_key", "{\"alg\":\"RS256\",\"kid\":\"attacker\",\"jwk\":$J}", CLAIMS, SIGN_ATTACKER, 0},
    {"jku", "a key set's URL in the header", "bad_signature|unknown_key", RS256_AND("\"jku\":\"$U\""), CLAIMS, SIGN_ATTACKER, 0},
    {"jku, its own kid", "a key set's URL, and a kid from there", "unknown_key", "{\"alg\":\"RS256\",\"kid\":\"attacker\",\"jku\":\"$U\"}", CLAIMS, SIGN_ATTACKER, 0},
    {"x5u", "a certificate's URL in the header", "bad_signature|unknown_key", RS256_AND("\"x5u\":\"$U\""), CLAIMS, SIGN_ATTACKER, 0},
    {"x5c", "a certificate in the header", "bad_signature|unknown_key", RS256_AND("\"x5c\":[\"MIIBIjANBgkq\"]"), CLAIMS, SIGN_ATTACKER, 0},
    {"kid: a path", "kid: ../../../../dev/null, HS256 with an empty secret", "algorithm_mismatch|unknown_key", "{\"alg\":\"HS256\",\"kid\":\"../../../../dev/null\"}", CLAIMS, SIGN_EMPTY_SECRET, 0},
    {"kid: SQL", "kid: ' UNION SELECT 'x", "unknown_key", KID("' UNION SELECT 'x"), CLAIMS, SIGN_ATTACKER, 0},
    {"kid: a command", "kid: |/bin/id", "unknown_key", KID("|/bin/id"), CLAIMS, SIGN_ATTACKER, 0},
    {"kid: with NUL", "kid: rsa\\u0000x", "unknown_key|malformed", KID("rsa\\u0000x"), CLAIMS, SIGN_RS256, 0},
    {"kid: a number", "kid: 0", "malformed|unknown_key", "{\"alg\":\"RS256\",\"kid\":0}", CLAIMS, SIGN_RS256, 0},
    {"kid of another issuer", "the second issuer's key for the first one's token", "unknown_key", KID("other"), CLAIMS, SIGN_OTHER_ISSUER, 0},
    {"crit unknown", "crit: [\"exp\"], exp in the header", "unsupported_critical_header", RS256_AND("\"crit\":[\"exp\"],\"exp\":1"), CLAIMS, SIGN_RS256, 0},
    {"b64 false", "crit: [\"b64\"], b64: false (RFC 7797)", "malformed|unsupported_critical_header", RS256_AND("\"crit\":[\"b64\"],\"b64\":false"), CLAIMS, SIGN_RS256, 0},
    {"crit empty", "crit: []", "unsupported_critical_header|malformed", RS256_AND("\"crit\":[]"), CLAIMS, SIGN_RS256, 0},
    {"compressed", "zip: DEF, which only encrypted tokens have", "malformed", RS256_AND("\"zip\":\"DEF\""), CLAIMS, SIGN_RS256, 0},
    {"alg twice", "alg: none, and alg: RS256", "malformed", "{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS, SIGN_RS256, 0},
    {"alg twice, escaped", "alg: RS256, and \\u0061lg: none", "malformed", "{\"alg\":\"RS256\",\"\\u0061lg\":\"none\",\"kid\":\"rsa\"}", CLAIMS, SIGN_RS256, 0},
    {"wrong typ", "typ: logout+jwt", "wrong_type", TYP("logout+jwt"), CLAIMS, SIGN_RS256, 0},
    {"refresh token by typ", "typ: refresh+jwt", "wrong_type", TYP("refresh+jwt"), CLAIMS, SIGN_RS256, 0},
    {"DPoP proof", "typ: dpop+jwt", "wrong_type", TYP("dpop+jwt"), CLAIMS, SIGN_RS256, 0},
}, claims[] = {
    {"expired", "exp an hour ago", "expired", RS256, ENDING(",\"exp\":$P"), SIGN_RS256, 0},
    {"not yet valid", "nbf in two hours", "not_yet_valid", RS256, WITH("\"nbf\":$F"), SIGN_RS256, 0},
    {"iat in the future", "iat in two hours", "not_yet_valid", RS256, ENDING(",\"iat\":$F,\"exp\":$X"), SIGN_RS256, 0},
    {"exp missing", "a token that never expires", "missing_claim", RS256, ENDING(""), SIGN_RS256, 0},
    {"exp null", "exp: null", "bad_claim|missing_claim", RS256, ENDING(",\"exp\":null"), SIGN_RS256, 0},
    {"exp a string", "exp: \"9999999999\"", "bad_claim", RS256, ENDING(",\"exp\":\"9999999999\""), SIGN_RS256, 0},
    {"exp huge", "exp: 1e300", "bad_claim", RS256, ENDING(",\"exp\":1e300"), SIGN_RS256, 0},
    {"exp infinite", "exp: 1e999", "bad_claim|malformed", RS256, ENDING(",\"exp\":1e999"), SIGN_RS256, 0},
    {"exp negative", "exp: -1", "bad_claim|expired", RS256, ENDING(",\"exp\":-1"), SIGN_RS256, 0},
    {"exp that wraps around", "exp: 18446744073709551615", "bad_claim", RS256, ENDING(",\"exp\":18446744073709551615"), SIGN_RS256, 0},
    {"exp twice", "exp an hour ago, and exp ahead", "malformed", RS256, ENDING(",\"exp\":$P,\"exp\":$X"), SIGN_RS256, 0},
    {"exp twice, escaped", "exp an hour ago, and \\u0065xp ahead", "malformed", RS256, ENDING(",\"exp\":$P,\"\\u0065xp\":$X"), SIGN_RS256, 0},
    {"aud missing", "a token for any audience", "missing_claim", RS256, MEANT_FOR(""), SIGN_RS256, 0},
    {"aud of another party", "aud: payments", "wrong_audience", RS256, MEANT_FOR("\"aud\":\"payments\","), SIGN_RS256, 0},
    {"aud that begins alike", "aud: orders-admin, asked as orders", "wrong_audience", RS256, MEANT_FOR("\"aud\":\"orders-admin\","), SIGN_RS256, 0},
    {"aud that is shorter", "aud: order, asked as orders", "wrong_audience", RS256, MEANT_FOR("\"aud\":\"order\","), SIGN_RS256, 0},
    {"aud of another service", "aud: returns, asked as orders", "wrong_audience", RS256, MEANT_FOR("\"aud\":\"returns\","), SIGN_RS256, 0},
    {"aud an object", "aud: {\"orders\": true}", "bad_claim", RS256, MEANT_FOR("\"aud\":{\"orders\":true},"), SIGN_RS256, 0},
    {"aud with NUL", "aud: orders\\u0000x", "wrong_audience|malformed|bad_claim", RS256, MEANT_FOR("\"aud\":\"orders\\u0000x\","), SIGN_RS256, 0},
    {"iss missing", "a token without an issuer", "missing_claim|unknown_issuer", RS256, "{\"aud\":\"$A\",\"exp\":$X}", SIGN_RS256, 0},
    {"iss unknown", "iss: https://evil.example", "unknown_issuer", RS256, ISSUED_BY("https://evil.example"), SIGN_ATTACKER, 0},
    {"iss with a slash", "the issuer's name, and / behind it", "unknown_issuer", RS256, ISSUED_BY("$I/"), SIGN_RS256, 0},
    {"iss in capitals", "HTTPS://SELFTEST.ASSAY", "unknown_issuer", RS256, ISSUED_BY("HTTPS://SELFTEST.ASSAY"), SIGN_RS256, 0},
    {"iss that begins alike", "the issuer's name, and .evil.example behind it", "unknown_issuer", RS256, ISSUED_BY("$I.evil.example"), SIGN_RS256, 0},
    {"iss of two", "a list of issuers", "bad_claim|unknown_issuer", RS256, "{\"iss\":[\"$I\"],\"aud\":\"$A\",\"exp\":$X}", SIGN_RS256, 0},
    {"another issuer's name", "signed by one issuer, iss of the other", "unknown_key", RS256, ISSUED_BY(TEST_OTHER_ISSUER), SIGN_RS256, 0},
    {"refresh token by token_type", "token_type: refresh", "wrong_type", RS256, WITH("\"token_type\":\"refresh\""), SIGN_RS256, 0},
    {"refresh token by token_use", "token_use: refresh", "wrong_type", RS256, WITH("\"token_use\":\"refresh\""), SIGN_RS256, 0},
    {"refresh token, Keycloak", "typ: Refresh among the claims", "wrong_type", RS256, WITH("\"typ\":\"Refresh\""), SIGN_RS256, 0},
    {"logout token", "events of a back-channel logout", "wrong_type", RS256, WITH("\"events\":{\"http://schemas.openid.net/event/backchannel-logout\":{}}"), SIGN_RS256, 0},
    {"bound to another key", "cnf: a key that the caller need not have", "wrong_type|claim_mismatch", RS256, WITH("\"cnf\":{\"jkt\":\"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I\"}"), SIGN_RS256, 0},
}, spellings[] = {
    {"two parts", "header.payload", "malformed", RS256, CLAIMS, SIGN_RS256, DAMAGE_TWO_PARTS},
    {"four parts", "a good token, and .AAAA", "malformed", RS256, CLAIMS, SIGN_RS256, DAMAGE_FOUR_PARTS},
    {"five parts", "as an encrypted token (JWE) has", "malformed", RS256_AND("\"enc\":\"A128GCM\""), CLAIMS, SIGN_RS256, DAMAGE_FIVE_PARTS},
    {"padding", "= behind the signature", "malformed", RS256, CLAIMS, SIGN_RS256, DAMAGE_PADDED},
    {"standard alphabet", "+ and / for - and _", "malformed", RS256, CLAIMS, SIGN_RS256, DAMAGE_STANDARD},
    {"a space", "behind the signature", "malformed", RS256, CLAIMS, SIGN_RS256, DAMAGE_SPACE},
    {"a new line", "behind the signature", "malformed", RS256, CLAIMS, SIGN_RS256, DAMAGE_NEWLINE},
    {"NUL behind it", "a byte 0 behind the signature", "malformed", RS256, CLAIMS, SIGN_RS256, DAMAGE_NUL},
    {"spare bits", "the same signature in another spelling", "malformed|bad_signature", RS256, CLAIMS, SIGN_RS256, DAMAGE_SPARE_BITS},
    {"not UTF-8", "a byte 0xff in sub", "malformed", RS256, ENDING(",\"exp\":$X,\"x\":\"\xff\""), SIGN_RS256, 0},
    {"half a surrogate", "sub: \\ud800", "malformed", RS256, ENDING(",\"exp\":$X,\"x\":\"\\ud800\""), SIGN_RS256, 0},
    {"nested too deep", "256 lists in each other", "malformed", RS256, WITH("\"x\":" SIXTEEN("[[[[[[[[[[[[[[[[") SIXTEEN("]]]]]]]]]]]]]]]]")), SIGN_RS256, 0},
    {"not JSON behind it", "a good object, and x", "malformed", RS256, CLAIMS "x", SIGN_RS256, 0},
    {"payload a list", "[] for the claims", "malformed", RS256, "[]", SIGN_RS256, 0},
    {"header a list", "[] for the header", "malformed", "[]", CLAIMS, SIGN_RS256, 0},
};

static int run_attack(struct test_bed *bed, const struct forge *forge, struct test_report *report, const char *group,
                      const struct attack *attack)
{
    size_t bytes;
    char *token CLEANUP_FREE = forge_token(forge, attack->header, attack->payload, attack->signer, attack->damage, &bytes);

    if (bed_interrupted())
        return report_undecided("interrupted", "interrupted");
    if (token == NULL)
        return report_undecided("internal", "making a token failed");
    return report_attack(report, group, attack->name, attack->tried, attack->expected, test_verify(bed, token, bytes, TEST_AUDIENCE));
}

static int run_attacks(struct test_bed *bed, const struct forge *forge, struct test_report *report, const char *group,
                       const struct attack *attacks, size_t count)
{
    int code = 0;

    for (size_t i = 0; code == 0 && i < count; i++)
        code = run_attack(bed, forge, report, group, &attacks[i]);
    return code;
}

/* Valid but for its length: 16 KiB and some bytes. */
static int attack_length(struct test_bed *bed, const struct forge *forge, struct test_report *report)
{
    char *payload CLEANUP_FREE = NULL;
    int printed = asprintf(&payload, "{\"iss\":\"$I\",\"aud\":\"$A\",\"exp\":$X,\"x\":\"%012000d\"}", 0);
    struct attack attack = {"too long", "above 16 KiB", "too_large", RS256, payload, SIGN_RS256, 0};

    if (printed < 0) {
        payload = NULL;
        return report_no_memory();
    }
    return run_attack(bed, forge, report, "spellings", &attack);
}

static int revoke_token(struct test_bed *bed, const char *token, size_t bytes)
{
    uint8_t room[TOKEN_INPUT_BYTES_MAX];
    struct wire_writer writer;
    struct answer answer CLEANUP(answer_clear);

    answer_init(&answer);
    wire_writer_init(&writer, room, sizeof room);
    wire_put_map(&writer, 1);
    wire_put_text(&writer, "token");
    wire_put_str(&writer, token, bytes);
    const struct iovec map = {room, wire_written(&writer)};

    return assay_call(bed->assay, "revoke", &map, 1, &answer);
}

/* Accepted, then revoked, then refused at once. */
static int attack_revoked(struct test_bed *bed, const struct forge *forge, struct test_report *report)
{
    size_t bytes;
    char *token CLEANUP_FREE = forge_token(forge, RS256, WITH("\"jti\":\"taken-back\""), SIGN_RS256, DAMAGE_NONE, &bytes);

    if (token == NULL)
        return report_undecided("internal", "making a token failed");
    int code = report_attack(report, "revocation", "before it is revoked", "a good token", "accepted",
                             test_verify(bed, token, bytes, TEST_AUDIENCE));

    if (code == 0)
        code = report_attack(report, "revocation", "revoke", "assay revoke --token", "done", revoke_token(bed, token, bytes) == 0 ? "done" : "(error)");
    if (code == 0)
        code = report_attack(report, "revocation", "revoked", "the same token, on the very next call", "revoked",
                             test_verify(bed, token, bytes, TEST_AUDIENCE));
    if (code == 0)
        code = report_attack(report, "revocation", "revoked, for any audience", "the same token, asked without an audience", "revoked",
                             test_verify(bed, token, bytes, NULL));
    return code;
}

int attack_with_tokens(struct test_bed *bed, const struct forge *forge, struct test_report *report)
{
    static const struct {
        const char *name;
        const struct attack *attacks;
        size_t count;
    } groups[] = {
        {"signatures", signatures, COUNT(signatures)},
        {"headers", headers, COUNT(headers)},
        {"claims", claims, COUNT(claims)},
        {"spellings", spellings, COUNT(spellings)},
    };
    int code = 0;

    for (size_t i = 0; code == 0 && i < COUNT(groups); i++)
        code = run_attacks(bed, forge, report, groups[i].name, groups[i].attacks, groups[i].count);
    if (code == 0)
        code = attack_length(bed, forge, report);
    if (code == 0)
        code = attack_revoked(bed, forge, report);
    if (code == 0 && bed->bait >= 0)
        code = report_attack(report, "network", "no URL was fetched", "the URLs in jku and x5u, where a server listens", "never contacted",
                             bed_was_visited(bed) ? "contacted" : "never contacted");
    return code;
}
