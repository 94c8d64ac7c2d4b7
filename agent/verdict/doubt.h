/* Why a token is undecided, and the error that answers contain for it. */
#ifndef ASSAY_DOUBT_H
#define ASSAY_DOUBT_H

#include <assay/status.h>

enum doubt {
    DOUBT_FAILED, /* a part of the agent failed, which was logged */
    DOUBT_CLOCK,  /* the clock cannot be trusted */
    DOUBT_FEED,   /* a revocation feed was not read yet, or not for too long */
    DOUBT_KEYS,   /* the issuer's keys are not available */
    DOUBT_AGE,    /* the issuer's keys are too old */
};

enum wire_error {
    ERROR_NONE = 0,
#define WIRE_ERROR_ENUM(number, name, wire, text) ERROR_##name = (number),
    ASSAY_WIRE_ERRORS(WIRE_ERROR_ENUM)
#undef WIRE_ERROR_ENUM
};

const char *wire_error_name(enum wire_error error);

/* *why: the doubt in words; may be replaced by other words. */
enum wire_error wire_error_of(enum doubt doubt, const char **why);

#endif
