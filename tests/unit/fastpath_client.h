/* A client's memory and page, the library's own code, as a module of its own (the agent's has the same names): for the test that
   goes through all orders. It stops where it reads a word of the page, for somebody else may come in between. */
#ifndef ASSAY_TESTS_FASTPATH_CLIENT_H
#define ASSAY_TESTS_FASTPATH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIDE __attribute__((visibility("default")))

SIDE void side_open(void (*point)(const char *where));
SIDE void side_close(void);

SIDE bool side_has_page(void);
SIDE void side_use_page(int fd);

/* Is it cached, and does it hold? */
SIDE bool side_repeats(const char *token);

/* An answer as it came over the wire: is it a yes? Then it is cached. */
SIDE bool side_takes(const char *token, const uint8_t *answer, size_t bytes, uint32_t msgid);

/* A deliberate mistake: the heartbeat is read after the counters. */
SIDE void side_read_heartbeat_last(bool last);

#endif
