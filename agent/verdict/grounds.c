#include "grounds.h"

#define NO_NAME ((struct text){"", 0})

static void add_claim(const struct shared_page *shared, const struct token *token, enum thing_kind kind, enum claim claim, struct thing *things,
                      unsigned *count)
{
    struct wire_item item = claim_item(&token->claims, claim);

    if (item.type == WIRE_STR)
        things[(*count)++] = shared_page_thing(shared, kind, token->issuer->names.list[0], (struct text){item.str, item.count});
}

int grounds_of(struct shared_page *shared, struct hasher *hasher, const struct token *token, struct grounds *ret)
{
    struct text issuer = token->issuer->names.list[0];
    struct text thumbprint = {(const char *)token->key->thumbprint, THUMBPRINT_BYTES};
    uint8_t input[32];
    struct thing things[THINGS_MAX];
    unsigned count = 0;

    *ret = (struct grounds){0};
    if (hash_input(hasher, token, input) < 0)
        return -1;
    things[count++] = shared_page_thing(shared, THING_ISSUER, issuer, NO_NAME);
    things[count++] = shared_page_thing(shared, THING_KEY, issuer, thumbprint);
    things[count++] = shared_page_thing(shared, THING_INPUT, issuer, (struct text){(const char *)input, sizeof input});
    add_claim(shared, token, THING_JTI, CLAIM_JTI, things, &count);
    add_claim(shared, token, THING_SUB, CLAIM_SUB, things, &count);
    add_claim(shared, token, THING_SID, CLAIM_SID, things, &count);
    if (shared_page_indexes(shared, things, count, ret->index) < 0)
        return -1;
    ret->count = (uint8_t)count;
    return 0;
}

void grounds_read(const struct shared_page *shared, struct grounds *grounds)
{
    const struct page *page = shared_page_at(shared);

    grounds->judged = false;
    for (unsigned i = 0; i < grounds->count; i++)
        grounds->value[i] = atomic_load_explicit(&page->counter[grounds->index[i]], memory_order_relaxed);
}

bool grounds_holds(const struct shared_page *shared, const struct grounds *grounds)
{
    const struct page *page = shared_page_at(shared);

    if (!grounds->judged || grounds->count == 0)
        return false;
    for (unsigned i = 0; i < grounds->count; i++) {
        if (grounds->value[i] != atomic_load_explicit(&page->counter[grounds->index[i]], memory_order_relaxed))
            return false;
    }
    return true;
}
