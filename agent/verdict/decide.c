#include "decide_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/feeds/feeds.h"
#include "agent/keys/refresh.h"
#include "agent/keys/remotes.h"
#include "agent/state/clock.h"
#include "renamed_keys.h"
#include "reuse.h"

struct checks *checks_new(void)
{
    return calloc(1, sizeof(struct checks));
}

void checks_free(struct checks *checks)
{
    free(checks);
}

/* A token in the last stage. */
struct judged {
    struct verdicts *verdicts;
    struct grounds *grounds; /* on which it was last found not revoked */
};

/* Reads which kinds of revocation exist, once after each commit. */
static int read_kinds(struct verdicts *verdicts, struct view *view)
{
    struct checks *checks = verdicts->checks;

    if (checks->kinds_commits == verdicts->core->commits)
        return 0;
    if (list_kinds(view, &checks->kinds) < 0)
        return -1;
    checks->kinds_commits = verdicts->core->commits;
    return 0;
}

/* Looks nothing up as long as none of its grounds has changed. */
static enum outcome judge(void *context, const struct token *token)
{
    struct judged *judged = context;
    struct verdicts *verdicts = judged->verdicts;
    struct grounds *grounds = judged->grounds;

    if (grounds_holds(verdicts->core->shared, grounds))
        return OUTCOME_ACCEPTED;
    if (grounds->count == 0 && grounds_of(verdicts->core->shared, verdicts->core->hasher, token, grounds) < 0)
        return OUTCOME_UNDECIDED;
    grounds_read(verdicts->core->shared, grounds);
    struct view *view = store_view(verdicts->core->store);

    if (view == NULL || read_kinds(verdicts, view) < 0)
        return OUTCOME_UNDECIDED;
    enum outcome outcome = list_judge(verdicts->core->hasher, view, verdicts->checks->kinds, token);

    if (outcome == OUTCOME_ACCEPTED)
        outcome = renamed_keys_judge(verdicts->renamed_keys, view, token);
    grounds->judged = outcome == OUTCOME_ACCEPTED;
    return outcome;
}

struct question decide_question(struct verdicts *verdicts, struct text audience, const struct bounds *bounds)
{
    struct question question = {
        .issuers = verdicts->core->ring->issuers,
        .issuer_count = verdicts->core->ring->count,
        .audience = audience,
        .bounds = bounds,
        .now = core_turn_now(verdicts->core),
        .room = &verdicts->checks->room,
    };

    return question;
}

static void count(struct counters *counters, enum outcome outcome, const struct token *token)
{
    if (outcome == OUTCOME_ACCEPTED)
        counters->accepted++;
    else if (outcome == OUTCOME_REFUSED)
        counters->refused[token->reason]++;
    else
        counters->undecided++;
    if (token->issuer != NULL && token->issuer->shadow && outcome == OUTCOME_REFUSED)
        counters->shadow[token->judged]++;
}

/* Ends a decision. A question about the signature alone comes from an administrator, and is not counted as a verification. */
void decide_conclude(struct verdicts *verdicts, struct decision *decision, enum outcome outcome, const struct token *token,
                     struct text audience, bool signature_only)
{
    *decision = (struct decision){.outcome = outcome, .token = token, .audience = audience};
    decision->issuer = keyring_entry_of(verdicts->core->ring, token->issuer);
    decision->doubt = verdicts->checks->doubt;
    decision->why = verdicts->checks->why;
    verdicts->checks->doubt = DOUBT_FAILED;
    if (!signature_only)
        count(&verdicts->counters, outcome, token);
}

/* With yesterday's clock, yesterday's tokens would still be accepted. */
static enum outcome doubt_clock(struct verdicts *verdicts, double now)
{
    snprintf(verdicts->checks->why, sizeof verdicts->checks->why,
             "the clock is %.0f s behind the latest time that this agent has seen; set it (NTP), or if it is right, run: assay reload "
             "--accept-clock",
             verdicts->core->clock->highest - now);
    verdicts->checks->doubt = DOUBT_CLOCK;
    return OUTCOME_UNDECIDED;
}

/* Are the issuer's keys, and the revocations, confirmed to match their sources? */
static enum outcome judge_sources(struct verdicts *verdicts, const struct token *token, double now)
{
    if (!remotes_are_fresh(verdicts->core->remotes, token->issuer, now, verdicts->checks->why)) {
        verdicts->checks->doubt = DOUBT_AGE;
        return OUTCOME_UNDECIDED;
    }
    const struct keyring_entry *entry = keyring_entry_of(verdicts->core->ring, token->issuer);

    if (entry != NULL && refresh_keys_are_late(verdicts->core->refresh, (unsigned)(entry - verdicts->core->ring->entries))) {
        snprintf(verdicts->checks->why, sizeof verdicts->checks->why, "the key file of %.120s has changed, and the agent could not read it in time",
                 token->issuer->names.list[0].at);
        verdicts->checks->doubt = DOUBT_AGE;
        return OUTCOME_UNDECIDED;
    }
    if (!feeds_are_fresh(verdicts->core->feeds, token->issuer, now, verdicts->checks->why)) {
        verdicts->checks->doubt = DOUBT_FEED;
        return OUTCOME_UNDECIDED;
    }
    return OUTCOME_ACCEPTED;
}

/* The checks of every call, for a token whose signature and claims are good. */
enum outcome decide_judge_now(struct verdicts *verdicts, struct token *token, struct grounds *grounds, struct text audience,
                              const struct bounds *bounds)
{
    struct judged judged = {verdicts, grounds};
    struct revocations revocations = {judge, &judged};
    struct question question = decide_question(verdicts, audience, bounds);

    question.revocations = &revocations;
    clock_saw(verdicts->core->clock, question.now);
    if (!clock_is_trusted(verdicts->core->clock, question.now))
        return doubt_clock(verdicts, question.now);
    enum outcome outcome = token_check(token, &question, STAGE_NOW, STAGE_NOW);

    if (outcome == OUTCOME_ACCEPTED && (outcome = judge_sources(verdicts, token, question.now)) == OUTCOME_UNDECIDED)
        grounds->judged = false; /* it must not count as an acceptance when the sources are good again: something may have been missed */
    return outcome;
}

static enum outcome judge_entry(struct verdicts *verdicts, struct entry *entry, struct text audience, const struct bounds *bounds)
{
    clock_saw(verdicts->core->clock, core_turn_now(verdicts->core)); /* which may make the keys' generation grow */
    if (reuse_may(verdicts->core, entry, audience, bounds))
        return OUTCOME_ACCEPTED;
    enum outcome outcome = decide_judge_now(verdicts, &entry->token, &entry->grounds, audience, bounds);

    if (outcome == OUTCOME_ACCEPTED)
        reuse_keep(verdicts->core, entry, audience, bounds);
    else
        entry->reuse = (struct reuse){0}; /* its grounds were read again, so it would seem to hold */
    return outcome;
}

/* The outcome of the form counts only with keys that the issuer is known to have. False: they are being fetched. */
static bool has_keys(struct verdicts *verdicts, enum outcome *outcome, bool signature_only, struct pending *ret_pending)
{
    struct checks *checks = verdicts->checks;
    enum need need = remotes_need(verdicts->core->remotes, &checks->token, *outcome, signature_only, checks->why);

    if (need == NEED_KEYS || need == NEED_FRESH_KEYS) {
        checks->doubt = need == NEED_KEYS ? DOUBT_KEYS : DOUBT_AGE;
        *outcome = OUTCOME_UNDECIDED;
    }
    *ret_pending = (struct pending){&checks->token, need == NEED_FETCH};
    return need != NEED_FETCH;
}

/* To this caller the issuer does not exist: the answer is the one for an issuer that was never configured. */
static void conclude_unknown(struct verdicts *verdicts, struct text text, struct text audience, bool signature_only, struct decision *decision)
{
    struct token *token = &verdicts->checks->token;

    *token = token_of(text.at, text.bytes);
    token->reason = REASON_UNKNOWN_ISSUER;
    decide_conclude(verdicts, decision, OUTCOME_REFUSED, token, audience, signature_only);
}

bool decide_now(struct verdicts *verdicts, struct text text, struct text audience, const struct bounds *bounds, bool signature_only,
                struct decision *ret_decision, struct pending *ret_pending)
{
    struct checks *checks = verdicts->checks;
    struct entry *entry = cache_find(verdicts->cache, text.at, text.bytes, cache_hash(verdicts->cache, text.at, text.bytes));

    if (entry != NULL && !bounds_have_issuer(bounds, entry->token.issuer)) {
        conclude_unknown(verdicts, text, audience, signature_only, ret_decision);
        return true;
    }
    if (entry != NULL) {
        enum outcome outcome = signature_only ? OUTCOME_ACCEPTED : judge_entry(verdicts, entry, audience, bounds);

        decide_conclude(verdicts, ret_decision, outcome, &entry->token, audience, signature_only);
        ret_decision->entry = entry;
        ret_decision->grounds = &entry->grounds;
        return true;
    }
    struct question question = decide_question(verdicts, audience, bounds);

    checks->token = token_of(text.at, text.bytes);
    enum outcome outcome = token_check(&checks->token, &question, STAGE_FORM, STAGE_FORM);

    if (!has_keys(verdicts, &outcome, signature_only, ret_pending) || outcome == OUTCOME_ACCEPTED)
        return false;
    decide_conclude(verdicts, ret_decision, outcome, &checks->token, audience, signature_only);
    return true;
}
