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
    struct fair_queue turns;   /* not shared: tasks that wait to be handed over */
    unsigned handed;      /* handed to the threads, and not returned */
    unsigned outstanding; /* submitted, and not returned */
    unsigned count;
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t work;
    struct task *first, **last;
    unsigned waiting;
    unsigned asleep;
    struct task *finished, **finished_last;
    bool stop;
    struct worker worker[];
};

#define HANDED_PER_THREAD 16 /* enough that no thread runs out of work before the loop's next turn; later tasks wait this long for their turn */
#define POOL_THREADS 4 /* of libuv: they read feeds and key sets */
#define POOL_THREADS_TEXT "4"
#define POOL_STACK_BYTES (8 << 20) /* libuv's stack size for its threads */
#define BATCH_MAX 8 /* tasks that a worker takes at once: each locking, and each wake-up of the loop, costs as much as a parse */

/* Returns finished tasks and takes the next ones, as many as this worker's share. NULL: the workers stop. */
static struct task *next_tasks(struct workers *all, struct task *finished)
{
    struct task **end = &finished;

    while (*end != NULL)
        end = &(*end)->next;
    pthread_mutex_lock(&all->lock);
    if (finished != NULL) {
        bool wake = all->finished == NULL;

        *all->finished_last = finished;
        all->finished_last = end;
        if (wake)
            uv_async_send(&all->wake);
    }
    while (all->first == NULL && !all->stop) {
        all->asleep++;
        pthread_cond_wait(&all->work, &all->lock);
        all->asleep--;
    }
    struct task *tasks = all->stop ? NULL : all->first, *last = tasks;
    unsigned share = (all->waiting + all->count - 1) / all->count;

    if (share > BATCH_MAX)
        share = BATCH_MAX;
    if (tasks != NULL) {
        for (all->waiting -= share; share > 1; share--)
            last = last->next;
        all->first = last->next;
        if (all->first == NULL)
            all->last = &all->first;
        last->next = NULL;
    }
    pthread_mutex_unlock(&all->lock);
    return tasks;
}

static void *run(void *context)
{
    struct worker *worker = context;
    struct question question = {.verifier = worker->verifier};

    for (struct task *tasks = NULL; (tasks = next_tasks(worker->all, tasks)) != NULL;) {
        for (struct task *task = tasks; task != NULL; task = task->next)
            task->outcome = token_check(&task->token, &question, STAGE_SIGNATURE, STAGE_SIGNATURE);
    }
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
        all->outstanding--;
        all->handed--;
        all->done(all->context, task);
    }
}

void workers_hand_over(struct workers *all)
{
    struct task *fresh = NULL, **last = &fresh;
    unsigned count = 0;

    while (all->handed + count < all->count * HANDED_PER_THREAD && (*last = fair_queue_take(&all->turns)) != NULL) {
        last = &(*last)->next;
        count++;
    }
    *last = NULL;
    if (fresh == NULL)
        return;
    all->handed += count;
    pthread_mutex_lock(&all->lock);
    *all->last = fresh;
    all->last = last;
    all->waiting += count;
    unsigned wake = all->asleep < all->waiting ? all->asleep : all->waiting;

    pthread_mutex_unlock(&all->lock);
    for (; wake > 0; wake--)
        pthread_cond_signal(&all->work);
}

static void free_workers(uv_handle_t *handle)
{
    struct workers *all = handle->data;

    for (unsigned i = 0; i < all->count; i++)
        verifier_free(all->worker[i].verifier);
    pthread_mutex_destroy(&all->lock);
    pthread_cond_destroy(&all->work);
    free(all);
}

/* libuv creates its pool when it is first needed, and calls abort() if it cannot create a thread. So the pool is created now, after the same
   number of threads existed for a moment; the gate holds them until all do. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *pass(void *unused)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return unused;
}

static void do_nothing(uv_work_t *work)
{
    (void)work;
}

static int start_pool(uv_loop_t *loop)
{
    static uv_work_t first;
    pthread_t probes[POOL_THREADS];
    pthread_attr_t like_libuv;
    unsigned made = 0;

    if (setenv("UV_THREADPOOL_SIZE", POOL_THREADS_TEXT, 1) < 0 || pthread_attr_init(&like_libuv) != 0)
        return -1;
    (void)pthread_attr_setstacksize(&like_libuv, POOL_STACK_BYTES);
    pthread_mutex_lock(&gate);
    while (made < POOL_THREADS && pthread_create(&probes[made], &like_libuv, pass, NULL) == 0)
        made++;
    pthread_mutex_unlock(&gate);
    for (unsigned i = 0; i < made; i++)
        pthread_join(probes[i], NULL);
    pthread_attr_destroy(&like_libuv);
    return made == POOL_THREADS ? uv_queue_work(loop, &first, do_nothing, NULL) : -1;
}

struct workers *workers_start(uv_loop_t *loop, unsigned threads, void (*done)(void *context, struct task *task), void *context)
{
    struct workers *all = calloc(1, sizeof *all + threads * sizeof *all->worker);

    if (all == NULL || start_pool(loop) != 0 || uv_async_init(loop, &all->wake, hand_back) != 0) {
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

int workers_submit(struct workers *all, struct task *task, struct line_of_tasks *line)
{
    if (all->outstanding >= CHECKS_QUEUED_MAX || line->user->waiting >= CHECKS_QUEUED_PER_UID_MAX)
        return -1;
    all->outstanding++;
    fair_queue_add(&all->turns, line, task);
    return 0;
}

static void give_back_undone(struct workers *all, struct task *tasks)
{
    for (struct task *task = tasks, *next; task != NULL; task = next) {
        next = task->next;
        task->outcome = OUTCOME_UNDECIDED;
        all->done(all->context, task);
    }
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
    give_back_undone(all, take_all(&all->first, &all->last));
    for (struct task *task; (task = fair_queue_take(&all->turns)) != NULL;) {
        task->next = NULL;
        give_back_undone(all, task);
    }
    uv_close((uv_handle_t *)&all->wake, free_workers);
}
