/* The names of requests' hosts: they are looked up before libcurl begins, for its own look-up is waited for when a transfer ends,
   and with it all other transfers. */
#ifndef ASSAY_OUTBOUND_NAMES_H
#define ASSAY_OUTBOUND_NAMES_H

#include "https_inside.h"

/* On the thread. 1: libcurl may begin; 0: the name is being looked up; -1: request->why. */
int names_begin(struct https *https, struct https_request *request, struct transfer *transfer);

/* One that has ended, or for which there is no time left: NULL, or a transfer, which is under way no more. */
struct transfer *names_next(struct https *https);

/* 0: libcurl may begin; -1: request->why. */
int names_use(struct https_request *request, struct transfer *transfer);

/* Nothing is looked up for it any more. */
void names_drop(struct https *https, struct transfer *transfer);

/* Until there is something to do, here or for libcurl. */
void names_wait(struct https *https);

#endif
