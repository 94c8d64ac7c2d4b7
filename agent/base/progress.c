#include "progress.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "limits.h"
#include "notify.h"

void progress_show(const char *source, uint64_t done, uint64_t all, uint64_t lines)
{
    static atomic_bool shown;
    bool terminal = isatty(STDERR_FILENO) == 1;

    if (source == NULL) {
        if (shown && terminal)
            fputs("\r\033[K", stderr);
        shown = false;
        return;
    }
    unsigned percent = all > 0 ? (unsigned)(done * 100 / all) : 100;

    shown = true;
    if (terminal)
        fprintf(stderr, "\r\033[Kassayd: reading revocations, %s: %u %%, %" PRIu64 " lines", source, percent, lines);
    char status[SOURCE_NAME_BYTES + 64];

    snprintf(status, sizeof status, "reading revocations, %s: %u %%", source, percent);
    notify_status(status);
}
