/* An agent that nobody asks: its memory of its own, and how often it wakes up: while there is no client, while one holds the page and asks
   nothing (then the agent's heart beats), and after that one has gone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <dirent.h>

#include "assay/assay.h"
#include "bench.h"

#define SECONDS      4
#define BEATS_SECOND 2

/* A number from a file of /proc, behind that name. */
static long proc_number(const char *path, const char *name)
{
    char line[256];
    long value = -1;
    FILE *file = fopen(path, "r");

    if (file == NULL)
        die(path);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            value = atol(line + strlen(name));
    }
    fclose(file);
    return value;
}

static long wakeups(pid_t pid)
{
    char path[64];
    long sum = 0;

    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);

    if (tasks == NULL)
        die(path);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char status[320];

        if (task->d_name[0] == '.')
            continue;
        snprintf(status, sizeof status, "/proc/%d/task/%s/status", pid, task->d_name);
        sum += proc_number(status, "voluntary_ctxt_switches:");
    }
    closedir(tasks);
    return sum;
}

/* A second, once the agent has come to rest. */
static double wakeups_a_second(const struct bench_agent *agent)
{
    sleep(2);
    long before = wakeups(agent->pid);

    sleep(SECONDS);
    return (double)(wakeups(agent->pid) - before) / SECONDS;
}

/* After two calls, of which the second is answered in the process: the page is held. */
static struct assay *hold_page(const struct bench_agent *agent, const struct issuer_key *key)
{
    struct assay *assay;
    size_t bytes;
    char *token = token_make(key, 1, &bytes);

    if (assay_open(&assay, agent->socket, NULL) != 0)
        die("assay_open");
    for (unsigned i = 0; i < 2; i++)
        if (assay_verify(assay, token, bytes, "orders", NULL) != 0)
            die("a good token was not accepted");
    free(token);
    return assay;
}

int main(void)
{
    struct issuer_key key = key_make("RS256");
    struct bench_agent agent = agent_start(&key, 1, -1);
    char status[64];

    snprintf(status, sizeof status, "/proc/%d/status", agent.pid);
    double alone = wakeups_a_second(&agent);
    long own = proc_number(status, "RssAnon:");
    struct assay *assay = hold_page(&agent, &key);
    double held = wakeups_a_second(&agent);

    assay_close(assay);
    double gone = wakeups_a_second(&agent);

    printf("idle agent\n  memory of its own %ld KiB (goal: at most 4096), resident %ld KiB\n", own, proc_number(status, "VmRSS:"));
    printf("  woke up %.2f times a second without a client (goal: 0), %.2f while one holds the page (goal: %d), %.2f after it (goal: 0)\n",
           alone, held, BEATS_SECOND, gone);
    goal("idle, anonymous memory", (double)own / 1024, "MiB", AT_MOST, 4);
    goal("idle without a client, wake-ups", alone, "/s", AT_MOST, 0);
    goal("idle while a client holds a page, wake-ups", held, "/s", AT_MOST, BEATS_SECOND);
    goal("idle after it has gone, wake-ups", gone, "/s", AT_MOST, 0);
    agent_stop(&agent);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
