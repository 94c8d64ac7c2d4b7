/* The four outcomes of a command, and how each is reported: as one line on stderr, or with --json as one object on stdout. */
#ifndef ASSAY_COMMAND_REPORT_H
#define ASSAY_COMMAND_REPORT_H

#include <stdbool.h>
#include <stddef.h>

enum exit_code {
    EXIT_YES = 0,       /* accepted, allowed, done, ready */
    EXIT_NO = 1,        /* refused, denied, not ready */
    EXIT_BAD_INPUT = 2, /* wrong usage, or a bad file */
    EXIT_UNDECIDED = 3, /* the agent is unreachable or could not decide */
};

void report_as_json(bool json);
bool report_is_json(void);

/* Each reports why, and returns the exit code. `name` is for programs: {"error": name, "message": …}. */
int report_no(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
int report_bad_input(const char *format, ...) __attribute__((format(printf, 1, 2)));
int report_undecided(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
int report_no_memory(void);

/* Ends a command that has written to stdout. If writing failed, the exit code is not EXIT_YES. */
int report_yes(void);


#endif
