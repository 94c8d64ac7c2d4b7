/* Keeps each request until it is answered, because it may have to be sent again. There is one copy of a request, which is wiped when it
   goes. Live questions are in a list in the order of asking, in which they are sent, and in a heap by their deadlines. */
#include "asked.h"

#include <stdlib.h>
#include <string.h>

#include "client/wire/cleanup.h"

_Static_assert((ASKED_MAX & (ASKED_MAX - 1)) == 0, "a msgid's low bits are the place");

int asked_init(struct asked_table *table)
{
    memset(table, 0, sizeof *table);
    table->places = calloc(ASKED_MAX, sizeof *table->places);
    table->heap = calloc(ASKED_MAX, sizeof *table->heap);
    if (table->places != NULL && table->heap != NULL)
        return 0;
    asked_fini(table);
    return ASSAY_E_NO_MEMORY;
}

/* Clears the place first: a child that is forked here may leak the memory, but never frees it twice. */
static void drop_request(struct asked_table *table, struct asked *asked)
{
    uint8_t *request = asked->request;

    if (request == NULL)
        return;
    asked->request = NULL;
    table->request_bytes -= asked->bytes;
    explicit_bzero(request, asked->bytes);
    free(request);
}

void asked_fini(struct asked_table *table)
{
    for (unsigned i = 0; table->places != NULL && i < ASKED_MAX && i < table->touched; i++)
        drop_request(table, &table->places[i]);
    free(table->places);
    free(table->heap);
    table->places = NULL;
    table->heap = NULL;
}

static void append(struct asked_list *list, struct asked *asked)
{
    asked->next = NULL;
    asked->previous = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = asked;
    list->last = asked;
}

static void withdraw(struct asked_list *list, struct asked *asked)
{
    *(asked->previous != NULL ? &asked->previous->next : &list->first) = asked->next;
    *(asked->next != NULL ? &asked->next->previous : &list->last) = asked->previous;
}

static bool is_sooner(const struct asked *one, const struct asked *other)
{
    return one->deadline != other->deadline ? one->deadline < other->deadline : one->number < other->number;
}

static void heap_put(struct asked_table *table, unsigned at, struct asked *asked)
{
    table->heap[at] = asked;
    asked->heap_at = at;
}

/* Moves an entry from a free place of the heap to where it belongs: up as long as its parent is later, then down as long as a child is
   sooner. */
static void heap_settle(struct asked_table *table, unsigned at, struct asked *asked)
{
    for (; at > 0 && is_sooner(asked, table->heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap_put(table, at, table->heap[(at - 1) / 2]);
    for (;;) {
        unsigned below = 2 * at + 1;

        if (below + 1 < table->live_count && is_sooner(table->heap[below + 1], table->heap[below]))
            below++;
        if (below >= table->live_count || !is_sooner(table->heap[below], asked))
            break;
        heap_put(table, at, table->heap[below]);
        at = below;
    }
    heap_put(table, at, asked);
}

static void heap_add(struct asked_table *table, struct asked *asked)
{
    unsigned at = table->live_count++;

    heap_settle(table, at, asked);
}

static void heap_take(struct asked_table *table, const struct asked *asked)
{
    unsigned at = asked->heap_at;
    struct asked *last = table->heap[--table->live_count];

    if (last != asked)
        heap_settle(table, at, last);
}

struct asked *asked_soonest(const struct asked_table *table)
{
    return table->live_count > 0 ? table->heap[0] : NULL;
}

static struct asked *take_place(struct asked_table *table)
{
    struct asked *place = table->free;

    if (place != NULL) {
        table->free = place->next;
        place->msgid += ASKED_MAX;
        return place;
    }
    if (table->touched == ASKED_MAX)
        return NULL;
    place = &table->places[table->touched];
    place->msgid = table->touched++;
    return place;
}

static void give_place(struct asked_table *table, struct asked *place)
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
static uint8_t *copy_message(const struct params *params, const uint8_t *head, size_t head_bytes, uint8_t *at, struct question *question)
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
static int make_request(struct asked *asked, const struct kind *kind, const struct question *question, bool stamped)
{
    struct params params CLEANUP(params_clear) = {.own = NULL};
    uint8_t head[REQUEST_HEAD_BYTES_MAX];
    size_t head_bytes = request_head(head, asked->msgid, kind->name), bytes = head_bytes;

    if (kind->put(&params, question, stamped) != 0)
        return ASSAY_E_NO_MEMORY;
    for (unsigned i = 0; i < params.count; i++)
        bytes += params.parts[i].iov_len;
    size_t all = bytes + text_bytes(question->audience) + text_bytes(question->action) + text_bytes(question->resource);
    uint8_t *request = malloc(all);

    if (request == NULL)
        return ASSAY_E_NO_MEMORY;
    asked->question = *question;
    uint8_t *at = copy_message(&params, head, head_bytes, request, &asked->question);

    asked->question.audience = copy_text(&at, question->audience);
    asked->question.action = copy_text(&at, question->action);
    asked->question.resource = copy_text(&at, question->resource);
    asked->question.checks = NULL; /* the checks are in the message, and their number is enough to read the answer */
    asked->request_bytes = bytes;
    asked->bytes = all;
    asked->request = request;
    return 0;
}

int asked_add(struct asked_table *table, const struct kind *kind, const struct question *question, bool stamped, void *tag,
              int64_t deadline, struct asked **ret_asked)
{
    if (table->request_bytes > ASKED_BYTES_MAX - REQUEST_BYTES_MAX)
        return ASSAY_E_BUSY;
    struct asked *place = take_place(table);

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
    place->state = ASKED_LIVE;
    place->awaited = place->outlived = place->cancelled = false;
    place->number = table->numbers++;
    append(&table->live, place);
    heap_add(table, place);
    table->waiting++;
    *ret_asked = place;
    return 0;
}

bool asked_is_clogged(const struct asked_table *table)
{
    return table->free == NULL && table->touched == ASKED_MAX && table->given_up > 0;
}

struct asked *asked_find(const struct asked_table *table, uint32_t msgid)
{
    struct asked *asked = &table->places[msgid % ASKED_MAX];

    return asked->awaited && asked->msgid == msgid ? asked : NULL;
}

void asked_answered(struct asked_table *table, struct asked *asked)
{
    asked->awaited = false;
    if (asked->state != ASKED_LIVE)
        table->given_up--;
}

static void end_live(struct asked_table *table, struct asked *asked, enum asked_state state)
{
    withdraw(&table->live, asked);
    heap_take(table, asked);
    drop_request(table, asked);
    asked->state = state;
    if (asked->awaited)
        table->given_up++;
}

void asked_finish(struct asked_table *table, struct asked *asked, int status, int error)
{
    end_live(table, asked, ASKED_FINISHED);
    asked->status = status;
    asked->error = error;
    append(&table->finished, asked);
}

void asked_release(struct asked_table *table, struct asked *asked)
{
    if (asked->state == ASKED_LIVE) {
        end_live(table, asked, ASKED_NOT);
        if (!asked->cancelled)
            table->waiting--;
    }
    if (asked->state == ASKED_NOT && !asked->awaited)
        give_place(table, asked);
}

bool asked_fetch(struct asked_table *table, void **ret_tag, int *ret_status, int *ret_error)
{
    struct asked *asked;

    while ((asked = table->finished.first) != NULL) {
        const struct asked end = *asked;

        withdraw(&table->finished, asked);
        asked->state = ASKED_NOT;
        asked_release(table, asked);
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

void asked_await_none(struct asked_table *table)
{
    for (unsigned i = 0; i < table->touched; i++) {
        struct asked *asked = &table->places[i];

        if (!asked->awaited)
            continue;
        asked->awaited = false;
        if (asked->state == ASKED_NOT)
            give_place(table, asked);
    }
    table->given_up = 0;
}

static size_t cancel_in(struct asked_list *list, const void *tag)
{
    size_t count = 0;

    for (struct asked *asked = list->first; asked != NULL; asked = asked->next) {
        count += asked->tag == tag && !asked->cancelled;
        asked->cancelled = asked->cancelled || asked->tag == tag;
    }
    return count;
}

size_t asked_cancel(struct asked_table *table, const void *tag)
{
    size_t count = cancel_in(&table->live, tag) + cancel_in(&table->finished, tag);

    table->waiting -= count;
    return count;
}
