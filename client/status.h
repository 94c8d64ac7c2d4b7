/* Statuses by name, and in words. */
#ifndef ASSAY_CLIENT_STATUS_H
#define ASSAY_CLIENT_STATUS_H

/* As it stands in status.h: "timeout", "keys_stale". Static; never NULL. */
const char *status_name(int status);

#endif
