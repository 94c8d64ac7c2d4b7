/* libc's functions that can fail, with what they fail with. EINTR stands second where it is allowed: then it is not a failure but
   something to try again after. */
#include "shim.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

/* Memory. dlsym itself may want some before it has found who has it: that little is given from here, and never given back. */
static char early[8192];
static size_t early_used;

static void *early_memory(size_t size)
{
    void *given = early + early_used;

    size = (size + 15) & ~(size_t)15;
    if (size > sizeof early - early_used)
        abort();
    early_used += size;
    return given;
}

#define MEMORY(name, parameters, arguments, size)                                                                                  \
    void *name parameters;                                                                                                         \
    void *name parameters                                                                                                          \
    {                                                                                                                              \
        static void *(*behind)parameters;                                                                                          \
        static bool looking;                                                                                                       \
                                                                                                                                   \
        if (behind == NULL) {                                                                                                      \
            if (looking)                                                                                                           \
                return early_memory(size);                                                                                         \
            looking = true;                                                                                                        \
            *(void **)&behind = shim_behind(#name);                                                                                \
        }                                                                                                                          \
        if (shim_failure(#name, SHIM_ERRORS(ENOMEM), __builtin_return_address(0)) >= 0) {                                          \
            errno = ENOMEM;                                                                                                        \
            return NULL;                                                                                                           \
        }                                                                                                                          \
        return behind arguments;                                                                                                   \
    }

MEMORY(malloc, (size_t size), (size), size)
MEMORY(calloc, (size_t count, size_t each), (count, each), count *each)
MEMORY(realloc, (void *memory, size_t size), (memory, size), size)
SHIM(char *, strdup, (const char *text), (text), NULL, ENOMEM)
SHIM(int, posix_memalign, (void **ret, size_t align, size_t size), (ret, align, size), ENOMEM, ENOMEM)
SHIM(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset), (at, size, protection, flags, fd, offset),
     MAP_FAILED, ENOMEM)
SHIM(void *, mmap64, (void *at, size_t size, int protection, int flags, int fd, off64_t offset),
     (at, size, protection, flags, fd, offset), MAP_FAILED, ENOMEM)
SHIM(int, madvise, (void *at, size_t size, int advice), (at, size, advice), -1, ENOMEM)

static int failed_print(char **ret)
{
    *ret = NULL;
    return -1;
}

SHIM(int, vasprintf, (char **ret, const char *format, va_list arguments), (ret, format, arguments), failed_print(ret), ENOMEM)
SHIM(int, __vasprintf_chk, (char **ret, int flag, const char *format, va_list arguments), (ret, flag, format, arguments),
     failed_print(ret), ENOMEM)

int asprintf(char **ret, const char *format, ...)
{
    va_list arguments;

    if (shim_failure("asprintf", SHIM_ERRORS(ENOMEM), __builtin_return_address(0)) >= 0)
        return failed_print(ret);
    va_start(arguments, format);
    static int (*behind)(char **, const char *, va_list);

    if (behind == NULL)
        *(void **)&behind = shim_behind("vasprintf");
    int printed = behind(ret, format, arguments);

    va_end(arguments);
    return printed;
}

/* Files. */
#define OPEN(name, before, parameters, arguments)                                                                                  \
    int name parameters;                                                                                                           \
    int name parameters                                                                                                            \
    {                                                                                                                              \
        static int(*behind) parameters;                                                                                            \
        int error = shim_failure(#name, SHIM_ERRORS(EMFILE, EIO), __builtin_return_address(0));                                    \
        before;                                                                                                                    \
        if (behind == NULL)                                                                                                        \
            *(void **)&behind = shim_behind(#name);                                                                                \
        if (error >= 0) {                                                                                                          \
            errno = error;                                                                                                         \
            return -1;                                                                                                             \
        }                                                                                                                          \
        int fd = behind arguments;                                                                                                 \
                                                                                                                                   \
        shim_opened(fd, path, flags);                                                                                              \
        return fd;                                                                                                                 \
    }
#define READ_MODE                                                                                                                  \
    mode_t mode = 0;                                                                                                               \
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {                                                                                    \
        va_list more;                                                                                                              \
        va_start(more, flags);                                                                                                     \
        mode = va_arg(more, mode_t);                                                                                               \
        va_end(more);                                                                                                              \
    }

OPEN(open, READ_MODE, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, READ_MODE, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, READ_MODE, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPEN(__open_2, , (const char *path, int flags), (path, flags))
OPEN(__open64_2, , (const char *path, int flags), (path, flags))

int close(int fd)
{
    static int (*behind)(int);

    if (behind == NULL)
        *(void **)&behind = shim_behind("close");
    shim_closed(fd);
    return behind(fd);
}

SHIM(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, EMFILE, EIO)
SHIM(FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL, EMFILE)
SHIM(size_t, fread, (void *bytes, size_t size, size_t count, FILE *file), (bytes, size, count, file), 0, EIO)
SHIM(int, fseek, (FILE * file, long offset, int whence), (file, offset, whence), -1, EINVAL)
SHIM(long, ftell, (FILE * file), (file), -1, EINVAL)
SHIM(ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size), -1, EIO, EINTR)
SHIM(ssize_t, pread, (int fd, void *bytes, size_t size, off_t offset), (fd, bytes, size, offset), -1, EIO)
SHIM(int, fstat, (int fd, struct stat *facts), (fd, facts), -1, EIO)
SHIM(int, fstat64, (int fd, struct stat64 *facts), (fd, facts), -1, EIO)
SHIM(int, __fxstat, (int version, int fd, struct stat *facts), (version, fd, facts), -1, EIO)
SHIM(int, stat, (const char *path, struct stat *facts), (path, facts), -1, EACCES)
SHIM(int, lstat, (const char *path, struct stat *facts), (path, facts), -1, EACCES)
SHIM(int, fstatfs, (int fd, void *facts), (fd, facts), -1, EIO)
SHIM(int, access, (const char *path, int mode), (path, mode), -1, EACCES)
SHIM(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC)
SHIM(int, unlink, (const char *path), (path), -1, EACCES)
SHIM(int, rename, (const char *from, const char *to), (from, to), -1, EIO)
SHIM(int, chmod, (const char *path, mode_t mode), (path, mode), -1, EPERM)
SHIM(int, lchown, (const char *path, uid_t user, gid_t group), (path, user, group), -1, EPERM)
SHIM(int, flock, (int fd, int operation), (fd, operation), -1, ENOLCK, EINTR)
SHIM(off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence), -1, EIO)

/* Sockets, the loop, threads. */
SHIM(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)
SHIM(int, bind, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size), -1, EACCES)
SHIM(int, listen, (int fd, int backlog), (fd, backlog), -1, EOPNOTSUPP)
SHIM(int, connect, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size), -1, EACCES, EINTR)
SHIM(int, accept, (int fd, struct sockaddr *address, socklen_t *size), (fd, address, size), -1, EMFILE, EINTR)
SHIM(int, accept4, (int fd, struct sockaddr *address, socklen_t *size, int flags), (fd, address, size, flags), -1, EMFILE, ECONNABORTED,
     EINTR)
SHIM(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size), (fd, level, name, value, size), -1, ENOBUFS)
SHIM(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size), (fd, level, name, value, size), -1, ENOMEM)
SHIM(int, getsockname, (int fd, struct sockaddr *address, socklen_t *size), (fd, address, size), -1, ENOBUFS)
SHIM(int, poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout), -1, ENOMEM, EINTR)
SHIM(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags), -1, ENOMEM, EINTR)
SHIM(int, epoll_create, (int size), (size), -1, EMFILE)
SHIM(int, epoll_create1, (int flags), (flags), -1, EMFILE)
SHIM(int, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event), (epoll, what, fd, event), -1, ENOSPC)
SHIM(int, epoll_wait, (int fd, struct epoll_event *events, int count, int timeout), (fd, events, count, timeout), -1, EINTR)
SHIM(int, epoll_pwait, (int fd, struct epoll_event *events, int count, int timeout, const sigset_t *mask),
     (fd, events, count, timeout, mask), -1, EINTR)
SHIM(int, eventfd, (unsigned first, int flags), (first, flags), -1, EMFILE)
SHIM(int, timerfd_create, (int clock, int flags), (clock, flags), -1, EMFILE)
SHIM(int, timerfd_settime, (int fd, int flags, const struct itimerspec *new, struct itimerspec *old), (fd, flags, new, old), -1, EINVAL)
SHIM(int, inotify_init1, (int flags), (flags), -1, EMFILE)
SHIM(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask), -1, ENOSPC)
SHIM(int, pipe2, (int fds[2], int flags), (fds, flags), -1, EMFILE)
SHIM(int, pthread_create, (pthread_t * thread, const pthread_attr_t *how, void *(*run)(void *), void *argument),
     (thread, how, run, argument), EAGAIN, EAGAIN)
SHIM(int, sigaction, (int number, const struct sigaction *new, struct sigaction *old), (number, new, old), -1, EINVAL)
SHIM(ssize_t, getrandom, (void *bytes, size_t size, unsigned flags), (bytes, size, flags), -1, ENOSYS, EINTR)
