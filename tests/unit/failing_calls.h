/* Calls into the system that fail when a test says so: the n-th of all that are wrapped, once. For one program each, whose link wraps
   them (-Wl,--wrap=…). */
#ifndef ASSAY_TEST_FAILING_CALLS_H
#define ASSAY_TEST_FAILING_CALLS_H

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

static _Thread_local int calls_left = -1; /* until the one that fails; below 0: none does. The agent's thread has its own */
static bool failed;

static bool fails(int error)
{
    if (calls_left < 0 || calls_left-- > 0)
        return false;
    failed = true;
    errno = error;
    return true;
}

#define WRAP(type, name, parameters, arguments, result, error)                                                                     \
    type __real_##name parameters;                                                                                                 \
    type __wrap_##name parameters;                                                                                                 \
    type __wrap_##name parameters                                                                                                  \
    {                                                                                                                              \
        return fails(error) ? (result) : __real_##name arguments;                                                                  \
    }

WRAP(void *, malloc, (size_t size), (size), NULL, ENOMEM)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL, ENOMEM)
WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)
WRAP(int, connect, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size), -1, ECONNREFUSED)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags), -1, EPIPE)

#endif
