/* One HTTPS request, from its options for libcurl to its result. Runs on the HTTPS thread. */
#include "names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "assay/status.h"
#include "authorities.h"
#include "client/wire/clock.h"
#include "reading.h"
#include "threads.h"
#include "url.h"

/* The body of an answer other than 200 is not used. */
static size_t pass_on(struct https_request *request, const char *bytes, size_t size)
{
    const struct transfer *transfer = request->handle;
    long status = 0;

    request->size += size;
    (void)curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    return status != 200 || request->take(request, bytes, size) ? size : 0;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *context)
{
    struct https_request *request = context;
    char *larger = NULL;

    (void)one;
    request->too_much = size > request->bytes_max - request->size;
    if (!request->too_much && request->take != NULL)
        return pass_on(request, bytes, size);
    if (!request->too_much)
        larger = realloc(request->body, request->size + size + 1);
    if (larger == NULL)
        return 0;
    request->body = larger;
    memcpy(larger + request->size, bytes, size);
    request->size += size;
    larger[request->size] = '\0';
    return size;
}

/* A server that sends a little now and then could delay the data that has arrived for any time. */
static int on_progress(void *context, curl_off_t all, curl_off_t size, curl_off_t all_sent, curl_off_t sent)
{
    struct https_request *request = context;
    double seconds = (double)(monotonic_ns() - request->asked) / (double)NS_PER_S;

    (void)all;
    (void)all_sent;
    (void)sent;
    request->too_slow = seconds > FEED_ANSWER_SECONDS_FIRST + (double)size / FEED_ANSWER_BYTES_PER_SECOND;
    return request->too_slow ? 1 : 0;
}

static void add_header(struct https_request *request, const char *format, const char *value)
{
    char line[16384];

    if (value == NULL || *value == '\0' || snprintf(line, sizeof line, format, value) >= (int)sizeof line)
        return;
    struct curl_slist *more = curl_slist_append(request->headers, line);

    explicit_bzero(line, sizeof line);
    if (more != NULL)
        request->headers = more;
}

static void drop_headers(struct https_request *request)
{
    for (struct curl_slist *line = request->headers; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data)); /* it may contain a token */
    curl_slist_free_all(request->headers);
    request->headers = NULL;
}

/* libcurl caches the authorities of a file for a day, by path. Given as bytes they apply to this request only, and libcurl does not reuse a
   connection or session that began with others. The system's authorities are read again for each connection, which does not last long. */
static bool set_authorities(struct https_request *request, CURL *curl)
{
    const struct transfer *transfer = request->handle;

    if (request->ca_file == NULL)
        return curl_easy_setopt(curl, CURLOPT_CA_CACHE_TIMEOUT, 0L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_MAXLIFETIME_CONN, (long)HTTPS_CONNECTION_SECONDS_MAX) == CURLE_OK;
    const struct authorities *authorities = reading_authorities(transfer->ca_file);
    struct curl_blob blob = {authorities->bytes, authorities->size, CURL_BLOB_COPY};

    return curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

/* True: libcurl has accepted all options. If it cannot, it is out of memory; other errors are in request->why. */
static bool set_up(struct https_request *request, struct transfer *transfer)
{
    CURL *curl = transfer->curl;

    add_header(request, "Accept: %s", request->accept);
    add_header(request, "Authorization: Bearer %s", transfer->token != NULL ? reading_token(transfer->token) : NULL);
    add_header(request, "If-None-Match: %s", request->known_etag);
    add_header(request, "Cache-Control: %s", "no-cache"); /* a cache on the way must ask its origin (RFC 9111 5.2.1.4) */
    bool set = curl_easy_setopt(curl, CURLOPT_URL, request->url) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_HTTPHEADER, request->headers) == CURLE_OK &&
               /* All encodings that libcurl decodes: some servers compress without being asked (RFC 9110 section 12.5.3). Limits count decoded
                  bytes. */
               curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_USERAGENT, "assayd/" ASSAY_VERSION) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, HTTPS_CONNECT_SECONDS_MAX * 1000L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK && /* if libcurl looks a name up itself */
               curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_WRITEDATA, request) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, request_on_header) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_HEADERDATA, request) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->errors) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_PRIVATE, request) == CURLE_OK;

    if (set && request->take != NULL)
        set = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)FEED_STALL_SECONDS) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_XFERINFODATA, request) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    return set && set_authorities(request, curl);
}

/* True: it may have ended while libcurl was looking a name up, which leaves libcurl's thread running. */
static bool has_left_thread(const struct transfer *transfer)
{
    curl_off_t microseconds = 0;

    return transfer->by_libcurl &&
           (curl_easy_getinfo(transfer->curl, CURLINFO_NAMELOOKUP_TIME_T, &microseconds) != CURLE_OK || microseconds == 0);
}

static void drop_transfer(struct https *https, struct https_request *request)
{
    struct transfer *transfer = request->handle;

    if (transfer != NULL)
        names_drop(https, transfer);
    if (transfer != NULL && transfer->curl != NULL) {
        if (has_left_thread(transfer))
            threads_leave_one();
        (void)curl_multi_remove_handle(https->multi, transfer->curl);
        curl_easy_cleanup(transfer->curl);
    }
    free(transfer);
    request->handle = NULL;
    drop_headers(request);
}

static void drop_body(struct https_request *request)
{
    free(request->body);
    request->body = NULL;
    request->size = 0;
}

static void fail(struct https *https, struct https_request *request)
{
    if (request->why[0] == '\0')
        snprintf(request->why, sizeof request->why, "out of memory");
    drop_transfer(https, request);
    request->arrived(https, request);
}

static struct transfer *new_transfer(struct https_request *request)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);
    int64_t longest = (request->take != NULL ? FEED_ANSWER_SECONDS_MAX : HTTPS_SECONDS_MAX) * NS_PER_S;

    if (transfer == NULL)
        return NULL;
    transfer->request = request;
    transfer->begun = monotonic_ns();
    transfer->deadline = request->deadline > 0 ? request->deadline : transfer->begun + longest;
    transfer->curl = curl_easy_init();
    return transfer;
}

/* Begins, with its host's addresses. False: out of memory. */
static bool begin(struct https *https, const struct transfer *transfer)
{
    int64_t now = monotonic_ns(), left = transfer->deadline - now;

    transfer->request->asked = now;
    return curl_easy_setopt(transfer->curl, CURLOPT_TIMEOUT_MS, left > 0 ? (long)(left / NS_PER_MS) + 1 : 1L) == CURLE_OK &&
           curl_multi_add_handle(https->multi, transfer->curl) == CURLM_OK;
}

/* As names_begin. Uses and drops the request's files. */
static int use_files(struct https *https, struct https_request *request, struct transfer *transfer)
{
    if (names_use_files(request, transfer) < 0 || !set_up(request, transfer))
        return -1;
    names_drop_files(transfer);
    transfer->begun = monotonic_ns(); /* when the time for the name begins */
    return names_begin(https, request, transfer);
}

/* `known`: the result of names_begin for its host's addresses. */
static void go_on(struct https *https, struct https_request *request, int known)
{
    if (known < 0 || (known == 1 && !begin(https, request->handle)))
        fail(https, request);
}

void https_get(struct https *https, struct https_request *request)
{
    struct transfer *transfer = new_transfer(request);
    int known = -1;

    request->status = 0;
    request->why[0] = request->etag[0] = request->cursor[0] = '\0';
    request->max_age = request->retry_after = -1;
    request->age = 0;
    request->date = request->modified = -1;
    request->is_dated = false;
    request->header_bytes = 0;
    request->too_much = request->too_slow = false;
    request->https = https;
    request->handle = transfer;
    if (transfer != NULL && transfer->curl != NULL)
        known = names_read_files(https, request, transfer);
    go_on(https, request, known == 1 ? use_files(https, request, transfer) : known);
}

void requests_go_on(struct https *https)
{
    for (struct transfer *transfer; (transfer = names_next(https)) != NULL;) {
        struct https_request *request = transfer->request;

        go_on(https, request, transfer->reads ? use_files(https, request, transfer) : names_use(request, transfer) < 0 ? -1 : 1);
    }
}

double https_answer_age(const struct https_request *request)
{
    return request->age + (double)(monotonic_ns() - request->asked) / (double)NS_PER_S;
}

void https_clear(struct https_request *request)
{
    if (request->handle != NULL)
        drop_transfer(request->https, request);
    drop_body(request);
    request->redirects = 0;
}

/* A server that derives ETags from a file's time, as nginx does from seconds and size, gives two files of one second the same ETag. So if the
   answer has a time, that must be past, so that any later write has another. */
static bool is_etag_certain(const struct https_request *request)
{
    return !request->is_dated ||
           (request->modified >= 0 && request->date >= 0 && request->date - request->modified >= HTTPS_ETAG_SECONDS_MIN);
}

/* Was a request sent? */
static bool is_connected(const struct transfer *transfer)
{
    curl_off_t microseconds = 0;

    return curl_easy_getinfo(transfer->curl, CURLINFO_PRETRANSFER_TIME_T, &microseconds) == CURLE_OK && microseconds > 0;
}

/* An error text that says what to do, if possible. */
static void explain(struct https_request *request, CURLcode code, const char *errors)
{
    const char *details = *errors != '\0' ? errors : curl_easy_strerror(code);

    if (request->too_much)
        snprintf(request->why, sizeof request->why, "the answer is larger than %zu bytes, or its headers are larger than %d",
                 request->bytes_max, HTTPS_HEADER_BYTES_MAX);
    else if (request->too_slow && request->size > 0)
        snprintf(request->why, sizeof request->why, "the answer is too slow: less than %d bytes a second, after %d s",
                 FEED_ANSWER_BYTES_PER_SECOND, FEED_ANSWER_SECONDS_FIRST);
    else if (code == CURLE_OPERATION_TIMEDOUT && !is_connected(request->handle))
        snprintf(request->why, sizeof request->why, "no connection within %d s, or its TLS handshake did not finish", HTTPS_CONNECT_SECONDS_MAX);
    else if (code == CURLE_OPERATION_TIMEDOUT || request->too_slow)
        snprintf(request->why, sizeof request->why, "no complete answer within %.0f s",
                 request->take != NULL    ? FEED_STALL_SECONDS
                 : request->seconds > 0 ? request->seconds
                                          : HTTPS_SECONDS_MAX);
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
        snprintf(request->why, sizeof request->why, "its certificate is not trusted: %.120s%s", details,
                 request->ca_file == NULL ? "; for a private CA write `ca_file`" : "");
    else if (code == CURLE_SSL_CACERT_BADFILE)
        snprintf(request->why, sizeof request->why, "the `ca_file` cannot be used (no certificate in it): %.160s",
                 request->ca_file != NULL ? request->ca_file : "");
    else
        snprintf(request->why, sizeof request->why, "%.200s", details);
    for (char *at = request->why; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
            *at = '?';
    }
}

/* True: the request continues at another URL of the same host. */
static bool follow(struct https *https, struct https_request *request, CURL *curl)
{
    char *location = NULL, host[128];

    if (request->status < 301 || request->status == 304 || request->status > 308 ||
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location) != CURLE_OK || location == NULL)
        return false;
    if (strlen(location) >= sizeof request->location || !url_is_https(location) || !url_same_origin(request->url, location)) {
        snprintf(host, sizeof host, "%.127s", location);
        for (char *at = host; *at != '\0'; at++)
            *at = *at > ' ' && *at <= '~' ? *at : '?';
        snprintf(request->why, sizeof request->why, "it redirects to %s, which is not the same host over HTTPS", host);
        request->status = 0;
        return false;
    }
    if (request->redirects == HTTPS_REDIRECTS_MAX) {
        snprintf(request->why, sizeof request->why, "it redirects more than %d times", HTTPS_REDIRECTS_MAX);
        request->status = 0;
        return false;
    }
    memcpy(request->location, location, strlen(location) + 1);
    request->url = request->location;
    request->redirects++;
    drop_transfer(https, request);
    drop_body(request);
    https_get(https, request);
    return true;
}

void request_finished(struct https *https, CURL *curl, CURLcode code)
{
    struct https_request *request = NULL;
    long status = 0;

    (void)curl_easy_getinfo(curl, CURLINFO_PRIVATE, &request);
    struct transfer *transfer = request->handle;

    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        request->status = (int)status;
        if (follow(https, request, curl))
            return;
        if (!is_etag_certain(request))
            request->etag[0] = '\0';
    } else {
        explain(request, code, transfer->errors);
    }
    if (request->status == 0)
        drop_body(request);
    drop_transfer(https, request);
    request->arrived(https, request);
}
