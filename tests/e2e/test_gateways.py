"""The guide's recipes for gateways, on the real ones: who gets through, as whom, and that nothing does when the agent is down."""
import json
import os
import shutil
import subprocess
import time
import unittest

from agent import ISSUER, AssayTest, Key
from behind import BehindGateway, needs
from gateway import Caddy, Haproxy, Nginx, ReadmeNginx, block
from http_client import HAS_HTTP, Http


class Gateways(BehindGateway):
    takes_chunks = True
    rewritten = ("/%6frders",)  # allowed by the agent, and sent by no client

    def test_good(self):
        token = self.key.token(role=["user", "a,b"], scope="x y")
        for _ in range(3):
            got = self.assertThrough(self.ask(token, "GET", "/orders/7?x=1&y=%2F"), "alice", "user,a%2Cb", ISSUER, "x y")
            self.assertEqual((got["method"], got["target"]), ("GET", "/orders/7?x=1&y=%2F"))

    def test_bodies(self):
        token = self.key.token()
        self.assertThrough(self.ask(token, "POST", "/orders", body="x" * 100000), "alice", "", ISSUER, "")
        with Http(self.gateway.place) as http:
            http.send(f"POST /orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "5\r\nhello\r\n0\r\n\r\n")
            if self.takes_chunks:
                self.assertThrough(http.receive(), "alice", "", ISSUER, "")
            else:
                self.assertEqual(http.receive().status, 411)
        with Http(self.gateway.place) as http:
            http.send(f"POST /orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nExpect: 100-continue\r\n"
                      "Content-Length: 5\r\n\r\n")
            while b"\r\n\r\n" not in http.data:
                http.more()
            self.assertEqual(http.data[:12], b"HTTP/1.1 100")
            http.data = http.data.split(b"\r\n\r\n", 1)[1]
            http.send("hello")
            self.assertThrough(http.receive(), "alice", "", ISSUER, "")

    def test_none_and_bad(self):
        answer = self.ask(None)
        self.assertRefused(answer, 401)
        self.assertEqual(answer["WWW-Authenticate"], "Bearer")
        for token, reason in ((self.key.token(exp=int(time.time()) - 100), "expired"), (Key().token(), "bad_signature"), ("x", "malformed"),
                              (self.key.token(aud="others"), "wrong_audience")):
            answer = self.ask(token)
            self.assertRefused(answer, 401)
            self.assertEqual(answer["WWW-Authenticate"], f'Bearer error="invalid_token", error_description="{reason}"')
        self.assertRefused(self.ask(None, "GET", "/orders", "Authorization: Basic eDp5"), 401)
        self.assertRefused(self.ask(None, "GET", "/orders", f"Authorization: DPoP {self.key.token()}"), 401)

    def test_two_tokens(self):
        self.assertRefused(self.ask(self.key.token(), "GET", "/orders", f"Authorization: Bearer {self.key.token(sub='bob')}"), 400, 500, 502, 503)

    def test_forbidden(self):
        for method, target in (("DELETE", "/orders"), ("GET", "/admin"), ("PUT", "/orders"), ("GET", "/")):
            self.assertRefused(self.ask(self.key.token(), method, target), 403)

    def test_revoked(self):
        token = self.key.token(jti="one")
        self.assertThrough(self.ask(token), "alice", "", ISSUER, "")
        self.agent.call("revoke", jti="one", exp=int(time.time()) + 4000)
        self.app.requests.clear()
        self.assertRefused(self.ask(token), 401)

    def test_anonymous(self):
        self.assertThrough(self.ask(None, "GET", "/health"), "", "", "", "")
        self.assertThrough(self.ask("x", "GET", "/health"), "", "", "", "")

    def test_paths(self):
        """What gets through is, as the service behind gets it, nothing but what the policy allows."""
        token = self.key.token()
        for target in ("/orders/..%2fadmin", "/orders/%2e%2e/admin", "/orders/../admin", "/orders//../admin", "//admin", "/admin;/orders", "/orders;x",
                       "/orders/%00", "/orders%00/../admin", "/orders/%5c..%5cadmin", "/./admin", "/orders/..;/admin", "/%61dmin", "/orders/%252e%252e/admin",
                       "/orders/\\..\\admin", "/orders%2fx", "/health/../admin", "/health%2f..%2fadmin", "/admin?/orders", "/admin#/orders", "/admin%23/orders",
                       "/admin%3f/orders", "http://localhost/admin", "http://localhost/health/../admin", "/assay", "/assay/", "/%61ssay", "/auth", "/forward", "//orders",
                       "/x/../orders", "/orders#x", "/orders/%2e", *self.rewritten):
            with self.subTest(target=target):
                self.app.requests.clear()
                for who in (token, None):
                    self.assertIn(self.ask(who, "GET", target).status, (400, 401, 403, 404, 500))
                self.assertEqual(self.app.requests, [])
        for target in ("/orders/", "/orders/x%20y%c3%a4", "/orders?/../admin"):
            self.assertEqual(self.ask(token, "GET", target).status, 200, target)

    def test_agent_down(self):
        token = self.key.token()
        self.assertThrough(self.ask(token), "alice", "", ISSUER, "")
        with Http(self.gateway.place) as kept:
            self.ask(token, http=kept)
            self.agent.kill()
            self.app.requests.clear()
            for target in ("/orders", "/health"):
                self.assertRefused(self.ask(token, "GET", target), 500, 502, 503, 504)
                self.assertRefused(self.ask(None, "GET", target), 500, 502, 503, 504)
            self.assertRefused(self.ask(token, http=kept), 500, 502, 503, 504)
        os.unlink(self.place)
        self.assertRefused(self.ask(token), 500, 502, 503, 504)
        self.agent.start()
        self.assertThrough(self.ask(token), "alice", "", ISSUER, "")

    def test_agent_stopped(self):
        """It hangs, which no program in front may take for a yes."""
        token = self.key.token()
        self.agent.process.send_signal(19)
        try:
            self.assertRefused(self.ask(token), 500, 502, 503, 504)
        finally:
            self.agent.process.send_signal(18)

    def test_many(self):
        tokens = [self.key.token(sub=f"user{i}") for i in range(10)]
        with Http(self.gateway.place) as http:
            for i in range(200):
                self.assertThrough(self.ask(tokens[i % 10], http=http), f"user{i % 10}", "", ISSUER, "")
        if self.keeps:
            self.assertLessEqual(self.agent_connections(), 4)

    keeps = True

    def agent_connections(self):
        with open("/proc/net/unix", encoding="utf-8") as file:
            return sum(line.rstrip().endswith(" " + self.place) for line in file) - 1


@unittest.skipUnless(HAS_HTTP and shutil.which("curl"), "needs llhttp and curl")
class ByHand(AssayTest):
    def test_what_the_guide_asks(self):
        key = Key()
        agent = self.prepare(keys=[key])
        place = agent.path("http.sock")
        agent.configure(http={"listen": f"unix:{place}"})
        agent.start()
        token = key.token()
        said = []
        for line in block("Services and probes", "shell").strip().split("\n"):
            line = line.replace("/run/assay/http.sock", place).replace("…", token)
            said.append(json.loads(subprocess.run(["sh", "-ec", line], check=True, capture_output=True, timeout=20).stdout))
        self.assertEqual((said[0]["valid"], said[1]["active"], said[2], said[3]), (True, True, {"alive": True}, {"ready": True, "missing": []}))


@needs(Nginx)
class WithNginx(Gateways, AssayTest):
    gateway_class = Nginx


@needs(ReadmeNginx)
class WithReadmeNginx(Gateways, AssayTest):
    gateway_class = ReadmeNginx
    rewritten = ()

    def test_each_line_is_the_guides(self):
        """A part of the complete recipe, in its order; so it cannot say anything that the guide does not."""
        rest = iter(Nginx.recipe().split("\n"))
        for line in ReadmeNginx.recipe().split("\n"):
            self.assertTrue(not line or line in rest, line)


@needs(Caddy)
class WithCaddy(Gateways, AssayTest):
    gateway_class = Caddy


@needs(Haproxy)
class WithHaproxy(Gateways, AssayTest):
    gateway_class = Haproxy
    takes_chunks = False
    keeps = False


if __name__ == "__main__":
    unittest.main()
