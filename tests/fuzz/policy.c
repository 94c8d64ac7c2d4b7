/* A policy from anybody: loaded, or refused with a fault that names the file. What a loaded one decides is what its rules say when each is
   asked by itself, and without a rule that allows there is no yes. */
#include <fcntl.h>
#include <unistd.h>

#include "agent/policy/decision.h"
#include "agent/token/json.h"
#include "tests/fuzz/target.h"

#define RULES_ASKED_MAX 16
#define ANY_ACTION ((struct text){"read", 4})

static const char claims_json[] = "{\"iss\":\"https://auth.example.com\",\"sub\":\"u\",\"roles\":[\"admin\",\"reader\",\"r\"],"
                                  "\"scope\":\"orders:read a b\",\"tenant\":\"t\",\"n\":1,\"yes\":true}";

static struct policy *load(const uint8_t *data, size_t size)
{
    static char path[64];
    struct faults faults = {0};

    if (path[0] == '\0')
        snprintf(path, sizeof path, "/dev/shm/assay-fuzz-policy-%d.yaml", (int)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) < 0)
        exit(2);
    struct policy *policy = policy_load(path, NULL, &faults);

    unlink(path);
    CHECK((policy == NULL) == (faults.count > 0));
    for (unsigned i = 0; i < faults.count; i++)
        CHECK(strncmp(faults.text[i], path, strlen(path)) == 0);
    faults_clear(&faults);
    return policy;
}

/* The first of a kind that applies, without the tree. */
static const struct rule *first_rule(const struct policy *policy, const struct ask *ask, bool deny)
{
    for (unsigned i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];

        CHECK(rule->index == i && rule->name != NULL);
        if (rule->deny == deny && !rule->shadow && policy_fit(policy, rule, ask) == FIT_APPLIES)
            return rule;
    }
    return NULL;
}

static void check_ruling(const struct policy *policy, const struct ask *ask)
{
    struct ruling ruling = policy_decide(policy, ask);
    const struct rule *deny = ask->resource != NULL ? first_rule(policy, ask, true) : NULL;
    const struct rule *allow = ask->resource != NULL ? first_rule(policy, ask, false) : NULL;

    CHECK(ruling.allow == (deny == NULL && allow != NULL));
    CHECK(ruling.allow == (ruling.status == 200) && ruling.allow == (ruling.reason == REASON_NONE));
    if (ruling.allow)
        CHECK(ruling.rule == allow);
    else if (deny != NULL)
        CHECK(ruling.reason == REASON_DENIED_BY_RULE && ruling.rule == deny && ruling.status == 403);
    else
        CHECK(ruling.status == (ask->claims != NULL || ask->resource == NULL ? 403 : 401));
}

static void ask_about(const struct policy *policy, const struct claims *claims, struct text action, struct text path)
{
    static struct resource resource;
    bool is_one = resource_normalize(path.at, path.bytes, policy_reading(policy), &resource) == 0;
    struct ask ask = {.claims = claims, .why_no_token = REASON_NO_TOKEN, .action = action, .resource = is_one ? &resource : NULL};

    check_ruling(policy, &ask);
    ask.claims = NULL;
    check_ruling(policy, &ask);
}

/* What the policy is about: each of its patterns taken for a resource, in which `*` is a segment like another. */
static void ask_its_rules(const struct policy *policy, const struct claims *claims)
{
    for (unsigned i = 0; i < policy->rule_count && i < RULES_ASKED_MAX; i++) {
        const struct rule *rule = &policy->rules[i];

        for (unsigned k = 0; k < rule->patterns.count && k < 4; k++) {
            ask_about(policy, claims, ANY_ACTION, rule->patterns.list[k]);
            for (unsigned n = 0; n < rule->actions.count && n < 4; n++)
                ask_about(policy, claims, rule->actions.list[n], rule->patterns.list[k]);
        }
    }
    for (unsigned i = 0; i < policy->test_count && i < RULES_ASKED_MAX; i++) {
        const struct policy_test *test = &policy->tests[i];
        struct claims its;

        CHECK(test->expect == 200 || test->expect == 401 || test->expect == 403);
        if (test->claims != NULL) {
            claims_index(&its, test->claims, test->claims_bytes);
            ask_about(policy, &its, test->action, test->resource);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t wire[WIRE_BYTES_OF_JSON(sizeof claims_json)];
    static const char *const resources[] = {"/", "/a", "/a/b", "/orders/7", "/t", "/a/../b", "bad",
                                             "/A", "/a.", "/A/B%20", "/Orders/7", "/a%2Fb", "/a;b", "/a%2Fb;c/d", "/orders%2f7"};
    static struct claims claims;
    struct policy *policy = load(data, size);
    struct wire_writer writer;

    if (policy == NULL)
        return 0;
    wire_writer_init(&writer, wire, sizeof wire);
    CHECK(json_to_wire(claims_json, sizeof claims_json - 1, TOKEN_PAYLOAD_DEPTH_MAX, &writer) == 0);
    claims_index(&claims, wire, wire_written(&writer));
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++)
        ask_about(policy, &claims, ANY_ACTION, (struct text){resources[i], strlen(resources[i])});
    ask_its_rules(policy, &claims);
    policy_drop(policy);
    return 0;
}
