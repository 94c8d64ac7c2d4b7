/* An agent that answers each request with the same bytes, and assay_verify() against it. */
#ifndef ASSAY_TEST_SCRIPTED_AGENT_H
#define ASSAY_TEST_SCRIPTED_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "assay/assay.h"
#include "fake_agent.h"

#define TOKEN "aaaa.bbbb.cccc"

/* What the agent says to a request: whole messages in MessagePack, with the byte after "\x94\x01" replaced by the msgid. */
struct script {
    const char *bytes;
    size_t size;
    enum fake_action action;
    bool other_msgid;
};

/* A reply; its context is the script. */
enum fake_action say(void *context, const struct fake_request *request, struct wire_writer *out);

/* Asks over a new handle without a cache about TOKEN. */
int verify_at(const char *path, unsigned timeout_ms, struct assay_verdict **ret);

#endif
