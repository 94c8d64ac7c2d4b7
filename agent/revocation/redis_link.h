/* The thread of a feed from Redis or Valkey: it resolves names, connects, and waits for what is new in the stream, none of which
   the loop may do. What has come it lays down, tells the loop, and waits until that is on the disk. It shares nothing with the feed
   but this.

   A stream may be emptied, trimmed, replaced or restored from an older copy behind a reader's back. So the thread looks, now and
   then, whether what it has read to is still there; if not, something may have been missed, which is told, and the stream is read
   from its start. */
#ifndef ASSAY_REDIS_LINK_H
#define ASSAY_REDIS_LINK_H

#include <stdbool.h>
#include <uv.h>

#include "agent/config/feeds.h"

#define STREAM_ID_BYTES 48 /* two numbers of 64 bits, and the line between them */

struct redis_link;

/* What is there for the loop. */
struct redis_news {
    char error[128]; /* empty: none */
    char gap[128];   /* what may have been missed, and why; empty: nothing */
    bool alive;      /* all that there is was read */
    bool has_reply;
};

/* `news` is called on the loop's thread. Reads on behind `id`, "0-0" for the start. NULL: out of memory, threads or descriptors. */
struct redis_link *redis_link_new(uv_loop_t *loop, const struct feed_config *config, const char *id, void (*news)(void *context),
                                  void *context);

/* Of this configuration? */
bool redis_link_fits(const struct redis_link *link, const struct feed_config *config);

void redis_link_news(struct redis_link *link, struct redis_news *ret); /* takes them, but for the reply */
void redis_link_look_again(struct redis_link *link);                   /* `news` is called once more */

/* The reply: each record in its order, with its entry's id. `take` as feed_take; anything else than 1 ends it, and is returned. On
   any thread. *ret_whole: there may be more in the stream. */
int redis_link_each(struct redis_link *link, int (*take)(void *context, const char *id, const char *text, size_t bytes),
                    void *context, bool *ret_more);

/* The reply was dealt with: the thread reads on behind `id`. */
void redis_link_go_on(struct redis_link *link, const char *id);

/* No more news. The thread ends by itself, soon; nobody waits for it. NULL is fine. */
void redis_link_close(struct redis_link *link);

#endif
