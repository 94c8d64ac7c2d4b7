"""`peers`: who may connect and what each may ask, with connections of real users and groups."""
import os
import signal
import subprocess
import time
import unittest

import msgpack

from agent import ASSAY, ISSUER, NOBODY, AssayTest, Key, as_user, connect_as, needs_root, wait_for

OTHER = "https://other.example.com"
WEB, SHOP, ADM, GUEST = 33, 41001, 4, 41002   # numbers: whether the machine has names for them makes no difference
POLICY = f"version: 1\nrules:\n- {{name: everything, issuers: [{ISSUER}], resources: ['/**']}}\n"
ADMIN = {"revoke": {"iss": ISSUER, "jti": "j"}, "unrevoke": {"iss": ISSUER, "jti": "j"}, "revocations": {}, "status": {}, "reload": {}}


@needs_root
class PeersTest(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.clients = []

    def tearDown(self):
        for client in self.clients:
            client.close()
        super().tearDown()

    def serve(self, *peers, **top):
        self.agent = self.prepare(keys=[self.key])
        with open(self.agent.path("policy.yaml"), "w", encoding="utf-8") as file:
            file.write(POLICY)
        self.configure(*peers, **top)
        os.chmod(self.agent.folder, 0o711)
        return self.agent.start()

    def configure(self, *peers, **top):
        issuers = [self.agent.issuer(audiences=["orders", "returns"], aliases=["auth"]), self.agent.issuer(OTHER, audiences=["orders", "stock"])]
        if peers:
            top["peers"] = list(peers)
        self.agent.configure(issuers, policy=self.agent.path("policy.yaml"), **top)

    def reload(self, *peers, **top):
        """By the one who always may, in these tests: SIGHUP is nobody's right."""
        self.configure(*peers, **top)
        before = self.agent.log().count("configuration reloaded")
        self.agent.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: self.agent.log().count("configuration reloaded") > before)

    def come(self, uid, gid=None, groups=()):
        self.clients.append(connect_as(self.agent, uid, gid, groups))
        return self.clients[-1]

    def assertForbidden(self, client, method, *words, **params):
        self.assertError("forbidden", lambda: client.call(method, **params), *words)

    def assertStranger(self, client):
        self.assertForbidden(client, "verify", "none of the configuration's `peers`", token="x")

    def rows(self, by):
        return {row["name"]: row for row in by.call("status")["peers"]}


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
        self.assertIn("the groups of a peer are not known", self.agent.log())
        self.assertEqual(self.come(SHOP, SHOP, many[1:]).verify(self.key.token()), "accepted")
        self.assertEqual(self.come(WEB, WEB, many).verify(self.key.token()), "accepted")
        self.assertEqual(self.come(GUEST, ADM, many).verify(self.key.token()), "accepted")

    def test_the_overflow_ids_match_nothing(self):
        self.serve({"name": "operators", "gid": [ADM, WEB]}, {"name": "web", "uid": WEB})
        self.assertForbidden(self.come(NOBODY, ADM), "verify", "a user of its own", token="x")
        self.assertForbidden(self.come(NOBODY, NOBODY, [ADM]), "verify", "a user of its own", token="x")
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
        lines = [line for line in self.agent.log().splitlines() if "none of `peers`" in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("- {name: NAME, uid: 41002}", lines[0])
        self.come(GUEST).call("ping")
        self.assertEqual(self.agent.log().count("none of `peers`"), 1)
        self.assertStranger(self.come(GUEST))
        self.assertEqual(self.agent.log().count("none of `peers`"), 2)
        self.assertError("unknown_method", lambda: self.come(WEB).call("nothing"))

    def test_root_is_like_everybody_but_somebody_must_administer(self):
        self.serve({"name": "web", "uid": WEB})
        self.assertStranger(self.come(0))
        self.assertEqual(self.agent.call("status")["ready"], True)
        self.assertEqual(self.agent.call("revoke", iss=ISSUER, jti="j"), {})
        self.reload({"name": "web", "uid": WEB}, {"name": "operators", "gid": ADM, "methods": ["admin"]})
        self.assertForbidden(self.come(0), "status", "none of the configuration's `peers`")
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


class HowMuch(PeersTest):
    def many(self, client, count, method="verify", **params):
        """The outcomes of as many requests as were sent by one write."""
        client.socket.sendall(b"".join(client.pack(method, params)[1] for _ in range(count)))
        answers = [client.receive() for _ in range(count)]
        return [answer[2][1].split(":")[0] if answer[2] else "answer" for answer in answers]

    def test_rate(self):
        self.serve({"name": "web", "uid": [WEB, GUEST], "rate": "5/s"}, {"name": "shop", "uid": SHOP},
                   {"name": "seldom", "uid": 7, "rate": "1/m"})
        web, token = self.come(WEB), self.key.token()
        self.assertEqual(self.come(SHOP).verify(token), "accepted")   # what is in the cache is answered in the order of the questions
        self.assertEqual(self.many(web, 9, token=token), ["answer"] * 5 + ["rate_limited"] * 4)
        self.assertEqual(self.many(web, 3, "ping") + self.many(web, 3, "hello"), ["answer"] * 6)   # these cost nothing
        self.assertEqual(self.many(self.come(GUEST), 1, "authorize", action="a", resource="/a"), ["rate_limited"])  # the entry's, not the user's
        self.assertEqual(self.many(self.come(SHOP), 20, token=token), ["answer"] * 20)
        self.assertEqual(self.many(self.come(7), 2, token=token), ["answer", "rate_limited"])
        time.sleep(0.45)
        self.assertIn(self.many(web, 5, token=token).count("answer"), (2, 3))
        with self.assertRaisesRegex(Exception, "rate_limited: peer `web` has used up its `rate`"):
            for _ in range(6):
                web.verify(token)
        time.sleep(1.1)
        self.assertEqual(self.many(web, 8, token=token), ["answer"] * 5 + ["rate_limited"] * 3)
        rows = self.rows(self.come(0))
        self.assertEqual(rows["shop"]["rate_limited"], 0)
        self.assertEqual(rows["seldom"]["rate_limited"], 1)
        self.assertGreaterEqual(rows["web"]["rate_limited"], 10)

    def test_who_has_a_rate_gets_no_page_and_no_stamps(self):
        self.serve({"name": "web", "uid": WEB, "rate": "50000/s"}, {"name": "shop", "uid": SHOP, "audiences": ["orders"]})
        for uid, holds in ((WEB, False), (SHOP, True)):
            client, token = self.come(uid), self.key.token()
            answer = client.call("hello")
            self.assertIs(answer["page"], holds)
            self.assertEqual(answer["why"] is None or "`rate`" in answer["why"], True, answer)
            self.assertEqual(answer["why"] is None, holds)
            for _ in range(2):
                self.assertEqual("stamp" in client.call("verify", token=token, stamp=True), holds)
                self.assertEqual("stamp" in client.call("authorize", token=token, action="GET", resource="/a", stamp=True), holds)

    def test_connections(self):
        self.serve({"name": "web", "uid": [WEB, GUEST], "connections": 2}, {"name": "shop", "uid": SHOP})
        first, second = self.come(WEB), self.come(GUEST)
        self.assertIn("version", second.call("ping"))
        self.assertTrue(self.come(WEB).is_closed())
        self.assertTrue(self.come(GUEST).is_closed())
        self.assertEqual(self.agent.log().count("its peer has as many as it may"), 2)
        for _ in range(3):
            self.assertIn("version", self.come(SHOP).call("ping"))
        row = self.rows(self.come(0))["web"]
        self.assertEqual((row["connections"], row["turned_away"]), (2, 2))
        first.close()
        wait_for("it is gone", lambda: self.rows(self.come(0))["web"]["connections"] == 1)
        self.assertEqual(self.come(WEB).verify(self.key.token()), "accepted")

    def test_in_flight(self):
        self.serve({"name": "web", "uid": [WEB, GUEST], "in_flight": 3}, {"name": "shop", "uid": SHOP})
        for uid, most in ((WEB, 3), (GUEST, 3), (SHOP, 8)):
            client = self.come(uid)
            for i in range(2):
                tokens = [self.key.token(n=n, i=i, u=uid) for n in range(8)]
                client.socket.sendall(b"".join(client.pack("verify", {"token": token})[1] for token in tokens))
                found = [client.receive()[2] for _ in tokens]
                self.assertEqual(sum(error is None for error in found), most, (uid, found))
                self.assertTrue(all(error is None or error[1].startswith("overloaded: ") for error in found))
                self.assertEqual(self.many(client, 9, token="x"), ["answer"] * 9)   # what is answered at once is not under way
        self.assertEqual(self.rows(self.come(0))["web"]["in_flight"], 0)

    def test_what_a_closed_connection_had_under_way_is_free_again(self):
        self.serve({"name": "web", "uid": WEB, "in_flight": 3, "connections": 1})
        for i in range(5):
            client = wait_for("there is room", self.one_more)
            for n in range(3):
                client.send("verify", token=self.key.token(i=i, n=n))
            client.close()
        wait_for("all is free", lambda: (lambda row: (row["in_flight"], row["connections"]))(self.rows(self.come(0))["web"]) == (0, 0))

    def one_more(self):
        client = self.come(WEB)
        try:
            client.call("ping")
        except (EOFError, ConnectionError):
            return None
        return client


class Reload(PeersTest):
    def test_open_connections_have_the_rights_of_the_new_configuration(self):
        self.serve({"name": "web", "uid": WEB}, {"name": "shop", "uid": SHOP, "methods": ["admin"]})
        web, shop, guest, grouped = self.come(WEB), self.come(SHOP), self.come(GUEST), self.come(7, 7, [ADM])
        token = self.key.token(aud="returns")
        self.assertEqual(web.verify(token), "accepted")
        self.assertStranger(guest)
        self.reload({"name": "web", "uid": WEB, "audiences": ["orders"]}, {"name": "guest", "uid": GUEST, "methods": ["verify", "admin"]},
                    {"name": "group", "gid": ADM})
        self.assertEqual(web.verify(token), "wrong_audience")
        self.assertEqual(guest.verify(token), "accepted")
        self.assertEqual(grouped.verify(token), "accepted")
        self.assertStranger(shop)
        self.assertEqual({name: row["connections"] for name, row in self.rows(guest).items()}, {"web": 1, "guest": 1, "group": 1, None: 1})
        self.reload()
        self.assertEqual([client.verify(token) for client in (web, shop, guest, grouped)], ["accepted"] * 4)
        self.assertForbidden(shop, "status", "without `peers`")
        self.reload({"name": "web", "uid": SHOP})
        self.assertStranger(web)
        self.assertEqual(shop.verify(token), "accepted")

    def test_what_was_counted_counts_on(self):
        self.serve({"name": "web", "uid": WEB, "rate": "2/m"}, {"name": "shop", "uid": SHOP})
        web, guest = self.come(WEB), self.come(GUEST)
        self.assertError("forbidden", lambda: web.call("status"))
        self.assertStranger(guest)
        web.verify("x"), web.call("ping")
        self.assertError("rate_limited", lambda: [web.verify("x") for _ in range(2)])
        self.reload({"name": "web", "uid": WEB, "rate": "2/m"})
        rows = self.rows(self.come(0))
        self.assertEqual(rows["web"], {"name": "web", "connections": 1, "in_flight": 0, "requests": 4, "refused": 1, "rate_limited": 1,
                                       "turned_away": 0})
        self.assertEqual(rows[None]["refused"], 1)
        self.assertNotIn("shop", rows)
        self.assertError("rate_limited", lambda: web.verify("x"))   # a reload is no new bucket

    def test_a_faulty_one_changes_nothing(self):
        self.serve({"name": "web", "uid": WEB})
        web = self.come(WEB)
        self.configure({"name": "web", "uid": "no-such-user"})
        faults = self.agent.call("reload")["faults"]
        self.assertIn("there is no user `no-such-user`", faults[0])
        self.assertEqual(web.verify(self.key.token()), "accepted")

    def test_requests_under_way(self):
        """The old configuration is gone when they are answered: by the rights of the new one."""
        self.serve({"name": "web", "uid": WEB, "audiences": ["orders", "returns"], "in_flight": 200})
        clients = [self.come(WEB) for _ in range(8)]
        for i in range(6):
            narrow = i % 2 == 0
            for k, client in enumerate(clients):
                client.socket.sendall(b"".join(client.pack("verify", {"token": self.key.token(aud="returns", i=i, k=k, n=n)})[1]
                                               for n in range(20)))
            if i == 3:
                clients[0].close()
                clients[0] = self.come(WEB)
                clients[1].socket.setblocking(True)
            self.reload({"name": "web", "uid": WEB, "audiences": ["orders"] if narrow else ["returns", "orders"], "in_flight": 200})
            for k, client in enumerate(clients):
                if i == 3 and k == 0:
                    continue
                for _ in range(20):
                    answer = client.receive()
                    self.assertIsNone(answer[2])
                    self.assertIn(answer[3].get("reason"), (None, "wrong_audience"))
        wait_for("nothing is under way", lambda: self.rows(self.come(0))["web"]["in_flight"] == 0)


class Status(PeersTest):
    def test_status(self):
        self.serve({"name": "web", "uid": WEB}, {"name": "shop", "uid": SHOP})
        web = self.come(WEB)
        web.verify(self.key.token()), web.call("ping")
        self.assertError("forbidden", lambda: web.call("status"))
        admin = self.come(0)
        rows = admin.call("status")["peers"]
        self.assertEqual([row["name"] for row in rows], ["web", "shop", None])
        self.assertEqual(rows[0], {"name": "web", "connections": 1, "in_flight": 0, "requests": 3, "refused": 1, "rate_limited": 0,
                                   "turned_away": 0})
        said = subprocess.run([ASSAY, "status", "--socket", self.agent.socket], capture_output=True, text=True, timeout=20, check=True).stdout
        self.assertRegex(said, r"peers\n\s+name\s+connections\s+in_flight\s+requests\s+refused\s+rate_limited\s+turned_away\n\s+web\s+1\s+0\s+3\s+1\s+0\s+0\n")

    def test_as_many_as_there_may_be(self):
        peers = [{"name": f"{i:064d}", "uid": SHOP + i} for i in range(128)]
        self.serve(*peers)
        self.assertEqual(len(self.agent.call("status")["peers"]), 129)
        self.assertEqual(self.come(SHOP + 127).verify(self.key.token()), "accepted")


if __name__ == "__main__":
    unittest.main()
