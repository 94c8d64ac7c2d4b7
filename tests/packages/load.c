/* A service under load, by libassay, while the agent behind it is begun anew, upgraded or killed: GOOD and REVOKED are files with tokens. Until
   SIGTERM each of four threads verifies both in turn, two with cached results and two by asking each time. One line at the end:
   calls, wrong answers, failed calls, and how long the longest took. 0: none was wrong, none failed. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <assay/assay.h>

#define THREADS 4

static atomic_bool stop;
static char good[16384], revoked[16384];

struct service {
    pthread_t thread;
    struct assay *assay;
    unsigned long calls, wrong, failed;
    double longest; /* seconds */
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void ask(struct service *service, const char *token, int expected)
{
    double begin = now();
    int status = assay_verify(service->assay, token, strlen(token), "orders", NULL);
    double took = now() - begin;

    service->calls++;
    if (took > service->longest)
        service->longest = took;
    if (status == expected)
        return;
    if (status == 0 || status == ASSAY_E_REFUSED)
        service->wrong++;
    else
        service->failed++;
    fprintf(stderr, "load: %s was expected, but: %s\n", expected == 0 ? "a yes" : "a no", assay_strerror(status));
}

static void *serve(void *context)
{
    struct service *service = context;

    while (!stop) {
        ask(service, good, 0);
        ask(service, revoked, ASSAY_E_REFUSED);
        usleep(200);
    }
    return NULL;
}

static void on_term(int signal)
{
    (void)signal;
    stop = true;
}

static void read_token(const char *path, char *into, size_t room)
{
    FILE *file = fopen(path, "r");

    if (file == NULL || fgets(into, (int)room, file) == NULL) {
        fprintf(stderr, "load: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    into[strcspn(into, "\n")] = '\0';
    fclose(file);
}

int main(int argc, char **argv)
{
    struct service services[THREADS] = {0}, all = {0};

    if (argc != 3)
        return 2;
    read_token(argv[1], good, sizeof good);
    read_token(argv[2], revoked, sizeof revoked);
    signal(SIGTERM, on_term);
    for (int i = 0; i < THREADS; i++) {
        const struct assay_options options = {.size = sizeof options, .cache_bytes = i % 2 == 0 ? ASSAY_NO_CACHE : 0};

        if (assay_open(&services[i].assay, NULL, &options) != 0 || pthread_create(&services[i].thread, NULL, serve, &services[i]) != 0)
            return 2;
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(services[i].thread, NULL);
        assay_close(services[i].assay);
        all.calls += services[i].calls;
        all.wrong += services[i].wrong;
        all.failed += services[i].failed;
        if (services[i].longest > all.longest)
            all.longest = services[i].longest;
    }
    printf("%lu calls, %lu wrong, %lu failed, the longest took %.0f ms\n", all.calls, all.wrong, all.failed, all.longest * 1e3);
    return all.wrong == 0 && all.failed == 0 && all.calls > 0 ? 0 : 1;
}
