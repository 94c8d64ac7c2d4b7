/* assay inspect --batch: reads JSON lines and answers each, for test vectors and to compare verifiers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/wire/when.h"
#include "inspect.h"
#include "inspection.h"
#include "owned.h"
#include "report.h"

/* One line. A token above the agent's limit must still fit, because the answer to it is too_large. */
#define LINE_BYTES_MAX (4 * 1024 * 1024)

/* Consecutive lines often have the same keys. */
struct batch {
    struct inspector inspector;
    char *keys_text;
    struct keyset *keys;
};

static void batch_fini(struct batch *batch)
{
    inspector_fini(&batch->inspector);
    keyset_drop(batch->keys);
    free(batch->keys_text);
}

/* A key set that cannot be used is not an error of the line: its tokens have an unknown key. False: no memory. */
static bool use_keys(struct batch *batch, const json_t *set)
{
    char why[KEYSET_WHY_BYTES];
    char *text = json_dumps(set, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text == NULL)
        return false;
    if (batch->keys_text != NULL && strcmp(batch->keys_text, text) == 0) {
        free(text);
        return true;
    }
    keyset_drop(batch->keys);
    free(batch->keys_text);
    batch->keys_text = text;
    batch->keys = keyset_parse(text, strlen(text), NULL, why);
    return true;
}

static struct text text_of(const json_t *string)
{
    return (struct text){json_string_value(string), json_string_length(string)};
}

/* "now": Unix seconds as a number, or a time as on the command line. False: neither. */
static bool read_now(const json_t *now, double *ret_now)
{
    int64_t seconds;

    if (now == NULL)
        *ret_now = (double)time(NULL);
    else if (json_is_number(now))
        *ret_now = json_number_value(now);
    else if (json_is_string(now) && parse_time(json_string_value(now), &seconds))
        *ret_now = (double)seconds;
    else
        return false;
    return true;
}

static bool is_string_if_there(const json_t *line, const char *name)
{
    const json_t *value = json_object_get(line, name);

    return value == NULL || json_is_string(value);
}

/* What is wrong with a line, or NULL. */
static const char *read_line(const json_t *line, struct inspection *ret_inspection)
{
    const json_t *jws = json_object_get(line, "jws");

    if (!json_is_object(line))
        return "it is not a JSON object";
    if (!json_is_string(json_object_get(line, "token")))
        return "\"token\" must be a string";
    if (json_object_get(line, "keys") == NULL)
        return "\"keys\" is missing";
    if (!is_string_if_there(line, "issuer") || !is_string_if_there(line, "audience"))
        return "\"issuer\" and \"audience\" must be strings";
    if (jws != NULL && !json_is_boolean(jws))
        return "\"jws\" must be true or false";
    if (!read_now(json_object_get(line, "now"), &ret_inspection->now))
        return "\"now\" must be Unix seconds";
    ret_inspection->token = text_of(json_object_get(line, "token"));
    ret_inspection->issuer = text_of(json_object_get(line, "issuer"));
    ret_inspection->audience = text_of(json_object_get(line, "audience"));
    ret_inspection->jws = json_is_true(jws);
    return NULL;
}

static int print_answer(json_t *id, enum outcome outcome, enum reason reason)
{
    json_t *answer OWNED_JSON = json_pack("{s:O?,s:b,s:s?}", "id", id, "active", outcome == OUTCOME_ACCEPTED, "reason",
                                          outcome == OUTCOME_ACCEPTED ? NULL : reason_name(reason));

    if (answer == NULL)
        return report_no_memory();
    json_dumpf(answer, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    return report_yes(); /* flushed at once: the program that writes the lines may wait for each answer */
}

/* Counts the members of the outermost object as written, including duplicate names. The text is known to be JSON. */
static size_t count_members(const char *text, size_t bytes)
{
    size_t commas = 0;
    unsigned depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < bytes; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '{' || text[i] == '['))
            depth++;
        else if (!quoted && (text[i] == '}' || text[i] == ']'))
            depth--;
        else if (!quoted && depth == 1 && text[i] == ',')
            commas++;
    }
    return commas + 1;
}

/* A duplicate name in the line itself leaves open what is asked, so the line is refused. A duplicate name inside the key set makes it a
   set that the agent refuses: *ret_ambiguous. */
static json_t *parse_line(const char *text, size_t bytes, bool *ret_ambiguous, json_error_t *ret_fault)
{
    json_t *line = json_loadb(text, bytes, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, ret_fault);
    json_error_t as_told;

    *ret_ambiguous = false;
    if (line != NULL || json_error_code(ret_fault) != json_error_duplicate_key)
        return line;
    line = json_loadb(text, bytes, JSON_ALLOW_NUL, &as_told);
    if (json_is_object(line) && json_object_size(line) == count_members(text, bytes)) {
        *ret_ambiguous = true;
        return line;
    }
    json_decref(line);
    return NULL;
}

static int answer_line(struct batch *batch, const char *text, size_t bytes, unsigned long number)
{
    json_error_t fault;
    bool ambiguous;
    json_t *line OWNED_JSON = parse_line(text, bytes, &ambiguous, &fault);
    struct inspection inspection = {0};
    enum reason reason = REASON_NONE;

    if (line == NULL)
        return report_bad_input("line %lu: not JSON: %s", number, fault.text);
    const char *wrong = read_line(line, &inspection);

    if (wrong != NULL)
        return report_bad_input("line %lu: %s", number, wrong);
    if (!ambiguous && !use_keys(batch, json_object_get(line, "keys")))
        return report_no_memory();
    if (ambiguous || batch->keys == NULL)
        return print_answer(json_object_get(line, "id"), OUTCOME_REFUSED, REASON_UNKNOWN_KEY);
    inspection.keys = batch->keys;
    enum outcome outcome = inspect(&batch->inspector, &inspection, &reason);

    if (outcome == OUTCOME_UNDECIDED)
        return report_undecided("internal", "line %lu: undecided; out of memory?", number);
    return print_answer(json_object_get(line, "id"), outcome, reason);
}

int inspect_batch(void)
{
    struct batch batch CLEANUP(batch_fini) = {0};
    char *line CLEANUP_FREE = NULL;
    size_t room = 0;
    ssize_t bytes;

    if (!inspector_init(&batch.inspector))
        return report_no_memory();
    for (unsigned long number = 1; (bytes = getline(&line, &room, stdin)) >= 0; number++) {
        if (bytes == 1 && line[0] == '\n')
            continue;
        if (bytes > LINE_BYTES_MAX)
            return report_bad_input("line %lu: longer than %d bytes", number, LINE_BYTES_MAX);
        int code = answer_line(&batch, line, (size_t)bytes, number);

        if (code != 0)
            return code;
    }
    return report_yes();
}
