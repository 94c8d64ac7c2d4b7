#include "lookup.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/base/limits.h"
#include "client/wire/clock.h"
#include "threads.h"

struct lookup {
    struct lookup *next;
    char host[256];
    int fd;
    unsigned references; /* the list holds one */
    int64_t begun, ended;
    bool has_ended;
    int code, cause; /* getaddrinfo's, and errno */
    struct addrinfo *addresses;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects everything that changes */
static struct lookup *first;                             /* under way, or possibly still usable */
static unsigned under_way;

/* Call it with the lock held, like everything below up to the thread. */
static void drop(struct lookup *lookup)
{
    if (--lookup->references > 0)
        return;
    if (lookup->addresses != NULL)
        freeaddrinfo(lookup->addresses);
    if (lookup->fd >= 0)
        close(lookup->fd);
    free(lookup);
}

static void forget(struct lookup **link)
{
    struct lookup *lookup = *link;

    *link = lookup->next;
    drop(lookup);
}

/* Failed lookups are repeated at once; successful ones are cached for a while. */
static void forget_old(int64_t now)
{
    for (struct lookup **link = &first; *link != NULL;) {
        if ((*link)->has_ended && ((*link)->addresses == NULL || now - (*link)->ended > LOOKUP_KEPT_SECONDS * NS_PER_S))
            forget(link);
        else
            link = &(*link)->next;
    }
}

static struct lookup **find(const char *host)
{
    struct lookup **link = &first;

    while (*link != NULL && strcasecmp((*link)->host, host) != 0)
        link = &(*link)->next;
    return link;
}

/* The lookup of this host that is under way or kept. NULL: there is none, or it cannot be used; then `why` says why. */
static struct lookup *join(const char *host, unsigned seconds_old, int64_t now, char *why, size_t why_bytes)
{
    struct lookup **link = find(host), *found = *link;

    if (found == NULL)
        return NULL;
    if (found->has_ended && now - found->ended > seconds_old * NS_PER_S) {
        forget(link);
        return NULL;
    }
    if (!found->has_ended && now - found->begun > LOOKUP_SECONDS_MAX * NS_PER_S) {
        lookup_explain_late(host, why, why_bytes);
        return NULL;
    }
    found->references++;
    return found;
}

static void *run(void *context)
{
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct lookup *lookup = context;
    struct addrinfo *addresses = NULL;
    uint64_t one = 1;
    int code = getaddrinfo(lookup->host, NULL, &wanted, &addresses), cause = errno;

    pthread_mutex_lock(&lock);
    lookup->code = code;
    lookup->cause = cause;
    lookup->addresses = code == 0 ? addresses : NULL;
    lookup->has_ended = true;
    lookup->ended = monotonic_ns();
    under_way--;
    if (write(lookup->fd, &one, sizeof one) != sizeof one) {
        /* it cannot fail */
    }
    drop(lookup);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static struct lookup *start(const char *host, int64_t now)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);

    if (lookup == NULL)
        return NULL;
    snprintf(lookup->host, sizeof lookup->host, "%s", host);
    lookup->begun = now;
    lookup->references = 3; /* the list's, the thread's, and the caller's */
    lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lookup->fd < 0 || threads_start(run, lookup) < 0) {
        lookup->references = 1;
        drop(lookup);
        return NULL;
    }
    under_way++;
    lookup->next = first;
    first = lookup;
    return lookup;
}

static struct lookup *begin(const char *host, unsigned seconds_old, char *why, size_t why_bytes)
{
    int64_t now = monotonic_ns();

    forget_old(now);
    struct lookup *lookup = join(host, seconds_old, now, why, why_bytes);

    if (lookup != NULL || why[0] != '\0')
        return lookup;
    if (under_way >= LOOKUPS_MAX) {
        snprintf(why, why_bytes, "%u other name lookups are under way and do not finish", under_way);
        return NULL;
    }
    lookup = start(host, now);
    if (lookup == NULL)
        snprintf(why, why_bytes, "out of memory, threads or descriptors for the name lookup");
    return lookup;
}

struct lookup *lookup_begin(const char *host, unsigned seconds_old, char *why, size_t why_bytes)
{
    why[0] = '\0';
    if (strlen(host) >= sizeof first->host) {
        snprintf(why, why_bytes, "the host name is too long");
        return NULL;
    }
    pthread_mutex_lock(&lock);
    struct lookup *lookup = begin(host, seconds_old, why, why_bytes);

    pthread_mutex_unlock(&lock);
    return lookup;
}

int lookup_fd(const struct lookup *lookup)
{
    return lookup->fd;
}

bool lookup_has_ended(const struct lookup *lookup)
{
    pthread_mutex_lock(&lock);
    bool has_ended = lookup->has_ended;

    pthread_mutex_unlock(&lock);
    return has_ended;
}

/* The descriptor does not order memory between threads; the lock does. A lookup that has ended does not change. */
const struct addrinfo *lookup_addresses(const struct lookup *lookup, char *why, size_t why_bytes)
{
    if (!lookup_has_ended(lookup))
        lookup_explain_late(lookup->host, why, why_bytes);
    else if (lookup->addresses == NULL)
        snprintf(why, why_bytes, "the name %.120s cannot be resolved: %s", lookup->host,
                 lookup->code == EAI_SYSTEM ? strerror(lookup->cause) : gai_strerror(lookup->code));
    else
        return lookup->addresses;
    return NULL;
}

void lookup_explain_late(const char *host, char *why, size_t why_bytes)
{
    snprintf(why, why_bytes, "the name %.120s was not resolved in time; do its name servers answer?", host);
}

void lookup_drop(struct lookup *lookup)
{
    if (lookup == NULL)
        return;
    pthread_mutex_lock(&lock);
    drop(lookup);
    pthread_mutex_unlock(&lock);
}
