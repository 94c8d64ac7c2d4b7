#include "doubt.h"

static const char *const names[] = {
    "",
#define WIRE_ERROR_NAME(number, name, wire, text) wire,
    ASSAY_WIRE_ERRORS(WIRE_ERROR_NAME)
#undef WIRE_ERROR_NAME
};

const char *wire_error_name(enum wire_error error)
{
    return names[error];
}

enum wire_error wire_error_of(enum doubt doubt, const char **why)
{
    static const enum wire_error errors[] = {[DOUBT_FAILED] = ERROR_INTERNAL,       [DOUBT_CLOCK] = ERROR_CLOCK_UNTRUSTED,
                                             [DOUBT_FEED] = ERROR_REVOCATION_STALE, [DOUBT_KEYS] = ERROR_KEYS_UNAVAILABLE,
                                             [DOUBT_AGE] = ERROR_KEYS_STALE};

    if (errors[doubt] == ERROR_INTERNAL)
        *why = "the agent could not decide; see its log";
    return errors[doubt];
}
