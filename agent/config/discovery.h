/* From an issuer's name to where its keys are: OpenID Connect Discovery 1.0 and RFC 8414. Bytes in, a URL out: no socket. */
#ifndef ASSAY_KEYS_DISCOVERY_H
#define ASSAY_KEYS_DISCOVERY_H

#include <stddef.h>

#include "agent/outbound/url.h"

enum discovery_kind { DISCOVERY_NONE = 0, DISCOVERY_OPENID, DISCOVERY_OAUTH };

/* Where the issuer describes itself. -1: its name is not such a URL, or has a query; or the result has no room. */
int discovery_url(enum discovery_kind kind, const char *issuer, char *ret_url, size_t size);

#define DISCOVERY_WHY_BYTES 256

/* Reads such a document. It must say itself that it is this issuer's, byte for byte, or another one's keys would be taken for its
   keys (OpenID Connect Discovery 4.3, RFC 8414 3.3); what it says of its keys is then a URL that is https. -1: `why` says what is
   wrong, in printable characters, whatever stands in the document. */
int discovery_read(const char *text, size_t bytes, const char *issuer, char *ret_jwks_uri, size_t size,
                   char why[DISCOVERY_WHY_BYTES]);

#endif
