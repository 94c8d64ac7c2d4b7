/* The issuers and audiences that a peer may ask about. All zero: none. */
#ifndef ASSAY_BOUNDS_H
#define ASSAY_BOUNDS_H

#include "issuer.h"

struct bounds {
    bool any_issuer, any_audience; /* every one that is configured */
    struct texts issuers;          /* otherwise: the first name of each allowed issuer */
    struct texts audiences;
    uint64_t id; /* identifies the audiences; never used twice in a process; 0: any_audience */
};

static inline bool bounds_have_issuer(const struct bounds *bounds, const struct issuer *issuer)
{
    return bounds->any_issuer || texts_have(&bounds->issuers, issuer->names.list[0].at, issuer->names.list[0].bytes);
}

static inline bool bounds_have_audience(const struct bounds *bounds, const char *at, size_t bytes)
{
    return bounds->any_audience || texts_have(&bounds->audiences, at, bytes);
}

/* Every issuer and every audience. */
extern const struct bounds no_bounds;

#endif
