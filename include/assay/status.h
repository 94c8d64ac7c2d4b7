/* Every error, reason and status of Assay, with its name and meaning. The agent, the library, the command and the tests use these lists, so
   each name has one spelling. Later versions only append to them: numbers and names are part of the protocol (PROTOCOL.md). */
#ifndef ASSAY_STATUS_H
#define ASSAY_STATUS_H

#define ASSAY_VERSION "0.1.0"

/* The version as a number to compare: 0xMMmmpp, two hexadecimal digits each for major, minor and patch. */
#define ASSAY_VERSION_NUMBER 0x000100

/* Undecided: the agent could decide neither yes nor no. X(number on the wire, NAME, name on the wire, what it means) */
#define ASSAY_WIRE_ERRORS(X) \
    X(1, BAD_REQUEST, "bad_request", "the agent does not understand the request") \
    X(2, UNKNOWN_METHOD, "unknown_method", "the agent has no such method") \
    X(3, FORBIDDEN, "forbidden", "this peer may not make this request") \
    X(4, RATE_LIMITED, "rate_limited", "this peer has exceeded its rate limit") \
    X(5, OVERLOADED, "overloaded", "the agent has too much to do; retry") \
    X(6, KEYS_UNAVAILABLE, "keys_unavailable", "the agent could not get the issuer's keys") \
    X(7, KEYS_STALE, "keys_stale", "the issuer's keys are older than max_key_age") \
    X(8, REVOCATION_STALE, "revocation_stale", "a revocation feed is older than max_age") \
    X(9, CLOCK_UNTRUSTED, "clock_untrusted", "the clock is behind a time that the agent has seen") \
    X(10, INTERNAL, "internal", "the agent failed; its log says how")

/* Refused: why the agent's answer is no, in the order of its checks. X(NAME, name on the wire, what it means) */
#define ASSAY_REASONS(X) \
    X(MALFORMED, "malformed", "not a JWT in compact form") \
    X(TOO_LARGE, "too_large", "the token is longer than a token may be") \
    X(UNSUPPORTED_ALGORITHM, "unsupported_algorithm", "the header names an algorithm that is never accepted") \
    X(ALGORITHM_MISMATCH, "algorithm_mismatch", "the algorithm does not fit the key, or is not allowed for this issuer") \
    X(UNSUPPORTED_CRITICAL_HEADER, "unsupported_critical_header", "the header has crit (RFC 7515 4.1.11)") \
    X(WRONG_TYPE, "wrong_type", "the agent does not accept this type of token") \
    X(UNKNOWN_ISSUER, "unknown_issuer", "no such issuer is configured for this peer") \
    X(UNKNOWN_KEY, "unknown_key", "the issuer's key set has no key that the token names") \
    X(BAD_SIGNATURE, "bad_signature", "the signature does not verify under the issuer's key") \
    X(MISSING_CLAIM, "missing_claim", "a required claim is missing") \
    X(BAD_CLAIM, "bad_claim", "a claim has the wrong JSON type or range") \
    X(CLAIM_MISMATCH, "claim_mismatch", "a claim does not have a value that the configuration requires") \
    X(EXPIRED, "expired", "exp has passed") \
    X(NOT_YET_VALID, "not_yet_valid", "nbf or iat is in the future") \
    X(WRONG_AUDIENCE, "wrong_audience", "the token is for another audience") \
    X(LIFETIME_TOO_LONG, "lifetime_too_long", "exp - iat is above max_token_lifetime") \
    X(REVOKED, "revoked", "the token has been revoked") \
    X(NO_TOKEN, "no_token", "the request has no token") \
    X(NO_RULE, "no_rule", "no rule of the policy allows this") \
    X(DENIED_BY_RULE, "denied_by_rule", "a deny rule of the policy applies") \
    X(INSUFFICIENT_ROLE, "insufficient_role", "the holder lacks a role") \
    X(INSUFFICIENT_SCOPE, "insufficient_scope", "the token lacks a scope") \
    X(BAD_RESOURCE, "bad_resource", "the resource has a form that is never allowed")

/* What a call of libassay returns other than 0, which means yes. X(value, NAME, name, text). Wire error n is ASSAY_E_WIRE - n. */
#define ASSAY_STATUSES(X) \
    X(-1, REFUSED, "refused", "refused: the verdict says why") \
    X(-2, ARGUMENT, "argument", "an argument is missing or out of range") \
    X(-3, UNREACHABLE, "unreachable", "the agent cannot be reached; is assayd running, and is this its socket?") \
    X(-4, TIMEOUT, "timeout", "the agent did not answer in time") \
    X(-5, UNTRUSTED, "untrusted", "the socket is served by a user that may not serve it") \
    X(-6, PROTOCOL, "protocol", "what answered does not speak the agent's protocol") \
    X(-7, NO_MEMORY, "no_memory", "out of memory") \
    X(-8, NO_CLAIM, "no_claim", "the token does not have this claim") \
    X(-9, CLAIM_TYPE, "claim_type", "the claim has another type") \
    X(-10, PENDING, "pending", "not answered yet: assay_process gives the answer later") \
    X(-11, BUSY, "busy", "too many questions wait for an answer: fetch answers first")
#define ASSAY_E_WIRE (-100)

#endif
