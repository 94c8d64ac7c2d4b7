/* Makes text from outside safe for a terminal or a log line. */
#ifndef ASSAY_PRINTABLE_H
#define ASSAY_PRINTABLE_H

#include <stddef.h>

/* Replaces control characters, and bytes that are not UTF-8 (RFC 3629), by ?, so that no text moves the cursor or breaks a line. The
   length stays. */
void make_printable(char *text);

/* The same for bytes that need no terminating NUL; a NUL among them is a control character. */
void make_printable_bytes(char *text, size_t bytes);

#endif
