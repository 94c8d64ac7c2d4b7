/* A connection, as both doors see it: whose it is, what its peer may ask, and how much of that is used. The doors differ in their protocols, and
   in nothing of this. */
#ifndef ASSAY_GUEST_H
#define ASSAY_GUEST_H

#include "account.h"
#include "peer.h"

struct guest {
    struct caller caller;
    struct peer peer;
    struct line_of_tasks line; /* of signatures to be checked */
    unsigned held;             /* requests that are answered later */
};

/* Its peer is known: gets the rights that the configuration gives. `entry`: the name of the entry whose rights callers have where the kernel does
   not say who calls; NULL: what the kernel says decides. guest_leave takes the rights away: what the guest has under way, and nobody waits for any
   more, must not point into a configuration that goes. */
void guest_join(struct guest *guest, int fd, const struct config *config, const char *entry);
void guest_leave(struct guest *guest);

/* May the guest, which has joined an account, stay? Refusals are the caller's to count (guest_refused). */
enum welcome { WELCOME_NO_PLACE = 0, WELCOME_TOO_MANY /* for its entry of `peers` */, WELCOME };
enum welcome guest_welcome(const struct guest *guest, bool gives_commands);

/* The door closes the guest's connection because of that: counts it, and logs it where an entry's limit is the reason. */
void guest_refused(const struct guest *guest, enum welcome why, struct door_facts *facts);

/* A request that is answered later, and its end. False: the user, or its entry, has too many. */
bool guest_hold(struct guest *guest);
void guest_release(struct guest *guest);

#endif
