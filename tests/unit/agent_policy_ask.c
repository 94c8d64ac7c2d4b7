#include "agent_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/token/json.h"

#define CLAIMS_KEPT 8
#define CLAIMS_ROOM 65536

struct policy *policy_try(const char *yaml, const struct config *config, struct faults *faults)
{
    struct faults ignored = {0};
    char path[64];
    size_t bytes = strlen(yaml);
    int fd = memfd_create("policy.yaml", MFD_CLOEXEC);

    assert_true(fd >= 0 && write(fd, yaml, bytes) == (ssize_t)bytes);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct policy *policy = policy_load(path, config, faults != NULL ? faults : &ignored);

    close(fd);
    faults_clear(&ignored);
    return policy;
}

struct policy *policy_of(const char *yaml)
{
    struct faults faults = {0};
    struct policy *policy = policy_try(yaml, NULL, &faults);

    if (policy == NULL)
        print_error("%s\n%s\n", faults.count > 0 ? faults.text[0] : "no fault", yaml);
    assert_non_null(policy);
    assert_int_equal(faults.count, 0);
    return policy;
}

const struct claims *claims_of(const char *json)
{
    static uint8_t room[CLAIMS_KEPT][CLAIMS_ROOM];
    static struct claims kept[CLAIMS_KEPT];
    static unsigned next;
    struct wire_writer writer;

    if (json == NULL)
        return NULL;
    next = (next + 1) % CLAIMS_KEPT;
    assert_true(WIRE_BYTES_OF_JSON(strlen(json)) <= CLAIMS_ROOM);
    wire_writer_init(&writer, room[next], CLAIMS_ROOM);
    assert_int_equal(json_to_wire(json, strlen(json), 16, &writer), 0);
    claims_index(&kept[next], room[next], wire_written(&writer));
    return &kept[next];
}

static void assert_consistent(const struct ruling *ruling, const struct ask *ask)
{
    assert_int_equal(ruling->allow, ruling->status == 200);
    assert_int_equal(ruling->allow, ruling->reason == REASON_NONE);
    assert_true(ruling->status == 200 || ruling->status == 401 || ruling->status == 403);
    if (ruling->status == 401)
        assert_true(ask->claims == NULL && ruling->rule == NULL);
    if (ruling->allow)
        assert_true(ruling->rule != NULL && !ruling->rule->deny && !ruling->rule->shadow);
}

const char *answer_of(const struct policy *policy, const char *claims, const struct issuer *issuer, const char *action,
                      const char *resource)
{
    static char text[256];
    struct resource normal;
    bool is_one = resource_normalize(resource, strlen(resource), policy_reading(policy), &normal) == 0;
    struct ask ask = {claims_of(claims), issuer, REASON_NO_TOKEN, {action, strlen(action)}, is_one ? &normal : NULL, NULL};
    struct ruling ruling = policy_decide(policy, &ask);

    assert_consistent(&ruling, &ask);
    snprintf(text, sizeof text, "%u %s %s", ruling.status, ruling.reason == REASON_NONE ? "-" : reason_name(ruling.reason),
             ruling.rule != NULL ? ruling.rule->name : "-");
    return text;
}

const char *answer(const struct policy *policy, const char *claims, const char *action, const char *resource)
{
    return answer_of(policy, claims, NULL, action, resource);
}
