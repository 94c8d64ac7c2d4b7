/* The thread of a feed from Redis or Valkey. It resolves names, connects, and waits for new entries in the stream, none of which the loop may do.
   It leaves new entries for the loop, wakes it, and waits until they are on the disk. It shares only this structure with the feed.

   It checks what it reads (stream_reader.h) before the agent uses it. If something may have been missed, it reports a gap, and the stream is read
   from its start. */
#ifndef ASSAY_REDIS_LINK_H
#define ASSAY_REDIS_LINK_H

#include <stdbool.h>
#include <uv.h>

#include "agent/config/feeds.h"
#include "stream_gap.h"

struct redis_link;

/* What the thread has left for the loop. */
struct redis_news {
    char error[128]; /* empty: no error */
    char gap[128];   /* what may have been missed, and why; empty: nothing */
    bool alive;      /* the stream was read to its end, after the gap if there is one, and without an error */
    bool has_reply;
    struct stream_position position; /* the thread reads on after it: the entries up to here are finished */
};

/* `news` is called on the loop's thread. Reads on after the position. NULL: out of memory, threads or descriptors. */
struct redis_link *redis_link_new(uv_loop_t *loop, const struct feed_config *config, const struct stream_position *position,
                                  void (*news)(void *context), void *context);

/* Does the link have this configuration? */
bool redis_link_fits(const struct redis_link *link, const struct feed_config *config);

void redis_link_news(struct redis_link *link, struct redis_news *ret); /* takes the news, except the reply */
void redis_link_look_again(struct redis_link *link);                   /* causes one more call of `news` */

/* Walks the reply: each record in its order, with the position after it. `each` is like feed_take; any result other than 1 ends the walk and is
   returned. On any thread. *ret_more: the stream may have more. After a gap the position stays at the start: these records take effect, and are
   read again. */
int redis_link_each(struct redis_link *link,
                    int (*each)(void *context, const struct stream_position *position, const char *text, size_t bytes),
                    void *context, bool *ret_more);

/* The reply is finished: the thread reads on after the position. */
void redis_link_go_on(struct redis_link *link, const struct stream_position *position);

/* Ends the news. The thread ends by itself, soon (outbound/threads.h). NULL is fine. */
void redis_link_close(struct redis_link *link);

#endif
