/* Delays pthread_cancel() until the end of a call. A thread that ended in the middle of a call would leave a connection open for ever,
   and other threads waiting for work that it had begun. A call that asks the agent ends within its timeout. A call that finds its answer
   in the cache reaches no cancellation point, and does not use this. */
#ifndef ASSAY_CLIENT_CANCEL_H
#define ASSAY_CLIENT_CANCEL_H

#include <pthread.h>

#include "client/wire/cleanup.h"

static inline int cancel_disable(void)
{
    int before = PTHREAD_CANCEL_DISABLE;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void cancel_restore(const int *before)
{
    (void)pthread_setcancelstate(*before, NULL);
}

/* Lasts to the end of the block. Put it before the variables whose release it must cover. */
#define UNCANCELLED __attribute__((unused)) int cancel_before_ CLEANUP(cancel_restore) = cancel_disable()

#endif
