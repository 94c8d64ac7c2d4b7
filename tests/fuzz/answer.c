/* An answer from whoever serves the socket, through the library's own calls: a yes only where the bytes are one whole answer to this very
   request that says yes, read by msgpack-c. The first byte chooses: 1 authorize instead of verify; 2 with claims. */
#include <msgpack.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/call.h"
#include "client/verdict.h"
#include "client/wire/exports.h"
#include "tests/fuzz/target.h"

/* An idle connection on which the answer stands already, and nothing after it. The request goes nowhere. */
static void put_connection(struct assay *assay, const uint8_t *data, size_t size, int *ret_far_end)
{
    struct connection *connection = calloc(1, sizeof *connection), *none = channel_take(&assay->channel);
    struct stat facts;
    int ends[2];

    CHECK(connection != NULL && none == NULL && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    CHECK(write(ends[1], data, size) == (ssize_t)size && shutdown(ends[1], SHUT_WR) == 0 && fstat(ends[0], &facts) == 0);
    *connection = (struct connection){.fd = ends[0], .life = *assay->channel.life, .device = facts.st_dev, .inode = facts.st_ino};
    atomic_store(&assay->channel.idle[0], connection);
    *ret_far_end = ends[1];
}

static bool is_named(const msgpack_object *key, const char *name)
{
    if (key->type == MSGPACK_OBJECT_STR)
        return key->via.str.size == strlen(name) && memcmp(key->via.str.ptr, name, key->via.str.size) == 0;
    return key->type == MSGPACK_OBJECT_BIN && key->via.bin.size == strlen(name) && memcmp(key->via.bin.ptr, name, key->via.bin.size) == 0;
}

/* The member's value, if it stands there once. */
static const msgpack_object *member(const msgpack_object *map, const char *name)
{
    const msgpack_object *found = NULL;
    unsigned count = 0;

    for (uint32_t i = 0; map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++) {
        if (is_named(&map->via.map.ptr[i].key, name)) {
            found = &map->via.map.ptr[i].val;
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

static bool is_true(const msgpack_object *object)
{
    return object != NULL && object->type == MSGPACK_OBJECT_BOOLEAN && object->via.boolean;
}

static bool is_text(const msgpack_object *object)
{
    return object != NULL && (object->type == MSGPACK_OBJECT_STR || object->type == MSGPACK_OBJECT_BIN);
}

static bool is_number(const msgpack_object *object, uint64_t number)
{
    return object != NULL && object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 == number;
}

static bool is_nil(const msgpack_object *object)
{
    return object != NULL && object->type == MSGPACK_OBJECT_NIL;
}

static void check_yes(const msgpack_object *result, bool authorize)
{
    const msgpack_object *claims = member(result, "claims"), *reason = member(result, "reason");

    if (authorize) {
        CHECK(is_true(member(result, "allow")) && is_number(member(result, "status"), 200));
        CHECK(is_nil(reason) && is_text(member(result, "rule")));
        CHECK(is_text(member(result, "issuer")) || (is_nil(member(result, "issuer")) && is_nil(member(result, "subject"))));
    } else {
        CHECK(is_true(member(result, "active")) && claims != NULL && claims->type == MSGPACK_OBJECT_MAP);
        CHECK((reason == NULL || is_nil(reason)) && is_text(member(result, "issuer")));
    }
}

static void check_answer(const uint8_t *data, size_t size, bool authorize, int status, const struct assay_verdict *verdict)
{
    msgpack_unpacked whole;
    size_t used = 0;

    msgpack_unpacked_init(&whole);
    CHECK(size <= ANSWER_BYTES_MAX && msgpack_unpack_next(&whole, (const char *)data, size, &used) == MSGPACK_UNPACK_SUCCESS && used == size);
    CHECK(whole.data.type == MSGPACK_OBJECT_ARRAY && whole.data.via.array.size == 4);
    const msgpack_object *parts = whole.data.via.array.ptr;

    CHECK(is_number(&parts[0], 1) && is_number(&parts[1], 1)); /* an answer, to this connection's first request */
    if (status <= ASSAY_E_WIRE) {
        CHECK(parts[2].type == MSGPACK_OBJECT_ARRAY && parts[2].via.array.size == 2 && is_nil(&parts[3]));
        CHECK(is_number(&parts[2].via.array.ptr[0], (uint64_t)(ASSAY_E_WIRE - status)));
    } else if (status == 0) {
        CHECK(is_nil(&parts[2]) && assay_verdict_ok(verdict) && assay_verdict_http_status(verdict) == 200);
        check_yes(&parts[3], authorize);
    } else {
        CHECK(is_nil(&parts[2]) && !assay_verdict_ok(verdict) && assay_verdict_reason(verdict)[0] != '\0');
        CHECK(!is_true(member(&parts[3], authorize ? "allow" : "active")));
    }
    msgpack_unpacked_destroy(&whole);
}

/* Whatever is asked of a verdict has an answer that ends. */
static void look_around(const struct assay_verdict *verdict)
{
    static const char *const pointers[] = {"", "/sub", "/aud/0", "/a~1b", "/roles", "no pointer"};
    const char *text;
    int64_t number;
    size_t count;
    bool yes;

    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
        if (assay_verdict_claim_json(verdict, pointers[i], &text) == 0)
            CHECK(strlen(text) > 0);
        if (assay_verdict_claim_string(verdict, pointers[i], &text) == 0)
            CHECK(strlen(text) <= ANSWER_BYTES_MAX);
        if (assay_verdict_claim_count(verdict, pointers[i], &count) == 0)
            CHECK(count <= ANSWER_NODES_MAX && assay_verdict_claim_int(verdict, pointers[i], &number) != 0);
        if (assay_verdict_claim_bool(verdict, pointers[i], &yes) == 0)
            CHECK(assay_verdict_claim_int(verdict, pointers[i], &number) == ASSAY_E_CLAIM_TYPE);
    }
    const struct assay_claim *claims = NULL, *claim;

    if (assay_verdict_claim(verdict, "", &claims) == 0)
        CHECK(assay_claim_type(claims) == ASSAY_CLAIM_OBJECT);
    for (size_t i = 0; (claim = assay_claim_member(claims, i, &text)) != NULL; i++)
        CHECK(text != NULL && assay_claim_type(claim) != ASSAY_CLAIM_NONE && i < assay_claim_count(claims));
    for (size_t i = 0; (text = assay_verdict_role(verdict, i)) != NULL; i++)
        CHECK(strlen(text) <= ANSWER_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_verdict *verdict = NULL;
    struct assay *assay;
    int far_end;

    if (size == 0 || size - 1 > 2 * ANSWER_BYTES_MAX)
        return 0;
    bool authorize = (*data & 1) != 0;

    CHECK(assay_open(&assay, "/dev/null/nobody", NULL) == 0);
    put_connection(assay, data + 1, size - 1, &far_end);
    const struct assay_question question = {
        .size = sizeof question, .token = "token", .token_bytes = 5, .action = authorize ? "read" : NULL, .resource = authorize ? "/" : NULL,
        .what = (authorize ? ASSAY_ASK_AUTHORIZE : ASSAY_ASK_VERIFY) | ((*data & 2) != 0 ? (unsigned)ASSAY_ASK_CLAIMS : 0)};
    int status = assay_ask(assay, &question, &verdict);

    CHECK(verdict != NULL);
    CHECK((assay_verdict_text(verdict) == NULL) == (status == 0 || status == ASSAY_E_REFUSED));
    if (status == 0 || status == ASSAY_E_REFUSED || status <= ASSAY_E_WIRE)
        check_answer(data + 1, size - 1, authorize, status, verdict);
    else
        CHECK(status == ASSAY_E_PROTOCOL || (status == ASSAY_E_UNREACHABLE && size == 1));
    if (authorize && status == 0)
        CHECK((assay_verdict_claim_count(verdict, "", &(size_t){0}) == 0) == ((*data & 2) != 0 && assay_verdict_issuer(verdict) != NULL));
    if (verdict != NULL)
        look_around(verdict);
    assay_verdict_free(verdict);
    assay_close(assay);
    close(far_end);
    return 0;
}
