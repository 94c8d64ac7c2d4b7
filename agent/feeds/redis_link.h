/* The thread of a feed from Redis or Valkey: it resolves names, connects, and waits for what is new in the stream, none of which
   the loop may do. What has come it lays down, tells the loop, and waits until that is on the disk. It shares nothing with the feed
   but this.

   What it reads is checked (stream_reader.h) before anything is made of it. Where something may have been missed, that is told, and
   the stream is read from its start. */
#ifndef ASSAY_REDIS_LINK_H
#define ASSAY_REDIS_LINK_H

#include <stdbool.h>
#include <uv.h>

#include "agent/config/feeds.h"
#include "stream_gap.h"

struct redis_link;

/* What is there for the loop. */
struct redis_news {
    char error[128]; /* empty: none */
    char gap[128];   /* what may have been missed, and why; empty: nothing */
    bool alive;      /* all that there is was read, after the gap if there is one, and there is no error */
    bool has_reply;
    struct stream_position position; /* the thread reads on behind it: what is before it was dealt with */
};

/* `news` is called on the loop's thread. Reads on behind the position. NULL: out of memory, threads or descriptors. */
struct redis_link *redis_link_new(uv_loop_t *loop, const struct feed_config *config, const struct stream_position *position,
                                  void (*news)(void *context), void *context);

/* Of this configuration? */
bool redis_link_fits(const struct redis_link *link, const struct feed_config *config);

void redis_link_news(struct redis_link *link, struct redis_news *ret); /* takes them, but for the reply */
void redis_link_look_again(struct redis_link *link);                   /* `news` is called once more */

/* The reply: each record in its order, with the position behind it. `each` as feed_take; anything else than 1 ends it, and is
   returned. On any thread. *ret_more: there may be more in the stream. After a gap the position stays at the start: what came
   counts, and is read again. */
int redis_link_each(struct redis_link *link,
                    int (*each)(void *context, const struct stream_position *position, const char *text, size_t bytes),
                    void *context, bool *ret_more);

/* The reply was dealt with: the thread reads on behind the position. */
void redis_link_go_on(struct redis_link *link, const struct stream_position *position);

/* No more news. The thread ends by itself, soon (outbound/threads.h). NULL is fine. */
void redis_link_close(struct redis_link *link);

#endif
