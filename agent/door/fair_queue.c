#include "fair_queue.h"


/* Appends to a list whose `last` points to where the next item goes; in an empty list it is not set yet. */
#define APPEND(list, item)                                                                                                         \
    do {                                                                                                                           \
        (item)->next = NULL;                                                                                                       \
        if ((list)->first == NULL)                                                                                                 \
            (list)->last = &(list)->first;                                                                                         \
        *(list)->last = (item);                                                                                                    \
        (list)->last = &(item)->next;                                                                                              \
    } while (0)

static void stand_line(struct line_of_tasks *line)
{
    line->stands = line->first != NULL;
    if (line->stands)
        APPEND(line->user, line);
}

static void stand_user(struct fair_queue *turns, struct lines_of_user *user)
{
    user->stands = user->first != NULL;
    if (user->stands)
        APPEND(turns, user);
}

void fair_queue_add(struct fair_queue *turns, struct line_of_tasks *line, struct task *task)
{
    APPEND(line, task);
    line->user->waiting++;
    if (!line->stands)
        stand_line(line);
    if (!line->user->stands)
        stand_user(turns, line->user);
}

struct task *fair_queue_take(struct fair_queue *turns)
{
    struct lines_of_user *user = turns->first;

    if (user == NULL)
        return NULL;
    struct line_of_tasks *line = user->first;
    struct task *task = line->first;

    turns->first = user->next;
    user->first = line->next;
    line->first = task->next;
    user->waiting--;
    stand_line(line);
    stand_user(turns, user);
    return task;
}
