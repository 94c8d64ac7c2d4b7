#include "request_agent.h"

#include <math.h>
#include <unistd.h>

#include "agent/fastpath/previous_run.h"
#include "agent/fastpath/shared_page.h"
#include "agent/feeds/feeds.h"
#include "agent/keys/keyring.h"
#include "agent/keys/remotes.h"
#include "agent/revocation/record.h"
#include "agent/rpc/listener.h"
#include "agent/rpc/methods.h"
#include "agent/state/clock.h"
#include "agent/verdict/audit.h"
#include "agent/verdict/grounds.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/token_good.h"

#define NOW 1767225600.0

static const char config_text[] = "issuers:\n  - issuer: https://auth.example.com\n    keys: {file: keys.json}\n    audiences: [orders]\n"
                                  "policy: policy.yaml\n";
static const char policy_text[] = "version: 1\nrules:\n- {name: everything, resources: [/a/**]}\n";

static struct clock its_clock;
static struct core core;
static struct verdicts verdicts;
static struct token_room token_room;
static struct token good, bad;
static struct verifier *verifier;
static struct grounds grounds;

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");

    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static struct keyring *load(void)
{
    char folder[] = "/dev/shm/assay-fuzz-XXXXXX", path[128], keys[sizeof good_keys + 16];
    static const char *const names[] = {"config.yaml", "policy.yaml", "keys.json"};
    struct faults faults = {0};

    CHECK(mkdtemp(folder) != NULL);
    snprintf(keys, sizeof keys, "{\"keys\":[%s]}", good_keys);
    write_file(folder, "config.yaml", config_text);
    write_file(folder, "policy.yaml", policy_text);
    write_file(folder, "keys.json", keys);
    snprintf(path, sizeof path, "%s/config.yaml", folder);
    struct config *config = config_load(path, &faults);
    struct keyring *ring = config != NULL ? keyring_load(config, NOW, &faults) : NULL;

    if (ring == NULL)
        fprintf(stderr, "%s\n", faults.count > 0 ? faults.text[0] : "no fault");
    CHECK(ring != NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    return ring;
}

static void set_up(void)
{
    struct question question = {.now = NOW, .room = &token_room};

    core.ring = load();
    core.hasher = hasher_new();
    core.shared = shared_page_new((const uint8_t[16]){1});
    its_clock.highest = NOW;
    core.clock = &its_clock;
    verdicts.core = &core;
    core.ready = true;
    question.issuers = core.ring->issuers;
    question.issuer_count = core.ring->count;
    question.verifier = verifier = verifier_new(0);
    CHECK(core.hasher != NULL && verifier != NULL && core.shared != NULL);
    bad = token_of("x", 1);
    CHECK(token_check(&bad, &question, STAGE_FORM, STAGE_NOW) == OUTCOME_REFUSED);
    for (size_t i = 0; i < sizeof good_tokens / sizeof *good_tokens; i++) {
        good = token_of(good_tokens[i], strlen(good_tokens[i]));
        if (token_check(&good, &question, STAGE_FORM, STAGE_NOW) == OUTCOME_ACCEPTED)
            break;
    }
    CHECK(good.key != NULL && grounds_of(core.shared, core.hasher, &good, &grounds) == 0);
    grounds_read(core.shared, &grounds);
    grounds.judged = true;
}

struct verdicts *request_verdicts(void)
{
    if (core.ring == NULL)
        set_up();
    return &verdicts;
}

const struct token *request_good_token(void)
{
    return &good;
}

const struct token *request_bad_token(void)
{
    return &bad;
}

const struct grounds *request_grounds(void)
{
    return &grounds;
}

/* Not asked here: the log, and the methods that look at the store or at the whole core. */
void audit_begin(struct verdicts *its)
{
    (void)its;
}

void audit_put_id(struct wire_writer *writer, const struct verdicts *its)
{
    (void)its;
    wire_put_text(writer, "decision_id");
    wire_put_nil(writer);
}

void audit_decision(struct verdicts *its, const struct audited *about, const struct decision *decision)
{
    (void)its;
    CHECK(about->method != NULL && (decision->outcome == OUTCOME_UNDECIDED || decision->token != NULL));
}

void audit_ruling(struct verdicts *its, const struct audited *about, struct text action, struct text resource, const struct ruling *ruling,
                  const char *why, const struct token *token, bool accepted)
{
    (void)its;
    (void)about;
    (void)accepted;
    (void)action;
    (void)resource;
    (void)why;
    (void)token;
    CHECK(ruling->status == 200 || ruling->status == 401 || ruling->status == 403);
}

void audit_change(const struct peer *peer, const char *what, const char *kind, struct text issuer)
{
    (void)peer;
    CHECK(what != NULL && kind != NULL && issuer.at != NULL);
}

double unix_now(void)
{
    return NOW;
}

double core_turn_now(struct core *its)
{
    (void)its;
    return NOW;
}

/* No feeds here. */
double feeds_until(const struct feeds *feeds, const struct issuer *issuer)
{
    (void)feeds;
    (void)issuer;
    return INFINITY;
}

int64_t feeds_age(const struct feeds *feeds, const struct issuer *issuer)
{
    (void)feeds;
    (void)issuer;
    return -1;
}

void feeds_each(const struct feeds *feeds, void (*each)(void *context, const struct feed_facts *facts), void *context)
{
    (void)feeds;
    (void)each;
    (void)context;
}

/* All keys are a file's. */
double remotes_until(const struct remotes *remotes, const struct issuer *issuer)
{
    (void)remotes;
    (void)issuer;
    return INFINITY;
}

double remotes_confirmed(const struct keyring_entry *entry)
{
    return entry->loaded;
}

bool remotes_facts(const struct keyring_entry *entry, double now, struct remote_facts *ret)
{
    (void)entry;
    (void)now;
    (void)ret;
    return false;
}

/* An answer of its own for each, so that it is one all the same. */
void method_status(const struct request *request)
{
    rpc_error(request->conn, request->msgid, ERROR_INTERNAL, "not here");
}

void method_hello(const struct request *request)
{
    method_status(request);
}

void previous_run_hold(struct previous_run *earlier, struct held *held)
{
    (void)earlier;
    held->answer(held);
}

void method_reload(const struct request *request)
{
    method_status(request);
}

void method_revocations(const struct request *request)
{
    method_status(request);
}
