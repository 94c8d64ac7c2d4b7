/* assay policy explain: prints every rule in the file's order, and the first condition of it that does not hold. */
#include <stdio.h>
#include <string.h>

#include "agent/base/limits.h"
#include "agent/policy/granted.h"
#include "agent/token/json.h"
#include "client/wire/printable.h"
#include "file.h"
#include "why.h"

struct explanation {
    struct policy_file file;
    uint8_t *wire; /* the claims */
    struct bearer bearer;
    const char *asked; /* the resource as it was given */
    struct resource resource;
    struct ask ask;
};

static void explanation_fini(struct explanation *explanation)
{
    policy_file_close(&explanation->file);
    free(explanation->wire);
}

static json_t *rule_json(const struct rule *rule, enum fit fit, const char *words)
{
    return json_pack("{s:o,s:i,s:i,s:s,s:s,s:s,s:o}", "rule", text_json(rule->name), "line", (int)rule->place.line, "column",
                     (int)rule->place.column, "effect", rule->deny ? "deny" : "allow", "mode", rule->shadow ? "shadow" : "enforce",
                     "fit", policy_fit_name(fit), "why", text_json(words));
}

/* The resource in the form that rules are compared with; the caller frees it. NULL: the resource is refused. */
static char *normalized(const struct explanation *explanation)
{
    const struct resource *resource = explanation->ask.resource;
    char *text = NULL;
    size_t bytes;
    FILE *out = resource != NULL ? open_memstream(&text, &bytes) : NULL;

    if (out == NULL)
        return NULL;
    fputs(resource->count == 0 ? "/" : "", out);
    for (unsigned i = 0; i < resource->count; i++) {
        fputc('/', out);
        for (size_t k = 0; k < resource->segments[i].bytes; k++) {
            char c = resource->segments[i].at[k];

            if (c == '/')
                fputs("%2F", out);
            else
                fputc(c, out);
        }
    }
    fclose(out);
    return text;
}

static void add_name(void *list, const char *at, size_t bytes)
{
    json_array_append_new(list, json_stringn(at, bytes));
}

/* Counts from 1, as editors do. */
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

/* Collects roles and scopes from the claims, at the places that the issuer's settings name. */
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
        printf("resource: refused; byte %zu: %s\n", fault_byte(explanation), explanation->resource.fault);
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
    char *words CLEANUP_FREE = policy_why(explanation->file.policy, &explanation->ask, rule, fit);
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

    /* A resource that is refused is refused before any rule is looked at. */
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

/* Reads the claims under the same rules as a token's payload. */
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
        return report_bad_input("--claims: this is not a JSON object that a token can have (byte %zu: %s); write for example "
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
        {"claims", OPTION_TEXT, &claims, "JSON", "the token's claims (else there is no token)"},
        {"action", OPTION_TEXT, &action, "A", "the action: a request's method"},
        {"resource", OPTION_TEXT, &resource, "R", "the resource: a request's path, as the client sent it"},
    };
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    if (action == NULL || resource == NULL)
        return report_bad_input("--action and --resource are needed: a request's method and its path");
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
