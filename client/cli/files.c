/* Only O_EXCL keeps a key from being overwritten, and only the mode at creation keeps a new one from being read: neither can be added
   later. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/wire/cleanup.h"
#include "report.h"

static int read_all(int fd, char *bytes, size_t room, size_t *ret_count)
{
    size_t count = 0;

    while (count < room) {
        ssize_t got = read(fd, bytes + count, room - count);

        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0)
            count += (size_t)got;
    }
    *ret_count = count;
    return 0;
}

static int check_file(const char *path, const struct stat *found)
{
    if (!S_ISREG(found->st_mode))
        return report_bad_input("%s is not a regular file", path);
    if ((found->st_mode & 077) != 0)
        return report_bad_input("other users can read %s (mode %04o); if none has read it, 'chmod 600 %s', else create a new key", path,
                                (unsigned)found->st_mode & 07777, path);
    if (found->st_size >= SECRET_FILE_BYTES_MAX)
        return report_bad_input("%s is too large for a key", path);
    return 0;
}

int secret_read(const char *path, struct secret *ret_secret)
{
    int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct secret secret CLEANUP(secret_clear) = {NULL, 0};
    struct stat found;

    if (fd < 0 || fstat(fd, &found) != 0)
        return report_bad_input("%s: %s", path, strerror(errno));
    int code = check_file(path, &found);

    if (code != 0)
        return code;
    secret.bytes = calloc(1, SECRET_FILE_BYTES_MAX + 1);
    if (secret.bytes == NULL)
        return report_no_memory();
    if (read_all(fd, secret.bytes, SECRET_FILE_BYTES_MAX, &secret.count) != 0)
        return report_bad_input("%s: %s", path, strerror(errno));
    *ret_secret = secret;
    secret = (struct secret){NULL, 0};
    return 0;
}

void secret_clear(struct secret *secret)
{
    if (secret->bytes != NULL)
        explicit_bzero(secret->bytes, SECRET_FILE_BYTES_MAX);
    free(secret->bytes);
    *secret = (struct secret){NULL, 0};
}

static int write_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);

        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        }
    }
    return 0;
}

int write_new_file(const char *path, mode_t mode, const char *bytes, size_t count)
{
    int fd CLEANUP_FD = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 && errno == EEXIST)
        return report_bad_input("%s exists and is not overwritten; name another file, or move it away", path);
    if (fd < 0)
        return report_bad_input("%s: %s", path, strerror(errno));
    if (write_all(fd, bytes, count) == 0 && fchmod(fd, mode) == 0 && fsync(fd) == 0)
        return 0;
    int cause = errno;

    unlink(path);
    return report_bad_input("%s: %s", path, strerror(cause));
}
