/* A question in the library's own form, made from the arguments of a call or from a struct assay_question. */
#ifndef ASSAY_CLIENT_QUESTION_H
#define ASSAY_CLIENT_QUESTION_H

#include "ask.h"

/* What is wrong with a call's arguments; NULL: nothing that can be seen before anything else. */
static inline const char *verify_fault(const struct assay *assay, const struct question *question)
{
    return assay == NULL ? "the handle is NULL" : question->token == NULL ? "the token is NULL" : NULL;
}

static inline const char *authorize_fault(const struct assay *assay, const struct question *question)
{
    if (assay == NULL)
        return "the handle is NULL";
    if (question->token == NULL && question->token_bytes > 0)
        return "the token is NULL, and not empty";
    return question->action == NULL ? "the action is NULL" : question->resource == NULL ? "the resource is NULL" : NULL;
}

/* Reads the structure. Returns NULL with *ret_question and *ret_kind set; else what is wrong. */
const char *question_read(const struct assay *assay, const struct assay_question *given, struct question *ret_question, const struct question_kind **ret_kind);

#endif
