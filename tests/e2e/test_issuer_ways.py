"""Issuers whose tokens say in ways of their own what RFC 7519 has a way for."""
import base64
import json
import os
import time
import unittest

from agent import ISSUER, AssayTest, Key, key_set, put_file
from command import assay

OTHER = "https://other.example.com"
ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188"


def padded(key, header, claims):
    """As AWS's load balancers make them: base64url with its padding, in each part."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in (header, claims)]
    data = ".".join(parts)
    return data + "." + base64.urlsafe_b64encode(key.signature(data.encode())).decode()


class Ways(AssayTest):
    POLICY = None

    def setUp(self):
        super().setUp()
        self.key = Key(kid="k1")
        self.agent = self.prepare(keys=[self.key])

    def issuer(self, name=ISSUER, keys=None, **settings):
        path = self.agent.path(f"keys/{len(os.listdir(self.agent.path('keys')))}.json")
        if keys is not None:
            put_file(path, key_set(*keys))
        return {**self.agent.issuer(name, path if keys is not None else self.agent.key_file), **settings}

    def begin(self, *issuers, **top):
        if self.POLICY is not None:
            put_file(self.agent.path("policy.yaml"), self.POLICY)
            top["policy"] = self.agent.path("policy.yaml")
        self.agent.configure(list(issuers), **top)
        self.agent.start()

    def claims(self, token, **params):
        return self.agent.call("verify", token=token, **params)["claims"]


class Roles(Ways):
    POLICY = """version: 1
rules:
- {name: admin, resources: [/admin], roles: [admin]}
- {name: audit, resources: [/audit], scopes: ["audit:read"]}
"""

    def allowed(self, resource, **claims):
        return self.agent.call("authorize", token=self.key.token(**claims), action="GET", resource=resource)

    def test_names_of_an_object_beside_another_place(self):
        place = "/urn:zitadel:iam:org:project:roles"
        self.begin(self.issuer(roles=[{"pointer": place, "names": True}, "/groups"], scopes={"pointer": "/permissions", "separator": ","}))
        for claims, roles, allow in (({place[1:]: {"admin": {"77": "acme"}}}, ["admin"], True), ({"groups": ["admin", "x"]}, ["admin", "x"], True),
                                     ({place[1:]: {"admin": False}}, [], False), ({place[1:]: ["admin"]}, [], False), ({"roles": "admin"}, [], False),
                                     ({place[1:]: {"user": {}}, "groups": "x"}, ["x"], False)):
            with self.subTest(claims=claims):
                answer = self.allowed("/admin", **claims)
                self.assertEqual((answer["allow"], answer["roles"]), (allow, roles))
        self.assertIs(self.allowed("/audit", permissions="orders:read, audit:read")["allow"], True)
        self.assertIs(self.allowed("/audit", permissions="orders:read audit:read")["allow"], False)
        self.assertIs(self.allowed("/audit", scope="audit:read")["allow"], False)

    def test_status_says_that_something_else_stands_there(self):
        self.begin(self.issuer(roles="/realm_access"))
        self.assertEqual(self.agent.call("status")["issuers"][0]["warnings"], [])
        self.allowed("/admin")
        self.assertEqual(self.agent.call("status")["issuers"][0]["warnings"], [])
        self.allowed("/admin", realm_access={"roles": ["admin"]}, scope=7)
        self.assertEqual(self.agent.call("status")["issuers"][0]["warnings"], [
            "no roles at /realm_access: the value is an object; if its names are the roles, write roles: {pointer: /realm_access, names: true}",
            "not all scopes at /scope could be read: the value is a number; expected a string or an array of strings"])
        self.agent.call("reload")
        self.assertEqual(self.agent.call("status")["issuers"][0]["warnings"], [])

    def test_many_roles_at_many_places(self):
        """Answers have room for them."""
        many = [f"role-{i}" for i in range(450)]
        self.begin(self.issuer(roles=["/a", "/b", "/b/0", "/c", "/d", "/e", "/f", "/g"]))
        self.assertEqual(self.allowed("/admin", a=many, b=many)["roles"], many + many + ["role-0"])
        self.assertEqual(self.allowed("/admin", **dict.fromkeys("abcdefg", ["x" * 1000]))["roles"], ["x" * 1000] * 8)


class Numbers(Ways):
    POLICY = """version: 1
rules:
- {name: own, resources: ["/users/{sub}", "/carts/{user_id}"]}
"""

    def test_they_count_as_their_digits(self):
        self.begin(self.issuer(numeric_claims=["sub", "jti", "sid"]))
        for number in (0, 7, 127, 128, 65536, 2 ** 53 + 1, 2 ** 64 - 1, -1, -2 ** 63):
            with self.subTest(number=number):
                token = self.key.token(sub=number, jti=number, sid=number, after="x")
                claims = self.claims(token)
                self.assertEqual((claims["sub"], claims["jti"], claims["sid"], claims["after"]), (str(number), str(number), str(number), "x"))
        self.assertEqual(self.claims(self.key.token(sub="7"))["sub"], "7")
        for other in (7.5, 7e30, True, [7], {"7": 7}, None):
            with self.subTest(other=other):
                self.assertEqual(self.agent.verify(self.key.token(sub=other)), "accepted" if other is None else "bad_claim")
        self.assertEqual(self.agent.verify(self.key.token(exp="7")), "bad_claim")

    def test_only_where_the_issuer_says_so(self):
        other, self.POLICY = Key(kid="o"), None
        self.begin(self.issuer(numeric_claims=["sub"]), self.issuer(OTHER, [other]))
        self.assertEqual(self.agent.verify(self.key.token(sub=7)), "accepted")
        self.assertEqual(self.agent.verify(self.key.token(jti=7)), "bad_claim")
        self.assertEqual(self.agent.verify(other.token(iss=OTHER, sub=7)), "bad_claim")

    def test_revoked_by_the_same_digits(self):
        self.begin(self.issuer(numeric_claims=["sub", "jti"]))
        tokens = {name: self.key.token(**claims) for name, claims in (("sub", {"sub": 7}), ("jti", {"jti": 8}), ("left", {"sub": 77, "jti": 88}))}
        for token in tokens.values():
            self.assertEqual(self.agent.verify(token), "accepted")
        self.assertError("bad_request", lambda: self.agent.call("revoke", sub=7.5), "not a string")
        self.assertError("bad_request", lambda: self.agent.call("revoke", kid=7), "not a string")
        self.agent.call("revoke", sub="7")
        self.agent.call("revoke", jti=8)
        self.assertIs(self.agent.call("revocations", sub=7)["revoked"], True)
        self.assertEqual({name: self.agent.verify(token) for name, token in tokens.items()},
                         {"sub": "revoked", "jti": "revoked", "left": "accepted"})

    def test_revoked_by_a_feed_as_a_publisher_copies_them(self):
        feed = self.agent.path("feed.ndjson")
        put_file(feed, "".join(json.dumps({"iss": ISSUER, **record}) + "\n" for record in (
            {"jti": 8}, {"sub": 7, "before": int(time.time()) + 60}, {"sid": "9"})))
        self.begin(self.issuer(numeric_claims=["sub", "jti", "sid"]), revocation={"feeds": [{"file": feed}]})
        for claims, reason in (({"sub": 7}, "revoked"), ({"jti": 8}, "revoked"), ({"sid": 9}, "revoked"), ({"sub": 8, "jti": 7}, "accepted")):
            self.assertEqual(self.agent.verify(self.key.token(**claims)), reason, claims)

    def test_the_policy_is_asked_about_the_same_text(self):
        self.POLICY = """version: 1
rules:
- {name: all, resources: [/x]}
- {name: bad, effect: deny, claims: {sub: ["666"]}}
tests:
- {claims: {sub: 666}, action: GET, resource: /x, expect: 403}
- {claims: {sub: 667}, action: GET, resource: /x, expect: allow}
"""
        self.begin(self.issuer(numeric_claims=["sub"]))
        self.assertEqual([self.agent.call("authorize", token=self.key.token(sub=sub), action="GET", resource="/x")["reason"] for sub in (666, 667)],
                         ["denied_by_rule", None])
        done = assay("policy", "test", self.agent.path("policy.yaml"), "--config", self.agent.config)
        self.assertEqual((done.code, done.err), (0, ""), done.out)

    def test_a_whole_number_fills_its_place_in_a_path(self):
        self.begin(self.issuer(numeric_claims=["sub"]))

        def status(resource, **claims):
            return self.agent.call("authorize", token=self.key.token(**claims), action="GET", resource=resource)["status"]
        self.assertEqual(status("/users/7", sub=7), 200)
        self.assertEqual(status("/users/7", sub=77), 403)
        self.assertEqual(status("/carts/42", user_id=42), 200)
        self.assertEqual(status("/carts/42", user_id="42"), 200)
        self.assertEqual(status("/carts/-42", user_id=-42), 200)
        for user in (43, 4, 421, 42.5, True, [42], {"42": 42}):
            with self.subTest(user=user):
                self.assertEqual(status("/carts/42", user_id=user), 403)
        self.assertEqual(status("/carts/1", user_id=True), 403)


class NamedByKid(Ways):
    def test_tokens_without_an_issuer(self):
        legacy, older, other = Key(kid="legacy"), Key(kid="older"), Key(kid="o")
        self.begin(self.issuer(), self.issuer("legacy", [legacy], named_by="kid"), self.issuer("older", [older], named_by="kid", audiences=["x"]),
                   self.issuer(OTHER, [other]))
        self.assertEqual(self.agent.verify(legacy.token(iss=None)), "accepted")
        self.assertEqual(self.agent.verify(legacy.token(iss="legacy")), "accepted")
        self.assertEqual(self.agent.verify(older.token(iss=None)), "wrong_audience")
        self.assertEqual(self.agent.verify(older.token(iss=None, aud="x")), "accepted")
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        for token, reason in ((self.key.token(iss=None), "unknown_key"), (Key(kid="legacy").token(iss=None), "bad_signature"),
                              (legacy.token({"kid": "older"}, iss=None), "bad_signature"), (legacy.token(iss=ISSUER), "unknown_key"),
                              (legacy.token(iss=7), "bad_claim"), (legacy.token(iss=""), "unknown_issuer"), (other.token(iss=None), "unknown_key")):
            self.assertEqual(self.agent.verify(token), reason)
        self.agent.call("revoke", sub="alice", iss="legacy")
        self.assertEqual(self.agent.verify(legacy.token(iss=None)), "revoked")
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")

    def test_the_answer_names_the_issuer_that_judged(self):
        legacy = Key(kid="legacy")
        self.begin(self.issuer(), self.issuer("legacy", [legacy], named_by="kid"))
        self.assertEqual(self.claims(legacy.token(iss=None))["iss"], "legacy")

    def test_a_key_without_a_name_takes_no_other_issuers_tokens(self):
        one, two = Key(kid=None), Key(kid="two")
        self.begin(self.issuer("one", [one], named_by="kid"), self.issuer("two", [two], named_by="kid"))
        self.assertEqual(self.agent.verify(two.token(iss=None)), "accepted")
        self.assertEqual(self.agent.verify(one.token(iss=None)), "accepted")

    def test_without_the_setting(self):
        self.begin(self.issuer())
        self.assertEqual(self.agent.verify(self.key.token(iss=None)), "missing_claim")
        self.assertEqual(self.agent.verify(self.key.token({"iss": ISSUER}, iss=None)), "missing_claim")


class LoadBalancer(Ways):
    """AWS's: `signer` names it, `client` is the audience, `exp` stands in the header, and base64url has its padding."""

    def setUp(self):
        super().setUp()
        self.signer = Key("ES256", kid="7dd4c3a4-1f2f-4b8e-9f3c-7a1d4d1f2a33")
        put_file(self.agent.path("alb.pem"), self.signer.pem())
        self.alb = {"issuer": ARN, "keys": {"file": self.agent.path("alb.pem"), "kid": self.signer.kid}, "algorithms": ["ES256"],
                    "named_by": {"header": "signer"}, "audience_claim": "client", "audiences": ["client-1"], "padding": "allowed"}

    def token(self, key=None, claims=None, **header):
        head = {"alg": "ES256", "typ": "JWT", "kid": self.signer.kid, "iss": ISSUER, "client": "client-1", "signer": ARN,
                "exp": int(time.time()) + 120, **header}
        return padded(key or self.signer, {k: v for k, v in head.items() if v is not None}, {"sub": "alice", "email": "a@example.com", **(claims or {})})

    def test_what_it_says_is_read(self):
        self.begin(self.issuer(), self.alb)
        token = self.token()
        self.assertIn("=.", token)
        answer = self.agent.call("verify", token=token)
        self.assertEqual((answer["active"], answer["claims"]["sub"], answer["claims"]["client"]), (True, "alice", "client-1"))
        self.assertEqual((answer["claims"]["iss"], answer["issuer"]), (ARN, ARN))   # and not the provider's, which the header has as well
        self.assertEqual(self.claims(self.token(claims={"iss": ISSUER, "z": 1}))["iss"], ARN)
        self.assertEqual(self.claims(self.token(iss=None, claims={"z": 1})), {**answer["claims"], "z": 1, "exp": self.claims(self.token())["exp"]})
        self.assertEqual(self.agent.verify(token.replace("=", "")), "bad_signature")    # which is over the padding, too
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")

    def test_what_it_does_not_say_is_refused(self):
        self.begin(self.issuer(), self.alb)
        now = int(time.time())
        for token, reason in ((self.token(signer=ARN[:-1] + "9"), "malformed"), (self.token(signer=None), "malformed"), (self.token(signer=7), "malformed"),
                              (self.token(client="client-2"), "wrong_audience"), (self.token(client=None), "missing_claim"),
                              (self.token(client=["client-1"]), "bad_claim"), (self.token(exp=now - 60), "expired"), (self.token(exp=None), "missing_claim"),
                              (self.token(exp=now + 120, claims={"exp": now - 60}), "expired"), (self.token(exp=now - 60, claims={"exp": now + 120}), "accepted"),
                              (self.token(Key("ES256", self.signer.kid)), "bad_signature"), (self.token(kid="other"), "unknown_key"),
                              (self.token(alg="RS256"), "algorithm_mismatch"), (self.token(crit=["exp"]), "unsupported_critical_header"),
                              (self.token(claims={"aud": "other"}), "wrong_audience")):
            with self.subTest(token=token):
                self.assertEqual(self.agent.verify(token), reason)

    def test_padding_is_that_issuers(self):
        self.begin(self.issuer(), self.alb)
        now = int(time.time())
        good = {"iss": ISSUER, "aud": "orders", "sub": "al", "iat": now, "exp": now + 60}
        token = padded(self.key, {"alg": "ES256", "kid": "k1"}, good)
        self.assertIn("=", token)
        self.assertEqual(self.agent.verify(token), "malformed")
        token = self.token()
        for bad in (token.replace("=.", "==.", 1), token + "=", token + "==", "=" + token, token.replace(".", ".=", 1), token.replace("=.", "=%3D.", 1)):
            with self.subTest(bad=bad):
                self.assertEqual(self.agent.verify(bad), "malformed")

    def test_without_padding_allowed(self):
        del self.alb["padding"]
        self.begin(self.alb)
        self.assertEqual(self.agent.verify(self.token()), "malformed")

    def test_revoked(self):
        self.begin(self.issuer(), self.alb)
        token, other = self.token(), self.token(claims={"sub": "bob"})
        self.agent.call("revoke", token=token)
        self.assertEqual(self.agent.verify(token), "revoked")
        self.assertEqual(self.agent.verify(token.rstrip("=")), "revoked")   # the signature's padding is not signed
        self.assertEqual(self.agent.verify(other), "accepted")
        self.agent.call("revoke", sub="bob", iss=ARN)
        self.assertEqual(self.agent.verify(other), "revoked")

    def test_a_name_of_the_payload_is_not_taken_for_the_headers(self):
        """Nobody is this issuer by `iss`, and what the header adds replaces nothing."""
        self.begin(self.issuer(), self.alb)
        self.assertEqual(self.agent.verify(self.signer.token(iss=ARN, client="client-1", aud=None)), "unknown_issuer")
        self.assertEqual(self.claims(self.token(sub="eve", email="eve@example.com", tenant="t"))["sub"], "alice")
        self.assertEqual(self.claims(self.token(tenant="t"))["tenant"], "t")
        many = {f"c{i}": i for i in range(40)}
        claims = self.claims(self.token(claims=many, **{f"h{i}": i for i in range(40)}))
        self.assertEqual((claims["c39"], claims["h39"], claims["sub"]), (39, 39, "alice"))
        self.assertNotIn("kid", claims)
        self.assertNotIn("alg", claims)


if __name__ == "__main__":
    unittest.main()
