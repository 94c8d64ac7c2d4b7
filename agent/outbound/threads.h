/* Threads that nobody joins: they end by themselves, and some wait where nothing can end their waiting (getaddrinfo). They are
   counted, for while the process ends they must not run: exit handlers take away what they use, OpenSSL's tables among it. */
#ifndef ASSAY_OUTBOUND_THREADS_H
#define ASSAY_OUTBOUND_THREADS_H

#include <stdbool.h>
#include <stdint.h>

/* 0, or -1: there is no memory, or no thread to be had. */
int threads_start(void *(*run)(void *context), void *context);

/* A library may have left a thread of its own, which cannot be counted. */
void threads_leave_one(void);

/* True: none is left. It waits for that until monotonic_ns() says `deadline`. */
bool threads_have_ended(int64_t deadline);

/* The end of the process: by exit(), or without exit handlers where a thread does not end in THREADS_END_SECONDS_MAX. */
_Noreturn void threads_exit(int code);

#endif
