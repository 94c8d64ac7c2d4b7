/* Addresses of hosts, by getaddrinfo(), which has no deadline: if a name's servers do not answer, it takes half a minute. So each lookup has its
   own thread, which is abandoned when nobody waits for it any longer. There is at most one lookup for a host, however often it is requested: later
   requests wait with the first, and once it has lasted for LOOKUP_SECONDS_MAX they fail at once until it has ended. Any thread may call. */
#ifndef ASSAY_OUTBOUND_LOOKUP_H
#define ASSAY_OUTBOUND_LOOKUP_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

struct lookup;

/* Accepts addresses that were found at most this many seconds ago. NULL: `why`, for people. */
struct lookup *lookup_begin(const char *host, unsigned seconds_old, char *why, size_t why_bytes);

/* A descriptor that is readable once the lookup has ended. */
int lookup_fd(const struct lookup *lookup);
bool lookup_has_ended(const struct lookup *lookup);

/* The addresses, for any port, valid until the lookup is dropped. NULL: `why`, also if it has not ended. */
const struct addrinfo *lookup_addresses(const struct lookup *lookup, char *why, size_t why_bytes);

/* The error for a lookup that the caller no longer waits for. */
void lookup_explain_late(const char *host, char *why, size_t why_bytes);

/* The caller of lookup_begin no longer needs it. NULL is fine. */
void lookup_drop(struct lookup *lookup);

#endif
