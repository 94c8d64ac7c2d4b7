/* A connection in the view of both doors: its user, what its peer may ask, and how much of that is used. The doors differ only in their protocols. */
#ifndef ASSAY_GUEST_H
#define ASSAY_GUEST_H

#include "account.h"
#include "peer.h"

struct guest {
    struct caller caller;
    struct peer peer;
    struct line_of_tasks line; /* of signatures to check */
    unsigned held;             /* requests that are answered later */
    bool stranger_logged;      /* the log has a line about this guest, which matches no entry of `peers` */
};

/* The peer is known: gives it the rights that the configuration grants to whom the kernel names, or to the entry of this name. `entry` NULL: no
   rights. guest_leave takes the rights away, because requests still under way, whose answers are no longer needed, must not point into a
   configuration that is freed. */
void guest_join(struct guest *guest, int fd, const struct config *config);
void guest_join_as(struct guest *guest, const struct config *config, const char *entry);
void guest_leave(struct guest *guest);

/* May the guest, which has joined an account, stay? The caller counts refusals (guest_refused). */
enum welcome { WELCOME_NO_PLACE = 0, WELCOME_TOO_MANY /* for its entry of `peers` */, WELCOME };
enum welcome guest_welcome(const struct guest *guest, bool gives_commands);

/* The door closes the guest's connection for that reason: counts it, and logs it if an entry's limit is the reason. */
void guest_refused(const struct guest *guest, enum welcome why, struct accounts *accounts);

/* Counts a request that is answered later, and its end. False: the user, or its entry, has too many. */
bool guest_hold(struct guest *guest);
void guest_release(struct guest *guest);

/* The guest was refused a call. If it matches no entry of `peers`, the log says so, once for each connection. */
void guest_log_stranger(struct guest *guest);

#endif
