/* Where a command's token comes from: the command line, a file, or stdin. */
#ifndef ASSAY_COMMAND_TOKEN_SOURCE_H
#define ASSAY_COMMAND_TOKEN_SOURCE_H

#include <stddef.h>

#include "options.h"

struct token_source {
    const char *text;
    const char *file;
    bool optional; /* an empty one is none, and nobody is asked for one at a terminal */
};

#define TOKEN_OPTIONS(source)                                                                                                      \
    {"token", OPTION_TEXT, &(source).text, "T", "the token (other users can see it in the list of processes)"},                    \
    {                                                                                                                              \
        "token-file", OPTION_TEXT, &(source).file, "F", "the file that holds it, - for stdin"                                      \
    }

/* More is not read: it is longer than anything that can be sent. */
#define TOKEN_INPUT_BYTES_MAX 65536

struct token_text {
    char *bytes;
    size_t count;
};

/* Reads the token, stdin if the source names nothing, without white space around it. 0, or told and the exit code. Only of an optional
   one `count` may be 0. */
int token_text_read(const struct token_source *source, struct token_text *ret_token);

/* Wipes and frees it. */
void token_text_clear(struct token_text *token);

#endif
