/* The URLs that keys are fetched from. They come from a file, or from somebody's server, and name whom this agent connects to: what
   two programs could read as two different hosts is none. */
#ifndef ASSAY_KEYS_URL_H
#define ASSAY_KEYS_URL_H

#include <stdbool.h>

/* An absolute https URL (RFC 3986), `https://` in lower case, with a host (a name, an IPv4 address, or an IPv6 one in brackets),
   and maybe a port, a path and a query; without userinfo or a fragment; at most URL_BYTES_MAX bytes. */
bool url_is_https(const char *url);

/* Where the host, and port, of one that is https end: at its path or query, or at its end. */
const char *url_path(const char *url);

/* Both are https, of the same host and port: may what is meant for the one be sent to the other? */
bool url_same_origin(const char *a, const char *b);

#endif
