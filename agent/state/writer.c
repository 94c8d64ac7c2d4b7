#include "writer.h"

#include <pthread.h>
#include <stdlib.h>

struct queue {
    struct job *first;
    struct job **last;
    unsigned count;
};

struct writer {
    struct store *store;
    void (*committed)(void *context, bool told);
    void *context;
    uv_async_t wake;
    pthread_t thread;
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t work;
    struct queue waiting;
    struct queue finished;
    bool stop;
};

static void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
    queue->count = 0;
}

static void queue_add(struct queue *queue, struct job *job)
{
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
    queue->count++;
}

static struct job *queue_take(struct queue *queue)
{
    struct job *job = queue->first;

    if (job == NULL)
        return NULL;
    queue->first = job->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    queue->count--;
    return job;
}

/* All jobs in one transaction, or none. */
static int run_together(struct store *store, struct job *first)
{
    bool frees = true;

    for (struct job *job = first; job != NULL; job = job->next)
        frees = frees && job->frees;
    struct view *view = store_begin(store, frees);
    int status = view != NULL ? 0 : -1;

    for (struct job *job = first; status == 0 && job != NULL; job = job->next)
        status = job->run(job, view);
    if (status == 0)
        return store_commit(view);
    if (view != NULL)
        store_abort(view);
    return -1;
}

/* A failing job must not make the others fail, so after a failure each gets its own transaction. */
static void run_batch(struct writer *writer, struct queue *batch)
{
    int status = run_together(writer->store, batch->first);
    struct queue done;

    queue_init(&done);
    for (struct job *job; (job = queue_take(batch)) != NULL;) {
        job->next = NULL;
        job->status = status == 0 ? 0 : run_together(writer->store, job);
        queue_add(&done, job);
    }
    pthread_mutex_lock(&writer->lock);
    for (struct job *job; (job = queue_take(&done)) != NULL;)
        queue_add(&writer->finished, job);
    pthread_mutex_unlock(&writer->lock);
    uv_async_send(&writer->wake);
}

static void *run(void *context)
{
    struct writer *writer = context;
    struct queue batch;

    for (;;) {
        queue_init(&batch);
        pthread_mutex_lock(&writer->lock);
        while (writer->waiting.first == NULL && !writer->stop)
            pthread_cond_wait(&writer->work, &writer->lock);
        for (struct job *job; batch.count < WRITES_PER_COMMIT_MAX && (job = queue_take(&writer->waiting)) != NULL;)
            queue_add(&batch, job);
        pthread_mutex_unlock(&writer->lock);
        if (batch.first == NULL)
            return NULL;
        run_batch(writer, &batch);
    }
}

static void finish(uv_async_t *wake)
{
    struct writer *writer = wake->data;
    struct queue finished;
    bool told = true;

    queue_init(&finished);
    pthread_mutex_lock(&writer->lock);
    for (struct job *job; (job = queue_take(&writer->finished)) != NULL;) {
        queue_add(&finished, job);
        told = told && job->tells;
    }
    pthread_mutex_unlock(&writer->lock);
    if (finished.first != NULL)
        writer->committed(writer->context, told);
    for (struct job *job; (job = queue_take(&finished)) != NULL;)
        job->done(job, job->status);
}

static void free_writer(uv_handle_t *wake)
{
    struct writer *writer = wake->data;

    pthread_mutex_destroy(&writer->lock);
    pthread_cond_destroy(&writer->work);
    free(writer);
}

struct writer *writer_start(uv_loop_t *loop, struct store *store, void (*committed)(void *context, bool told), void *context)
{
    struct writer *writer = calloc(1, sizeof *writer);

    if (writer == NULL || uv_async_init(loop, &writer->wake, finish) != 0) {
        free(writer);
        return NULL;
    }
    writer->store = store;
    writer->committed = committed;
    writer->context = context;
    writer->wake.data = writer;
    queue_init(&writer->waiting);
    queue_init(&writer->finished);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->work, NULL);
    if (pthread_create(&writer->thread, NULL, run, writer) != 0) {
        uv_close((uv_handle_t *)&writer->wake, free_writer);
        return NULL;
    }
    return writer;
}

int writer_submit(struct writer *writer, struct job *job)
{
    int status = -1;

    pthread_mutex_lock(&writer->lock);
    if (writer->waiting.count < WRITES_QUEUED_MAX) {
        queue_add(&writer->waiting, job);
        status = 0;
    }
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
    return status;
}

void writer_stop(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->stop = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    finish(&writer->wake);
    uv_close((uv_handle_t *)&writer->wake, free_writer);
}
