"""Revocations: what each kind of record covers, and what it does not.

The records stand in ask.json and are applied before the question.  A token
next to each, which the record does not cover, is the twin.
"""
import hashlib

from folders import bad, good, one_issuer
from forge import (DROP, ISSUER, NOW, b64, claims, compact, ec_pair, header, key, public_pem, secret, signed,
                   signed_raw,
                   signing_input, with_signature)
from jwks import good_rsa, jwk, key_set, oct_jwk, thumbprint
from signing import CURVES, ecdsa_raw

OTHER = "https://login.example.org"
IAT = NOW - 60                              # of the usual token
ALIAS = one_issuer(aliases=["auth.example.com"])


def record(iss=ISSUER, **more):
    return {"iss": iss, **more}


def revoked(name, about, token, twin, *records, **more):
    bad(f"revoked-{name}", "revoked", about, token, twin, ask={"revoked": list(records)}, **more)


def stands(name, about, token, *records, **more):
    """A record that does not cover the token."""
    good(f"not-revoked-{name}", about, token, ask={"revoked": list(records)}, **more)


def of(**changes):
    return signed(body=claims(**changes))


def by_names():
    token = signed()
    revoked("jti", "its jti is revoked", token, of(jti="token-2"), record(jti="token-1", exp=NOW + 3600))
    revoked("jti-without-exp", "its jti is revoked, and the record has no exp", token, of(jti="token-2"),
            record(jti="token-1"))
    revoked("jti-exp-passed", "the record's exp is past, and it counts all the same", token, of(jti="token-2"),
            record(jti="token-1", exp=NOW - 10))
    revoked("jti-empty", "an empty jti is revoked", of(jti=""), token, record(jti=""))
    revoked("jti-unicode", "a jti beyond ASCII, escaped in the token",
            signed_raw(b64(compact(header())), b64(compact(claims()).replace(b"token-1", b"\\u00fc-\\ud83d\\ude00"))),
            token, record(jti="\u00fc-\U0001f600"))
    revoked("jti-among-many", "the last of fifty records", token, of(jti="token-2"),
            *[record(jti=f"other-{n}") for n in range(49)], record(jti="token-1"))
    revoked("jti-long", "a jti of 2000 letters", of(jti="j" * 2000), of(jti="j" * 1999), record(jti="j" * 2000))
    stands("jti-other", "another jti is revoked", token, record(jti="token-2"))
    stands("jti-upper", "the jti in other case is revoked", token, record(jti="TOKEN-1"))
    stands("jti-prefix", "the beginning of the jti is revoked", token, record(jti="token-"))
    stands("jti-absent", "an empty jti is revoked, and the token has none", of(jti=DROP), record(jti=""))
    stands("jti-is-the-sub", "the sub's text is revoked as a jti", token, record(jti="user-123"))
    stands("nothing", "no record at all", token)

    revoked("sub", "its sub is revoked up to now", token, of(sub="user-456"), record(sub="user-123", before=NOW))
    revoked("sub-edge", "iat is just the record's before", token, of(iat=IAT + 1), record(sub="user-123", before=IAT))
    revoked("sub-edge-fraction", "iat is a fraction past before, in the same whole second", of(iat=IAT + 0.75),
            of(iat=IAT + 1.25), record(sub="user-123", before=IAT))
    revoked("sub-no-iat", "a token without iat counts as issued before", of(iat=DROP), of(iat=NOW),
            record(sub="user-123", before=IAT))
    revoked("sub-iat-zero", "iat is 0 and so is before", of(iat=0), token, record(sub="user-123", before=0))
    revoked("sub-largest-before", "of two records the one with the larger before wins, also when it came first",
            token,
            of(sub="user-456"), record(sub="user-123", before=NOW), record(sub="user-123", before=IAT - 1000))
    stands("sub-later", "issued one second after the record's before", token, record(sub="user-123", before=IAT - 1))
    stands("sub-other", "another sub is revoked", token, record(sub="user-124", before=NOW))
    stands("sub-absent", "a sub is revoked, and the token has none", of(sub=DROP), record(sub="", before=NOW))
    stands("sub-is-the-sid", "the sub's text is revoked as a sid", of(sid="s-1"), record(sid="user-123"))

    session = of(sid="s-1")
    revoked("sid", "its session is revoked", session, of(sid="s-2"), record(sid="s-1"))
    revoked("sid-issued-later", "its session is revoked without before: later tokens too",
            of(sid="s-1", iat=NOW + 20),
            of(sid="s-2"), record(sid="s-1"))
    revoked("sid-before", "its session is revoked up to now", session, of(sid="s-1", iat=NOW + 1),
            record(sid="s-1", before=NOW))
    revoked("sid-before-edge", "iat is just the session record's before", session, of(sid="s-1", iat=IAT + 1),
            record(sid="s-1", before=IAT))
    revoked("sid-before-no-iat", "its session is revoked up to a time, and it has no iat", of(sid="s-1", iat=DROP),
            of(sid="s-1"), record(sid="s-1", before=IAT - 1))
    stands("sid-other", "another session is revoked", session, record(sid="s-2"))
    stands("sid-later", "issued after the session record's before", session, record(sid="s-1", before=IAT - 1))
    stands("sid-absent", "a session is revoked, and the token has none", signed(), record(sid="s-1"))


def by_issuer():
    token = signed()
    revoked("issuer-before", "everything issued until now is revoked", token, of(iat=NOW + 1), record(before=NOW))
    revoked("issuer-before-edge", "iat is just the issuer record's before", token, of(iat=IAT + 1),
            record(before=IAT))
    revoked("issuer-before-no-iat", "everything issued until a day ago, and the token has no iat", of(iat=DROP),
            token,
            record(before=NOW - 86400))
    stands("issuer-later", "issued after the issuer record's before", token, record(before=IAT - 1))
    theirs = {"keys-b.json": key_set(jwk("rsa-2", kid="b-1"))}
    config = one_issuer() + [{"issuer": OTHER, "keys": {"file": "keys-b.json"}, "audiences": ["orders"]}]
    for slug, more in (("jti", {"jti": "token-1"}), ("sub", {"sub": "user-123", "before": NOW}),
                       ("before", {"before": NOW}), ("kid", {"kid": "rsa-1"})):
        stands(f"other-issuer-{slug}", f"the other issuer's {slug} record", token, record(OTHER, **more),
               config=config, files=theirs)
    revoked("second-issuer", "the second issuer's token by its jti",
            signed(header(kid="b-1"), claims(iss=OTHER), by="rsa-2"), token, record(OTHER, jti="token-1"),
            config=config, files=theirs)
    # An issuer's spellings are one.
    short = of(iss="auth.example.com")
    revoked("alias-in-token", "the record names the issuer, the token its alias", short,
            of(iss="auth.example.com", jti="token-2"), record(jti="token-1"), config=ALIAS)
    revoked("alias-in-record", "the record names an alias, the token the issuer", token, of(jti="token-2"),
            record("auth.example.com", jti="token-1"), config=ALIAS)
    revoked("alias-in-both", "record and token name the alias", short, of(iss="auth.example.com", jti="token-2"),
            record("auth.example.com", jti="token-1"), config=ALIAS)
    revoked("alias-before", "everything of the alias until now", token, of(iat=NOW + 1),
            record("auth.example.com", before=NOW), config=ALIAS)
    revoked("alias-kid", "a kid of the alias", token, signed(header(kid="rsa-any"), by="rsa-any"),
            record("auth.example.com", kid="rsa-1"), config=ALIAS)
    two = one_issuer(aliases=["a", "b"])
    revoked("alias-other-alias", "the record names one alias, the token another", of(iss="a"),
            of(iss="a", sub="user-456"),
            record("b", sub="user-123", before=NOW), config=two)


def by_key():
    token = signed()
    twin = signed(header(kid="rsa-any"), by="rsa-any")
    revoked("kid", "its key's kid is revoked", token, twin, record(kid="rsa-1"))
    revoked("kid-not-in-header", "its key's kid is revoked, and the header names no kid", signed(header(kid=DROP)),
            signed(header(kid=DROP), by="rsa-any"), record(kid="rsa-1"))
    revoked("kid-other-name",
            "the key stands in the set under two kids, one of them revoked, the other in the header",
            signed(header(kid="second")), signed(header("ES256", "ec-256"), by="ec-256"), record(kid="first"),
            keys=[jwk("rsa-1", kid="first"), jwk("rsa-1", kid="second"), jwk("ec-256", kid="ec-256")])
    revoked("kid-shared", "the revoked kid is borne by two keys of different kinds",
            signed(header("ES256", "same"), by="ec-256"), signed(header("EdDSA", "ed-1"), by="ed-1"),
            record(kid="same"),
            keys=[jwk("rsa-1", kid="same"), jwk("ec-256", kid="same"), jwk("ed-1", kid="ed-1")])
    revoked("kid-of-a-pem", "the kid that the configuration gives to a PEM key", signed(header(kid="pem-1")),
            None, record(kid="pem-1"), files={"keys.pem": public_pem(key("rsa-1"))},
            config=one_issuer(keys={"file": "keys.pem", "kid": "pem-1"}))
    stands("kid-other", "another kid is revoked", token, record(kid="rsa-any"))
    stands("kid-of-no-key", "a kid that no key has is revoked", token, record(kid="rsa-9"))
    stands("kid-only-in-header", "the header's kid is revoked, but the only key, which has no kid, serves any",
           signed(header(kid="any")), record(kid="any"), keys=[jwk("rsa-1")])
    for slug, alg, by, name in (("rsa", "RS256", "rsa-1", "an RSA"), ("ec", "ES256", "ec-256", "an EC"),
                                ("p521", "ES512", "ec-521", "a P-521"), ("ed25519", "EdDSA", "ed-1", "an Ed25519")):
        other = twin if by == "rsa-1" else token
        revoked(f"jkt-{slug}", f"the thumbprint of {name} key", signed(header(alg, by), by=by), other,
                record(jkt=thumbprint(jwk(by))))
    material = secret("hs-1", 32)
    revoked("jkt-oct", "the thumbprint of a secret", signed(header("HS256", "hs-1"), by=material), token,
            record(jkt=thumbprint(oct_jwk(material))), keys=[good_rsa(), oct_jwk(material, kid="hs-1")],
            config=one_issuer(algorithms=["RS256", "HS256"]))
    revoked("jkt-no-kid", "the thumbprint of a key without kid", signed(header(kid=DROP)), None,
            record(jkt=thumbprint(jwk("rsa-1"))), keys=[jwk("rsa-1")])
    revoked("jkt-of-a-pem", "the thumbprint of a PEM key", signed(header("ES256", "any"), by="ec-256"), None,
            record(jkt=thumbprint(jwk("ec-256"))), files={"keys.pem": public_pem(key("ec-256"))},
            config=one_issuer(keys={"file": "keys.pem"}))
    stands("jkt-other", "another key's thumbprint is revoked", token, record(jkt=thumbprint(jwk("rsa-any"))))
    stands("jkt-of-a-cnf", "the thumbprint in the token's cnf is revoked, not that of its key",
           of(cnf={"jkt": thumbprint(jwk("ec-256-b"))}), record(jkt=thumbprint(jwk("ec-256-b"))),
           config=one_issuer(sender_constrained="caller"))


def hash_of_input(token):
    return hashlib.sha256(token.rsplit(b".", 1)[0]).hexdigest()


def by_hash():
    token = signed()
    revoked("hash", "the hash of its header.payload is revoked", token, of(jti="token-2"),
            record(signing_input_sha256=hash_of_input(token)))
    data = signing_input(header("ES256", "ec-256"), claims())
    r, s = ec_pair(key("ec-256"), data, "sha256")
    other = with_signature(data, ecdsa_raw("P-256", r, CURVES["P-256"][3] - s))
    twin = signed(header("ES256", "ec-256"), claims(jti="token-2"), by="ec-256")
    revoked("hash-ecdsa", "an ES256 token by the hash of its header.payload",
            with_signature(data, ecdsa_raw("P-256", r, s)),
            twin, record(signing_input_sha256=hash_of_input(other)))
    revoked("hash-ecdsa-other-s", "the same with n - s for s, the second spelling of its signature", other, twin,
            record(signing_input_sha256=hash_of_input(other)))
    stands("hash-of-the-whole", "the hash of the whole token is revoked, which identifies nothing", token,
           record(signing_input_sha256=hashlib.sha256(token).hexdigest()))
    stands("hash-of-the-payload", "the hash of the payload is revoked", token,
           record(signing_input_sha256=hashlib.sha256(token.split(b".")[1]).hexdigest()))
    stands("hash-same-claims", "the hash of a token with the same claims and another header",
           signed(header(typ=DROP)),
           record(signing_input_sha256=hash_of_input(token)))


def make():
    by_names()
    by_issuer()
    by_key()
    by_hash()
