/* One allocation holds a verdict and all that it points to. Nothing in it changes after a call has returned it, except the list of claims
   as JSON text, which only grows. */
#include "verdict.h"

#include <stdlib.h>
#include <string.h>

#include "client/wire/printable.h"
#include "status.h"

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

struct assay_verdict *verdict_undecided(int status, int error, const char *text, size_t text_bytes)
{
    struct assay_verdict *verdict = calloc(1, sizeof *verdict + text_bytes + 1);

    if (verdict == NULL)
        return NULL;
    char *own = memcpy(verdict + 1, text, text_bytes);

    make_printable_bytes(own, text_bytes); /* it ends up in logs */
    verdict->text = own;
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

/* The last reference frees the verdict. `references` counts those beside the first. */
void assay_verdict_free(struct assay_verdict *verdict)
{
    if (verdict == NULL || verdict->whole != NULL) /* a part is freed with the whole */
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

const char *assay_verdict_decision_id(const struct assay_verdict *verdict)
{
    if (verdict == NULL)
        return NULL;
    const struct value *id = value_member_of(verdict_result(verdict->whole != NULL ? verdict->whole : verdict), "decision_id", WIRE_STR);

    return id != NULL ? id->str : NULL;
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

/* In an array of strings, each is one node. */
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
