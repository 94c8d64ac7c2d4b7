/* Policies for tests, from text, and what they say about a token's holder. */
#ifndef ASSAY_TEST_AGENT_POLICY_H
#define ASSAY_TEST_AGENT_POLICY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/policy/decision.h"

#define TEXT(literal) ((struct text){literal, sizeof literal - 1})

/* Loads it. NULL: refused, and *faults (may be NULL) says why. */
struct policy *policy_try(const char *yaml, const struct config *config, struct faults *faults);

/* The same; the test fails if it is refused. */
struct policy *policy_of(const char *yaml);

/* Claims from JSON, valid until the call after the next seven. NULL: NULL. */
const struct claims *claims_of(const char *json);

/* "200 - rule", "403 no_rule -", …; `claims` is JSON, NULL: no token. Checks that allow, status and reason agree. Static. */
const char *answer(const struct policy *policy, const char *claims, const char *action, const char *resource);
const char *answer_of(const struct policy *policy, const char *claims, const struct issuer *issuer, const char *action,
                      const char *resource);

#define SAYS(policy, claims, action, resource, expected) assert_string_equal(answer(policy, claims, action, resource), expected)

#endif
