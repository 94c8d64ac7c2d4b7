/* MessagePack, as far as the wire needs it: one bounded cursor for every byte that comes from outside, a scan that says whether
   a message is whole before anything is allocated for it, and a writer into a buffer of fixed size. Shared by the agent and the
   library; neither the requests' nor the answers' shape is known here. Nothing here allocates. */
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
    WIRE_STR, /* str or bin: the protocol takes either */
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
        const char *str; /* into the message; not terminated */
    };
};

struct wire_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

enum wire_status {
    WIRE_BAD = -2,  /* no message begins like this, or it breaks a limit */
    WIRE_MORE = -1, /* the bytes end before the value does */
    WIRE_OK = 0,
};

/* Reads one item: a scalar whole, of an array or a map the head. Extension types and the byte 0xc1 are WIRE_BAD.
   *ret_item and the cursor are untouched unless WIRE_OK comes back. */
enum wire_status wire_next(struct wire_cursor *cursor, struct wire_item *ret_item);

/* Steps over one whole value. For bytes that wire_measure has passed. */
enum wire_status wire_skip(struct wire_cursor *cursor);

/* Does one whole value stand at the start of the bytes? WIRE_OK: *ret_bytes is its length. Counts are compared with `most_bytes`
   (the largest message there may be) and nodes with `most_nodes`, so that no count on the wire is ever believed. */
struct wire_limits {
    size_t most_bytes;
    uint32_t most_nodes;
    uint32_t most_depth; /* of arrays and maps inside each other; at most WIRE_DEPTH_MAX */
};
#define WIRE_DEPTH_MAX 32
enum wire_status wire_measure(const uint8_t *bytes, size_t size, const struct wire_limits *limits, size_t *ret_bytes);

/* True if the item is a string of exactly these characters. */
bool wire_is(const struct wire_item *item, const char *text);

/* The map at the cursor: finds the value of a key and leaves *ret_value at it. False if it is not a map or has no such key. */
bool wire_find(struct wire_cursor map, const char *key, struct wire_cursor *ret_value);

/* A writer. Once something did not fit, `full` is set and stays set, and nothing more is written: look once, at the end. */
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
void wire_put_str_head(struct wire_writer *writer, size_t bytes); /* the characters follow by wire_put_raw */
void wire_put_text(struct wire_writer *writer, const char *text); /* terminated; NULL is nil */
void wire_put_array(struct wire_writer *writer, uint32_t elements);
void wire_put_map(struct wire_writer *writer, uint32_t pairs);
void wire_put_raw(struct wire_writer *writer, const void *bytes, size_t size);

#endif
