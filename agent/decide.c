#include "decide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/in_force.h"
#include "agent/keys/remotes.h"
#include "agent/refresh.h"
#include "agent/repeat.h"
#include "agent/revocation/feeds.h"

#define BUCKETS 1024 /* a power of two */

/* A signature check under way, and everybody who waits for it. One allocation: the token's bytes follow. */
struct check {
    struct task task; /* first: a task is its check */
    struct check *next;
    uint64_t hash;
    size_t bytes;
    struct keyring *ring; /* under which it began */
    struct waiter *waiters;
};

struct checks {
    struct check *buckets[BUCKETS];
    struct token_room room; /* of the token that was read last */
    struct token token;
    uint64_t hash;
    bool needs_fetch; /* of its issuer's keys, before anything can be said */
    size_t bytes;   /* of all checks under way */
    unsigned kinds; /* of revocation that there are */
    uint64_t kinds_commits; /* as of then */
    enum doubt doubt; /* why what was asked last is undecided */
    char why[256];
};

struct checks *checks_new(void)
{
    return calloc(1, sizeof(struct checks));
}

void checks_free(struct checks *checks)
{
    free(checks);
}

/* A token on its way through the last stage. */
struct judged {
    struct agent *agent;
    struct basis *basis; /* on which it was last found not revoked */
};

/* Which kinds of revocation there are is asked once after each commit. */
static int read_kinds(struct agent *agent, struct view *view)
{
    struct checks *checks = agent->checks;

    if (checks->kinds_commits == agent->commits)
        return 0;
    if (list_kinds(view, &checks->kinds) < 0)
        return -1;
    checks->kinds_commits = agent->commits;
    return 0;
}

/* Nothing is looked up as long as nothing that it rests on has changed. */
static enum outcome judge(void *context, const struct token *token)
{
    struct judged *judged = context;
    struct agent *agent = judged->agent;
    struct basis *basis = judged->basis;

    if (basis_holds(agent->board, basis))
        return OUTCOME_ACCEPTED;
    if (basis->count == 0 && basis_of(agent->board, agent->hasher, token, basis) < 0)
        return OUTCOME_UNDECIDED;
    basis_read(agent->board, basis);
    struct view *view = store_view(agent->store);

    if (view == NULL || read_kinds(agent, view) < 0)
        return OUTCOME_UNDECIDED;
    enum outcome outcome = list_judge(agent->hasher, view, agent->checks->kinds, token);

    if (outcome == OUTCOME_ACCEPTED && agent->covers != NULL)
        outcome = agent_judge_former_kids(agent, view, token);
    basis->judged = outcome == OUTCOME_ACCEPTED;
    return outcome;
}

static struct question question_of(struct agent *agent, struct text audience, const struct bounds *bounds)
{
    struct question question = {
        .issuers = agent->ring->issuers,
        .issuer_count = agent->ring->count,
        .audience = audience,
        .bounds = bounds,
        .now = agent_turn_now(agent),
        .room = &agent->checks->room,
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

/* A question about the signature alone is an administrator's, and no verification that is counted. */
static void conclude(struct agent *agent, struct decision *decision, enum outcome outcome, const struct token *token,
                     bool signature_only)
{
    *decision = (struct decision){.outcome = outcome, .token = token};
    decision->issuer = keyring_entry_of(agent->ring, token->issuer);
    decision->doubt = agent->checks->doubt;
    decision->why = agent->checks->why;
    agent->checks->doubt = DOUBT_FAILED;
    if (!signature_only)
        count(&agent->counters, outcome, token);
}

/* Yesterday's clock would make yesterday's tokens good. */
static enum outcome doubt_clock(struct agent *agent, double now)
{
    snprintf(agent->checks->why, sizeof agent->checks->why,
             "the clock is %.0f s behind the highest time that this agent has seen; set it (NTP), or if it is right: assay reload "
             "--accept-clock",
             agent->clock.highest - now);
    agent->checks->doubt = DOUBT_CLOCK;
    return OUTCOME_UNDECIDED;
}

/* Are the issuer's keys, and what is said to be revoked, what their sources say? */
static enum outcome judge_sources(struct agent *agent, const struct token *token, double now)
{
    if (!remotes_are_fresh(agent->remotes, token->issuer, now, agent->checks->why)) {
        agent->checks->doubt = DOUBT_AGE;
        return OUTCOME_UNDECIDED;
    }
    const struct keyring_entry *entry = keyring_entry_of(agent->ring, token->issuer);

    if (entry != NULL && refresh_keys_are_late(agent->refresh, (unsigned)(entry - agent->ring->entries))) {
        snprintf(agent->checks->why, sizeof agent->checks->why, "the key file of %.120s has changed, and could not be read in time",
                 token->issuer->names.list[0].at);
        agent->checks->doubt = DOUBT_AGE;
        return OUTCOME_UNDECIDED;
    }
    if (!feeds_are_fresh(agent->feeds, token->issuer, now, agent->checks->why)) {
        agent->checks->doubt = DOUBT_FEED;
        return OUTCOME_UNDECIDED;
    }
    return OUTCOME_ACCEPTED;
}

/* What is asked on every call, of a token whose signature and claims are good. */
static enum outcome judge_now(struct agent *agent, struct token *token, struct basis *basis, struct text audience,
                              const struct bounds *bounds)
{
    struct judged judged = {agent, basis};
    struct revocations revocations = {judge, &judged};
    struct question question = question_of(agent, audience, bounds);

    question.revocations = &revocations;
    clock_saw(agent, question.now);
    if (!clock_is_trusted(agent, question.now))
        return doubt_clock(agent, question.now);
    enum outcome outcome = token_check(token, &question, STAGE_NOW, STAGE_NOW);

    if (outcome == OUTCOME_ACCEPTED && (outcome = judge_sources(agent, token, question.now)) == OUTCOME_UNDECIDED)
        basis->judged = false; /* nobody may take it for a yes when the sources are good again: something may have been missed */
    return outcome;
}

static enum outcome judge_entry(struct agent *agent, struct entry *entry, struct text audience, const struct bounds *bounds)
{
    clock_saw(agent, agent_turn_now(agent)); /* which may make the keys' generation grow */
    if (repeat_may(agent, entry, audience, bounds))
        return OUTCOME_ACCEPTED;
    enum outcome outcome = judge_now(agent, &entry->token, &entry->basis, audience, bounds);

    if (outcome == OUTCOME_ACCEPTED)
        repeat_keep(agent, entry, audience, bounds);
    else
        entry->repeat = (struct repeat){0}; /* its basis was read anew, and would hold by that */
    return outcome;
}

/* What the form says counts only by keys that the issuer is known to have. False: they are being fetched. */
static bool has_keys(struct agent *agent, enum outcome *outcome, bool signature_only)
{
    struct checks *checks = agent->checks;
    enum need need = remotes_need(agent->remotes, &checks->token, *outcome, signature_only, checks->why);

    checks->needs_fetch = need == NEED_FETCH;
    if (need == NEED_KEYS || need == NEED_FRESH_KEYS) {
        checks->doubt = need == NEED_KEYS ? DOUBT_KEYS : DOUBT_AGE;
        *outcome = OUTCOME_UNDECIDED;
    }
    return !checks->needs_fetch;
}

/* To who asks, this issuer is nobody: the answer is that to a token which was never seen. */
static void conclude_unknown(struct agent *agent, struct text text, bool signature_only, struct decision *decision)
{
    struct token *token = &agent->checks->token;

    *token = token_of(text.at, text.bytes);
    token->reason = REASON_UNKNOWN_ISSUER;
    conclude(agent, decision, OUTCOME_REFUSED, token, signature_only);
}

bool decide_now(struct agent *agent, struct text text, struct text audience, const struct bounds *bounds, bool signature_only,
                struct decision *ret_decision)
{
    struct checks *checks = agent->checks;
    struct entry *entry = cache_find(agent->cache, text.at, text.bytes, cache_hash(agent->cache, text.at, text.bytes));

    if (entry != NULL && !bounds_have_issuer(bounds, entry->token.issuer)) {
        conclude_unknown(agent, text, signature_only, ret_decision);
        return true;
    }
    if (entry != NULL) {
        enum outcome outcome = signature_only ? OUTCOME_ACCEPTED : judge_entry(agent, entry, audience, bounds);

        conclude(agent, ret_decision, outcome, &entry->token, signature_only);
        ret_decision->entry = entry;
        ret_decision->basis = &entry->basis;
        return true;
    }
    struct question question = question_of(agent, audience, bounds);

    checks->token = token_of(text.at, text.bytes);
    enum outcome outcome = token_check(&checks->token, &question, STAGE_FORM, STAGE_FORM);

    if (!has_keys(agent, &outcome, signature_only) || outcome == OUTCOME_ACCEPTED)
        return false;
    conclude(agent, ret_decision, outcome, &checks->token, signature_only);
    return true;
}

static struct check **bucket_of(struct checks *checks, uint64_t hash)
{
    return &checks->buckets[hash & (BUCKETS - 1)];
}

/* One whose issuer has the keys under which it began: by others it may be checked with a key that is no longer there. */
static struct check *find_check(struct agent *agent)
{
    struct checks *checks = agent->checks;

    for (struct check *check = *bucket_of(checks, checks->hash); check != NULL; check = check->next) {
        if (check->hash == checks->hash && text_is(check->task.token.text, checks->token.text.at, checks->token.text.bytes) &&
            keyring_carry(check->ring, agent->ring, check->task.token.issuer) != NULL)
            return check;
    }
    return NULL;
}

static void check_free(struct agent *agent, struct check *check)
{
    agent->checks->bytes -= check->bytes;
    keyring_drop(check->ring);
    explicit_bzero(check, check->bytes);
    free(check);
}

/* A copy of the token that was read last, with all that it points to. */
static struct check *check_new(struct agent *agent)
{
    const struct token *token = &agent->checks->token;
    size_t bytes = sizeof(struct check) + token->text.bytes + token->claims.bytes + token->signature_bytes;
    struct check *check = agent->checks->bytes + bytes <= CHECKS_BYTES_MAX ? malloc(bytes) : NULL;

    if (check == NULL)
        return NULL;
    agent->checks->bytes += bytes;
    memset(check, 0, sizeof *check);
    char *text = (char *)(check + 1);
    uint8_t *wire = (uint8_t *)memcpy(text, token->text.at, token->text.bytes) + token->text.bytes;
    uint8_t *signature = (uint8_t *)memcpy(wire, token->claims.wire, token->claims.bytes) + token->claims.bytes;

    memcpy(signature, token->signature_at, token->signature_bytes);
    check->bytes = bytes;
    check->hash = agent->checks->hash;
    check->ring = keyring_hold(agent->ring);
    check->task.token = *token;
    check->task.token.text.at = text;
    check->task.token.claims.wire = wire;
    check->task.token.signature_at = signature;
    check->task.token.kid.at = check->task.token.typ.at = NULL;
    return check;
}

int decide_later(struct agent *agent, struct waiter *waiter)
{
    if (agent->checks->needs_fetch)
        return remotes_wait(agent->remotes, &agent->checks->token, waiter);
    agent->checks->hash = cache_hash_whole(agent->cache, agent->checks->token.text.at, agent->checks->token.text.bytes);
    struct check *check = find_check(agent);

    if (check != NULL) {
        agent->counters.joined++;
    } else {
        check = check_new(agent);
        if (check == NULL)
            return -1;
        if (workers_submit(agent->workers, &check->task, waiter->line) < 0) {
            check_free(agent, check);
            return -1;
        }
        struct check **bucket = bucket_of(agent->checks, check->hash);

        check->next = *bucket;
        *bucket = check;
    }
    waiter->next = check->waiters;
    check->waiters = waiter;
    return 0;
}

static void answer(struct agent *agent, struct waiter *waiter, enum outcome outcome, const struct token *token, const struct basis *basis)
{
    struct decision decision;

    conclude(agent, &decision, outcome, token, waiter->signature_only);
    decision.basis = basis;
    waiter->decided(waiter, &decision);
}

/* An entry outlives the check, and the keyring under which that began: what points anywhere but into the one in force is not kept. */
static void keep(struct agent *agent, const struct token *token, const struct basis *basis)
{
    if (keyring_entry_of(agent->ring, token->issuer) == NULL)
        return;
    struct entry *entry = cache_add(agent->cache, token, cache_hash(agent->cache, token->text.at, token->text.bytes));

    if (entry != NULL)
        entry->basis = *basis;
}

/* The issuer's keys are still the same: the claims are looked at once, time and revocation for each who waits, then the token is kept. */
static void answer_waiters(struct agent *agent, struct check *check, struct waiter *waiters)
{
    struct token *token = &check->task.token;
    struct question question = question_of(agent, (struct text){NULL, 0}, &no_bounds);
    enum outcome outcome = check->task.outcome;
    struct basis basis = {0};
    bool good_signature = outcome == OUTCOME_ACCEPTED;

    if (good_signature)
        outcome = token_check(token, &question, STAGE_CLAIMS, STAGE_CLAIMS);
    for (struct waiter *waiter = waiters, *next; waiter != NULL; waiter = next) {
        struct text audience = {waiter->audience, waiter->audience_bytes};
        enum outcome its = outcome;

        next = waiter->next;
        if (waiter->signature_only && good_signature)
            its = OUTCOME_ACCEPTED;
        else if (outcome == OUTCOME_ACCEPTED)
            its = judge_now(agent, token, &basis, audience, waiter->bounds);
        answer(agent, waiter, its, token, &basis);
    }
    if (outcome == OUTCOME_ACCEPTED)
        keep(agent, token, &basis);
}

void decide_again(struct agent *agent, struct text token, struct waiter *waiter)
{
    struct decision decision;

    struct text audience = {waiter->audience, waiter->audience_bytes};

    if (decide_now(agent, token, audience, waiter->bounds, waiter->signature_only, &decision))
        waiter->decided(waiter, &decision);
    else if (decide_later(agent, waiter) < 0)
        answer(agent, waiter, OUTCOME_UNDECIDED, &agent->checks->token, NULL);
}

/* The issuer's keys were replaced meanwhile: nothing that was found counts. */
static void ask_again(struct agent *agent, struct check *check, struct waiter *waiters)
{
    for (struct waiter *waiter = waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        decide_again(agent, check->task.token.text, waiter);
    }
}

/* The same while the agent stops: nothing new is begun, and what was found by old keys is no answer. */
static void give_up(struct agent *agent, struct check *check, struct waiter *waiters)
{
    for (struct waiter *waiter = waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        answer(agent, waiter, OUTCOME_UNDECIDED, &check->task.token, NULL);
    }
}

/* A check of an issuer whose keys are the same object under the keyring in force counts there: its key and settings are the same, and the
   rest is judged only now, under counters that are read now. Asking again instead would let an issuer that varies its keys all the time keep
   every other one's tokens waiting. */
void decide_checked(void *context, struct task *task)
{
    struct agent *agent = context;
    struct check *check = (struct check *)task, **link = bucket_of(agent->checks, check->hash);
    struct waiter *waiters = check->waiters;

    while (*link != check)
        link = &(*link)->next;
    *link = check->next;
    const struct issuer *issuer = keyring_carry(check->ring, agent->ring, check->task.token.issuer);

    if (issuer != NULL) {
        check->task.token.issuer = issuer;
        answer_waiters(agent, check, waiters);
    } else if (agent->stopping) {
        give_up(agent, check, waiters);
    } else {
        ask_again(agent, check, waiters);
    }
    check_free(agent, check);
}
