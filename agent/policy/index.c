#include "index.h"

#include <stdlib.h>
#include <string.h>

#include "pattern.h"

#define NONE UINT32_MAX
#define ROOT 0
#define ANYWHERE 1 /* a separate node, for rules without resources */

/* The edges of a node, by text. */
enum edge_kind {
    EDGE_LITERAL,     /* a segment: a node */
    EDGE_HERE,        /* an action, if the pattern ends here: a list of rules */
    EDGE_BELOW,       /* an action, if the pattern ends in ** : a list of rules */
};

struct edge {
    uint32_t node; /* NONE: the slot is free */
    enum edge_kind kind;
    struct text text;
    uint32_t to; /* a node, or the first of a list */
};

struct node {
    uint32_t star;                 /* the node of `*` */
    uint32_t claims;               /* the first of the nodes of {claim} */
    uint32_t next_claim;           /* this node's, if it is one of those */
    struct text claim;             /* and the claim's name */
    uint32_t here_any, below_any;  /* lists of rules without actions */
    bool has_here, has_below;      /* there are lists by action */
};

struct item {
    const struct rule *rule;
    uint32_t next;
};

struct index {
    bool folds_words; /* words are in lower case here, and a request's may be in any */
    struct node *nodes;
    struct item *items;
    struct edge *edges;
    uint32_t node_count, node_room, item_count, item_room, edge_count, edge_room; /* edge_room: a power of two, at least twice the count */
};

static uint32_t hash_of(uint32_t node, enum edge_kind kind, struct text text, bool folds)
{
    uint32_t hash = (2166136261U ^ node) * 16777619U ^ (uint32_t)kind;

    for (size_t i = 0; i < text.bytes; i++) {
        char c = folds ? letter_lower(text.at[i]) : text.at[i];

        hash = (hash ^ (uint8_t)c) * 16777619U;
    }
    return hash ^ hash >> 15;
}

static struct edge *slot_of(const struct index *index, uint32_t node, enum edge_kind kind, struct text text)
{
    bool folds = index->folds_words && kind == EDGE_LITERAL;
    uint32_t mask = index->edge_room - 1, at = hash_of(node, kind, text, folds) & mask;

    while (index->edges[at].node != NONE) {
        const struct edge *edge = &index->edges[at];

        if (edge->node == node && edge->kind == kind && texts_are_alike(edge->text, text, folds))
            break;
        at = (at + 1) & mask;
    }
    return &index->edges[at];
}

static int grow_edges(struct index *index)
{
    struct edge *old = index->edges;
    uint32_t old_room = index->edge_room, room = old_room == 0 ? 256 : old_room * 2;

    index->edges = calloc(room, sizeof *index->edges);
    if (index->edges == NULL) {
        index->edges = old;
        return -1;
    }
    index->edge_room = room;
    for (uint32_t i = 0; i < room; i++)
        index->edges[i].node = NONE;
    for (uint32_t i = 0; i < old_room; i++) {
        if (old[i].node != NONE)
            *slot_of(index, old[i].node, old[i].kind, old[i].text) = old[i];
    }
    free(old);
    return 0;
}

/* The edge, created without a target if it did not exist. NULL: out of memory. */
static struct edge *make_edge(struct index *index, uint32_t node, enum edge_kind kind, struct text text)
{
    if (index->edge_count * 2 >= index->edge_room && grow_edges(index) < 0)
        return NULL;
    struct edge *edge = slot_of(index, node, kind, text);

    if (edge->node == NONE) {
        *edge = (struct edge){node, kind, text, NONE};
        index->edge_count++;
    }
    return edge;
}

static void *room_for(void *array, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return array;
    uint32_t larger = *room == 0 ? 64 : *room * 2;
    void *more = realloc(array, larger * size);

    if (more != NULL)
        *room = larger;
    return more;
}

static uint32_t make_node(struct index *index)
{
    struct node *nodes = room_for(index->nodes, index->node_count, &index->node_room, sizeof *nodes);

    if (nodes == NULL)
        return NONE;
    index->nodes = nodes;
    nodes[index->node_count] = (struct node){.star = NONE, .claims = NONE, .next_claim = NONE, .here_any = NONE, .below_any = NONE};
    return index->node_count++;
}

static uint32_t star_child(struct index *index, uint32_t node)
{
    if (index->nodes[node].star == NONE) {
        uint32_t child = make_node(index);

        index->nodes[node].star = child;
    }
    return index->nodes[node].star;
}

static uint32_t claim_child(struct index *index, uint32_t node, struct text claim)
{
    for (uint32_t child = index->nodes[node].claims; child != NONE; child = index->nodes[child].next_claim) {
        if (text_is(index->nodes[child].claim, claim.at, claim.bytes))
            return child;
    }
    uint32_t child = make_node(index);

    if (child == NONE)
        return NONE;
    index->nodes[child].claim = claim;
    index->nodes[child].next_claim = index->nodes[node].claims;
    index->nodes[node].claims = child;
    return child;
}

static uint32_t literal_child(struct index *index, uint32_t node, struct text segment)
{
    struct edge *edge = make_edge(index, node, EDGE_LITERAL, segment);

    if (edge == NULL)
        return NONE;
    if (edge->to == NONE)
        edge->to = make_node(index);
    return edge->to;
}

static int add_item(struct index *index, uint32_t *list, const struct rule *rule)
{
    struct item *items = room_for(index->items, index->item_count, &index->item_room, sizeof *items);

    if (items == NULL)
        return -1;
    index->items = items;
    items[index->item_count] = (struct item){rule, *list};
    *list = index->item_count++;
    return 0;
}

static int add_rule_at(struct index *index, uint32_t node, bool below, const struct rule *rule)
{
    if (rule->actions.count == 0)
        return add_item(index, below ? &index->nodes[node].below_any : &index->nodes[node].here_any, rule);
    *(below ? &index->nodes[node].has_below : &index->nodes[node].has_here) = true;
    for (unsigned i = 0; i < rule->actions.count; i++) {
        struct edge *edge = make_edge(index, node, below ? EDGE_BELOW : EDGE_HERE, rule->actions.list[i]);

        if (edge == NULL || add_item(index, &edge->to, rule) < 0)
            return -1;
    }
    return 0;
}

static uint32_t word_child(struct index *index, struct arena *arena, uint32_t node, struct text segment)
{
    bool as_it_stands = !index->folds_words && memchr(segment.at, '%', segment.bytes) == NULL;

    return literal_child(index, node, as_it_stands ? segment : pattern_word(segment, index->folds_words, arena_get(arena, segment.bytes)));
}

static int add_pattern(struct index *index, struct arena *arena, struct text pattern, const struct rule *rule)
{
    uint32_t node = ROOT;

    while (pattern.bytes > 1) {
        bool first = node == ROOT;
        struct text segment = pattern_cut(&pattern);

        if (text_is(segment, "**", 2)) {
            if (first && add_rule_at(index, ROOT, false, rule) < 0) /* a pattern for the whole tree includes its root */
                return -1;
            return add_rule_at(index, node, true, rule);
        }
        if (text_is(segment, "*", 1))
            node = star_child(index, node);
        else
            node = segment_is_claim(segment) ? claim_child(index, node, segment_claim(segment)) : word_child(index, arena, node, segment);
        if (node == NONE)
            return -1;
    }
    return add_rule_at(index, node, false, rule);
}

struct index *index_new(struct policy *policy, bool denials)
{
    struct index *index = calloc(1, sizeof *index);
    bool whole = index != NULL && grow_edges(index) == 0 && make_node(index) == ROOT && make_node(index) == ANYWHERE;

    if (whole)
        index->folds_words = policy->ignores_case;
    for (unsigned i = 0; whole && i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];

        if (denials && (!rule->deny || rule->patterns.count == 0))
            continue;
        if (rule->patterns.count == 0)
            whole = add_rule_at(index, ANYWHERE, false, rule) == 0;
        for (unsigned k = 0; whole && k < rule->patterns.count; k++)
            whole = add_pattern(index, &policy->arena, rule->patterns.list[k], rule) == 0;
    }
    if (whole)
        return index;
    index_free(index);
    return NULL;
}

void index_free(struct index *index)
{
    if (index == NULL)
        return;
    free(index->nodes);
    free(index->items);
    free(index->edges);
    free(index);
}

struct walk {
    const struct index *index;
    struct text action;
    const struct resource *resource;
    const struct claims *claims;
    bool folds_claims;
    void (*meet)(void *context, const struct rule *rule);
    void *context;
};

static void meet_list(const struct walk *walk, uint32_t item)
{
    for (; item != NONE; item = walk->index->items[item].next)
        walk->meet(walk->context, walk->index->items[item].rule);
}

static void meet_rules(const struct walk *walk, uint32_t at, bool below)
{
    const struct node *node = &walk->index->nodes[at];

    meet_list(walk, below ? node->below_any : node->here_any);
    if (!(below ? node->has_below : node->has_here))
        return;
    const struct edge *edge = slot_of(walk->index, at, below ? EDGE_BELOW : EDGE_HERE, walk->action);

    if (edge->node != NONE)
        meet_list(walk, edge->to);
}

/* Each step goes one segment down, so RESOURCE_SEGMENTS_MAX bounds the depth. */
static void visit(const struct walk *walk, uint32_t at, unsigned depth)
{
    const struct node *node = &walk->index->nodes[at];

    if (depth == walk->resource->count) {
        meet_rules(walk, at, false);
        return;
    }
    struct text segment = walk->resource->segments[depth];
    const struct edge *edge = slot_of(walk->index, at, EDGE_LITERAL, segment);

    meet_rules(walk, at, true);
    if (edge->node != NONE)
        visit(walk, edge->to, depth + 1);
    if (node->star != NONE)
        visit(walk, node->star, depth + 1);
    for (uint32_t child = node->claims; child != NONE; child = walk->index->nodes[child].next_claim) {
        if (claim_fills(walk->claims, walk->index->nodes[child].claim, segment, walk->folds_claims))
            visit(walk, child, depth + 1);
    }
}

void index_walk(const struct index *index, struct text action, const struct resource *resource, const struct claims *claims,
                bool folds_claims, void (*meet)(void *context, const struct rule *rule), void *context)
{
    struct walk walk = {index, action, resource, claims, folds_claims, meet, context};

    meet_rules(&walk, ANYWHERE, false);
    visit(&walk, ROOT, 0);
}
