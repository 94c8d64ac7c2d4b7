/* An agent that nobody asks: its memory of its own, and how often it wakes up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <dirent.h>

#include "bench.h"

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

int main(void)
{
    struct issuer_key key = key_make("RS256");
    struct bench_agent agent = agent_start(&key, 1, -1);
    char status[64];

    snprintf(status, sizeof status, "/proc/%d/status", agent.pid);
    sleep(1); /* its start is over */
    long before = wakeups(agent.pid);

    sleep(3);
    printf("idle agent\n  memory of its own %ld KiB (goal: at most 4096), resident %ld KiB, woke up %ld times in 3 s (goal: 0)\n",
           proc_number(status, "RssAnon:"), proc_number(status, "VmRSS:"), wakeups(agent.pid) - before);
    agent_stop(&agent);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
