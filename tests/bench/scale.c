/* The revocation list at its largest: ten million records of a feed (or as many as the first argument says). How fast they come in,
   what they take of disk and memory, how long a start takes with them, what they cost a token, and who notices that they come, or
   that they are forgotten. An answer that must not be ends the benchmark. The feed is in the page cache. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/keys/keyring.h"
#include "agent/revocation/expiry.h"
#include "bench.h"

#define RECORDS_DEFAULT       10000000
#define FREE_BYTES_PER_RECORD 200 /* two feeds, a store, what is put away while it is read */
#define FEW                   10
#define STARTS                15
#define COLD_ROUNDS           151
#define COLD_TOKENS           400
#define QUIET_TRIPS           300000
#define TRIPS_MAX             20000000
#define SECONDS_MAX           600
#define LONG_AGO              1000 /* when every other record could have been forgotten */

struct asked {
    uint8_t request[4096];
    size_t bytes;
};

static unsigned records = RECORDS_DEFAULT;
static struct bench_agent agents[2]; /* with few records, and with all */

/* Also after a failure, for it is a lot. */
static void clean_up(void)
{
    char command[128];

    for (unsigned i = 0; i < 2; i++) {
        if (agents[i].pid > 0 && kill(agents[i].pid, SIGKILL) == 0)
            waitpid(agents[i].pid, NULL, 0);
        snprintf(command, sizeof command, "rm -rf %s", agents[i].folder);
        if (agents[i].folder[0] != '\0' && system(command) != 0)
            fprintf(stderr, "bench: %s is left\n", agents[i].folder);
    }
}

static void on_signal(int number)
{
    exit(128 + number);
}

static struct asked ask_about(const struct issuer_key *key, unsigned number)
{
    struct asked question;
    size_t bytes;
    char *token = token_make(key, number, &bytes);

    question.bytes = request_make(question.request, sizeof question.request, 7, token, bytes);
    free(token);
    return question;
}

/* 1: accepted; 0: revoked; -1: something else. */
static int ask(int fd, const struct asked *question)
{
    uint8_t answer[65536];

    if (write(fd, question->request, question->bytes) != (ssize_t)question->bytes)
        die("writing a request");
    ssize_t got = read(fd, answer, sizeof answer);

    if (got <= 0)
        die("reading an answer");
    return memmem(answer, (size_t)got, "active\xc3", 7) != NULL ? 1 : memmem(answer, (size_t)got, "revoked", 7) != NULL ? 0 : -1;
}

static int connect_soon(const struct bench_agent *agent)
{
    double start = seconds_now();
    int fd;

    while ((fd = connect_to(agent->socket)) < 0) {
        if (seconds_now() - start > SECONDS_MAX)
            die("the agent does not listen");
        usleep(100);
    }
    return fd;
}

/* Asks until the answer is the one that is wanted. */
static double seconds_until(const struct bench_agent *agent, const struct asked *question, int wanted, unsigned pause)
{
    double start = seconds_now();
    int fd = connect_soon(agent), answer;

    while ((answer = ask(fd, question)) != wanted) {
        if (answer >= 0 || seconds_now() - start > SECONDS_MAX)
            die(answer >= 0 ? "a wrong answer" : "the agent gives no right answer");
        usleep(pause);
    }
    close(fd);
    return seconds_now() - start;
}

static void write_feed(const char *path, unsigned count)
{
    FILE *out = fopen(path, "w");

    if (out == NULL)
        die(path);
    for (unsigned i = 0; i < count; i++)
        fprintf(out,
                i % 2 == 0 ? "{\"iss\":\"https://auth.example.com\",\"jti\":\"%08x-7f3a-4c55\"}\n"
                           : "{\"iss\":\"https://auth.example.com\",\"jti\":\"%08x-7f3a-4c55\",\"exp\":1000}\n",
                i);
    if (fclose(out) != 0)
        die(path);
}

static void add_feed(const struct bench_agent *agent, unsigned count)
{
    char path[128];

    snprintf(path, sizeof path, "%s/feed", agent->folder);
    write_feed(path, count);
    snprintf(path, sizeof path, "%s/assayd.yaml", agent->folder);
    FILE *out = fopen(path, "a");

    if (out == NULL)
        die(path);
    fprintf(out, "revocation: {feeds: [{file: %s/feed}]}\n", agent->folder);
    fclose(out);
}

static double anonymous_mib(const struct bench_agent *agent)
{
    char path[64], line[256];
    unsigned long kib = 0;

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", agent->pid);
    FILE *in = fopen(path, "r");

    if (in == NULL)
        die(path);
    while (fgets(line, sizeof line, in) != NULL) {
        if (sscanf(line, "Anonymous: %lu kB", &kib) == 1)
            break;
    }
    fclose(in);
    return (double)kib / 1024;
}

static double bytes_per_record(const struct bench_agent *agent)
{
    char path[128];
    struct stat facts;

    snprintf(path, sizeof path, "%s/state/data.mdb", agent->folder);
    if (stat(path, &facts) < 0)
        die(path);
    return (double)facts.st_size / records;
}

/* From exec to the first yes, which there is none of before all is on the disk. */
static void measure_ingest(struct bench_agent *agent, const struct asked *good)
{
    double start = seconds_now();

    agent_launch(agent);
    (void)seconds_until(agent, good, 1, 1000);
    double seconds = seconds_now() - start;

    printf("  read and on the disk        %8.2f s       %8.0f a second (goal: at least 500000)\n", seconds, records / seconds);
    goal("10 million revocations, ingest", records / seconds, "/s", AT_LEAST, 500000);
    goal("their bytes on disk, each", bytes_per_record(agent), "bytes", AT_MOST, 60);
    printf("  the store's file            %8.1f bytes a record (goal: at most 60)\n", bytes_per_record(agent));
    goal("anonymous memory after their ingest", anonymous_mib(agent), "MiB", AT_MOST, 32);
    printf("  anonymous memory after it   %8.1f MiB (goal: at most 32)\n", anonymous_mib(agent));
}

static void measure_starts(struct bench_agent *agent, const struct asked *bad)
{
    double starts[STARTS];
    double memory = 0;

    for (unsigned i = 0; i < STARTS; i++) {
        double start = seconds_now();

        agent_end(agent);
        start = seconds_now();
        agent_launch(agent);
        (void)seconds_until(agent, bad, 0, 100);
        starts[i] = (seconds_now() - start) * 1e3;
        memory = anonymous_mib(agent);
    }
    goal("start with them, first right answer", median(starts, STARTS), "ms", AT_MOST, 50);
    goal("anonymous memory with them", memory, "MiB", AT_MOST, 32);
    printf("  exec to first right answer  %8.2f ms, median of %d (goal: at most 50)\n", median(starts, STARTS), STARTS);
    printf("  anonymous memory after it   %8.1f MiB (goal: at most 32)\n", memory);
}

static void measure_cold(const struct issuer_key *key)
{
    static char *tokens[COLD_TOKENS];
    static size_t bytes[COLD_TOKENS];
    double used[2][COLD_ROUNDS], ratios[COLD_ROUNDS];
    int fds[2] = {connect_soon(&agents[0]), connect_soon(&agents[1])};

    for (unsigned round = 0; round < COLD_ROUNDS; round++) {
        for (unsigned i = 0; i < COLD_TOKENS; i++)
            tokens[i] = token_make(key, records + FEW + round * COLD_TOKENS + i, &bytes[i]);
        for (unsigned i = 0; i < 2; i++) {
            unsigned which = (i + round) % 2;

            used[which][round] = cold_microseconds(&agents[which], fds[which], tokens, bytes, COLD_TOKENS);
        }
        ratios[round] = used[1][round] / used[0][round];
        for (unsigned i = 0; i < COLD_TOKENS; i++)
            free(tokens[i]);
    }
    printf("  cold verify, CPU of agent   %8.2f us      with %d records %8.2f us      ratio %.2f, median of %d rounds (goal: at "
           "most 1.10)\n",
           median(used[1], COLD_ROUNDS), FEW, median(used[0], COLD_ROUNDS), median(ratios, COLD_ROUNDS), COLD_ROUNDS);
    goal("cold with 10 million revocations, by cold with 10", median(ratios, COLD_ROUNDS), "x", AT_MOST, 1.10);
    close(fds[0]);
    close(fds[1]);
}

/* Lines that were read of the feed, and are on the disk. */
static uint64_t lines_read(int fd)
{
    static const uint8_t request[] = "\x94\x00\x01\xa6status\x91\x80";
    uint8_t answer[65536];

    if (write(fd, request, sizeof request - 1) != (ssize_t)sizeof request - 1)
        die("writing a request");
    ssize_t got = read(fd, answer, sizeof answer);
    const uint8_t *at = got > 0 ? memmem(answer, (size_t)got, "\xa5lines", 6) : NULL;

    if (at == NULL || at + 11 > answer + got)
        die("the status says nothing of a feed");
    return at[6] != 0xce ? at[6] : (uint64_t)at[7] << 24 | (uint64_t)at[8] << 16 | (uint64_t)at[9] << 8 | at[10];
}

/* Round trips of a cached verify: a number of them, or as long as the feed is being read. Their 99th percentile. */
static double trips(const struct bench_agent *agent, const struct asked *good, bool beside, double *ret_median)
{
    double *each = malloc(TRIPS_MAX * sizeof *each), looked = 0, end = seconds_now() + SECONDS_MAX;
    int fd = connect_soon(agent), status = connect_soon(agent);
    unsigned count = 0;

    if (each == NULL)
        die("out of memory");
    while (count < (beside ? TRIPS_MAX : QUIET_TRIPS)) {
        double start = seconds_now();

        if (ask(fd, good) != 1)
            die("a good token was not accepted");
        each[count++] = (seconds_now() - start) * 1e6;
        if (start > end)
            die("the feed is not read");
        if (beside && start - looked > 0.1 && lines_read(status) == records)
            break;
        if (start - looked > 0.1)
            looked = start;
    }
    *ret_median = median(each, count);
    double slow = each[(size_t)count * 99 / 100];

    free(each);
    close(fd);
    close(status);
    return slow;
}

/* An agent that serves gets a feed that has grown by all of it. */
static void measure_beside(const struct bench_agent *agent, const struct asked *good)
{
    char path[128], new[128];
    double medians[2], slow[2];

    snprintf(path, sizeof path, "%s/feed", agent->folder);
    snprintf(new, sizeof new, "%s/new", agent->folder);
    write_feed(new, records);
    pin_loop(agent, 0);
    pin(0);
    slow[0] = trips(agent, good, false, &medians[0]);
    double start = seconds_now();

    if (rename(new, path) < 0)
        die(path);
    slow[1] = trips(agent, good, true, &medians[1]);
    printf("  cached verify beside it     %8.2f us      quiet %8.2f us      ratio %.2f      the feed took %.2f s\n", medians[1],
           medians[0], medians[1] / medians[0], seconds_now() - start);
    goal("cached p99 beside the ingest, by quiet", slow[1] / slow[0], "x", AT_MOST, 2);
    printf("    its 99th percentile       %8.2f us      quiet %8.2f us      ratio %.2f (goal: at most 2)\n", slow[1], slow[0],
           slow[1] / slow[0]);
}

/* What the agent's writer would do in the hours to come. */
static void measure_forgetting(const struct bench_agent *agent)
{
    char path[128], why[STORE_WHY_BYTES];
    uint8_t at[ENTRY_KEY_BYTES] = {0};
    double *steps = malloc((records / 1000 + 1000) * sizeof *steps), start = seconds_now();
    uint64_t forgotten = 0, some;
    unsigned count = 0;
    const struct keyring nobody = {0};
    const struct forget_rules rules = {.now = LONG_AGO + FORGET_GRACE_SECONDS + 1, .ring = &nobody};

    snprintf(path, sizeof path, "%s/state", agent->folder);
    struct store *store = store_open(path, STORE_MAP_BYTES, why);

    if (store == NULL || steps == NULL)
        die(why);
    for (bool end = false; !end;) {
        double before = seconds_now();
        struct view *view = store_begin(store, true);

        if (view == NULL || forget_some(view, &rules, at, &some, &end) < 0 || store_commit(view) < 0)
            die("forgetting");
        steps[count++] = (seconds_now() - before) * 1e3;
        forgotten += some;
    }
    store_close(store);
    double half = median(steps, count);

    printf("  forgetting every other one  %8.2f s in %u steps: median %.2f ms, 99th percentile %.2f ms, longest %.2f ms\n",
           seconds_now() - start, count, half, steps[count * 99 / 100], steps[count - 1]);
    if (forgotten != records / 2)
        die("not every other record was forgotten");
    free(steps);
}

static void check_room(void)
{
    struct statvfs facts;

    if (statvfs("/tmp", &facts) < 0 || (double)facts.f_bavail * (double)facts.f_frsize < (double)FREE_BYTES_PER_RECORD * records) {
        fprintf(stderr, "bench: /tmp has no room for %u records\n", records);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct issuer_key key = key_make("RS256");

    if (argc > 1)
        records = (unsigned)strtoul(argv[1], NULL, 10);
    if (records < 2 * FEW || records > 100000000)
        die("the number of records");
    check_room();
    atexit(clean_up);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    for (unsigned i = 0; i < 2; i++)
        agents[i] = agent_start(&key, 1, -1);
    struct asked good = ask_about(&key, records + 1), bad = ask_about(&key, records / 2);

    agent_end(&agents[0]);
    agent_end(&agents[1]);
    add_feed(&agents[0], FEW);
    add_feed(&agents[1], records);
    printf("%u revocations of a feed\n", records);
    measure_ingest(&agents[1], &good);
    measure_starts(&agents[1], &bad);
    agent_launch(&agents[0]);
    (void)seconds_until(&agents[0], &good, 1, 1000);
    measure_cold(&key);
    agent_end(&agents[1]);
    measure_forgetting(&agents[1]);
    measure_beside(&agents[0], &good);
    agent_end(&agents[0]);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
