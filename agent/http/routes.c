/* Routes a request: by its path, its method, and the peer's rights. */
#include <string.h>
#include <strings.h>

#include "agent/rpc/request.h"
#include "http_inside.h"

static const struct route {
    const char *path;
    bool is_prefix;
    const char *allow; /* NULL: any method, because the method is a part of the question */
    enum right right;
    void (*call)(struct http_conn *conn);
} routes[] = {
    {"/auth", false, "GET, HEAD", RIGHT_AUTHORIZE, http_auth},     {"/forward", false, "GET, HEAD", RIGHT_AUTHORIZE, http_forward},
    {"/ext_authz/", true, NULL, RIGHT_AUTHORIZE, http_ext_authz},  {"/verify", false, "POST", RIGHT_VERIFY, http_verify},
    {"/introspect", false, "POST", RIGHT_VERIFY, http_introspect}, {"/healthz", false, "GET, HEAD", RIGHT_PING, http_healthz},
    {"/readyz", false, "GET, HEAD", RIGHT_PING, http_readyz},
};

void http_answer_json(struct http_conn *conn, unsigned status, const struct http_out *body)
{
    struct http_out *out = http_answer_begin(conn, status);

    out->failed = out->failed || body->failed;
    http_put_header(out, "Cache-Control", "no-store");
    http_answer_end(conn, "application/json", (struct text){body->start, body->bytes});
}

static struct http_out *put_error(struct http_conn *conn, const char *error, const char *message)
{
    struct http_out *body = &conn->http->body;

    body->bytes = 0;
    body->failed = false;
    http_put_text(body, "{\"error\":");
    http_put_json_text(body, error, strlen(error));
    http_put_text(body, ",\"message\":");
    http_put_json_text(body, message, strlen(message));
    http_put_text(body, "}");
    return body;
}

void http_error(struct http_conn *conn, unsigned status, const char *error, const char *message)
{
    http_answer_json(conn, status, put_error(conn, error, message));
}

void http_bad_request(struct http_conn *conn, const char *message)
{
    http_error(conn, 400, wire_error_name(ERROR_BAD_REQUEST), message);
}

void http_undecided(struct http_conn *conn, const struct decision *decision)
{
    const char *why = decision->why;
    enum wire_error error = wire_error_of(decision->doubt, &why);

    http_error(conn, error == ERROR_RATE_LIMITED ? 429 : 503, wire_error_name(error), why);
}

static void refuse_method(struct http_conn *conn, const char *allow)
{
    const struct http_out *body = put_error(conn, wire_error_name(ERROR_UNKNOWN_METHOD), "this path does not support that method");
    struct http_out *out = http_answer_begin(conn, 405);

    http_put_header(out, "Allow", allow);
    http_answer_end(conn, "application/json", (struct text){body->start, body->bytes});
}

static bool is_allowed(const char *allow, struct text method)
{
    return allow == NULL || text_is(method, allow, strcspn(allow, ",")) ||
           (strchr(allow, ',') != NULL && text_is(method, "HEAD", 4));
}

static const struct route *find(struct text path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        size_t bytes = strlen(routes[i].path);

        if (routes[i].is_prefix ? path.bytes >= bytes && memcmp(path.at, routes[i].path, bytes) == 0
                                : text_is(path, routes[i].path, bytes))
            return &routes[i];
    }
    return NULL;
}

/* A name that only this machine has. A page in a browser can make its own name resolve to this machine, but its requests do not carry one of these
   names. */
static bool is_loopback(struct text host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t bytes = strlen(names[i]), at = bytes + 1;

        if (host.bytes < bytes || strncasecmp(host.at, names[i], bytes) != 0)
            continue;
        while (at < host.bytes && host.at[at] >= '0' && host.at[at] <= '9')
            at++;
        if (host.bytes == bytes || (host.at[bytes] == ':' && at == host.bytes && at > bytes + 1))
            return true;
    }
    return false;
}

/* False: the request has been answered with an error. */
static bool may(struct http_conn *conn, const struct route *route)
{
    char words[PEER_WORDS_BYTES];

    switch (peer_ask(&conn->guest.peer, route->right, uv_now(conn->http->core->loop))) {
    case PEER_MAY:
        return true;
    case PEER_LIMITED:
        http_error(conn, 429, wire_error_name(ERROR_RATE_LIMITED), "this peer is over its `rate`");
        return false;
    default:
        peer_explain(&conn->guest.peer, route->right, route->path, words);
        http_error(conn, 403, wire_error_name(ERROR_FORBIDDEN),
                   conn->http->is_tcp ? "callers over TCP may not call this; see `http.peer`" : words);
        guest_log_stranger(&conn->guest);
        return false;
    }
}

void http_route(struct http_conn *conn)
{
    const struct http_request *request = &conn->request;
    struct text target = http_text(request->target, conn->in), path = target, method = http_text(request->method, conn->in);
    const char *query = memchr(target.at, '?', target.bytes);

    conn->http->accounts->facts.requests++;
    if (query != NULL)
        path.bytes = (size_t)(query - path.at);
    const struct route *route = find(path);
    struct text host = http_header(request, conn->in, HTTP_HOST);

    if (conn->http->is_tcp && (host.at == NULL || !is_loopback(host)))
        http_error(conn, host.at == NULL ? 400 : 421, wire_error_name(ERROR_BAD_REQUEST),
                   "Host must be localhost, 127.0.0.1 or [::1]");
    else if (route == NULL)
        http_error(conn, 404, wire_error_name(ERROR_UNKNOWN_METHOD), "there is nothing at this path");
    else if (!is_allowed(route->allow, method))
        refuse_method(conn, route->allow);
    else if (may(conn, route))
        route->call(conn);
}
