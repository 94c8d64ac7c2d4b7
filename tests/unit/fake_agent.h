/* An agent for the client's tests: a thread that answers what a test tells it to, well or badly. */
#ifndef ASSAY_TEST_FAKE_AGENT_H
#define ASSAY_TEST_FAKE_AGENT_H

#include <stdint.h>
#include <sys/types.h>

#include "client/wire/exports.h"
#include "client/wire/wire.h"

struct fake_agent;

/* For a handle whose every question comes to the fake, and nothing but these. */
extern const struct assay_options fake_asked_always;

struct fake_request {
    unsigned number; /* of all that came, from 1 */
    uint32_t msgid;
    struct wire_item method;
    struct wire_cursor params; /* the map */
    const uint8_t *bytes;      /* the whole message */
    size_t size;
};

enum fake_action {
    FAKE_SEND = 1,       /* what was written */
    FAKE_SEND_BY_BYTES,  /* the same, each byte by itself */
    FAKE_SEND_AND_CLOSE, /* and hang up */
    FAKE_HOLD,           /* nothing, and the connection stays */
    FAKE_SEND_PAGE,      /* what was written, with the descriptor of fake_agent_page() */
};

/* Decides about one request. Runs in the agent's thread. */
typedef enum fake_action fake_reply(void *context, const struct fake_request *request, struct wire_writer *out);

/* Listens in a new directory, as that user (0: as the test's own). Ends the process if it cannot. */
struct fake_agent *fake_agent_start(fake_reply *reply, void *context, uid_t as_user);

/* What hello hands over; stays the caller's. To be called before anybody asks. */
void fake_agent_page(struct fake_agent *agent, int fd);
void fake_agent_stop(struct fake_agent *agent);

const char *fake_agent_path(const struct fake_agent *agent);
unsigned fake_agent_accepted(const struct fake_agent *agent); /* connections, ever */
unsigned fake_agent_requests(const struct fake_agent *agent);
unsigned fake_agent_connected(const struct fake_agent *agent); /* now */

/* Closes all connections, as an agent that restarts; returns when it is done. */
void fake_agent_hang_up(struct fake_agent *agent);

/* What a call gave must be what its status says; there is a verdict, whatever that is. Ends the process otherwise. */
void verdict_agrees(const struct assay_verdict *verdict, int status);

/* The handle's descriptor; below 0: the status. */
int descriptor_of(struct assay *assay);

/* The head of a good answer, and as its result {active: true, claims: {sub: S, n: 1}, issuer, expires_at, key_age, revocation_age}
 */
void fake_answer(struct wire_writer *out, uint32_t msgid);
void fake_yes(struct wire_writer *out, const char *subject, size_t bytes);

/* The result {allow: true, status: 200, reason: nil, rule: "r", subject: S, roles: ["user", "buyer"], issuer, expires_at, scopes: ["read"]} */
void fake_allow(struct wire_writer *out, const char *subject, size_t bytes);

/* A reply that is a yes to either question, its subject the token itself. */
enum fake_action fake_echo(void *context, const struct fake_request *request, struct wire_writer *out);

#endif
