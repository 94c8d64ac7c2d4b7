/* A library that is loaded before all others (LD_PRELOAD) and stands between a program and the calls that can fail. It counts them by
   the place from which they come, makes the one fail that it was told to, and watches what is written into the agent's state. */
#ifndef ASSAY_FAULTS_SHIM_H
#define ASSAY_FAULTS_SHIM_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SHIM_FRAMES 5
#define SHIM_SITES  16384 /* a power of two */

/* One place in the program: a function, and the callers above it. The driver reads this table from the shared file. */
struct shim_frame {
    char module[20];
    uint32_t offset;
};

struct shim_site {
    _Atomic uint64_t hash;
    _Atomic uint32_t count;
    uint32_t errors; /* in how many ways it can fail */
    uint32_t step;   /* of the scenario, at the first call */
    uint32_t frame_count;
    char function[40];
    struct shim_frame frames[SHIM_FRAMES];
};

struct shim_table {
    _Atomic uint32_t step;   /* of the scenario: the driver writes it */
    _Atomic uint32_t armed;  /* 0: nothing fails */
    _Atomic uint32_t failed; /* how often something was made to fail */
    _Atomic uint32_t failed_step;
    _Atomic uint32_t writes; /* calls that change files of the state */
    _Atomic uint32_t overflow;
    uint32_t unused[10];
    struct shim_site sites[SHIM_SITES];
};

/* Which of `errors` this call is to fail with, or -1: it is not to fail. */
int shim_failure(const char *function, const int *errors, unsigned count, const void *caller);

/* The function of that name behind this library. */
void *shim_behind(const char *name);

extern struct shim_table *shim_table; /* NULL: there is none, as in a program that was started without ASSAY_FAULT_TABLE */

/* Files of the state (state.c). Each call between begin and end is one that changes or syncs such a file. */
enum shim_write { SHIM_WRITE = 'W', SHIM_SYNC = 'S', SHIM_SIZE = 'T', SHIM_SENT = 'A' };

void shim_opened(int fd, const char *path, int flags);
void shim_closed(int fd);
bool shim_is_state(int fd);
void shim_write_begin(enum shim_write what, int fd, uint64_t offset, const void *bytes, size_t size);
void shim_write_end(enum shim_write what, int fd);
void shim_sent(int fd, const void *bytes, size_t size);

#define SHIM_ERRORS(...) ((const int[]){__VA_ARGS__}), (sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

/* A function that passes everything on, or fails with `result` and one of the errors. */
#define SHIM(type, name, parameters, arguments, result, ...)                                                                       \
    type name parameters;                                                                                                          \
    type name parameters                                                                                                           \
    {                                                                                                                              \
        static type(*behind) parameters;                                                                                           \
        int error = shim_failure(#name, SHIM_ERRORS(__VA_ARGS__), __builtin_return_address(0));                                    \
                                                                                                                                   \
        if (behind == NULL)                                                                                                        \
            *(void **)&behind = shim_behind(#name);                                                                                \
        if (error >= 0) {                                                                                                          \
            errno = error;                                                                                                         \
            return result;                                                                                                         \
        }                                                                                                                          \
        return behind arguments;                                                                                                   \
    }

#endif
