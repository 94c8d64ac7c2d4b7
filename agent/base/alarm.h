/* A one-shot timer on the loop. It uses a timerfd, not a uv_timer_t: while a uv_timer_t is armed, every wait of the loop sets a kernel timer
   again, which costs a twentieth of a whole round trip. */
#ifndef ASSAY_ALARM_H
#define ASSAY_ALARM_H

#include <uv.h>

struct alarm;

/* NULL: out of memory or descriptors. */
struct alarm *alarm_new(uv_loop_t *loop, void (*rings)(void *context), void *context);

/* Sets the alarm to `seconds` from now, and replaces an earlier setting. */
void alarm_set(struct alarm *alarm, double seconds);
void alarm_close(struct alarm *alarm); /* freed by the loop; NULL is fine */

#endif
