#include "publish.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/outbound/redis.h"
#include "agent/token/base64url.h"
#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "client/wire/json.h"
#include "owned.h"

#define TIMEOUT_MS 5000 /* as for an agent */

/* The agent's limits: REVOCATION_NAME_BYTES_MAX and FEED_LINE_BYTES_MAX of agent/base/limits.h, which cannot be included together with
   the library's limits. */
#define NAME_BYTES_MAX   4096
#define RECORD_BYTES_MAX 16384

/* What a record has in place of a token. */
struct named {
    char input[SIGNING_INPUT_HEX_BYTES];
    char *issuer;
};

static void named_clear(struct named *named)
{
    free(named->issuer);
}

static void redis_end(struct redis **redis)
{
    redis_close(*redis);
}

static void drop_reply(redisReply **reply)
{
    if (*reply != NULL)
        freeReplyObject(*reply);
}

static int check_file(const char *option, const char *path)
{
    if (path == NULL || access(path, R_OK) == 0)
        return 0;
    return report_bad_input("--%s %s: %s", option, path, strerror(errno));
}

int publish_check(const struct publish *publish, const struct agent *agent)
{
    const char *needless = publish->stream != NULL          ? "stream"
                           : publish->ca_file != NULL       ? "ca-file"
                           : publish->password_file != NULL ? "password-file"
                           : publish->most != NOT_GIVEN     ? "maxlen"
                                                            : NULL;

    if (publish->to == NULL && needless != NULL)
        return report_bad_input("--%s goes with --to only; leave it out to ask the agent", needless);
    if (publish->to == NULL)
        return 0;
    if (agent->socket != NULL)
        return report_bad_input("--to and --socket exclude each other; with --to no agent is asked");
    if (publish->stream != NULL && publish->stream[0] == '\0')
        return report_bad_input("--stream is empty; leave it out to use " PUBLISH_STREAM);
    if (agent->timeout_ms == 0 || agent->timeout_ms > UINT32_MAX)
        return report_bad_input("--timeout must be at least 1ms and at most 49d");
    int code = check_file("ca-file", publish->ca_file);

    return code != 0 ? code : check_file("password-file", publish->password_file);
}

static char *read_issuer(const struct token_text *token)
{
    const char *first = memchr(token->bytes, '.', token->count), *last = memrchr(token->bytes, '.', token->count);
    size_t characters = first < last ? (size_t)(last - first - 1) : 0, bytes;
    uint8_t *payload CLEANUP_FREE = malloc(BASE64URL_DECODED_MAX(characters));

    if (first == NULL || payload == NULL || base64url_decode(first + 1, characters, payload, &bytes) < 0)
        return NULL;
    json_t *claims OWNED_JSON = json_loadb((const char *)payload, bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *issuer = json_string_value(json_object_get(claims, "iss"));

    return issuer != NULL ? strdup(issuer) : NULL;
}

/* The token's signature is not checked: there is no key here. It need not be. The hash of the signed part identifies that token and no
   other, so a forged token revokes only itself; and its claim iss only says among which issuer's tokens to look. */
static int name_token(struct selector *selector, struct named *named)
{
    struct token_text token CLEANUP(token_text_clear) = {NULL, 0};
    int code = token_text_read(&selector->token, &token);

    if (code == 0)
        code = selector_hash_token(&token, named->input);
    if (code != 0)
        return code;
    if (selector->issuer == NULL) {
        named->issuer = read_issuer(&token);
        if (named->issuer == NULL)
            return report_bad_input("no issuer can be read from the token's payload; give --issuer");
        selector->issuer = named->issuer;
    }
    selector->signing_input = named->input;
    selector->token = (struct token_source){0};
    return 0;
}

static int check_sizes(const struct selector *selector)
{
    const char *const texts[] = {selector->issuer, selector->jti, selector->sub, selector->sid, selector->kid};
    uint8_t thumbprint[BASE64URL_DECODED_MAX(43)];
    size_t bytes;

    for (size_t i = 0; i < COUNT(texts); i++)
        if (texts[i] != NULL && strlen(texts[i]) > NAME_BYTES_MAX)
            return report_bad_input("'%.32s…' is longer than the %d bytes that a record takes", texts[i], NAME_BYTES_MAX);
    if (selector->jkt != NULL && (base64url_decode(selector->jkt, 43, thumbprint, &bytes) < 0 || bytes != 32))
        return report_bad_input("--jkt: '%s' is not a thumbprint in base64url (RFC 7638, SHA-256)", selector->jkt);
    return 0;
}

/* Finds everything that an agent would refuse in the record. */
static int check_record(struct selector *selector, enum selector_use use, struct named *named)
{
    bool is_token = selector->token.text != NULL || selector->token.file != NULL;
    struct selector checked = *selector;

    if (is_token) /* the two exclude each other if an agent is asked */
        checked.issuer = NULL;
    int code = selector_check(&checked, use);

    if (code == 0 && is_token)
        code = name_token(selector, named);
    if (code == 0 && selector->issuer == NULL)
        return report_bad_input("--to needs --issuer: no agent is asked that knows the issuer");
    return code != 0 ? code : check_sizes(selector);
}

/* The default leeway. Only an agent knows the configured one, which is how far its issuer's clock may be ahead. */
#define LEEWAY_SECONDS_USUAL 30

/* Writes the record as a line of a feed. */
static int write_record(const struct selector *selector, enum selector_use use, char **ret_text)
{
    uint8_t bytes[REQUEST_BYTES_MAX];
    struct wire_writer writer;
    struct value *value CLEANUP_FREE = NULL;

    wire_writer_init(&writer, bytes, sizeof bytes);
    if (use == SELECTOR_UNREVOKE) {
        wire_put_map(&writer, 1);
        wire_put_text(&writer, "undo");
    }
    struct selector filled = *selector;
    int64_t now = (int64_t)time(NULL);

    if (use == SELECTOR_REVOKE && filled.sub != NULL && filled.before == NOT_GIVEN)
        filled.before = now + LEEWAY_SECONDS_USUAL;
    int code = selector_write(&filled, use, now, 0, &writer);

    if (code != 0)
        return code;
    int read = value_read((struct wire_cursor){writer.start, writer.at}, &value);

    if (read == ASSAY_E_PROTOCOL)
        return report_bad_input("--issuer: '%s' is not UTF-8, but every claim is", selector->issuer);
    char *text CLEANUP_FREE = read == 0 ? json_text(value) : NULL;

    if (text == NULL)
        return report_no_memory();
    if (strlen(text) > RECORD_BYTES_MAX)
        return report_bad_input("the record is longer than the %d bytes that an agent reads", RECORD_BYTES_MAX);
    *ret_text = take(text);
    return 0;
}

static int tell(const redisReply *reply, const struct publish *publish, bool json)
{
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "WRONGTYPE", 9) == 0)
        return report_undecided("refused", "%s in this Redis is not a stream; name another key with --stream", publish->stream);
    if (reply->type == REDIS_REPLY_ERROR)
        return report_undecided("refused", "Redis refused the record: %s", reply->str);
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 || strspn(reply->str, "0123456789-") != (size_t)reply->len)
        return report_undecided("protocol", "the answer of Redis to XADD is not an entry's id");
    printf(json ? "{\"published\":\"%s\"}\n" : "published %s\n", reply->str);
    return report_yes();
}

static int add(const struct publish *publish, struct redis *redis, int64_t deadline, const char *record, bool json)
{
    char most[24], why[REDIS_WHY_BYTES];
    const char *words[8] = {"XADD", publish->stream};
    int count = 2;

    snprintf(most, sizeof most, "%lld", (long long)publish->most);
    if (publish->most != NOT_GIVEN) {
        words[count++] = "MAXLEN";
        words[count++] = "~";
        words[count++] = most;
    }
    words[count++] = "*";
    words[count++] = "r";
    words[count++] = record;
    redisReply *reply CLEANUP(drop_reply) = redis_call(redis, deadline, -1, why, count, words, NULL);

    if (reply == NULL)
        return report_undecided("unreachable", "the record may or may not be published: %s; publishing it twice does no harm", why);
    return tell(reply, publish, json);
}

int publish_record(const struct publish *publish, const struct selector *selector, enum selector_use use, const struct agent *agent)
{
    struct publish to = *publish;
    struct selector what = *selector;
    struct named named CLEANUP(named_clear) = {.issuer = NULL};
    struct redis_place place;
    char *record CLEANUP_FREE = NULL, why[REDIS_WHY_BYTES];
    int code = check_record(&what, use, &named);

    if (code == 0)
        code = write_record(&what, use, &record);
    if (code != 0)
        return code;
    if (redis_place_read(to.to, &place, why) < 0)
        return report_bad_input("--to: %s", why);
    if (to.ca_file != NULL && !place.tls)
        return report_bad_input("--ca-file goes with rediss:// only; redis:// has no TLS");
    if (to.stream == NULL)
        to.stream = PUBLISH_STREAM;
    int64_t timeout_ms = agent->timeout_ms != NOT_GIVEN ? agent->timeout_ms : TIMEOUT_MS;
    int64_t deadline = monotonic_ns() + timeout_ms * NS_PER_MS;
    const struct redis_login login = {.ca_file = to.ca_file, .password_file = to.password_file};
    struct redis *redis CLEANUP(redis_end) = redis_open(&place, &login, deadline, -1, why);

    if (redis == NULL)
        return report_undecided("unreachable", "the Redis of --to: %s", why);
    return add(&to, redis, deadline, record, agent->json);
}
