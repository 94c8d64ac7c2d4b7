/* `assay selftest`: the known attacks on JWT verifiers, tried on a temporary agent. agent.c has the agent and its folder, forge.c the
   keys and forged tokens, and tokens.c, policy.c and neighbours.c the attacks. */
#ifndef ASSAY_COMMAND_SELFTEST_H
#define ASSAY_COMMAND_SELFTEST_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/cli/agent.h"
#include "client/cli/token_source.h"

#define TEST_ISSUER       "https://selftest.assay"
#define TEST_OTHER_ISSUER "https://other.selftest.assay"
#define TEST_AUDIENCE     "orders"
#define TEST_PATH_BYTES   256

/* The agent under test, in a private folder that is removed with it. */
struct test_bed {
    char program[TEST_PATH_BYTES];
    char folder[TEST_PATH_BYTES / 4];
    char socket[TEST_PATH_BYTES / 2];
    pid_t process;
    int bait; /* listens at the URL in `jku` and `x5u`; -1: there is no loopback interface */
    uint16_t bait_port;
    struct assay *assay;
};

/* Finds assayd: `agent` if given, else beside this program, in the sbin or libexec of its prefix, or in $PATH. Returns 0; on failure
   reports the error and returns the exit code. */
int bed_find(struct test_bed *bed, const char *agent);

/* bed_make makes the folder and the bait, bed_put writes files into the folder, and bed_start starts the agent and waits until it is
   ready. Each returns 0; on failure it reports the error and returns the exit code. */
int bed_make(struct test_bed *bed);
int bed_put(const struct test_bed *bed, const char *name, const char *text, size_t bytes);
int bed_start(struct test_bed *bed);

/* True if a connection to the bait was made. */
bool bed_was_visited(const struct test_bed *bed);

/* Ends the agent and removes the folder, if they exist. */
void bed_clear(struct test_bed *bed);

/* True if a signal has asked the program to stop. */
bool bed_interrupted(void);

/* The ways to sign. */
enum signer {
    SIGN_RS256 = 1, /* by the issuer */
    SIGN_ES256,
    SIGN_EDDSA,
    SIGN_RSA_PSS,       /* the issuer's RSA key, with the other padding */
    SIGN_ES256_DER,     /* the issuer's EC key, as ASN.1 */
    SIGN_ATTACKER,      /* RSA, by a key that is in no key set */
    SIGN_OTHER_ISSUER,  /* RSA, by the second issuer */
    SIGN_PUBLIC_PEM,    /* HMAC with the issuer's public key, which everybody can get, as the secret */
    SIGN_PUBLIC_DER,
    SIGN_PUBLIC_JWK,
    SIGN_EMPTY_SECRET,
    SIGN_ZEROS,         /* r = s = 0 */
    SIGN_NOTHING,       /* an empty signature */
};

/* What is done to the token after it was signed. */
enum damage {
    DAMAGE_NONE,
    DAMAGE_FIRST_BIT,
    DAMAGE_LAST_BIT,
    DAMAGE_SHORTER,
    DAMAGE_STRIPPED,    /* the signature is removed, its dot stays */
    DAMAGE_TWO_PARTS,   /* its dot is removed too */
    DAMAGE_FOUR_PARTS,
    DAMAGE_FIVE_PARTS,
    DAMAGE_PADDED,
    DAMAGE_STANDARD,    /* + and / for - and _ */
    DAMAGE_SPACE,
    DAMAGE_NEWLINE,
    DAMAGE_SPARE_BITS,
    DAMAGE_OTHER_CLAIMS, /* the payload of another token */
    DAMAGE_NUL,
};

struct forge {
    EVP_PKEY *rsa, *ec, *ed, *attacker, *other;
    char *attacker_jwk;     /* as JSON */
    char *public_pem, *public_jwk;
    uint8_t *public_der;
    size_t public_pem_bytes, public_der_bytes;
    int64_t now;
    uint16_t bait_port;
};

/* Makes the keys, and writes key files, configuration and policy into the folder. Returns 0; on failure reports the error and returns the
   exit code. */
int forge_open(struct forge *forge, const struct test_bed *bed);
void forge_close(struct forge *forge);

/* A token of this header and payload, in which $I $A $N $X $P $F $J $U stand for issuer, audience, now, an hour ahead, an hour ago, two
   hours ahead, the attacker's key as a JWK, and the bait's URL. The caller frees it. NULL: no memory, or OpenSSL failed. */
char *forge_token(const struct forge *forge, const char *header, const char *payload, enum signer signer, enum damage damage,
                  size_t *ret_bytes);

/* The results of the attacks. */
struct test_report {
    bool json;
    json_t *rows;
    const char *group;
    unsigned passed, failed;
};

/* Notes one attack. `expected` are the right reasons, as "a" or "a|b". */
int report_attack(struct test_report *report, const char *group, const char *name, const char *tried, const char *expected,
                  const char *answered);

/* Each runs all attacks of one kind. Returns 0; on failure reports the error and returns the exit code. */
int attack_with_tokens(struct test_bed *bed, const struct forge *forge, struct test_report *report);
int attack_policy(struct test_bed *bed, const struct forge *forge, struct test_report *report);
int attack_neighbours(struct test_bed *bed, const struct forge *forge, struct test_report *report);

/* "accepted", "allowed", or why not: for a refusal the reason, else why the agent did not answer. Static. */
const char *test_verify(struct test_bed *bed, const char *token, size_t bytes, const char *audience);
const char *test_authorize(struct test_bed *bed, const char *token, size_t bytes, const char *action, const char *resource);

#endif
