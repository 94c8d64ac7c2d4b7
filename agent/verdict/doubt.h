/* Why a token could not be decided, and the error by which answers say so. */
#ifndef ASSAY_DOUBT_H
#define ASSAY_DOUBT_H

#include <assay/status.h>

enum doubt {
    DOUBT_FAILED, /* something of the agent's failed, which was logged */
    DOUBT_CLOCK,  /* the clock cannot be trusted */
    DOUBT_FEED,   /* a revocation feed has not been read, or not for too long */
    DOUBT_KEYS,   /* the issuer's keys could not be had */
    DOUBT_AGE,    /* the issuer's keys are too old */
};

enum wire_error {
    ERROR_NONE = 0,
#define WIRE_ERROR_ENUM(number, name, wire, text) ERROR_##name = (number),
    ASSAY_WIRE_ERRORS(WIRE_ERROR_ENUM)
#undef WIRE_ERROR_ENUM
};

const char *wire_error_name(enum wire_error error);

/* *why: the doubt in words, which may become others. */
enum wire_error wire_error_of(enum doubt doubt, const char **why);

#endif
