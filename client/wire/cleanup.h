/* The one way to release what a function holds: a variable says at its definition what undoes it, whichever way it is left. What
   is to survive is taken out of the variable. */
#ifndef ASSAY_CLIENT_CLEANUP_H
#define ASSAY_CLIENT_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(undo) __attribute__((cleanup(undo)))
#define CLEANUP_FD    CLEANUP(close_fd)
#define CLEANUP_FREE  CLEANUP(free_memory)

/* errno is kept: it is often the reason why the descriptor is being closed. */
static inline void close_fd(const int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    errno = saved;
}

static inline void free_memory(void *variable)
{
    void *memory = *(void **)variable;

    free(memory);
}

static inline int take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

#define take(variable)                                                                                                             \
    __extension__({                                                                                                                \
        __typeof__(variable) taken_ = (variable);                                                                                  \
        (variable) = NULL;                                                                                                         \
        taken_;                                                                                                                    \
    })

#endif
