/* assay policy test: runs the tests that a policy file has. */
#include <stdio.h>
#include <string.h>

#include "client/wire/printable.h"
#include "file.h"

struct tally {
    const struct policy_file *file;
    unsigned passed, failed;
    json_t *failures, *warnings; /* with --json */
};

static void tally_fini(struct tally *tally)
{
    json_decref(tally->failures);
    json_decref(tally->warnings);
}

static const char *expected_words(unsigned status)
{
    return status == 200 ? "allow" : status == 401 ? "401" : "403";
}

/* Prints a failure as compilers do, so that editors find the place. */
static int tell_failure(struct tally *tally, const struct policy_test *test, const struct ruling *ruling)
{
    char *found CLEANUP_FREE = ruling_words(ruling);
    char *line CLEANUP_FREE = NULL;

    if (found == NULL || asprintf(&line, "%s:%u:%u: %s %s: expected %s, found %s", test->place.file, test->place.line,
                                  test->place.column, test->action.at, test->resource.at, expected_words(test->expect), found) < 0)
        return report_no_memory();
    if (report_is_json())
        return json_array_append_new(tally->failures,
                                     json_pack("{s:o,s:i,s:i,s:o,s:o,s:s,s:o}", "file", text_json(test->place.file), "line",
                                               (int)test->place.line, "column", (int)test->place.column, "action",
                                               text_json(test->action.at), "resource", text_json(test->resource.at), "expected",
                                               expected_words(test->expect), "found", ruling_json(ruling))) == 0
                   ? 0
                   : report_no_memory();
    make_printable(line);
    puts(line);
    return 0;
}

/* If the issuers' settings differ, claims without an issuer have no defined place for roles. */
static void warn_without_issuer(struct tally *tally, const struct policy_test *test, const struct ask *ask)
{
    struct faults warning CLEANUP(faults_clear) = {0};

    if (!tally->file->issuers_differ || ask->claims == NULL || ask->issuer != NULL)
        return;
    fault_add(&warning, test->place,
              "the claims have no `iss`, and the issuers have roles or scopes in different places; the usual claims are read");
    if (warning.count == 0)
        return;
    if (report_is_json())
        json_array_append_new(tally->warnings, text_json(warning.text[0]));
    else
        fprintf(stderr, "%s (a warning)\n", warning.text[0]);
}

static int run_test(struct tally *tally, const struct policy_test *test)
{
    struct bearer bearer;
    struct resource resource;
    struct ask ask;

    bearer_init(&bearer, tally->file, test->claims, test->claims_bytes, &ask);
    warn_without_issuer(tally, test, &ask);
    ask.action = test->action;
    ask.resource = resource_normalize(test->resource.at, test->resource.bytes, policy_reading(tally->file->policy), &resource) == 0 ? &resource : NULL;
    struct ruling ruling = policy_decide(tally->file->policy, &ask);

    if (ruling.status == test->expect) {
        tally->passed++;
        return 0;
    }
    tally->failed++;
    return tell_failure(tally, test, &ruling);
}

static int tell(const struct tally *tally)
{
    int code;

    if (report_is_json()) {
        code = print_object(json_pack("{s:i,s:i,s:O,s:O}", "passed", (int)tally->passed, "failed", (int)tally->failed, "failures",
                                      tally->failures, "warnings", tally->warnings));
        return code == EXIT_YES && tally->failed > 0 ? EXIT_NO : code;
    }
    printf("%u passed, %u failed\n", tally->passed, tally->failed);
    code = report_yes();
    if (code != EXIT_YES || tally->failed == 0)
        return code;
    return report_no("failed", "%u of the policy's %u tests failed", tally->failed, tally->passed + tally->failed);
}

int command_policy_test(const struct command *self, int argc, char **argv)
{
    const char *path = NULL, *config_path = NULL;
    bool json = false;
    const struct option_spec options[] = {POLICY_OPTIONS(path, config_path, json)};
    struct policy_file file CLEANUP(policy_file_close) = {0};
    struct tally tally CLEANUP(tally_fini) = {.file = &file, .failures = json_array()};
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    if ((code = policy_file_open(&file, path, config_path)) != 0)
        return code;
    tally.warnings = policy_warnings(&file);
    for (unsigned i = 0; code == 0 && i < file.policy->test_count; i++)
        code = run_test(&tally, &file.policy->tests[i]);
    return code != 0 ? code : tell(&tally);
}
