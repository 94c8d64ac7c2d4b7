/* Calls in process, by threads that share a handle, as a service's threads do. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bench.h"
#include "client/wire/cleanup.h"
#include "client/wire/clock.h"

struct worker {
    pthread_t id;
    const struct bench_order *order;
    const struct bench_tokens *tokens;
    size_t at;
    _Atomic bool *stop;
    int status;
    struct bench_figures figures;
};

/* Returns 0, or the status of the token at worker->at. */
static int batch(struct worker *worker)
{
    const struct bench_tokens *tokens = worker->tokens;
    struct assay *assay = worker->order->agent.assay;

    for (unsigned i = 0; i < BENCH_BATCH; i++) {
        const struct token_text *token = &tokens->tokens[worker->at];
        int status = assay_verify(assay, token->bytes, token->count, worker->order->audience, NULL);

        if (status != 0)
            return status;
        if (++worker->at == tokens->count)
            worker->at = 0;
    }
    return 0;
}

static void *work(void *context)
{
    struct worker *worker = context;
    int64_t begin = monotonic_ns();

    while (!atomic_load_explicit(worker->stop, memory_order_relaxed)) {
        worker->status = batch(worker);
        if (worker->status != 0) {
            atomic_store(worker->stop, true);
            break;
        }
        int64_t end = monotonic_ns();

        samples_add(&worker->figures.samples, (uint64_t)(end - begin) / BENCH_BATCH);
        worker->figures.requests += BENCH_BATCH;
        begin = end;
    }
    return NULL;
}

/* Asks again for the reason. Whatever the answer is now, the run has no result. */
static int tell(const struct worker *worker)
{
    struct answer answer CLEANUP(answer_clear);

    answer_init(&answer);
    int code = bench_ask(worker->order, &worker->tokens->tokens[worker->at], worker->at, &answer);

    return code != 0 ? code : report_undecided("internal", "a call failed: %s", assay_strerror(worker->status));
}

/* Joins the threads that were started. Returns 0, or the exit code of the first that failed. */
static int gather(struct worker *workers, size_t started, struct bench_figures *figures)
{
    int code = 0;

    for (size_t i = 0; i < started; i++)
        pthread_join(workers[i].id, NULL);
    for (size_t i = 0; i < started; i++) {
        samples_merge(&figures->samples, &workers[i].figures.samples);
        figures->requests += workers[i].figures.requests;
        if (workers[i].status != 0 && code == 0)
            code = tell(&workers[i]);
    }
    return code;
}

int bench_local_round(const struct bench_order *order, const struct bench_tokens *tokens, int64_t ns, struct bench_figures *figures)
{
    size_t count = (size_t)order->connections, started = 0;
    struct worker *workers CLEANUP_FREE = calloc(count, sizeof *workers);
    struct timespec pause = {ns / NS_PER_S, ns % NS_PER_S};
    _Atomic bool stop = false;
    int64_t begin = monotonic_ns();

    if (workers == NULL)
        return report_no_memory();
    for (; started < count; started++) {
        workers[started] = (struct worker){.order = order, .tokens = tokens, .at = started % tokens->count, .stop = &stop};
        if (pthread_create(&workers[started].id, NULL, work, &workers[started]) != 0)
            break;
    }
    if (started == count)
        nanosleep(&pause, NULL);
    atomic_store(&stop, true);
    int code = gather(workers, started, figures);

    figures->elapsed_ns += monotonic_ns() - begin;
    return code == 0 && started < count ? report_undecided("internal", "only %zu threads can be started", started) : code;
}
