#include "question_agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void put_pair(struct wire_writer *out, const char *name, const char *text)
{
    wire_put_text(out, name);
    wire_put_text(out, text);
}

/* Those on /no… are refused. */
static void put_decision(struct wire_writer *out, const struct wire_item *resource)
{
    bool allow = resource->count < 3 || memcmp(resource->str, "/no", 3) != 0;

    wire_put_text(out, "allow");
    wire_put_bool(out, allow);
    wire_put_text(out, "status");
    wire_put_uint(out, allow ? 200 : 403);
    put_pair(out, "reason", allow ? NULL : "no_rule");
    put_pair(out, "rule", allow ? "r" : NULL);
}

static void put_claims(struct wire_writer *out)
{
    wire_put_text(out, "claims");
    wire_put_map(out, 1);
    put_pair(out, "email", "a@example.com");
}

static void put_holder(const struct manner *its, bool claims, struct wire_writer *out)
{
    const char *nobody = its->stranger ? NULL : "alice";

    put_pair(out, "subject", nobody);
    wire_put_text(out, "roles");
    wire_put_array(out, its->stranger ? 0 : 1);
    if (!its->stranger)
        wire_put_text(out, "user");
    put_pair(out, "issuer", its->stranger ? NULL : "i");
    wire_put_text(out, "expires_at");
    if (its->stranger)
        wire_put_nil(out);
    else
        wire_put_uint(out, 7);
    wire_put_text(out, "scopes");
    wire_put_array(out, 0);
    if (claims && its->stranger)
        put_pair(out, "claims", NULL);
    else if (claims)
        put_claims(out);
}

static bool has(const struct fake_request *request, const char *name)
{
    struct wire_cursor at;

    return wire_find(request->params, name, &at);
}

static void put_decisions(const struct manner *its, struct wire_cursor at, struct wire_writer *out)
{
    struct wire_item head, pair, action, resource;

    if (wire_next(&at, &head) != WIRE_OK)
        return;
    wire_put_text(out, "decisions");
    wire_put_array(out, head.count - (uint32_t)its->less);
    for (uint32_t i = (uint32_t)its->less; i < head.count; i++) {
        if (wire_next(&at, &pair) != WIRE_OK || wire_next(&at, &action) != WIRE_OK || wire_next(&at, &resource) != WIRE_OK)
            return;
        wire_put_map(out, 4);
        put_decision(out, &resource);
    }
}

static void put_yes(struct wire_writer *out)
{
    wire_put_map(out, 4);
    wire_put_text(out, "active");
    wire_put_bool(out, true);
    put_claims(out);
    put_pair(out, "issuer", "i");
    wire_put_text(out, "expires_at");
    wire_put_uint(out, 7);
}

static enum fake_action reply(void *context, const struct fake_request *request, struct wire_writer *out)
{
    struct manner *its = context;
    bool claims = has(request, "claims");
    struct wire_cursor at;
    struct wire_item resource;

    if (request->size > its->longest)
        its->longest = request->size;
    atomic_fetch_add(&its->claims_asked, claims);
    atomic_fetch_add(&its->stamps_asked, has(request, "stamp"));
    atomic_fetch_add(&its->checks_asked, has(request, "checks"));
    if (atomic_load(&its->holds))
        return FAKE_HOLD;
    usleep(1000 * (unsigned)atomic_load(&its->delay_ms));
    fake_answer(out, request->msgid);
    if (its->raw != NULL) {
        wire_put_raw(out, its->raw, its->raw_bytes);
    } else if (wire_is(&request->method, "verify")) {
        put_yes(out);
    } else if (wire_find(request->params, "checks", &at)) {
        wire_put_map(out, 6U + claims);
        put_decisions(its, at, out);
        put_holder(its, claims, out);
    } else if (wire_find(request->params, "resource", &at) && wire_next(&at, &resource) == WIRE_OK) {
        wire_put_map(out, 9U + claims);
        put_decision(out, &resource);
        put_holder(its, claims, out);
    }
    return FAKE_SEND;
}

struct manner manner;
struct fake_agent *agent;
struct assay *assay;

static int set_up_for(unsigned timeout_ms)
{
    const struct assay_options options = {.size = sizeof options, .cache_bytes = ASSAY_NO_CACHE, .timeout_ms = timeout_ms};

    memset(&manner, 0, sizeof manner);
    agent = fake_agent_start(reply, &manner, 0);
    assert_int_equal(assay_open(&assay, fake_agent_path(agent), &options), 0);
    return 0;
}

int set_up(void **state)
{
    (void)state;
    return set_up_for(0);
}

int set_up_short(void **state)
{
    (void)state;
    return set_up_for(SHORT_MS);
}

int tear_down(void **state)
{
    (void)state;
    assay_close(assay);
    fake_agent_stop(agent);
    return 0;
}

int ask(const struct assay_question *question)
{
    struct assay_verdict *verdict = (struct assay_verdict *)1;
    int status = assay_ask(assay, question, &verdict);

    verdict_agrees(verdict, status);
    assay_verdict_free(verdict);
    return status;
}
