#include "permission.h"

#include <stdlib.h>

#include "agent/keys/keyring.h"
#include "agent/policy/granted.h"
#include "audit.h"
#include "cache.h"

/* Texts as they are met; how many they are is known only behind the last. */
struct text_list {
    struct wire_writer *writer;
    uint16_t count;
};

static void put_one(void *context, const char *at, size_t bytes)
{
    struct text_list *list = context;

    wire_put_str(list->writer, at, bytes);
    list->count++;
}

/* Roles, or scopes. */
typedef void each_text(const struct claims *claims, const struct issuer *issuer, void (*each)(void *context, const char *at, size_t bytes),
                       void *context);

static void put_texts(struct wire_writer *writer, const char *name, const struct token *good, each_text *each)
{
    static const uint8_t head[] = {0xdc, 0, 0}; /* an array of a count in two bytes: no token can hold more texts than that */
    struct text_list list = {writer, 0};

    wire_put_text(writer, name);
    if (good == NULL) {
        wire_put_array(writer, 0);
        return;
    }
    uint8_t *start = writer->at;

    wire_put_raw(writer, head, sizeof head);
    each(&good->claims, good->issuer, put_one, &list);
    if (writer->full)
        return;
    start[1] = (uint8_t)(list.count >> 8);
    start[2] = (uint8_t)list.count;
}

static struct wire_item subject_of(const struct token *good)
{
    return good != NULL ? claim_item(&good->claims, CLAIM_SUB) : (struct wire_item){0};
}

#define HOLDER_NAMES_ROOM 64 /* its five names, a number, and the heads of two texts */

static size_t holder_room(const struct token *good)
{
    struct wire_item sub = subject_of(good);

    if (good == NULL)
        return HOLDER_NAMES_ROOM;
    return HOLDER_NAMES_ROOM + (sub.type == WIRE_STR ? sub.count : 0) + good->issuer->names.list[0].bytes + granted_room(&good->claims, good->issuer);
}

static void put_holder(struct wire_writer *writer, const struct token *good)
{
    struct wire_item sub = subject_of(good);

    wire_put_text(writer, "subject");
    if (sub.type == WIRE_STR)
        wire_put_str(writer, sub.str, sub.count);
    else
        wire_put_nil(writer);
    put_texts(writer, "roles", good, each_role);
    wire_put_text(writer, "issuer");
    if (good != NULL)
        wire_put_str(writer, good->issuer->names.list[0].at, good->issuer->names.list[0].bytes);
    else
        wire_put_nil(writer);
    wire_put_text(writer, "expires_at");
    if (good != NULL)
        wire_put_uint(writer, (uint64_t)good->exp);
    else
        wire_put_nil(writer);
    put_texts(writer, "scopes", good, each_scope);
}

size_t permission_holder_room(const struct asker *asker)
{
    return asker->kept != NULL ? asker->kept->answer_bytes : holder_room(asker->good);
}

void permission_put_holder(struct wire_writer *writer, const struct asker *asker)
{
    if (asker->kept != NULL)
        wire_put_raw(writer, asker->kept->answer, asker->kept->answer_bytes);
    else
        put_holder(writer, asker->good);
}

/* The part that is the same for every question about this token. NULL: it is not cached, or out of memory, and is computed each time. */
static const struct kept_holder *kept_holder(struct verdicts *verdicts, struct entry *entry, const struct token *good)
{
    const struct policy *policy = verdicts->core->ring->policy;
    struct wire_writer writer;

    if (entry == NULL || good == NULL || policy == NULL || entry->holder != NULL)
        return entry != NULL && good != NULL ? entry->holder : NULL;
    size_t room = holder_room(good);
    struct kept_holder *holder = malloc(sizeof *holder + room);

    if (holder == NULL)
        return NULL;
    policy_fill_holder(policy, &good->claims, good->issuer, &holder->holder);
    wire_writer_init(&writer, holder->answer, room);
    put_holder(&writer, good);
    holder->answer_bytes = wire_written(&writer);
    holder->bytes = sizeof *holder + holder->answer_bytes;
    struct kept_holder *fitting = realloc(holder, holder->bytes);

    cache_keep_holder(verdicts->cache, entry, fitting != NULL ? fitting : holder);
    return entry->holder;
}

struct asker asker_of(const struct decision *decision)
{
    const struct token *token = decision != NULL ? decision->token : NULL;

    return (struct asker){
        .token = token,
        .good = decision != NULL && decision->outcome == OUTCOME_ACCEPTED ? token : NULL,
        .entry = decision != NULL ? decision->entry : NULL,
        .why = token == NULL ? REASON_NO_TOKEN : token->reason,
        .undecided = decision != NULL && decision->outcome == OUTCOME_UNDECIDED,
    };
}

void permission_prepare(struct verdicts *verdicts, struct asker *asker)
{
    asker->kept = kept_holder(verdicts, asker->entry, asker->good);
}

/* The resource is checked first, whatever the token is. */
struct ruling permission_of(struct verdicts *verdicts, const struct audited *about, const struct asker *asker, const struct check_pair *pair)
{
    struct resource resource;
    bool is_resource = resource_normalize(pair->resource.at, pair->resource.bytes, policy_reading(verdicts->core->ring->policy), &resource) == 0;
    struct ask ask = {
        .holder = asker->kept != NULL ? &asker->kept->holder : NULL,
        .claims = asker->good != NULL ? &asker->good->claims : NULL,
        .issuer = asker->good != NULL ? asker->good->issuer : NULL,
        .why_no_token = asker->why,
        .action = pair->action,
        .resource = is_resource ? &resource : NULL,
    };
    struct ruling ruling = policy_decide(verdicts->core->ring->policy, &ask);

    if (ruling.allow)
        verdicts->counters.allowed++;
    else
        verdicts->counters.denied[ruling.reason]++;
    audit_ruling(verdicts, about, pair->action, pair->resource, &ruling, is_resource ? NULL : resource.fault, asker->token, asker->good != NULL);
    return ruling;
}
