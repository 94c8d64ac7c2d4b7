#include "names.h"

#include <stdlib.h>

static void jobs_add(struct jobs *jobs, struct https_job *job)
{
    if (jobs->first == NULL)
        jobs->last = &jobs->first;
    job->next = NULL;
    *jobs->last = job;
    jobs->last = &job->next;
}

static struct https_job *jobs_take_all(struct jobs *jobs)
{
    struct https_job *first = jobs->first;

    jobs->first = NULL;
    return first;
}

static void hand_back(uv_async_t *wake)
{
    struct https *https = wake->data;

    pthread_mutex_lock(&https->lock);
    struct https_job *job = jobs_take_all(&https->finished);

    pthread_mutex_unlock(&https->lock);
    for (struct https_job *next; job != NULL; job = next) {
        next = job->next;
        job->done(job);
    }
}

struct https *https_new(uv_loop_t *loop)
{
    struct https *https = calloc(1, sizeof *https);

    if (https == NULL)
        return NULL;
    if (uv_async_init(loop, &https->wake, hand_back) != 0) {
        free(https);
        return NULL;
    }
    https->wake.data = https;
    pthread_mutex_init(&https->lock, NULL);
    pthread_cond_init(&https->work, NULL);
    return https;
}

void https_finish(struct https *https, struct https_job *job)
{
    struct https_job **link = &https->under_way;

    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    pthread_mutex_lock(&https->lock);
    jobs_add(&https->finished, job);
    pthread_mutex_unlock(&https->lock);
    uv_async_send(&https->wake);
}

/* Takes the jobs submitted since. False: the thread must end. */
static bool take_jobs(struct https *https)
{
    pthread_mutex_lock(&https->lock);
    while (https->waiting.first == NULL && https->under_way == NULL && !https->stop) {
        https->sleeps = true;
        pthread_cond_wait(&https->work, &https->lock);
        https->sleeps = false;
    }
    struct https_job *job = jobs_take_all(&https->waiting);
    bool stop = https->stop;

    pthread_mutex_unlock(&https->lock);
    for (struct https_job *next; job != NULL; job = next) {
        next = job->next;
        job->next = https->under_way;
        https->under_way = job;
        if (!stop)
            job->run(https, job);
    }
    return !stop;
}

static void *run(void *context)
{
    struct https *https = context;
    int running, left;

    while (take_jobs(https)) {
        requests_go_on(https);
        CURLMcode code = curl_multi_perform(https->multi, &running);

        for (CURLMsg *message; (message = curl_multi_info_read(https->multi, &left)) != NULL;) {
            if (message->msg == CURLMSG_DONE)
                request_finished(https, message->easy_handle, message->data.result);
        }
        if (code == CURLM_OK && https->under_way != NULL)
            names_wait(https);
    }
    return NULL;
}

static bool start(struct https *https)
{
    if (https->started)
        return true;
    https->multi = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_multi_init() : NULL;
#if LIBCURL_VERSION_NUM >= 0x081400
    if (https->multi != NULL)
        (void)curl_multi_setopt(https->multi, CURLMOPT_QUICK_EXIT, 1L); /* as in request.c */
#endif
    https->started = https->multi != NULL && pthread_create(&https->thread, NULL, run, https) == 0;
    if (!https->started && https->multi != NULL)
        curl_multi_cleanup(https->multi);
    return https->started;
}

void https_submit(struct https *https, struct https_job *job)
{
    bool started = start(https);

    job->aborted = !started;
    pthread_mutex_lock(&https->lock);
    jobs_add(started ? &https->waiting : &https->finished, job);
    if (https->sleeps)
        pthread_cond_signal(&https->work);
    else if (started)
        (void)curl_multi_wakeup(https->multi);
    pthread_mutex_unlock(&https->lock);
    if (!started)
        uv_async_send(&https->wake); /* never during the call itself */
}

static void free_https(uv_handle_t *wake)
{
    struct https *https = wake->data;

    pthread_mutex_destroy(&https->lock);
    pthread_cond_destroy(&https->work);
    free(https);
}

static void abort_all(struct https_job *job)
{
    for (struct https_job *next; job != NULL; job = next) {
        next = job->next;
        job->aborted = true;
        job->done(job);
    }
}

void https_close(struct https *https)
{
    if (https == NULL)
        return;
    if (https->started) {
        pthread_mutex_lock(&https->lock);
        https->stop = true;
        pthread_cond_signal(&https->work);
        pthread_mutex_unlock(&https->lock);
        (void)curl_multi_wakeup(https->multi);
        pthread_join(https->thread, NULL);
    }
    hand_back(&https->wake);
    abort_all(https->under_way);
    abort_all(jobs_take_all(&https->waiting));
    if (https->started)
        curl_multi_cleanup(https->multi);
    uv_close((uv_handle_t *)&https->wake, free_https);
}
