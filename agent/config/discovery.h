/* Finds an issuer's keys from its name: OpenID Connect Discovery 1.0 and RFC 8414. Bytes in, a URL out: no socket. */
#ifndef ASSAY_KEYS_DISCOVERY_H
#define ASSAY_KEYS_DISCOVERY_H

#include <stddef.h>

#include "agent/outbound/url.h"

enum discovery_kind { DISCOVERY_NONE = 0, DISCOVERY_OPENID, DISCOVERY_OAUTH };

/* The URL at which the issuer describes itself. -1: its name is not an https URL, or has a query; or the result does not fit. */
int discovery_url(enum discovery_kind kind, const char *issuer, char *ret_url, size_t size);

#define DISCOVERY_WHY_BYTES 256

/* Reads such a document. Its `issuer` must equal this issuer byte for byte, or the agent would use another issuer's keys for its tokens (OpenID
   Connect Discovery 4.3, RFC 8414 3.3); its `jwks_uri` must be an https URL. -1: `why` says what is wrong, in printable characters, whatever the
   document contains. */
int discovery_read(const char *text, size_t bytes, const char *issuer, char *ret_jwks_uri, size_t size,
                   char why[DISCOVERY_WHY_BYTES]);

#endif
