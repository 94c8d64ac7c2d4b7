/* What happens to the files of the agent's state, in order: counted, written down in $ASSAY_FAULT_TRACE, and at the call that
   $ASSAY_FAULT_KILL names (NUMBER:MOMENT) the process ends as by kill -9: before it, in the middle of it, or after it. */
#include "shim.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS 1024

/* One entry of the trace; its bytes follow. `what` as in the header, or 'E': the last one on this descriptor has returned. */
struct entry {
    char what;
    char file; /* 'd' for data.mdb, 'l' for LMDB's lock, 'o' for another one */
    char synced; /* the descriptor was opened with O_DSYNC or O_SYNC */
    char unused;
    int32_t fd;
    uint64_t offset, size;
};

enum moment { BEFORE, MIDDLE, AFTER };

static const char *folder;
static int trace = -1;
static unsigned kill_at, kill_moment;
static _Atomic char file_of[FDS]; /* 0: none of the state's */
static _Atomic char synced[FDS];
static pthread_mutex_t tracing = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((constructor)) void begin(void)
{
    const char *path = getenv("ASSAY_FAULT_TRACE"), *when = getenv("ASSAY_FAULT_KILL");
    char *end;

    folder = getenv("ASSAY_FAULT_STATE");
    if (path != NULL)
        trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (when != NULL) {
        kill_at = (unsigned)strtoul(when, &end, 10);
        kill_moment = (unsigned)strtoul(end + 1, NULL, 10);
    }
}

static char letter(const char *path)
{
    const char *name = strrchr(path, '/');

    return strcmp(name, "/data.mdb") == 0 ? 'd' : strcmp(name, "/lock.mdb") == 0 ? 'l' : 'o';
}

void shim_opened(int fd, const char *path, int flags)
{
    size_t bytes = folder != NULL ? strlen(folder) : 0;

    if (fd < 0 || fd >= FDS || bytes == 0 || strncmp(path, folder, bytes) != 0 || path[bytes] != '/')
        return;
    synced[fd] = (flags & (O_DSYNC | O_SYNC)) != 0;
    file_of[fd] = letter(path);
}

void shim_closed(int fd)
{
    if (fd >= 0 && fd < FDS)
        file_of[fd] = 0;
}

bool shim_is_state(int fd)
{
    return fd >= 0 && fd < FDS && file_of[fd] != 0;
}

/* In one piece: threads take turns. */
static void put(const struct entry *entry, const void *bytes)
{
    pthread_mutex_lock(&tracing);
    syscall(SYS_write, trace, entry, sizeof *entry);
    if (bytes != NULL)
        syscall(SYS_write, trace, bytes, (size_t)entry->size);
    pthread_mutex_unlock(&tracing);
}

static void die(void)
{
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

void shim_write_begin(enum shim_write what, int fd, uint64_t offset, const void *bytes, size_t size)
{
    const struct entry entry = {(char)what, file_of[fd], synced[fd], 0, fd, offset, size};

    if (trace >= 0)
        put(&entry, bytes);
    if (shim_table == NULL || ++shim_table->writes != kill_at || kill_moment == AFTER)
        return;
    if (kill_moment == MIDDLE && bytes != NULL)
        syscall(SYS_pwrite64, fd, bytes, size / 2, offset);
    die();
}

void shim_write_end(enum shim_write what, int fd)
{
    const struct entry entry = {'E', file_of[fd], (char)what, 0, fd, 0, 0};

    if (trace >= 0)
        put(&entry, NULL);
    if (kill_moment == AFTER && kill_at > 0 && shim_table != NULL && shim_table->writes >= kill_at)
        die();
}

void shim_sent(int fd, const void *bytes, size_t size)
{
    const struct entry entry = {SHIM_SENT, 0, 0, 0, fd, 0, size};

    if (trace >= 0)
        put(&entry, bytes);
}
