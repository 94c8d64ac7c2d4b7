/* Where a command's token comes from: the command line, a file, or stdin. */
#ifndef ASSAY_COMMAND_TOKEN_SOURCE_H
#define ASSAY_COMMAND_TOKEN_SOURCE_H

#include <stddef.h>

#include "options.h"

struct token_source {
    const char *text;
    const char *file;
    bool optional; /* an empty one is no token, and a terminal on stdin is not read */
};

#define TOKEN_OPTIONS(source)                                                                                                      \
    {"token", OPTION_TEXT, &(source).text, "T", "the token (other users can see it in the process list)"},                         \
    {                                                                                                                              \
        "token-file", OPTION_TEXT, &(source).file, "F", "the file with the token; - is stdin"                                      \
    }

/* No more is read: this is longer than any token that can be sent. */
#define TOKEN_INPUT_BYTES_MAX 65536

struct token_text {
    char *bytes;
    size_t count;
};

/* Reads the token, from stdin if the source names nothing, and removes white space around it. `count` is 0 only if the token is optional.
   Returns 0; on failure reports the error and returns the exit code. */
int token_text_read(const struct token_source *source, struct token_text *ret_token);

/* Wipes and frees it. */
void token_text_clear(struct token_text *token);

#endif
