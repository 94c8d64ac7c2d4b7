#include "basis.h"

#define NO_NAME ((struct text){"", 0})

static void add_claim(const struct board *board, const struct token *token, enum thing_kind kind, enum claim claim, struct thing *things,
                      unsigned *count)
{
    struct wire_item item = claim_item(&token->claims, claim);

    if (item.type == WIRE_STR)
        things[(*count)++] = board_thing(board, kind, token->issuer->names.list[0], (struct text){item.str, item.count});
}

int basis_of(struct board *board, struct hasher *hasher, const struct token *token, struct basis *ret)
{
    struct text issuer = token->issuer->names.list[0];
    struct text thumbprint = {(const char *)token->key->thumbprint, THUMBPRINT_BYTES};
    uint8_t input[32];
    struct thing things[THINGS_MAX];
    unsigned count = 0;

    *ret = (struct basis){0};
    if (hash_input(hasher, token, input) < 0)
        return -1;
    things[count++] = board_thing(board, THING_ISSUER, issuer, NO_NAME);
    things[count++] = board_thing(board, THING_KEY, issuer, thumbprint);
    things[count++] = board_thing(board, THING_INPUT, issuer, (struct text){(const char *)input, sizeof input});
    add_claim(board, token, THING_JTI, CLAIM_JTI, things, &count);
    add_claim(board, token, THING_SUB, CLAIM_SUB, things, &count);
    add_claim(board, token, THING_SID, CLAIM_SID, things, &count);
    if (board_indexes(board, things, count, ret->index) < 0)
        return -1;
    ret->count = (uint8_t)count;
    return 0;
}

void basis_read(const struct board *board, struct basis *basis)
{
    const struct page *page = board_page(board);

    basis->judged = false;
    for (unsigned i = 0; i < basis->count; i++)
        basis->value[i] = atomic_load_explicit(&page->counter[basis->index[i]], memory_order_relaxed);
}

bool basis_holds(const struct board *board, const struct basis *basis)
{
    const struct page *page = board_page(board);

    if (!basis->judged || basis->count == 0)
        return false;
    for (unsigned i = 0; i < basis->count; i++) {
        if (basis->value[i] != atomic_load_explicit(&page->counter[basis->index[i]], memory_order_relaxed))
            return false;
    }
    return true;
}

static uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* As tokens have it: bytes, not text. What is no record's name (record_read has looked) is everything that the issuer said. */
static struct thing bytes_thing(const struct board *board, enum record_kind kind, struct text issuer, struct text name)
{
    uint8_t bytes[BASE64URL_DECODED_MAX(64)];
    size_t size = 0;

    if (kind == RECORD_JKT && name.bytes == 43 && base64url_decode(name.at, name.bytes, bytes, &size) == 0)
        return board_thing(board, THING_KEY, issuer, (struct text){(const char *)bytes, size});
    for (; kind == RECORD_SIGNING_INPUT && name.bytes == 64 && size < 32; size++)
        bytes[size] = (uint8_t)(hex_digit(name.at[2 * size]) << 4 | hex_digit(name.at[2 * size + 1]));
    return size == 32 ? board_thing(board, THING_INPUT, issuer, (struct text){(const char *)bytes, size})
                      : board_thing(board, THING_ISSUER, issuer, NO_NAME);
}

struct thing basis_thing(const struct board *board, enum record_kind kind, struct text issuer, struct text name)
{
    switch (kind) {
    case RECORD_JTI:
        return board_thing(board, THING_JTI, issuer, name);
    case RECORD_SUB:
        return board_thing(board, THING_SUB, issuer, name);
    case RECORD_SID:
        return board_thing(board, THING_SID, issuer, name);
    case RECORD_JKT:
    case RECORD_SIGNING_INPUT:
        return bytes_thing(board, kind, issuer, name);
    default:
        return board_thing(board, THING_ISSUER, issuer, NO_NAME);
    }
}
