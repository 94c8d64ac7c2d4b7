/* What a request needs before libcurl begins: its files, and its host's name, for libcurl's own look-up is waited for when a transfer
   ends, and with it all other transfers. */
#ifndef ASSAY_OUTBOUND_NAMES_H
#define ASSAY_OUTBOUND_NAMES_H

#include "https_inside.h"

/* On the thread. 1: there is none to read; 0: they are being read; -1: request->why. */
int names_read_files(struct https *https, struct https_request *request, struct transfer *transfer);

/* 0: what they hold is there until names_drop_files(); -1: request->why. */
int names_use_files(struct https_request *request, const struct transfer *transfer);
void names_drop_files(struct transfer *transfer);

/* 1: libcurl may begin; 0: the name is being looked up; -1: request->why. */
int names_begin(struct https *https, struct https_request *request, struct transfer *transfer);

/* One that has ended, or for which there is no time left: NULL, or a transfer, which is under way no more. */
struct transfer *names_next(struct https *https);

/* 0: libcurl may begin; -1: request->why. */
int names_use(struct https_request *request, struct transfer *transfer);

/* Nothing is read or looked up for it any more. */
void names_drop(struct https *https, struct transfer *transfer);

/* Until there is something to do, here or for libcurl. */
void names_wait(struct https *https);

#endif
