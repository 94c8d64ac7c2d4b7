/* A library that is loaded before all others (LD_PRELOAD) and plays the name servers: names that end in `.silent` have some that
   never answer, until the resolver gives up after half a minute; those that end in `.here` are this machine. Each look-up of one is
   a line in the file $ASSAY_SILENT_NAMES. */
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int resolver(const char *host, const char *service, const struct addrinfo *wanted, struct addrinfo **ret);

static bool ends(const char *host, const char *end)
{
    size_t bytes = host != NULL ? strlen(host) : 0, its = strlen(end);

    return bytes > its && strcmp(host + bytes - its, end) == 0;
}

static int notes = -1;

/* At once: the agent gives up its right to write files. */
__attribute__((constructor)) static void open_notes(void)
{
    const char *path = getenv("ASSAY_SILENT_NAMES");

    if (path != NULL)
        notes = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *wanted, struct addrinfo **ret)
{
    resolver *next;

    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    if (ends(host, ".silent") || ends(host, ".here"))
        (void)dprintf(notes, "%s\n", host);
    if (ends(host, ".silent")) {
        sleep(30);
        return EAI_AGAIN;
    }
    return next(ends(host, ".here") ? "127.0.0.1" : host, service, wanted, ret);
}
