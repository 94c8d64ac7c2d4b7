"""Kinds of token, missing claims, claims of a wrong type, configured claims."""
from folders import bad, good, one_issuer
from forge import DROP, NOW, b64, claims, compact, header, signed, signed_raw


def raw_claims(name, text):
    """The usual claims with one of them written as given."""
    body = compact(claims(**{name: DROP}))
    return body[:-1] + b"," + f'"{name}":{text}'.encode() + b"}"


def with_raw(name, text):
    return signed_raw(b64(compact(header())), b64(raw_claims(name, text)))


def kinds():
    twin = signed()
    logout = {"http://schemas.openid.net/event/backchannel-logout": {}}
    for slug, about, value in (("logout", "a logout token's", logout), ("empty", "an empty object", {})):
        bad(f"kind-events-{slug}", "wrong_type", f"events is there: {about}", signed(body=claims(events=value)), twin)
    for slug, about, value in (("null", "null", None), ("array", "an array of one's own", ["concert-7"]), ("false", "false", False)):
        good(f"kind-events-{slug}", f"events is no object, but {about}", signed(body=claims(events=value)))
    for name, values in (
            ("token_use", (("refresh", "refresh"), ("refresh-upper", "REFRESH"), ("offline", "offline"),
                           ("logout", "logout"), ("refresh-array", ["access", "refresh"]))),
            ("type", (("refresh", "refresh"), ("refresh-token", "refresh_token"), ("refresh-mixed", "RefreshToken"),
                      ("offline-access", "offline_access"), ("logout", "logout+jwt"), ("logout-token", "Logout-Token"),
                      ("offline-array", ["Offline"]))),
            ("typ", (("refresh", "Refresh"), ("offline", "Offline"), ("logout", "Logout"),
                     ("refresh-array", ["Bearer", 7, "Refresh"]))),
            ("token_type", (("refresh", "refresh"), ("urn", "urn:ietf:params:oauth:token-type:refresh_token"), ("words", "Refresh Token"))),
            ("tokenType", (("refresh", "refreshToken"), ("offline", "OFFLINE_TOKEN"))), ("tokenUse", (("refresh", "refresh"),))):
        for slug, value in values:
            bad(f"kind-{name.replace('_', '-').replace('T', '-joined-t').replace('U', '-joined-u')}-{slug}", "wrong_type", f"{name} of the payload says {value}",
                signed(body=claims(**{name: value})), signed(body=claims(**{name: "access"})))
    good("kind-access", "token_use, type and typ say access, service and Bearer",
         signed(body=claims(token_use="access", type="service", typ="Bearer")))
    for name in ("token_use", "type", "typ", "token_type", "tokenType"):
        for word in ("offline-terminal", "refresher-course", "x-refresh-x", "not a refresh token", "prelogout", "re:fresh:x"):
            good(f"kind-{name.replace('_', '-').lower()}-{word.replace(' ', '-').replace(':', '-')}", f"{name} is {word}", signed(body=claims(**{name: word})))
    good("kind-id", "token_use says id", signed(body=claims(token_use="id")))
    good("kind-odd-types", "token_use, type and typ that are no strings say nothing",
         signed(body=claims(token_use=7, type=None, typ={"refresh": True})))
    good("kind-other-claims", "refresh and logout in claims that do not tell the kind",
         signed(body=claims(scope="refresh logout offline_access", sub="refresh", kind="refresh")))


def missing():
    twin = signed()
    for name in ("exp", "aud"):
        bad(f"missing-{name}", "missing_claim", f"no {name}", signed(body=claims(**{name: DROP})), twin)
    bad("missing-exp-upper", "missing_claim", "EXP for exp", signed(body=claims(exp=DROP, EXP=NOW + 3600)), twin)
    bad("missing-required-sub", "missing_claim", "no sub, which the issuer's configuration requires",
        signed(body=claims(sub=DROP)), twin, config=one_issuer(required_claims=["sub"]))
    bad("missing-required-second", "missing_claim", "the second of two required claims",
        signed(body=claims(tenant="acme")), signed(body=claims(tenant="acme", sid="s-1")),
        config=one_issuer(required_claims=["tenant", "sid"]))
    bad("missing-required-inner", "missing_claim", "the required claim only stands in an inner object",
        signed(body=claims(ext={"tenant": "acme"})), signed(body=claims(tenant="acme")),
        config=one_issuer(required_claims=["tenant"]))
    bad("missing-iat-with-max-lifetime", "missing_claim", "no iat where a longest lifetime is set",
        signed(body=claims(iat=DROP)), twin, config=one_issuer(max_token_lifetime="24h"))
    bad("missing-client-id", "missing_claim", "no client_id where that is the audience claim",
        signed(body=claims()), signed(body=claims(client_id="orders")), config=one_issuer(audience_claim="client_id"))
    bad("missing-all", "missing_claim", "a payload of iss alone", signed(body={"iss": claims()["iss"]}), twin)
    good("missing-optional", "only iss, aud and exp",
         signed(body=claims(sub=DROP, iat=DROP, jti=DROP)))
    good("required-null", "a required claim that is null is there",
         signed(body=claims(tenant=None)), config=one_issuer(required_claims=["tenant"]))
    good("required-empty", "required claims that are empty or false are there",
         signed(body=claims(a="", b=False, c=0)), config=one_issuer(required_claims=["a", "b", "c"]))


def times():
    twin = signed(body=claims(nbf=NOW - 60))
    for name in ("exp", "nbf", "iat"):
        for slug, text in (("null", "null"), ("string", f'"{NOW + 3600}"'), ("true", "true"), ("false", "false"),
                           ("array", f"[{NOW}]"), ("object", "{}"), ("empty-string", '""'),
                           ("date", '"2026-01-01T01:00:00Z"'), ("negative", "-1"), ("negative-fraction", "-0.5"),
                           ("huge", "1e300"), ("beyond-2-53", "9007199254740994"), ("2-64", "18446744073709551616"),
                           ("beyond-2-53-exponent", "9.1e15")):
            bad(f"claim-{name}-{slug}", "bad_claim", f"{name} is {text}", with_raw(name, text), twin)
    bad("claim-exp-milliseconds-huge", "bad_claim", "exp in nanoseconds, far beyond 2^53",
        with_raw("exp", str((NOW + 3600) * 10**9)), twin)
    good("claim-exp-2-53", "exp is 2^53, the largest that is taken", with_raw("exp", "9007199254740992"))
    good("claim-nbf-iat-zero", "nbf and iat are 0", signed(body=claims(nbf=0, iat=0)))


def texts():
    twin = signed(body=claims(sid="s-1"))
    for name in ("sub", "jti", "sid"):
        for slug, value in (("null", None), ("number", 7), ("true", True), ("array", ["user-123"]),
                            ("object", {"id": "user-123"})):
            bad(f"claim-{name}-{slug}", "bad_claim", f"{name} is not a string but {slug}",
                signed(body=claims(sid="s-1") | {name: value}), twin)
    by_client = one_issuer(audience_claim="client_id")
    client = signed(body=claims(aud=DROP, client_id="orders"))
    for slug, value in (("null", None), ("number", 7), ("array", ["orders"]), ("object", {})):
        bad(f"claim-client-id-{slug}", "bad_claim", f"client_id, the audience claim, is not a string but {slug}",
            signed(body=claims(aud=DROP, client_id=value)), client, config=by_client)
        bad(f"claim-aud-beside-client-id-{slug}", "bad_claim" if slug != "array" else "wrong_audience",
            f"client_id is right, and aud beside it is {slug}",
            signed(body=claims(aud=value if slug != "array" else ["other"], client_id="orders")), client,
            config=by_client)
    good("claim-client-id-odd-where-unused", "client_id is a number where it is not the audience claim",
         signed(body=claims(client_id=7)))
    for slug, value in (("null", None), ("number", 7), ("true", True), ("object", {"orders": True}),
                        ("array-with-number", ["orders", 7]), ("array-with-null", ["orders", None]),
                        ("array-nested", [["orders"]]), ("array-with-object", ["orders", {}])):
        bad(f"claim-aud-{slug}", "bad_claim", f"aud is {slug}", signed(body=claims(aud=value)), twin)
    good("claim-texts-empty", "sub, jti and sid are empty strings", signed(body=claims(sub="", jti="", sid="")))


def configured():
    """claims: a claim must be equal to, or contain, one of the listed values."""
    acme = one_issuer(claims={"repository_owner": ["acme", "acme-labs"]})
    twin = signed(body=claims(repository_owner="acme"))
    for slug, about, value in (
            ("other", "another value", "evil"), ("absent", "it is not there", DROP), ("null", "null", None),
            ("upper", "other case", "ACME"), ("longer", "a longer value", "acme-evil"),
            ("shorter", "a shorter value", "acm"), ("space", "a space behind", "acme "), ("empty", "empty", ""),
            ("joined", "both in one string", "acme acme-labs"), ("array-without", "an array without it", ["evil"]),
            ("array-empty", "an empty array", []), ("array-nested", "it stands in an inner array", [["acme"]]),
            ("object", "it is the name of a member", {"acme": "acme"}), ("true", "true", True), ("number", "0", 0)):
        bad(f"configured-claim-{slug}", "claim_mismatch", f"repository_owner must be acme or acme-labs: {about}",
            signed(body=claims(repository_owner=value)), twin, config=acme)
    both = one_issuer(claims={"tenant": ["acme"], "env": ["prod"]})
    bad("configured-claims-one-of-two", "claim_mismatch", "of two configured claims only the first is right",
        signed(body=claims(tenant="acme", env="test")), signed(body=claims(tenant="acme", env="prod")), config=both)
    bad("configured-claims-number-for-text", "claim_mismatch", "the number 42 where the text 42 is configured",
        signed(body=claims(tenant=42)), signed(body=claims(tenant="42")),
        config=one_issuer(claims={"tenant": ["42"]}))
    typed = one_issuer(claims={"level": [3], "staff": True})
    bad("configured-claims-text-for-number", "claim_mismatch", "the text 3 where the number 3 is configured",
        signed(body=claims(level="3", staff=True)), signed(body=claims(level=3, staff=True)), config=typed)
    bad("configured-claims-other-number", "claim_mismatch", "the number 4 where 3 is configured",
        signed(body=claims(level=4, staff=True)), signed(body=claims(level=3, staff=True)), config=typed)
    bad("configured-claims-false-for-true", "claim_mismatch", "false where true is configured",
        signed(body=claims(level=3, staff=False)), signed(body=claims(level=3, staff=True)), config=typed)
    bad("configured-claims-text-for-true", "claim_mismatch", "the text true where true is configured",
        signed(body=claims(level=3, staff="true")), signed(body=claims(level=3, staff=True)), config=typed)
    good("configured-claims-number-and-true", "a number, written with a fraction, and true",
         signed(body=claims(level=3.0, staff=True)), config=typed)
    good("configured-claim-second-value", "the second of the listed values",
         signed(body=claims(repository_owner="acme-labs")), config=acme)
    good("configured-claim-in-array", "an array that contains a listed value",
         signed(body=claims(repository_owner=["x", 7, "acme"])), config=acme)
    good("configured-claims-both", "two configured claims, both right",
         signed(body=claims(tenant="acme", env="prod")),
         config=both)


def confirmation():
    jkt = {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}
    mtls = {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}
    twin = signed()
    for slug, about, value in (("jkt", "a DPoP key", jkt), ("x5t", "a client certificate", mtls), ("empty", "{}", {}),
                               ("null", "null", None), ("text", "a string", "none")):
        bad(f"cnf-{slug}", "claim_mismatch", f"cnf is there and the caller's proof is not seen here: {about}",
            signed(body=claims(cnf=value)), twin)
    bad("cnf-refuse-written-out", "claim_mismatch", "cnf where sender_constrained: refuse is written out",
        signed(body=claims(cnf=jkt)), twin, config=one_issuer(sender_constrained="refuse"))
    for slug, value in (("jkt", jkt), ("x5t", mtls)):
        good(f"cnf-{slug}-left-to-the-caller", "cnf where sender_constrained: caller leaves it to the service",
             signed(body=claims(cnf=value)), config=one_issuer(sender_constrained="caller"))


def make():
    kinds()
    missing()
    times()
    texts()
    configured()
    confirmation()
