/* The issuers and kinds that a batch names: each two of them is a group, which shares a slot (revocation/holders.h). A feed may speak for
   thousands of tenants, one after the other, so they are found by hash. */
#ifndef ASSAY_GROUPS_H
#define ASSAY_GROUPS_H

#include "agent/revocation/record.h"

struct group {
    enum record_kind kind;
    uint16_t slot;
    bool has_slot;                  /* and that is on the disk */
    size_t issuer_at, issuer_bytes; /* in `names` */
    int64_t change;                 /* of the part that was written last */
};

struct groups {
    struct group *list;
    size_t count, room;
    char *names;
    size_t names_bytes, names_room;
    uint16_t *table; /* numbers, and one more; 0: free */
};

/* The group's number; FEED_BATCH_GROUPS_MAX: there are too many; -1: out of memory. */
int groups_find(struct groups *groups, const struct record *record);
struct text group_issuer(const struct groups *groups, const struct group *group);
void groups_clear(struct groups *groups);

#endif
