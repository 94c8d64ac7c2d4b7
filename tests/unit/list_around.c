#include "list_around.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void change(const struct record *record, bool undo, const char *source)
{
    struct view *view = store_begin(store, false);

    assert_non_null(view);
    assert_int_equal(undo ? list_undo(hasher, view, record, NULL, source) : list_apply(hasher, view, record, source), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

void cover(struct text issuer, struct text kid, const uint8_t print[THUMBPRINT_BYTES])
{
    struct view *view = store_begin(store, false);

    assert_int_equal(list_cover_key(hasher, view, issuer, kid, print), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

static void ignore(void *context, const char *source, int64_t before, int64_t exp)
{
    (void)context;
    (void)source;
    (void)before;
    (void)exp;
}

int holders(const struct record *record)
{
    struct view *view = store_view(store);
    int count = list_holders(hasher, view, record, ignore, NULL);

    store_let_go(store);
    return count;
}

/* A verified token of issuer "i" (alias "alias"), with a key. */
struct its its;

void make_token(const char *jti, const char *sub, const char *sid, double iat)
{
    static struct text names[] = {{"i", 1}, {"alias", 5}};
    struct wire_writer writer;

    memset(&its, 0, sizeof its);
    wire_writer_init(&writer, its.wire, sizeof its.wire);
    wire_put_map(&writer, 3);
    wire_put_text(&writer, "jti");
    wire_put_text(&writer, jti);
    wire_put_text(&writer, "sub");
    wire_put_text(&writer, sub);
    wire_put_text(&writer, "sid");
    wire_put_text(&writer, sid);
    its.token = token_of("head.payload.sig", 16);
    its.token.input_bytes = 12;
    claims_index(&its.token.claims, its.wire, wire_written(&writer));
    its.token.iat = iat;
    its.key.kid = (char *)(uintptr_t) "kid-1";
    its.key.kid_bytes = 5;
    memset(its.key.thumbprint, 7, sizeof its.key.thumbprint);
    its.issuer.names = (struct texts){names, 2};
    its.token.issuer = &its.issuer;
    its.token.key = &its.key;
}

enum outcome judge(void)
{
    struct view *view = store_view(store);
    unsigned kinds;

    assert_non_null(view);
    assert_int_equal(list_kinds(view, &kinds), 0);
    enum outcome outcome = list_judge(hasher, view, kinds, &its.token);

    store_let_go(store);
    return outcome;
}

struct record record_of(enum record_kind kind, const char *issuer, const char *name, int64_t before)
{
    return (struct record){kind, {issuer, strlen(issuer)}, {name, strlen(name)}, before, SECONDS_NONE, false};
}

/* Applied, it refuses the token; taken back, it does not. */
void refuses(struct record record, bool refused)
{
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
    change(&record, false, "operators");
    assert_int_equal(judge(), refused ? OUTCOME_REFUSED : OUTCOME_ACCEPTED);
    assert_int_equal(holders(&record), 1);
    change(&record, true, "operators");
    assert_int_equal(holders(&record), 0);
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
}
