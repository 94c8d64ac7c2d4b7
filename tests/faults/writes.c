/* Calls that change files: they can fail, they can be the agent's last, and they can be written down in the order in which they came. */
#include "shim.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define WRITE(type, name, parameters, arguments, what, begin, end, ...)                                                            \
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
            return -1;                                                                                                             \
        }                                                                                                                          \
        bool state = shim_is_state(fd);                                                                                            \
                                                                                                                                   \
        if (state) {                                                                                                               \
            begin;                                                                                                                 \
        }                                                                                                                          \
        type result = behind arguments;                                                                                            \
                                                                                                                                   \
        if (state) {                                                                                                               \
            end;                                                                                                                   \
        }                                                                                                                          \
        return result;                                                                                                             \
    }

/* Several pieces are one write, written down as many: a power cut may come between any two sectors anyway. */
static void begin_pieces(int fd, off_t offset, const struct iovec *pieces, int count)
{
    for (int i = 0; i < count; i++) {
        shim_write_begin(SHIM_WRITE, fd, (uint64_t)offset, pieces[i].iov_base, pieces[i].iov_len);
        offset += (off_t)pieces[i].iov_len;
    }
}

static off_t position(int fd)
{
    static off_t (*seek)(int, off_t, int);

    if (seek == NULL)
        *(void **)&seek = shim_behind("lseek");
    return seek(fd, 0, SEEK_CUR);
}

WRITE(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t offset), (fd, bytes, size, offset), SHIM_WRITE,
      shim_write_begin(SHIM_WRITE, fd, (uint64_t)offset, bytes, size), shim_write_end(SHIM_WRITE, fd), ENOSPC, EIO)
WRITE(ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off_t offset), (fd, bytes, size, offset), SHIM_WRITE,
      shim_write_begin(SHIM_WRITE, fd, (uint64_t)offset, bytes, size), shim_write_end(SHIM_WRITE, fd), ENOSPC, EIO)
WRITE(ssize_t, pwritev, (int fd, const struct iovec *pieces, int count, off_t offset), (fd, pieces, count, offset), SHIM_WRITE,
      begin_pieces(fd, offset, pieces, count), shim_write_end(SHIM_WRITE, fd), ENOSPC, EIO)
WRITE(int, fsync, (int fd), (fd), SHIM_SYNC, shim_write_begin(SHIM_SYNC, fd, 0, NULL, 0), shim_write_end(SHIM_SYNC, fd), EIO)
WRITE(int, fdatasync, (int fd), (fd), SHIM_SYNC, shim_write_begin(SHIM_SYNC, fd, 0, NULL, 0), shim_write_end(SHIM_SYNC, fd), EIO)
WRITE(int, ftruncate, (int fd, off_t size), (fd, size), SHIM_SIZE, shim_write_begin(SHIM_SIZE, fd, (uint64_t)size, NULL, 0),
      shim_write_end(SHIM_SIZE, fd), ENOSPC)
WRITE(int, ftruncate64, (int fd, off_t size), (fd, size), SHIM_SIZE, shim_write_begin(SHIM_SIZE, fd, (uint64_t)size, NULL, 0),
      shim_write_end(SHIM_SIZE, fd), ENOSPC)
SHIM(int, msync, (void *at, size_t size, int flags), (at, size, flags), -1, EIO)

/* What goes to a file of the state, and what to a peer: an answer counts from the moment in which it is handed to the kernel. */
static void begin_stream(int fd, const void *bytes, size_t size)
{
    if (shim_is_state(fd))
        shim_write_begin(SHIM_WRITE, fd, (uint64_t)position(fd), bytes, size);
    else
        shim_sent(fd, bytes, size);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    static ssize_t (*behind)(int, const void *, size_t);
    int error = shim_failure("write", SHIM_ERRORS(EIO, EINTR, ENOSPC), __builtin_return_address(0));

    if (behind == NULL)
        *(void **)&behind = shim_behind("write");
    if (error >= 0) {
        errno = error;
        return -1;
    }
    begin_stream(fd, bytes, size);
    ssize_t result = behind(fd, bytes, size);

    if (shim_is_state(fd))
        shim_write_end(SHIM_WRITE, fd);
    return result;
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    static ssize_t (*behind)(int, const struct iovec *, int);
    int error = shim_failure("writev", SHIM_ERRORS(EIO, EINTR, EAGAIN), __builtin_return_address(0));

    if (behind == NULL)
        *(void **)&behind = shim_behind("writev");
    if (error >= 0) {
        errno = error;
        return -1;
    }
    bool state = shim_is_state(fd);

    if (state)
        begin_pieces(fd, position(fd), pieces, count);
    for (int i = 0; !state && i < count; i++)
        shim_sent(fd, pieces[i].iov_base, pieces[i].iov_len);
    ssize_t result = behind(fd, pieces, count);

    if (state)
        shim_write_end(SHIM_WRITE, fd);
    return result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    static ssize_t (*behind)(int, const struct msghdr *, int);
    int error = shim_failure("sendmsg", SHIM_ERRORS(EPIPE, EINTR, EAGAIN), __builtin_return_address(0));

    if (behind == NULL)
        *(void **)&behind = shim_behind("sendmsg");
    if (error >= 0) {
        errno = error;
        return -1;
    }
    for (size_t i = 0; i < message->msg_iovlen; i++)
        shim_sent(fd, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
    return behind(fd, message, flags);
}
