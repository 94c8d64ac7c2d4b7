/* A build without libcurl. The configuration refuses everything that would be fetched, so only start and end are called. */
#include "https.h"

#include <stdlib.h>

struct https {
    char unused;
};

struct https *https_new(uv_loop_t *loop)
{
    (void)loop;
    return calloc(1, sizeof(struct https));
}

void https_close(struct https *https)
{
    free(https);
}

void https_submit(struct https *https, struct https_job *job)
{
    (void)https;
    (void)job;
    abort();
}

void https_finish(struct https *https, struct https_job *job)
{
    (void)https;
    (void)job;
    abort();
}

void https_get(struct https *https, struct https_request *request)
{
    (void)https;
    (void)request;
    abort();
}

double https_answer_age(const struct https_request *request)
{
    (void)request;
    abort();
}

void https_clear(struct https_request *request)
{
    (void)request;
}
