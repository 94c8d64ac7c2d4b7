#include "renamed_keys.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/log.h"
#include "agent/fastpath/shared_page.h"
#include "agent/keys/keyring.h"
#include "agent/revocation/list.h"
#include "agent/state/writer.h"

/* A write that is under way: the keys of a keyring under their kids. */
struct note_job {
    struct job job;
    struct note_job *next;
    struct renamed_keys *renamed;
    struct keyring *old, *ring;
};

struct renamed_keys {
    struct core *core;
    struct note_job *jobs;
    bool missed; /* the last write of keys under revoked kids failed */
};

static const char not_noted[] = "keys under revoked kids could not be stored; they are refused only while they have these kids";

static int note(struct job *job, struct view *view)
{
    struct hasher *hasher = hasher_new();
    int status = hasher != NULL ? list_cover(hasher, view, ((struct note_job *)job)->ring) : -1;

    hasher_free(hasher);
    return status;
}

static void forget_job(struct renamed_keys *renamed, const struct note_job *its)
{
    struct note_job **link = &renamed->jobs;

    while (*link != its)
        link = &(*link)->next;
    *link = its->next;
}

static bool same_kid(const struct key *a, const struct key *b)
{
    return a->kid_bytes == b->kid_bytes && (a->kid == NULL) == (b->kid == NULL) && (a->kid_bytes == 0 || memcmp(a->kid, b->kid, a->kid_bytes) == 0);
}

/* With one issuer's former keys: the same key under another kid. */
static enum outcome judge_formerly(struct core *core, struct view *view, const struct keyring_entry *entry, const struct token *token)
{
    enum outcome outcome = OUTCOME_ACCEPTED;

    for (unsigned i = 0; i < entry->keys->count && outcome == OUTCOME_ACCEPTED; i++) {
        const struct key *key = entry->keys->keys[i];
        struct token formerly = *token;

        if (memcmp(key->thumbprint, token->key->thumbprint, THUMBPRINT_BYTES) != 0 || same_kid(key, token->key))
            continue;
        formerly.key = key;
        formerly.issuer = &entry->issuer;
        outcome = list_judge(core->hasher, view, LIST_KIND(RECORD_KID), &formerly);
    }
    return outcome;
}

enum outcome renamed_keys_judge(const struct renamed_keys *renamed, struct view *view, const struct token *token)
{
    enum outcome outcome = OUTCOME_ACCEPTED;

    for (const struct note_job *its = renamed->jobs; its != NULL; its = its->next) {
        for (unsigned i = 0; its->ring != renamed->core->ring && i < its->ring->count && outcome == OUTCOME_ACCEPTED; i++) {
            const struct text issuer = token->issuer->names.list[0];

            if (texts_have(&its->ring->entries[i].issuer.names, issuer.at, issuer.bytes))
                outcome = judge_formerly(renamed->core, view, &its->ring->entries[i], token);
        }
    }
    return outcome;
}

/* What could not be written last time was written now, for every issuer. */
static void noted(struct job *job, int status)
{
    struct note_job *its = (struct note_job *)job;
    struct renamed_keys *renamed = its->renamed;
    struct core *core = renamed->core;

    forget_job(renamed, its);
    if (status < 0)
        log_error(not_noted);
    else if (renamed->missed || its->old->config != its->ring->config)
        shared_page_bump_all(core->shared);
    else
        keyring_bump_changed(its->old, its->ring, core->shared);
    renamed->missed = status < 0;
    keyring_drop(its->old);
    keyring_drop(its->ring);
    free(its);
}

/* Takes the old keyring. */
void renamed_keys_note(struct renamed_keys *renamed, struct keyring *old)
{
    struct note_job *its = calloc(1, sizeof *its);

    if (its == NULL) {
        log_error(not_noted);
        renamed->missed = true;
        keyring_drop(old);
        return;
    }
    its->job = (struct job){.run = note, .done = noted, .tells = true};
    its->renamed = renamed;
    its->old = old;
    its->ring = keyring_hold(renamed->core->ring);
    its->next = renamed->jobs;
    renamed->jobs = its;
    if (writer_submit(renamed->core->writer, &its->job) < 0)
        noted(&its->job, -1);
}

struct renamed_keys *renamed_keys_new(struct core *core)
{
    struct renamed_keys *renamed = calloc(1, sizeof *renamed);

    if (renamed != NULL)
        renamed->core = core;
    return renamed;
}

void renamed_keys_free(struct renamed_keys *renamed)
{
    free(renamed);
}
