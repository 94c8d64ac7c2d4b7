/* assay_authorize() against an agent that answers well and badly. A yes has several signs, and unless all agree it is none. What is
   wrong with an answer whatever the method is client_verify_answers.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "assay/assay.h"
#include "fake_agent.h"

#define TOKEN "aaaa.bbbb.cccc"

#define ISSUER  "\xa6issuer\xa1i"
#define EXPIRES "\xaa" "expires_at\x07"
#define SCOPES  "\xa6scopes\x91\xa1x"
#define BESIDE  ISSUER EXPIRES SCOPES

struct script {
    const char *bytes;
    size_t size;
    bool is_all; /* without what the token says beside, which stands behind all others */
};

static enum fake_action say(void *context, const struct fake_request *request, struct wire_writer *out)
{
    const struct script *script = context;

    fake_answer(out, request->msgid);
    uint8_t first = (uint8_t)script->bytes[0];

    if (script->is_all || first < 0x81 || first > 0x8c) {
        wire_put_raw(out, script->bytes, script->size);
        return FAKE_SEND_AND_CLOSE;
    }
    first = (uint8_t)(first + 3);
    wire_put_raw(out, &first, 1);
    wire_put_raw(out, script->bytes + 1, script->size - 1);
    wire_put_raw(out, BESIDE, sizeof BESIDE - 1);
    return FAKE_SEND_AND_CLOSE;
}

/* Asks, and checks what holds whatever was answered. Without a verdict to be had the status is the same. */
static int authorize_scripted(const struct script *script)
{
    struct fake_agent *agent = fake_agent_start(say, (void *)script, 0);
    struct assay_verdict *verdict = (struct assay_verdict *)1;
    struct assay *assay;

    assert_int_equal(assay_open(&assay, fake_agent_path(agent), &fake_asked_always), 0);
    int status = assay_authorize(assay, TOKEN, strlen(TOKEN), "orders", "GET", "/orders", &verdict);

    verdict_agrees(verdict, status);
    assay_verdict_free(verdict);
    assert_int_equal(assay_authorize(assay, TOKEN, strlen(TOKEN), "orders", "GET", "/orders", NULL), status);
    assay_close(assay);
    fake_agent_stop(agent);
    return status;
}

#define SAYS(text) authorize_scripted(&(struct script){text, sizeof(text) - 1, false})
#define SAYS_ALL(text) authorize_scripted(&(struct script){text, sizeof(text) - 1, true})

#define ALLOW                                                                                                                      \
    "\xa5"                                                                                                                         \
    "allow\xc3"
#define DENY                                                                                                                       \
    "\xa5"                                                                                                                         \
    "allow\xc2"
#define S200   "\xa6status\xcc\xc8"
#define S401   "\xa6status\xcd\x01\x91"
#define S403   "\xa6status\xcd\x01\x93"
#define NONE   "\xa6reason\xc0"
#define REASON "\xa6reason\xa7no_rule"
#define RULE   "\xa4rule\xa1r"
#define NORULE "\xa4rule\xc0"
#define SUB    "\xa7subject\xa1s"
#define NOSUB  "\xa7subject\xc0"
#define ROLES  "\xa5roles\x91\xa4user"
#define NOROLE "\xa5roles\x90"

static void only_a_whole_and_exact_yes_is_one(void **state)
{
    (void)state;
    assert_int_equal(SAYS("\x86" ALLOW S200 NONE RULE SUB ROLES), 0);
    assert_int_equal(SAYS("\x86" ROLES NOSUB RULE NONE S200 ALLOW), 0);
    assert_int_equal(SAYS("\x87" ALLOW S200 NONE RULE SUB NOROLE "\xa5later\x93\x01\x02\x03"), 0); /* later versions say more */
    assert_int_equal(SAYS("\x86" DENY S401 REASON NORULE NOSUB NOROLE), ASSAY_E_REFUSED);
    assert_int_equal(SAYS("\x86" DENY S403 REASON RULE SUB ROLES), ASSAY_E_REFUSED);
    assert_int_equal(SAYS("\x86" DENY S403 "\xa6reason\xa5later" NORULE SUB ROLES), ASSAY_E_REFUSED);
}

static void what_is_nearly_a_yes_is_none(void **state)
{
    static const struct script scripts[] = {
#define NEARLY(text) {text, sizeof(text) - 1, false}
        NEARLY("\x86\xa5"
               "allow\x01" S200 NONE RULE SUB ROLES),
        NEARLY("\x86\xa5"
               "allow\xa4true" S200 NONE RULE SUB ROLES),
        NEARLY("\x86\xa5"
               "allow\xc0" S200 NONE RULE SUB ROLES),
        NEARLY("\x86\xa5"
               "allow\x91\xc3" S200 NONE RULE SUB ROLES),
        NEARLY("\x86" ALLOW S401 NONE RULE SUB ROLES),
        NEARLY("\x86" ALLOW S403 NONE RULE SUB ROLES),
        NEARLY("\x86" ALLOW "\xa6status\xa3"
               "200" NONE RULE SUB ROLES),
        NEARLY("\x86" ALLOW "\xa6status\xcb\x40\x69\x00\x00\x00\x00\x00\x00" NONE RULE SUB ROLES), /* 200.0 */
        NEARLY("\x86" ALLOW "\xa6status\xcf\x00\x00\x00\x01\x00\x00\x00\xc8" NONE RULE SUB ROLES), /* 2^32 + 200 */
        NEARLY("\x86" ALLOW "\xa6status\xc3" NONE RULE SUB ROLES),
        NEARLY("\x86" ALLOW S200 REASON RULE SUB ROLES),
        NEARLY("\x86" ALLOW S200 "\xa6reason\xc2" RULE SUB ROLES),
        NEARLY("\x86" ALLOW S200 "\xa6reason\xa0" RULE SUB ROLES),
        NEARLY("\x86" ALLOW S200 NONE NORULE SUB ROLES), /* nothing is allowed but by a rule */
        NEARLY("\x86" ALLOW S200 NONE "\xa4rule\x01" SUB ROLES),
        NEARLY("\x86" ALLOW S200 NONE RULE "\xa7subject\x01" ROLES),
        NEARLY("\x86" ALLOW S200 NONE RULE SUB "\xa5roles\xa4user"),
        NEARLY("\x86" ALLOW S200 NONE RULE SUB "\xa5roles\xc0"),
        NEARLY("\x86" ALLOW S200 NONE RULE SUB "\xa5roles\x92\xa4user\x01"),
        NEARLY("\x86" ALLOW S200 NONE RULE SUB "\xa5roles\x91\x91\xa4user"),
        NEARLY("\x86" ALLOW S200 NONE RULE SUB "\xa5roles\x81\xa4user\xa1x"),
        NEARLY("\x86" ALLOW S200 NONE RULE "\xa7subject\xa2s\0" ROLES),
        NEARLY("\x86" ALLOW S200 NONE RULE SUB "\xa5roles\x91\xa2\xc3\x28"),
        NEARLY("\x85" S200 NONE RULE SUB ROLES),
        NEARLY("\x85" ALLOW NONE RULE SUB ROLES),
        NEARLY("\x85" ALLOW S200 RULE SUB ROLES),
        NEARLY("\x85" ALLOW S200 NONE SUB ROLES),
        NEARLY("\x85" ALLOW S200 NONE RULE ROLES),
        NEARLY("\x85" ALLOW S200 NONE RULE SUB),
        NEARLY("\x87" ALLOW DENY S200 NONE RULE SUB ROLES),
        NEARLY("\x87" DENY ALLOW S200 NONE RULE SUB ROLES),
        NEARLY("\x87" ALLOW S200 S403 NONE RULE SUB ROLES),
        NEARLY("\x87" ALLOW S403 S200 NONE RULE SUB ROLES),
        NEARLY("\x84\xa6"
               "active\xc3\xa6"
               "claims\x80\xa6issuer\xa1i\xaa"
               "expires_at\x07"), /* a yes to another question */
        NEARLY("\x83\xa9"
               "decisions\x91\x84" ALLOW S200 NONE RULE SUB ROLES),
        NEARLY("\xc3"),
        NEARLY("\xc0"),
        NEARLY("\x80"),
        NEARLY("\x91\x86" ALLOW S200 NONE RULE SUB ROLES),
    };

    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        if (authorize_scripted(&scripts[i]) != ASSAY_E_PROTOCOL)
            fail_msg("script %zu was believed", i);
}

static void a_no_must_be_whole_too(void **state)
{
    (void)state;
    assert_int_equal(SAYS("\x86" DENY S200 REASON RULE SUB ROLES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x86" DENY S200 NONE RULE SUB ROLES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x86" DENY "\xa6status\x00" REASON RULE SUB ROLES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x86" DENY "\xa6status\xcd\x01\x92" REASON RULE SUB ROLES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x86" DENY S403 NONE RULE SUB ROLES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x86" DENY S403 "\xa6reason\xa0" RULE SUB ROLES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x85" DENY REASON RULE SUB ROLES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x85" DENY S403 REASON SUB ROLES), ASSAY_E_PROTOCOL);
}

#define PUBLIC   ALLOW S200 NONE RULE
#define NOISSUER "\xa6issuer\xc0"
#define NOEXPIRY "\xaa" "expires_at\xc0"
#define NOSCOPE  "\xa6scopes\x90"

/* The issuer is there if and only if the token was accepted, and without it nothing else of a token. */
static void what_the_token_says_belongs_together(void **state)
{
    (void)state;
    assert_int_equal(SAYS_ALL("\x89" PUBLIC SUB ROLES ISSUER EXPIRES SCOPES), 0);
    assert_int_equal(SAYS_ALL("\x89" PUBLIC NOSUB NOROLE ISSUER EXPIRES NOSCOPE), 0);
    assert_int_equal(SAYS_ALL("\x89" PUBLIC NOSUB NOROLE NOISSUER NOEXPIRY NOSCOPE), 0);
    assert_int_equal(SAYS_ALL("\x89" DENY S401 REASON NORULE NOSUB NOROLE NOISSUER NOEXPIRY NOSCOPE), ASSAY_E_REFUSED);

    assert_int_equal(SAYS_ALL("\x89" PUBLIC SUB NOROLE NOISSUER NOEXPIRY NOSCOPE), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x89" PUBLIC NOSUB ROLES NOISSUER NOEXPIRY NOSCOPE), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x89" PUBLIC NOSUB NOROLE NOISSUER EXPIRES NOSCOPE), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x89" PUBLIC NOSUB NOROLE NOISSUER NOEXPIRY SCOPES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x89" PUBLIC SUB ROLES ISSUER NOEXPIRY SCOPES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x89" PUBLIC SUB ROLES ISSUER "\xaa" "expires_at\xff" SCOPES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x89" PUBLIC SUB ROLES ISSUER "\xaa" "expires_at\xcf\x80\0\0\0\0\0\0\0" SCOPES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x89" PUBLIC SUB ROLES "\xa6issuer\x01" EXPIRES SCOPES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x89" PUBLIC SUB ROLES ISSUER EXPIRES "\xa6scopes\x91\x01"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x89" PUBLIC SUB ROLES ISSUER EXPIRES "\xa6scopes\xa1x"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x88" PUBLIC SUB ROLES EXPIRES SCOPES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x88" PUBLIC SUB ROLES ISSUER SCOPES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS_ALL("\x88" PUBLIC SUB ROLES ISSUER EXPIRES), ASSAY_E_PROTOCOL);
}

static void a_verdict_has_what_the_agent_said(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay_verdict *verdict;
    struct assay *assay;
    const char *text;
    size_t count;

    (void)state;
    assert_int_equal(assay_open(&assay, fake_agent_path(agent), &fake_asked_always), 0);
    assert_int_equal(assay_authorize(assay, TOKEN, strlen(TOKEN), NULL, "GET", "/orders", &verdict), 0);
    assert_null(assay_verdict_reason(verdict));
    assert_string_equal(assay_verdict_rule(verdict), "r");
    assert_string_equal(assay_verdict_subject(verdict), TOKEN);
    assert_string_equal(assay_verdict_role(verdict, 0), "user");
    assert_string_equal(assay_verdict_role(verdict, 1), "buyer");
    assert_null(assay_verdict_role(verdict, 2));
    assert_null(assay_verdict_role(verdict, SIZE_MAX));
    assert_string_equal(assay_verdict_issuer(verdict), "https://auth.example.com");
    assert_int_equal(assay_verdict_expires_at(verdict), 1900000000);
    assert_string_equal(assay_verdict_scope(verdict, 0), "read");
    assert_null(assay_verdict_scope(verdict, 1));
    assert_null(assay_verdict_scope(verdict, SIZE_MAX));
    assert_int_equal(assay_verdict_claim_string(verdict, "/sub", &text), ASSAY_E_NO_CLAIM);
    assert_int_equal(assay_verdict_claim_count(verdict, "", &count), ASSAY_E_NO_CLAIM);
    assay_verdict_free(verdict);
    assert_int_equal(assay_verify(assay, TOKEN, strlen(TOKEN), NULL, &verdict),
                     0); /* and over the same connection the other question */
    assert_null(assay_verdict_rule(verdict));
    assert_null(assay_verdict_role(verdict, 0));
    assert_null(assay_verdict_scope(verdict, 0));
    assay_verdict_free(verdict);
    assert_int_equal(fake_agent_accepted(agent), 1);
    assert_null(assay_verdict_scope(NULL, 0));
    assert_null(assay_verdict_rule(NULL));
    assert_null(assay_verdict_role(NULL, 0));
    assay_close(assay);
    fake_agent_stop(agent);
}

static void a_no_tells_401_from_403(void **state)
{
    static const char denied[] = "\x86" DENY S403 REASON RULE SUB ROLES, unknown[] = "\x86" DENY S401 REASON NORULE NOSUB NOROLE;
    const struct {
        struct script script;
        int http_status;
        const char *rule, *subject;
    } cases[] = {{{denied, sizeof denied - 1, false}, 403, "r", "s"},
                 {{unknown, sizeof unknown - 1, false}, 401, NULL, NULL}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fake_agent *agent = fake_agent_start(say, (void *)&cases[i].script, 0);
        struct assay_verdict *verdict;
        struct assay *assay;

        assert_int_equal(assay_open(&assay, fake_agent_path(agent), &fake_asked_always), 0);
        assert_int_equal(assay_authorize(assay, NULL, 0, NULL, "GET", "/", &verdict), ASSAY_E_REFUSED);
        assert_int_equal(assay_verdict_http_status(verdict), cases[i].http_status);
        assert_string_equal(assay_verdict_reason(verdict), "no_rule");
        assert_true((assay_verdict_rule(verdict) == NULL) == (cases[i].rule == NULL));
        assert_true((assay_verdict_subject(verdict) == NULL) == (cases[i].subject == NULL));
        assay_verdict_free(verdict);
        assay_close(assay);
        fake_agent_stop(agent);
    }
}

/* What reached the agent: pairs, and the lengths of the token and the resource. */
struct seen {
    uint32_t pairs;
    size_t token_bytes, resource_bytes, size;
    bool asks_authorize, token_is_whole_to_there;
};

static enum fake_action note(void *context, const struct fake_request *request, struct wire_writer *out)
{
    struct seen *seen = context;
    struct wire_cursor at = request->params;
    struct wire_item item = {0};

    *seen = (struct seen){.size = request->size, .asks_authorize = wire_is(&request->method, "authorize")};
    if (wire_next(&at, &item) == WIRE_OK)
        seen->pairs = item.count;
    if (wire_find(request->params, "token", &at) && wire_next(&at, &item) == WIRE_OK) {
        seen->token_bytes = item.count;
        seen->token_is_whole_to_there = item.count > 1 && item.str[0] == 'a' && item.str[item.count - 1] == 't';
    }
    if (wire_find(request->params, "resource", &at) && wire_next(&at, &item) == WIRE_OK)
        seen->resource_bytes = item.count;
    fake_answer(out, request->msgid);
    fake_allow(out, "s", 1);
    return FAKE_SEND;
}

static char *text_of(size_t bytes)
{
    char *text = malloc(bytes + 1);

    assert_non_null(text);
    memset(text, 't', bytes);
    text[0] = 'a';
    text[bytes] = '\0';
    return text;
}

static void what_is_asked_is_sent_whole_or_judged_the_same(void **state)
{
    struct seen seen;
    struct fake_agent *agent = fake_agent_start(note, &seen, 0);
    char *token = text_of(100000), *resource = text_of(16385), *long_text = text_of(4097);
    struct assay_verdict *verdict;
    struct assay *assay;

    (void)state;
    assert_int_equal(assay_open(&assay, fake_agent_path(agent), &fake_asked_always), 0);
    assert_int_equal(assay_authorize(assay, NULL, 0, NULL, "GET", "/", NULL), 0);
    assert_true(seen.asks_authorize && seen.pairs == 2 && seen.token_bytes == 0);
    assert_int_equal(assay_authorize(assay, "", 0, NULL, "", "", NULL), 0);
    assert_int_equal(seen.pairs, 2);
    assert_int_equal(assay_authorize(assay, TOKEN, 5, "", "GET", "/", NULL), 0);
    assert_true(seen.pairs == 4 && seen.token_bytes == 5);

    /* The largest of everything fits into one request; what is longer of the token is cut off, beyond what an agent accepts. */
    long_text[4096] = '\0';
    resource[16384] = '\0';
    assert_int_equal(assay_authorize(assay, token, 100000, long_text, long_text, resource, NULL), 0);
    assert_true(seen.pairs == 4 && seen.resource_bytes == 16384 && seen.token_bytes > 2 * 16384 && seen.token_is_whole_to_there);
    assert_true(seen.size <= 65536);
    long_text[4096] = 't';
    resource[16384] = 't';
    assert_int_equal(assay_authorize(assay, NULL, 0, long_text, "GET", "/", NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_authorize(assay, NULL, 0, NULL, long_text, "/", NULL), ASSAY_E_ARGUMENT);

    unsigned before = fake_agent_requests(agent);

    assert_int_equal(assay_authorize(assay, TOKEN, 5, NULL, "GET", resource, &verdict), ASSAY_E_REFUSED);
    assert_string_equal(assay_verdict_reason(verdict), "bad_resource");
    assert_int_equal(assay_verdict_http_status(verdict), 403);
    assert_null(assay_verdict_rule(verdict));
    assert_null(assay_verdict_role(verdict, 0));
    assert_int_equal(fake_agent_requests(agent), before);
    assay_verdict_free(verdict);
    resource[5000] = '?'; /* a query that is too long is left behind */
    assert_int_equal(assay_authorize(assay, TOKEN, 5, NULL, "GET", resource, NULL), 0);
    assert_int_equal(seen.resource_bytes, 5000);
    assay_close(assay);
    fake_agent_stop(agent);
    free(token);
    free(resource);
    free(long_text);
}

static void arguments_that_are_missing_are_told(void **state)
{
    struct assay_verdict *verdict = (struct assay_verdict *)1;
    struct assay *assay;

    (void)state;
    assert_int_equal(assay_open(&assay, "/nonexistent/s", NULL), 0);
    assert_int_equal(assay_authorize(NULL, "t", 1, NULL, "GET", "/", &verdict), ASSAY_E_ARGUMENT);
    verdict_agrees(verdict, ASSAY_E_ARGUMENT);
    assay_verdict_free(verdict);
    assert_int_equal(assay_authorize(assay, NULL, 1, NULL, "GET", "/", NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_authorize(assay, "t", 1, NULL, NULL, "/", NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_authorize(assay, "t", 1, NULL, "GET", NULL, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_authorize(assay, NULL, 0, NULL, "GET", "/", NULL), ASSAY_E_UNREACHABLE);
    assay_close(assay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_and_exact_yes_is_one),
        cmocka_unit_test(what_is_nearly_a_yes_is_none),
        cmocka_unit_test(a_no_must_be_whole_too),
        cmocka_unit_test(what_the_token_says_belongs_together),
        cmocka_unit_test(a_verdict_has_what_the_agent_said),
        cmocka_unit_test(a_no_tells_401_from_403),
        cmocka_unit_test(what_is_asked_is_sent_whole_or_judged_the_same),
        cmocka_unit_test(arguments_that_are_missing_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
