/* A token is a secret as long as it is valid. So it is wiped after use, and the help warns against giving it on the command line. */
#include "token_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/wire/cleanup.h"
#include "report.h"

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Files and pipes usually end in a newline, which is not part of the token. */
static void trim(struct token_text *token)
{
    size_t before = 0;

    while (token->count > 0 && is_space(token->bytes[token->count - 1]))
        token->count--;
    while (before < token->count && is_space(token->bytes[before]))
        before++;
    token->count -= before;
    memmove(token->bytes, token->bytes + before, token->count);
}

static int read_all(int fd, struct token_text *token)
{
    while (token->count < TOKEN_INPUT_BYTES_MAX) {
        ssize_t got = read(fd, token->bytes + token->count, TOKEN_INPUT_BYTES_MAX - token->count);

        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        token->count += (size_t)got;
    }
    return 0;
}

static int read_file(const char *file, bool optional, struct token_text *token)
{
    bool is_stdin = file == NULL || strcmp(file, "-") == 0;

    if (file == NULL && optional && isatty(STDIN_FILENO))
        return 0;
    int opened CLEANUP_FD = is_stdin ? -1 : open(file, O_RDONLY | O_CLOEXEC);

    if (!is_stdin && opened < 0)
        return report_bad_input("--token-file %s: %s", file, strerror(errno));
    if (is_stdin && isatty(STDIN_FILENO))
        fputs("assay: reading the token from this terminal; end with Enter and Ctrl-D\n", stderr);
    if (read_all(is_stdin ? STDIN_FILENO : opened, token) != 0)
        return report_bad_input("reading the token from %s: %s", is_stdin ? "stdin" : file, strerror(errno));
    trim(token);
    if (token->count == 0 && !optional)
        return report_bad_input("stdin or the file has no token; give a token by --token, --token-file or on stdin");
    return 0;
}

int token_text_read(const struct token_source *source, struct token_text *ret_token)
{
    if (source->text != NULL && source->file != NULL)
        return report_bad_input("--token and --token-file exclude each other; leave one out");
    struct token_text token CLEANUP(token_text_clear) = {NULL, 0};

    if (source->text != NULL) {
        token.count = strlen(source->text);
        token.bytes = strdup(source->text);
    } else {
        token.bytes = malloc(TOKEN_INPUT_BYTES_MAX);
    }
    if (token.bytes == NULL)
        return report_no_memory();
    int code = source->text != NULL ? 0 : read_file(source->file, source->optional, &token);

    if (code != 0)
        return code;
    *ret_token = token;
    token = (struct token_text){NULL, 0};
    return 0;
}

void token_text_clear(struct token_text *token)
{
    if (token->bytes != NULL)
        explicit_bzero(token->bytes, token->count);
    free(token->bytes);
    *token = (struct token_text){NULL, 0};
}
