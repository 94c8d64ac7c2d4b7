/* Logs decisions: who asked, the decision, and about which token. A short keyed digest identifies a token: it distinguishes two tokens and grants
   nothing. A flood of bad tokens does not become a flood of lines. */
#ifndef ASSAY_AUDIT_H
#define ASSAY_AUDIT_H

#include "agent/door/peer.h"
#include "agent/policy/decision.h"
#include "decide.h"
#include "verdicts.h"

/* The configuration says which decisions are logged (log: decisions). */
void audit_decision(struct verdicts *verdicts, const struct peer *peer, const char *method, const struct decision *decision);

/* The same for a decision of the policy. */
void audit_ruling(struct verdicts *verdicts, const struct peer *peer, struct text action, struct text resource, const struct ruling *ruling,
                  const char *why, const struct token *token); /* why NULL: the reason is enough; token NULL: the request has no token */

/* Logs what an administrator did. Always written. */
void audit_change(const struct peer *peer, const char *what, const char *kind, struct text issuer);

#endif
