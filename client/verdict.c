/* One allocation holds a verdict and all that it points to. Nothing in it changes after it was returned, save for the list of
   claims that somebody asked for as JSON, which only grows. */
#include "verdict.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "pointer.h"
#include "status.h"

/* A claim as JSON, kept as long as the verdict. */
struct rendering {
    struct rendering *next;
    const struct value *value;
    char text[];
};

int verdict_refuse(int http_status, const char *reason, struct assay_verdict **ret_verdict)
{
    struct assay_verdict *verdict = calloc(1, sizeof *verdict);

    if (verdict == NULL)
        return ASSAY_E_NO_MEMORY;
    verdict->http_status = http_status;
    verdict->reason = reason;
    *ret_verdict = verdict;
    return ASSAY_E_REFUSED;
}

/* Words from elsewhere end up in logs: nothing in them may look like another line of one. */
static void copy_words(char *to, const char *text, size_t bytes)
{
    while (bytes > 0) {
        unsigned sequence = utf8_sequence(text, bytes);
        unsigned char first = (unsigned char)*text;
        bool plain = sequence > 0 && first >= 0x20 && first != 0x7f && !(first == 0xc2 && (unsigned char)text[1] < 0xa0);

        for (unsigned left = sequence > 0 ? sequence : 1; left > 0; left--, bytes--, text++)
            *to++ = plain ? *text : '?';
    }
    *to = '\0';
}

struct assay_verdict *verdict_undecided(int status, int error, const char *text, size_t text_bytes)
{
    struct assay_verdict *verdict = calloc(1, sizeof *verdict + text_bytes + 1);

    if (verdict == NULL)
        return NULL;
    copy_words((char *)(verdict + 1), text, text_bytes);
    verdict->text = (char *)(verdict + 1);
    verdict->reason = status_name(status);
    verdict->http_status = status == ASSAY_E_RATE_LIMITED ? 429 : 503;
    verdict->error = error;
    return verdict;
}

const struct value *verdict_result(const struct assay_verdict *verdict)
{
    return verdict->count > 0 ? verdict->values : NULL;
}

void verdict_free_at(struct assay_verdict **verdict)
{
    assay_verdict_free(*verdict);
}

struct assay_verdict *verdict_share(struct assay_verdict *verdict)
{
    atomic_fetch_add_explicit(&verdict->references, 1, memory_order_relaxed);
    return verdict;
}

/* Of those who share it the last frees it. `references` counts those beside the first. */
void assay_verdict_free(struct assay_verdict *verdict)
{
    if (verdict == NULL || verdict->whole != NULL) /* a part goes with its whole */
        return;
    if (atomic_load_explicit(&verdict->references, memory_order_acquire) > 0 &&
        atomic_fetch_sub_explicit(&verdict->references, 1, memory_order_acq_rel) > 0)
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
    return verdict != NULL ? verdict->http_status : 503;
}

const char *assay_verdict_reason(const struct assay_verdict *verdict)
{
    return verdict != NULL ? verdict->reason : NULL;
}

const char *assay_verdict_rule(const struct assay_verdict *verdict)
{
    return verdict != NULL ? verdict->rule : NULL;
}

const struct assay_verdict *assay_verdict_check(const struct assay_verdict *verdict, size_t index)
{
    return verdict != NULL && index < verdict->check_count ? &verdict->checks[index] : NULL;
}

const char *assay_verdict_text(const struct assay_verdict *verdict)
{
    return verdict != NULL ? verdict->text : NULL;
}

int assay_verdict_errno(const struct assay_verdict *verdict)
{
    return verdict != NULL ? verdict->error : 0;
}

/* Of an array of strings each is one node. */
static const char *string_at(const struct value *strings, size_t index)
{
    return strings != NULL && index < strings->count ? value_first(strings)[index].str : NULL;
}

const char *assay_verdict_role(const struct assay_verdict *verdict, size_t index)
{
    return verdict != NULL ? string_at(verdict->roles, index) : NULL;
}

const char *assay_verdict_scope(const struct assay_verdict *verdict, size_t index)
{
    return verdict != NULL ? string_at(verdict->scopes, index) : NULL;
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
        kept = keep_rendering((struct assay_verdict *)verdict, made); /* the list is not part of what was promised unchanging */
    }
    *ret = kept->text;
    return 0;
}
