/* Whose tokens, and for whom, somebody may ask about. All zero: nobody's. */
#ifndef ASSAY_BOUNDS_H
#define ASSAY_BOUNDS_H

#include "issuer.h"

struct bounds {
    bool any_issuer, any_audience; /* that is configured */
    struct texts issuers;          /* otherwise: of each the first name */
    struct texts audiences;
    uint64_t id; /* of the audiences, never given twice in a process; 0: any_audience */
};

static inline bool bounds_have_issuer(const struct bounds *bounds, const struct issuer *issuer)
{
    return bounds->any_issuer || texts_have(&bounds->issuers, issuer->names.list[0].at, issuer->names.list[0].bytes);
}

static inline bool bounds_have_audience(const struct bounds *bounds, const char *at, size_t bytes)
{
    return bounds->any_audience || texts_have(&bounds->audiences, at, bytes);
}

/* Everybody's, for everybody. */
extern const struct bounds no_bounds;

#endif
