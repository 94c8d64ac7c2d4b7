#include "question.h"

#include "sized.h"

_Static_assert(offsetof(struct assay_question, timeout_ms) + sizeof(unsigned) == sizeof(struct assay_question),
               "no room for a later member that nobody sets");

static const char *checks_fault(const struct assay_question *given)
{
    if (given->action != NULL || given->resource != NULL)
        return "the question has both checks and an action or a resource";
    if (given->checks == NULL || given->check_count == 0 || given->check_count > CHECKS_MAX)
        return "there are no checks, or more than 256";
    for (size_t i = 0; i < given->check_count; i++)
        if (given->checks[i].action == NULL || given->checks[i].resource == NULL)
            return "one of the checks has no action or no resource";
    return NULL;
}

const char *question_read(const struct assay *assay, const struct assay_question *given, struct question *ret_question, const struct question_kind **ret_kind)
{
    if (given == NULL || !sized_is_known(given, given->size, sizeof *given))
        return "the question is NULL, has no size, or has a member that this version of libassay does not know";
    if ((given->what & ~(unsigned)ASSAY_ASK_CLAIMS) != ASSAY_ASK_VERIFY && (given->what & ~(unsigned)ASSAY_ASK_CLAIMS) != ASSAY_ASK_AUTHORIZE)
        return "`what` is neither ASSAY_ASK_VERIFY nor ASSAY_ASK_AUTHORIZE, or has more than this version of libassay knows";
    bool is_authorize = (given->what & ASSAY_ASK_AUTHORIZE) != 0, several = given->checks != NULL || given->check_count > 0;

    *ret_question = (struct question){
        .token = given->token,
        .token_bytes = given->token_bytes,
        .audience = given->audience,
        .action = given->action,
        .resource = given->resource,
        .checks = given->checks,
        .check_count = (uint32_t)given->check_count,
        .timeout_ms = given->timeout_ms,
        .claims = is_authorize && (given->what & ASSAY_ASK_CLAIMS) != 0,
    };
    *ret_kind = !is_authorize ? &kind_verify : several ? &kind_checks : &kind_authorize;
    if (!is_authorize && (several || given->action != NULL || given->resource != NULL))
        return "an action, a resource or checks belong to ASSAY_ASK_AUTHORIZE";
    if (!is_authorize)
        return verify_fault(assay, ret_question);
    if (!several)
        return authorize_fault(assay, ret_question);
    if (assay == NULL || (given->token == NULL && given->token_bytes > 0))
        return "the handle is NULL, or the token is NULL and not empty";
    return checks_fault(given);
}
