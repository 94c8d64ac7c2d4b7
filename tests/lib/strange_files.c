/* A library that is loaded before all others (LD_PRELOAD): files below $ASSAY_STRANGE_FILES lie on a file system as networks have
   them. The kernel says nothing when they change, it is not known to be local, and while there is a file named `hangs` in that
   folder, opening or looking at any other one takes until it is gone; and while there is one named `syncs`, so does a commit. While there is
   one named `slow`, they are local as others are, but opening one takes 80 ms. The kernel is asked by system calls, so that nothing has to be found first. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define NFS 0x6969

static int is_strange(const char *path)
{
    const char *folder = getenv("ASSAY_STRANGE_FILES");

    return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int there_is(const char *name)
{
    const char *folder = getenv("ASSAY_STRANGE_FILES");
    char sign[512];

    return folder != NULL && snprintf(sign, sizeof sign, "%s/%s", folder, name) > 0 && syscall(SYS_faccessat, AT_FDCWD, sign, F_OK) == 0;
}

static void pause_for(long milliseconds)
{
    const struct timespec moment = {0, milliseconds * 1000000};

    (void)syscall(SYS_nanosleep, &moment, NULL);
}

static void wait_while_there_is(const char *name)
{
    while (there_is(name))
        pause_for(5);
}

static void wait_for_it(const char *path)
{
    if (!is_strange(path))
        return;
    wait_while_there_is("hangs");
    if (there_is("slow"))
        pause_for(80);
}

int fdatasync(int fd)
{
    wait_while_there_is("syncs");
    return (int)syscall(SYS_fdatasync, fd);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    if (is_strange(path) && !there_is("slow")) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

int statfs(const char *path, struct statfs *ret)
{
    int status = (int)syscall(SYS_statfs, path, ret);

    if (status == 0 && is_strange(path) && !there_is("slow"))
        ret->f_type = NFS;
    return status;
}

static int open_it(const char *path, int flags, va_list arguments)
{
    int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, int) : 0;

    wait_for_it(path);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    int fd = open_it(path, flags, arguments);

    va_end(arguments);
    return fd;
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    int fd = open_it(path, flags, arguments);

    va_end(arguments);
    return fd;
}
