#include "in_force.h"

#include <stdlib.h>
#include <string.h>

#include "agent/door/door.h"
#include "agent/door/http.h"
#include "agent/observe/log.h"

/* New keys under revoked kids are revoked for good: they stay so when the next set calls them something else. */
struct cover_job {
    struct job job;
    struct cover_job *next;
    struct agent *agent;
    struct keyring *old, *ring;
};

static const char not_covered[] = "keys under revoked kids could not be noted; they are refused as long as they bear these kids";

static int run_cover(struct job *job, struct view *view)
{
    struct hasher *hasher = hasher_new();
    int status = hasher != NULL ? list_cover(hasher, view, ((struct cover_job *)job)->ring) : -1;

    hasher_free(hasher);
    return status;
}

/* Of the same configuration: has the issuer at this place other keys? */
static bool has_other_keys(const struct keyring *old, const struct keyring *ring, unsigned index)
{
    return old->entries[index].keys != ring->entries[index].keys;
}

/* What an issuer's new keys put in question is what that issuer said, and nothing of the others'. */
static void bump_issuers(struct board *board, const struct keyring *old, const struct keyring *ring)
{
    for (unsigned i = 0; i < ring->count; i++) {
        if (has_other_keys(old, ring, i))
            board_bump_issuer(board, &ring->entries[i].issuer);
    }
}

static void forget_cover(struct agent *agent, const struct cover_job *cover)
{
    struct cover_job **link = &agent->covers;

    while (*link != cover)
        link = &(*link)->next;
    *link = cover->next;
}

static bool same_kid(const struct key *a, const struct key *b)
{
    return a->kid_bytes == b->kid_bytes && (a->kid == NULL) == (b->kid == NULL) && (a->kid_bytes == 0 || memcmp(a->kid, b->kid, a->kid_bytes) == 0);
}

/* Of one issuer's keys as they were: the same key under another name. */
static enum outcome judge_formerly(struct agent *agent, struct view *view, const struct keyring_entry *entry, const struct token *token)
{
    enum outcome outcome = OUTCOME_ACCEPTED;

    for (unsigned i = 0; i < entry->keys->count && outcome == OUTCOME_ACCEPTED; i++) {
        const struct key *key = entry->keys->keys[i];
        struct token formerly = *token;

        if (memcmp(key->thumbprint, token->key->thumbprint, THUMBPRINT_BYTES) != 0 || same_kid(key, token->key))
            continue;
        formerly.key = key;
        formerly.issuer = &entry->issuer;
        outcome = list_judge(agent->hasher, view, LIST_KIND(RECORD_KID), &formerly);
    }
    return outcome;
}

enum outcome agent_judge_former_kids(struct agent *agent, struct view *view, const struct token *token)
{
    enum outcome outcome = OUTCOME_ACCEPTED;

    for (const struct cover_job *cover = agent->covers; cover != NULL; cover = cover->next) {
        for (unsigned i = 0; cover->ring != agent->ring && i < cover->ring->count && outcome == OUTCOME_ACCEPTED; i++) {
            const struct text issuer = token->issuer->names.list[0];

            if (texts_have(&cover->ring->entries[i].issuer.names, issuer.at, issuer.bytes))
                outcome = judge_formerly(agent, view, &cover->ring->entries[i], token);
        }
    }
    return outcome;
}

/* What could not be noted the last time has been noted now, of whatever issuer. */
static void cover_done(struct job *job, int status)
{
    struct cover_job *cover = (struct cover_job *)job;
    struct agent *agent = cover->agent;

    forget_cover(agent, cover);
    if (status < 0)
        log_error(not_covered);
    else if (agent->covers_missed || cover->old->config != cover->ring->config)
        board_bump_all(agent->board);
    else
        bump_issuers(agent->board, cover->old, cover->ring);
    agent->covers_missed = status < 0;
    keyring_drop(cover->old);
    keyring_drop(cover->ring);
    free(cover);
}

/* Takes the old keyring. */
static void submit_cover(struct agent *agent, struct keyring *old)
{
    struct cover_job *cover = calloc(1, sizeof *cover);

    if (cover == NULL) {
        log_error(not_covered);
        agent->covers_missed = true;
        keyring_drop(old);
        return;
    }
    cover->job = (struct job){.run = run_cover, .done = cover_done, .tells = true};
    cover->agent = agent;
    cover->old = old;
    cover->ring = keyring_hold(agent->ring);
    cover->next = agent->covers;
    agent->covers = cover;
    if (writer_submit(agent->writer, &cover->job) < 0)
        cover_done(&cover->job, -1);
}

void keyring_tell_warnings(const struct keyring *old, const struct keyring *ring)
{
    bool same_config = old != NULL && old->config == ring->config;

    for (unsigned i = 0; ring->policy != NULL && (old == NULL || old->policy != ring->policy) && i < ring->policy->warnings.count; i++)
        log_warning("the policy may not say what was meant", LOG_TEXT("warning", ring->policy->warnings.text[i]));
    for (unsigned i = 0; i < ring->count; i++) {
        if (same_config && !has_other_keys(old, ring, i))
            continue;
        if (ring->entries[i].keys->note[0] != '\0')
            log_warning("keys are not told apart", LOG_TEXT("issuer", ring->entries[i].issuer.names.list[0].at),
                        LOG_TEXT("why", ring->entries[i].keys->note));
        for (unsigned w = 0; w < ring->entries[i].keys->warnings; w++)
            log_warning("a key is not used", LOG_TEXT("issuer", ring->entries[i].issuer.names.list[0].at),
                        LOG_TEXT("why", ring->entries[i].keys->warning[w]));
    }
}

/* Ends the yeses that rest on what changes, with those who hold the page. */
static void tell_board(struct board *board, const struct keyring *old, const struct keyring *ring)
{
    if (ring->policy != old->policy)
        board_bump_policy(board);
    if (ring->config != old->config)
        board_bump_keys(board);
    else
        bump_issuers(board, old, ring);
}

int agent_use_keyring(struct agent *agent, struct keyring *ring)
{
    struct keyring *old = agent->ring;
    bool other_config = old->config != ring->config;
    char **key_errors = other_config ? calloc(ring->count, sizeof *key_errors) : NULL;

    if (other_config && key_errors == NULL)
        return -1;
    cache_follow(agent->cache, old, ring);
    ring->generation = old->generation + 1;
    tell_board(agent->board, old, ring);
    if (other_config) {
        for (unsigned i = 0; i < old->count; i++)
            free(agent->key_errors[i]);
        free(agent->key_errors);
        agent->key_errors = key_errors;
        free(agent->policy_error);
        agent->policy_error = NULL;
    }
    agent->ring = ring;
    if (other_config) {
        peers_carry_over(&old->config->peers, &ring->config->peers);
        if (agent->door != NULL)
            door_use_config(agent->door);
        http_use_config(agent->http);
    }
    keyring_tell_warnings(old, ring);
    submit_cover(agent, old);
    return 0;
}
