"""Issuers: look-alikes, another issuer's keys, shadow issuers."""
from folders import bad, good, one_issuer
from forge import AUDIENCE, DROP, ISSUER, b64, claims, compact, header, signed, signed_raw
from jwks import good_rsa, jwk, key_set

OTHER = "https://login.example.org"


def two(**second):
    """The usual issuer and another one with keys of its own."""
    return one_issuer() + [dict({"issuer": OTHER, "keys": {"file": "keys-b.json"}, "audiences": [AUDIENCE]},
                                **second)]


def lookalikes():
    twin = signed()
    for slug, about, iss in (
            ("trailing-slash", "a slash behind it", ISSUER + "/"),
            ("upper-host", "the host in capitals", "https://AUTH.example.com"),
            ("upper-scheme", "the scheme in capitals", "HTTPS://auth.example.com"),
            ("http", "http for https", "http://auth.example.com"),
            ("no-scheme", "no scheme", "auth.example.com"),
            ("port", "the default port written out", ISSUER + ":443"),
            ("prefix", "only its beginning", "https://auth.example"),
            ("longer", "more behind it", ISSUER + ".evil.com"),
            ("path", "a path behind it", ISSUER + "/realms/x"),
            ("query", "a query behind it", ISSUER + "?"),
            ("fragment", "a fragment behind it", ISSUER + "#"),
            ("userinfo", "the name as user of another host", ISSUER + "@evil.com"),
            ("space-before", "a space before it", " " + ISSUER),
            ("space-behind", "a space behind it", ISSUER + " "),
            ("newline-behind", "a newline behind it", ISSUER + "\n"),
            ("dot-behind-host", "the host with its root dot", ISSUER + "."),
            ("percent", "a letter percent-encoded", "https://%61uth.example.com"),
            ("cyrillic", "a Cyrillic letter for a Latin one", "https://\u0430uth.example.com"),
            ("fullwidth", "a fullwidth letter", "https://auth.example.c\uff4fm"),
            ("zero-width", "a zero width space inside", "https://auth.\u200bexample.com"),
            ("combining", "a combining accent behind a letter", "https://auth.example.co\u0301m"),
            ("soft-hyphen", "a soft hyphen inside", "https://auth.exam\u00adple.com"),
            ("empty", "an empty string", ""),
            ("wildcard", "a wildcard", "https://*.example.com"),
            ("foreign", "another issuer", "https://evil.example.org"),
            ("audience", "the audience in its place", AUDIENCE)):
        bad(f"issuer-{slug}", "unknown_issuer", f"iss is not the configured one: {about}",
            signed(body=claims(iss=iss)), twin)
    bad("issuer-missing", "missing_claim", "no iss", signed(body=claims(iss=DROP)), twin)
    for slug, value in (("null", None), ("number", 1), ("true", True), ("array", [ISSUER]),
                        ("object", {"v": ISSUER})):
        bad(f"issuer-{slug}", "bad_claim", f"iss is not a string but {slug}", signed(body=claims(iss=value)), twin)
    bad("issuer-alias-not-configured", "unknown_issuer", "a spelling that is no alias of the configured one",
        signed(body=claims(iss="auth.example.com/")), signed(body=claims(iss="auth.example.com")),
        config=one_issuer(aliases=["auth.example.com"]))
    escaped = b64(compact(claims()).replace(b"https://auth", b"https:\\/\\/\\u0061uth"))
    good("issuer-escaped", "iss is written with JSON escapes and is the configured one all the same",
         signed_raw(b64(compact(header())), escaped))
    good("issuer-alias", "iss is an alias", signed(body=claims(iss="auth.example.com")),
         config=one_issuer(aliases=["auth.example.com", "urn:auth"]))


def each_others_keys():
    """Keys of one issuer never verify another's tokens."""
    twin = signed()
    cases = [
        ("same-kid", "bad_signature", "both sets have this kid", "shared", "rsa-2", [jwk("rsa-2", kid="shared")],
         [jwk("rsa-1", kid="shared")]),
        ("other-kid", "unknown_key", "the kid is in the other's set only", "b-1", "rsa-2", [jwk("rsa-2", kid="b-1")],
         None),
        ("no-kid", "bad_signature", "no kid in the token", DROP, "rsa-2", [jwk("rsa-2", kid="b-1")], None),
    ]
    for slug, reason, about, kid, by, theirs, ours in cases:
        keys = ours or [good_rsa()]
        right = signed(header(kid=kid), by="rsa-1") if ours or kid is DROP else twin
        bad(f"issuer-foreign-key-{slug}", reason, f"signed with another configured issuer's key: {about}",
            signed(header(kid=kid), by=by), right, keys=keys, config=two(), files={"keys-b.json": key_set(*theirs)})
    theirs = {"keys-b.json": key_set(jwk("rsa-2", kid="b-1"))}
    bad("issuer-own-key-for-other", "unknown_key", "the first issuer's key under the second one's name",
        signed(body=claims(iss=OTHER)), signed(header(kid="b-1"), claims(iss=OTHER), by="rsa-2"),
        config=two(), files=theirs)
    bad("issuer-other-audience", "wrong_audience", "an audience that is configured for the other issuer only",
        signed(body=claims(aud="billing")), twin, config=two(audiences=["billing"]), files=theirs)
    bad("issuer-other-algorithms", "algorithm_mismatch", "an algorithm that is allowed for the other issuer only",
        signed(header("PS256", "b-1"), claims(iss=OTHER), by="rsa-2"),
        signed(header(kid="b-1"), claims(iss=OTHER), by="rsa-2"),
        config=two(algorithms=["RS256"]), files=theirs)
    bad("issuer-other-types", "wrong_type", "a typ that is allowed for the other issuer only",
        signed(header(kid="b-1"), claims(iss=OTHER), by="rsa-2"),
        signed(header(kid="b-1", typ="at+jwt"), claims(iss=OTHER), by="rsa-2"),
        config=two(token_types=["at+jwt"]), files=theirs)
    good("issuer-second-of-two", "a token of the second issuer under its own key",
         signed(header(kid="b-1"), claims(iss=OTHER), by="rsa-2"), config=two(), files=theirs)
    good("issuer-same-kid-in-both-sets", "both sets have the kid; the issuer's own key is taken",
         signed(header(kid="rsa-1"), claims(iss=OTHER), by="rsa-2"),
         config=two(), files={"keys-b.json": key_set(jwk("rsa-2", kid="rsa-1"))})


def shadow():
    theirs = {"keys-b.json": key_set(jwk("rsa-2", kid="b-1"))}
    config = two(mode="shadow")
    twin = signed()
    bad("issuer-shadow", "unknown_issuer", "a good token of an issuer on trial (mode shadow)",
        signed(header(kid="b-1"), claims(iss=OTHER), by="rsa-2"), twin, config=config, files=theirs)
    bad("issuer-shadow-bad-signature", "unknown_issuer",
        "a bad signature of an issuer on trial: told as unknown all the same",
        signed(header(kid="b-1"), claims(iss=OTHER), by="attacker-rsa"), twin, config=config, files=theirs)
    bad("issuer-shadow-expired", "unknown_issuer", "an expired token of an issuer on trial",
        signed(header(kid="b-1"), claims(iss=OTHER, exp=1767000000), by="rsa-2"), twin, config=config, files=theirs)
    bad("issuer-shadow-alias", "unknown_issuer", "an alias of an issuer on trial",
        signed(header(kid="b-1"), claims(iss="login"), by="rsa-2"), twin,
        config=two(mode="shadow", aliases=["login"]), files=theirs)
    good("issuer-enforced", "mode enforce, written out", twin, config=one_issuer(mode="enforce"))


def make():
    lookalikes()
    each_others_keys()
    shadow()
