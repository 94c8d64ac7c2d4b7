/* Names and texts of statuses. */
#ifndef ASSAY_CLIENT_STATUS_H
#define ASSAY_CLIENT_STATUS_H

/* The name in status.h: "timeout", "keys_stale". Static; never NULL. */
const char *status_name(int status);

#endif
