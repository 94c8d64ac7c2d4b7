"""Several faults at once: the first in the order of the checks is told.

Each row puts one fault of an earlier check beside one of a later check, so
that a verifier that swaps two neighbours gives another reason.
"""
from folders import bad, one_issuer
from forge import DROP, NOW, b64, claims, compact, header, signed, signing_input


def both(name, reason, about, token, twin=None, **more):
    bad(f"order-{name}", reason, about, token, twin or signed(), **more)


def forms():
    both("size-before-form", "too_large", "too large, and not three segments", b"a." * 8193)
    both("form-before-header", "malformed", "a bad payload segment, and alg none",
         b64(compact(header("none"))) + b".a=.")
    both("header-before-algorithm", "malformed", "b64 in the header, and alg none",
         signing_input(header("none", b64=False), claims()) + b".")
    both("kid-type-before-algorithm", "malformed", "a kid that is no string, and alg none",
         signing_input(header("none", 7), claims()) + b".")
    both("algorithm-before-crit", "unsupported_algorithm", "alg none, and crit",
         signing_input(header("none", crit=["x"]), claims()) + b".")
    both("algorithm-before-payload", "unsupported_algorithm", "alg none, and a payload that is no JSON",
         signing_input(header("none"), b"x") + b".")
    both("crit-before-payload", "unsupported_critical_header", "crit, and a payload that is no JSON",
         signed(header(crit=["x"]), b"x"))
    both("payload-before-issuer", "malformed", "a claim twice, and an unknown issuer",
         signed(body=compact(claims(iss="x"))[:-1] + b',"iss":"y"}'))


def identity():
    rs = one_issuer(algorithms=["RS256"])
    both("payload-before-key", "malformed", "a payload that is no JSON, and a key that nobody has",
         signed(header(kid="x"), b"x", by="attacker-rsa"))
    both("issuer-before-type", "unknown_issuer", "an unknown issuer, and a wrong typ",
         signed(header(typ="x"), claims(iss="x")))
    both("issuer-missing-before-type", "missing_claim", "no issuer, and a wrong typ",
         signed(header(typ="x"), claims(iss=DROP)))
    both("issuer-type-before-type", "bad_claim", "an issuer that is no string, and a wrong typ",
         signed(header(typ="x"), claims(iss=7)))
    both("type-before-algorithm", "wrong_type", "a wrong typ, and an algorithm that is not allowed",
         signed(header("ES256", "ec-256", typ="x"), by="ec-256"), config=rs)
    both("algorithm-before-key", "algorithm_mismatch", "an algorithm that is not allowed, and an unknown kid",
         signed(header("ES256", "x"), by="ec-256"), config=rs)
    both("key-before-signature", "unknown_key", "an unknown kid, and a bad signature",
         signed(header(kid="x")) + b"AA")
    both("mismatch-before-signature", "algorithm_mismatch", "a key for another algorithm, and a bad signature",
         signed(header("RS512")) + b"AA")


def after_signature():
    both("signature-before-kind", "bad_signature", "a bad signature, and a logout token",
         signed(body=claims(events={}), by="attacker-rsa"))
    both("signature-before-missing", "bad_signature", "a bad signature, and no exp",
         signed(body=claims(exp=DROP), by="attacker-rsa"))
    both("signature-before-expired", "bad_signature", "a bad signature, and expired",
         signed(body=claims(exp=NOW - 1000), by="attacker-rsa"))
    both("signature-before-audience", "bad_signature", "a bad signature, and another audience",
         signed(body=claims(aud="x"), by="attacker-rsa"))
    both("signature-before-revoked", "bad_signature", "a bad signature, and a revoked jti",
         signed(by="attacker-rsa"), signed(body=claims(jti="token-2")),
         ask={"revoked": [{"iss": claims()["iss"], "jti": "token-1"}]})
    both("kind-before-missing", "wrong_type", "events, and no exp, as in a logout token",
         signed(body=claims(events={}, exp=DROP)))
    both("missing-before-bad", "missing_claim", "no exp, and a sub that is no string",
         signed(body=claims(exp=DROP, sub=7)))
    both("missing-audience-before-bad", "missing_claim", "no aud, and an exp that is a string",
         signed(body=claims(aud=DROP, exp="x")))
    both("bad-before-mismatch", "bad_claim", "a jti that is no string, and cnf", signed(body=claims(jti=7, cnf={})))
    both("bad-audience-before-expired", "bad_claim", "an aud that is a number, and expired",
         signed(body=claims(aud=7, exp=NOW - 1000)))
    both("mismatch-before-expired", "claim_mismatch", "cnf, and expired", signed(body=claims(cnf={}, exp=NOW - 1000)))
    both("expired-before-not-yet", "expired", "expired, and not yet valid",
         signed(body=claims(exp=NOW - 1000, nbf=NOW + 1000)))
    both("expired-before-audience", "expired", "expired, and another audience",
         signed(body=claims(exp=NOW - 1000, aud="x")))
    both("not-yet-before-audience", "not_yet_valid", "not yet valid, and another audience",
         signed(body=claims(nbf=NOW + 1000, aud="x")))
    both("audience-before-lifetime", "wrong_audience", "another audience, and too long a lifetime",
         signed(body=claims(aud="x", exp=NOW + 10**6)), config=one_issuer(max_token_lifetime="2h"))
    records = [{"iss": claims()["iss"], "before": NOW}]
    later = signed(body=claims(iat=NOW + 1))
    both("lifetime-before-revoked", "lifetime_too_long", "too long a lifetime, and revoked",
         signed(body=claims(exp=NOW + 10**6)), later, config=one_issuer(max_token_lifetime="2h"),
         ask={"revoked": records})
    both("expired-before-revoked", "expired", "expired, and revoked", signed(body=claims(exp=NOW - 1000)), later,
         ask={"revoked": records})
    both("audience-before-revoked", "wrong_audience", "another audience, and revoked", signed(body=claims(aud="x")),
         later,
         ask={"revoked": records})


def make():
    forms()
    identity()
    after_signature()
