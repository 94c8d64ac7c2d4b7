/* What a decision costs, and that it does not grow with the rules that do not match: 10 rules, then those 10 and 9,990 others.
   Rounds alternate, so that whatever else the machine does hits both. Nothing may be allocated meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/policy/decision.h"
#include "agent/token/json.h"
#include "bench.h"
#include "rules.h"

#define ROUNDS 15
#define TRIPS 60000
#define OTHERS 9990

/* Every call of the allocator: the linker sends them here (--wrap). */
static unsigned long allocations;
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    allocations++;
    return __real_realloc(block, size);
}

static const char holder[] =
    "{\"iss\":\"https://auth.example.com\",\"sub\":\"user-1\",\"aud\":\"orders\",\"exp\":1900000000,\"iat\":1800000000,"
    "\"jti\":\"7f3a-4c55\",\"email\":\"user1@example.com\",\"name\":\"Some Body\",\"roles\":[\"user\",\"manager\"],"
    "\"scope\":\"openid profile orders:write\"}";

static const struct {
    const char *action, *resource;
} asked[] = {
    {"GET", "/orders/1234"},
    {"POST", "/orders"},
    {"GET", "/users/user-1/settings"},
    {"GET", "/reports/2026/07/sales"},
    {"GET", "/admin/users/user-7"},
    {"DELETE", "/orders/closed"},
    {"GET", "/health"},
    {"GET", "/nowhere/at/all"},
};
#define ASKED (sizeof asked / sizeof *asked)

/* Rules that do not match, but look like those that do. */
static struct policy *load(unsigned others)
{
    char path[] = "/tmp/assay-bench-policy-XXXXXX";
    struct faults faults = {0};
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (file == NULL)
        die(path);
    fputs(shop_rules, file);
    for (unsigned i = 0; i < others; i++) {
        static const char *const shapes[] = {"/orders/%u/items", "/services/%u/**", "/tenants/%u/{sub}/*", "/users/other-%u/**",
                                             "/orders-%u"};

        fprintf(file, "- {name: other-%u, actions: [GET, POST], resources: [\"", i);
        fprintf(file, shapes[i % (sizeof shapes / sizeof *shapes)], i + 100000); /* NOLINT: each has one %u */
        fprintf(file, "\"], roles: [role-%u]%s}\n", i % 900, i % 7 == 0 ? ", effect: deny" : "");
    }
    fclose(file);
    struct policy *policy = policy_load(path, NULL, &faults);

    unlink(path);
    if (policy == NULL)
        die(faults.count > 0 ? faults.text[0] : "the policy");
    return policy;
}

/* Nanoseconds of one decision, the resource's normalisation with it. */
static double decide(const struct policy *policy, const struct claims *claims, unsigned allowed[ASKED])
{
    double start = seconds_now();

    for (unsigned i = 0; i < TRIPS; i++) {
        unsigned k = i % ASKED;
        struct resource resource;
        struct ask ask = {.claims = claims, .action = {asked[k].action, strlen(asked[k].action)}, .resource = &resource};

        if (resource_normalize(asked[k].resource, strlen(asked[k].resource), (struct resource_reading){0}, &resource) < 0)
            die(asked[k].resource);
        allowed[k] += policy_decide(policy, &ask).allow;
    }
    return (seconds_now() - start) / TRIPS * 1e9;
}

int main(void)
{
    struct policy *few = load(0), *many = load(OTHERS);
    double of_few[ROUNDS], of_many[ROUNDS];
    unsigned allowed[2][ASKED] = {{0}};
    uint8_t wire[1024];
    struct wire_writer writer;
    struct claims claims;

    wire_writer_init(&writer, wire, sizeof wire);
    if (json_to_wire(holder, sizeof holder - 1, 16, &writer) < 0)
        die("the claims");
    claims_index(&claims, wire, wire_written(&writer));
    decide(many, &claims, allowed[0]);
    memset(allowed, 0, sizeof allowed);
    unsigned long before = allocations;

    for (unsigned round = 0; round < ROUNDS; round++) {
        of_few[round] = decide(few, &claims, allowed[0]);
        of_many[round] = decide(many, &claims, allowed[1]);
    }
    unsigned long after = allocations;

    if (before == 0 || memcmp(allowed[0], allowed[1], sizeof allowed[0]) != 0 || allowed[0][0] == 0 || allowed[0][4] != 0 ||
        allowed[0][7] != 0)
        die("the decisions differ");
    double ten = median(of_few, ROUNDS), thousands = median(of_many, ROUNDS);

    printf("a decision, resource normalised, no token checked (medians of %d rounds)\n", ROUNDS);
    printf("  %5u rules  %6.0f ns (goal: at most 1000)\n", few->rule_count, ten);
    printf("  %5u rules  %6.0f ns      ratio %.2f (goal: at most 1.20)\n", many->rule_count, thousands, thousands / ten);
    printf("  allocations meanwhile: %lu (goal: 0)\n", after - before);
    policy_drop(few);
    policy_drop(many);
    return 0;
}
