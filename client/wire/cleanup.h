/* Resources are released in one way: a variable's definition names its cleanup function, which runs however the function is left. take()
   moves out of the variable what must stay. */
#ifndef ASSAY_CLIENT_CLEANUP_H
#define ASSAY_CLIENT_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(undo) __attribute__((cleanup(undo)))
#define CLEANUP_FD    CLEANUP(close_fd)
#define CLEANUP_FREE  CLEANUP(free_memory)

/* Keeps errno, which is often the reason for closing the descriptor. */
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
