/* How the page comes into this process: by `hello`, over a connection that is kept open, so that the agent knows that somebody holds
   the page. A program that waits has a connection for nothing else; one with an event loop says hello among its other questions. */
#ifndef ASSAY_CLIENT_HELLO_H
#define ASSAY_CLIENT_HELLO_H

#include "ask.h"

/* Sees to it that there is a page, if there can be one; not more often than once in a while, and by one thread at a time. What goes
   wrong costs nothing but the page: calls go to the agent then. To be called before one that does, with that one's deadline. */
void hello_if_needed(struct assay *assay, int64_t deadline);

/* True: whoever asks is to say hello now; nobody else is told so for a while. */
bool hello_is_due(struct cache *cache, int64_t now);

/* For those who send it themselves. It is about nothing: `check` and `judge` are NULL. */
extern const struct kind kind_hello;

/* When it was sent, and when its answer was read: monotonic, nanoseconds. */
struct span {
    int64_t before, after;
};

/* Zero is no page. */
enum hello {
    HELLO_FAILED = 0,
    HELLO_REFUSED,
    HELLO_UNCERTAIN, /* it took too long to compare clocks by it */
    HELLO_GREETED,
};

/* What came back, as answer_read() says of `status`, and the descriptor that came with it (-1: none), which stays the caller's. */
enum hello hello_take(struct cache *cache, int status, const struct answer *answer, int descriptor, const struct span *span);

/* Room for a descriptor beside what recvmsg() reads; and the one that came takes the place of *descriptor, which is closed. */
union descriptor_room {
    struct cmsghdr aligned;
    char bytes[CMSG_SPACE(sizeof(int))];
};
void descriptor_take(struct msghdr *message, int *descriptor);

#endif
