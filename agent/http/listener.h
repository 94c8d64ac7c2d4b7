/* HTTP for gateways and probes: a listener of its own, on a Unix socket or a port of the loopback interface. Like the other door, it is limited
   for each user and in total; a peer that exceeds a limit loses its connection and nothing else. */
#ifndef ASSAY_HTTP_H
#define ASSAY_HTTP_H

#include "agent/door/account.h"
#include "agent/verdict/verdicts.h"

struct http;

#ifdef ASSAY_HTTP
/* Listens where the configuration says; *ret is NULL if it does not configure HTTP. -1: `why` says what is wrong. `accounts` are
   the other door's, too. */
int http_open(struct verdicts *verdicts, struct accounts *accounts, struct http **ret, char why[512]);

/* In all of these NULL is fine. Accepts no more requests; quiet once all requests were answered. */
void http_drain(struct http *http);
bool http_is_quiet(const struct http *http);

/* After another configuration was put in force: no connection keeps a right of the old one. */
void http_use_config(struct http *http);

/* Processes the next requests of connections that were answered in this turn of the loop, and accepts connections that had to wait for it. */
void http_go_on(struct http *http);

/* Answers may be given again (watch_sees). */
void http_take_up(struct http *http);

/* Checks that the socket's file still exists. */
void http_look_for_socket(struct http *http);

/* Closes what is left; freed after the loop has closed the handles. */
void http_close(struct http *http);
void http_free(struct http *http);
#else
static inline int http_open(struct verdicts *verdicts, struct accounts *accounts, struct http **ret, char why[512])
{
    (void)verdicts;
    (void)accounts;
    (void)why;
    *ret = NULL;
    return 0;
}
static inline void http_drain(struct http *http)
{
    (void)http;
}
static inline bool http_is_quiet(const struct http *http)
{
    return http == NULL;
}
static inline void http_use_config(struct http *http)
{
    (void)http;
}
static inline void http_go_on(struct http *http)
{
    (void)http;
}
static inline void http_take_up(struct http *http)
{
    (void)http;
}
static inline void http_look_for_socket(struct http *http)
{
    (void)http;
}
static inline void http_close(struct http *http)
{
    (void)http;
}
static inline void http_free(struct http *http)
{
    (void)http;
}
#endif

#endif
