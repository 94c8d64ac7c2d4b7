/* A library that is loaded before all others (LD_PRELOAD) and moves a program's wall clock by as many nanoseconds as the first
   eight bytes of the file $ASSAY_WALL_CLOCK say, also while it runs: whoever has the file mapped moves the clocks of all its
   programs by one store. Time goes on meanwhile, and the monotonic clocks are as they were. Without such a file every clock is. The
   kernel is asked by system calls, so that nothing has to be found first: programs read clocks before this library was set up. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

static const _Atomic int64_t *offset;

__attribute__((constructor)) static void find_offset(void)
{
    const char *path = getenv("ASSAY_WALL_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = MAP_FAILED;

    if (path == NULL)
        return;
    if (fd >= 0) {
        at = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (at == MAP_FAILED)
        abort(); /* a test that moves no clock finds nothing */
    offset = at;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int status = (int)syscall(SYS_clock_gettime, clock, ret);

    if (status != 0 || offset == NULL || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return status;
    int64_t now = ret->tv_sec * NS_PER_S + ret->tv_nsec + atomic_load(offset);

    ret->tv_sec = now / NS_PER_S;
    ret->tv_nsec = now % NS_PER_S;
    return 0;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    ret->tv_sec = now.tv_sec;
    ret->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *ret)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (ret != NULL)
        *ret = now.tv_sec;
    return now.tv_sec;
}
