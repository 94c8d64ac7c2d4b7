/* The methods of the protocol. methods.c has the ones for every caller; status.c, revoke.c and revocations.c those of administrators. */
#ifndef ASSAY_METHODS_H
#define ASSAY_METHODS_H

#include "agent/verdict/decide.h"
#include "request.h"

/* Answers a question that was already read. The request's params are not used. */
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

/* Waits for the signature of the token that decide_now left pending: the request is held until `decided`. Takes the waiter, which is from malloc
   and begins its allocation; NULL: out of memory. If it cannot wait, the request has been answered. */
void method_wait(const struct request *request, const struct pending *pending, struct waiter *waiter);

/* The issuer of a record: the one that it names, which must be configured, or the only configured one. False: the request has been answered with
   an error. */
bool method_issuer(const struct request *request, struct text *issuer);

#endif
