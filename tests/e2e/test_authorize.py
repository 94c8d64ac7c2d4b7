"""`authorize`: may this token's holder do this? Asked over the socket, of a real agent with a real policy."""
import itertools
import json
import time
import unittest

import msgpack

from agent import ISSUER, AssayTest, Key, needs_root, put_file

OTHER = "https://other.example.com"
POLICY = """version: 1
roles:
  admin: [manager]
  manager: [user]
rules:
- {name: users, actions: [GET], resources: ["/admin/users", "/admin/users/**"], roles: [admin]}
- {name: orders, resources: [/orders, "/orders/*"], roles: [user]}
- {name: place, actions: [POST], resources: [/place], roles: [user], scopes: ["orders:write", audit]}
- {name: own, resources: ["/users/{sub}/**"]}
- {name: warehouse, actions: [POST], resources: [/reserve], claims: {type: service, service: [order-service, returns-service]}}
- {name: deep, resources: [/deep], claims: {/a/b~1c: 7}}
- {name: suspended, effect: deny, claims: {status: suspended}}
- {name: closed, effect: deny, resources: [/orders/closed]}
- {name: health, resources: [/health], anonymous: true}
- {name: trial, resources: ["/new/**"], roles: [user], mode: shadow}
"""


def allowed(rule, subject="alice", roles=()):
    return {"allow": True, "status": 200, "reason": None, "rule": rule, "subject": subject, "roles": list(roles)}


def refused(status, reason, rule=None, subject="alice", roles=()):
    return {"allow": False, "status": status, "reason": reason, "rule": rule, "subject": subject, "roles": list(roles)}


def nobody(status, reason, rule=None):
    return refused(status, reason, rule, None)


class AuthorizeTest(AssayTest):
    policy = POLICY

    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.path = self.agent.path("policy.yaml")
        put_file(self.path, self.policy)
        self.configure()
        self.agent.start()
        self.client = self.agent.connect()
        self.addCleanup(self.client.close)

    def configure(self, issuers=None, **top):
        self.agent.configure(issuers, **{"policy": self.path, **top})

    def ask(self, token, action, resource, **params):
        if token is not None:
            params["token"] = token
        return self.client.call("authorize", action=action, resource=resource, **params)

    def assertAnswers(self, expected, token, action, resource, **params):
        """The same at first, and from the cache, and as the only one of several questions."""
        for _ in range(2):
            self.assertEqual(self.ask(token, action, resource, **params), expected)
        if token is not None:
            params["token"] = token
        decision = {key: expected[key] for key in ("allow", "status", "reason", "rule")}
        self.assertEqual(self.client.call("authorize", checks=[[action, resource]], **params),
                         {"decisions": [decision], "subject": expected["subject"], "roles": expected["roles"]})


class Decisions(AuthorizeTest):
    def test_roles_and_what_they_contain(self):
        for role, users, orders in (("admin", True, True), ("manager", False, True), ("user", False, True), ("guest", False, False),
                                    ("Admin", False, False), ("admin ", False, False), (7, False, False), (None, False, False)):
            with self.subTest(role=role):
                token = self.key.token(role=role)
                roles = [role] if isinstance(role, str) else []
                for resource, rule, may in (("/admin/users/7", "users", users), ("/orders/7", "orders", orders)):
                    self.assertAnswers(allowed(rule, roles=roles) if may else refused(403, "insufficient_role", rule, roles=roles),
                                       token, "GET", resource)

    def test_roles_are_told_as_the_token_has_them(self):
        self.assertAnswers(allowed("orders", roles=["x", "user", ""]), self.key.token(roles=["x", 3, "user", ["admin"], ""], role="admin"),
                           "GET", "/orders")
        self.assertAnswers(refused(403, "insufficient_role", "orders"), self.key.token(roles=3, role="admin"), "GET", "/orders")
        self.assertAnswers(allowed("health", subject=None), self.key.token(sub=None), "GET", "/health")

    def test_scopes(self):
        for scope, may in (("orders:write audit", True), ("  audit  x orders:write ", True), (["audit", "orders:write"], True),
                           ("orders:write", False), ("audit", False), (["orders:write audit"], False), ("Orders:Write audit", False),
                           (1, False), (None, False)):
            for name in ("scope", "scp"):
                with self.subTest(scope=scope):
                    token = self.key.token(role="user", **{name: scope})
                    self.assertAnswers(allowed("place", roles=["user"]) if may else refused(403, "insufficient_scope", "place", roles=["user"]),
                                       token, "POST", "/place")
        self.assertAnswers(refused(403, "insufficient_role", "place"), self.key.token(scope="orders:write audit"), "POST", "/place")

    def test_claims(self):
        self.assertAnswers(allowed("warehouse"), self.key.token(type="service", service="order-service"), "POST", "/reserve")
        self.assertAnswers(allowed("warehouse"), self.key.token(type="service", service=["x", "returns-service"]), "POST", "/reserve")
        self.assertAnswers(refused(403, "no_rule"), self.key.token(type="service", service="order"), "POST", "/reserve")
        self.assertAnswers(refused(403, "no_rule"), self.key.token(service="order-service"), "POST", "/reserve")
        self.assertAnswers(refused(403, "no_rule"), self.key.token(type="service", service="order-service"), "GET", "/reserve")
        self.assertAnswers(allowed("deep"), self.key.token(a={"b/c": 7}), "GET", "/deep")
        self.assertAnswers(refused(403, "no_rule"), self.key.token(a={"b/c": "7"}), "GET", "/deep")

    def test_a_claim_in_a_pattern(self):
        self.assertAnswers(allowed("own"), self.key.token(), "GET", "/users/alice/settings")
        self.assertAnswers(refused(403, "no_rule"), self.key.token(), "GET", "/users/bob/settings")
        self.assertAnswers(refused(403, "bad_resource"), self.key.token(), "GET", "/users/alice/../bob/settings")
        for subject in ("*", "**", "bob/settings", "", "..", "{sub}", "bob?", "%62ob"):
            self.assertAnswers(refused(403, "no_rule", subject=subject), self.key.token(sub=subject), "GET", "/users/bob/settings/x")

    def test_the_log_says_why_a_resource_is_none(self):
        self.ask(None, "GET", "/a%2fb")
        self.assertIn("%2F", next(line for line in self.agent.log().splitlines() if "bad_resource" in line))
        self.ask(None, "GET", "/nowhere")
        self.assertNotIn("why", next(line for line in self.agent.log().splitlines() if "/nowhere" in line))

    def test_the_log_has_letters_as_they_are(self):
        """But not what could make a reader see another line."""
        resources = ("/caf\u00e9/\u20ac/\U0001f600", "/\u202e/\u2028/\u0085/\"/\\/\x7f/\n", "/" + 253 * "x" + "\u00e9")
        for resource in resources:
            self.ask(None, "GET", resource)
        lines = [json.loads(line) for line in self.agent.log().splitlines() if '"resource"' in line]
        self.assertEqual([line["resource"] for line in lines], [*resources[:2], resources[2][:254]])
        self.assertIn("/caf\u00e9/\u20ac/\U0001f600", self.agent.log())
        self.assertIn("/\\u202e/\\u2028/\\u0085/", self.agent.log())

    def test_deny_wins(self):
        token = self.key.token(role="admin", status="suspended")
        for resource in ("/orders", "/health", "/nowhere"):
            self.assertAnswers(refused(403, "denied_by_rule", "suspended", roles=["admin"]), token, "GET", resource)
        self.assertAnswers(refused(403, "denied_by_rule", "closed", roles=["admin"]), self.key.token(role="admin"), "GET", "/orders/closed")
        self.assertAnswers(nobody(403, "denied_by_rule", "closed"), None, "GET", "/orders/closed")
        self.assertAnswers(nobody(403, "denied_by_rule", "closed"), "rubbish", "GET", "/orders/closed")

    def test_shadow_rules_never_decide(self):
        before = self.client.call("status")["policy"]
        self.assertAnswers(refused(403, "no_rule", roles=["user"]), self.key.token(role="user"), "GET", "/new/1")
        self.assertNotEqual(self.client.call("status")["policy"], before)  # but they are counted
        self.assertAnswers(refused(403, "no_rule"), self.key.token(), "GET", "/new/1")

    def test_path_tricks(self):
        """Against a rule that allows and one that denies: either the plain path's answer, or bad_resource."""
        token = self.key.token(role="user")
        same = ("/orders/closed", "/orders/closed/", "/orders/%63losed", "/%6frders/close%64", "/orders/closed?x=1", "/orders/closed/?x=1",
                "/orders/closed?/../../health", "/orders/closed?#")
        for resource in same:
            self.assertAnswers(refused(403, "denied_by_rule", "closed", roles=["user"]), token, "GET", resource)
            self.assertAnswers(allowed("orders", roles=["user"]), token, "GET", resource.replace("closed", "open").replace("close%64", "open")
                               .replace("%63losed", "%6fpen"))
        bad = ("", "orders/closed", "/orders%2fclosed", "/orders%2Fclosed", "/orders%5cclosed", "/orders\\closed", "/orders/closed;x", "/orders;/closed",
               "/orders/closed%3bx", "/orders/closed%3B", "/orders/closed%00", "/orders/closed\0", "/orders/closed%0a", "/orders/closed\x7f",
               "//orders//closed", "/orders/./closed", "/x/../orders/closed", "/orders/x/%2e%2e/closed", "/orders/x/.%2E/closed", "/orders/closed#x",
               "/orders/closed/.", "/orders/closed/x/..", "/orders/closed//", "/admin/../orders/closed", "/orders/%2e%2e/health", "/health/%2e",
               "/orders/%c0%ae%c0%ae/health", "/orders/closed%", "/orders/closed%2", "/orders/closed%zz", "/../orders/closed",
               "/orders/../../health", "/orders/%2e%2e/%2E%2E/health", "/health%2f..%2forders", "/health/..;/orders", "/orders/\x85", "/%ff",
               "/" + "a/" * 65, "/" + "a" * 4096)
        for resource in bad:
            with self.subTest(resource[:40]):
                self.assertAnswers(refused(403, "bad_resource", roles=["user"]), token, "GET", resource)
                self.assertAnswers(nobody(403, "bad_resource"), None, "GET", resource)
                self.assertAnswers(nobody(403, "bad_resource"), "rubbish", "GET", resource)
        self.assertAnswers(nobody(401, "no_token"), None, "GET", "/health/%252e%252e/health")  # decoded once
        # Bytes that are no text: as bin.
        self.assertEqual(self.client.call("authorize", action=b"GET", resource=b"/orders/\xff", token=token)["reason"], "bad_resource")
        self.assertEqual(self.client.call("authorize", action=b"GET", resource=b"/orders/x", token=token.encode())["rule"], "orders")

    def test_actions_are_compared_byte_for_byte(self):
        token = self.key.token(role="admin")
        self.assertAnswers(allowed("users", roles=["admin"]), token, "GET", "/admin/users")
        for action in ("get", "GET ", "", "POST", "*", "G" * 300):
            self.assertAnswers(refused(403, "no_rule", roles=["admin"]), token, action, "/admin/users")
            self.assertAnswers(allowed("orders", roles=["admin"]), token, action, "/orders")


class Tokens(AuthorizeTest):
    def test_without_one(self):
        for none in ({}, {"token": None}, {"token": ""}, {"token": b""}):
            self.assertEqual(self.client.call("authorize", action="GET", resource="/health", **none), allowed("health", None))
            self.assertEqual(self.client.call("authorize", action="GET", resource="/orders", **none), nobody(401, "no_token"))

    def test_a_bad_one_counts_as_none(self):
        now = int(time.time())
        stranger = Key(kid="k1")
        for token, reason in (("rubbish", "malformed"), ("a" * 16385, "too_large"), (self.key.token(exp=now - 60), "expired"),
                              (self.key.token(nbf=now + 600), "not_yet_valid"), (self.key.token(aud="other"), "wrong_audience"),
                              (self.key.token(iss=OTHER), "unknown_issuer"), (stranger.token(role="admin"), "bad_signature"),
                              (self.key.token({"kid": "k9"}), "unknown_key"), (self.key.token({"alg": "none"}), "unsupported_algorithm"),
                              (self.key.token({"typ": "x"}), "wrong_type"), (self.key.token(sub=7), "bad_claim"),
                              (self.key.token(cnf={"jkt": "x"}), "claim_mismatch"), (self.key.token(exp=None), "missing_claim")):
            with self.subTest(reason):
                self.assertAnswers(nobody(401, reason), token, "GET", "/orders")
                self.assertAnswers(allowed("health", None), token, "GET", "/health")
                self.assertAnswers(nobody(403, "denied_by_rule", "closed"), token, "GET", "/orders/closed")
                self.assertAnswers(nobody(403, "bad_resource"), token, "GET", "orders")
                self.assertAnswers(nobody(401, reason), token, "GET", "/users/alice/x")

    def test_revoked_on_the_next_call(self):
        token = self.key.token(role="user", jti="j1")
        self.assertAnswers(allowed("orders", roles=["user"]), token, "GET", "/orders")
        self.client.call("revoke", jti="j1")
        self.assertAnswers(nobody(401, "revoked"), token, "GET", "/orders")
        self.assertAnswers(allowed("health", None), token, "GET", "/health")
        self.client.call("unrevoke", jti="j1")
        self.assertAnswers(allowed("orders", roles=["user"]), token, "GET", "/orders")

    def test_the_audience_asked_for(self):
        self.configure([self.agent.issuer(audiences=["orders", "invoices"])])
        self.client.call("reload")
        token = self.key.token(role="user", aud="invoices")
        self.assertAnswers(allowed("orders", roles=["user"]), token, "GET", "/orders", audience="invoices")
        self.assertAnswers(nobody(401, "wrong_audience"), token, "GET", "/orders", audience="orders")
        self.assertAnswers(nobody(401, "wrong_audience"), token, "GET", "/orders", audience="x")
        self.assertAnswers(allowed("orders", roles=["user"]), token, "GET", "/orders")

    def test_issuers(self):
        other = Key(kid="o")
        put_file(self.agent.path("keys/other.json"), '{"keys": [%s]}' % __import__("json").dumps(other.jwk()))
        put_file(self.path, """version: 1
rules:
- {name: mine, issuers: ["%s"], resources: [/mine], roles: [user]}
- {name: theirs, issuers: [other], resources: [/theirs], roles: [user], scopes: [s]}
- {name: both, issuers: ["%s", "%s"], resources: [/both]}
- {name: not-them, effect: deny, issuers: ["%s"], resources: [/both/x]}
- {name: health, resources: [/health], anonymous: true}
""" % (ISSUER, OTHER, ISSUER, OTHER))
        self.configure([self.agent.issuer(), self.agent.issuer(OTHER, self.agent.path("keys/other.json"), aliases=["other"],
                                                               roles="/realm/roles", scopes="/realm/scopes")])
        self.assertEqual(self.client.call("reload"), {"reloaded": True, "faults": []})
        token = self.key.token(role="user", realm={"roles": ["user"], "scopes": "s"})
        self.assertAnswers(allowed("mine", roles=["user"]), token, "GET", "/mine")
        self.assertAnswers(refused(403, "no_rule", roles=["user"]), token, "GET", "/theirs")
        self.assertAnswers(allowed("both", roles=["user"]), token, "GET", "/both")
        for spelling in (OTHER, "other"):
            token = other.token(iss=spelling, role="admin", realm={"roles": ["user"], "scopes": "s"})
            self.assertAnswers(refused(403, "no_rule", roles=["user"]), token, "GET", "/mine")
            self.assertAnswers(allowed("theirs", roles=["user"]), token, "GET", "/theirs")
            self.assertAnswers(allowed("both", roles=["user"]), token, "GET", "/both")
            self.assertAnswers(refused(403, "denied_by_rule", "not-them", roles=["user"]), token, "GET", "/both/x")
            token = other.token(iss=spelling, roles=["user"], scope="s")
            self.assertAnswers(refused(403, "insufficient_role", "theirs"), token, "GET", "/theirs")
        self.assertAnswers(nobody(401, "no_token"), None, "GET", "/both/x")

    def test_a_long_subject_that_is_also_the_role(self):
        self.configure([self.agent.issuer(roles="/sub")])
        self.client.call("reload")
        subject = "s" * 10000
        self.assertAnswers(allowed("health", subject, [subject]), self.key.token(sub=subject), "GET", "/health")

    def test_very_many_roles(self):
        roles = ["role-%d" % i for i in range(700)] + ["user"]
        self.assertAnswers(allowed("orders", roles=roles), self.key.token(roles=roles), "GET", "/orders")


class Requests(AuthorizeTest):
    def test_many_questions_at_once(self):
        token = self.key.token(role="user")
        checks = [["GET", "/orders"], ["GET", "/admin/users"], ["GET", "/orders/closed"], ["GET", "/health"], ["GET", "/a;b"], ["X", "/none"]]
        answer = self.client.call("authorize", token=token, checks=checks)
        self.assertEqual((answer["subject"], answer["roles"]), ("alice", ["user"]))
        self.assertEqual([(one["status"], one["reason"], one["rule"]) for one in answer["decisions"]],
                         [(200, None, "orders"), (403, "insufficient_role", "users"), (403, "denied_by_rule", "closed"), (200, None, "health"),
                          (403, "bad_resource", None), (403, "no_rule", None)])
        for token, reason in ((None, "no_token"), ("", "no_token"), ("rubbish", "malformed")):
            answer = self.client.call("authorize", token=token, checks=checks)
            self.assertEqual((answer["subject"], answer["roles"]), (None, []))
            self.assertEqual([(one["status"], one["reason"]) for one in answer["decisions"]],
                             [(401, reason), (401, reason), (403, "denied_by_rule"), (200, None), (403, "bad_resource"), (401, reason)])
        many = [["GET", "/orders/%d" % (i % 2) if i % 3 else "/health"] for i in range(256)]
        answer = self.client.call("authorize", token=self.key.token(role="user", n=1), checks=many)
        self.assertEqual([one["rule"] for one in answer["decisions"]], ["orders" if i % 3 else "health" for i in range(256)])
        large = self.key.token(role="user", pad="x" * 10000)
        self.assertEqual(len(self.client.call("authorize", token=large, checks=many[:16])["decisions"]), 16)
        self.assertError("bad_request", lambda: self.client.call("authorize", token=large, checks=many), "send fewer checks at once")

    def test_bad_requests(self):
        token = self.key.token(role="user")
        for params in ({}, {"action": "GET"}, {"resource": "/"}, {"action": "GET", "resource": None}, {"action": None, "resource": "/"},
                       {"action": 1, "resource": "/"}, {"action": "GET", "resource": ["/"]}, {"action": "GET", "resource": 7},
                       {"action": "GET", "resource": "/", "token": 7}, {"action": "GET", "resource": "/", "token": [token]},
                       {"action": "GET", "resource": "/", "token": False}, {"action": "GET", "resource": "/", "audience": 7},
                       {"action": "GET", "resource": "/", "stamp": "yes"}, {"action": "GET", "resource": "/", "x": 1},
                       {"action": "GET", "resource": "/", "checks": [["GET", "/"]]}, {"action": "GET", "checks": [["GET", "/"]]},
                       {"resource": "/", "checks": [["GET", "/"]]}, {"checks": []}, {"checks": "GET"}, {"checks": {}}, {"checks": {"GET": "/"}},
                       {"checks": [[]]}, {"checks": [["GET"]]}, {"checks": [["GET", "/", "/"]]}, {"checks": ["GET", "/"]},
                       {"checks": [["GET", 7]]}, {"checks": [[None, "/"]]}, {"checks": [["GET", "/"], ["GET", None]]},
                       {"checks": [{"action": "GET", "resource": "/"}]}, {"checks": [["GET", "/health"]] * 257}):
            for sent in (params, {**params, "token": token} if "token" not in params else params):
                with self.subTest(str(params)[:80]):
                    self.assertError("bad_request", lambda sent=sent: self.client.call("authorize", **sent))
        self.assertAnswers(allowed("orders", roles=["user"]), token, "GET", "/orders")   # the connection is as good as before

    def test_pipelined(self):
        """Cached, uncached, without a token, bad: each answer is its request's."""
        expected, tokens = {}, [self.key.token(role="user", n=i) for i in range(60)]
        kinds = itertools.cycle([("/orders/%d", "orders", 200), ("/admin/users", "users", 403), ("/orders/closed", "closed", 403)])
        for i, token in enumerate(tokens * 4):
            resource, rule, status = next(kinds)
            expected[self.client.send("authorize", token=token, action="GET", resource=resource % i if "%" in resource else resource)] = (status, rule)
            if i % 5 == 0:
                expected[self.client.send("authorize", action="GET", resource="/health")] = (200, "health")
                expected[self.client.send("authorize", token=token[:-9], checks=[["GET", "/orders"]])] = [(401, None)]
        for _ in range(len(expected)):
            kind, msgid, error, result = self.client.receive()
            self.assertEqual((kind, error), (1, None))
            found = ([(one["status"], one["rule"]) for one in result["decisions"]] if "decisions" in result else (result["status"], result["rule"]))
            self.assertEqual(found, expected.pop(msgid))
        self.assertEqual(expected, {})

    def test_in_pieces(self):
        token = self.key.token(role="user")
        request = msgpack.packb([0, 9, "authorize", [{"token": token, "action": "GET", "resource": "/orders"}]])
        for at in range(0, len(request), 97):
            self.client.socket.sendall(request[at:at + 97])
        self.assertEqual(self.client.receive(), [1, 9, None, allowed("orders", roles=["user"])])

    def test_hung_up_while_it_is_decided(self):
        for i in range(50):
            with self.agent.connect() as client:
                client.send("authorize", token=self.key.token(n=i), checks=[["GET", "/orders"]] * 200)
        self.assertAnswers(allowed("health", None), None, "GET", "/health")

    @needs_root
    def test_whoever_may_verify_may_authorize(self):
        from agent import NOBODY, as_user
        for name in ("", "state"):
            __import__("os").chmod(self.agent.path(name), 0o755)
        token = self.key.token(role="user")
        self.assertEqual(as_user(NOBODY, lambda: self.agent.call("authorize", token=token, action="GET", resource="/orders")),
                         allowed("orders", roles=["user"]))


if __name__ == "__main__":
    unittest.main()
