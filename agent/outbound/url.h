/* The URLs that keys are fetched from. They come from the configuration, or from a remote server, and name the host to which this agent connects:
   a URL that two programs could read as two different hosts is refused. */
#ifndef ASSAY_KEYS_URL_H
#define ASSAY_KEYS_URL_H

#include <stdbool.h>

/* An absolute https URL (RFC 3986), `https://` in lower case, with a host (a name, an IPv4 address, or an IPv6 one in brackets), and optionally a
   port, a path and a query; without userinfo or a fragment; at most URL_BYTES_MAX bytes. */
bool url_is_https(const char *url);

/* Where host and port of an https URL end: at its path or query, or at its end. */
const char *url_path(const char *url);

/* Are both https, with the same host and port? Then a secret for one may be sent to the other. */
bool url_same_origin(const char *a, const char *b);

#endif
