/* assay selftest: starts a temporary agent, attacks it, and prints the results. */
#include <stdio.h>
#include <string.h>

#include "client/cli/owned.h"
#include "client/wire/cleanup.h"
#include "selftest.h"

#define NAME_WIDTH  30
#define TRIED_WIDTH 58

static const char *name_of_status(int status)
{
    switch (status) {
#define CASE(number, name, word, text)                                                                                             \
    case ASSAY_E_##name:                                                                                                           \
        return "(" text ")";
        ASSAY_STATUSES(CASE)
#undef CASE
#define CASE(number, name, wire, text)                                                                                             \
    case ASSAY_E_##name:                                                                                                           \
        return "(" wire ")";
        ASSAY_WIRE_ERRORS(CASE)
#undef CASE
    default:
        return "(no such status)";
    }
}

/* A static copy of a reason's name, for the reasons of this version. */
static const char *stay(const char *reason)
{
#define SAME(name, wire, text)                                                                                                     \
    if (strcmp(reason, wire) == 0)                                                                                                 \
        return wire;
    ASSAY_REASONS(SAME)
#undef SAME
    return "(a reason that this version does not know)";
}

static const char *outcome(int status, const struct assay_verdict *verdict, const char *yes)
{
    if (status == 0)
        return yes;
    return status == ASSAY_E_REFUSED ? stay(assay_verdict_reason(verdict)) : name_of_status(status);
}

const char *test_verify(struct test_bed *bed, const char *token, size_t bytes, const char *audience)
{
    struct assay_verdict *verdict = NULL;
    int status = assay_verify(bed->assay, token, bytes, audience, &verdict);
    const char *said = outcome(status, verdict, "accepted");

    assay_verdict_free(verdict);
    return said;
}

const char *test_authorize(struct test_bed *bed, const char *token, size_t bytes, const char *action, const char *resource)
{
    struct assay_verdict *verdict = NULL;
    int status = assay_authorize(bed->assay, token, bytes, TEST_AUDIENCE, action, resource, &verdict);
    const char *said = outcome(status, verdict, "allowed");

    assay_verdict_free(verdict);
    return said;
}

static bool is_among(const char *expected, const char *answered)
{
    size_t bytes = strlen(answered);

    for (const char *at = expected; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, answered, bytes) == 0 && (at[bytes] == '|' || at[bytes] == '\0'))
            return true;
    }
    return false;
}

static void print_row(struct test_report *report, const char *group, const char *name, const char *tried, const char *expected,
                      const char *answered, bool passed)
{
    if (report->group == NULL || strcmp(report->group, group) != 0)
        printf("%s%s\n", report->group != NULL ? "\n" : "", group);
    report->group = group;
    printf("  %s  %-*s  %-*s  %s", passed ? "ok  " : "FAIL", NAME_WIDTH, name, TRIED_WIDTH, tried, answered);
    printf(passed ? "\n" : ", expected %s\n", expected);
}

int report_attack(struct test_report *report, const char *group, const char *name, const char *tried, const char *expected,
                  const char *answered)
{
    bool passed = is_among(expected, answered);

    report->passed += passed;
    report->failed += !passed;
    if (!report->json) {
        print_row(report, group, name, tried, expected, answered, passed);
        return 0;
    }
    json_t *row = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b}", "group", group, "name", name, "tried", tried, "expected", expected, "answered",
                            answered, "passed", passed);

    return json_array_append_new(report->rows, row) == 0 ? 0 : report_no_memory();
}

static int tell(const struct test_bed *bed, const struct test_report *report)
{
    unsigned all = report->passed + report->failed;

    if (report->json) {
        json_t *told OWNED_JSON = json_pack("{s:s,s:i,s:i,s:O}", "agent", bed->program, "passed", (int)report->passed, "failed",
                                            (int)report->failed, "attacks", report->rows);

        if (told == NULL)
            return report_no_memory();
        json_dumpf(told, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (report->failed == 0) {
        printf("\nall %u answers are as expected\n", all);
    }
    int code = report_yes();

    if (code != EXIT_YES || report->failed == 0)
        return code;
    return report->json ? EXIT_NO : report_no("selftest_failed", "%u of %u answers are not as expected", report->failed, all);
}

static int attack(struct test_bed *bed, struct test_report *report)
{
    struct forge forge CLEANUP(forge_close) = {0};
    int code = bed_make(bed);

    if (code == 0)
        code = forge_open(&forge, bed);
    if (code == 0)
        code = bed_start(bed);
    if (code == 0 && !report->json)
        printf("The known attacks on JWT verifiers, on %s\n\n", bed->program);
    if (code == 0)
        code = attack_with_tokens(bed, &forge, report);
    if (code == 0)
        code = attack_neighbours(bed, &forge, report);
    if (code == 0)
        code = attack_policy(bed, &forge, report);
    return code;
}

int command_selftest(const struct command *self, int argc, char **argv)
{
    struct test_bed bed CLEANUP(bed_clear) = {.bait = -1};
    json_t *rows OWNED_JSON = json_array();
    struct test_report report = {.rows = rows};
    const char *agent = NULL;
    const struct option_spec options[] = {
        {"agent", OPTION_TEXT, &agent, "PATH", "the assayd to attack (else the one installed with this program, or in $PATH)"},
        OPTION_JSON(report.json),
    };
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    if (rows == NULL)
        return report_no_memory();
    code = bed_find(&bed, agent);
    if (code == 0)
        code = attack(&bed, &report);
    return code != 0 ? code : tell(&bed, &report);
}
