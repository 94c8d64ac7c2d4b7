/* Claims of a verdict: by JSON pointer, or one after the other. A struct assay_claim is one of the verdict's values. */
#include <stdlib.h>

#include "client/wire/json.h"
#include "pointer.h"
#include "verdict.h"

static const struct value *value_of(const struct assay_claim *claim)
{
    return (const struct value *)(const void *)claim;
}

static const struct assay_claim *claim_of(const struct value *value)
{
    return (const struct assay_claim *)(const void *)value;
}

/* What the lookups share. A refused token has no claims, because they were not verified. */
static int find_claim(const struct assay_verdict *verdict, const char *pointer, const void *ret, const struct value **ret_value)
{
    if (pointer == NULL || ret == NULL)
        return ASSAY_E_ARGUMENT;
    if (verdict == NULL || verdict->claims == NULL)
        return ASSAY_E_NO_CLAIM;
    return pointer_find(verdict->claims, pointer, ret_value);
}

static int take_string(const struct value *value, const char **ret)
{
    if (value->type != WIRE_STR)
        return ASSAY_E_CLAIM_TYPE;
    *ret = value->str;
    return 0;
}

/* Converts exactly, or fails. -2^63 is a double, but 2^63 - 1 is not: so the upper bound is 2^63, excluded. */
static int take_int(const struct value *value, int64_t *ret)
{
    if (value->type == WIRE_UINT && value->uint <= INT64_MAX)
        *ret = (int64_t)value->uint;
    else if (value->type == WIRE_INT)
        *ret = value->sint;
    else if (value->type == WIRE_DOUBLE && value->real >= -0x1p63 && value->real < 0x1p63 && (double)(int64_t)value->real == value->real)
        *ret = (int64_t)value->real;
    else
        return ASSAY_E_CLAIM_TYPE;
    return 0;
}

static int take_double(const struct value *value, double *ret)
{
    if (value->type == WIRE_UINT)
        *ret = (double)value->uint;
    else if (value->type == WIRE_INT)
        *ret = (double)value->sint;
    else if (value->type == WIRE_DOUBLE)
        *ret = value->real;
    else
        return ASSAY_E_CLAIM_TYPE;
    return 0;
}

static int take_bool(const struct value *value, bool *ret)
{
    if (value->type != WIRE_BOOL)
        return ASSAY_E_CLAIM_TYPE;
    *ret = value->boolean;
    return 0;
}

static int take_count(const struct value *value, size_t *ret)
{
    if (value->type != WIRE_ARRAY && value->type != WIRE_MAP)
        return ASSAY_E_CLAIM_TYPE;
    *ret = value->count;
    return 0;
}

/* Defines two calls for each type: one for the claim at a pointer, one for a struct assay_claim. */
#define BY_POINTER(name, type)                                                                                                     \
    int assay_verdict_claim_##name(const struct assay_verdict *verdict, const char *pointer, type *ret)                            \
    {                                                                                                                              \
        const struct value *value;                                                                                                 \
        int status = find_claim(verdict, pointer, ret, &value);                                                                    \
                                                                                                                                   \
        return status == 0 ? take_##name(value, ret) : status;                                                                     \
    }
#define AT_HAND(name, type)                                                                                                        \
    int assay_claim_##name(const struct assay_claim *claim, type *ret)                                                             \
    {                                                                                                                              \
        if (ret == NULL)                                                                                                           \
            return ASSAY_E_ARGUMENT;                                                                                               \
        return claim != NULL ? take_##name(value_of(claim), ret) : ASSAY_E_NO_CLAIM;                                               \
    }

BY_POINTER(string, const char *)
BY_POINTER(int, int64_t)
BY_POINTER(double, double)
BY_POINTER(bool, bool)
BY_POINTER(count, size_t)
AT_HAND(string, const char *)
AT_HAND(int, int64_t)
AT_HAND(double, double)
AT_HAND(bool, bool)

int assay_verdict_claim(const struct assay_verdict *verdict, const char *pointer, const struct assay_claim **ret)
{
    const struct value *value;
    int status = find_claim(verdict, pointer, ret, &value);

    if (status == 0)
        *ret = claim_of(value);
    return status;
}

enum assay_claim_type assay_claim_type(const struct assay_claim *claim)
{
    static const uint8_t types[] = {
        [WIRE_NIL] = ASSAY_CLAIM_NULL,      [WIRE_BOOL] = ASSAY_CLAIM_BOOL,     [WIRE_UINT] = ASSAY_CLAIM_NUMBER,
        [WIRE_INT] = ASSAY_CLAIM_NUMBER,    [WIRE_DOUBLE] = ASSAY_CLAIM_NUMBER, [WIRE_STR] = ASSAY_CLAIM_STRING,
        [WIRE_ARRAY] = ASSAY_CLAIM_ARRAY,   [WIRE_MAP] = ASSAY_CLAIM_OBJECT,
    };

    return claim != NULL ? (enum assay_claim_type)types[value_of(claim)->type] : ASSAY_CLAIM_NONE;
}

size_t assay_claim_count(const struct assay_claim *claim)
{
    size_t count = 0;

    return claim != NULL && take_count(value_of(claim), &count) == 0 ? count : 0;
}

/* If every member is one node, the index gives its place, and no member needs to be stepped over. */
static const struct value *step(const struct value *of, size_t nodes_each, size_t index)
{
    const struct value *at = value_first(of);

    if (of->span == 1 + nodes_each * of->count)
        return at + nodes_each * index;
    for (index *= nodes_each; index > 0; index--)
        at = value_next(at);
    return at;
}

const struct assay_claim *assay_claim_member(const struct assay_claim *claim, size_t index, const char **ret_name)
{
    const struct value *of = claim != NULL ? value_of(claim) : NULL;

    if (ret_name != NULL)
        *ret_name = NULL;
    if (index >= assay_claim_count(claim))
        return NULL;
    if (of->type == WIRE_ARRAY)
        return claim_of(step(of, 1, index));
    const struct value *name = step(of, 2, index);

    if (ret_name != NULL)
        *ret_name = name->str;
    return claim_of(value_next(name));
}

static const struct rendering *find_rendering(const struct rendering *rendering, const struct value *value)
{
    while (rendering != NULL && rendering->value != value)
        rendering = rendering->next;
    return rendering;
}

/* Two threads may ask for the same claim at the same moment, and both write it. The second finds the first's text, and frees its own. */
static const struct rendering *keep_rendering(struct assay_verdict *verdict, struct rendering *made)
{
    made->next = atomic_load(&verdict->renderings);
    for (;;) {
        const struct rendering *other = find_rendering(made->next, made->value);

        if (other != NULL) {
            free(made);
            return other;
        }
        if (atomic_compare_exchange_weak(&verdict->renderings, &made->next, made))
            return made;
    }
}

int assay_verdict_claim_json(const struct assay_verdict *verdict, const char *pointer, const char **ret)
{
    const struct value *value;
    int status = find_claim(verdict, pointer, ret, &value);

    if (status != 0)
        return status;
    if (verdict->whole != NULL)
        verdict = verdict->whole;
    const struct rendering *kept = find_rendering(atomic_load(&verdict->renderings), value);

    if (kept == NULL) {
        size_t bytes = json_write(value, NULL);
        struct rendering *made = malloc(sizeof *made + bytes + 1);

        if (made == NULL)
            return ASSAY_E_NO_MEMORY;
        made->value = value;
        json_write(value, made->text);
        made->text[bytes] = '\0';
        kept = keep_rendering((struct assay_verdict *)verdict, made); /* the list is not part of what callers may rely on as unchanging */
    }
    *ret = kept->text;
    return 0;
}
