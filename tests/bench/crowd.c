/* A cached verify over the socket while another user has 2,000 connections that ask `authorize` with 256 checks each, as often as they
   are answered, and while nobody does. The agent's loop and who measures share one core, the crowd has the other. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beside.h"

#define TRIPS       4000
#define CONNECTIONS 2000
#define CHECKS      256
#define OTHER_USER  54321
#define FIRST_US    1500000 /* until all are there */
#define ROUND_SECONDS_MAX 3

/* authorize {token, checks: 256 times [GET, /o]} */
static size_t crowd_request(uint8_t *out, const char *token, size_t token_bytes)
{
    static const uint8_t head[] = "\x94\x00\x01\xa9" "authorize\x91\x82\xa5token\xda";
    uint8_t *at = out;

    memcpy(at, head, sizeof head - 1);
    at += sizeof head - 1;
    *at++ = (uint8_t)(token_bytes >> 8);
    *at++ = (uint8_t)token_bytes;
    memcpy(at, token, token_bytes);
    at += token_bytes;
    memcpy(at, "\xa6" "checks\xdc\x01\x00", 10);
    at += 10;
    for (unsigned i = 0; i < CHECKS; i++, at += 8)
        memcpy(at, "\x92\xa3GET\xa2/o", 8);
    return (size_t)(at - out);
}

static uint8_t request[16384];
static size_t request_bytes;

static void crowd(const struct bench_agent *agent, unsigned long *answers)
{
    static uint8_t in[1 << 20];
    static size_t left[CONNECTIONS * 2 + 64];
    struct epoll_event ready[CONNECTIONS];
    struct rlimit files = {CONNECTIONS + 64, CONNECTIONS + 64};
    int epoll = epoll_create1(0);
    size_t answer_bytes = 0;

    if (setrlimit(RLIMIT_NOFILE, &files) < 0 || setresuid(OTHER_USER, OTHER_USER, OTHER_USER) < 0)
        _exit(1);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        int fd = connect_to(agent->socket);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        if (answer_bytes == 0) { /* each answer has as many bytes as the first */
            if (write(fd, request, request_bytes) != (ssize_t)request_bytes)
                _exit(1);
            usleep(200000);
            ssize_t got = read(fd, in, sizeof in);

            if (got <= 0 || memmem(in, (size_t)got, "decisions", 9) == NULL)
                _exit(1);
            answer_bytes = (size_t)got;
        }
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 || write(fd, request, request_bytes) != (ssize_t)request_bytes)
            _exit(1);
        left[fd] = answer_bytes;
    }
    for (;;) {
        int count = epoll_wait(epoll, ready, CONNECTIONS, -1);

        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            ssize_t got = read(fd, in, sizeof in);

            if (got <= 0 || (size_t)got > left[fd])
                _exit(1);
            left[fd] -= (size_t)got;
            if (left[fd] > 0)
                continue;
            left[fd] = answer_bytes;
            ++*answers;
            if (write(fd, request, request_bytes) != (ssize_t)request_bytes)
                _exit(1);
        }
    }
}

int main(void)
{
    static const struct disturber disturber = {crowd, FIRST_US, FIRST_US / 5};
    struct issuer_key key = key_make("RS256");
    struct bench_agent agent = agent_start_with(&key, 1, -1, "version: 1\nrules: [{name: o, actions: [GET], resources: [/o]}]\n");
    size_t token_bytes;
    char *token = token_make(&key, 1, &token_bytes);

    request_bytes = crowd_request(request, token, token_bytes);
    if (chmod(agent.folder, 0755) < 0 || chmod(agent.socket, 0666) < 0)
        die("letting another user in");
    struct beside found = measure_beside(&agent, &key, TRIPS, ROUND_SECONDS_MAX, &disturber);

    if (found.rate < 500)
        die("the crowd was none");
    printf("cached verify, alone and beside another user's %d connections, %.0f times %d checks a second, medians of %d rounds\n", CONNECTIONS,
           found.rate, CHECKS, BESIDE_ROUNDS);
    tell_beside(&found, "cached p99 beside 2,000 connections of another user, by quiet");
    printf("  worst           alone %8.2f us      beside it %8.2f us      (goal: at most 50 ms)\n", found.worst_alone, found.worst);
    goal("worst call beside 2,000 connections of another user", found.worst / 1000, "ms", AT_MOST, 50);
    agent_stop(&agent);
    free(token);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
