#include "asking.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "aaaa.bbbb.cccc"

struct assay *open_at(const struct fake_agent *agent, unsigned timeout_ms)
{
    struct assay_options options = {.size = sizeof options, .timeout_ms = timeout_ms, .cache_bytes = ASSAY_NO_CACHE};
    struct assay *assay;

    assert_int_equal(assay_open(&assay, fake_agent_path(agent), &options), 0);
    return assay;
}

int verify(struct assay *assay)
{
    return assay_verify(assay, TOKEN, strlen(TOKEN), NULL, NULL);
}

int ask_for(struct assay *assay, const char *who, int number)
{
    struct assay_verdict *verdict = NULL;
    char token[64];
    int bytes = snprintf(token, sizeof token, "%s.%d", who, number);
    int status = assay_verify(assay, token, (size_t)bytes, NULL, &verdict);

    if (status == 0 && strcmp(assay_verdict_subject(verdict), token) != 0)
        status = 1;
    assay_verdict_free(verdict);
    return status;
}
