"""Peers over HTTP: the kernel says who calls on a Unix socket, the configuration whose rights callers have on a port."""
import os
import select
import socket
import unittest

from agent import ISSUER, AssayTest, Key, as_user, needs_root, put_file, wait_for
from gateway import free_port
from http_client import Http, needs_http

OTHER = "https://other.example.com"
WWW = 33  # www-data
POLICY = f"version: 1\nrules:\n- {{name: orders, issuers: ['{ISSUER}', '{OTHER}'], actions: [GET], resources: [/orders]}}\n"


@needs_http
@needs_root
class HttpPeers(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        os.chmod(self.agent.folder, 0o755)
        self.place = self.agent.path("http.sock")
        put_file(self.agent.path("policy.yaml"), POLICY)

    def configure(self, *peers, listen=None, **http):
        self.agent.configure([self.agent.issuer(), self.agent.issuer(OTHER)], policy="policy.yaml", peers=list(peers),
                             http={"listen": listen or f"unix:{self.place}", **({} if listen else {"mode": "0666"}), **http})

    def auth(self, token, place=None):
        """(status, body) as the gateway gets them."""
        http = Http(place or self.place)
        try:
            answer = http.ask("GET", "/auth", "X-Original-Method: GET", "X-Original-URI: /orders", f"Authorization: Bearer {token}")
            return answer.status, answer.body.decode()
        finally:
            http.close()

    def by(self, uid, token):
        return tuple(as_user(uid, lambda: self.auth(token)))

    def test_the_kernel_says_who_calls(self):
        self.configure({"name": "gateway", "uid": WWW, "methods": ["authorize"]})
        self.agent.start()
        self.assertEqual(self.by(WWW, self.key.token())[0], 200)
        status, words = self.by(1, self.key.token())
        self.assertEqual(status, 403)
        self.assertIn("uid 1", words)

    def test_a_caller_without_an_entry_is_logged_once_for_each_connection(self):
        self.configure({"name": "gateway", "uid": WWW, "methods": ["authorize"]})
        self.agent.start()

        def twice():
            http = Http(self.place)
            try:
                return [http.ask("GET", "/auth", "X-Original-Method: GET", "X-Original-URI: /orders").status for _ in range(2)]
            finally:
                http.close()
        self.assertEqual(as_user(1, twice), [403, 403])
        self.assertEqual(self.agent.log().count("{name: NAME, uid: 1}"), 1)
        self.assertEqual(as_user(WWW, twice), [401, 401])
        self.assertEqual(self.agent.log().count("{name: NAME"), 1)

    def test_issuers_and_audiences(self):
        self.configure({"name": "gateway", "uid": WWW, "issuers": [ISSUER]})
        self.agent.start()
        for _ in range(2):  # by a signature check, and from the cache
            self.assertEqual(self.by(WWW, self.key.token())[0], 200)
            self.assertEqual(self.by(WWW, self.key.token(iss=OTHER))[0], 401)

    def test_each_right_is_one_of_its_own(self):
        self.configure({"name": "gateway", "uid": WWW, "methods": ["verify"]})
        self.agent.start()
        self.assertEqual(self.by(WWW, self.key.token())[0], 403)

    def test_a_rate(self):
        self.configure({"name": "gateway", "uid": WWW, "rate": "2/m"})
        self.agent.start()
        found = [self.by(WWW, self.key.token())[0] for _ in range(4)]
        self.assertEqual(found, [200, 429, 429, 429])

    def test_too_many_connections_are_logged_and_counted(self):
        self.configure({"name": "root", "uid": 0, "connections": 4})
        self.agent.start()
        operator = self.agent.connect()
        self.addCleanup(operator.close)
        self.assertIn("ready", operator.call("ping"))
        callers = [socket.socket(socket.AF_UNIX) for _ in range(8)]
        for caller in callers:
            self.addCleanup(caller.close)
            caller.connect(self.place)

        def closed():
            return len(select.select(callers, [], [], 0)[0])  # readable: at its end
        wait_for("some are closed", lambda: closed() >= 5)
        self.assertEqual(operator.call("status")["connections"]["turned_away"], closed())
        self.assertEqual(self.agent.log().count("its peer has the maximum number of connections"), closed())

    def test_a_reload_changes_open_connections(self):
        self.configure({"name": "root", "uid": 0})
        self.agent.start()
        http = Http(self.place)
        self.addCleanup(http.close)

        def ask():
            return http.ask("GET", "/auth", "X-Original-Method: GET", "X-Original-URI: /orders",
                            f"Authorization: Bearer {self.key.token()}").status
        self.assertEqual(ask(), 200)
        self.configure({"name": "other", "uid": WWW}, {"name": "root", "uid": 0, "methods": ["admin"]})
        self.assertTrue(self.agent.call("reload")["reloaded"])
        self.assertEqual(ask(), 403)
        self.configure({"name": "root", "uid": 0})
        self.assertTrue(self.agent.call("reload")["reloaded"])
        self.assertEqual(ask(), 200)

    def test_over_tcp_callers_have_the_named_entry_s_rights(self):
        port = free_port()
        self.configure({"name": "gateway", "uid": WWW, "issuers": [ISSUER]}, listen=f"127.0.0.1:{port}", peer="gateway")
        self.agent.start()
        place = ("127.0.0.1", port)
        self.assertEqual(self.auth(self.key.token(), place)[0], 200)
        self.assertEqual(self.auth(self.key.token(iss=OTHER), place)[0], 401)
        self.configure({"name": "gateway", "uid": WWW, "methods": ["verify"]}, listen=f"127.0.0.1:{port}", peer="gateway")
        self.assertTrue(self.agent.call("reload")["reloaded"])
        self.assertEqual(self.auth(self.key.token(), place)[0], 403)

    def test_connections_of_both_doors_are_counted(self):
        self.configure({"name": "root", "uid": 0})
        self.agent.start()
        operator = self.agent.connect()
        self.addCleanup(operator.close)
        before = operator.call("status")["connections"]
        for _ in range(3):
            http = Http(self.place)
            self.assertEqual(http.ask("GET", "/healthz").status, 200)
            http.close()
        after = operator.call("status")["connections"]
        self.assertEqual(after["accepted"] - before["accepted"], 3)
        self.assertEqual(after["requests"] - before["requests"], 4)  # and the first status

    def test_half_requests_that_take_too_much_memory_are_closed_and_counted(self):
        self.configure({"name": "root", "uid": 0})
        self.agent.start()
        operator = self.agent.connect()
        self.addCleanup(operator.close)
        half = b"POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 65000\r\n\r\n" + b" " * 60000
        for _ in range(400):  # a user may hold 16 MiB of them
            caller = socket.socket(socket.AF_UNIX)
            self.addCleanup(caller.close)
            caller.connect(self.place)
            try:
                caller.sendall(half)
            except OSError:
                pass  # closed already
        wait_for("some are closed", lambda: operator.call("status")["connections"]["broken_off"] > 0)
        self.assertIn("a connection was closed", self.agent.log())

    def test_they_are_counted(self):
        self.configure({"name": "gateway", "uid": WWW})
        self.agent.start()
        self.by(WWW, self.key.token())
        rows = {row["name"]: row for row in self.agent.call("status")["peers"]}
        self.assertEqual((rows["gateway"]["requests"], rows["gateway"]["connections"]), (1, 0))


if __name__ == "__main__":
    unittest.main()
