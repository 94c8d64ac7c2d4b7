/* pthread_cancel() while a call is under way takes effect after it: a thread that ended in the middle would leave a connection open that
   nobody knows, and others waiting for what it had begun. A call that asks the agent is bounded by its timeout. One that finds its answer in
   this process reaches no cancellation point, and pays for nothing. */
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

/* Up to the end of the block. It stands before what is to be released first. */
#define UNCANCELLED __attribute__((unused)) int cancel_before_ CLEANUP(cancel_restore) = cancel_disable()

#endif
