/* What one user has open at both doors, the socket and HTTP; what that may cost the others; and whose turn it is. No user takes all
   connections, all memory, or the loop's time: each has a share of every turn of the loop, and its connections take turns in it. */
#ifndef ASSAY_ACCOUNT_H
#define ASSAY_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fair_queue.h"

struct account;
struct caller;

/* What a door does with one of its connections. */
struct caller_kind {
    void (*take_turn)(struct caller *caller); /* takes up what it has sent, while account_may_work; closes it, or lets it wait again */
    bool (*may_break_off)(const struct caller *caller);
    void (*break_off)(struct caller *caller, const char *why); /* closes it and gives its memory back */
};

/* One connection, as part of what is the door's. */
struct caller {
    const struct caller_kind *kind;
    struct account *account;         /* NULL: nobody's yet */
    struct caller *next, *previous;  /* of the account */
    struct caller *earlier, *later;  /* in the account's line */
    size_t charged;                  /* bytes of half messages and unsent answers */
    bool waits;                      /* stands in that line */
};

/* One user's. Over TCP the kernel does not say who calls: all of these are one user, (uid_t)-1. */
struct account {
    struct account *next;
    struct accounts *all;
    uid_t uid;
    unsigned members;     /* connections, and those that are closed but have something under way */
    unsigned connections, in_flight;
    unsigned pages_unread; /* rpc/send_page.c */
    size_t buffered;
    struct lines_of_user lines; /* of its connections that wait for a signature to be checked */
    struct caller *callers;
    struct caller *first, *last; /* that have something to be taken up */
    uint64_t turn;               /* in which it has spent: */
    int64_t spent_ns;
};

/* All zero but for `connections_max` and `push_out`: nobody is there. */
struct accounts {
    struct account *first;
    unsigned connections, connections_max;
    size_t buffered;
    unsigned waiting; /* callers */
    uint64_t turn;    /* of the loop */
    int64_t since_ns; /* when what is being taken up now was begun, */
    const struct account *whose; /* whose it is, */
    int64_t other_ns; /* and when somebody else's was, last */
    void (*push_out)(void *context, const struct caller *except); /* sends what was answered, without waiting for the turn's end */
    void *context;
};

/* What came in, at both doors. */
struct door_facts {
    uint64_t connections, accepted, refused, requests, protocol_errors, timeouts;
};

/* Who connects joins its user's account, which is made if it has none; -1: out of memory. It leaves when nothing of it is under way any
   more, and the account of a user who has nothing else goes. */
int account_join(struct accounts *accounts, struct caller *caller, uid_t uid);
void account_leave(struct caller *caller);

/* May this connection, which has joined, stay? A user may have as many as there are places left, so there is always room for another one.
   Root has no such limit, and some places are kept for its commands, at the door that takes them. */
bool account_is_welcome(const struct account *account, bool gives_commands);

/* A connection that is being closed takes no place any more, pays for no other, and waits for no turn. */
void account_forget(struct caller *caller);

/* A request that is answered later. False: the user has too many. */
bool account_hold(struct account *account);
void account_release(struct account *account);

/* Memory for half messages and unsent answers. Bounds are on a user's bytes and on everybody's; who comes to a bound is not by that the
   culprit, so the connection that holds the most is broken off: a client that reads its answers outlives a thousand that do not.
   False: nobody holds more than this one. */
bool account_charge(struct caller *caller, size_t bytes);
void account_discharge(struct caller *caller, size_t bytes);

/* Between these two something of a user is taken up, and the time counts as the user's. account_spend may be called in between, too. */
void account_begin(struct account *account);
void account_spend(struct account *account);

/* Has nobody else asked anything lately? */
bool account_is_alone(const struct account *account);

/* Is something left of its share of this turn? */
bool account_may_work(const struct account *account);

/* May what a connection sends be read now, before those of its user that wait? */
bool account_may_read(const struct account *account);

/* Stands in its user's line for a turn, at its end, or first in it. Harmless if it does already. */
void account_wait(struct caller *caller);
void account_wait_first(struct caller *caller);

/* Once in a turn of the loop: every user's share, to those that wait. True: some still wait, so the loop must not sleep. */
bool accounts_take_turns(struct accounts *accounts);

#endif
