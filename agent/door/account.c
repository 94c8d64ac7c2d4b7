#include "account.h"

#include <stdlib.h>

#include "agent/base/limits.h"
#include "client/wire/clock.h"

static struct account *find(struct accounts *accounts, uid_t uid)
{
    for (struct account *account = accounts->first; account != NULL; account = account->next) {
        if (account->uid == uid)
            return account;
    }
    return NULL;
}

static struct account *find_or_make(struct accounts *accounts, uid_t uid)
{
    struct account *account = find(accounts, uid);

    if (account != NULL)
        return account;
    account = calloc(1, sizeof *account);
    if (account == NULL)
        return NULL;
    account->all = accounts;
    account->uid = uid;
    account->next = accounts->first;
    accounts->first = account;
    return account;
}

int account_join(struct accounts *accounts, struct caller *caller, uid_t uid)
{
    struct account *account = find_or_make(accounts, uid);

    if (account == NULL)
        return -1;
    caller->account = account;
    caller->next = account->callers;
    caller->previous = NULL;
    if (account->callers != NULL)
        account->callers->previous = caller;
    account->callers = caller;
    account->members++;
    account->connections++;
    accounts->connections++;
    return 0;
}

static void leave_line(struct caller *caller)
{
    struct account *account = caller->account;

    if (!caller->waits)
        return;
    *(caller->earlier != NULL ? &caller->earlier->later : &account->first) = caller->later;
    *(caller->later != NULL ? &caller->later->earlier : &account->last) = caller->earlier;
    caller->waits = false;
    account->all->waiting--;
}

void account_forget(struct caller *caller)
{
    struct account *account = caller->account;

    if (account == NULL || (caller->previous == NULL && account->callers != caller))
        return;
    leave_line(caller);
    *(caller->previous != NULL ? &caller->previous->next : &account->callers) = caller->next;
    if (caller->next != NULL)
        caller->next->previous = caller->previous;
    caller->next = caller->previous = NULL;
    account->connections--;
    account->all->connections--;
}

void account_leave(struct caller *caller)
{
    struct account *account = caller->account;

    if (account == NULL)
        return;
    account_forget(caller);
    caller->account = NULL;
    if (--account->members > 0)
        return;
    struct account **link = &account->all->first;

    while (*link != account)
        link = &(*link)->next;
    *link = account->next;
    free(account);
}

bool account_is_welcome(const struct account *account, bool gives_commands)
{
    const struct accounts *accounts = account->all;
    unsigned kept = gives_commands && account->uid == 0 ? 0 : CONNECTIONS_KEPT_FOR_ROOT;

    if (accounts->connections + kept > accounts->connections_max)
        return false;
    return account->uid == 0 || account->connections <= accounts->connections_max - accounts->connections;
}

bool account_hold(struct account *account)
{
    if (account->in_flight >= IN_FLIGHT_PER_UID_MAX)
        return false;
    account->in_flight++;
    return true;
}

void account_release(struct account *account)
{
    account->in_flight--;
}

static struct account *heaviest_account(const struct accounts *accounts)
{
    struct account *heaviest = NULL;

    for (struct account *account = accounts->first; account != NULL; account = account->next) {
        if (heaviest == NULL || account->buffered > heaviest->buffered)
            heaviest = account;
    }
    return heaviest;
}

static struct caller *heaviest_of(const struct account *account)
{
    struct caller *heaviest = NULL;

    for (struct caller *caller = account->callers; caller != NULL; caller = caller->next) {
        if ((heaviest == NULL || caller->charged > heaviest->charged) && caller->kind->may_break_off(caller))
            heaviest = caller;
    }
    return heaviest;
}

/* The account at its limit, or at the common limit the account with the most. NULL: there is room. */
static struct account *who_pays(const struct caller *caller, size_t bytes)
{
    struct accounts *accounts = caller->account->all;

    if (caller->account->buffered + bytes > BUFFERS_BYTES_PER_UID_MAX)
        return caller->account;
    return accounts->buffered + bytes > BUFFERS_BYTES_MAX ? heaviest_account(accounts) : NULL;
}

bool account_charge(struct caller *caller, size_t bytes)
{
    struct accounts *accounts = caller->account->all;
    const struct account *account = who_pays(caller, bytes);

    if (account != NULL)
        accounts->push_out(accounts->context, caller); /* answers that just were not sent yet are no peer's fault */
    while ((account = who_pays(caller, bytes)) != NULL) {
        struct caller *heaviest = heaviest_of(account);

        if (heaviest == NULL || (account == caller->account && heaviest->charged <= caller->charged))
            return false;
        heaviest->kind->break_off(heaviest, "memory for unread answers and half-sent messages ran out, and this connection held the most");
    }
    caller->charged += bytes;
    caller->account->buffered += bytes;
    accounts->buffered += bytes;
    return true;
}

/* What a closing connection held is subtracted when it closes, and its buffers are freed with it. */
void account_discharge(struct caller *caller, size_t bytes)
{
    if (bytes > caller->charged)
        bytes = caller->charged;
    if (bytes == 0)
        return;
    caller->charged -= bytes;
    caller->account->buffered -= bytes;
    caller->account->all->buffered -= bytes;
}

void account_begin(struct account *account)
{
    struct accounts *accounts = account->all;

    if (accounts->whose != account)
        accounts->other_ns = accounts->since_ns;
    accounts->whose = account;
    accounts->since_ns = monotonic_ns();
}

bool account_is_alone(const struct account *account)
{
    const struct accounts *accounts = account->all;

    return accounts->whose == account && accounts->since_ns - accounts->other_ns > ALONE_NS;
}

void account_spend(struct account *account)
{
    struct accounts *accounts = account->all;
    int64_t now = monotonic_ns();

    if (account->turn != accounts->turn)
        account->spent_ns = 0;
    account->turn = accounts->turn;
    account->spent_ns += now - accounts->since_ns;
    accounts->since_ns = now;
}

bool account_may_work(const struct account *account)
{
    return account->turn != account->all->turn || account->spent_ns < (account_is_alone(account) ? TURN_NS_ALONE : TURN_NS_PER_USER);
}

bool account_may_read(const struct account *account)
{
    return account->first == NULL && account_may_work(account);
}

void account_wait(struct caller *caller)
{
    struct account *account = caller->account;

    if (caller->waits)
        return;
    caller->waits = true;
    caller->earlier = account->last;
    caller->later = NULL;
    *(account->last != NULL ? &account->last->later : &account->first) = caller;
    account->last = caller;
    account->all->waiting++;
}

void account_wait_first(struct caller *caller)
{
    struct account *account = caller->account;

    if (caller->waits)
        return;
    caller->waits = true;
    caller->earlier = NULL;
    caller->later = account->first;
    *(account->first != NULL ? &account->first->earlier : &account->last) = caller;
    account->first = caller;
    account->all->waiting++;
}

/* An account lives at least as long as one of its callers: one that is closed in its turn leaves when libuv has closed it. */
bool accounts_take_turns(struct accounts *accounts)
{
    for (struct account *account = accounts->waiting > 0 ? accounts->first : NULL; account != NULL; account = account->next) {
        while (account->first != NULL && account_may_work(account)) {
            struct caller *caller = account->first;

            leave_line(caller);
            account_begin(account);
            caller->kind->take_turn(caller);
            account_spend(account);
        }
    }
    accounts->turn++;
    return accounts->waiting > 0;
}
