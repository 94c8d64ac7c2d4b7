/* Requests whose token must be checked first, and how they continue afterwards. */
#include <stddef.h>

#include "http_inside.h"

/* Continues the connection before the loop waits. It may be in the list already: files were read and a decision came in the same turn. */
static void goes_on(struct http_conn *conn)
{
    if (conn->answered)
        return;
    conn->answered = true;
    conn->next_answered = conn->http->answered;
    conn->http->answered = conn;
}

static void on_decided(struct waiter *waiter, const struct decision *decision)
{
    struct http_conn *conn = (struct http_conn *)((char *)waiter - offsetof(struct http_conn, waiter));

    http_release(conn);
    if (!conn->open) {
        http_conn_free(conn);
        return;
    }
    if (conn->closing)
        return;
    conn->decided(conn, decision);
    if (conn->handling || conn->closing)
        return;
    goes_on(conn); /* other requests that wait for the same token are not answered yet: no new question may start here */
}

void http_take_up(struct http *http)
{
    for (struct http_conn *conn = http != NULL ? http->all : NULL; conn != NULL; conn = conn->next) {
        if (conn->in_bytes > 0 && !conn->handling && !conn->closing)
            goes_on(conn);
    }
}

void http_go_on(struct http *http)
{
    if (http != NULL)
        http_accept_on(http);
    while (http != NULL && http->answered != NULL) {
        struct http_conn *conn = http->answered;

        http->answered = conn->next_answered;
        conn->answered = false;
        http_conn_go_on(conn);
    }
}

/* W3C Trace Context section 3.2: version, trace, parent and flags in lower-case hex, of which any other version may have more. */
static bool is_traceparent(struct text text)
{
    static const char form[] = "00-00000000000000000000000000000000-0000000000000000-00";

    if (text.at == NULL || text.bytes != sizeof form - 1)
        return false;
    for (size_t i = 0; i < text.bytes; i++) {
        char c = text.at[i];

        if (form[i] == '-' ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

struct audited http_audited(struct http_conn *conn, const char *method)
{
    struct text trace = http_header(&conn->request, conn->in, HTTP_TRACEPARENT);

    audit_begin(conn->http->verdicts);
    conn->decides = true;
    return (struct audited){.peer = &conn->guest.peer, .method = method, .traceparent = is_traceparent(trace) ? trace : (struct text){NULL, 0}};
}

static void ask_later(struct http_conn *conn, const struct pending *pending, struct text audience)
{
    if (!http_hold(conn)) {
        http_error(conn, 503, "overloaded", "this user has too many requests under way; try again");
        return;
    }
    conn->waiter = (struct waiter){
        .line = &conn->guest.line, .audience = (char *)audience.at, .audience_bytes = audience.bytes, .bounds = &conn->guest.peer.bounds, .decided = on_decided};
    if (decide_later(conn->http->verdicts, pending, &conn->waiter) == 0)
        return;
    http_release(conn);
    http_error(conn, 503, "overloaded", "too many signature checks are queued; try again");
}

void http_ask(struct http_conn *conn, struct text token, struct text audience,
              void (*decided)(struct http_conn *conn, const struct decision *decision))
{
    struct decision decision;
    struct pending pending;

    conn->decided = decided;
    if (decide_now(conn->http->verdicts, token, audience, &conn->guest.peer.bounds, false, &decision, &pending))
        decided(conn, &decision);
    else
        ask_later(conn, &pending, audience);
}
