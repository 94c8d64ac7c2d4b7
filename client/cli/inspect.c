/* assay inspect: prints each check of a token, and the value that it looked at. */
#include "inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "client/wire/printable.h"
#include "client/wire/utf8.h"
#include "command.h"
#include "form_fault.h"
#include "inspection.h"
#include "owned.h"
#include "token_source.h"

/* The most of a header or payload that one line shows. */
#define SHOWN_BYTES_MAX 400

struct witness {
    struct inspector inspector;
    double now;
    bool json;
    json_t *checks;
};

static void witness_fini(struct witness *witness)
{
    inspector_fini(&witness->inspector);
    json_decref(witness->checks);
}

static void drop_keys(struct keyset **keys)
{
    keyset_drop(*keys);
}

static char *show_text(struct text text)
{
    char *shown = NULL;

    if (text.at == NULL)
        return strdup("absent");
    if (asprintf(&shown, "\"%.*s%s\"", (int)utf8_cut(text.at, text.bytes, SHOWN_BYTES_MAX), text.at, text.bytes > SHOWN_BYTES_MAX ? "…" : "") < 0)
        return NULL;
    return shown;
}

static char *show_json(const uint8_t *json, size_t bytes)
{
    const char *text = (const char *)json;
    char *shown = NULL;

    if (asprintf(&shown, "%.*s%s", (int)utf8_cut(text, bytes, SHOWN_BYTES_MAX), text, bytes > SHOWN_BYTES_MAX ? "…" : "") < 0)
        return NULL;
    return shown;
}

static char *show_claim(const struct token *token, enum claim claim)
{
    struct wire_item item = claim_item(&token->claims, claim);
    char *shown = NULL;
    int printed = -1;

    if (!claims_have(&token->claims, claim))
        return strdup("absent");
    if (item.type == WIRE_STR)
        return show_text((struct text){item.str, item.count});
    if (item.type == WIRE_ARRAY)
        printed = asprintf(&shown, "an array of %" PRIu32, item.count);
    else
        printed = asprintf(&shown, "of another type");
    return printed < 0 ? NULL : shown;
}

/* A time, and how far it is from now. */
static char *show_time(const struct witness *witness, const char *name, double seconds)
{
    char *shown = NULL;
    double away = seconds - witness->now;

    if (seconds < 0)
        return strdup("absent");
    if (asprintf(&shown, "%s %.0f, now %.0f: %.0f s %s", name, seconds, witness->now, away < 0 ? -away : away,
                 away > 0 ? "from now" : "ago") < 0)
        return NULL;
    return shown;
}

static char *show_sizes(const struct token *token)
{
    char *shown = NULL;

    if (asprintf(&shown, "header %zu, payload %zu, signature %zu bytes", token->header_bytes, token->payload_bytes,
                 token->signature_bytes) < 0)
        return NULL;
    return shown;
}

static char *show_size(const struct token *token)
{
    char *shown = NULL;

    return asprintf(&shown, "%zu bytes of at most %d", token->text.bytes, TOKEN_BYTES_MAX) < 0 ? NULL : shown;
}

/* A header or payload. It is shown also if it is not JSON; then the fault comes first. */
static char *show_part(const struct token *token, bool passed, const uint8_t *json, size_t bytes)
{
    char *part CLEANUP_FREE = show_json(json, bytes);

    if (passed)
        return take(part);
    char *fault CLEANUP_FREE = part_fault(token, json, bytes);
    char *shown = NULL;

    if (fault == NULL || part == NULL || asprintf(&shown, "%s: %s", fault, part) < 0)
        return NULL;
    return shown;
}

static char *show_algorithm(const struct token *token)
{
    char names[256] = "";
    char *shown = NULL;
    size_t used = 0;

    if (token->alg != ALG_NONE)
        return strdup(algorithm_facts[token->alg].name);
    for (enum algorithm alg = ALG_NONE + 1; alg < ALG_COUNT && used < sizeof names; alg++)
        used += (size_t)snprintf(names + used, sizeof names - used, " %s", algorithm_facts[alg].name);
    return asprintf(&shown, "\"alg\" is not one of%s (RFC 7515 section 4.1.1)", names) < 0 ? NULL : shown;
}

static char *show_keys(const struct token *token)
{
    char *shown = NULL;
    char *kid CLEANUP_FREE = show_text(token->kid);

    return asprintf(&shown, "kid %s: %u of the set's keys", kid != NULL ? kid : "?", token->key_count) < 0 ? NULL : shown;
}

/* The value that a check looked at; the caller frees it. NULL: nothing to show. Headers and payloads may have any bytes, so the caller
   must use make_printable(). */
static char *show(const struct witness *witness, const char *check, bool passed, const struct token *token)
{
    const struct token_room *room = witness->inspector.room;

    if (strcmp(check, "size") == 0)
        return show_size(token);
    if (strcmp(check, "segments") == 0)
        return passed ? show_sizes(token) : segments_fault(token->text);
    if (strcmp(check, "header") == 0)
        return show_part(token, passed, room->header_json, token->header_bytes);
    if (strcmp(check, "payload") == 0)
        return show_part(token, passed, room->payload_json, token->payload_bytes);
    if (strcmp(check, "algorithm known") == 0)
        return show_algorithm(token);
    if (strcmp(check, "crit") == 0)
        return strdup(passed ? "absent" : "present: the agent understands no extension, and must refuse the token (RFC 7515 section 4.1.11)");
    if (strcmp(check, "issuer") == 0)
        return passed || claims_have(&token->claims, CLAIM_ISS) ? show_claim(token, CLAIM_ISS) : strdup(issuer_absent);
    if (strcmp(check, "claim types") == 0 && !passed)
        return types_fault(token);
    if (strcmp(check, "typ") == 0)
        return show_text(token->typ);
    if (strcmp(check, "key") == 0)
        return show_keys(token);
    if (strcmp(check, "audience") == 0)
        return show_claim(token, CLAIM_AUD);
    if (strcmp(check, "exp") == 0)
        return show_time(witness, "exp", token->exp);
    if (strcmp(check, "nbf and iat") == 0)
        return token->nbf > token->iat ? show_time(witness, "nbf", token->nbf) : show_time(witness, "iat", token->iat);
    if (strcmp(check, "revocation") == 0)
        return strdup("not looked up: only an agent has the revocations");
    return NULL;
}

static const char *meaning(enum reason reason)
{
    static const char *const texts[REASON_COUNT] = {"",
#define TEXT(name, wire, text) text,
                                                    ASSAY_REASONS(TEXT)
#undef TEXT
    };

    return texts[reason];
}

static void witness_check(void *context, const char *check, enum outcome outcome, const struct token *token)
{
    struct witness *witness = context;
    bool passed = outcome == OUTCOME_ACCEPTED;
    char *seen CLEANUP_FREE = show(witness, check, passed, token);

    if (seen != NULL)
        make_printable(seen);
    if (witness->json) {
        json_array_append_new(witness->checks, json_pack("{s:s,s:b,s:s?}", "check", check, "passed", passed, "saw", seen));
        return;
    }
    printf("%-18s  %s", check, passed ? "ok" : outcome == OUTCOME_REFUSED ? "REFUSED" : "?");
    printf(seen != NULL ? "%*s%s\n" : "\n", passed ? 7 : 2, "", seen);
}

static int read_keys(const char *path, struct keyset **ret_keys)
{
    int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);
    char *text CLEANUP_FREE = malloc(KEY_FILE_BYTES_MAX + 1);
    char why[KEYSET_WHY_BYTES] = "";
    size_t bytes = 0;
    ssize_t got = 1;

    if (text == NULL)
        return report_no_memory();
    while (fd >= 0 && got > 0 && bytes <= KEY_FILE_BYTES_MAX) {
        got = read(fd, text + bytes, KEY_FILE_BYTES_MAX + 1 - bytes);
        bytes += got > 0 ? (size_t)got : 0;
    }
    if (fd < 0 || got < 0)
        return report_bad_input("--keys %s: %s", path, strerror(errno));
    if (bytes > KEY_FILE_BYTES_MAX)
        return report_bad_input("--keys %s: longer than %d bytes, the most that a key set may have", path, KEY_FILE_BYTES_MAX);
    *ret_keys = keyset_parse(text, bytes, NULL, why);
    explicit_bzero(text, bytes);
    return *ret_keys != NULL ? 0 : report_bad_input("--keys %s: %s", path, why);
}

static int tell(struct witness *witness, enum outcome outcome, enum reason reason)
{
    if (outcome == OUTCOME_UNDECIDED)
        return report_undecided("internal", "undecided; out of memory?");
    bool good = outcome == OUTCOME_ACCEPTED;

    if (witness->json) {
        json_t *answer OWNED_JSON =
            json_pack("{s:b,s:s?,s:O}", "active", good, "reason", good ? NULL : reason_name(reason), "checks", witness->checks);

        if (answer == NULL)
            return report_no_memory();
        json_dumpf(answer, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
        putchar('\n');
    } else if (good) {
        puts("good");
    }
    int code = report_yes();

    if (good || code != EXIT_YES)
        return code;
    return witness->json ? EXIT_NO : report_no(reason_name(reason), "refused: %s: %s", reason_name(reason), meaning(reason));
}

struct asked {
    const char *keys, *issuer, *audience;
    struct token_source source;
    int64_t now;
    bool jws, batch;
};

static int check(const struct asked *asked)
{
    bool one = asked->keys != NULL || asked->issuer != NULL || asked->audience != NULL || asked->source.text != NULL ||
               asked->source.file != NULL || asked->now != NOT_GIVEN || asked->jws;

    if (asked->batch && one)
        return report_bad_input("--batch takes everything from the lines on stdin; leave out the other options");
    if (!asked->batch && asked->keys == NULL)
        return report_bad_input("--keys FILE is needed: the issuer's JWK Set, or its public keys in PEM");
    return 0;
}

static struct text asked_text(const char *text)
{
    return (struct text){text, text != NULL ? strlen(text) : 0};
}

static int inspect_one(const struct asked *asked, bool json)
{
    struct witness witness CLEANUP(witness_fini) = {.json = json, .checks = json_array()};
    struct keyset *keys CLEANUP(drop_keys) = NULL;
    struct token_text token CLEANUP(token_text_clear) = {NULL, 0};
    enum reason reason = REASON_NONE;
    int code = read_keys(asked->keys, &keys);

    if (code == 0)
        code = token_text_read(&asked->source, &token);
    if (code != 0)
        return code;
    if (witness.checks == NULL || !inspector_init(&witness.inspector))
        return report_no_memory();
    witness.now = asked->now != NOT_GIVEN ? (double)asked->now : (double)time(NULL);
    const struct inspection inspection = {
        .keys = keys,
        .token = {token.bytes, token.count},
        .issuer = asked_text(asked->issuer),
        .audience = asked_text(asked->audience),
        .now = witness.now,
        .jws = asked->jws,
        .observe = witness_check,
        .observer = &witness,
    };
    enum outcome outcome = inspect(&witness.inspector, &inspection, &reason);

    return tell(&witness, outcome, reason);
}

int command_inspect(const struct command *self, int argc, char **argv)
{
    struct asked asked = {.now = NOT_GIVEN};
    bool json = false;
    const struct option_spec options[] = {
        {"keys", OPTION_TEXT, &asked.keys, "FILE", "the issuer's keys: a JWK Set, or public keys in PEM"},
        TOKEN_OPTIONS(asked.source),
        {"issuer", OPTION_TEXT, &asked.issuer, "I", "the issuer that the token must have (else its own iss)"},
        {"audience", OPTION_TEXT, &asked.audience, "A", "the audience that the token must have (else its own aud)"},
        {"jws", OPTION_FLAG, &asked.jws, NULL, "check only format, header, algorithm, key and signature"},
        {"now", OPTION_TIME, &asked.now, "TIME", "the time of the check (else now)"},
        {"batch", OPTION_FLAG, &asked.batch, NULL, "read JSON lines from stdin, and answer each"},
        OPTION_JSON(json),
    };
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    code = check(&asked);
    if (code != 0)
        return code;
    return asked.batch ? inspect_batch() : inspect_one(&asked, json);
}
