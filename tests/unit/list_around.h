/* A store with the list of revocations, and a token that records are against. */
#ifndef ASSAY_TEST_LIST_AROUND_H
#define ASSAY_TEST_LIST_AROUND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/revocation/list.h"
#include "store_around.h"

#define TEXT(literal) ((struct text){literal, sizeof literal - 1})

void change(const struct record *record, bool undo, const char *source);
void cover(struct text issuer, struct text kid, const uint8_t print[THUMBPRINT_BYTES]);
int holders(const struct record *record);

/* A verified token of issuer "i" (alias "alias"), with a key. */
struct its {
    struct key key;
    struct issuer issuer;
    struct token token;
    uint8_t wire[512];
};
extern struct its its;

void make_token(const char *jti, const char *sub, const char *sid, double iat);
enum outcome judge(void);
struct record record_of(enum record_kind kind, const char *issuer, const char *name, int64_t before);
void refuses(struct record record, bool refused); /* applied, it refuses the token; taken back, it does not */

#endif
