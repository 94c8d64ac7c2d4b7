/* A server on loopback that answers the first thing it is sent, and the second, as it is told. */
#ifndef ASSAY_REDIS_FAKE_H
#define ASSAY_REDIS_FAKE_H

#include <stdbool.h>
#include <stddef.h>

struct redis_script {
    const char *first;   /* NULL: +PONG */
    bool close_first;    /* the connection, after it */
    const char *answer;  /* NULL: nothing */
    size_t bytes, piece; /* of the answer; 0: in one */
    char fill;           /* sent without end after it */
    bool fill_slowly;
    bool close; /* after the answer */
    bool again; /* the answer to whatever comes after */
};

struct redis_fake;

/* What has come, of the last connection; to be looked at when it is stopped. */
extern char redis_fake_received[8192];

struct redis_fake *redis_fake_start(const struct redis_script *script);
unsigned redis_fake_port(const struct redis_fake *fake);
void redis_fake_stop(struct redis_fake *fake);

#endif
