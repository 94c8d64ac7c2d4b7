#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "client/wire/clock.h"

/* Missing in some versions of linux/magic.h. */
#define MAGIC_XFS      0x58465342
#define MAGIC_ZFS      0x2fc12fc1
#define MAGIC_F2FS     0xf2f52010
#define MAGIC_EROFS    0xe0f5e1e2
#define MAGIC_BCACHEFS 0xca451a4e

struct file_facts facts_of(const struct stat *found)
{
    return (struct file_facts){
        .device = found->st_dev,
        .inode = found->st_ino,
        .size = (uint64_t)found->st_size,
        .mode = found->st_mode,
        .changed_ns = found->st_ctim.tv_sec * NS_PER_S + found->st_ctim.tv_nsec,
        .modified_ns = found->st_mtim.tv_sec * NS_PER_S + found->st_mtim.tv_nsec,
    };
}

bool facts_are_same(const struct file_facts *a, const struct file_facts *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

int facts_look(const char *path, bool open_it, struct file_facts *ret)
{
    struct stat found;
    int fd = open_it ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    int status = open_it && fd < 0 ? -1 : open_it ? fstat(fd, &found) : stat(path, &found);
    int error = status < 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    if (error == 0)
        *ret = facts_of(&found);
    return error;
}

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20 /* Linux 5.12 */
#endif

static int64_t ns_of(struct statx_timestamp time)
{
    return time.tv_sec * NS_PER_S + time.tv_nsec;
}

int facts_look_at_once(const char *path, struct file_facts *ret)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_CACHED};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    struct statx found;

    if (fd < 0)
        return errno == EAGAIN || errno == EINVAL || errno == ENOSYS || errno == EPERM ? EAGAIN : errno;
    int status = statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &found), error = status < 0 ? errno : 0;

    close(fd);
    if (error == 0)
        *ret = (struct file_facts){.device = makedev(found.stx_dev_major, found.stx_dev_minor),
                                   .inode = found.stx_ino,
                                   .size = found.stx_size,
                                   .mode = found.stx_mode,
                                   .changed_ns = ns_of(found.stx_ctime),
                                   .modified_ns = ns_of(found.stx_mtime)};
    return error;
}

static bool is_local(const char *path)
{
    struct statfs found;

    if (statfs(path, &found) < 0)
        return false;
    switch ((unsigned long)found.f_type) {
    case EXT4_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
    case OVERLAYFS_SUPER_MAGIC:
    case SQUASHFS_MAGIC:
    case MAGIC_XFS:
    case MAGIC_ZFS:
    case MAGIC_F2FS:
    case MAGIC_EROFS:
    case MAGIC_BCACHEFS:
        return true;
    default:
        return false;
    }
}

/* Checks the path, and each folder on it. */
static bool is_local_all_along(char *path)
{
    for (char *end = path + strlen(path); end > path; end = strrchr(path, '/')) {
        *end = '\0';
        if (*path != '\0' && !is_local(path))
            return false;
        if (strchr(path, '/') == NULL)
            break;
    }
    return is_local(*path == '\0' ? "/" : ".");
}

bool facts_are_local(const char *path)
{
    char *real = realpath(path, NULL), *given = strdup(path);
    bool local = real != NULL && given != NULL && is_local_all_along(given) && is_local_all_along(real);

    free(real);
    free(given);
    return local;
}

struct file_look facts_note(const char *path)
{
    struct file_look look = {.path = path};

    look.error = facts_look(path, true, &look.facts);
    return look;
}

bool facts_have_changed(const struct file_look *look)
{
    const struct file_look now = facts_note(look->path);

    return now.error != look->error || !facts_are_same(&now.facts, &look->facts);
}

/* By the clock that stamps changes of a local file, which is this machine's: so a file that was written long ago needs no wait. */
static bool is_older_than(const char *path, const struct file_facts *facts, double seconds)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)(now.tv_sec * NS_PER_S + now.tv_nsec - facts->changed_ns) >= seconds * NS_PER_S && facts_are_local(path);
}

bool facts_are_at_rest(struct file_rest *rest, const char *path, double seconds)
{
    const struct file_look look = facts_note(path);
    int64_t now = monotonic_ns();

    if (rest->since_ns == 0 || look.error != 0 || !facts_are_same(&rest->look.facts, &look.facts))
        rest->since_ns = now;
    rest->look = look;
    return look.error != 0 || (double)(now - rest->since_ns) >= seconds * NS_PER_S || is_older_than(path, &look.facts, seconds);
}
