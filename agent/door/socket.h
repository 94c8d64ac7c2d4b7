/* The listening socket: taken from systemd, or created so that at no moment the wrong users can connect, a second agent cannot take the socket of
   a running one, and a stale file does not prevent the start. */
#ifndef ASSAY_SOCKET_H
#define ASSAY_SOCKET_H

#include "agent/config/config.h"

#define SOCKET_WHY_BYTES 512

/* Creates the folders of the agent's own sockets, before the agent gives up the right to create folders. */
int socket_make_folders(const struct config *config, char why[SOCKET_WHY_BYTES]);

/* A listening descriptor; -1: `why` says what is wrong. *ret_made: the agent created the file and removes it at the end. *ret_found: a socket
   existed before, so an agent may have run. Call it after taking the state's lock, which keeps two agents from doing this at the same time. */
int socket_listen(const struct config *config, bool *ret_made, bool *ret_found, char why[SOCKET_WHY_BYTES]);

int socket_listen_http(const struct config *config, bool *ret_made, char why[SOCKET_WHY_BYTES]); /* `http:`, a Unix socket */

/* Removes the file, if it is still the one that the agent created. */
void socket_remove(const char *path, int fd);

#endif
