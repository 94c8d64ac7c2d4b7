/* One line of the log, as JSON or as text. It is always whole: a value that does not fit is left out, and the line says how many were. */
#ifndef ASSAY_LOG_LINE_H
#define ASSAY_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_BYTES_MAX       4096 /* PIPE_BUF */
#define LOG_VALUE_BYTES_MAX 512

/* A named value of a line. A text of NULL is left out. */
struct log_field {
    const char *name;
    const char *text;
    int64_t number;
    bool is_number;
    bool is_json; /* the text is written as it is */
};
#define LOG_TEXT(name, text)     ((struct log_field){(name), (text), 0, false, false})
#define LOG_NUMBER(name, number) ((struct log_field){(name), NULL, (int64_t)(number), true, false})
#define LOG_JSON(name, text)     ((struct log_field){(name), (text), 0, false, true})

struct log_line {
    char text[LOG_LINE_BYTES_MAX];
    size_t used;
};

/* Writes the line, with the present time, and without the newline. There is room for one more byte behind it. */
void log_line_make(struct log_line *line, bool json, const char *level, const char *event, const struct log_field *fields, unsigned count);

/* Makes a JSON array of strings, for LOG_JSON. False: it does not fit, and the array is as before. */
void log_list_begin(struct log_line *list);
bool log_list_put(struct log_line *list, const char *text, size_t bytes);
const char *log_list_end(struct log_line *list);

#endif
