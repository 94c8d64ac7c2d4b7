"""Time, audience and lifetime, at their very edges.

The clock says NOW.  A token is good while NOW < exp + leeway, and from
nbf - leeway and iat - leeway on.
"""
from folders import bad, good, one_issuer
from forge import DROP, ISSUER, LEEWAY, NOW, claims, signed


def at(name, value):
    return signed(body=claims(**{name: value}))


def expired():
    edge = NOW - LEEWAY
    last = at("exp", edge + 1)
    good("exp-last-second", "exp + leeway is one second ahead", last)
    bad("exp-edge", "expired", "exp + leeway is just now", at("exp", edge), last)
    bad("exp-edge-fraction", "expired", "exp + leeway was half a second ago", at("exp", edge - 0.5),
        at("exp", edge + 0.5))
    good("exp-edge-fraction-ahead", "exp + leeway is half a second ahead", at("exp", edge + 0.5))
    bad("exp-edge-exponent", "expired", "exp with an exponent, its leeway over just now",
        signed(body=b'{"iss":"%s","aud":"orders","exp":%.9fe9}' % (ISSUER.encode(), edge / 1e9)),
        signed(body=b'{"iss":"%s","aud":"orders","exp":%.9fe9}' % (ISSUER.encode(), (edge + 1) / 1e9)))
    bad("exp-yesterday", "expired", "exp was a day ago", at("exp", NOW - 86400), signed())
    bad("exp-zero", "expired", "exp is 0", at("exp", 0), signed())
    bad("exp-small-exponent", "expired", "exp is 1.7e9", at("exp", 1.7e9), signed())
    none = one_issuer(leeway="0s")
    bad("exp-no-leeway", "expired", "exp is now, and there is no leeway", at("exp", NOW), at("exp", NOW + 1),
        config=none)
    bad("exp-no-leeway-fraction", "expired", "exp was a quarter of a second ago, and there is no leeway",
        at("exp", NOW - 0.25), at("exp", NOW + 0.25), config=none)
    good("exp-no-leeway-last-second", "exp is one second ahead, and there is no leeway", at("exp", NOW + 1),
         config=none)
    wide = one_issuer(leeway="10m")
    bad("exp-wide-leeway", "expired", "exp and ten minutes of leeway are over just now", at("exp", NOW - 600),
        at("exp", NOW - 599), config=wide)
    good("exp-wide-leeway-last-second", "exp was 599 seconds ago, leeway is ten minutes", at("exp", NOW - 599),
         config=wide)
    bad("exp-leeway-milliseconds", "expired", "exp and 500 ms of leeway are over just now", at("exp", NOW - 0.5),
        at("exp", NOW - 0.25), config=one_issuer(leeway="500ms"))
    later = {"now": NOW + 3600 + LEEWAY}
    bad("exp-later-clock", "expired", "the usual token an hour and the leeway later", signed(),
        at("exp", NOW + 3601), ask=later)
    good("exp-later-clock-last-second", "the usual token one second before that", signed(),
         ask={"now": NOW + 3599 + LEEWAY})
    bad("exp-2038", "expired", "exp in 2039 and a clock in 2040", at("exp", 2177452800), at("exp", 2240524800),
        ask={"now": 2208988800})
    good("exp-year-2100", "exp in 2100, beyond 32 bits", at("exp", 4102444800), ask={"now": 4102441200})


def not_yet():
    edge = NOW + LEEWAY
    for name in ("nbf", "iat"):
        first = at(name, edge)
        good(f"{name}-edge", f"{name} - leeway is just now", first)
        bad(f"{name}-edge-and-one", "not_yet_valid", f"{name} - leeway is one second ahead", at(name, edge + 1),
            first)
        bad(f"{name}-edge-fraction", "not_yet_valid", f"{name} - leeway is half a second ahead", at(name, edge + 0.5),
            at(name, edge - 0.5))
        good(f"{name}-edge-fraction-passed", f"{name} - leeway was half a second ago", at(name, edge - 0.5))
        bad(f"{name}-tomorrow", "not_yet_valid", f"{name} is a day ahead",
            signed(body=claims(exp=NOW + 10**6, **{name: NOW + 86400})),
            signed(body=claims(exp=NOW + 10**6, **{name: NOW})))
        bad(f"{name}-no-leeway", "not_yet_valid", f"{name} is one second ahead, and there is no leeway",
            at(name, NOW + 1),
            at(name, NOW), config=one_issuer(leeway="0s"))
        good(f"{name}-now-no-leeway", f"{name} is now, and there is no leeway", at(name, NOW),
             config=one_issuer(leeway="0s"))
        bad(f"{name}-behind-exp", "not_yet_valid", f"{name} lies behind exp", at(name, NOW + 7200), signed())
        bad(f"{name}-2-53", "not_yet_valid", f"{name} is 2^53", at(name, 2**53), signed())
    bad("nbf-earlier-clock", "not_yet_valid", "the clock is long before nbf", signed(body=claims(iat=DROP, nbf=NOW)),
        signed(body=claims(iat=DROP)), ask={"now": NOW - 86400})


def audiences():
    twin = signed()
    for slug, about, value in (
            ("other", "another service", "billing"), ("empty", "an empty string", ""),
            ("upper", "other case", "Orders"),
            ("prefix", "only its beginning", "order"), ("longer", "more behind it", "orders2"),
            ("space", "a space behind it", "orders "), ("joined", "two names in one string", "orders billing"),
            ("url", "a URL that ends in it", "https://api.example.com/orders"),
            ("issuer", "the issuer itself", ISSUER),
            ("wildcard", "a wildcard", "*"), ("array-empty", "an empty array", []),
            ("array-other", "an array of others", ["billing", "stock"]),
            ("array-case", "an array with other case", ["ORDERS"]),
            ("array-empty-text", "an array of an empty string", [""]),
            ("cyrillic", "a Cyrillic letter for a Latin one", "\u043erders"),
            ("fullwidth", "a fullwidth letter", "\uff4frders")):
        bad(f"audience-{slug}", "wrong_audience", f"aud is not for this service: {about}", at("aud", value), twin)
    several = one_issuer(audiences=["orders", "billing"])
    bad("audience-asked-other", "wrong_audience", "asked for billing, the token is for orders", signed(),
        at("aud", "billing"), config=several, ask={"audience": "billing"})
    bad("audience-asked-not-configured", "wrong_audience",
        "asked for stock, which the token has and nobody configured",
        at("aud", ["orders", "stock"]), None, ask={"audience": "stock"})
    bad("audience-asked-empty", "wrong_audience", "asked for an empty audience", at("aud", ["orders", ""]), None,
        ask={"audience": ""})
    bad("audience-asked-upper", "wrong_audience", "asked in other case", signed(), None, ask={"audience": "Orders"})
    bad("audience-asked-not-in-array", "wrong_audience", "asked for billing, the array holds others",
        at("aud", ["orders", "stock"]), at("aud", ["stock", "billing"]), config=several, ask={"audience": "billing"})
    good("audience-asked", "asked for billing, one of two configured ones, and the token is for it",
         at("aud", "billing"), config=several, ask={"audience": "billing"})
    good("audience-second-configured", "nothing asked, the token is for the second configured one",
         at("aud", "billing"), config=several)
    good("audience-array", "an array that holds the audience behind others",
         at("aud", ["stock", "billing", "orders"]))
    good("audience-array-one", "an array of one", at("aud", ["orders"]))
    good("audience-array-twice", "the audience twice in the array", at("aud", ["orders", "orders"]))
    good("audience-array-hundred", "the last of a hundred", at("aud",
                                                               [f"service-{n}" for n in range(99)] + ["orders"]))
    good("audience-unicode", "an audience beyond ASCII", at("aud", "Bestellungen/\u00fc\U0001f4e6"),
         config=one_issuer(audiences=["Bestellungen/\u00fc\U0001f4e6"]))


def client_ids():
    config = one_issuer(audience_claim="client_id", audiences=["orders", "billing"])

    def client(client_id, aud=DROP):
        return signed(body=claims(aud=aud, client_id=client_id))
    twin = client("orders")
    for slug, about, token, ask in (
            ("other", "client_id is another one", client("stock"), None),
            ("empty", "client_id is empty", client(""), None),
            ("aud-other", "client_id is right, and a present aud is not", client("orders", "stock"), None),
            ("aud-empty-array", "client_id is right, and a present aud is an empty array", client("orders", []),
             None),
            ("aud-right-alone", "aud is right, and client_id is not", client("stock", "orders"), None),
            ("asked-other", "asked for orders, client_id says billing", client("billing"), {"audience": "orders"}),
            ("asked-aud-other", "asked for orders, client_id says so, and aud says billing",
             client("orders", "billing"), {"audience": "orders"})):
        bad(f"client-id-{slug}", "wrong_audience", f"client_id is the audience claim: {about}", token, twin,
            config=config, ask=ask)
    good("client-id", "client_id is the audience claim and there is no aud", twin, config=config)
    good("client-id-and-aud", "client_id is the audience claim and aud matches too",
         client("orders", ["x", "orders"]),
         config=config)


def lifetimes():
    hour = one_issuer(max_token_lifetime="1h")
    longest = signed(body=claims(iat=NOW, exp=NOW + 3600))
    good("lifetime-longest", "exp - iat is just the longest lifetime", longest, config=hour)
    bad("lifetime-one-second-more", "lifetime_too_long", "exp - iat is one second over the longest lifetime",
        signed(body=claims(iat=NOW, exp=NOW + 3601)), longest, config=hour)
    bad("lifetime-fraction-more", "lifetime_too_long", "exp - iat is half a second over the longest lifetime",
        signed(body=claims(iat=NOW - 0.5, exp=NOW + 3600)), longest, config=hour)
    bad("lifetime-ten-years", "lifetime_too_long", "a token for ten years", signed(body=claims(exp=NOW + 315360000)),
        longest, config=hour)
    bad("lifetime-iat-zero", "lifetime_too_long", "iat is 0", signed(body=claims(iat=0)), longest, config=hour)
    bad("lifetime-from-the-past", "lifetime_too_long", "exp is soon, and iat a month ago",
        signed(body=claims(iat=NOW - 2592000, exp=NOW + 60)), longest, config=hour)
    bad("lifetime-days", "lifetime_too_long", "two days where one is the most", signed(body=claims(exp=NOW + 172800)),
        signed(body=claims(exp=NOW + 86340)), config=one_issuer(max_token_lifetime="1d"))
    good("lifetime-exp-before-iat", "exp lies before iat, both inside the leeway",
         signed(body=claims(iat=NOW + 10, exp=NOW - 10)), config=hour)


def make():
    expired()
    not_yet()
    audiences()
    client_ids()
    lifetimes()
