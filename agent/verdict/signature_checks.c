/* Signature checks under way, and the requests that wait for each. Other requests for the same token wait for the same check. */
#include <stdlib.h>
#include <string.h>

#include "agent/keys/remotes.h"
#include "cache.h"
#include "decide_inside.h"
#include "workers.h"

/* One check, and all requests that wait for it. One allocation: the token's bytes follow. */
struct check {
    struct task task; /* first: a task is its check */
    struct check *next;
    uint64_t hash;
    size_t bytes;
    struct keyring *ring; /* in force when it began */
    struct waiter *waiters;
};

static struct check **bucket_of(struct checks *checks, uint64_t hash)
{
    return &checks->buckets[hash & (CHECK_BUCKETS - 1)];
}

/* Finds a check whose issuer still has the keys under which the check began: with other keys, the token might be checked with a key that was
   withdrawn. */
static struct check *find_check(struct verdicts *verdicts, const struct token *token, uint64_t hash)
{
    for (struct check *check = *bucket_of(verdicts->checks, hash); check != NULL; check = check->next) {
        if (check->hash == hash && text_is(check->task.token.text, token->text.at, token->text.bytes) &&
            keyring_carry(check->ring, verdicts->core->ring, check->task.token.issuer) != NULL)
            return check;
    }
    return NULL;
}

static void check_free(struct verdicts *verdicts, struct check *check)
{
    verdicts->checks->bytes -= check->bytes;
    keyring_drop(check->ring);
    explicit_bzero(check, check->bytes);
    free(check);
}

/* Copies the token with all that it points to. */
static struct check *check_new(struct verdicts *verdicts, const struct token *token, uint64_t hash)
{
    size_t bytes = sizeof(struct check) + token->text.bytes + token->claims.bytes + token->signature_bytes;
    struct check *check = verdicts->checks->bytes + bytes <= CHECKS_BYTES_MAX ? malloc(bytes) : NULL;

    if (check == NULL)
        return NULL;
    verdicts->checks->bytes += bytes;
    memset(check, 0, sizeof *check);
    char *text = (char *)(check + 1);
    uint8_t *wire = (uint8_t *)memcpy(text, token->text.at, token->text.bytes) + token->text.bytes;
    uint8_t *signature = (uint8_t *)memcpy(wire, token->claims.wire, token->claims.bytes) + token->claims.bytes;

    memcpy(signature, token->signature_at, token->signature_bytes);
    check->bytes = bytes;
    check->hash = hash;
    check->ring = keyring_hold(verdicts->core->ring);
    check->task.token = *token;
    check->task.token.text.at = text;
    check->task.token.claims.wire = wire;
    check->task.token.signature_at = signature;
    check->task.token.kid.at = check->task.token.typ.at = NULL;
    return check;
}

int decide_later(struct verdicts *verdicts, const struct pending *pending, struct waiter *waiter)
{
    const struct token *token = pending->token;

    if (pending->needs_fetch)
        return remotes_wait(verdicts->core->remotes, token, waiter);
    uint64_t hash = cache_hash_whole(verdicts->cache, token->text.at, token->text.bytes);
    struct check *check = find_check(verdicts, token, hash);

    if (check != NULL) {
        verdicts->counters.joined++;
    } else {
        check = check_new(verdicts, token, hash);
        if (check == NULL)
            return -1;
        if (workers_submit(verdicts->workers, &check->task, waiter->line) < 0) {
            check_free(verdicts, check);
            return -1;
        }
        struct check **bucket = bucket_of(verdicts->checks, check->hash);

        check->next = *bucket;
        *bucket = check;
    }
    waiter->next = check->waiters;
    check->waiters = waiter;
    return 0;
}

static void answer(struct verdicts *verdicts, struct waiter *waiter, enum outcome outcome, const struct token *token, const struct grounds *grounds)
{
    struct decision decision;

    decide_conclude(verdicts, &decision, outcome, token, (struct text){waiter->audience, waiter->audience_bytes}, waiter->signature_only);
    decision.grounds = grounds;
    waiter->decided(waiter, &decision);
}

/* A cache entry outlives the check, and the keyring under which that began: a token that points anywhere but into the keyring in force is not
   cached. */
static void keep(struct verdicts *verdicts, const struct token *token, const struct grounds *grounds)
{
    if (keyring_entry_of(verdicts->core->ring, token->issuer) == NULL)
        return;
    struct entry *entry = cache_add(verdicts->cache, token, cache_hash(verdicts->cache, token->text.at, token->text.bytes));

    if (entry != NULL)
        entry->grounds = *grounds;
}

/* The issuer's keys are still the same: checks the claims once, time and revocation for each waiting request, then caches the token. */
static void answer_waiters(struct verdicts *verdicts, struct check *check, struct waiter *waiters)
{
    struct token *token = &check->task.token;
    struct question question = decide_question(verdicts, (struct text){NULL, 0}, &no_bounds);
    enum outcome outcome = check->task.outcome;
    struct grounds grounds = {0};
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
            its = decide_judge_now(verdicts, token, &grounds, audience, waiter->bounds);
        answer(verdicts, waiter, its, token, &grounds);
    }
    if (outcome == OUTCOME_ACCEPTED)
        keep(verdicts, token, &grounds);
}

void decide_again(struct verdicts *verdicts, struct text token, struct waiter *waiter)
{
    struct text audience = {waiter->audience, waiter->audience_bytes};
    struct decision decision;
    struct pending pending;

    if (decide_now(verdicts, token, audience, waiter->bounds, waiter->signature_only, &decision, &pending))
        waiter->decided(waiter, &decision);
    else if (decide_later(verdicts, &pending, waiter) < 0)
        answer(verdicts, waiter, OUTCOME_UNDECIDED, pending.token, NULL);
}

/* The issuer's keys were replaced meanwhile: drops the result and decides again. */
static void ask_again(struct verdicts *verdicts, struct check *check, struct waiter *waiters)
{
    for (struct waiter *waiter = waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        decide_again(verdicts, check->task.token.text, waiter);
    }
}

/* The same while the agent stops: it begins nothing new, and a result under old keys is not an answer. */
static void give_up(struct verdicts *verdicts, struct check *check, struct waiter *waiters)
{
    for (struct waiter *waiter = waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        answer(verdicts, waiter, OUTCOME_UNDECIDED, &check->task.token, NULL);
    }
}

/* If the issuer's keys are the same object in the keyring in force, the check's result counts there: key and settings are the same, and the rest
   is judged only now, under counters that are read now. Deciding again instead would let an issuer that changes its keys all the time keep the
   tokens of every other issuer waiting. */
void decide_checked(void *context, struct task *task)
{
    struct verdicts *verdicts = context;
    struct check *check = (struct check *)task, **link = bucket_of(verdicts->checks, check->hash);
    struct waiter *waiters = check->waiters;

    while (*link != check)
        link = &(*link)->next;
    *link = check->next;
    const struct issuer *issuer = keyring_carry(check->ring, verdicts->core->ring, check->task.token.issuer);

    if (issuer != NULL) {
        check->task.token.issuer = issuer;
        answer_waiters(verdicts, check, waiters);
    } else if (verdicts->core->stopping) {
        give_up(verdicts, check, waiters);
    } else {
        ask_again(verdicts, check, waiters);
    }
    check_free(verdicts, check);
}
