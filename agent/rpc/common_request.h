/* The requests that libassay sends, and most others: `verify` and `authorize` in their usual form, taken apart in one pass where they
   stand. Whatever is written in another way is measured, decoded and read as every other request (request.c); what this pass takes means
   the same there, which the fuzz target for requests compares. */
#ifndef ASSAY_USUAL_H
#define ASSAY_USUAL_H

#include "agent/token/issuer.h"

/* Texts point into the message; at NULL: not there. */
struct common_request {
    uint32_t msgid;
    bool authorize; /* else it is verify */
    struct text token, audience, action, resource;
    bool stamp;
    bool claims; /* of authorize */
};

/* The bytes of the message at the start, or 0: it is not whole, or of another form. */
size_t common_request_read(const uint8_t *bytes, size_t size, struct common_request *ret);

#endif
