/* Whether something of a stream may have been missed: judged by what Redis says of it, where the entry that was read last is no
   more. Nothing here talks to anybody. */
#ifndef ASSAY_STREAM_GAP_H
#define ASSAY_STREAM_GAP_H

#include <hiredis/hiredis.h>

/* `facts`: the reply to XINFO STREAM; `id`: of the entry that was read last, and is not there. NULL: nothing was missed; or in
   words what may have been. What cannot be read may have been anything. */
const char *stream_gap(const redisReply *facts, const char *id);

#endif
