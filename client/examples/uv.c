/* The same as epoll.c with libuv: a uv_poll_t watches the handle's descriptor.
   cc uv.c $(pkg-config --cflags --libs libassay libuv) */
#include <assay/assay.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

static struct assay *assay;
static uv_poll_t agent, input;

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

/* If no more lines and no more answers will come, stops watching: the loop then ends. */
static void stop_if_done(void)
{
    if (!uv_is_active((uv_handle_t *)&input) && assay_waiting(assay) == 0)
        uv_poll_stop(&agent);
}

static void on_answers(uv_poll_t *handle, int error, int events)
{
    struct assay_verdict *verdict;
    void *tag;
    int status;

    (void)handle, (void)error, (void)events;
    while ((status = assay_process(assay, &tag, &verdict)) != ASSAY_E_PENDING)
        tell(tag, status, verdict);
    stop_if_done();
}

static void ask(const char *token, size_t bytes)
{
    static size_t line;
    void *tag = (void *)++line; /* most programs use a request here */
    struct assay_verdict *verdict;
    int status = assay_send_verify(assay, token, bytes, "orders", tag, &verdict);

    if (status != ASSAY_E_PENDING) /* the answer is known at once */
        tell(tag, status, verdict);
}

static void on_input(uv_poll_t *handle, int error, int events)
{
    static char buffer[65536];
    static size_t filled;
    ssize_t got = read(STDIN_FILENO, buffer + filled, sizeof buffer - filled);
    char *line = buffer, *end;

    (void)error, (void)events;
    if (got <= 0) {
        uv_poll_stop(handle);
        stop_if_done();
        return;
    }
    filled += (size_t)got;
    while ((end = memchr(line, '\n', filled)) != NULL) {
        ask(line, (size_t)(end - line));
        filled -= (size_t)(end + 1 - line);
        line = end + 1;
    }
    memmove(buffer, line, filled);
}

int main(void)
{
    static const struct assay_options options = {.size = sizeof options, .timeout_ms = 2000};
    uv_loop_t *loop = uv_default_loop();

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (assay_open(&assay, NULL, &options) != 0)
        return 2;
    int fd;

    if (assay_fd(assay, &fd) != 0 || uv_poll_init(loop, &agent, fd) != 0 || uv_poll_init(loop, &input, STDIN_FILENO) != 0)
        return 2;
    uv_poll_start(&agent, UV_READABLE, on_answers);
    uv_poll_start(&input, UV_READABLE, on_input);
    uv_run(loop, UV_RUN_DEFAULT);
    assay_close(assay);
    return 0;
}
