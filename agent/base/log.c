#include "log.h"

#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

#include "journal.h"

static _Atomic(enum log_level) least = LOG_INFO;
static atomic_bool as_json = true;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_setup(enum log_level level, bool json)
{
    atomic_store(&least, level);
    atomic_store(&as_json, json);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, unsigned count)
{
    struct log_line line;

    if (level < atomic_load(&least))
        return;
    log_line_make(&line, atomic_load(&as_json), level_names[level], event, fields, count);
    if (journal_send(level, event, fields, count, line.text, line.used))
        return;
    line.text[line.used++] = '\n';
    /* A pipe that reports itself writable has room for a line, so the write cannot block. */
    struct pollfd writable = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t ignored = poll(&writable, 1, 0) == 1 ? write(STDERR_FILENO, line.text, line.used) : 0;

    (void)ignored;
}
