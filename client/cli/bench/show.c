/* Prints the figures: a table, with a histogram on a terminal; or JSON for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "client/cli/owned.h"

#define BAR_WIDTH 40
#define ROWS_MAX  24
#define CELL      11

struct figure {
    double rate;
    uint64_t p50, p90, p99, p999, max;
};

static struct figure figure_of(const struct bench_figures *figures)
{
    const struct samples *samples = &figures->samples;
    double seconds = (double)figures->elapsed_ns / 1e9;

    return (struct figure){
        .rate = seconds > 0 ? (double)figures->requests / seconds : 0,
        .p50 = samples_percentile(samples, 500),
        .p90 = samples_percentile(samples, 900),
        .p99 = samples_percentile(samples, 990),
        .p999 = samples_percentile(samples, 999),
        .max = samples->max,
    };
}

static double ratio(double ours, double bare)
{
    return bare > 0 ? ours / bare : 0;
}

/* Three digits and a unit. */
static const char *time_text(double ns, char text[16])
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    unsigned unit = 0;

    for (; ns >= 999.5 && unit < 3; unit++)
        ns /= 1000;
    snprintf(text, 16, "%.*f %s", unit == 0 || ns >= 100 ? 0 : ns >= 10 ? 1 : 2, ns, units[unit]);
    return text;
}

static void print_figure(const char *name, const struct figure *figure)
{
    const uint64_t times[] = {figure->p50, figure->p90, figure->p99, figure->p999, figure->max};
    char text[16];

    printf("%-10s%*.0f/s", name, CELL, figure->rate);
    for (size_t i = 0; i < COUNT(times); i++)
        printf("%*s", CELL, time_text((double)times[i], text));
    putchar('\n');
}

/* Prints a bar in eighths of a character, BAR_WIDTH characters at most. A count above 0 is always visible. */
static void print_bar(uint64_t count, uint64_t most)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    unsigned eighths = (unsigned)((double)count / (double)most * BAR_WIDTH * 8);

    if (count > 0 && eighths == 0)
        eighths = 1;
    for (unsigned i = 0; i < eighths / 8; i++)
        fputs("█", stdout);
    puts(parts[eighths % 8]);
}

/* A row covers a quarter of a power of two, or a half, or a whole one, or more, so that there are not too many rows. */
static void print_histogram(const struct samples *samples)
{
    size_t first = 0, last = SAMPLES_BUCKETS - 1, step = (1 << SAMPLES_BITS) / 4;
    uint64_t rows[ROWS_MAX] = {0}, most = 0;
    char text[16];

    while (first < last && samples->buckets[first] == 0)
        first++;
    while (last > first && samples->buckets[last] == 0)
        last--;
    while (last / step - first / step >= ROWS_MAX)
        step *= 2;
    for (size_t i = first; i <= last; i++)
        rows[i / step - first / step] += samples->buckets[i];
    for (size_t row = 0; row < ROWS_MAX; row++)
        most = rows[row] > most ? rows[row] : most;
    if (most == 0)
        return;
    puts("");
    for (size_t row = 0; row <= last / step - first / step; row++) {
        printf("up to %9s %10" PRIu64 "  ", time_text((double)samples_upper((first / step + row + 1) * step - 1), text), rows[row]);
        print_bar(rows[row], most);
    }
}

static void print_head(const struct bench_order *order, const struct bench_results *results)
{
    printf("%s: %zu tokens, the first of %zu bytes; ", order->mode_name, results->tokens, results->token_bytes);
    if (order->mode == BENCH_LOCAL)
        printf("%" PRId64 " threads; ", order->connections);
    else
        printf("%" PRId64 " connections, %" PRId64 " in flight on each; ", order->connections, order->depth);
    printf("%" PRIu64 " answers in %.2f s, each checked\n", results->agent.requests, (double)results->agent.elapsed_ns / 1e9);
    if (order->mode == BENCH_LOCAL)
        printf("Each time is the mean of %d calls, because reading a clock takes half as long as a call. The echo shows what a round trip "
               "costs.\n",
               BENCH_BATCH);
    printf("\n%-10s%*s%*s%*s%*s%*s%*s\n", "", CELL + 2, "rate", CELL, "p50", CELL, "p90", CELL, "p99", CELL, "p99.9", CELL, "max");
}

static int show_text(const struct bench_order *order, const struct bench_results *results)
{
    struct figure agent = figure_of(&results->agent), echo = figure_of(&results->echo);
    char text[16];

    print_head(order, results);
    print_figure(order->mode == BENCH_LOCAL ? "in process" : "agent", &agent);
    print_figure("bare echo", &echo);
    printf("%-10s%*.2f  %*.2f\n", "ratio", CELL, ratio(agent.rate, echo.rate), CELL, ratio((double)agent.p50, (double)echo.p50));
    if (order->mode == BENCH_COLD && results->agent.agent_cpu_ns > 0) {
        double each = (double)results->agent.agent_cpu_ns / (double)results->agent.requests;

        printf("\nThe agent's CPU time is %s per token: %.0f/s on each core that it has alone.\n", time_text(each, text),
               1e9 / each);
    }
    if (isatty(STDOUT_FILENO))
        print_histogram(&results->agent.samples);
    return report_yes();
}

static json_t *histogram_json(const struct samples *samples)
{
    json_t *list = json_array();

    for (size_t i = 0; i < SAMPLES_BUCKETS; i++)
        if (samples->buckets[i] > 0)
            json_array_append_new(list, json_pack("[I,I]", (json_int_t)samples_upper(i), (json_int_t)samples->buckets[i]));
    return list;
}

static json_t *figure_json(const struct bench_order *order, const struct bench_results *results)
{
    struct figure agent = figure_of(&results->agent), echo = figure_of(&results->echo);
    bool local = order->mode == BENCH_LOCAL;
    json_t *object = json_pack(
        "{s:s,s:I,s:I,s:f,s:I,s:I,s:I,s:I,s:f,s:I,s:I,s:I,s:I,s:I,s:o,s:{s:f,s:I,s:I},s:{s:f,s:f}}", "mode", order->mode_name,
        "connections", (json_int_t)order->connections, "depth", (json_int_t)order->depth, "seconds",
        (double)results->agent.elapsed_ns / 1e9, "tokens", (json_int_t)results->tokens, "requests",
        (json_int_t)results->agent.requests, "calls_per_sample", (json_int_t)(local ? BENCH_BATCH : 1), "samples",
        (json_int_t)results->agent.samples.count, "rate", agent.rate, "p50_ns", (json_int_t)agent.p50, "p90_ns",
        (json_int_t)agent.p90, "p99_ns", (json_int_t)agent.p99, "p999_ns", (json_int_t)agent.p999, "max_ns", (json_int_t)agent.max,
        "histogram", histogram_json(&results->agent.samples), "echo", "rate", echo.rate, "p50_ns", (json_int_t)echo.p50, "p99_ns",
        (json_int_t)echo.p99, "ratio", "rate", ratio(agent.rate, echo.rate), "p50", ratio((double)agent.p50, (double)echo.p50));

    if (object != NULL && order->mode == BENCH_COLD && results->agent.agent_cpu_ns > 0 && results->agent.requests > 0)
        json_object_set_new(object, "agent_cpu_ns", json_integer(results->agent.agent_cpu_ns / (int64_t)results->agent.requests));
    return object;
}

static int show_json(const struct bench_order *order, const struct bench_results *results)
{
    json_t *object OWNED_JSON = figure_json(order, results);

    if (object == NULL || json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) != 0)
        return report_no_memory();
    putchar('\n');
    return report_yes();
}

int bench_show(const struct bench_order *order, const struct bench_results *results)
{
    return order->agent.json ? show_json(order, results) : show_text(order, results);
}
