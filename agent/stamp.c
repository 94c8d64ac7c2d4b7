#include "stamp.h"

#include <math.h>

#include "agent/door/answers.h"
#include "agent/keys/remotes.h"
#include "agent/revocation/feeds.h"

const char *stamp_refusal(const struct agent *agent)
{
    const struct config *config = agent->ring->config;

    if (!config->fast_path)
        return "the configuration has `fast_path: false`";
    if (config->log_decisions == DECISIONS_ALL)
        return "every decision is logged (`decisions: all`), so each has to be asked for";
    if (board_fd(agent->board) < 0)
        return "no memory can be shared with clients; the agent's log says why";
    return agent->stopping ? "the agent is stopping" : NULL;
}

/* A clock that stands far behind what this agent has seen is not believed, by whoever reads it. */
void stamp_times(const struct agent *agent, const struct token *token, double *ret_from, double *ret_until)
{
    double from = fmax(agent->clock.highest - CLOCK_BACK_SECONDS_MAX, 0);

    *ret_from = fmax(from, fmax(token->nbf, token->iat) - token->issuer->leeway);
    *ret_until = fmin(fmin(token->exp + token->issuer->leeway, feeds_until(agent->feeds, token->issuer)),
                      remotes_until(agent->remotes, token->issuer));
}

bool stamp_make(const struct agent *agent, const struct token *token, const struct basis *basis, struct stamp *ret)
{
    const struct page *page = board_page(agent->board);
    double from = 0, until = agent_now() + STAMP_SECONDS_WITHOUT_TOKEN;

    if (stamp_refusal(agent) != NULL || (token != NULL && (basis == NULL || !basis->judged)))
        return false;
    *ret = (struct stamp){.keys = atomic_load(&page->keys), .policy = atomic_load(&page->policy)};
    if (token != NULL) {
        stamp_times(agent, token, &from, &until);
        ret->basis = *basis;
    }
    ret->from = (uint64_t)ceil(from);
    ret->until = (uint64_t)until;
    return ret->from < ret->until;
}

void stamp_put(struct wire_writer *writer, const struct agent *agent, const struct stamp *stamp)
{
    wire_put_text(writer, "stamp");
    wire_put_map(writer, 6);
    put_pair_text(writer, "instance", agent->instance);
    put_pair_uint(writer, "from", stamp->from);
    put_pair_uint(writer, "until", stamp->until);
    put_pair_uint(writer, "keys", stamp->keys);
    put_pair_uint(writer, "policy", stamp->policy);
    wire_put_text(writer, "counters");
    wire_put_array(writer, stamp->basis.count);
    for (unsigned i = 0; i < stamp->basis.count; i++) {
        wire_put_array(writer, 2);
        wire_put_uint(writer, stamp->basis.index[i]);
        wire_put_uint(writer, stamp->basis.value[i]);
    }
}
