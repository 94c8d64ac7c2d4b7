/* How this process gets the page: by the method `hello`, on a connection that it keeps open, so that the agent knows that the page is in
   use. The calls that wait use a connection of its own for this. The calls that do not wait send hello among their questions. */
#ifndef ASSAY_CLIENT_HELLO_H
#define ASSAY_CLIENT_HELLO_H

#include "ask.h"

/* Gets a page if there is none and one can be had; only one thread at a time, and not more often than HELLO_AGAIN_NS allows. If that
   fails, the only effect is that calls go to the agent. Call it before a call that asks the agent, with that call's deadline. */
void hello_if_needed(struct assay *assay, int64_t deadline);

/* True: the caller must send hello now; for a while no other caller gets true. */
bool hello_is_due(struct cache *cache, int64_t now);

/* For callers that send hello themselves. It carries no question: `check` and `judge` are NULL. */
extern const struct question_kind kind_hello;

/* When hello was sent, and when its answer was read: monotonic, nanoseconds. */
struct span {
    int64_t before, after;
};

/* Zero means no page. */
enum hello {
    HELLO_FAILED = 0,
    HELLO_REFUSED,
    HELLO_UNCERTAIN, /* the round trip took too long to compare the clocks */
    HELLO_GREETED,
};

/* Reads the answer, with `status` from answer_read(). `descriptor` came with the answer (-1: none); the caller still closes it. */
enum hello hello_take(struct cache *cache, int status, const struct answer *answer, int descriptor, const struct span *span);

/* Room for one descriptor in recvmsg(). descriptor_take() closes *descriptor, and replaces it by the one that came. */
union descriptor_room {
    struct cmsghdr aligned;
    char bytes[CMSG_SPACE(sizeof(int))];
};
void descriptor_take(struct msghdr *message, int *descriptor);

#endif
