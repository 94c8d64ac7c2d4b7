/* Reads one line of a revocation feed: a JSON object that is a record, or {"undo": record}. */
#ifndef ASSAY_LINE_H
#define ASSAY_LINE_H

#include "agent/revocation/record.h"

struct line {
    struct record record; /* points into the reader */
    bool undo;
};

/* Memory for one line at a time; each thread has its own. */
struct line_reader;
struct line_reader *line_reader_new(void);         /* NULL: out of memory */
void line_reader_free(struct line_reader *reader); /* NULL is fine */

/* NULL: the line was read, and is valid until the next one is; otherwise what is wrong with it. Without its newline. */
extern const char line_failed[]; /* the line may be good: out of memory */
extern const char line_broken[]; /* the line is not a JSON object, or only a part of one */
const char *line_read(struct line_reader *reader, const char *text, size_t bytes, struct line *ret);

#endif
