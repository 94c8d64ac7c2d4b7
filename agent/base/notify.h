/* Messages to the service manager: systemd, or another that speaks its protocol. Without a service manager the agent sends nothing. It does not
   use libsystemd: the protocol is a few lines (sd_notify(3)), and that library would load six others, decompressors among them, into a process
   that holds tokens. */
#ifndef ASSAY_NOTIFY_H
#define ASSAY_NOTIFY_H

#include <uv.h>

void notify_ready(unsigned issuers);  /* also at the end of each reload */
void notify_reloading(void);          /* ended by notify_ready or notify_refused */
void notify_refused(const char *why); /* the reload was refused; the old configuration stays in force */
void notify_stopping(void);
void notify_status(const char *what); /* one line, which systemctl status shows. May be called from any thread */

/* Tells a manager that asks for it (WatchdogSec=) that the loop still runs. The loop sends this itself, so the manager restarts an agent whose
   loop is stuck. NULL: the manager does not ask, or out of memory, which is logged. */
struct watchdog *watchdog_new(uv_loop_t *loop);
void watchdog_close(struct watchdog *watchdog); /* NULL is fine */

#endif
