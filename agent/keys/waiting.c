/* Tokens whose key is missing: which have to wait for a fetch, which are decided without, and how old keys may be. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/clock.h"
#include "remote.h"

#define ASKED_AGAIN_PER_TURN 16 /* of waiting requests: others are answered in between */

static struct remote *remote_of(const struct remotes *remotes, const struct issuer *issuer)
{
    const struct keyring_entry *entry = remotes->all != NULL ? keyring_entry_of(remotes->core->ring, issuer) : NULL;

    return entry != NULL ? entry->remote : NULL;
}

static void explain(const struct remote *remote, enum need need, bool late, double now, char why[256])
{
    const char *error = late                    ? "the fetch takes long and continues"
                        : remote->error != NULL ? remote->error
                                                : "not fetched yet";

    if (need == NEED_KEYS)
        snprintf(why, 256, "the keys of %.80s are not available: %.120s", remote->issuer_name, error);
    else
        snprintf(why, 256, "the keys of %.80s were last confirmed %.0f s ago, and `max_key_age` is %.0f s: %.90s",
                 remote->issuer_name, now - remote->schedule.fetched, remote->rules.max_age, error);
}

/* Begins a fetch for a request that needs it, if allowed. */
static bool fetch_for(struct remotes *remotes, struct remote *remote, double now)
{
    if (remotes->asks_again)
        return false;
    if (remote->fetch == NULL && !remotes->stopped && schedule_may_refetch(&remote->schedule, &remote->rules, now))
        remote_fetch(remote, true);
    return remote->fetch != NULL;
}

enum need remotes_need(struct remotes *remotes, const struct token *token, enum outcome outcome, bool whatever_age, char why[256])
{
    struct remote *remote = token->issuer != NULL ? remote_of(remotes, token->issuer) : NULL;
    bool lacks = outcome == OUTCOME_REFUSED && (token->reason == REASON_UNKNOWN_KEY || token->judged == REASON_UNKNOWN_KEY);

    if (remote == NULL || (!lacks && outcome != OUTCOME_ACCEPTED))
        return NEED_NOTHING;
    double now = core_turn_now(remotes->core);
    bool stale = !whatever_age && schedule_is_stale(&remote->schedule, &remote->rules, now);
    bool in_vain = lacks && remote->schedule.fetched > 0 && remote_is_missing_kid(remote, token->kid, now);

    if (!lacks && !stale)
        return NEED_NOTHING;
    if (!in_vain && fetch_for(remotes, remote, now))
        return NEED_FETCH;
    enum need need = !(remote->schedule.fetched > 0) ? NEED_KEYS
                     : stale                         ? NEED_FRESH_KEYS
                     : remote->schedule.failed       ? NEED_KEYS
                     : remotes->asks_late            ? NEED_KEYS
                                                     : NEED_NOTHING;

    if (need == NEED_NOTHING)
        remote_note_missing_kid(remote, token->kid, now);
    else
        explain(remote, need, remotes->asks_late, now, why);
    return need;
}

int remotes_wait(struct remotes *remotes, const struct token *token, struct waiter *waiter)
{
    struct remote *remote = remote_of(remotes, token->issuer);
    size_t bytes = token->text.bytes;
    bool fits = remotes->parked_count < KEYS_WAITING_MAX && remotes->parked_bytes + bytes <= KEYS_WAITING_BYTES_MAX;
    struct parked *parked = fits ? malloc(sizeof *parked + bytes) : NULL;

    if (parked == NULL)
        return -1;
    *parked = (struct parked){.next = remote->parked, .waiter = waiter, .bytes = bytes};
    parked->until = monotonic_ns() + KEYS_PATIENCE_SECONDS * NS_PER_S;
    memcpy(parked->text, token->text.at, bytes);
    remote->parked = parked;
    remote->parked_count++;
    remotes->parked_count++;
    remotes->parked_bytes += bytes;
    if (parked->next == NULL && !remotes->stopped)
        remotes_set_alarm(remotes);
    return 0;
}

int64_t remote_patience_ends(const struct remote *remote)
{
    int64_t first = INT64_MAX;

    for (const struct parked *parked = remote->parked; parked != NULL; parked = parked->next)
        first = parked->until; /* the last in the list came first */
    return first;
}

/* From here on in the list, the oldest first. */
static void wake(struct remotes *remotes, struct remote *remote, struct parked **from, bool late)
{
    struct parked **end = &remotes->woken;

    while (*end != NULL)
        end = &(*end)->next;
    while (*from != NULL) {
        struct parked *last = *from;

        *from = last->next;
        last->next = *end;
        last->late = late;
        last->again = remote->used; /* the answer of a former source does not count */
        *end = last;
        remote->parked_count--;
    }
    if (remotes->woken != NULL)
        uv_idle_start(&remotes->again, remotes_ask_again);
}

void remotes_wake(struct remotes *remotes, struct remote *remote)
{
    wake(remotes, remote, &remote->parked, false);
}

void remotes_wake_late(struct remotes *remotes, struct remote *remote)
{
    struct parked **link = &remote->parked;
    int64_t now = monotonic_ns();

    while (*link != NULL && (*link)->until > now)
        link = &(*link)->next;
    wake(remotes, remote, link, true);
}

void remotes_ask_again(uv_idle_t *again)
{
    struct remotes *remotes = again->data;

    for (unsigned i = 0; remotes->woken != NULL && (i < ASKED_AGAIN_PER_TURN || remotes->stopped); i++) {
        struct parked *parked = remotes->woken;

        remotes->woken = parked->next;
        remotes->parked_count--;
        remotes->parked_bytes -= parked->bytes;
        remotes->asks_again = parked->again;
        remotes->asks_late = parked->late;
        remotes->again_about(remotes->context, (struct text){parked->text, parked->bytes}, parked->waiter);
        remotes->asks_again = remotes->asks_late = false;
        explicit_bzero(parked->text, parked->bytes);
        free(parked);
    }
    if (remotes->woken == NULL)
        uv_idle_stop(again);
}

bool remotes_are_fresh(struct remotes *remotes, const struct issuer *issuer, double now, char why[256])
{
    struct remote *remote = remote_of(remotes, issuer);

    if (remote == NULL || !schedule_is_stale(&remote->schedule, &remote->rules, now))
        return true;
    (void)fetch_for(remotes, remote, now);
    explain(remote, NEED_FRESH_KEYS, false, now, why);
    return false;
}

double remotes_until(const struct remotes *remotes, const struct issuer *issuer)
{
    const struct remote *remote = remote_of(remotes, issuer);

    return remote != NULL ? remote->schedule.fetched + remote->rules.max_age : INFINITY;
}

double remotes_confirmed(const struct keyring_entry *entry)
{
    return entry->remote != NULL ? entry->remote->schedule.fetched : entry->loaded;
}

bool remotes_are_known(const struct remotes *remotes)
{
    double now = unix_now();

    for (const struct remote *remote = remotes->all; remote != NULL; remote = remote->next) {
        if (remote->used && !remote->issuer->rules.shadow && schedule_is_stale(&remote->schedule, &remote->rules, now))
            return false;
    }
    return true;
}

bool remotes_facts(const struct keyring_entry *entry, double now, struct remote_facts *ret)
{
    const struct remote *remote = entry->remote;

    if (remote == NULL)
        return false;
    bool stale = schedule_is_stale(&remote->schedule, &remote->rules, now);

    *ret = (struct remote_facts){.state = !(remote->schedule.fetched > 0) ? "none"
                                          : stale                         ? "stale"
                                                                          : "fresh",
                                 .error = remote->error,
                                 .next = remote->schedule.due > now ? (uint64_t)(remote->schedule.due - now) : 0,
                                 .failures = remote->schedule.failures,
                                 .waiting = remote->parked_count,
                                 .fetching = remote->fetch != NULL};
    return true;
}
