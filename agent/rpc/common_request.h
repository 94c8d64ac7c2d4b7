/* Reads the requests that libassay sends, and most others: `verify` and `authorize` in their usual form, decoded in one pass without copying.
   Every other form is measured, decoded and read like all other requests (request.c). A request that this pass accepts has the same meaning there,
   which the fuzz target for requests compares. */
#ifndef ASSAY_USUAL_H
#define ASSAY_USUAL_H

#include "agent/token/issuer.h"

/* Texts point into the message; at NULL: absent. */
struct common_request {
    uint32_t msgid;
    bool authorize; /* otherwise it is verify */
    struct text token, audience, action, resource;
    bool stamp;
    bool claims; /* of authorize */
};

/* The size of the message at the start, or 0: it is incomplete, or of another form. */
size_t common_request_read(const uint8_t *bytes, size_t size, struct common_request *ret);

#endif
