#include "status.h"

#include "exports.h"

const char *status_name(int status)
{
    switch (status) {
    case 0:
        return "yes";
#define CASE(number, name, word, text)                                                                                             \
    case ASSAY_E_##name:                                                                                                           \
        return word;
        ASSAY_STATUSES(CASE)
        ASSAY_WIRE_ERRORS(CASE)
#undef CASE
    default:
        return "unknown";
    }
}

const char *assay_strerror(int status)
{
    switch (status) {
    case 0:
        return "yes";
#define CASE(number, name, word, text)                                                                                             \
    case ASSAY_E_##name:                                                                                                           \
        return text;
        ASSAY_STATUSES(CASE)
        ASSAY_WIRE_ERRORS(CASE)
#undef CASE
    default:
        return "no such status";
    }
}

const char *assay_version(void)
{
    return ASSAY_VERSION;
}

unsigned assay_version_number(void)
{
    return ASSAY_VERSION_NUMBER;
}
