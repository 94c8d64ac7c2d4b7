/* The four ways in which a command ends, and how each is said: one line on stderr, or with --json one object on stdout. */
#ifndef ASSAY_COMMAND_REPORT_H
#define ASSAY_COMMAND_REPORT_H

#include <stdbool.h>
#include <stddef.h>

enum exit_code {
    EXIT_YES = 0,       /* valid, allowed, done, ready */
    EXIT_NO = 1,        /* refused, denied, not ready */
    EXIT_BAD_INPUT = 2, /* usage, or a file that is not what it should be */
    EXIT_UNDECIDED = 3, /* the agent could not be asked, or could not say */
};

void report_as_json(bool json);
bool report_is_json(void);

/* Each says why and returns the exit code. `name` is for programs: {"error": name, "message": …}. */
int report_no(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
int report_bad_input(const char *format, ...) __attribute__((format(printf, 1, 2)));
int report_undecided(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
int report_no_memory(void);

/* Ends a command that has written to stdout: what could not be written is not a yes. */
int report_yes(void);


#endif
