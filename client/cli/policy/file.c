#include "agent/token/adapt.h"
#include "client/wire/printable.h"
#include "file.h"

#include <stdio.h>
#include <string.h>

/* Reports faults as assayd does; with --json as one object. */
static int refuse(const char *path, const struct faults *faults)
{
    char *message CLEANUP_FREE = NULL;

    if (asprintf(&message, "%s is refused, %u fault%s", path, faults->count, faults->count == 1 ? "" : "s") < 0)
        return report_no_memory();
    if (report_is_json()) {
        json_t *list = json_array();

        for (unsigned i = 0; i < faults->count; i++)
            json_array_append_new(list, text_json(faults->text[i]));
        int code = print_object(json_pack("{s:s,s:o,s:o}", "error", "bad_input", "message", text_json(message), "faults", list));

        return code == EXIT_YES ? EXIT_BAD_INPUT : code;
    }
    for (unsigned i = 0; i < faults->count; i++) {
        make_printable(faults->text[i]);
        fprintf(stderr, "%s\n", faults->text[i]);
    }
    return report_bad_input("%s", message);
}

static bool same_places(const struct claim_places *one, const struct claim_places *other)
{
    bool same = one->count == other->count;

    for (unsigned i = 0; same && i < one->count; i++) {
        const struct claim_place *a = &one->list[i], *b = &other->list[i];

        same = text_is(a->pointer, b->pointer.at, b->pointer.bytes) && a->names == b->names && a->separator == b->separator;
    }
    return same;
}

/* Makes one issuer with the names of all issuers and the settings of the first. False if another issuer has other settings, or there is
   no memory. */
static bool unite_issuers(const struct config *config, struct issuer *any)
{
    unsigned names = 0;

    for (unsigned i = 0; i < config->issuer_count; i++)
        names += config->issuers[i].rules.names.count;
    any->names.list = calloc(names + 1, sizeof *any->names.list);
    for (unsigned i = 0; any->names.list != NULL && i < config->issuer_count; i++) {
        const struct issuer *issuer = &config->issuers[i].rules;

        if (i == 0) {
            any->roles = issuer->roles;
            any->scopes = issuer->scopes;
        }
        any->numeric_claims |= issuer->numeric_claims;
        if (!same_places(&any->roles, &issuer->roles) || !same_places(&any->scopes, &issuer->scopes))
            return false;
        for (unsigned k = 0; k < issuer->names.count; k++)
            any->names.list[any->names.count++] = issuer->names.list[k];
    }
    return any->names.list != NULL;
}

int policy_file_open(struct policy_file *file, const char *path, const char *config_path)
{
    struct faults faults CLEANUP(faults_clear) = {0};

    if (path == NULL)
        return report_bad_input("a policy FILE is needed");
    if (config_path != NULL) {
        file->config = config_load(config_path, &faults);
        if (file->config == NULL)
            return refuse(config_path, &faults);
        file->issuers_differ = !unite_issuers(file->config, &file->any);
    }
    file->policy = policy_load(path, file->config, &faults);
    return file->policy != NULL ? 0 : refuse(path, &faults);
}

void policy_file_close(struct policy_file *file)
{
    policy_drop(file->policy);
    config_drop(file->config);
    free(file->any.names.list);
}

json_t *policy_warnings(const struct policy_file *file)
{
    const struct faults *warnings = &file->policy->warnings;
    json_t *list = report_is_json() ? json_array() : NULL;

    for (unsigned i = 0; i < warnings->count; i++) {
        if (report_is_json()) {
            json_array_append_new(list, text_json(warnings->text[i]));
        } else {
            make_printable(warnings->text[i]);
            fprintf(stderr, "%s (a warning)\n", warnings->text[i]);
        }
    }
    return list;
}

static const struct issuer *find_issuer(const struct config *config, struct text name)
{
    for (unsigned i = 0; i < config->issuer_count; i++)
        if (texts_have(&config->issuers[i].rules.names, name.at, name.bytes))
            return &config->issuers[i].rules;
    return NULL;
}

/* Converts numbers as the agent does before it asks the policy. */
static void use_settings(struct bearer *bearer, const struct issuer *issuer)
{
    if (issuer == NULL || issuer->numeric_claims == 0 || bearer->claims.bytes > sizeof bearer->wire)
        return;
    memcpy(bearer->wire, bearer->claims.wire, bearer->claims.bytes);
    claims_index(&bearer->claims, bearer->wire, bearer->claims.bytes);
    (void)adapt_numbers(&bearer->claims, issuer->numeric_claims, bearer->wire, sizeof bearer->wire);
}

/* The agent refuses a token of an issuer that is not configured or is in shadow mode; then the policy is asked without a token. */
void bearer_init(struct bearer *bearer, const struct policy_file *file, const uint8_t *wire, size_t bytes, struct ask *ret_ask)
{
    *ret_ask = (struct ask){.why_no_token = REASON_NO_TOKEN};
    if (wire == NULL)
        return;
    claims_index(&bearer->claims, wire, bytes);
    struct wire_item iss = claim_item(&bearer->claims, CLAIM_ISS);

    bearer->name = (struct text){iss.str, iss.count};
    bearer->made = (struct issuer){.names = {&bearer->name, 1}};
    ret_ask->claims = &bearer->claims;
    if (!claims_have(&bearer->claims, CLAIM_ISS)) {
        ret_ask->issuer = file->config != NULL && !file->issuers_differ ? &file->any : NULL;
        use_settings(bearer, ret_ask->issuer);
        return;
    }
    ret_ask->why_no_token = iss.type == WIRE_STR ? REASON_UNKNOWN_ISSUER : REASON_BAD_CLAIM;
    if (iss.type == WIRE_STR)
        ret_ask->issuer = file->config != NULL ? find_issuer(file->config, bearer->name) : &bearer->made;
    if (ret_ask->issuer == NULL || ret_ask->issuer->shadow) {
        ret_ask->claims = NULL;
        ret_ask->issuer = NULL;
    }
    use_settings(bearer, ret_ask->issuer);
}

char *ruling_words(const struct ruling *ruling)
{
    const char *rule = ruling->rule != NULL ? ruling->rule->name : NULL;
    char *words = NULL;
    int printed;

    if (ruling->allow)
        printed = asprintf(&words, "allow%s%s", rule != NULL ? ", rule " : "", rule != NULL ? rule : "");
    else
        printed = asprintf(&words, "%u, %s%s%s", ruling->status, reason_name(ruling->reason), rule != NULL ? ", rule " : "",
                           rule != NULL ? rule : "");
    return printed < 0 ? NULL : words;
}

json_t *text_json(const char *text)
{
    json_t *json = json_string(text);

    if (json != NULL)
        return json;
    char *printable CLEANUP_FREE = strdup(text);

    if (printable == NULL)
        return NULL;
    make_printable(printable);
    return json_string(printable);
}

json_t *ruling_json(const struct ruling *ruling)
{
    return json_pack("{s:b,s:i,s:s?,s:o}", "allow", ruling->allow, "status", (int)ruling->status, "reason",
                     ruling->allow ? NULL : reason_name(ruling->reason), "rule",
                     ruling->rule != NULL ? text_json(ruling->rule->name) : json_null());
}

int print_object(json_t *object)
{
    json_t *mine OWNED_JSON = object;

    if (mine == NULL)
        return report_no_memory();
    json_dumpf(mine, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    return report_yes();
}
