/* Reads tokens from standard input, one per line, and prints the answer to each as it comes: many questions at a time, in one thread
   that waits in one place. cc epoll.c $(pkg-config --cflags --libs libassay) */
#include <assay/assay.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void tell(void *tag, int status, struct assay_verdict *verdict)
{
    const char *subject = assay_verdict_subject(verdict);
    size_t line = (size_t)tag;

    if (status == 0)
        printf("%zu yes: %s\n", line, subject != NULL ? subject : "-");
    else if (status == ASSAY_E_REFUSED)
        printf("%zu no: %s\n", line, assay_verdict_reason(verdict));
    else
        printf("%zu undecided: %s\n", line, assay_strerror(status));
    assay_verdict_free(verdict);
}

static void ask(struct assay *assay, const char *token, size_t bytes)
{
    static size_t line;
    void *tag = (void *)++line; /* most programs use a request here */
    struct assay_verdict *verdict;
    int status = assay_send_verify(assay, token, bytes, "orders", tag, &verdict);

    if (status != ASSAY_E_PENDING) /* the answer is known at once */
        tell(tag, status, verdict);
}

/* False: there are no more lines. */
static bool read_lines(struct assay *assay)
{
    static char buffer[65536];
    static size_t filled;
    ssize_t got = read(STDIN_FILENO, buffer + filled, sizeof buffer - filled);
    char *line = buffer, *end;

    if (got <= 0)
        return false;
    filled += (size_t)got;
    while ((end = memchr(line, '\n', filled)) != NULL) {
        ask(assay, line, (size_t)(end - line));
        filled -= (size_t)(end + 1 - line);
        line = end + 1;
    }
    memmove(buffer, line, filled);
    return true;
}

static void fetch_answers(struct assay *assay)
{
    struct assay_verdict *verdict;
    void *tag;
    int status;

    while ((status = assay_process(assay, &tag, &verdict)) != ASSAY_E_PENDING)
        tell(tag, status, verdict);
}

int main(void)
{
    static const struct assay_options options = {.size = sizeof options, .timeout_ms = 2000};
    struct assay *assay;
    struct epoll_event event = {.events = EPOLLIN};
    int loop = epoll_create1(EPOLL_CLOEXEC), fd;
    bool more = true;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (loop < 0 || assay_open(&assay, NULL, &options) != 0)
        return 2;
    if (assay_fd(assay, &fd) != 0)
        return 2;
    event.data.fd = fd;
    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) != 0)
        return 2;
    event.data.fd = STDIN_FILENO;
    if (epoll_ctl(loop, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0)
        return 2;
    while (more || assay_waiting(assay) > 0) {
        if (epoll_wait(loop, &event, 1, -1) != 1)
            continue;
        if (event.data.fd != STDIN_FILENO) {
            fetch_answers(assay);
        } else if (!read_lines(assay)) {
            more = false;
            epoll_ctl(loop, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        }
    }
    assay_close(assay);
    close(loop);
    return 0;
}
