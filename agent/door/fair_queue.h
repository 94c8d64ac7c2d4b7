/* Whose signature is checked next: users take turns, and of each user the connections. Who sends ten thousand tokens waits for
   them, and another's single one does not. */
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

/* What one connection has waiting, in order. All zero: nothing, of nobody; its owner sets `user`. */
struct line_of_tasks {
    struct lines_of_user *user;
    struct line_of_tasks *next;
    struct task *first, **last;
    bool stands;
};

/* The connections of one user that have something waiting. All zero: none. */
struct lines_of_user {
    struct lines_of_user *next;
    struct line_of_tasks *first, **last;
    unsigned waiting; /* tasks of all of them */
    bool stands;
};

/* All zero: nobody waits. */
struct fair_queue {
    struct lines_of_user *first, **last;
};

void fair_queue_add(struct fair_queue *turns, struct line_of_tasks *line, struct task *task);
struct task *fair_queue_take(struct fair_queue *turns); /* NULL: nobody waits */

#endif
