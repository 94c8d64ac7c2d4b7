#include "authorities.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "agent/base/limits.h"
#include "client/wire/cleanup.h"

static int cannot(const char *ca_file, const char *cause, char *why, size_t why_bytes)
{
    snprintf(why, why_bytes, "the `ca_file` cannot be used (%s): %.160s", cause, ca_file);
    return -1;
}

/* 0; -1: errno. The file may be shorter than announced; it reads at most `room` bytes. */
static int read_all(int fd, struct authorities *authorities, size_t room)
{
    while (authorities->size < room) {
        ssize_t got = read(fd, authorities->bytes + authorities->size, room - authorities->size);

        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0)
            authorities->size += (size_t)got;
    }
    return 0;
}

int authorities_read(const char *ca_file, struct authorities *ret, char *why, size_t why_bytes)
{
    int fd CLEANUP_FD = open(ca_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct authorities authorities CLEANUP(authorities_clear) = {0};
    struct stat found;

    if (fd < 0 || fstat(fd, &found) != 0)
        return cannot(ca_file, strerror(errno), why, why_bytes);
    if (!S_ISREG(found.st_mode) || found.st_size <= 0 || found.st_size > CA_FILE_BYTES_MAX)
        return cannot(ca_file, "empty, too large, or not a regular file", why, why_bytes);
    authorities.bytes = malloc((size_t)found.st_size);
    if (authorities.bytes == NULL)
        return cannot(ca_file, "out of memory", why, why_bytes);
    if (read_all(fd, &authorities, (size_t)found.st_size) < 0)
        return cannot(ca_file, strerror(errno), why, why_bytes);
    *ret = authorities;
    authorities.bytes = NULL;
    return 0;
}

void authorities_clear(struct authorities *authorities)
{
    free(authorities->bytes);
    *authorities = (struct authorities){0};
}

static struct file_facts look(const char *path)
{
    struct file_facts facts = {0};

    if (path != NULL)
        (void)facts_look(path, false, &facts);
    return facts;
}

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = secure_getenv(name);

    return value != NULL ? value : otherwise;
}

void authorities_look(const char *ca_file, struct authorities_facts *ret)
{
    *ret = (struct authorities_facts){0};
    if (ca_file == NULL) {
        ret->file = look(from_environment(X509_get_default_cert_file_env(), X509_get_default_cert_file()));
        ret->folder = look(from_environment(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
    } else {
        ret->file = look(ca_file);
    }
}

bool authorities_are_same(const struct authorities_facts *a, const struct authorities_facts *b)
{
    return facts_are_same(&a->file, &b->file) && facts_are_same(&a->folder, &b->folder);
}
