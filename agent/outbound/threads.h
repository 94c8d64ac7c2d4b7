/* Threads that nobody joins: they end by themselves, and some wait in calls that cannot be interrupted (getaddrinfo). The agent counts them,
   because they must not run while the process exits: exit handlers free what they use, such as OpenSSL's tables. */
#ifndef ASSAY_OUTBOUND_THREADS_H
#define ASSAY_OUTBOUND_THREADS_H

#include <stdbool.h>
#include <stdint.h>

/* 0, or -1: out of memory or threads. */
int threads_start(void *(*run)(void *context), void *context);

/* Records that a library may have left a thread of its own, which cannot be counted. */
void threads_leave_one(void);

/* True: none is running. Waits for that until monotonic_ns() reaches `deadline`. */
bool threads_have_ended(int64_t deadline);

/* Ends the process: by exit(), or without exit handlers if a thread does not end within THREADS_END_SECONDS_MAX. */
_Noreturn void threads_exit(int code);

#endif
