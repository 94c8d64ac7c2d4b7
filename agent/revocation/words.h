/* How the list lies in the store: a record's value is a word for each source that holds it; sources have numbers; and words are counted by
   issuer, kind and source. */
#ifndef ASSAY_WORDS_H
#define ASSAY_WORDS_H

#include "agent/state/store.h"
#include "record.h"

struct word {
    uint16_t source;
    int64_t before;
    int64_t exp;
};
#define WORD_BYTES 18

/* A record's words, copied out of the store. */
struct words {
    unsigned count;
    struct word word[REVOCATION_SOURCES_MAX];
};

/* 1: there are some; 0: there are none; -1: the store failed, or what is there was not written here. */
int words_read(struct view *view, const uint8_t key[RECORD_KEY_BYTES], struct words *words);
int words_write(struct view *view, const uint8_t key[RECORD_KEY_BYTES], const struct words *words); /* 0 or -1 */
struct word word_read(const uint8_t *at);

/* A source's number, which `make` gives to a new one. 1: it has one; 0: it has none; -1: the store failed, or there are too many. */
int source_number(struct view *view, const char *source, bool make, uint16_t *ret);
int source_name(struct view *view, uint16_t number, char name[256]); /* 0 or -1 */

/* One word more or less of that source. 0 or -1. */
int words_count(struct view *view, const struct record *record, uint16_t source, int64_t change);

/* Numbers in the store are little-endian. */
void store_number(uint8_t *out, uint64_t value, unsigned size);
uint64_t stored_number(const uint8_t *in, unsigned size);

#endif
