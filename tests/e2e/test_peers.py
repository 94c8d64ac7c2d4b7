"""`peers`: who may ask what, and about whose tokens."""
import signal
import unittest

from agent import ISSUER, NOBODY, as_user
from peers import ADM, GUEST, OTHER, SHOP, WEB, PeersTest

ADMIN = {"revoke": {"iss": ISSUER, "jti": "j"}, "unrevoke": {"iss": ISSUER, "jti": "j"}, "revocations": {}, "status": {}, "reload": {}}


class WhoMayAsk(PeersTest):
    def test_without_peers_everybody_may_verify_and_authorize(self):
        self.serve()
        client = self.come(GUEST)
        self.assertEqual(client.verify(self.key.token()), "accepted")
        self.assertTrue(client.call("authorize", token=self.key.token(), action="GET", resource="/a")["allow"])
        for method, params in ADMIN.items():
            self.assertForbidden(client, method, "without `peers`", **params)
        self.assertEqual(self.agent.call("status")["peers"], [])

    def test_methods_are_verify_and_authorize_by_default(self):
        self.serve({"name": "web", "uid": WEB})
        client = self.come(WEB)
        self.assertEqual(client.verify(self.key.token()), "accepted")
        self.assertEqual(client.call("authorize", action="GET", resource="/a")["reason"], "no_token")
        self.assertIs(client.call("hello")["page"], True)
        for method, params in ADMIN.items():
            self.assertForbidden(client, method, "peer `web` (uid 33, gid 33)", method, "add admin to its `methods`", **params)

    def questions(self):
        """Each right, in each form in which it can be used."""
        token = self.key.token()
        return {"verify": [("verify", {"token": token}), ("verify", {"token": token.encode(), "audience": None}), ("hello", {})],
                "authorize": [("authorize", {"token": token, "action": "GET", "resource": "/a"}),
                              ("authorize", {"checks": [["GET", "/a"]]}), ("authorize", {"resource": "/a", "action": "GET"})],
                "admin": list(ADMIN.items()),
                "token": [], "refresh": []}

    def test_each_right_is_one_of_its_own(self):
        names = ["verify", "authorize", "admin", "token", "refresh"]
        self.serve(*[{"name": name, "uid": SHOP + i, "methods": [name]} for i, name in enumerate(names)],
                   {"name": "nothing", "uid": WEB, "methods": []})
        for i, name in enumerate([*names, "nothing"]):
            client = self.come(SHOP + i if name in names else WEB)
            self.assertIn("version", client.call("ping"))
            for right, questions in self.questions().items():
                for method, params in questions:
                    with self.subTest(peer=name, method=method):
                        if right == name:
                            client.call(method, **params)
                        else:
                            self.assertForbidden(client, method, f"add {right} to its `methods`", **params)

    def test_the_first_entry_that_matches_decides(self):
        self.serve({"name": "first", "uid": WEB, "methods": ["verify"]}, {"name": "second", "gid": WEB, "methods": ["authorize"]},
                   {"name": "third", "uid": SHOP, "methods": ["authorize", "admin"]})
        self.assertForbidden(self.come(WEB), "authorize", "`first`", action="a", resource="/a")
        self.assertForbidden(self.come(SHOP, WEB), "verify", "`second`", token="x")
        self.assertForbidden(self.come(SHOP), "verify", "`third`", token="x")

    def test_lists_and_names(self):
        self.serve({"name": "users", "uid": ["www-data", SHOP]}, {"name": "groups", "gid": ["adm", GUEST]})
        for who in ((WEB, 7), (SHOP, 7), (7, ADM), (7, GUEST)):
            self.assertEqual(self.come(*who).verify(self.key.token()), "accepted", who)
        self.assertStranger(self.come(7, 7))

    def test_supplementary_groups(self):
        self.serve({"name": "operators", "gid": "adm", "methods": ["verify", "admin"]})
        for groups, holds in (((), False), ((5, 6), False), ((ADM,), True), ((5, ADM, 60), True)):
            client = self.come(WEB, WEB, groups)
            if holds:
                self.assertEqual(client.verify(self.key.token()), "accepted")
            else:
                self.assertStranger(client)
        self.assertEqual(as_user(WEB, lambda: self.agent.verify(self.key.token()), [ADM]), "accepted")

    def test_whose_groups_are_too_many_matches_nothing_that_is_for_one(self):
        self.serve({"name": "web", "uid": WEB}, {"name": "operators", "gid": ADM}, {"name": "shop", "uid": SHOP})
        many = [ADM, *range(2000, 3024)]
        self.assertStranger(self.come(SHOP, SHOP, many))
        self.assertIn("the peer is in too many groups", self.agent.log())
        self.assertEqual(self.come(SHOP, SHOP, many[1:]).verify(self.key.token()), "accepted")
        self.assertEqual(self.come(WEB, WEB, many).verify(self.key.token()), "accepted")
        self.assertEqual(self.come(GUEST, ADM, many).verify(self.key.token()), "accepted")

    def test_the_overflow_ids_match_nothing(self):
        self.serve({"name": "operators", "gid": [ADM, WEB]}, {"name": "web", "uid": WEB})
        self.assertForbidden(self.come(NOBODY, ADM), "verify", "as its own user", token="x")
        self.assertForbidden(self.come(NOBODY, NOBODY, [ADM]), "verify", "as its own user", token="x")
        found = as_user(NOBODY, lambda: self.agent.verify(self.key.token()))
        self.assertIn("forbidden", found[1])
        self.assertEqual(self.come(GUEST, ADM, [NOBODY]).verify(self.key.token()), "accepted")

    def test_a_stranger_is_told_what_to_write(self):
        self.serve({"name": "web", "uid": WEB})
        client = self.come(GUEST, 41003)
        for method, params in [("verify", {"token": "x"}), ("authorize", {"action": "a", "resource": "/a"}), ("hello", {}),
                               ("nothing", {}), *ADMIN.items()]:
            self.assertForbidden(client, method, "uid 41002, gid 41003", "`peers`", "- {name: …, uid: 41002}", method, **params)
        self.assertIn("version", client.call("ping"))
        lines = [line for line in self.agent.log().splitlines() if "matches no entry of `peers`" in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("- {name: NAME, uid: 41002}", lines[0])
        self.come(GUEST).call("ping")
        self.assertEqual(self.agent.log().count("matches no entry of `peers`"), 1)
        self.assertStranger(self.come(GUEST))
        self.assertEqual(self.agent.log().count("matches no entry of `peers`"), 2)
        self.assertError("unknown_method", lambda: self.come(WEB).call("nothing"))

    def test_root_is_like_everybody_but_somebody_must_administer(self):
        self.serve({"name": "web", "uid": WEB})
        self.assertStranger(self.come(0))
        self.assertEqual(self.agent.call("status")["ready"], True)
        self.assertEqual(self.agent.call("revoke", iss=ISSUER, jti="j"), {})
        self.reload({"name": "web", "uid": WEB}, {"name": "operators", "gid": ADM, "methods": ["admin"]})
        self.assertForbidden(self.come(0), "status", "no entry of `peers` matches")
        self.assertEqual(self.come(0, ADM).call("status")["ready"], True)
        self.reload({"name": "root", "uid": "root"})
        self.assertEqual(self.come(0).verify(self.key.token()), "accepted")
        self.assertEqual(self.come(0).call("status")["ready"], True)
        self.reload({"name": "root", "uid": "root", "issuers": [OTHER]})   # what it verifies is the entry's, what it administers is not
        self.assertEqual(self.come(0).verify(self.key.token()), "unknown_issuer")
        self.assertEqual(self.come(0).call("revoke", token=self.key.token()), {})
        self.assertEqual(self.come(0).call("revoke", iss=ISSUER, jti="k"), {})


class WhoseTokens(PeersTest):
    SHOP_OF = {"name": "shop", "uid": SHOP}

    def test_tokens_of_other_issuers_are_unknown(self):
        self.serve({"name": "web", "uid": WEB, "issuers": ["auth"]}, self.SHOP_OF)
        web, shop = self.come(WEB), self.come(SHOP)
        mine, alias, theirs, new = self.key.token(), self.key.token(iss="auth"), self.key.token(iss=OTHER), self.key.token(iss=OTHER, n=1)
        for _ in range(2):
            self.assertEqual([web.verify(mine), web.verify(alias), web.verify(theirs)], ["accepted", "accepted", "unknown_issuer"])
            self.assertEqual([shop.verify(theirs), shop.verify(new, audience="stock")], ["accepted", "wrong_audience"])
            found = web.call("authorize", token=theirs, action="GET", resource="/a")
            self.assertEqual((found["status"], found["reason"], found["subject"]), (401, "unknown_issuer", None))
        self.assertEqual(shop.verify(self.key.token(iss="https://nobody.example.com")), "unknown_issuer")

    def test_an_administrator_has_the_issuers_that_he_has(self):
        self.serve({"name": "web", "uid": WEB, "issuers": [ISSUER], "methods": ["admin"]}, self.SHOP_OF)
        web, shop = self.come(WEB), self.come(SHOP)
        token = self.key.token(iss=OTHER, jti="j")
        self.assertError("bad_request", lambda: web.call("revoke", iss=OTHER, jti="j"), "`issuers`")
        self.assertError("bad_request", lambda: web.call("revocations", iss=OTHER), "`issuers`")
        self.assertError("bad_request", lambda: web.call("revoke", token=token), "unknown_issuer")
        self.assertEqual(shop.verify(token), "accepted")
        self.assertError("bad_request", lambda: web.call("revoke", token=token), "unknown_issuer")
        self.assertEqual(web.call("revoke", iss=ISSUER, jti="j"), {})
        self.assertEqual(web.call("revoke", token=self.key.token()), {})

    def test_audiences(self):
        self.serve({"name": "web", "uid": WEB, "audiences": ["orders"]}, {"name": "back", "uid": GUEST, "audiences": ["returns"]}, self.SHOP_OF)
        web, back, shop = self.come(WEB), self.come(GUEST), self.come(SHOP)
        orders, returns = self.key.token(), self.key.token(aud="returns")
        both, stock = self.key.token(aud=["orders", "returns"]), self.key.token(iss=OTHER, aud="stock")
        for _ in range(3):   # what one was told is not said again to another, in whatever order they ask
            for client, audience, expected in ((shop, None, "aaaa"), (web, None, "awaw"), (back, None, "waaw"), (shop, "orders", "awaw"),
                                               (web, "orders", "awaw"), (back, "orders", "wwww"), (shop, "returns", "waaw"),
                                               (web, "returns", "wwww"), (back, "returns", "waaw")):
                named = {"audience": audience} if audience else {}
                found = [client.verify(token, **named) for token in (orders, returns, both, stock)]
                self.assertEqual("".join(word[0] for word in found), expected, (audience, found))

    def test_an_audience_that_is_the_client_id(self):
        self.serve({"name": "web", "uid": WEB, "audiences": ["orders"]}, self.SHOP_OF)
        self.agent.stop()
        self.agent.configure([self.agent.issuer(audiences=["orders", "returns"], audience_claim="client_id")],
                             peers=[{"name": "web", "uid": WEB, "audiences": ["orders"]}, self.SHOP_OF])
        self.agent.start()
        web, shop = self.come(WEB), self.come(SHOP)
        token = self.key.token(client_id="orders", aud="returns")
        self.assertEqual([shop.verify(token), web.verify(token)], ["accepted", "wrong_audience"])

    def test_two_peers_who_wait_for_the_same_signature(self):
        self.serve({"name": "web", "uid": WEB, "audiences": ["orders"]}, {**self.SHOP_OF, "methods": ["verify", "admin"]})
        for i in range(5):
            web, shop = self.come(WEB), self.come(SHOP)
            token = self.key.token(aud="returns", n=i)
            web.call("ping"), shop.call("ping")
            self.agent.process.send_signal(signal.SIGSTOP)
            for client in (web, shop):
                client.send("verify", token=token)
            self.agent.process.send_signal(signal.SIGCONT)
            self.assertEqual(web.receive()[3], {"active": False, "reason": "wrong_audience"})
            self.assertIs(shop.receive()[3]["active"], True)
        self.assertGreater(self.come(SHOP).call("status")["counters"]["joined"], 0)


if __name__ == "__main__":
    unittest.main()
