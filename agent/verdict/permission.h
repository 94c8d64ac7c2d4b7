/* From a decision about a token to the policy's ruling: the same for MessagePack and HTTP. */
#ifndef ASSAY_RULING_H
#define ASSAY_RULING_H

#include "agent/policy/decision.h"
#include "audit.h"
#include "decide.h"

/* One action on one resource. */
struct check_pair {
    struct text action, resource;
};

/* The asker, as the token describes it. All zero: undetermined. */
struct asker {
    const struct token *token;      /* the token in the request; NULL: none */
    const struct token *good;       /* the same, if accepted */
    struct entry *entry;            /* in the cache; NULL: not cached */
    enum reason why;                /* why there is no accepted token */
    bool undecided;                 /* the token is undecided, so no ruling may be made */
    const struct kept_holder *kept; /* the cached part that is the same on every call; NULL: it is looked up each time */
};

/* `decision` NULL: the request has no token. */
struct asker asker_of(const struct decision *decision);

/* Call it once for all questions of one asker. */
void permission_prepare(struct verdicts *verdicts, struct asker *asker);

/* Decides one question, counts it and records it. */
struct ruling permission_of(struct verdicts *verdicts, const struct audited *about, const struct asker *asker, const struct check_pair *pair);

/* What an answer says of the token's holder: so many pairs, `subject: …, roles: […], issuer: …, expires_at: …, scopes: […]`; and the
   bytes that they take at most. Nil and empty for a token that was not accepted. */
#define PERMISSION_HOLDER_PAIRS 5U
size_t permission_holder_room(const struct asker *asker);
void permission_put_holder(struct wire_writer *writer, const struct asker *asker);

#endif
