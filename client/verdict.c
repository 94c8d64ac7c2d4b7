/* One allocation holds a verdict and all that it points to. Nothing in it changes after it was returned, save for the list of
   claims that somebody asked for as JSON, which only grows. */
#include "verdict.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "pointer.h"

/* A claim as JSON, kept as long as the verdict. */
struct rendering {
    struct rendering *next;
    const struct value *value;
    char text[];
};

struct assay_verdict {
    bool ok;
    const char *reason;
    const char *issuer;
    const char *subject;
    int64_t expires_at;
    const struct value *claims; /* NULL after a no */
    _Atomic(struct rendering *) renderings;
    size_t count;
    struct value values[]; /* what the agent said; after them their text */
};

/* Names that stand twice would make two answers of one. The agent's has 6 at most, a later one's hardly more than this. */
#define RESULT_NAMES_MAX 32

static bool names_differ(const struct value *map)
{
    const struct value *names[RESULT_NAMES_MAX];
    const struct value *name = value_first(map);

    if (map->count > RESULT_NAMES_MAX)
        return false;
    for (uint32_t i = 0; i < map->count; i++) {
        for (uint32_t earlier = 0; earlier < i; earlier++)
            if (strcmp(names[earlier]->str, name->str) == 0)
                return false;
        names[i] = name;
        name = value_next(value_next(name));
    }
    return true;
}

/* Everything that the protocol promises beside a yes must be there: an agent that leaves some of it out is not the one that this
   library knows, and its yes may not mean the same. */
static int read_yes(const struct value *result, struct assay_verdict *verdict)
{
    const struct value *claims = value_member_of(result, "claims", WIRE_MAP);
    const struct value *issuer = value_member_of(result, "issuer", WIRE_STR);
    const struct value *expires_at = value_member_of(result, "expires_at", WIRE_UINT);
    const struct value *reason = value_member(result, "reason");
    const struct value *subject = value_member_of(claims, "sub", WIRE_STR);

    if (claims == NULL || issuer == NULL || expires_at == NULL || expires_at->uint > INT64_MAX)
        return ASSAY_E_PROTOCOL;
    if (reason != NULL && reason->type != WIRE_NIL)
        return ASSAY_E_PROTOCOL;
    verdict->claims = claims;
    verdict->issuer = issuer->str;
    verdict->expires_at = (int64_t)expires_at->uint;
    verdict->subject = subject != NULL ? subject->str : NULL;
    verdict->ok = true;
    return 0;
}

static int read_no(const struct value *result, struct assay_verdict *verdict)
{
    const struct value *reason = value_member_of(result, "reason", WIRE_STR);

    if (reason == NULL || reason->count == 0)
        return ASSAY_E_PROTOCOL;
    verdict->reason = reason->str;
    return ASSAY_E_REFUSED;
}

/* Only the boolean true is a yes: not 1, not "true". */
static int judge(const struct value *result, struct assay_verdict *verdict)
{
    if (result->type != WIRE_MAP || !names_differ(result))
        return ASSAY_E_PROTOCOL;
    const struct value *active = value_member_of(result, "active", WIRE_BOOL);

    if (active == NULL)
        return ASSAY_E_PROTOCOL;
    return active->boolean ? read_yes(result, verdict) : read_no(result, verdict);
}

/* The whole result is read, not only what is used here: a string that may not be is refused wherever it stands. */
int verdict_read(struct wire_cursor result, struct assay_verdict **ret_verdict)
{
    struct value_size size;
    int status = value_size(result, &size);

    if (status != 0)
        return status;
    struct assay_verdict *verdict = malloc(sizeof *verdict + size.nodes * sizeof verdict->values[0] + size.text_bytes);

    if (verdict == NULL)
        return ASSAY_E_NO_MEMORY;
    *verdict = (struct assay_verdict){.count = size.nodes};
    value_build(result, verdict->values, (char *)(verdict->values + size.nodes));
    status = judge(verdict->values, verdict);
    if (status == 0 || status == ASSAY_E_REFUSED)
        *ret_verdict = verdict;
    else
        assay_verdict_free(verdict);
    return status;
}

int verdict_refuse(const char *reason, struct assay_verdict **ret_verdict)
{
    struct assay_verdict *verdict = calloc(1, sizeof *verdict);

    if (verdict == NULL)
        return ASSAY_E_NO_MEMORY;
    verdict->reason = reason;
    *ret_verdict = verdict;
    return ASSAY_E_REFUSED;
}

const struct value *verdict_result(const struct assay_verdict *verdict)
{
    return verdict->count > 0 ? verdict->values : NULL;
}

void verdict_free_at(struct assay_verdict **verdict)
{
    assay_verdict_free(*verdict);
}

void assay_verdict_free(struct assay_verdict *verdict)
{
    if (verdict == NULL)
        return;
    struct rendering *rendering = atomic_load(&verdict->renderings);

    while (rendering != NULL) {
        struct rendering *next = rendering->next;

        free(rendering);
        rendering = next;
    }
    free(verdict);
}

bool assay_verdict_ok(const struct assay_verdict *verdict)
{
    return verdict != NULL && verdict->ok;
}

int assay_verdict_http_status(const struct assay_verdict *verdict)
{
    if (verdict == NULL)
        return 503;
    return verdict->ok ? 200 : 401;
}

const char *assay_verdict_reason(const struct assay_verdict *verdict)
{
    return verdict != NULL ? verdict->reason : NULL;
}

const char *assay_verdict_subject(const struct assay_verdict *verdict)
{
    return verdict != NULL ? verdict->subject : NULL;
}

const char *assay_verdict_issuer(const struct assay_verdict *verdict)
{
    return verdict != NULL ? verdict->issuer : NULL;
}

int64_t assay_verdict_expires_at(const struct assay_verdict *verdict)
{
    return verdict != NULL ? verdict->expires_at : 0;
}

/* What the look-ups share. A refused token has no claims: nobody vouches for them. */
static int find_claim(const struct assay_verdict *verdict, const char *pointer, const void *ret, const struct value **ret_value)
{
    if (pointer == NULL || ret == NULL)
        return ASSAY_E_ARGUMENT;
    if (verdict == NULL || verdict->claims == NULL)
        return ASSAY_E_NO_CLAIM;
    return pointer_find(verdict->claims, pointer, ret_value);
}

int assay_verdict_claim_string(const struct assay_verdict *verdict, const char *pointer, const char **ret)
{
    const struct value *value;
    int status = find_claim(verdict, pointer, ret, &value);

    if (status != 0)
        return status;
    if (value->type != WIRE_STR)
        return ASSAY_E_CLAIM_TYPE;
    *ret = value->str;
    return 0;
}

/* Exactly, or not at all. -2^63 is a double, 2^63 - 1 is none: the bound above is the next one, 2^63, left out. */
static bool whole_number(const struct value *value, int64_t *ret_number)
{
    switch (value->type) {
    case WIRE_UINT:
        if (value->uint > INT64_MAX)
            return false;
        *ret_number = (int64_t)value->uint;
        return true;
    case WIRE_INT:
        *ret_number = value->sint;
        return true;
    case WIRE_DOUBLE:
        if (!(value->real >= -0x1p63 && value->real < 0x1p63) || (double)(int64_t)value->real != value->real)
            return false;
        *ret_number = (int64_t)value->real;
        return true;
    default:
        return false;
    }
}

int assay_verdict_claim_int(const struct assay_verdict *verdict, const char *pointer, int64_t *ret)
{
    const struct value *value;
    int status = find_claim(verdict, pointer, ret, &value);

    if (status != 0)
        return status;
    return whole_number(value, ret) ? 0 : ASSAY_E_CLAIM_TYPE;
}

int assay_verdict_claim_bool(const struct assay_verdict *verdict, const char *pointer, bool *ret)
{
    const struct value *value;
    int status = find_claim(verdict, pointer, ret, &value);

    if (status != 0)
        return status;
    if (value->type != WIRE_BOOL)
        return ASSAY_E_CLAIM_TYPE;
    *ret = value->boolean;
    return 0;
}

int assay_verdict_claim_count(const struct assay_verdict *verdict, const char *pointer, size_t *ret)
{
    const struct value *value;
    int status = find_claim(verdict, pointer, ret, &value);

    if (status != 0)
        return status;
    if (value->type != WIRE_ARRAY && value->type != WIRE_MAP)
        return ASSAY_E_CLAIM_TYPE;
    *ret = value->count;
    return 0;
}

static const struct rendering *find_rendering(const struct rendering *rendering, const struct value *value)
{
    while (rendering != NULL && rendering->value != value)
        rendering = rendering->next;
    return rendering;
}

/* Two threads that ask for the same claim at the same moment both write it; whoever is second finds the first's, and drops its
   own. */
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
    const struct rendering *kept = find_rendering(atomic_load(&verdict->renderings), value);

    if (kept == NULL) {
        size_t bytes = json_write(value, NULL);
        struct rendering *made = malloc(sizeof *made + bytes + 1);

        if (made == NULL)
            return ASSAY_E_NO_MEMORY;
        made->value = value;
        json_write(value, made->text);
        made->text[bytes] = '\0';
        kept = keep_rendering((struct assay_verdict *)verdict, made); /* the list is not part of what was promised unchanging */
    }
    *ret = kept->text;
    return 0;
}
