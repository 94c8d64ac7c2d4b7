#include "audit.h"

#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>

#include "agent/base/hex.h"
#include "agent/base/log.h"
#include "agent/base/sink.h"
#include "agent/door/peer_log.h"
#include "agent/keys/keyring.h"
#include "agent/policy/granted.h"
#include "client/wire/utf8.h"

#define FIELDS_MAX (24 + AUDIT_CLAIMS_MAX)
#define DIGEST_BYTES 17
#define VALUE_BYTES  256

/* One line, while it is made. */
struct record {
    struct verdicts *verdicts;
    const struct audit_config *config;
    struct log_field fields[FIELDS_MAX];
    unsigned count;
    char values[10 + AUDIT_CLAIMS_MAX][VALUE_BYTES]; /* texts that needed a copy */
    unsigned value_count;
    struct log_line roles, scopes; /* used as lists */
};

static void digest(const struct verdicts *verdicts, struct text text, char out[DIGEST_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t bytes[EVP_MAX_MD_SIZE] = {0};

    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(context, verdicts->audit_key, sizeof verdicts->audit_key) != 1 || EVP_DigestUpdate(context, text.at, text.bytes) != 1 ||
        EVP_DigestFinal_ex(context, bytes, NULL) != 1)
        memset(bytes, 0, sizeof bytes);
    EVP_MD_CTX_free(context);
    hex_encode(bytes, 8, out);
}

static void add(struct record *record, struct log_field field)
{
    if (record->count < FIELDS_MAX)
        record->fields[record->count++] = field;
}

/* The text as a string that lives as long as the record: cut to VALUE_BYTES, with `?` for NUL, which must not hide the rest. */
static const char *keep(struct record *record, struct text text)
{
    if (text.at == NULL || record->value_count == sizeof record->values / sizeof *record->values)
        return NULL;
    char *out = record->values[record->value_count++];
    size_t bytes = utf8_cut(text.at, text.bytes, VALUE_BYTES - 1);

    for (size_t i = 0; i < bytes; i++)
        out[i] = text.at[i] != '\0' ? text.at[i] : '?';
    out[bytes] = '\0';
    return out;
}

static void add_text(struct record *record, const char *name, struct text text)
{
    const char *kept = keep(record, text);

    if (kept != NULL)
        add(record, LOG_TEXT(name, kept));
}

/* A claim, or its digest. Only a string, and only if a signature has confirmed it. */
static void add_claim(struct record *record, const struct token *token, const char *claim, const char *shown)
{
    struct wire_cursor value;
    struct wire_item item = {0};

    if (token->key == NULL || !claim_find(&token->claims, (struct text){claim, strlen(claim)}, &value) || wire_next(&value, &item) != WIRE_OK ||
        item.type != WIRE_STR)
        return;
    struct text text = {item.str, item.count};

    if (!audit_masks(record->config, claim)) {
        add_text(record, shown, text);
        return;
    }
    char masked[DIGEST_BYTES + 7] = "digest:";

    digest(record->verdicts, text, masked + 7);
    add_text(record, shown, (struct text){masked, strlen(masked)});
}

static void add_token(struct record *record, const struct token *token)
{
    char name[DIGEST_BYTES];

    if (token->issuer != NULL)
        add(record, LOG_TEXT("issuer", token->issuer->names.list[0].at));
    add_claim(record, token, "sub", "subject");
    add_claim(record, token, "jti", "jti");
    for (unsigned i = 0; i < record->config->claims.count; i++)
        add_claim(record, token, record->config->claims.names[i], record->config->shown[i]);
    digest(record->verdicts, token->text, name);
    add_text(record, "token", (struct text){name, strlen(name)});
}

static void add_one(void *context, const char *at, size_t bytes)
{
    (void)log_list_put(context, at, bytes);
}

/* What the policy has read: enough to decide the same again under another policy. */
static void add_inputs(struct record *record, const struct token *good)
{
    log_list_begin(&record->roles);
    log_list_begin(&record->scopes);
    if (good != NULL) {
        each_role(&good->claims, good->issuer, add_one, &record->roles);
        each_scope(&good->claims, good->issuer, add_one, &record->scopes);
    }
    add(record, LOG_JSON("roles", log_list_end(&record->roles)));
    add(record, LOG_JSON("scopes", log_list_end(&record->scopes)));
}

/* What every line has: who asked, and what the decision rests on. */
static void add_asker(struct record *record, const struct audited *about)
{
    const struct core *core = record->verdicts->core;

    add(record, LOG_TEXT("decision_id", audit_id(record->verdicts)));
    if (about->peer->entry != NULL)
        add(record, LOG_TEXT("peer", about->peer->entry->name));
    add(record, LOG_NUMBER("uid", about->peer->uid));
    add(record, LOG_NUMBER("pid", about->peer->pid));
    add_text(record, "traceparent", about->traceparent);
    add(record, LOG_NUMBER("keyring", core->ring->generation));
    add(record, LOG_NUMBER("revocations", core->commits - 1));
}

/* Left out by configuration? A refusal never is. */
static bool is_left_out(const struct audit_config *config, bool yes)
{
    static uint32_t state = 1;

    if (!yes || !(config->drop_allowed > 0))
        return false;
    state = state * 1664525 + 1013904223; /* which ones are left out need not be a secret */
    return (double)state / 4294967296.0 < config->drop_allowed;
}

static bool is_wanted(const struct verdicts *verdicts, bool yes)
{
    const struct config *config = verdicts->core->ring->config;

    if (config->log_decisions == DECISIONS_OFF || (config->log_decisions == DECISIONS_DENIED && yes))
        return false;
    return !is_left_out(&config->audit, yes) && (verdicts->sink != NULL || peer_log_may(unix_now()));
}

static void begin(struct record *record, struct verdicts *verdicts, const struct audited *about)
{
    record->verdicts = verdicts;
    record->config = &verdicts->core->ring->config->audit;
    record->count = record->value_count = 0;
    add(record, LOG_TEXT("method", about->method));
}

static void end(struct record *record, const char *event)
{
    struct log_line line;

    if (record->verdicts->sink == NULL) {
        log_write(LOG_INFO, event, record->fields, record->count);
        return;
    }
    log_line_make(&line, true, "info", event, record->fields, record->count);
    line.text[line.used++] = '\n';
    sink_put(record->verdicts->sink, line.text, line.used);
}

/* It counts in place: a number would have to be written in full each time. */
static void count_on(char id[DECISION_ID_BYTES + 1])
{
    for (unsigned at = DECISION_ID_BYTES - 1; at > DECISION_RUN_BYTES; at--) {
        if (id[at] != 'f') {
            id[at] = (char)(id[at] == '9' ? 'a' : id[at] + 1);
            return;
        }
        id[at] = '0';
    }
}

void audit_begin(struct verdicts *verdicts)
{
    count_on(verdicts->decision.pair + DECISION_HEAD_BYTES);
}

const char *audit_id(const struct verdicts *verdicts)
{
    return verdicts->decision.pair + DECISION_HEAD_BYTES;
}

void audit_put_id(struct wire_writer *writer, const struct verdicts *verdicts)
{
    wire_put_raw(writer, verdicts->decision.pair, sizeof verdicts->decision.pair - 1);
}

/* A refusal's reason, or the error of an undecided token. */
static const char *reason_of(const struct decision *decision)
{
    const char *why;

    switch (decision->outcome) {
    case OUTCOME_ACCEPTED:
        return NULL;
    case OUTCOME_REFUSED:
        return reason_name(decision->token->reason);
    default:
        return wire_error_name(wire_error_of(decision->doubt, &why));
    }
}

/* Not inlined, like the next one: most decisions are not recorded, and a record takes 16 KiB of the stack. */
__attribute__((noinline)) static void record_decision(struct verdicts *verdicts, const struct audited *about, const struct decision *decision)
{
    const struct token *token = decision->token;
    enum outcome outcome = decision->outcome;
    struct record record;

    begin(&record, verdicts, about);
    add(&record, LOG_TEXT("reason", reason_of(decision)));
    if (token->issuer != NULL && token->issuer->shadow)
        add(&record, LOG_TEXT("shadow", token->judged == REASON_NONE ? "would be accepted" : reason_name(token->judged)));
    add_text(&record, "audience", decision->audience);
    add_token(&record, token);
    add_asker(&record, about);
    end(&record, outcome == OUTCOME_ACCEPTED ? "accepted" : outcome == OUTCOME_REFUSED ? "refused" : "undecided");
}

void audit_decision(struct verdicts *verdicts, const struct audited *about, const struct decision *decision)
{
    if (is_wanted(verdicts, decision->outcome == OUTCOME_ACCEPTED))
        record_decision(verdicts, about, decision);
}

/* The query and the fragment may contain codes and tokens. */
static struct text path_of(struct text resource)
{
    size_t bytes = 0;

    while (bytes < resource.bytes && resource.at[bytes] != '?' && resource.at[bytes] != '#')
        bytes++;
    return (struct text){resource.at, bytes};
}

__attribute__((noinline)) static void record_ruling(struct verdicts *verdicts, const struct audited *about, struct text action, struct text resource,
                                                    const struct ruling *ruling, const char *why, const struct token *token, bool good)
{
    struct record record;

    begin(&record, verdicts, about);
    add(&record, LOG_NUMBER("status", ruling->status));
    add(&record, LOG_TEXT("reason", ruling->allow ? NULL : reason_name(ruling->reason)));
    add(&record, LOG_TEXT("why", why));
    add(&record, LOG_TEXT("rule", ruling->rule != NULL ? ruling->rule->name : NULL));
    add_text(&record, "action", action);
    add_text(&record, "resource", path_of(resource));
    if (token != NULL)
        add_token(&record, token);
    add_inputs(&record, good ? token : NULL);
    add_asker(&record, about);
    end(&record, ruling->allow ? "allowed" : "denied");
}

void audit_ruling(struct verdicts *verdicts, const struct audited *about, struct text action, struct text resource, const struct ruling *ruling,
                  const char *why, const struct token *token, bool good)
{
    if (is_wanted(verdicts, ruling->allow))
        record_ruling(verdicts, about, action, resource, ruling, why, token, good);
}

void audit_change(const struct peer *peer, const char *what, const char *kind, struct text issuer)
{
    struct record record = {.count = 0};

    add(&record, LOG_TEXT("kind", kind));
    add_text(&record, "issuer", issuer);
    add(&record, LOG_NUMBER("uid", peer->uid));
    add(&record, LOG_NUMBER("pid", peer->pid));
    log_write(LOG_INFO, what, record.fields, record.count);
}

int audit_open(struct verdicts *verdicts)
{
    const struct audit_config *config = &verdicts->core->ring->config->audit;

    snprintf(verdicts->decision.pair, sizeof verdicts->decision.pair, DECISION_HEAD "%.*s-000000000000", DECISION_RUN_BYTES, verdicts->core->instance);
    if (config->file == NULL && !config->to_stdout)
        return 0;
    verdicts->sink = sink_open(config->file);
    return verdicts->sink != NULL ? 0 : -1;
}

void audit_reopen(struct verdicts *verdicts)
{
    if (verdicts->sink != NULL)
        sink_reopen(verdicts->sink);
}

void audit_close(struct verdicts *verdicts)
{
    sink_close(verdicts->sink);
    verdicts->sink = NULL;
}
