/* The listening socket: taken from systemd, or made so that no moment exists in which the wrong people can connect, no running
   agent loses its socket to a second one, and no stale file stands in the way. */
#ifndef ASSAY_SOCKET_H
#define ASSAY_SOCKET_H

#include "agent/config/config.h"

#define SOCKET_WHY_BYTES 512

/* The folders of the sockets that the agent makes itself, before it gives up the right to make folders. */
int socket_make_folders(const struct config *config, char why[SOCKET_WHY_BYTES]);

/* A listening descriptor; -1: `why` says what is wrong. *ret_made: the file is ours to remove at the end. *ret_found: a socket was
   there before, so an agent may have been. Call it after the state's lock was taken: that lock keeps two agents from doing this at
   once. */
int socket_listen(const struct config *config, bool *ret_made, bool *ret_found, char why[SOCKET_WHY_BYTES]);

int socket_listen_http(const struct config *config, bool *ret_made, char why[SOCKET_WHY_BYTES]); /* `http:`, a Unix socket */

/* Removes the file, if it is still the one that was made. */
void socket_remove(const char *path, int fd);

#endif
