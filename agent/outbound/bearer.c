#include "bearer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "agent/base/secret.h"

#define BEARER_BYTES_MAX 16000

void bearer_clear(struct bearer *bearer)
{
    OPENSSL_secure_clear_free(bearer->text, bearer->bytes);
    *bearer = (struct bearer){0};
}

static bool is_token(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || (unsigned char)*text > '~')
            return false;
    }
    return true;
}

/* NULL, or what is wrong with what was read. */
static const char *check(const char *path, int fd, ssize_t got, char *text)
{
    struct stat facts;

    if (got < 0 || fstat(fd, &facts) < 0)
        return strerror(errno);
    if (secret_is_open(path, facts.st_mode))
        return "every user of this machine can read it; run: chmod o-rwx on it";
    if (got > BEARER_BYTES_MAX)
        return "it is too large for a token";
    while (got > 0 && (unsigned char)text[got - 1] <= ' ')
        got--;
    text[got] = '\0';
    return got > 0 && is_token(text) ? NULL : "it is not a token: it is empty, or has spaces or characters outside ASCII";
}

int bearer_read(struct bearer *ret, const char *path, char *why, size_t why_bytes)
{
    if (path == NULL)
        return 0;
    struct bearer bearer = {OPENSSL_secure_malloc(BEARER_BYTES_MAX + 2), BEARER_BYTES_MAX + 2};

    if (bearer.text == NULL) /* many at once */
        bearer.text = OPENSSL_malloc(BEARER_BYTES_MAX + 2);

    if (bearer.text == NULL) {
        snprintf(why, why_bytes, "out of memory");
        return -1;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *wrong = check(path, fd, fd >= 0 ? read(fd, bearer.text, BEARER_BYTES_MAX + 1) : -1, bearer.text);

    if (wrong != NULL)
        snprintf(why, why_bytes, "the token in %.80s cannot be used: %.120s", path, wrong);
    if (fd >= 0)
        close(fd);
    if (wrong != NULL)
        bearer_clear(&bearer);
    *ret = bearer;
    return wrong != NULL ? -1 : 0;
}
