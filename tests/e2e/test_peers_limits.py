"""`peers`: how much each may ask, what a reload changes for who is there, and what `status` tells."""
import os
import subprocess
import time
import unittest

from agent import ASSAY, connect_as, needs_root, wait_for
from behaviours import delayed
from live import LiveTest, keys_of
from peers import ADM, GUEST, SHOP, WEB, PeersTest


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

    def test_each_check_of_a_request_counts(self):
        self.serve({"name": "web", "uid": WEB, "rate": "5/m"}, {"name": "shop", "uid": SHOP})
        web, token = self.come(WEB), self.key.token()
        self.assertEqual(self.come(SHOP).verify(token), "accepted")
        self.assertEqual(self.many(web, 3, "authorize", token=token, checks=[["GET", "/a"]] * 2), ["answer"] * 1 + ["rate_limited"] * 2)

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
        self.assertEqual(self.agent.log().count("its peer has the maximum number of connections"), 2)
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
        self.assertIn("this machine has no user `no-such-user`", faults[0])
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


@needs_root
class WhileKeysAreFetched(LiveTest):
    """Requests that wait for a key, and a reload meanwhile: by the rights that their peers have when the key comes."""

    def configure(self, *audiences):
        peers = [{"name": "web", "uid": WEB, **({"audiences": list(audiences)} if audiences else {})}]
        self.agent.configure([self.live_issuer(audiences=["orders", "returns"])], peers=peers)

    def test_a_reload_while_they_wait(self):
        self.server.routes["/jwks"] = delayed(keys_of(self.key), 2)
        self.configure("orders", "returns")
        os.chmod(self.agent.folder, 0o711)
        self.launch()
        web, gone, free = (connect_as(self.agent, WEB) for _ in range(3))
        web.send("verify", token=self.key.token(aud="returns"))
        web.send("verify", token=self.key.token(aud="orders"))
        gone.send("verify", token=self.key.token(aud="returns", n=1))
        root = self.agent.connect()   # in no entry: who administers because nobody else does, does so whatever the bounds are
        root.send("revoke", token=self.key.token(jti="j"))
        wait_for("they wait", lambda: self.issuer_status()["waiting"] == 4)
        gone.socket.sendall(b"\xc1")   # no request: the connection is closed, and what it has under way is nobody's
        wait_for("one is gone", lambda: self.agent.call("status")["peers"][0]["connections"] == 2)
        for audiences in (["returns"], ["orders"]):   # twice: what the first one had is free by then, and has been used again
            self.configure(*audiences)
            self.assertEqual(self.agent.call("reload")["faults"], [])
        self.assertEqual(self.issuer_status()["waiting"], 4)
        answers = {answer[1]: answer for answer in (web.receive(), web.receive())}
        self.assertEqual([answers[1][3].get("reason"), answers[2][3]["active"]], ["wrong_audience", True])
        self.assertEqual(root.receive()[2:], [None, {}])
        self.assertEqual(free.verify(self.key.token(aud="returns", n=1)), "wrong_audience")
        self.assertEqual(self.agent.call("status")["peers"][0]["in_flight"], 0)
        for client in (web, gone, free, root):
            client.close()


if __name__ == "__main__":
    unittest.main()
