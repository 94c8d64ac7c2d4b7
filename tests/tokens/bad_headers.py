"""Faults of the header's members: alg, kid, typ, cty, b64, zip, enc, crit."""
from folders import bad, good, one_issuer
from forge import DROP, b64, claims, compact, header, inserted_header as inserted, signed, signed_raw


def member_types():
    for name in ("kid", "typ", "cty"):
        twin = signed(header(cty="JWT"))
        for slug, value in (("null", None), ("number", 1), ("true", True), ("array", ["JWT"]),
                            ("object", {"a": "b"})):
            bad(f"header-{name}-{slug}", "malformed", f"{name} is not a string but {slug}",
                signed(header(cty="JWT", **{name: value}) if name != "cty" else header(cty=value)), twin)
    for slug, value in (("missing", DROP), ("null", None), ("number", 256), ("array", ["RS256"]),
                        ("object", {"name": "RS256"}), ("false", False)):
        bad(f"header-alg-{slug}", "malformed", f"alg is {slug}",
            signed(header(value), alg="RS256"), signed())


def transforms():
    """Members that would change what the signature or the payload means."""
    twin = signed()
    for slug, about, member in (
            ("b64-false", "b64 false: an unencoded payload (RFC 7797)", {"b64": False}),
            ("b64-true", "b64 true, which changes nothing, yet is not taken", {"b64": True}),
            ("b64-null", "b64 null", {"b64": None}),
            ("b64-false-with-crit", "b64 false with its crit, as RFC 7797 asks: judged before crit",
             {"b64": False, "crit": ["b64"]}),
            ("zip-def", "a compressed payload", {"zip": "DEF"}),
            ("zip-empty", "an empty zip", {"zip": ""}),
            ("zip-null", "zip null", {"zip": None}),
            ("enc-gcm", "enc in a token of three segments", {"enc": "A256GCM"}),
            ("enc-null", "enc null", {"enc": None})):
        bad(f"header-{slug}", "malformed", about, signed(header(**member)), twin)
    # An unencoded payload that is really signed unencoded.
    head = b64(compact(header(b64=False, crit=["b64"])))
    good_payload = b64(compact(claims()))
    bad("header-b64-false-unencoded", "malformed", "b64 false and a payload that is sent as it is",
        signed_raw(head, compact({"iss": "x"})), signed_raw(b64(compact(header())), good_payload))


def crit():
    twin = signed()
    for slug, about, value in (
            ("empty-list", "an empty list, which RFC 7515 forbids", []),
            ("unknown", "an extension that nobody knows", ["http://example.com/unknown"]),
            ("b64", "b64 in the list, and no b64", ["b64"]),
            ("exp", "exp in the list", ["exp"]),
            ("registered", "alg in the list, which RFC 7515 forbids", ["alg"]),
            ("string", "a string for the list", "exp"),
            ("null", "null", None),
            ("false", "false", False),
            ("number", "a number", 0),
            ("object", "an object", {}),
            ("empty-string", "an empty string", ""),
            ("nested", "a list in a list", [["exp"]]),
            ("doubled", "the same name twice", ["exp", "exp"])):
        bad(f"crit-{slug}", "unsupported_critical_header", f"crit is there: {about}", signed(header(crit=value)),
            twin)
    bad("crit-and-understood", "unsupported_critical_header", "crit names a member that is there",
        signed(header(crit=["exp"], exp=1767229200)), twin)
    bad("crit-escaped", "unsupported_critical_header", 'crit is there, spelled "\\u0063rit"',
        signed_raw(b64(inserted(b'"\\u0063rit":["x"]')), b64(compact(claims()))), twin)


def types():
    at = one_issuer(token_types=["at+jwt"])
    bad("typ-absent-where-listed", "wrong_type", "no typ, and the issuer's list asks for one",
        signed(header(typ=DROP)), signed(header(typ="at+jwt")), config=at)
    bad("typ-jwt-where-at-jwt", "wrong_type", "an ordinary JWT where only access tokens are taken",
        signed(), signed(header(typ="application/at+jwt")), config=at)
    twin = signed()
    for slug, about, value in (
            ("logout", "a back-channel logout token", "logout+jwt"),
            ("secevent", "a security event token", "secevent+jwt"),
            ("dpop", "a DPoP proof", "dpop+jwt"),
            ("id-token", "a made-up type", "id+jwt"),
            ("jose", "JOSE, which says nothing of a JWT", "JOSE"),
            ("jws", "JWS", "JWS"),
            ("kb", "a key binding JWT", "kb+jwt"),
            ("introspection", "an introspection answer", "token-introspection+jwt"),
            ("client-authentication", "a client's authentication", "client-authentication+jwt"),
            ("empty", "an empty string, which is not an absent typ", ""),
            ("space-behind", "JWT and a space", "JWT "),
            ("prefix-twice", "application/ twice", "application/application/jwt"),
            ("other-prefix", "another media type's prefix", "text/jwt"),
            ("parameter", "a media type with a parameter", "application/jwt; charset=utf-8"),
            ("at-jwt-longer", "at+jwt and more behind", "at+jwt+x"),
            ("turkish", "a dotless i for the case folding", "\u0131wt")):
        bad(f"typ-{slug}", "wrong_type", f"typ: {about}", signed(header(typ=value)), twin)
    good("typ-empty-entry-takes-absent", "no typ, and the issuer's list has an empty entry for that",
         signed(header(typ=DROP)), config=one_issuer(token_types=["at+jwt", ""]))


def make():
    member_types()
    transforms()
    crit()
    types()
