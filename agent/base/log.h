/* The agent's log: one line for each event, on stderr, as JSON or as text. Callers never pass a token, a key or a secret. */
#ifndef ASSAY_LOG_H
#define ASSAY_LOG_H

#include "log_line.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

void log_setup(enum log_level level, bool json);

/* May be called from any thread. Each line goes out in one write; if nobody reads stderr, the line is dropped and the call does not wait. */
void log_write(enum log_level level, const char *event, const struct log_field *fields, unsigned count);

#define LOG_FIELDS(...) (const struct log_field[]){LOG_TEXT(NULL, NULL), ##__VA_ARGS__}
#define LOG_LINE(level, event, ...) \
    log_write(level, event, LOG_FIELDS(__VA_ARGS__), (unsigned)(sizeof(LOG_FIELDS(__VA_ARGS__)) / sizeof(struct log_field)))
#define log_debug(event, ...) LOG_LINE(LOG_DEBUG, event, ##__VA_ARGS__)
#define log_info(event, ...) LOG_LINE(LOG_INFO, event, ##__VA_ARGS__)
#define log_warning(event, ...) LOG_LINE(LOG_WARNING, event, ##__VA_ARGS__)
#define log_error(event, ...) LOG_LINE(LOG_ERROR, event, ##__VA_ARGS__)

#endif
