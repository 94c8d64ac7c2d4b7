/* Groups: the pairs of issuer and kind that a batch names. The records of a group share a slot (revocation/holders.h). A feed may name thousands
   of tenants, so groups are found by hash. */
#ifndef ASSAY_GROUPS_H
#define ASSAY_GROUPS_H

#include "agent/revocation/record.h"

struct group {
    enum record_kind kind;
    uint16_t slot;
    bool has_slot;                  /* and the slot is on the disk */
    size_t issuer_at, issuer_bytes; /* in `names` */
    int64_t change;                 /* change of the count by the part written last */
};

struct groups {
    struct group *list;
    size_t count, room;
    char *names;
    size_t names_bytes, names_room;
    uint16_t *table; /* numbers plus one; 0: free */
};

/* The group's number; FEED_BATCH_GROUPS_MAX: too many groups; -1: out of memory. */
int groups_find(struct groups *groups, const struct record *record);
struct text group_issuer(const struct groups *groups, const struct group *group);
void groups_clear(struct groups *groups);

#endif
