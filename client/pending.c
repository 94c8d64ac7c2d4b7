/* Keeps each request until it is answered, because it may have to be sent again. There is one copy of a request, which is wiped
   when it goes. Live questions are in a list in the order of asking, in which they are sent, and in a heap by their deadlines. */
#include "pending.h"

#include <stdlib.h>
#include <string.h>

#include "client/wire/cleanup.h"

_Static_assert((PENDING_MAX & (PENDING_MAX - 1)) == 0, "a msgid's low bits are the place");

int pending_init(struct pending_table *table)
{
    memset(table, 0, sizeof *table);
    table->places = calloc(PENDING_MAX, sizeof *table->places);
    table->heap = calloc(PENDING_MAX, sizeof *table->heap);
    if (table->places != NULL && table->heap != NULL)
        return 0;
    pending_fini(table);
    return ASSAY_E_NO_MEMORY;
}

/* Clears the place first: a child that is forked here may leak the memory, but never frees it twice. */
static void drop_request(struct pending_table *table, struct pending *pending)
{
    uint8_t *request = pending->request;

    if (request == NULL)
        return;
    pending->request = NULL;
    table->request_bytes -= pending->bytes;
    explicit_bzero(request, pending->bytes);
    free(request);
}

void pending_fini(struct pending_table *table)
{
    for (unsigned i = 0; table->places != NULL && i < PENDING_MAX && i < table->touched; i++)
        drop_request(table, &table->places[i]);
    free(table->places);
    free(table->heap);
    table->places = NULL;
    table->heap = NULL;
}

static void append(struct pending_list *list, struct pending *pending)
{
    pending->next = NULL;
    pending->previous = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = pending;
    list->last = pending;
}

static void withdraw(struct pending_list *list, struct pending *pending)
{
    *(pending->previous != NULL ? &pending->previous->next : &list->first) = pending->next;
    *(pending->next != NULL ? &pending->next->previous : &list->last) = pending->previous;
}

static bool is_sooner(const struct pending *one, const struct pending *other)
{
    return one->deadline != other->deadline ? one->deadline < other->deadline : one->number < other->number;
}

static void heap_put(struct pending_table *table, unsigned at, struct pending *pending)
{
    table->heap[at] = pending;
    pending->heap_at = at;
}

/* Moves an entry from a free place of the heap to where it belongs: up as long as its parent is later, then down as long as a child
   is sooner. */
static void heap_settle(struct pending_table *table, unsigned at, struct pending *pending)
{
    for (; at > 0 && is_sooner(pending, table->heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap_put(table, at, table->heap[(at - 1) / 2]);
    for (;;) {
        unsigned below = 2 * at + 1;

        if (below + 1 < table->live_count && is_sooner(table->heap[below + 1], table->heap[below]))
            below++;
        if (below >= table->live_count || !is_sooner(table->heap[below], pending))
            break;
        heap_put(table, at, table->heap[below]);
        at = below;
    }
    heap_put(table, at, pending);
}

static void heap_add(struct pending_table *table, struct pending *pending)
{
    unsigned at = table->live_count++;

    heap_settle(table, at, pending);
}

static void heap_take(struct pending_table *table, const struct pending *pending)
{
    unsigned at = pending->heap_at;
    struct pending *last = table->heap[--table->live_count];

    if (last != pending)
        heap_settle(table, at, last);
}

struct pending *pending_soonest(const struct pending_table *table)
{
    return table->live_count > 0 ? table->heap[0] : NULL;
}

static struct pending *take_place(struct pending_table *table)
{
    struct pending *place = table->free;

    if (place != NULL) {
        table->free = place->next;
        place->msgid += PENDING_MAX;
        return place;
    }
    if (table->touched == PENDING_MAX)
        return NULL;
    place = &table->places[table->touched];
    place->msgid = table->touched++;
    return place;
}

static void give_place(struct pending_table *table, struct pending *place)
{
    place->next = table->free;
    table->free = place;
}

static size_t text_bytes(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

static const char *copy_text(uint8_t **at, const char *text)
{
    size_t bytes = text_bytes(text);

    if (text == NULL)
        return NULL;
    *at += bytes;
    return memcpy(*at - bytes, text, bytes);
}

/* The question points to the token in the message. If the token was cut, it is another token, and its answer is not cached. */
static uint8_t *copy_message(const struct params *params, const uint8_t *head, size_t head_bytes, uint8_t *at,
                             struct question *question)
{
    memcpy(at, head, head_bytes);
    at += head_bytes;
    for (unsigned i = 0; i < params->count; i++) {
        if (question->token != NULL && params->parts[i].iov_base == question->token) {
            question->token = (const char *)at;
            if (params->parts[i].iov_len != question->token_bytes)
                question->token_bytes = SIZE_MAX;
        }
        if (params->parts[i].iov_len > 0) /* an empty string may be NULL */
            memcpy(at, params->parts[i].iov_base, params->parts[i].iov_len);
        at += params->parts[i].iov_len;
    }
    return at;
}

/* Copies the message that is sent, and the question, into one allocation. */
static int make_request(struct pending *pending, const struct question_kind *kind, const struct question *question, bool stamped)
{
    struct params params CLEANUP(params_clear) = {.own = NULL};
    uint8_t head[REQUEST_HEAD_BYTES_MAX];
    size_t head_bytes = request_head(head, pending->msgid, kind->name), bytes = head_bytes;

    if (kind->put(&params, question, stamped) != 0)
        return ASSAY_E_NO_MEMORY;
    for (unsigned i = 0; i < params.count; i++)
        bytes += params.parts[i].iov_len;
    size_t all = bytes + text_bytes(question->audience) + text_bytes(question->action) + text_bytes(question->resource);
    uint8_t *request = malloc(all);

    if (request == NULL)
        return ASSAY_E_NO_MEMORY;
    pending->question = *question;
    uint8_t *at = copy_message(&params, head, head_bytes, request, &pending->question);

    pending->question.audience = copy_text(&at, question->audience);
    pending->question.action = copy_text(&at, question->action);
    pending->question.resource = copy_text(&at, question->resource);
    pending->question.checks = NULL; /* the checks are in the message, and their number is enough to read the answer */
    pending->request_bytes = bytes;
    pending->bytes = all;
    pending->request = request;
    return 0;
}

int pending_add(struct pending_table *table, const struct question_kind *kind, const struct question *question, bool stamped,
                void *tag, int64_t deadline, struct pending **ret_pending)
{
    if (table->request_bytes > PENDING_BYTES_MAX - REQUEST_BYTES_MAX)
        return ASSAY_E_BUSY;
    struct pending *place = take_place(table);

    if (place == NULL)
        return ASSAY_E_BUSY;
    if (make_request(place, kind, question, stamped) != 0) {
        give_place(table, place);
        return ASSAY_E_NO_MEMORY;
    }
    table->request_bytes += place->bytes;
    place->kind = kind;
    place->tag = tag;
    place->deadline = deadline;
    place->state = PENDING_LIVE;
    place->awaited = place->outlived = place->cancelled = false;
    place->number = table->numbers++;
    append(&table->live, place);
    heap_add(table, place);
    table->waiting++;
    *ret_pending = place;
    return 0;
}

bool pending_is_clogged(const struct pending_table *table)
{
    return table->free == NULL && table->touched == PENDING_MAX && table->given_up > 0;
}

struct pending *pending_find(const struct pending_table *table, uint32_t msgid)
{
    struct pending *pending = &table->places[msgid % PENDING_MAX];

    return pending->awaited && pending->msgid == msgid ? pending : NULL;
}

void pending_answered(struct pending_table *table, struct pending *pending)
{
    pending->awaited = false;
    if (pending->state != PENDING_LIVE)
        table->given_up--;
}

static void end_live(struct pending_table *table, struct pending *pending, enum pending_state state)
{
    withdraw(&table->live, pending);
    heap_take(table, pending);
    drop_request(table, pending);
    pending->state = state;
    if (pending->awaited)
        table->given_up++;
}

void pending_finish(struct pending_table *table, struct pending *pending, int status, int error)
{
    end_live(table, pending, PENDING_FINISHED);
    pending->status = status;
    pending->error = error;
    append(&table->finished, pending);
}

void pending_release(struct pending_table *table, struct pending *pending)
{
    if (pending->state == PENDING_LIVE) {
        end_live(table, pending, PENDING_NOT);
        if (!pending->cancelled)
            table->waiting--;
    }
    if (pending->state == PENDING_NOT && !pending->awaited)
        give_place(table, pending);
}

bool pending_fetch(struct pending_table *table, void **ret_tag, int *ret_status, int *ret_error)
{
    struct pending *pending;

    while ((pending = table->finished.first) != NULL) {
        const struct pending end = *pending;

        withdraw(&table->finished, pending);
        pending->state = PENDING_NOT;
        pending_release(table, pending);
        if (end.cancelled)
            continue;
        table->waiting--;
        *ret_tag = end.tag;
        *ret_status = end.status;
        *ret_error = end.error;
        return true;
    }
    return false;
}

void pending_await_none(struct pending_table *table)
{
    for (unsigned i = 0; i < table->touched; i++) {
        struct pending *pending = &table->places[i];

        if (!pending->awaited)
            continue;
        pending->awaited = false;
        if (pending->state == PENDING_NOT)
            give_place(table, pending);
    }
    table->given_up = 0;
}

static size_t cancel_in(struct pending_list *list, const void *tag)
{
    size_t count = 0;

    for (struct pending *pending = list->first; pending != NULL; pending = pending->next) {
        count += pending->tag == tag && !pending->cancelled;
        pending->cancelled = pending->cancelled || pending->tag == tag;
    }
    return count;
}

size_t pending_cancel(struct pending_table *table, const void *tag)
{
    size_t count = cancel_in(&table->live, tag) + cancel_in(&table->finished, tag);

    table->waiting -= count;
    return count;
}
