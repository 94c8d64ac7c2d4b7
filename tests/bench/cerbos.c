/* Cerbos beside us: the same rules, the same token, 16 questions under way, over a Unix socket each; the rate of ours as a multiple
   of its. Cerbos verifies the token with its own JWT support and a local key set. HTTP/1.1, kept alive, one question at a time on
   each of 16 connections: over HTTP it answers a connection's requests in turn. $ASSAY_CERBOS is its program. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "rules.h"

#define ROUNDS 5
#define SECONDS 1.0
#define DEPTH 16

/* The rules of shop_rules that are about orders and the others by kind; roles and claims are the token's. */
static const struct {
    const char *kind, *rules;
} policies[] = {
    {"orders", "    - {actions: [GET], effect: EFFECT_ALLOW, roles: ['*'], condition: {match: {expr: V.user}}}\n"
               "    - {actions: [POST], effect: EFFECT_ALLOW, roles: ['*'], condition: {match: {expr: V.user && V.writes}}}\n"
               "    - {actions: ['*'], effect: EFFECT_DENY, roles: ['*'], condition: {match: {expr: R.id == \"closed\"}}}\n"},
    {"admin_users", "    - {actions: ['*'], effect: EFFECT_ALLOW, roles: ['*'], condition: {match: {expr: V.admin}}}\n"},
    {"users",
     "    - {actions: ['*'], effect: EFFECT_ALLOW, roles: ['*'], condition: {match: {expr: R.id == request.aux_data.jwt.sub}}}\n"},
    {"reports", "    - {actions: [GET], effect: EFFECT_ALLOW, roles: ['*'], condition: {match: {expr: V.manager}}}\n"},
    {"health", "    - {actions: ['*'], effect: EFFECT_ALLOW, roles: ['*']}\n"},
};

static FILE *open_in(const char *folder, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");

    if (file == NULL)
        die(path);
    return file;
}

static void write_policy(const char *folder, const char *kind, const char *rules)
{
    char name[64];

    snprintf(name, sizeof name, "policies/%s.yaml", kind);
    FILE *out = open_in(folder, name);

    fprintf(
        out,
        "apiVersion: api.cerbos.dev/v1\nresourcePolicy:\n  version: default\n  resource: %s\n  variables:\n    local:\n"
        "      admin: '\"admin\" in request.aux_data.jwt.roles'\n"
        "      manager: 'V.admin || \"manager\" in request.aux_data.jwt.roles'\n"
        "      user: 'V.manager || \"user\" in request.aux_data.jwt.roles'\n"
        "      writes: '\"orders:write\" in request.aux_data.jwt.scope.split(\" \")'\n"
        "  rules:\n%s"
        "    - {actions: ['*'], effect: EFFECT_DENY, roles: ['*'], condition: {match: {expr: 'has(request.aux_data.jwt.status) && "
        "request.aux_data.jwt.status == \"suspended\"'}}}\n",
        kind, rules);
    fclose(out);
}

static pid_t cerbos_start(const char *program, const char *folder, const char *socket)
{
    char path[128], option[160];

    snprintf(path, sizeof path, "%s/policies", folder);
    if (mkdir(path, 0700) < 0)
        die(path);
    for (unsigned i = 0; i < sizeof policies / sizeof *policies; i++)
        write_policy(folder, policies[i].kind, policies[i].rules);
    FILE *out = open_in(folder, "cerbos.yaml");

    fprintf(out,
            "server: {httpListenAddr: 'unix:%s', grpcListenAddr: 'unix:%s/grpc'}\n"
            "storage: {driver: disk, disk: {directory: %s, watchForChanges: false}}\n"
            "auxData: {jwt: {keySets: [{id: local, local: {file: %s/keys.json}}]}}\ntelemetry: {disabled: true}\n",
            socket, folder, path, folder);
    fclose(out);
    snprintf(option, sizeof option, "--config=%s/cerbos.yaml", folder);
    pid_t pid = fork();

    if (pid == 0) {
        snprintf(path, sizeof path, "%s/cerbos.log", folder);
        if (freopen(path, "w", stdout) == NULL || dup2(1, 2) < 0)
            _exit(127);
        execl(program, program, "server", "--log-level=error", option, (char *)NULL);
        _exit(127);
    }
    for (unsigned tries = 0; tries < 1500; tries++) {
        int fd = connect_to(socket);

        if (fd >= 0) {
            close(fd);
            return pid;
        }
        if (waitpid(pid, NULL, WNOHANG) == pid)
            break;
        usleep(10000);
    }
    die("Cerbos did not start");
    return -1;
}

static size_t http_request(char *out, size_t room, const char *token, const char *kind, const char *id)
{
    char body[4096];
    int bytes =
        snprintf(body, sizeof body,
                 "{\"principal\":{\"id\":\"caller\",\"roles\":[\"any\"]},\"resources\":[{\"actions\":[\"GET\"],\"resource\":"
                 "{\"kind\":\"%s\",\"id\":\"%s\"}}],\"auxData\":{\"jwt\":{\"token\":\"%s\",\"keySetId\":\"local\"}}}",
                 kind, id, token);

    return (size_t)snprintf(
        out, room,
        "POST /api/check/resources HTTP/1.1\r\nHost: cerbos\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
        bytes, body);
}

/* One connection's answers: whole ones are counted by their length, which is the same for the same question. */
struct line {
    int fd;
    size_t pending;
};

struct peer_asked {
    const char *socket;
    const void *request;
    size_t request_bytes, answer_bytes;
    unsigned lines, each; /* connections, and questions under way on each */
};

/* Asks once on a connection of its own, and learns how long an answer is. */
static void learn(struct peer_asked *peer, const char *expected)
{
    char answer[65536];
    int fd = connect_to(peer->socket);
    size_t got = 0;

    for (unsigned i = 0; i < 3; i++) { /* the later ones are from its caches */
        if (fd < 0 || write(fd, peer->request, peer->request_bytes) != (ssize_t)peer->request_bytes)
            die("the first question");
        ssize_t more = read(fd, answer, sizeof answer - 1);

        got = more > 0 ? (size_t)more : 0;
        if (memmem(answer, got, expected, strlen(expected)) == NULL) {
            fprintf(stderr, "%.*s\n", (int)got, answer);
            die("the first answer");
        }
    }
    peer->answer_bytes = got;
    close(fd);
}

static void ask(struct line *line, const struct peer_asked *peer, unsigned times)
{
    for (; times > 0; times--) {
        if (write(line->fd, peer->request, peer->request_bytes) != (ssize_t)peer->request_bytes)
            die("a question");
    }
}

/* Answers a second. */
static double rate(const struct peer_asked *peer)
{
    static char in[65536];
    struct line lines[DEPTH];
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    unsigned long answers = 0;
    double start = seconds_now();

    for (unsigned i = 0; i < peer->lines; i++) {
        lines[i] = (struct line){connect_to(peer->socket), 0};
        event.data.u32 = i;
        epoll_ctl(epoll, EPOLL_CTL_ADD, lines[i].fd, &event);
        ask(&lines[i], peer, peer->each);
    }
    while (seconds_now() - start < SECONDS) {
        struct epoll_event events[DEPTH];
        int ready = epoll_wait(epoll, events, DEPTH, 1000);

        for (int i = 0; i < ready; i++) {
            struct line *line = &lines[events[i].data.u32];
            ssize_t got = read(line->fd, in, sizeof in);

            if (got <= 0)
                die("an answer");
            line->pending += (size_t)got;
            unsigned whole = (unsigned)(line->pending / peer->answer_bytes);

            line->pending -= whole * peer->answer_bytes;
            answers += whole;
            ask(line, peer, whole);
        }
    }
    double taken = seconds_now() - start;

    for (unsigned i = 0; i < peer->lines; i++)
        close(lines[i].fd);
    close(epoll);
    return (double)answers / taken;
}

int main(void)
{
    const char *program = getenv("ASSAY_CERBOS");
    struct issuer_key key = key_make("RS256");
    struct bench_agent agent = agent_start_with(&key, 1, -1, shop_rules);
    size_t token_bytes;
    char *token = token_make(&key, 1, &token_bytes), socket[96], question[8192];
    uint8_t request[4096];
    double ours[ROUNDS], theirs[ROUNDS];

    if (program == NULL)
        die("ASSAY_CERBOS must name Cerbos's program");
    snprintf(socket, sizeof socket, "%s/cerbos", agent.folder);
    pid_t cerbos = cerbos_start(program, agent.folder, socket);
    struct peer_asked us = {
        agent.socket, request, authorize_make(request, sizeof request, 7, token, token_bytes, "GET", "/orders/1234"), 0, DEPTH, 1};
    struct peer_asked them = {socket, question, http_request(question, sizeof question, token, "orders", "1234"), 0, DEPTH, 1};

    learn(&us, "allow\xc3");
    learn(&them, "EFFECT_ALLOW");
    for (unsigned round = 0; round < ROUNDS; round++) {
        theirs[round] = rate(&them);
        ours[round] = rate(&us);
    }
    double we = median(ours, ROUNDS), they = median(theirs, ROUNDS);

    printf("authorize with an RS256 token, %d connections, one question under way on each (medians of %d rounds)\n", DEPTH, ROUNDS);
    printf("  ours %8.0f /s      Cerbos %8.0f /s      ratio %.1f (goal: at least 20)\n", we, they, we / they);
    kill(cerbos, SIGTERM);
    waitpid(cerbos, NULL, 0);
    agent_stop(&agent);
    free(token);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
