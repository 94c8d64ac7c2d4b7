#include "stamp.h"

#include <math.h>

#include "agent/base/limits.h"
#include "agent/base/pairs.h"
#include "agent/config/config.h"
#include "agent/fastpath/shared_page.h"
#include "agent/feeds/feeds.h"
#include "agent/keys/keyring.h"
#include "agent/keys/remotes.h"
#include "agent/state/clock.h"
#include "agent/token/verify.h"
#include "grounds.h"

const char *stamp_refusal(const struct core *core)
{
    const struct config *config = core->ring->config;

    if (!config->fast_path)
        return "the configuration has `fast_path: false`";
    if (config->log_decisions == DECISIONS_ALL)
        return "every decision is logged (`decisions: all`), so the agent must see each request";
    if (shared_page_fd(core->shared) < 0)
        return "no memory can be shared with clients; see the agent's log";
    return core->stopping ? "the agent is stopping" : NULL;
}

/* A reader must not trust a clock that is far behind the latest time that this agent has seen. */
void stamp_times(const struct core *core, const struct token *token, double *ret_from, double *ret_until)
{
    double from = fmax(core->clock->highest - CLOCK_BACK_SECONDS_MAX, 0);

    *ret_from = fmax(from, fmax(token->nbf, token->iat) - token->issuer->leeway);
    *ret_until = fmin(fmin(token->exp + token->issuer->leeway, feeds_until(core->feeds, token->issuer)),
                      remotes_until(core->remotes, token->issuer));
}

bool stamp_make(const struct core *core, const struct token *token, const struct grounds *grounds, struct stamp *ret)
{
    const struct page *page = shared_page_at(core->shared);
    double from = 0, until = unix_now() + STAMP_SECONDS_WITHOUT_TOKEN;

    if (stamp_refusal(core) != NULL || (token != NULL && (grounds == NULL || !grounds->judged)))
        return false;
    *ret = (struct stamp){.keys = atomic_load(&page->keys), .policy = atomic_load(&page->policy)};
    if (token != NULL) {
        stamp_times(core, token, &from, &until);
        ret->grounds = *grounds;
    }
    ret->from = (uint64_t)ceil(from);
    ret->until = (uint64_t)until;
    return ret->from < ret->until;
}

void stamp_put(struct wire_writer *writer, const struct core *core, const struct stamp *stamp)
{
    wire_put_text(writer, "stamp");
    wire_put_map(writer, 6);
    put_pair_text(writer, "instance", core->instance);
    put_pair_uint(writer, "from", stamp->from);
    put_pair_uint(writer, "until", stamp->until);
    put_pair_uint(writer, "keys", stamp->keys);
    put_pair_uint(writer, "policy", stamp->policy);
    wire_put_text(writer, "counters");
    wire_put_array(writer, stamp->grounds.count);
    for (unsigned i = 0; i < stamp->grounds.count; i++) {
        wire_put_array(writer, 2);
        wire_put_uint(writer, stamp->grounds.index[i]);
        wire_put_uint(writer, stamp->grounds.value[i]);
    }
}
