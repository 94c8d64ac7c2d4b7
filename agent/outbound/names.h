/* What a request needs before libcurl begins: its files, and its host's address. libcurl's own lookup is not used, because libcurl waits for it
   when a transfer ends, and delays all other transfers. */
#ifndef ASSAY_OUTBOUND_NAMES_H
#define ASSAY_OUTBOUND_NAMES_H

#include "https_inside.h"

/* On the thread. 1: no files to read; 0: they are being read; -1: request->why. */
int names_read_files(struct https *https, struct https_request *request, struct transfer *transfer);

/* 0: their contents are available until names_drop_files(); -1: request->why. */
int names_use_files(struct https_request *request, const struct transfer *transfer);
void names_drop_files(struct transfer *transfer);

/* 1: libcurl may begin; 0: the name is being looked up; -1: request->why. */
int names_begin(struct https *https, struct https_request *request, struct transfer *transfer);

/* A transfer whose preparation has ended, or has no time left, taken out of the list; NULL: none. */
struct transfer *names_next(struct https *https);

/* 0: libcurl may begin; -1: request->why. */
int names_use(struct https_request *request, struct transfer *transfer);

/* Ends reading and lookups for this transfer. */
void names_drop(struct https *https, struct transfer *transfer);

/* Waits until there is something to do, here or for libcurl. */
void names_wait(struct https *https);

#endif
