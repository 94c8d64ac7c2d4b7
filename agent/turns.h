/* Whose signature is checked next: users take turns, and of each user the connections. Who sends ten thousand tokens waits for
   them, and another's single one does not. */
#ifndef ASSAY_TURNS_H
#define ASSAY_TURNS_H

#include <stdbool.h>
#include <stddef.h>

struct task;

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
struct turns {
    struct lines_of_user *first, **last;
};

void turns_add(struct turns *turns, struct line_of_tasks *line, struct task *task);
struct task *turns_take(struct turns *turns); /* NULL: nobody waits */

#endif
