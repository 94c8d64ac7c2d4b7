/* UTF-8 as defined by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef ASSAY_UTF8_H
#define ASSAY_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character at the beginning of the text, 1 to 4; 0: there is none. */
unsigned utf8_sequence(const char *text, size_t bytes);

bool utf8_is_valid(const char *text, size_t bytes);

/* How many bytes of the text, at most `most`, end with a whole character. */
size_t utf8_cut(const char *text, size_t bytes, size_t most);

/* A control character of U+0080 to U+009F in valid UTF-8. */
bool utf8_has_c1_control(const char *text, size_t bytes);

/* Steps over a byte order mark, which some editors and servers write in front of a text (RFC 8259 section 8.1 lets a reader ignore it). */
void utf8_skip_mark(const char **text, size_t *bytes);

#endif
