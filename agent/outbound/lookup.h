/* Addresses of hosts, by getaddrinfo(), which heeds no deadline: a name whose servers do not answer takes half a minute. So each
   look-up has a thread of its own, which is left behind where nobody waits any longer. There is at most one for a host, however
   often it is asked for: those who come later wait with the first, and once it has lasted for LOOKUP_SECONDS_MAX they are sent away
   until it has ended. Any thread may ask. */
#ifndef ASSAY_OUTBOUND_LOOKUP_H
#define ASSAY_OUTBOUND_LOOKUP_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

struct lookup;

/* Addresses that were found at most so many seconds ago will do. NULL: `why`, for people. */
struct lookup *lookup_begin(const char *host, unsigned seconds_old, char *why, size_t why_bytes);

/* Readable once it has ended, and from then on. */
int lookup_fd(const struct lookup *lookup);
bool lookup_has_ended(const struct lookup *lookup);

/* Its addresses, for any port, which stay until it is dropped. NULL: `why`, also that it has not ended. */
const struct addrinfo *lookup_addresses(const struct lookup *lookup, char *why, size_t why_bytes);

/* What is said of one that is not waited for any longer. */
void lookup_explain_late(const char *host, char *why, size_t why_bytes);

/* Whoever has begun it needs it no more. NULL is fine. */
void lookup_drop(struct lookup *lookup);

#endif
