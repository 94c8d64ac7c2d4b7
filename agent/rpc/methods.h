/* What each method of the wire does. methods.c has the question that everybody asks; status.c, revoke.c and revocations.c those of administrators. */
#ifndef ASSAY_METHODS_H
#define ASSAY_METHODS_H

#include "agent/verdict/decide.h"
#include "request.h"

/* A question that has been read. The request's params are not looked at. */
void verify(const struct request *request, struct text token, struct text audience, bool stamped);
struct common_request;
void authorize(const struct request *request, const struct common_request *usual);

void method_ping(const struct request *request);
void method_hello(const struct request *request);
void method_verify(const struct request *request);
void method_authorize(const struct request *request);
void method_revoke(const struct request *request);
void method_unrevoke(const struct request *request);
void method_revocations(const struct request *request);
void method_status(const struct request *request);
void method_reload(const struct request *request);

/* Waits for the signature of the token that decide_now has left pending: the request is held until `decided`. Takes the waiter, which was
   got by malloc and begins its allocation; NULL: there was no memory for it. Where it cannot wait, the request has been answered. */
void method_wait(const struct request *request, const struct pending *pending, struct waiter *waiter);

/* The issuer whose word a record is: the one that it names, which must be configured, or the only one that there is. False: the request
   has been answered with what is wrong. */
bool method_issuer(const struct request *request, struct text *issuer);

#endif
