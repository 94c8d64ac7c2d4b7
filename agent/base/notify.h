/* What the service manager is told: systemd, or another that speaks its protocol. Without one nothing is sent. Not by libsystemd: the protocol is
   a few lines (sd_notify(3)), and that library would bring six others, decompressors among them, into a process that holds tokens. */
#ifndef ASSAY_NOTIFY_H
#define ASSAY_NOTIFY_H

#include <uv.h>

void notify_ready(unsigned issuers);  /* and again at the end of each reload */
void notify_reloading(void);          /* until notify_ready or notify_refused */
void notify_refused(const char *why); /* the reload; the old configuration goes on */
void notify_stopping(void);
void notify_status(const char *what); /* one line, shown by systemctl status. May be called from any thread */

/* Tells a manager that asked for it (WatchdogSec=) that the loop still turns, from the loop, so that a stuck one is restarted. NULL
   where nobody asked, or where there is no memory, which is told. */
struct watchdog *watchdog_new(uv_loop_t *loop);
void watchdog_close(struct watchdog *watchdog); /* NULL is fine */

#endif
