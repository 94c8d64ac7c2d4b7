/* From a decision about a token to what the policy says: the same for whoever asks, by MessagePack or by HTTP. */
#ifndef ASSAY_RULING_H
#define ASSAY_RULING_H

#include "agent/door/peer.h"
#include "agent/policy/decision.h"
#include "decide.h"

/* One action on one resource. */
struct check_pair {
    struct text action, resource;
};

/* Who asks, as far as a token says. All zero: nobody has looked. */
struct asker {
    const struct token *token;      /* what was sent; NULL: none */
    const struct token *good;       /* the same, if it was accepted */
    struct entry *entry;            /* where it is kept; NULL: nowhere */
    enum reason why;                /* there is no good one */
    bool undecided;                 /* nothing may be said */
    const struct kept_holder *kept; /* what is the same on every call; NULL: it is looked up each time */
};

/* `decision` NULL: no token was sent. */
struct asker asker_of(const struct decision *decision);

/* Once for all questions of one asker. */
void permission_prepare(struct verdicts *verdicts, struct asker *asker);

/* One question, which is counted and told to the log. */
struct ruling permission_of(struct verdicts *verdicts, const struct peer *peer, const struct asker *asker, const struct check_pair *pair);

/* What an answer says of the token's holder: so many pairs, `subject: …, roles: […], issuer: …, expires_at: …, scopes: […]`; and the
   bytes that they take at most. Nil and empty for a token that was not accepted. */
#define PERMISSION_HOLDER_PAIRS 5U
size_t permission_holder_room(const struct asker *asker);
void permission_put_holder(struct wire_writer *writer, const struct asker *asker);

#endif
