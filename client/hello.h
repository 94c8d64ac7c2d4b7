/* How the page comes into this process: by `hello`, over a connection that is kept open and used for nothing else, so that the agent
   knows that somebody holds the page. */
#ifndef ASSAY_CLIENT_HELLO_H
#define ASSAY_CLIENT_HELLO_H

#include "call.h"

/* Sees to it that there is a page, if there can be one; not more often than once in a while, and by one thread at a time. What goes
   wrong costs nothing but the page: calls go to the agent then. To be called before one that does, with that one's deadline. */
void hello_if_needed(struct assay *assay, int64_t deadline);

#endif
