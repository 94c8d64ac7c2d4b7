/* Records decisions: who asked, what, about which token, the decision, and what it rests on. Each has an id, which is also in the answer. A keyed
   digest identifies a token: it distinguishes two tokens and grants nothing.

   The lines go to the log, or by `audit: to` to a file or stdout. In the log, a flood of bad tokens does not become a flood of lines. */
#ifndef ASSAY_AUDIT_H
#define ASSAY_AUDIT_H

#include "agent/door/peer.h"
#include "agent/policy/decision.h"
#include "decide.h"
#include "verdicts.h"

/* Where a request came from, for the line about it. */
struct audited {
    const struct peer *peer;
    const char *method;
    struct text traceparent; /* of the request that a gateway asks about, W3C Trace Context; at NULL: none */
};

/* Gives the next answer an id of its own. Decisions are recorded under it until the next call. */
void audit_begin(struct verdicts *verdicts);

/* The id as text. */
const char *audit_id(const struct verdicts *verdicts);

/* Adds the pair `decision_id` to an answer's map. */
void audit_put_id(struct wire_writer *writer, const struct verdicts *verdicts);
#define AUDIT_ID_ROOM 40

/* Records a decision about a token, if the configuration says so (`log: decisions`). */
void audit_decision(struct verdicts *verdicts, const struct audited *about, const struct decision *decision);

/* The same for a decision of the policy. why NULL: the reason is enough. token NULL: the request has no token. */
void audit_ruling(struct verdicts *verdicts, const struct audited *about, struct text action, struct text resource, const struct ruling *ruling,
                  const char *why, const struct token *token, bool good); /* good: the token was accepted */

/* Logs what an administrator did. Always written. */
void audit_change(const struct peer *peer, const char *what, const char *kind, struct text issuer);

/* Opens what `audit: to` names. -1: out of memory. */
int audit_open(struct verdicts *verdicts);

/* Opens the file again, for logrotate. */
void audit_reopen(struct verdicts *verdicts);

/* Waits a moment until all lines are written. */
void audit_close(struct verdicts *verdicts);

#endif
