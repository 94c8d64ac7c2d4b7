#include "status.h"

#include <string.h>

#include "client/wire/exports.h"

/* The name, and behind its terminating NUL the text. */
static const char *both(int status)
{
    switch (status) {
    case 0:
        return "yes\0yes";
#define CASE(number, name, word, text)                                                                                             \
    case ASSAY_E_##name:                                                                                                           \
        return word "\0" text;
        ASSAY_STATUSES(CASE)
        ASSAY_WIRE_ERRORS(CASE)
#undef CASE
    default:
        return "unknown\0no such status";
    }
}

const char *status_name(int status)
{
    return both(status);
}

const char *assay_strerror(int status)
{
    const char *name = both(status);

    return name + strlen(name) + 1;
}

const char *assay_version(void)
{
    return ASSAY_VERSION;
}

unsigned assay_version_number(void)
{
    return ASSAY_VERSION_NUMBER;
}
