#include "names.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/clock.h"
#include "lookup.h"
#include "reading.h"

#define ADDRESSES_MAX 16
#define WAITED_MAX    65 /* descriptors waited for at once: names, and the files; further ones are checked now and then */

/* libcurl resolves `localhost` itself. An address needs no lookup. */
static bool is_name(const char *host)
{
    struct in_addr address;
    size_t bytes = strlen(host);

    return host[0] != '[' && inet_pton(AF_INET, host, &address) != 1 && strcasecmp(host, "localhost") != 0 &&
           (bytes < 10 || strcasecmp(host + bytes - 10, ".localhost") != 0);
}

/* With a proxy, the proxy's name is looked up, or the proxy looks the host up. */
static bool is_behind_proxy(void)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && *value != '\0')
            return true;
    }
    return false;
}

static bool split(const char *url, char host[256], char port[8])
{
    CURLU *parts = curl_url();
    char *its_host = NULL, *its_port = NULL;
    bool good = parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_HOST, &its_host, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_PORT, &its_port, CURLU_DEFAULT_PORT) == CURLUE_OK && strlen(its_host) < 256 &&
                strlen(its_port) < 8;

    if (good) {
        strcpy(host, its_host);
        strcpy(port, its_port);
    }
    curl_free(its_host);
    curl_free(its_port);
    curl_url_cleanup(parts);
    return good;
}

static void put_in(struct https *https, struct transfer *transfer)
{
    transfer->next = https->preparing;
    https->preparing = transfer;
}

int names_read_files(struct https *https, struct https_request *request, struct transfer *transfer)
{
    if (request->token_file != NULL) {
        transfer->token = reading_begin(READING_TOKEN, request->token_file, request->why, sizeof request->why);
        if (transfer->token == NULL)
            return -1;
    }
    if (request->ca_file != NULL) {
        transfer->ca_file = reading_begin(READING_AUTHORITIES, request->ca_file, request->why, sizeof request->why);
        if (transfer->ca_file == NULL)
            return -1;
    }
    if (request->token_file == NULL && request->ca_file == NULL)
        return 1;
    transfer->reads = true;
    put_in(https, transfer);
    return 0;
}

int names_use_files(struct https_request *request, const struct transfer *transfer)
{
    if (transfer->token != NULL && reading_check(transfer->token, request->why, sizeof request->why) < 0)
        return -1;
    return transfer->ca_file != NULL ? reading_check(transfer->ca_file, request->why, sizeof request->why) : 0;
}

void names_drop_files(struct transfer *transfer)
{
    reading_drop(transfer->token);
    reading_drop(transfer->ca_file);
    transfer->token = transfer->ca_file = NULL;
    transfer->reads = false;
}

int names_begin(struct https *https, struct https_request *request, struct transfer *transfer)
{
    if (!split(request->url, transfer->host, transfer->port)) {
        snprintf(request->why, sizeof request->why, "out of memory, or the host or port is too long");
        return -1;
    }
    transfer->by_libcurl = is_name(transfer->host) && is_behind_proxy();
    if (transfer->by_libcurl || !is_name(transfer->host))
        return 1;
    transfer->lookup = lookup_begin(transfer->host, LOOKUP_KEPT_SECONDS, request->why, sizeof request->why);
    if (transfer->lookup == NULL)
        return -1;
    if (lookup_has_ended(transfer->lookup))
        return names_use(request, transfer) < 0 ? -1 : 1;
    put_in(https, transfer);
    return 0;
}

static int64_t deadline_of(const struct transfer *transfer)
{
    int64_t limit = transfer->begun + (transfer->reads ? READING_SECONDS_MAX : HTTPS_CONNECT_SECONDS_MAX) * NS_PER_S;

    return transfer->deadline < limit ? transfer->deadline : limit;
}

static void take_out(struct https *https, const struct transfer *transfer)
{
    struct transfer **link = &https->preparing;

    while (*link != NULL && *link != transfer)
        link = &(*link)->next;
    if (*link != NULL)
        *link = transfer->next;
}

static bool is_prepared(const struct transfer *transfer)
{
    if (!transfer->reads)
        return lookup_has_ended(transfer->lookup);
    return (transfer->token == NULL || reading_has_ended(transfer->token)) &&
           (transfer->ca_file == NULL || reading_has_ended(transfer->ca_file));
}

struct transfer *names_next(struct https *https)
{
    int64_t now = monotonic_ns();

    for (struct transfer *transfer = https->preparing; transfer != NULL; transfer = transfer->next) {
        if (!is_prepared(transfer) && now < deadline_of(transfer))
            continue;
        take_out(https, transfer);
        return transfer;
    }
    return NULL;
}

static bool append(char *text, size_t room, const struct addrinfo *address)
{
    char name[INET6_ADDRSTRLEN];
    const void *bytes = address->ai_family == AF_INET    ? (const void *)&((const struct sockaddr_in *)address->ai_addr)->sin_addr
                        : address->ai_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)address->ai_addr)->sin6_addr
                                                         : NULL;
    size_t used = strlen(text);

    if (bytes == NULL || inet_ntop(address->ai_family, bytes, name, sizeof name) == NULL)
        return false;
    snprintf(text + used, room - used, "%s%s", used > 0 ? "," : "", name);
    return true;
}

int names_use(struct https_request *request, struct transfer *transfer)
{
    char addresses[ADDRESSES_MAX * (INET6_ADDRSTRLEN + 1) + 1] = "", line[sizeof addresses + 300];
    unsigned count = 0;

    const struct addrinfo *address = lookup_addresses(transfer->lookup, request->why, sizeof request->why);

    if (address == NULL)
        return -1;
    for (; address != NULL && count < ADDRESSES_MAX; address = address->ai_next)
        count += append(addresses, sizeof addresses, address);
    snprintf(line, sizeof line, "+%s:%s:%s", transfer->host, transfer->port, addresses); /* +: it expires as others do */
    transfer->resolved = curl_slist_append(NULL, line);
    if (count > 0 && transfer->resolved != NULL &&
        curl_easy_setopt(transfer->curl, CURLOPT_RESOLVE, transfer->resolved) == CURLE_OK)
        return 0;
    snprintf(request->why, sizeof request->why, "the name %.120s has no address, or out of memory", transfer->host);
    return -1;
}

void names_drop(struct https *https, struct transfer *transfer)
{
    take_out(https, transfer);
    names_drop_files(transfer);
    lookup_drop(transfer->lookup);
    curl_slist_free_all(transfer->resolved);
    transfer->lookup = NULL;
    transfer->resolved = NULL;
}

void names_wait(struct https *https)
{
    struct curl_waitfd waited[WAITED_MAX];
    int64_t until = monotonic_ns() + HTTPS_SECONDS_MAX * NS_PER_S;
    unsigned count = 0;
    bool reads = false;

    for (const struct transfer *transfer = https->preparing; transfer != NULL; transfer = transfer->next) {
        int64_t deadline = deadline_of(transfer);

        reads |= transfer->reads;
        if (transfer->reads)
            ;
        else if (count < WAITED_MAX - 1)
            waited[count++] = (struct curl_waitfd){.fd = lookup_fd(transfer->lookup), .events = CURL_WAIT_POLLIN};
        else
            deadline = monotonic_ns() + 50 * NS_PER_MS;
        until = deadline < until ? deadline : until;
    }
    if (reads)
        waited[count++] = (struct curl_waitfd){.fd = readings_fd(), .events = CURL_WAIT_POLLIN};
    (void)curl_multi_poll(https->multi, waited, count, milliseconds_until(until), NULL);
    if (reads)
        readings_empty_fd(); /* ended readings are checked next */
}
