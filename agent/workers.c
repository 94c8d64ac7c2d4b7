#include "workers.h"

#include <pthread.h>
#include <stdlib.h>

struct worker {
    struct workers *all;
    struct verifier *verifier;
    pthread_t thread;
};

struct workers {
    void (*done)(void *context, struct task *task);
    void *context;
    uv_async_t wake;
    unsigned count;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;
    struct task *first, **last;
    unsigned waiting;
    unsigned asleep;
    struct task *finished, **finished_last;
    bool stop;
    struct worker worker[];
};

/* The next task, or NULL when there is nothing left to do ever. The one that is finished is handed in with the same lock. */
static struct task *next_task(struct workers *all, struct task *finished)
{
    bool wake = false;

    pthread_mutex_lock(&all->lock);
    if (finished != NULL) {
        wake = all->finished == NULL;
        finished->next = NULL;
        *all->finished_last = finished;
        all->finished_last = &finished->next;
    }
    if (wake)
        uv_async_send(&all->wake);
    while (all->first == NULL && !all->stop) {
        all->asleep++;
        pthread_cond_wait(&all->work, &all->lock);
        all->asleep--;
    }
    struct task *task = all->stop ? NULL : all->first;

    if (task != NULL) {
        all->first = task->next;
        if (all->first == NULL)
            all->last = &all->first;
        all->waiting--;
    }
    pthread_mutex_unlock(&all->lock);
    return task;
}

static void *run(void *context)
{
    struct worker *worker = context;
    struct question question = {.verifier = worker->verifier};

    for (struct task *task = NULL; (task = next_task(worker->all, task)) != NULL;)
        task->outcome = token_check(&task->token, &question, STAGE_SIGNATURE, STAGE_SIGNATURE);
    return NULL;
}

static struct task *take_all(struct task **first, struct task ***last)
{
    struct task *tasks = *first;

    *first = NULL;
    *last = first;
    return tasks;
}

static void hand_back(uv_async_t *wake)
{
    struct workers *all = wake->data;

    pthread_mutex_lock(&all->lock);
    struct task *tasks = take_all(&all->finished, &all->finished_last);

    pthread_mutex_unlock(&all->lock);
    while (tasks != NULL) {
        struct task *task = tasks;

        tasks = task->next;
        all->done(all->context, task);
    }
}

static void free_workers(uv_handle_t *wake)
{
    struct workers *all = wake->data;

    for (unsigned i = 0; i < all->count; i++)
        verifier_free(all->worker[i].verifier);
    pthread_mutex_destroy(&all->lock);
    pthread_cond_destroy(&all->work);
    free(all);
}

struct workers *workers_start(uv_loop_t *loop, unsigned threads, void (*done)(void *context, struct task *task), void *context)
{
    struct workers *all = calloc(1, sizeof *all + threads * sizeof *all->worker);

    if (all == NULL || uv_async_init(loop, &all->wake, hand_back) != 0) {
        free(all);
        return NULL;
    }
    all->done = done;
    all->context = context;
    all->wake.data = all;
    all->last = &all->first;
    all->finished_last = &all->finished;
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->work, NULL);
    for (; all->count < threads; all->count++) {
        struct worker *worker = &all->worker[all->count];

        worker->all = all;
        worker->verifier = verifier_new(all->count);
        if (worker->verifier == NULL || pthread_create(&worker->thread, NULL, run, worker) != 0) {
            verifier_free(worker->verifier);
            workers_stop(all);
            return NULL;
        }
    }
    return all;
}

int workers_submit(struct workers *all, struct task *task)
{
    int status = -1;

    pthread_mutex_lock(&all->lock);
    if (all->waiting < CHECKS_QUEUED_MAX) {
        task->next = NULL;
        *all->last = task;
        all->last = &task->next;
        all->waiting++;
        status = 0;
    }
    bool wake = all->asleep > 0;

    pthread_mutex_unlock(&all->lock);
    if (wake)
        pthread_cond_signal(&all->work);
    return status;
}

void workers_stop(struct workers *all)
{
    pthread_mutex_lock(&all->lock);
    all->stop = true;
    pthread_cond_broadcast(&all->work);
    pthread_mutex_unlock(&all->lock);
    for (unsigned i = 0; i < all->count; i++)
        pthread_join(all->worker[i].thread, NULL);
    hand_back(&all->wake);
    for (struct task *task = take_all(&all->first, &all->last), *next; task != NULL; task = next) {
        next = task->next;
        task->outcome = OUTCOME_UNDECIDED;
        all->done(all->context, task);
    }
    uv_close((uv_handle_t *)&all->wake, free_workers);
}
