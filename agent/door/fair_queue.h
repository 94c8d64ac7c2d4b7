/* The order of signature checks: users take turns, and within a user the connections do. A caller that sends ten thousand tokens waits for them;
   another caller's single token does not. */
#ifndef ASSAY_TURNS_H
#define ASSAY_TURNS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/token/verify.h"

/* One signature check. The owner keeps it, and all that the token points to, alive until it comes back. */
struct task {
    struct task *next;
    struct token token;
    enum outcome outcome;
};

/* The waiting tasks of one connection, in order. All zero: empty, without a user; the owner sets `user`. */
struct line_of_tasks {
    struct lines_of_user *user;
    struct line_of_tasks *next;
    struct task *first, **last;
    bool stands;
};

/* The connections of one user that have tasks waiting. All zero: none. */
struct lines_of_user {
    struct lines_of_user *next;
    struct line_of_tasks *first, **last;
    unsigned waiting; /* tasks of all its connections */
    bool stands;
};

/* All zero: empty. */
struct fair_queue {
    struct lines_of_user *first, **last;
};

void fair_queue_add(struct fair_queue *turns, struct line_of_tasks *line, struct task *task);
struct task *fair_queue_take(struct fair_queue *turns); /* NULL: empty */

#endif
