/* One moment in the future. A timerfd, not a uv_timer_t: with one of those armed, every wait of the loop sets a timer of the
   kernel's anew, which costs a twentieth of a whole round trip. */
#ifndef ASSAY_ALARM_H
#define ASSAY_ALARM_H

#include <uv.h>

struct alarm;

/* NULL: out of memory or descriptors. */
struct alarm *alarm_new(uv_loop_t *loop, void (*rings)(void *context), void *context);

/* From now on; replaces what was set. */
void alarm_set(struct alarm *alarm, double seconds);
void alarm_close(struct alarm *alarm); /* freed by the loop; NULL is fine */

#endif
