#include "doubt.h"

#include <stdio.h>
#include <string.h>

#define WORDS_BYTES_MAX 320 /* a socket's path and the system's error */

static struct assay_verdict *in_words(int status, int error, const char *words)
{
    return verdict_undecided(status, error, words, strlen(words));
}

struct assay_verdict *doubt_about(const struct channel *channel, int status, int error, const struct answer *answer)
{
    char words[WORDS_BYTES_MAX], buffer[128];

    if (answer != NULL && answer->error != 0)
        return verdict_undecided(status, 0, answer->text, answer->text_bytes);
    if (status != ASSAY_E_UNREACHABLE)
        return in_words(status, 0, assay_strerror(status));
    if (error == 0)
        snprintf(words, sizeof words, "the agent at %s cannot be reached", channel->address.sun_path);
    else
        snprintf(words, sizeof words, "the agent at %s cannot be reached: %s", channel->address.sun_path, strerror_r(error, buffer, sizeof buffer));
    return in_words(status, error, words);
}

int doubt_argument(const char *what, struct assay_verdict **ret)
{
    if (ret != NULL)
        *ret = in_words(ASSAY_E_ARGUMENT, 0, what);
    return ASSAY_E_ARGUMENT;
}
