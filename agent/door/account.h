/* Accounts: what one user has open at both doors (the socket and HTTP), what that may cost the others, and whose turn it is. A user cannot take
   all connections, all memory, or all of the loop's time: each has a share of every turn of the loop, and its connections take turns in it. */
#ifndef ASSAY_ACCOUNT_H
#define ASSAY_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fair_queue.h"

struct account;
struct caller;

/* The door's operations on one of its connections. */
struct caller_kind {
    void (*take_turn)(struct caller *caller); /* processes what it has sent, while account_may_work; closes it, or lets it wait again */
    bool (*may_break_off)(const struct caller *caller);
    void (*break_off)(struct caller *caller, const char *why); /* closes it and frees its memory */
};

/* One connection, as a part of the door's structure for it. */
struct caller {
    const struct caller_kind *kind;
    struct account *account;         /* NULL: not joined yet */
    struct caller *next, *previous;  /* in the account's list */
    struct caller *earlier, *later;  /* in the account's line */
    size_t charged;                  /* bytes of half-sent messages and unsent answers */
    bool waits;                      /* it is in that line */
};

/* One user's account. Over TCP the kernel does not identify callers: all of them are one user, (uid_t)-1. */
struct account {
    struct account *next;
    struct accounts *all;
    uid_t uid;
    unsigned members;     /* connections, including closed ones that still have requests under way */
    unsigned connections, in_flight;
    unsigned pages_unread; /* rpc/send_page.c */
    size_t buffered;
    struct lines_of_user lines; /* its connections that wait for a signature check */
    struct caller *callers;
    struct caller *first, *last; /* connections that have data to process */
    uint64_t turn;               /* the turn in which it has used this much time: */
    int64_t spent_ns;
};

/* Counts of what arrived at both doors. */
struct door_facts {
    uint64_t accepted, refused, requests, protocol_errors, timeouts;
};

/* All zero except `connections_max` and `push_out`: no connection is open. */
struct accounts {
    struct account *first;
    struct door_facts facts;
    unsigned connections, connections_max;
    size_t buffered;
    unsigned waiting; /* callers */
    uint64_t turn;    /* of the loop */
    int64_t since_ns; /* when the current piece of work began, */
    const struct account *whose; /* whose it is, */
    int64_t other_ns; /* and when another user last had work */
    void (*push_out)(void *context, const struct caller *except); /* sends finished answers at once, before the end of the turn */
    void *context;
};

/* Adds a new connection to its user's account, which is created if needed; -1: out of memory. It leaves when none of its requests is under way any
   more; an account without members is freed. */
int account_join(struct accounts *accounts, struct caller *caller, uid_t uid);
void account_leave(struct caller *caller);

/* May this connection, which has joined, stay? A user may have as many connections as there are places left, so another user always finds one.
   Root has no such limit, and at the door that takes commands some places are reserved for it. */
bool account_is_welcome(const struct account *account, bool gives_commands);

/* A connection that is being closed: frees its place and its share of memory, and takes it out of the line. */
void account_forget(struct caller *caller);

/* Counts a request that is answered later. False: the user has too many. */
bool account_hold(struct account *account);
void account_release(struct account *account);

/* Counts memory for half-sent messages and unsent answers. One bound is on a user's bytes, another on all users' bytes. The connection that
   reaches a bound is not always the cause, so the one that holds the most is closed: a client that reads its answers outlives a thousand that do
   not. False: no other connection holds more than this one. */
bool account_charge(struct caller *caller, size_t bytes);
void account_discharge(struct caller *caller, size_t bytes);

/* Encloses work for a user, whose time it is counted as. account_spend may be called in between, too. */
void account_begin(struct account *account);
void account_spend(struct account *account);

/* Has no other user asked anything lately? */
bool account_is_alone(const struct account *account);

/* Is a part of its share of this turn left? */
bool account_may_work(const struct account *account);

/* May the connection's input be read now, before that of the user's connections that wait? */
bool account_may_read(const struct account *account);

/* Puts the connection at the end of its user's line, or first in it. No effect if it is in the line already. */
void account_wait(struct caller *caller);
void account_wait_first(struct caller *caller);

/* Once in a turn of the loop: gives every user's waiting connections the user's share. True: some still wait, so the loop must not sleep. */
bool accounts_take_turns(struct accounts *accounts);

#endif
