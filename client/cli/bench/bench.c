/* assay bench: puts load on the running agent and on the bare echo server. Their rounds alternate, so that other load on the machine
   affects both. */
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "bench.h"
#include "client/wire/cleanup.h"
#include "client/wire/clock.h"

#define DISTINCT_DEFAULT 64
#define COLD_DEFAULT     20000
#define COLD_RSA_DEFAULT 5000
#define SECONDS_DEFAULT  5
#define ROUND_NS         (250 * NS_PER_MS)
#define ROUNDS_MIN       4
#define IN_FLIGHT_MAX    4096
#define CONNECTIONS_MAX  256

/* The sockets to the agent. */
struct lines {
    struct connection *connections[CONNECTIONS_MAX];
    int sockets[CONNECTIONS_MAX];
    size_t count;
};

static int wrong_together(const char *one, const char *other)
{
    return report_bad_input("--%s does not go with %s", one, other);
}

static int check_mode(struct bench_order *order)
{
    static const char *const names[] = {"local", "socket", "cold"};

    if (order->mode_name == NULL)
        order->mode_name = names[BENCH_LOCAL];
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(order->mode_name, names[i]) == 0) {
            order->mode = (enum bench_mode)i;
            return 0;
        }
    }
    return report_bad_input("--mode: there is no '%.32s'; write local, socket or cold", order->mode_name);
}

static int check_key(struct bench_order *order)
{
    const char *const given[] = {order->alg, order->kid, order->issuer, order->audience};
    static const char *const names[] = {"alg", "kid", "issuer", "audience"};

    for (size_t i = 0; i < COUNT(given); i++)
        if (given[i] == NULL)
            return report_bad_input("--%s is needed with --key; 'assay bench --help' lists the needed options", names[i]);
    order->algorithm = algorithm_by_name(order->alg, strlen(order->alg));
    if (order->algorithm == ALG_NONE || (ALGORITHM_BIT(order->algorithm) & ALGORITHMS_HMAC) != 0)
        return report_bad_input("--alg: '%.16s' is not an algorithm that signs with a private key; write RS256, ES256, EdDSA or another",
                                order->alg);
    if (order->distinct == NOT_GIVEN)
        order->distinct = order->mode != BENCH_COLD                           ? DISTINCT_DEFAULT
                          : algorithm_facts[order->algorithm].kind == KEY_RSA ? COLD_RSA_DEFAULT
                                                                              : COLD_DEFAULT;
    return order->distinct <= 1000000 ? 0 : report_bad_input("--distinct must be at most 1000000");
}

static int check_tokens(struct bench_order *order)
{
    if (order->tokens != NULL && order->key != NULL)
        return report_bad_input("--tokens and --key exclude each other; leave one out");
    if (order->key != NULL)
        return check_key(order);
    if (order->mode == BENCH_COLD)
        return report_bad_input("--mode cold needs --key: it signs tokens that are new to the agent");
    if (order->tokens == NULL)
        return report_bad_input("--tokens or --key is needed; 'assay bench --help' explains both");
    if (order->distinct != NOT_GIVEN)
        return wrong_together("distinct", "--tokens");
    return order->alg != NULL || order->kid != NULL || order->issuer != NULL ? wrong_together(order->alg != NULL   ? "alg"
                                                                                              : order->kid != NULL ? "kid"
                                                                                                                   : "issuer",
                                                                                              "--tokens")
                                                                             : 0;
}

static int check(struct bench_order *order)
{
    int code = check_mode(order);

    if (code == 0)
        code = check_tokens(order);
    if (code != 0)
        return code;
    if (order->mode == BENCH_LOCAL && order->depth != NOT_GIVEN)
        return wrong_together("depth", "--mode local: a call waits for its answer");
    order->depth = order->depth != NOT_GIVEN ? order->depth : 1;
    order->connections = order->connections != NOT_GIVEN ? order->connections : 1;
    order->ms = order->ms != NOT_GIVEN ? order->ms : SECONDS_DEFAULT * 1000;
    if (order->connections > CONNECTIONS_MAX)
        return report_bad_input("--connections must be at most %d", CONNECTIONS_MAX);
    if (order->connections * order->depth > IN_FLIGHT_MAX)
        return report_bad_input("--connections and --depth make %lld requests in flight; the agent takes at most %d per user",
                                (long long)(order->connections * order->depth), IN_FLIGHT_MAX);
    return order->ms > 0 && order->ms <= 86400000 ? 0 : report_bad_input("--seconds must be at least 1ms and at most 24h");
}

static void close_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        connection_close(lines->connections[i]);
    lines->count = 0;
}

static int open_lines(const struct bench_order *order, struct lines *lines)
{
    struct assay *assay = order->agent.assay;
    struct answer none CLEANUP(answer_clear);

    answer_init(&none);
    for (int64_t i = 0; i < order->connections; i++) {
        int status = channel_connect(&assay->channel, monotonic_ns() + assay->timeout_ns, &lines->connections[lines->count]);

        if (status != 0)
            return agent_failed(&order->agent, status, &none);
        lines->sockets[lines->count] = lines->connections[lines->count]->fd;
        lines->count++;
    }
    return 0;
}

/* The CPU time of the process behind the socket; -1 if it is in another namespace, or this process may not know it. */
static int64_t agent_cpu_ns(const struct lines *lines)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    clockid_t clock;
    struct timespec used;

    if (lines->count == 0 || getsockopt(lines->sockets[0], SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0)
        return -1;
    if (clock_getcpuclockid(peer.pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return -1;
    return (int64_t)used.tv_sec * NS_PER_S + used.tv_nsec;
}

/* The state of one run. */
struct bench {
    const struct bench_order *order;
    struct bench_tokens tokens;
    struct bench_requests requests; /* of the socket */
    struct bench_requests model;    /* the first request and its answer, for the echo */
    struct lines lines;
    struct echo echo;
    struct bench_results results;
};

static void drop_bench(struct bench *bench)
{
    close_lines(&bench->lines);
    echo_stop(&bench->echo);
    bench_requests_clear(&bench->requests);
    bench_requests_clear(&bench->model);
    bench_tokens_clear(&bench->tokens);
}

/* A cold run uses up its first token for the model. */
static int prepare(struct bench *bench)
{
    const struct bench_order *order = bench->order;
    bool cold = order->mode == BENCH_COLD;
    int code = order->key != NULL ? bench_tokens_mint(order, &bench->tokens) : bench_tokens_read(order->tokens, &bench->tokens);

    if (code != 0)
        return code;
    struct bench_tokens first = {bench->tokens.tokens, 1, 1}, others = bench->tokens;

    if (cold && others.count < 2)
        return report_bad_input("--distinct must be at least 2 in this mode: the first token shows how long an answer is");
    if (cold)
        others = (struct bench_tokens){others.tokens + 1, others.count - 1, 0};
    bench->results.token_bytes = first.tokens[0].count;
    bench->results.tokens = others.count;
    code = bench_requests_make(order, &first, true, &bench->model);
    if (code == 0)
        code = bench_requests_make(order, &others, !cold, &bench->requests);
    if (code == 0)
        code = echo_start(bench->model.requests, (size_t)order->connections, (size_t)order->depth, &bench->echo);
    return code == 0 && order->mode != BENCH_LOCAL ? open_lines(order, &bench->lines) : code;
}

static int run_round(struct bench *bench, struct pipeline *agent, int64_t ns, uint64_t most)
{
    const struct bench_order *order = bench->order;
    struct bench_figures *figures = &bench->results.agent;
    int64_t before = agent_cpu_ns(&bench->lines);
    int code =
        order->mode == BENCH_LOCAL ? bench_local_round(order, &bench->tokens, ns, figures) : pipeline_run(agent, ns, most, figures);

    if (before >= 0)
        figures->agent_cpu_ns += agent_cpu_ns(&bench->lines) - before;
    return code;
}

static int run_rounds(struct bench *bench)
{
    const struct bench_order *order = bench->order;
    size_t count = (size_t)order->connections, depth = (size_t)order->depth;
    struct pipeline agent = {order, &bench->requests, bench->lines.sockets, count, depth, 0, order->mode == BENCH_COLD};
    struct pipeline bare = {order, &bench->model, bench->echo.sockets, count, depth, 0, false};
    int64_t total = order->ms * NS_PER_MS, rounds = total / ROUND_NS > ROUNDS_MIN ? total / ROUND_NS : ROUNDS_MIN,
            ns = total / rounds;
    uint64_t most = order->mode == BENCH_COLD ? bench->requests.count / (uint64_t)rounds + 1 : UINT64_MAX;
    int code = 0;

    for (int64_t i = 0; code == 0 && i < rounds; i++) {
        if (agent.once && i > 0 && agent.next == 0)
            break; /* all are used up */
        code = run_round(bench, &agent, ns, most);
        if (code == 0)
            code = pipeline_run(&bare, ns, UINT64_MAX, &bench->results.echo);
    }
    return code;
}

static int run(struct bench_order *order)
{
    struct bench *bench CLEANUP_FREE = calloc(1, sizeof *bench);
    int code = agent_open(&order->agent);

    if (code != 0 || bench == NULL)
        return code != 0 ? code : report_no_memory();
    bench->order = order;
    code = prepare(bench);
    if (code == 0)
        code = run_rounds(bench);
    if (code == 0)
        code = bench_show(order, &bench->results);
    drop_bench(bench);
    agent_close(&order->agent);
    return code;
}

int command_bench(const struct command *self, int argc, char **argv)
{
    struct bench_order order = {
        .agent = AGENT_DEFAULTS, .distinct = NOT_GIVEN, .connections = NOT_GIVEN, .depth = NOT_GIVEN, .ms = NOT_GIVEN};
    const struct option_spec options[] = {
        {"mode", OPTION_TEXT, &order.mode_name, "M", "local (in process; the default), socket, or cold (tokens new to the agent)"},
        {"tokens", OPTION_TEXT, &order.tokens, "FILE", "tokens, one per line"},
        {"key", OPTION_TEXT, &order.key, "FILE", "instead of --tokens: sign tokens with this private key (PEM)"},
        {"alg", OPTION_TEXT, &order.alg, "ALG", "RS256, ES256, EdDSA, or another"},
        {"kid", OPTION_TEXT, &order.kid, "K", "the key's kid, for the header"},
        {"issuer", OPTION_TEXT, &order.issuer, "I", "the claim iss"},
        {"audience", OPTION_TEXT, &order.audience, "A", "the claim aud, and the audience that is verified"},
        {"distinct", OPTION_COUNT, &order.distinct, "N", "how many tokens to sign (64; cold: 20000, or 5000 with RSA)"},
        {"connections", OPTION_COUNT, &order.connections, "N", "connections; in mode local threads (1)"},
        {"depth", OPTION_COUNT, &order.depth, "N", "requests in flight on each connection (1)"},
        {"seconds", OPTION_SECONDS, &order.ms, "DURATION", "how long to measure the agent (5s); the echo takes as long again"},
        AGENT_OPTIONS(order.agent),
    };
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    code = check(&order);
    return code != 0 ? code : run(&order);
}
