/* MessagePack, as far as the protocol needs it: one bounded cursor for every byte from outside, a scan that tells whether a message is
   whole before anything is allocated for it, and a writer into a buffer of fixed size. The agent and the library share it. It does not
   know the form of requests or answers, and allocates nothing. */
#ifndef ASSAY_WIRE_H
#define ASSAY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type {
    WIRE_NIL = 1,
    WIRE_BOOL,
    WIRE_UINT, /* 0 and above */
    WIRE_INT,  /* below 0 */
    WIRE_DOUBLE,
    WIRE_STR, /* str or bin: the protocol takes both */
    WIRE_ARRAY,
    WIRE_MAP,
};

struct wire_item {
    enum wire_type type;
    uint32_t count; /* array: elements; map: pairs; str: bytes */
    union {
        bool boolean;
        uint64_t uint;
        int64_t sint;
        double real;
        const char *str; /* points into the message; not terminated */
    };
};

struct wire_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

enum wire_status {
    WIRE_BAD = -2,  /* no message begins like this, or it exceeds a limit */
    WIRE_MORE = -1, /* the bytes end before the value does */
    WIRE_OK = 0,
};

/* Reads one item: a whole scalar, or the head of an array or map. Extension types and the byte 0xc1 are WIRE_BAD. Changes *ret_item and
   the cursor only if it returns WIRE_OK. */
enum wire_status wire_next(struct wire_cursor *cursor, struct wire_item *ret_item);

/* Steps over one whole value. The bytes must have passed wire_measure. */
enum wire_status wire_skip(struct wire_cursor *cursor);

/* Tells whether the bytes begin with one whole value. WIRE_OK: *ret_bytes is its length. Compares counts with `most_bytes` (the largest
   allowed message) and nodes with `most_nodes`, so that it trusts no count in the message. */
struct wire_limits {
    size_t most_bytes;
    uint32_t most_nodes;
    uint32_t most_depth; /* of nested arrays and maps; at most WIRE_DEPTH_MAX */
};
#define WIRE_DEPTH_MAX 32
enum wire_status wire_measure(const uint8_t *bytes, size_t size, const struct wire_limits *limits, size_t *ret_bytes);

/* True if the item is a string of exactly these characters. */
bool wire_is(const struct wire_item *item, const char *text);

/* Finds the value of a key in the map at the cursor, and sets *ret_value to it. False: it is not a map, or has no such key. */
bool wire_find(struct wire_cursor map, const char *key, struct wire_cursor *ret_value);

/* A writer. If something does not fit, it sets `full`, and writes nothing more. Check `full` once, at the end. */
struct wire_writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool full;
};

void wire_writer_init(struct wire_writer *writer, void *buffer, size_t size);
size_t wire_written(const struct wire_writer *writer);
void wire_put_nil(struct wire_writer *writer);
void wire_put_bool(struct wire_writer *writer, bool value);
void wire_put_uint(struct wire_writer *writer, uint64_t value);
void wire_put_int(struct wire_writer *writer, int64_t value);
void wire_put_double(struct wire_writer *writer, double value);
void wire_put_str(struct wire_writer *writer, const char *text, size_t bytes);
void wire_put_str_head(struct wire_writer *writer, size_t bytes); /* wire_put_raw writes the characters */
void wire_put_text(struct wire_writer *writer, const char *text); /* terminated; NULL is nil */
void wire_put_array(struct wire_writer *writer, uint32_t elements);
void wire_put_map(struct wire_writer *writer, uint32_t pairs);
void wire_put_raw(struct wire_writer *writer, const void *bytes, size_t size);

#endif
