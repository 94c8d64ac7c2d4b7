"""Which key is taken: kid, sets with several keys, keys inside the token."""
import hashlib

from folders import bad, good
from forge import DROP, header, key, public_der, signed
from jwks import b64text, good_rsa, jwk, thumbprint

MANY = ("rsa-1", "rsa-2", "rsa-3", "rsa-4", "rsa-5")


def kids():
    twin = signed()
    for slug, about, kid in (
            ("unknown", "a kid that no key has", "rsa-9"),
            ("empty", "an empty kid", ""),
            ("upper", "the kid in capitals", "RSA-1"),
            ("space-behind", "the kid and a space", "rsa-1 "),
            ("newline-behind", "the kid and a newline", "rsa-1\n"),
            ("prefix", "only the beginning of the kid", "rsa"),
            ("longer", "the kid and more", "rsa-1.pem"),
            ("path", "a path out of the directory of keys", "../../../../dev/null"),
            ("path-absolute", "a path to an empty file", "/dev/null"),
            ("sql", "an SQL injection", "x' UNION SELECT 'secret';--"),
            ("shell", "a shell command", "rsa-1|/usr/bin/id"),
            ("format", "a format string", "%s%s%s%n"),
            ("url", "a URL to an attacker's key", "https://evil.example.com/keys.json"),
            ("wildcard", "a wildcard", "*"),
            ("json", "JSON in the kid", '{"kty":"oct","k":""}'),
            ("fullwidth", "a kid that only looks like the right one", "rsa\uff0d1"),
            ("cyrillic", "a kid with a Cyrillic letter", "rs\u0430-1"),
            ("10-kilobytes", "a kid of 10 KB", "k" * 10240),
            ("index", "the key's place in the set", "0"),
            ("thumbprint", "the key's thumbprint, where the set gives another kid", thumbprint(jwk("rsa-1")))):
        bad(f"kid-{slug}", "unknown_key", about, signed(header(kid=kid)), twin)
    bad("kid-of-another-key", "bad_signature", "the kid of another key that fits", signed(header(kid="rsa-any")),
        twin)
    bad("kid-unknown-single-named-key", "unknown_key",
        "the set has one key, which has a kid, and the token another one",
        signed(header(kid="other")), twin, keys=[good_rsa()])
    bad("kid-unknown-two-keys-one-nameless", "unknown_key",
        "one of two keys has no kid, so it does not serve any kid",
        signed(header(kid="other"), by="rsa-2"), signed(header(kid="rsa-1")), keys=[good_rsa(), jwk("rsa-2")])
    bad("kid-missing-in-all-keys", "unknown_key", "two keys without kid, and a kid in the token",
        signed(header(kid="other"), by="rsa-2"), signed(header(kid=DROP), by="rsa-2"),
        keys=[jwk("rsa-1"), jwk("rsa-2")])
    bad("kid-nameless-key-other-kind", "algorithm_mismatch", "the set's only key has no kid and is of another kind",
        signed(header("ES256", "any"), by="ec-256"), signed(header(kid="any")), keys=[jwk("rsa-1")])
    bad("kid-nameless-key-other-signer", "bad_signature", "the set's only key has no kid and did not sign",
        signed(header(kid="any"), by="attacker-rsa"), signed(header(kid="any")), keys=[jwk("rsa-1")])


def ambiguous():
    two = [jwk("rsa-1", kid="same"), jwk("rsa-2", kid="same"), jwk("ec-256", kid="ec-256")]
    twin = signed(header("ES256", "ec-256"), by="ec-256")
    for number, by in enumerate(("rsa-1", "rsa-2"), 1):
        good(f"kid-ambiguous-signer-{number}", f"two RSA keys under one kid, signed by number {number}", signed(header(kid="same"), by=by), keys=two)
    bad("kid-ambiguous-signer-none", "bad_signature", "two RSA keys under one kid, signed by a third", signed(header(kid="same"), by="attacker-rsa"), twin,
        keys=two)
    good("kid-ambiguous-same-alg", "two keys for ES256 under one kid", signed(header("ES256", "same"), by="ec-256-b"),
         keys=[good_rsa(), jwk("ec-256", kid="same", alg="ES256"), jwk("ec-256-b", kid="same", alg="ES256")])
    good("kid-ambiguous-one-with-alg", "two RSA keys under one kid, only one of them with alg",
         signed(header(kid="same"), by="rsa-2"), keys=[jwk("rsa-1", kid="same", alg="RS256"), *two[1:]])
    good("kid-ambiguous-three", "three keys under one kid, two of them the same", signed(header(kid="same"), by="rsa-2"),
         keys=[jwk("rsa-1", kid="same"), *two])
    bad("kid-shared-with-a-weak-key", "unknown_key", "a key that is too weak to be used bears the same kid: which is meant?",
        signed(header(kid="same")), twin, keys=[jwk("rsa-1", kid="same"), jwk("rsa-1024", kid="same"), jwk("ec-256", kid="ec-256")])
    bad("kid-shared-with-a-damaged-key", "unknown_key", "a key whose numbers are no base64url bears the same kid",
        signed(header(kid="same")), twin,
        keys=[jwk("rsa-1", kid="same"), {**jwk("rsa-2", kid="same"), "n": jwk("rsa-2")["n"] + "="}, jwk("ec-256", kid="ec-256")])
    good("kid-shared-by-two-kinds", "an RSA and an EC key share a kid, and alg tells which",
         signed(header("ES256", "same"), by="ec-256"), keys=[jwk("rsa-1", kid="same"), jwk("ec-256", kid="same")])
    good("kid-shared-by-two-algs", "two RSA keys share a kid, each with its own alg",
         signed(header("PS256", "same"), by="rsa-2"),
         keys=[jwk("rsa-1", kid="same", alg="RS256"), jwk("rsa-2", kid="same", alg="PS256")])
    good("kid-shared-with-an-encryption-key", "a key for encryption shares the kid of the one that signs",
         signed(header(kid="same")), keys=[jwk("rsa-2", kid="same", use="enc"), jwk("rsa-1", kid="same", use="sig")])
    good("kid-same-key-twice", "the same key stands twice in the set under one kid",
         signed(header(kid="same")), keys=[jwk("rsa-1", kid="same"), jwk("rsa-1", kid="same", alg="RS256")])
    good("kid-same-key-two-names", "the same key stands in the set under two kids",
         signed(header(kid="second")), keys=[jwk("rsa-1", kid="first"), jwk("rsa-1", kid="second")])


def without_kid():
    keys = [jwk(name, kid=name) for name in MANY]
    bad("no-kid-fifth-key", "bad_signature", "no kid, and the fifth of five fitting keys signed",
        signed(header(kid=DROP), by="rsa-5"), signed(header(kid=DROP), by="rsa-4"), keys=keys)
    bad("no-kid-no-fitting-key", "algorithm_mismatch", "no kid, and no key of the set fits ES256",
        signed(header("ES256", DROP), by="ec-256"), signed(header(kid=DROP), by="rsa-4"), keys=keys)
    bad("no-kid-foreign-signer", "bad_signature", "no kid, and no key of the set signed",
        signed(header(kid=DROP), by="attacker-rsa"), signed(header(kid=DROP), by="rsa-1"), keys=keys)
    bad("no-kid-key-of-another-alg", "bad_signature", "no kid, and the key that signed is for PS256 only",
        signed(header(kid=DROP), by="rsa-2"), signed(header(kid=DROP)),
        keys=[good_rsa(), jwk("rsa-2", kid="rsa-2", alg="PS256")])
    good("no-kid-fourth-key", "no kid: the fourth of five fitting keys signed", signed(header(kid=DROP), by="rsa-4"),
         keys=keys)
    others = [jwk("ec-256", kid="a"), jwk("ed-1", kid="b"), jwk("ec-384", kid="c"), jwk("ec-521", kid="d")]
    good("no-kid-fourth-behind-others", "no kid: keys of other kinds do not count among the four",
         signed(header(kid=DROP), by="rsa-4"), keys=others + keys)
    good("no-kid-same-key-five-times", "no kid: five copies of another key count as one",
         signed(header(kid=DROP), by="rsa-2"), keys=[jwk("rsa-1", kid=str(n)) for n in range(5)] + [jwk("rsa-2")])


def inside():
    """The attacker's own key or its address in the header; he signs with it."""
    twin = signed()
    chain = b64text(b"\x30\x82" + public_der(key("attacker-rsa")))
    own = jwk("attacker-rsa")
    members = [
        ("jwk", "his key as jwk", {"jwk": own}),
        ("jwk-with-kid", "his key as jwk with the good key's kid", {"jwk": dict(own, kid="rsa-1", alg="RS256")}),
        ("jku", "the address of his keys as jku", {"jku": "https://evil.example.com/jwks.json"}),
        ("jku-userinfo", "a jku that begins like the issuer",
         {"jku": "https://auth.example.com@evil.example.com/jwks"}),
        ("jku-file", "a jku that is a file", {"jku": "file:///tmp/keys.json"}),
        ("x5u", "the address of his certificate as x5u", {"x5u": "https://evil.example.com/cert.pem"}),
        ("x5c", "his certificate as x5c", {"x5c": [chain]}),
        ("all", "all of them", {"jwk": own, "jku": "https://evil.example.com/", "x5c": [chain],
                                "x5u": "https://evil.example.com/"})]
    for slug, about, more in members:
        bad(f"inside-{slug}", "bad_signature", f"signed by an attacker who sends {about}, under the good key's kid",
            signed(header(**more), by="attacker-rsa"), twin)
        if slug in ("jwk", "jku", "x5u", "x5c"):
            bad(f"inside-{slug}-own-kid", "unknown_key",
                f"signed by an attacker who sends {about}, under his own kid",
                signed(header(kid="attacker", **more), by="attacker-rsa"), twin)
            bad(f"inside-{slug}-no-kid", "bad_signature", f"signed by an attacker who sends {about}, without a kid",
                signed(header(kid=DROP, **more), by="attacker-rsa"), signed(header(kid=DROP)))
    ed = jwk("attacker-ed")
    bad("inside-jwk-ed25519", "bad_signature", "an attacker's Ed25519 key as jwk",
        signed(header("EdDSA", "ed-1", jwk=ed), by="attacker-ed"), signed(header("EdDSA", "ed-1"), by="ed-1"))
    bad("inside-jwk-es256", "bad_signature", "an attacker's EC key as jwk",
        signed(header("ES256", "ec-256", jwk=jwk("attacker-ec")), by="attacker-ec"),
        signed(header("ES256", "ec-256"), by="ec-256"))
    sha = b64text(hashlib.sha256(b"certificate").digest())
    good("inside-ignored", "jwk, jku, x5u, x5c, x5t in the header of a good token are not looked at",
         signed(header(jwk=own, jku="https://evil.example.com/", x5u="https://evil.example.com/", x5c=[chain],
                       x5t=sha)))
    good("inside-jwk-odd-types", "jku and x5c of odd types in the header of a good token are not looked at",
         signed(header(jwk=7, jku=None, x5u=[], x5c="none")))


def make():
    kids()
    ambiguous()
    without_kid()
    inside()
