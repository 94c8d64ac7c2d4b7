/* What json.c and json_text.c share. */
#ifndef ASSAY_JSON_PARSER_H
#define ASSAY_JSON_PARSER_H

#include "json.h"

/* Names of the open objects: the position of each in the output, and a hash to compare them quickly. A token cannot have more than these: its
   payload has at most 12 KiB, and its shortest member has 5 bytes. */
#define NAMES_MAX 4096

struct name {
    uint32_t hash;
    uint32_t offset; /* in the output */
};

struct parser {
    const char *at;
    const char *end;
    unsigned depth_left;
    struct wire_writer *out;
    struct json_fault fault;
    unsigned names;
    struct name name[NAMES_MAX];
};

/* Records the fault at `at`. Returns -1, which the caller returns: nothing is read after a fault. */
static inline int json_fail(struct parser *p, const char *at, const char *why)
{
    p->fault.at = at;
    p->fault.why = why;
    return -1;
}

static inline int json_ended(struct parser *p)
{
    return json_fail(p, p->end, "it ends before it is whole");
}

/* Something other than expected follows, or the text ends here. */
static inline int json_fail_here(struct parser *p, const char *why)
{
    return p->at < p->end ? json_fail(p, p->at, why) : json_ended(p);
}

static inline int json_take(struct parser *p, char expected)
{
    if (p->at == p->end || *p->at != expected)
        return -1;
    p->at++;
    return 0;
}

/* Reads the characters of a string up to and including its closing quote, and appends them to the output without a head. 0, or -1 if they are not
   UTF-8, or contain a control character, a NUL, a lone surrogate or an invalid escape. */
int json_characters(struct parser *p);

#endif
