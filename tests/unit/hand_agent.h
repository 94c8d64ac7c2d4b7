/* An agent by hand, for the calls that never wait: the test itself is both sides, and decides what is read and said when. One
   connection at a time. */
#ifndef ASSAY_TEST_HAND_AGENT_H
#define ASSAY_TEST_HAND_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "assay/assay.h"

struct hand_agent {
    char directory[64], path[96];
    int listener, fd; /* -1: there is no connection */
    size_t filled;
    uint8_t in[1 << 20];
};

struct hand_request {
    uint32_t msgid;
    bool authorize;
    char token[64]; /* its beginning */
};

/* Listens in a new directory, as that user (0: the test's own), with room for so many before the door. Ends the process if it
 * cannot. */
struct hand_agent *hand_start(uid_t as_user, int backlog);
void hand_stop(struct hand_agent *agent);
void hand_stop_listening(struct hand_agent *agent);

/* Takes the next connection in place of the one that there is. False: nobody is there. */
bool hand_accept(struct hand_agent *agent);
void hand_hang_up(struct hand_agent *agent);

/* The next request that has come whole. False: there is none. */
bool hand_read(struct hand_agent *agent, struct hand_request *ret_request);

/* True once the client has closed the connection; what it has sent is lost. */
bool hand_is_alone(struct hand_agent *agent);

void hand_say(struct hand_agent *agent, const void *bytes, size_t size);
void hand_say_yes(struct hand_agent *agent, const struct hand_request *request); /* the subject is the token */
void hand_say_no(struct hand_agent *agent, const struct hand_request *request);  /* expired */
void hand_say_error(struct hand_agent *agent, const struct hand_request *request, unsigned number);
size_t hand_write_yes(const struct hand_request *request, uint8_t *buffer, size_t size);

/* The client's side. True if the descriptor of the handle gets readable in that time. */
bool is_ready(struct assay *assay, int milliseconds);

/* Waits until a question is finished, or for some seconds. */
int next_end(struct assay *assay, void **ret_tag, struct assay_verdict **ret_verdict);

/* The same, where the tag must be this one; of a yes the subject, too, if there is one to compare. */
int end_of(struct assay *assay, const void *tag, const char *subject);

/* A handle and its agent, as a test's state. */
struct both {
    struct hand_agent *agent;
    struct assay *assay;
    char tags[8192];
};

int both_start(void **state, unsigned timeout_ms);
int both_stop(void **state);

/* The next request, for which the client may first have to find out that a connection is gone, or that there is room again. */
struct hand_request read_one(struct both *both);

/* Nothing has been asked, or all was told: else the test fails. */
void is_quiet(struct both *both);

/* A question gets its yes: else the test fails. */
void works(struct both *both);

/* Asks about a token, and must be told that it is on its way. */
void ask_about(struct assay *assay, const char *token, void *tag);

#endif
