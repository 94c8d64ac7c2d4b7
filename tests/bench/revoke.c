/* Eight processes repeat tokens in process while one token after another is revoked. Of every call that began after `revoke` was
   answered, each must be refused: the number of those that were not, and how soon the first one was. bench_revoke [tries] 1,000,000
   without */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "assay/assay.h"
#include "bench.h"
#include "client/wire/wire.h"

#define PROCESSES     8
#define TOKENS_MAX    500
#define TOKENS_MIN    50
#define TRIES_DEFAULT 1000000
#define ISSUER        "https://auth.example.com"

static char *tokens[TOKENS_MAX];
static size_t token_bytes[TOKENS_MAX];

/* What the processes tell each other. */
static struct shared {
    _Atomic unsigned answered; /* tokens below this were revoked, and that was answered */
    _Atomic unsigned ready;    /* how often a process has cached the next one */
    double answered_at[TOKENS_MAX];
    double first_no[PROCESSES * TOKENS_MAX]; /* seconds from the answer to the end of the first refused call */
    unsigned long yeses[PROCESSES], checked[PROCESSES], wrong[PROCESSES];
} * shared;

/* Some of them ask what the holder may do. */
static bool is_accepted(struct assay *assay, unsigned process, unsigned i)
{
    int status = process % 4 == 3 ? assay_authorize(assay, tokens[i], token_bytes[i], "orders", "GET", "/orders/1", NULL)
                                  : assay_verify(assay, tokens[i], token_bytes[i], "orders", NULL);

    if (status != 0 && status != ASSAY_E_REFUSED)
        die(assay_strerror(status));
    return status == 0;
}

static void check(struct assay *assay, unsigned process, unsigned i, unsigned tries)
{
    bool refused = false;

    for (unsigned try = 0; try < tries; try++) {
        bool accepted = is_accepted(assay, process, i);

        shared->checked[process]++;
        shared->wrong[process] += accepted;
        if (!accepted && !refused)
            shared->first_no[process * TOKENS_MAX + i] = seconds_now() - shared->answered_at[i];
        refused = refused || !accepted;
    }
}

/* The second yes is this process' own, and the third says that it still is after others were revoked. */
static void be_process(const char *socket, unsigned process, unsigned count, unsigned tries)
{
    struct assay *assay;

    if (assay_open(&assay, socket, NULL) != 0)
        die("assay_open");
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < 3; k++) {
            if (!is_accepted(assay, process, i))
                die("a token that nobody has revoked was refused");
        }
        atomic_fetch_add(&shared->ready, 1);
        while (atomic_load(&shared->answered) <= i)
            shared->yeses[process] += is_accepted(assay, process, i);
        check(assay, process, i, tries);
    }
    assay_close(assay);
    _exit(0);
}

/* [0, 1, "revoke", [{iss, jti}]], and [1, 1, nil, {}] back. */
static void ask_to_revoke(int fd, unsigned number)
{
    static const uint8_t yes[] = {0x94, 0x01, 0x01, 0xc0, 0x80};
    struct wire_writer writer;
    uint8_t bytes[256];
    char jti[32];
    size_t got = 0;

    snprintf(jti, sizeof jti, "%08x-7f3a-4c55", number);
    wire_writer_init(&writer, bytes, sizeof bytes);
    wire_put_array(&writer, 4);
    wire_put_uint(&writer, 0);
    wire_put_uint(&writer, 1);
    wire_put_text(&writer, "revoke");
    wire_put_array(&writer, 1);
    wire_put_map(&writer, 2);
    wire_put_text(&writer, "iss");
    wire_put_text(&writer, ISSUER);
    wire_put_text(&writer, "jti");
    wire_put_text(&writer, jti);
    size_t size = wire_written(&writer);

    if (write(fd, bytes, size) != (ssize_t)size)
        die("asking to revoke");
    while (got < sizeof yes) {
        ssize_t some = read(fd, bytes + got, sizeof bytes - got);

        if (some <= 0)
            die("waiting for the answer to revoke");
        got += (size_t)some;
    }
    if (got != sizeof yes || memcmp(bytes, yes, sizeof yes) != 0)
        die("revoke was not answered with yes");
}

/* Each token once all processes have it cached. They keep the processors busy, so waiting gives way to them. */
static void revoke_all(const char *socket, unsigned count)
{
    int fd = connect_to(socket);

    if (fd < 0)
        die("connecting");
    for (unsigned i = 0; i < count; i++) {
        while (atomic_load(&shared->ready) < (i + 1) * PROCESSES)
            usleep(200);
        ask_to_revoke(fd, i);
        shared->answered_at[i] = seconds_now();
        atomic_store(&shared->answered, i + 1);
    }
    close(fd);
    _exit(0);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static unsigned long sum(const unsigned long *of)
{
    unsigned long all = 0;

    for (unsigned i = 0; i < PROCESSES; i++)
        all += of[i];
    return all;
}

static unsigned long tell(unsigned count, double seconds)
{
    static double no[PROCESSES * TOKENS_MAX];
    unsigned given = 0;

    for (unsigned i = 0; i < PROCESSES * TOKENS_MAX; i++) {
        if (shared->first_no[i] > 0)
            no[given++] = shared->first_no[i];
    }
    qsort(no, given, sizeof *no, compare);
    printf("revoked under %d processes: %u tokens, %.1f s, %lu calls accepted before the answers\n", PROCESSES, count, seconds,
           sum(shared->yeses));
    printf("  began after the answer  %8lu calls, of which accepted: %lu (goal: 0)\n", sum(shared->checked), sum(shared->wrong));
    if (given > 0)
        printf("  the first refused call  %8.1f us after the answer p50, %.1f us p99\n", no[given / 2] * 1e6,
               no[given * 99 / 100] * 1e6);
    return sum(shared->wrong);
}

int main(int argc, char **argv)
{
    unsigned long tries = argc > 1 ? strtoul(argv[1], NULL, 10) : TRIES_DEFAULT;
    unsigned count = tries < TRIES_DEFAULT ? TOKENS_MIN : TOKENS_MAX, each = (unsigned)(tries / PROCESSES / count);
    struct issuer_key key = key_make("EdDSA");
    struct bench_agent agent = agent_start_with(
        &key, 1, -1, "version: 1\nrules:\n  - {name: orders, actions: [GET], resources: [\"/orders/**\"], roles: [user]}\n");
    pid_t children[PROCESSES + 1];

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || each == 0)
        die("memory, or fewer tries than there are tokens");
    for (unsigned i = 0; i < count; i++)
        tokens[i] = token_make(&key, i, &token_bytes[i]);
    double start = seconds_now();

    for (unsigned i = 0; i <= PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
            die("prctl");
        if (children[i] == 0 && i < PROCESSES)
            be_process(agent.socket, i, count, each);
        if (children[i] == 0)
            revoke_all(agent.socket, count);
    }
    for (unsigned i = PROCESSES + 1; i-- > 0;) /* the one that revokes first: the others wait for it */
        wait_for_child(children[i]);
    unsigned long wrong = tell(count, seconds_now() - start);

    goal("accepted in a call that began after revoke was answered", (double)wrong, "", AT_MOST, 0);

    agent_stop(&agent);
    for (unsigned i = 0; i < count; i++)
        free(tokens[i]);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return wrong == 0 && sum(shared->checked) == (unsigned long)PROCESSES * count * each ? 0 : 1;
}
