/* assay policy explain: every rule, in the file's order, and the first thing that it fails by. */
#include <stdio.h>
#include <string.h>

#include "agent/limits.h"
#include "agent/policy/granted.h"
#include "agent/policy/pattern.h"
#include "agent/token/json.h"
#include "agent/token/pointer.h"
#include "policy_file.h"

/* Of a list in one line. */
#define LIST_SHOWN_MAX 8

struct explanation {
    struct policy_file file;
    uint8_t *wire; /* the claims */
    struct bearer bearer;
    const char *asked; /* the resource as it was written */
    struct resource resource;
    struct ask ask;
};

static void explanation_fini(struct explanation *explanation)
{
    policy_file_close(&explanation->file);
    free(explanation->wire);
}

static void put_item(FILE *out, unsigned at, const char *text, size_t bytes)
{
    if (at < LIST_SHOWN_MAX)
        fprintf(out, "%s%.*s", at > 0 ? ", " : "", (int)bytes, text);
    else if (at == LIST_SHOWN_MAX)
        fputs(", …", out);
}

static void put_texts(FILE *out, const struct texts *texts)
{
    for (unsigned i = 0; i < texts->count; i++)
        put_item(out, i, texts->list[i].at, texts->list[i].bytes);
}

static void put_names(FILE *out, const struct name_set *set, const struct name_table *table)
{
    unsigned at = 0;

    for (unsigned i = 0; i < table->count; i++)
        if (name_set_has(set, i))
            put_item(out, at++, table->names[i].at, table->names[i].bytes);
}

static bool is_number(const struct wire_item *item)
{
    return item->type == WIRE_UINT || item->type == WIRE_INT || item->type == WIRE_DOUBLE;
}

/* Where `5` and `"5"` look alike to people, and never are to the agent. */
static void put_type(FILE *out, const struct claim_rule *wanted, const struct claims *claims)
{
    struct wire_cursor value;
    struct wire_item item;
    bool texts = true, numbers = true;

    if (!claims_find(claims, wanted->claim, &value)) {
        fputs("; the token has no such claim", out);
        return;
    }
    for (unsigned i = 0; i < wanted->count; i++) {
        texts &= wanted->kinds[i] == VALUE_TEXT;
        numbers &= wanted->kinds[i] == VALUE_NUMBER;
    }
    if (wire_next(&value, &item) == WIRE_OK && texts && is_number(&item))
        fputs("; the token has a number, compared with a text: leave the quotation marks out", out);
    else if (numbers && item.type == WIRE_STR)
        fputs("; the token has a text, compared with a number: put the number into quotation marks", out);
}

/* Claims of a rule's patterns that can never fill their segment. */
static void put_numbers(FILE *out, const struct rule *rule, const struct claims *claims)
{
    for (unsigned i = 0; i < rule->patterns.count; i++) {
        struct text pattern = rule->patterns.list[i];

        while (pattern.bytes > 1) {
            struct text segment = pattern_cut(&pattern);
            struct wire_cursor value;
            struct wire_item item;

            if (!segment_is_claim(segment))
                continue;
            struct text name = segment_claim(segment);

            if (claim_find(claims, name, &value) && wire_next(&value, &item) == WIRE_OK && item.type == WIRE_DOUBLE)
                fprintf(out, "; the token's %.*s is no whole number, and only a text or a whole number fills {%.*s}", (int)name.bytes, name.at,
                        (int)name.bytes, name.at);
        }
    }
}

/* The first condition that does not hold, with the values that would do. */
static void put_claim(FILE *out, const struct rule *rule, const struct claims *claims)
{
    for (unsigned i = 0; i < rule->claim_count; i++) {
        const struct claim_rule *wanted = &rule->claims[i];

        if (claim_rule_holds(claims, wanted))
            continue;
        fprintf(out, "the claim %.*s is none of: ", (int)wanted->claim.bytes, wanted->claim.at);
        for (unsigned k = 0; k < wanted->count; k++)
            put_item(out, k, wanted->texts[k].at, wanted->texts[k].bytes);
        put_type(out, wanted, claims);
        return;
    }
}

static void put_applies(FILE *out, const struct rule *rule)
{
    fputs(rule->anonymous ? "applies, with a token or without" : "applies", out);
    if (rule->shadow)
        fputs("; in shadow mode it is counted and decides nothing", out);
}

/* False: it has nothing in it that the rule does not keep. */
static bool put_not_kept(FILE *out, const struct resource *resource, const struct rule *rule)
{
    unsigned missing = resource != NULL && !rule->deny ? resource->kept & ~rule->keeps : 0;

    if ((missing & RESOURCE_SLASH) != 0)
        fputs("the resource has a `%2F`, and the rule does not say `encoded_slash: keep`", out);
    else if ((missing & RESOURCE_SEMICOLON) != 0)
        fputs("the resource has a `;`, and the rule does not say `semicolon: keep`", out);
    return missing != 0;
}

static void put_fit(FILE *out, const struct explanation *explanation, const struct rule *rule, enum fit fit)
{
    const struct policy *policy = explanation->file.policy;

    switch (fit) {
    case FIT_APPLIES:
        put_applies(out, rule);
        break;
    case FIT_ACTION:
        fputs("the action is none of: ", out);
        put_texts(out, &rule->actions);
        break;
    case FIT_RESOURCE:
        if (put_not_kept(out, explanation->ask.resource, rule))
            break;
        fputs("the resource matches none of: ", out);
        put_texts(out, &rule->patterns);
        if (explanation->ask.claims != NULL)
            put_numbers(out, rule, explanation->ask.claims);
        break;
    case FIT_TOKEN:
        fputs("there is no good token", out);
        break;
    case FIT_ISSUER:
        fputs("the issuer is none of: ", out);
        put_texts(out, &rule->issuers);
        break;
    case FIT_AUDIENCE:
        fputs("the token's audience is none of: ", out);
        put_texts(out, &rule->audiences);
        break;
    case FIT_CLAIMS:
        put_claim(out, rule, explanation->ask.claims);
        break;
    case FIT_ROLES:
        fputs("the holder has none of the roles: ", out);
        put_names(out, rule->roles, &policy->roles);
        break;
    case FIT_SCOPES:
        fputs("the token has not all of the scopes: ", out);
        put_names(out, rule->scopes, &policy->scopes);
        break;
    }
}

static const char *fit_name(enum fit fit)
{
    static const char *const names[] = {
        [FIT_APPLIES] = "applies", [FIT_ACTION] = "action", [FIT_RESOURCE] = "resource", [FIT_TOKEN] = "token",
        [FIT_ISSUER] = "issuer",   [FIT_AUDIENCE] = "audience", [FIT_CLAIMS] = "claims", [FIT_ROLES] = "roles",
        [FIT_SCOPES] = "scopes",
    };

    return names[fit];
}

/* To be freed; NULL: no memory. */
static char *why(const struct explanation *explanation, const struct rule *rule, enum fit fit)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    if (out == NULL)
        return NULL;
    put_fit(out, explanation, rule, fit);
    fclose(out);
    return text;
}

static json_t *rule_json(const struct rule *rule, enum fit fit, const char *words)
{
    return json_pack("{s:o,s:i,s:i,s:s,s:s,s:s,s:o}", "rule", text_json(rule->name), "line", (int)rule->place.line, "column",
                     (int)rule->place.column, "effect", rule->deny ? "deny" : "allow", "mode", rule->shadow ? "shadow" : "enforce",
                     "fit", fit_name(fit), "why", text_json(words));
}

/* The resource as it is compared; NULL: it is none. To be freed. */
static char *normalized(const struct explanation *explanation)
{
    const struct resource *resource = explanation->ask.resource;
    char *text = NULL;
    size_t bytes;
    FILE *out = resource != NULL ? open_memstream(&text, &bytes) : NULL;

    if (out == NULL)
        return NULL;
    fputs(resource->count == 0 ? "/" : "", out);
    for (unsigned i = 0; i < resource->count; i++)
        fprintf(out, "/%.*s", (int)resource->segments[i].bytes, resource->segments[i].at);
    fclose(out);
    return text;
}

static void add_name(void *list, const char *at, size_t bytes)
{
    json_array_append_new(list, json_stringn(at, bytes));
}

/* From 1, as editors count. */
static size_t fault_byte(const struct explanation *explanation)
{
    return (size_t)(explanation->resource.fault_at - explanation->asked) + 1;
}

static void add_warning(json_t *warnings, const struct claim_places *places, const char *what)
{
    char text[GRANTED_WARNING_BYTES];

    if (granted_warning(places, what, text))
        json_array_append_new(warnings, text_json(text));
}

/* What the claims say, where the issuer's settings look for it. */
static int gather(const struct explanation *explanation, json_t *answer)
{
    char *resource CLEANUP_FREE = normalized(explanation);
    json_t *roles = json_array(), *scopes = json_array(), *warnings = json_array();

    if (explanation->ask.claims != NULL) {
        each_role(explanation->ask.claims, explanation->ask.issuer, add_name, roles);
        each_scope(explanation->ask.claims, explanation->ask.issuer, add_name, scopes);
    }
    if (explanation->ask.issuer != NULL) {
        add_warning(warnings, &explanation->ask.issuer->roles, "roles");
        add_warning(warnings, &explanation->ask.issuer->scopes, "scopes");
    }
    int failed = json_object_set_new(answer, "resource", resource != NULL ? text_json(resource) : json_null());

    if (explanation->ask.resource == NULL)
        failed |= json_object_set_new(answer, "resource_fault",
                                      json_pack("{s:I,s:s}", "byte", (json_int_t)fault_byte(explanation), "why", explanation->resource.fault));
    failed |= json_object_set_new(answer, "token", json_boolean(explanation->ask.claims != NULL));
    failed |= json_object_set_new(answer, "roles", roles);
    failed |= json_object_set_new(answer, "warnings", warnings);
    return failed | json_object_set_new(answer, "scopes", scopes);
}

static void print_text(const char *before, const json_t *value)
{
    char *text CLEANUP_FREE = strdup(json_string_value(value));

    if (text != NULL)
        make_printable(text);
    printf("%s%s", before, text != NULL ? text : "?");
}

static void print_warnings(const json_t *warnings)
{
    size_t i;
    json_t *warning;

    json_array_foreach(warnings, i, warning)
    {
        print_text("warning: ", warning);
        puts("");
    }
}

static void print_names(const char *what, const json_t *names)
{
    size_t i;
    json_t *name;

    printf("%s:", what);
    json_array_foreach(names, i, name)
        print_text(i > 0 ? ", " : " ", name);
    puts(json_array_size(names) == 0 ? " -" : "");
}

static void print_gathered(const struct explanation *explanation, const json_t *gathered)
{
    const char *resource = json_string_value(json_object_get(gathered, "resource"));
    char *text CLEANUP_FREE = resource != NULL ? strdup(resource) : NULL;

    if (text != NULL)
        make_printable(text);
    if (text != NULL)
        printf("resource: %s\n", text);
    else
        printf("resource: none that anybody may ask for; byte %zu: %s\n", fault_byte(explanation), explanation->resource.fault);
    if (explanation->ask.claims == NULL) {
        printf("token: none, %s\n", reason_name(explanation->ask.why_no_token));
        return;
    }
    print_names("roles", json_object_get(gathered, "roles"));
    print_names("scopes", json_object_get(gathered, "scopes"));
    print_warnings(json_object_get(gathered, "warnings"));
}

/* `list`: with --json. */
static int explain_rule(const struct explanation *explanation, const struct rule *rule, json_t *list)
{
    enum fit fit = policy_fit(explanation->file.policy, rule, &explanation->ask);
    char *words CLEANUP_FREE = why(explanation, rule, fit);
    char *line CLEANUP_FREE = NULL;

    if (words == NULL)
        return report_no_memory();
    if (list != NULL)
        return json_array_append_new(list, rule_json(rule, fit, words)) == 0 ? 0 : report_no_memory();
    if (asprintf(&line, "%s:%u:%u: %s%s: %s", rule->place.file, rule->place.line, rule->place.column, rule->deny ? "deny " : "",
                 rule->name, words) < 0)
        return report_no_memory();
    make_printable(line);
    puts(line);
    return 0;
}

static int tell_ruling(const struct ruling *ruling)
{
    char *words CLEANUP_FREE = ruling_words(ruling);

    if (words == NULL)
        return report_no_memory();
    make_printable(words);
    printf("decision: %s\n", words);
    int code = report_yes();

    if (code != EXIT_YES || ruling->allow)
        return code;
    return report_no(reason_name(ruling->reason), "denied, %s", words);
}

static int explain(const struct explanation *explanation)
{
    const struct policy *policy = explanation->file.policy;
    json_t *warnings OWNED_JSON = policy_warnings(&explanation->file);
    json_t *rules OWNED_JSON = report_is_json() ? json_array() : NULL;
    json_t *gathered OWNED_JSON = json_object();
    int code = 0;

    if (gathered == NULL || gather(explanation, gathered) != 0)
        return report_no_memory();
    if (rules == NULL)
        print_gathered(explanation, gathered);

    /* What is no resource is refused before any rule is looked at. */
    for (unsigned i = 0; code == 0 && explanation->ask.resource != NULL && i < policy->rule_count; i++)
        code = explain_rule(explanation, &policy->rules[i], rules);
    if (code != 0)
        return code;
    struct ruling ruling = policy_decide(policy, &explanation->ask);

    if (rules == NULL)
        return tell_ruling(&ruling);
    json_t *answer = ruling_json(&ruling);

    json_object_update(answer, gathered);
    json_object_set(answer, "rules", rules);
    json_object_set(answer, "warnings", warnings);
    code = print_object(answer);
    return code == EXIT_YES && !ruling.allow ? EXIT_NO : code;
}

/* Under the same rules as a token's payload. */
static int read_claims(const char *text, uint8_t **ret_wire, size_t *ret_bytes)
{
    size_t bytes = strlen(text), room = WIRE_BYTES_OF_JSON(bytes);
    uint8_t *wire CLEANUP_FREE = malloc(room);
    struct wire_writer writer;
    struct json_fault fault;

    if (wire == NULL)
        return report_no_memory();
    if (bytes > TOKEN_BYTES_MAX)
        return report_bad_input("--claims: longer than the %d bytes that a token may have", TOKEN_BYTES_MAX);
    wire_writer_init(&writer, wire, room);
    if (json_to_wire_or_why(text, bytes, TOKEN_PAYLOAD_DEPTH_MAX, &writer, &fault) < 0)
        return report_bad_input("--claims: this is no JSON object as tokens have them (byte %zu: %s); write for example "
                                "'{\"sub\":\"alice\",\"role\":\"user\"}'",
                                (size_t)(fault.at - text) + 1, fault.why);
    *ret_bytes = wire_written(&writer);
    *ret_wire = take(wire);
    return 0;
}

int command_policy_explain(const struct command *self, int argc, char **argv)
{
    struct explanation explanation CLEANUP(explanation_fini) = {0};
    const char *path = NULL, *config_path = NULL, *claims = NULL, *action = NULL, *resource = NULL;
    bool json = false;
    size_t bytes = 0;
    const struct option_spec options[] = {
        POLICY_OPTIONS(path, config_path, json),
        {"claims", OPTION_TEXT, &claims, "JSON", "what the token says (else there is none)"},
        {"action", OPTION_TEXT, &action, "A", "what is to be done: a request's method"},
        {"resource", OPTION_TEXT, &resource, "R", "to what: a request's path, as it came"},
    };
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    if (action == NULL || resource == NULL)
        return report_bad_input("--action and --resource are needed: what is to be done, and to what");
    if (claims != NULL && (code = read_claims(claims, &explanation.wire, &bytes)) != 0)
        return code;
    if ((code = policy_file_open(&explanation.file, path, config_path)) != 0)
        return code;
    bearer_init(&explanation.bearer, &explanation.file, explanation.wire, bytes, &explanation.ask);
    explanation.ask.action = (struct text){action, strlen(action)};
    explanation.asked = resource;
    if (resource_normalize(resource, strlen(resource), policy_reading(explanation.file.policy), &explanation.resource) == 0)
        explanation.ask.resource = &explanation.resource;
    return explain(&explanation);
}
