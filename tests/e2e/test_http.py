"""HTTP for gateways and probes: what each path answers, and what is refused."""
import json
import os
import signal
import socket
import stat
import threading
import time
import unittest
from urllib.parse import urlencode

from agent import ASAN, ISSUER, AssayTest, Key, check_config, key_set, put_file, wait_for
from gateway import free_port
from http_bad import BAD, BAD_CHUNKS, CHUNKED
from http_client import HAS_HTTP, Http, needs_http
from test_config import FILES, GOOD

POLICY = """version: 1
rules:
- {name: orders, actions: [GET, HEAD], resources: [/orders, "/orders/*"]}
- {name: place, actions: [POST], resources: [/place], scopes: ["orders:write", audit]}
- {name: admin, resources: [/admin], roles: [admin]}
- {name: health, resources: [/health], anonymous: true}
- {name: suspended, effect: deny, claims: {status: suspended}}
"""
AUTH = {"/auth": ("X-Original-Method", "X-Original-URI"), "/forward": ("X-Forwarded-Method", "X-Forwarded-Uri")}
IDENTITY = ("X-User-Id", "X-User-Role", "X-Auth-Issuer", "X-Auth-Scope")


class HttpTest(AssayTest):
    port = None
    policy = POLICY

    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.place = self.agent.path("http.sock")
        self.configure()
        self.agent.start()
        self.http = self.connect()

    def configure(self, **top):
        if self.policy is not None:
            put_file(self.agent.path("policy.yaml"), self.policy)
            top["policy"] = "policy.yaml"
        top.setdefault("http", {"listen": f"unix:{self.place}"})
        self.agent.configure(**top)

    def connect(self, place=None):
        http = Http(place or self.place)
        self.addCleanup(http.close)
        return http

    def gateway(self, path, method, resource, *headers, http=None):
        """Asks as that path's gateway does."""
        http = http or self.http
        if path == "/ext_authz":
            return http.ask(method, path + resource, *headers)
        named = AUTH[path]
        return http.ask("GET", path, f"{named[0]}: {method}", f"{named[1]}: {resource}", *headers)

    def may(self, token, method="GET", resource="/orders", path="/auth", http=None):
        return self.gateway(path, method, resource, *([f"Authorization: Bearer {token}"] if token is not None else []), http=http)

    def identity(self, answer):
        for name in IDENTITY:
            self.assertEqual(len(answer.all(name)), 1, (name, answer.headers))
        return tuple(answer[name] for name in IDENTITY)


@needs_http
class Gateways(HttpTest):
    PATHS = ("/auth", "/forward", "/ext_authz")

    def test_yes_says_who(self):
        token = self.key.token(role=["user", "admin"], scope="orders:read audit")
        for path in self.PATHS:
            for _ in range(2):  # by a signature check, and from the cache
                with self.subTest(path=path):
                    answer = self.may(token, path=path)
                    self.assertEqual(answer.status, 200)
                    self.assertEqual(answer["Content-Length"], "0")
                    self.assertEqual(self.identity(answer), ("alice", "user,admin", ISSUER, "orders:read audit"))
                    self.assertIsNone(answer["Connection"])
                    self.assertIsNone(answer["Server"])

    def test_without_a_token(self):
        for path in self.PATHS:
            answer = self.may(None, path=path)
            self.assertEqual((answer.status, answer["WWW-Authenticate"]), (401, "Bearer"))
            self.assertEqual(answer.all("X-User-Id"), [])

    def test_a_bad_token(self):
        other = Key()
        for token, reason in ((self.key.token(exp=int(time.time()) - 1000), "expired"), ("x", "malformed"), ("a b", "malformed"),
                              (other.token(), "bad_signature"), (self.key.token(aud="others"), "wrong_audience"),
                              ("x" * 20000, "too_large")):
            for path in self.PATHS:
                with self.subTest(reason=reason, path=path):
                    answer = self.may(token, path=path)
                    self.assertEqual(answer.status, 401)
                    self.assertEqual(answer["WWW-Authenticate"], f'Bearer error="invalid_token", error_description="{reason}"')

    def test_forbidden(self):
        for path in self.PATHS:
            for token, method, resource, challenge in (
                    (self.key.token(), "DELETE", "/orders", None), (self.key.token(), "GET", "/admin", None),
                    (self.key.token(status="suspended"), "GET", "/orders", None), (self.key.token(), "GET", "/elsewhere", None),
                    (self.key.token(), "POST", "/place", 'Bearer error="insufficient_scope", scope="orders:write audit"')):
                with self.subTest(path=path, method=method, resource=resource):
                    answer = self.may(token, method, resource, path=path)
                    self.assertEqual((answer.status, answer["WWW-Authenticate"]), (403, challenge))
                    self.assertEqual(answer.all("X-User-Id"), [])

    def test_anonymous(self):
        for path in self.PATHS:
            for token in (None, "x", self.key.token(exp=1), Key().token(sub="mallory")):
                answer = self.may(token, resource="/health", path=path)
                self.assertEqual(answer.status, 200)
                self.assertEqual(self.identity(answer), ("", "", "", ""))
            self.assertEqual(self.identity(self.may(self.key.token(), resource="/health", path=path))[0], "alice")

    def test_what_could_break_a_header_is_escaped(self):
        for sub, shown in (("a,b", "a%2Cb"), ("a b", "a%20b"), ("a%2Cb", "a%252Cb"), ("a\r\nX-User-Role: admin", "a%0D%0AX-User-Role:%20admin"),
                           ("ä", "%C3%A4"), ("\x7f", "%7F"), ("", ""), ("a\tb", "a%09b")):
            with self.subTest(sub=sub):
                answer = self.may(self.key.token(sub=sub, role=[sub, "user"]))
                self.assertEqual(answer.status, 200)
                self.assertEqual(self.identity(answer)[:2], (shown, shown + ",user"))

    def test_bound_tokens(self):
        """Whether the issuer's settings accept them or not: no proof comes this way. Like any bad token, one counts as none."""
        bound = self.key.token(cnf={"jkt": "x"})
        refused = (401, 'Bearer error="invalid_token", error_description="claim_mismatch"')
        for setting in ("refuse", "caller"):
            self.configure(issuers=[self.agent.issuer(sender_constrained=setting)])
            self.agent.call("reload")
            for path in self.PATHS:
                for value in (f"Bearer {bound}", f"DPoP {bound}", f"dpop {self.key.token()}"):
                    for _ in range(2):
                        answer = self.gateway(path, "GET", "/orders", f"Authorization: {value}")
                        self.assertEqual((answer.status, answer["WWW-Authenticate"]), refused)
                        answer = self.gateway(path, "GET", "/health", f"Authorization: {value}")
                        self.assertEqual((answer.status, self.identity(answer)), (200, ("", "", "", "")))

    def test_schemes(self):
        token = self.key.token()
        for value, status in ((f"bearer {token}", 200), (f"BEARER   {token}  ", 200), (f"Basic {token}", 401), ("Bearer", 401), ("Bearer ", 401),
                              (f"Bearer{token}", 401), (f"Bearer\t{token}", 401), ("", 401), (f"Bearer {token}, Bearer {token}", 401)):
            with self.subTest(value=value[:12]):
                self.assertEqual(self.gateway("/auth", "GET", "/orders", f"Authorization: {value}").status, status)

    def test_two_authorizations(self):
        token = self.key.token()
        for path in self.PATHS:
            http = self.connect()
            answer = self.gateway(path, "GET", "/orders", f"Authorization: Bearer {token}", f"authorization: Bearer {token}", http=http)
            self.assertEqual(answer.status, 400)

    def test_each_path_believes_its_own_headers_alone(self):
        token = f"Authorization: Bearer {self.key.token()}"
        for path, (method, uri) in AUTH.items():
            other_method, other_uri = AUTH["/forward" if path == "/auth" else "/auth"]
            with self.subTest(path=path):
                spoofed = [f"{other_method}: GET", f"{other_uri}: /health"]
                self.assertEqual(self.http.ask("GET", path, token, f"{method}: GET", f"{uri}: /admin", *spoofed).status, 403)
                self.assertEqual(self.http.ask("GET", path, token, f"{method}: GET", f"{uri}: /orders", *spoofed).status, 200)
                for headers in ([], [f"{method}: GET"], [f"{uri}: /orders"], spoofed, [f"{method}: GET", other_uri + ": /orders"],
                                [f"{method}: GET", f"{method}: GET", f"{uri}: /orders"], [f"{method}: GET", f"{uri}: /orders", f"{uri}: /orders"],
                                [f"{method}: ", f"{uri}: /orders"], [f"{method}: GET", f"{uri}:"],
                                [f"{method.replace('-', '_')}: GET", f"{uri.replace('-', '_')}: /orders"]):
                    self.assertEqual(self.http.ask("GET", path, token, *headers).status, 400, headers)
        self.assertEqual(self.http.ask("GET", "/ext_authz/admin", token, "X-Original-URI: /orders", "X-Forwarded-Uri: /orders").status, 403)

    def test_spellings_of_a_path(self):
        token = self.key.token()
        for resource, status in (("/orders?x=1", 200), ("/orders/", 200), ("//orders", 403), ("/a/../orders", 403), ("/%6frders", 200),
                                 ("/orders/..%2fadmin", 403), ("/orders/%2e%2e/admin", 403), ("/orders;x=/admin", 403), ("/orders/%00", 403),
                                 ("/orders/%5c", 403), ("/../orders", 403), ("/orders/%zz", 403), ("/orders%2f1", 403)):
            for path in self.PATHS:
                with self.subTest(resource=resource, path=path):
                    self.assertEqual(self.may(token, resource=resource, path=path).status, status)
        for resource in ("http://x/orders", "orders", "*"):
            for path in AUTH:
                self.assertEqual(self.may(token, resource=resource, path=path).status, 403)

    def test_methods(self):
        token = self.key.token()
        for method in ("GET", "HEAD"):
            self.assertEqual(self.may(token, method, path="/ext_authz").status, 200)
        self.assertEqual(self.may(self.key.token(scope="orders:write audit"), "POST", "/place", path="/ext_authz").status, 200)
        self.assertEqual(self.may(token, "get").status, 403)

    def test_revoked(self):
        token = self.key.token(jti="one")
        self.assertEqual(self.may(token).status, 200)
        self.agent.call("revoke", jti="one", exp=int(time.time()) + 4000)
        answer = self.may(token)
        self.assertEqual((answer.status, answer["WWW-Authenticate"]), (401, 'Bearer error="invalid_token", error_description="revoked"'))

    def test_counted_and_logged(self):
        before = self.agent.call("status")["counters"]
        self.may(self.key.token())
        self.may(None)
        self.may(self.key.token(), "DELETE")
        after = self.agent.call("status")["counters"]
        self.assertEqual(after["allowed"] - before["allowed"], 1)
        self.assertEqual(sum(after["denied"].values()) - sum(before["denied"].values()), 2)
        self.assertIn('"reason":"no_rule"', self.agent.log())

    def test_each_service_behind_a_gateway_has_its_audience(self):
        put_file(self.agent.path("policy.yaml"), "version: 1\nrules:\n- {name: o, resources: [/orders/**], audiences: [orders]}\n"
                                                 "- {name: r, resources: [/returns/**], audiences: [returns]}\n")
        self.agent.configure([self.agent.issuer(audiences=["orders", "returns"])], policy="policy.yaml", http={"listen": f"unix:{self.place}"})
        self.assertIs(self.agent.call("reload")["reloaded"], True)
        for path in self.PATHS:
            for audience, orders, returns in (("orders", 200, 403), ("returns", 403, 200), (["orders", "returns"], 200, 200), ("others", 401, 401)):
                token = self.key.token(aud=audience)
                self.assertEqual(self.may(token, resource="/orders/1", path=path).status, orders)
                self.assertEqual(self.may(token, resource="/returns/1", path=path).status, returns)

    def test_a_control_character_in_a_header_that_nobody_reads(self):
        """Gateways hand over all headers, a CDN's cookie among them."""
        for path in self.PATHS:
            for odd in ("Cookie: a=\x01b\x1f\x7f", "X-Odd:\x02", "Referer: \x0b\x0c\x08"):
                answer = self.gateway(path, "GET", "/orders", f"Authorization: Bearer {self.key.token()}", odd)
                self.assertEqual((answer.status, self.identity(answer)[0]), (200, "alice"))

    def test_a_long_query_is_no_part_of_the_resource(self):
        for path in self.PATHS:
            self.assertEqual(self.may(self.key.token(), resource="/orders?id_token_hint=" + "x" * 20000, path=path).status, 200)
            self.assertEqual(self.may(self.key.token(), resource="/orders/" + "x" * 4096, path=path).status, 403)
        self.assertIn("it is too long", self.agent.log())

    def test_the_query_of_a_denied_request_is_not_logged(self):
        for path in self.PATHS:
            for resource in ("/login/callback?code=secret1&state=x", "/login/callback?access_token=secret2", "/login/callback#access_token=secret3"):
                self.assertEqual(self.may(self.key.token(), resource=resource, path=path).status, 403)
        self.assertIn('"resource":"/login/callback"', self.agent.log())
        self.assertNotIn("secret", self.agent.log())


@needs_http
class WithoutPolicy(HttpTest):
    policy = None

    def test_everything_is_denied(self):
        for path in Gateways.PATHS:
            self.assertEqual(self.may(self.key.token(), path=path).status, 403)
            self.assertEqual(self.may(None, path=path).status, 401)


@needs_http
class Services(HttpTest):
    def verify(self, body, *headers):
        return self.http.ask("POST", "/verify", *(headers or ["Content-Type: application/json"]), body=body)

    def test_verify(self):
        token = self.key.token(role="user", n=[1, 2.5, None, {"ä": "\n"}])
        for question in ({"token": token}, {"token": token, "audience": "orders"}, {"audience": None, "token": token}):
            answer = self.verify(json.dumps(question))
            self.assertEqual(answer.status, 200)
            said = answer.json()
            self.assertEqual((said["valid"], said["user"]["sub"], said["user"]["n"]), (True, "alice", [1, 2.5, None, {"ä": "\n"}]))
            self.assertNotIn("sender_constrained", said)
        for question, reason in (({"token": token, "audience": "others"}, "wrong_audience"), ({"token": "x"}, "malformed"),
                                 ({"token": ""}, "malformed"), ({"token": Key().token()}, "bad_signature")):
            answer = self.verify(json.dumps(question))
            self.assertEqual((answer.status, answer.json()), (200, {"valid": False, "reason": reason}))
        self.configure(issuers=[self.agent.issuer(sender_constrained="caller")])
        self.agent.call("reload")
        self.assertTrue(self.verify(json.dumps({"token": self.key.token(cnf={"jkt": "x"})})).json()["sender_constrained"])

    def test_audiences_with_escapes(self):
        self.configure(issuers=[self.agent.issuer(audiences=["https://api.example.com/ä"])])
        self.agent.call("reload")
        token = self.key.token(aud="https://api.example.com/ä")
        body = f'{{"audience":"https:\\/\\/api.example.com\\/\\u00e4","token":"{token}"}}'
        for _ in range(2):
            self.assertTrue(self.verify(body).json()["valid"])

    def test_what_is_no_question(self):
        token = self.key.token()
        for body in ("", "{}", "[]", "x", f'"{token}"', '{"token":1}', '{"token":null}', f'{{"token":"{token}","token":"{token}"}}',
                     f'{{"token":"{token}","audience":["orders"]}}', f'{{"token":"{token}","x":1}}', f'{{"token":"{token}"}}x', '{"token":"\\u0000"}',
                     '{"token":"\ud800"}'.encode("utf-16", "surrogatepass")):
            answer = self.verify(body)
            self.assertEqual(answer.status, 400, body)
            self.assertEqual(answer.json()["error"], "bad_request")
            self.assertNotIn(token, answer.body.decode())
        self.assertEqual(self.verify(json.dumps({"token": token}), "Content-Type: text/plain").status, 400)
        self.assertEqual(self.verify(json.dumps({"token": token}), "Content-Type: application/json; charset=utf-8").status, 200)

    def introspect(self, body):
        return self.http.ask("POST", "/introspect", "Content-Type: application/x-www-form-urlencoded", body=body)

    def test_introspect(self):
        token = self.key.token(jti="j", scope="a b", client_id="shop", nbf=1, secret="x")
        for body in (urlencode({"token": token}), f"token_type_hint=access_token&token={token}", f"token={token.replace('.', '%2E')}&x",
                     "token=" + "".join(f"%{ord(c):02x}" for c in token)):
            answer = self.introspect(body)
            said = answer.json()
            self.assertEqual((answer.status, said.pop("iat") > 0, said.pop("exp") > 0), (200, True, True))
            self.assertEqual(said, {"active": True, "iss": ISSUER, "sub": "alice", "aud": "orders", "nbf": 1, "jti": "j", "scope": "a b",
                                    "client_id": "shop", "token_type": "Bearer"})
            self.assertEqual(answer["Cache-Control"], "no-store")
        for bad in ("x", self.key.token(exp=1), Key().token(), "x%26y"):
            self.assertEqual(self.introspect(f"token={bad}").json(), {"active": False})
        for body in ("", "token=", "token", "tokens=x", "token=x&token=x", "token=%", "token=%4", "token=%zz", "token=a%00b"):
            self.assertEqual(self.introspect(body).status, 400, body)

    def test_probes(self):
        self.assertEqual((self.http.ask("GET", "/healthz").status, self.http.ask("HEAD", "/healthz").status), (200, 200))
        answer = self.http.ask("GET", "/readyz?verbose")
        self.assertEqual((answer.status, answer.json()), (200, {"ready": True, "missing": []}))

    def test_not_ready(self):
        agent = self.prepare(keys=[self.key])
        feed = agent.path("feed")
        os.mkfifo(feed)
        agent.configure(http={"listen": f"unix:{agent.path('h')}"}, revocation={"feeds": [{"url": "https://127.0.0.1:1/feed"}]})
        agent.launch()
        wait_for("it listens", lambda: os.path.exists(agent.path("h")))
        http = self.connect(agent.path("h"))
        self.assertEqual(http.ask("GET", "/healthz").status, 200)
        answer = http.ask("GET", "/readyz")
        self.assertEqual((answer.status, answer["Retry-After"]), (503, "1"))
        self.assertIn("https://127.0.0.1:1/feed", answer.json()["missing"][0])
        token = self.key.token()
        self.assertEqual(self.may(token, http=http).status, 503)
        answer = http.ask("POST", "/verify", "Content-Type: application/json", body=json.dumps({"token": token}))
        self.assertEqual((answer.status, answer.json()["error"]), (503, "revocation_stale"))
        answer = http.ask("POST", "/introspect", "Content-Type: application/x-www-form-urlencoded", body=f"token={token}")
        self.assertEqual(answer.status, 503)

    def test_paths_and_methods(self):
        for path in ("/", "/auth/", "/Auth", "/auth%2f", "/auth/../auth", "//auth", "/ext_authz", "/verify/", "/healthz/x", "/metrics"):
            self.assertEqual(self.http.ask("GET", path).status, 404, path)
        for path, allow in (("/auth", "GET, HEAD"), ("/forward", "GET, HEAD"), ("/healthz", "GET, HEAD"), ("/readyz", "GET, HEAD")):
            for method in ("POST", "PUT", "DELETE", "OPTIONS"):
                answer = self.http.ask(method, path)
                self.assertEqual((answer.status, answer["Allow"]), (405, allow))
        for path in ("/verify", "/introspect"):
            answer = self.http.ask("GET", path)
            self.assertEqual((answer.status, answer["Allow"]), (405, "POST"))


@needs_http
class Paused(AssayTest):
    """Requests wait for their signatures while the machine pauses and a file changes: the file's reading and the decisions come in one turn
    of the loop, and both continue a connection."""

    ROUNDS, REQUESTS = 6, 300

    def test_files_are_read_in_the_turn_in_which_decisions_come(self):
        key = Key("ES512")
        agent = self.prepare(keys=[key])
        others, place = agent.path("keys/others.json"), agent.path("http.sock")
        put_file(others, key_set(Key()))
        agent.configure([agent.issuer(), agent.issuer("https://others.example.com", file=others)], http={"listen": f"unix:{place}"})
        agent.start()
        for number in range(self.ROUNDS):
            callers = [Http(place) for _ in range(self.REQUESTS)]
            for i, caller in enumerate(callers):
                body = json.dumps({"token": key.token(jti=f"{number}-{i}"), "audience": "orders"})
                caller.send(f"POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}")
            os.kill(agent.process.pid, signal.SIGSTOP)
            put_file(others, key_set(Key()))
            time.sleep(1.1)
            os.kill(agent.process.pid, signal.SIGCONT)
            self.assertEqual({caller.receive().status for caller in callers}, {200})
            for caller in callers:
                caller.close()


@needs_http
class Connections(HttpTest):
    def head(self, token, *headers, target="/auth", resource="/orders"):
        lines = [f"GET {target} HTTP/1.1", "Host: x", "X-Original-Method: GET", f"X-Original-URI: {resource}", f"Authorization: Bearer {token}",
                 *headers]
        return "\r\n".join(lines) + "\r\n\r\n"

    def test_pipelined_answers_come_in_order(self):
        tokens = [self.key.token(sub=f"user{i}") for i in range(40)]
        self.may(tokens[7])
        self.http.send("".join(self.head(token) for token in tokens))
        self.assertEqual([self.http.receive()["X-User-Id"] for _ in tokens], [f"user{i}" for i in range(40)])

    def test_byte_by_byte(self):
        for byte in self.head(self.key.token()).encode():
            self.http.send(bytes([byte]))
        self.assertEqual(self.http.receive().status, 200)
        body = json.dumps({"token": self.key.token()})
        pieces = "".join(f"{1:x}\r\n{c}\r\n" for c in body) + "0\r\n\r\n"
        for byte in ("POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces).encode():
            self.http.send(bytes([byte]))
        self.assertTrue(self.http.receive().json()["valid"])

    def test_chunks(self):
        token = self.key.token()
        body = json.dumps({"token": token})
        head = "POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: Chunked\r\n\r\n"
        for size in (7, 100, 10000):
            chunks = "".join(f"{len(body[i:i + size]):X}\r\n{body[i:i + size]}\r\n" for i in range(0, len(body), size)) + "0\r\n\r\n"
            self.http.send((head + chunks) * 3 + self.head(token))
            for _ in range(3):
                self.assertTrue(self.http.receive().json()["valid"])
            self.assertEqual(self.http.receive()["X-User-Id"], "alice")

    def test_bodies_that_nobody_asked_for(self):
        self.http.send(self.head(self.key.token(), "Content-Length: 5") + "GET /\n" [:5] + self.head(self.key.token(sub="b")))
        self.assertEqual([self.http.receive()["X-User-Id"], self.http.receive()["X-User-Id"]], ["alice", "b"])

    def test_closing(self):
        for version, headers, keeps in (("HTTP/1.1", [], True), ("HTTP/1.1", ["Connection: close"], False), ("HTTP/1.0", [], False),
                                        ("HTTP/1.0", ["Connection: keep-alive"], True), ("HTTP/1.1", ["Connection: Upgrade", "Upgrade: websocket"], True)):
            with self.subTest(version=version, headers=headers):
                http = self.connect()
                answer = http.ask("GET", "/healthz", *headers, version=version)
                self.assertEqual((answer.status, answer.version), (200, "HTTP/1.1"))
                self.assertEqual(answer["Connection"], "close" if not keeps else "keep-alive" if version == "HTTP/1.0" else None)
                if keeps:
                    self.assertEqual(http.ask("GET", "/healthz", "Connection: close", version=version).status, 200)
                self.assertTrue(http.is_closed())

    def assertRefused(self, data, *statuses):
        http = self.connect()
        http.send(data)
        answer = http.receive()
        self.assertIn(answer.status, statuses)
        self.assertEqual(answer["Connection"], "close")
        self.assertTrue(http.is_closed())

    def test_what_is_no_request(self):
        for name, data in BAD.items():
            with self.subTest(name):
                self.assertRefused(data, *((505, 400) if name.startswith("HTTP/") else (400,)))
                self.assertRefused(data + self.head(self.key.token()), *((505, 400) if name.startswith("HTTP/") else (400,)))
        for name, data in BAD_CHUNKS.items():
            with self.subTest("chunks: " + name):
                self.assertRefused(CHUNKED + data, 400)
        self.assertEqual(self.http.ask("GET", "/healthz", "Expect: 100-continue", "Content-Length: 0").status, 200)
        self.assertRefused(CHUNKED.replace("Host: x", "Host: x\r\nExpect: 100-continue") + "0\r\n\r\n", 417)
        self.assertRefused("POST /verify HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", 417)

    def test_too_large(self):
        self.assertEqual(self.http.ask("GET", "/healthz", "A: " + "x" * 32000).status, 200)
        self.assertRefused("GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + "x" * 40000, 431)
        self.assertRefused("GET /healthz HTTP/1.1\r\nHost: x\r\n" + "A: b\r\n" * 10000, 431)
        self.assertRefused("GET /" + "x" * 40000, 431)
        self.assertRefused("POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 413)
        self.assertRefused(CHUNKED + f"{70000:x}\r\n" + "x" * 70000, 413)
        self.assertRefused(CHUNKED + "1\r\nx\r\n" * 20000, 413)
        self.assertEqual(self.http.ask("POST", "/verify", "Content-Type: application/json", body=" " * 65536).status, 400)

    def test_slow(self):
        begun = self.connect()
        begun.send("GET /healthz HTTP/1.1\r\n")
        dripping = self.connect()
        started = time.monotonic()
        while time.monotonic() - started < 14:
            try:
                dripping.send("A")
            except OSError:
                break
            time.sleep(0.2)
        self.assertLess(time.monotonic() - started, 13)
        self.assertGreater(time.monotonic() - started, 8)
        self.assertTrue(begun.is_closed())
        self.assertEqual(self.http.ask("GET", "/healthz").status, 200)

    def test_who_reads_nothing_loses_the_connection(self):
        http = self.connect()
        http.socket.settimeout(0.5)
        sent = 0
        with self.assertRaises(OSError):
            for _ in range(100000):
                sent += http.socket.send(self.head(self.key.token(), resource="/orders/1").encode())
        self.assertEqual(self.http.ask("GET", "/healthz").status, 200)

    def test_more_than_there_is_room_for(self):
        self.agent.stop()
        self.agent.start(before=["prlimit", "--nofile=100"])  # 32 of them are the agent's, and 16 root's on the other socket
        many = [self.connect() for _ in range(60)]
        answered = 0
        for http in many:
            try:
                answered += http.ask("GET", "/healthz").status == 200
            except (EOFError, ConnectionError):
                pass
        self.assertIn(answered, (51, 52))  # a connection of the start may not be gone yet
        self.assertTrue(self.agent.call("ping")["ready"])
        for http in many:
            http.close()
        wait_for("there is room", lambda: self.agent.call("ping") and self.is_served())

    def is_served(self):
        try:
            return self.connect().ask("GET", "/healthz").status == 200
        except (EOFError, ConnectionError):
            return False

    def test_memory_for_half_requests(self):
        before = self.agent.anonymous()
        many = []
        for _ in range(300):
            http = self.connect()
            try:
                http.send("POST /verify HTTP/1.1\r\nHost: x\r\nA: " + "x" * 32000 + "\r\nContent-Length: 65536\r\n\r\n" + "x" * 65000)
            except ConnectionError:
                pass
            many.append(http)
        self.assertEqual(self.connect().ask("GET", "/healthz").status, 200)
        if not ASAN:
            self.assertLess(self.agent.anonymous() - before, 40 << 20)

    def test_half_closed(self):
        token = self.key.token()
        self.http.send(self.head(token) + self.head(token))
        self.http.socket.shutdown(socket.SHUT_WR)
        self.assertEqual([self.http.receive().status, self.http.receive().status], [200, 200])
        self.assertTrue(self.http.is_closed())

    def test_gone_before_the_answer(self):
        for _ in range(50):
            with Http(self.place) as http:
                http.send(self.head(self.key.token()) * 2)
        self.assertEqual(self.http.ask("GET", "/healthz").status, 200)

    def test_many_at_once(self):
        tokens = [self.key.token(sub=f"user{i}") for i in range(20)]
        problems = []

        def ask(number):
            with Http(self.place) as http:
                for i, token in enumerate(tokens * 5):
                    if http.ask("GET", f"/ext_authz/orders/{number}", f"Authorization: Bearer {token}")["X-User-Id"] != f"user{i % 20}":
                        problems.append((number, i))

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])

    def test_stopping(self):
        idle, token = self.connect(), self.key.token()
        self.assertEqual(idle.ask("GET", "/healthz").status, 200)
        self.http.send(self.head(token))
        self.assertEqual(self.http.receive().status, 200)
        self.agent.call("reload")
        self.assertEqual(self.agent.stop(), 0)
        self.assertTrue(idle.is_closed())
        self.assertFalse(os.path.exists(self.place))

    def test_tokens_do_not_stay_in_memory_or_the_log(self):
        """Of one that is refused, so that it is not cached, nothing is left."""
        token = Key().token(sub="nobody-knows-her")
        for path in Gateways.PATHS:
            self.assertEqual(self.may(token, path=path).status, 401)
        self.http.ask("POST", "/verify", "Content-Type: application/json", body=json.dumps({"token": token}))
        self.http.ask("POST", "/introspect", "Content-Type: application/x-www-form-urlencoded", body=f"token={token}")
        self.http.send(f"GET /auth HTTP/1.1\r\nAuthorization: Bearer {token}\r\n" + "A: b\r\n" * 2000 + " \r\n")
        self.assertEqual(self.http.receive().status, 400)
        self.assertFalse(token in self.agent.log())
        if not ASAN:  # which keeps what was freed, and much else
            self.assertFalse(token.encode() in memory_of(self.agent.process.pid))


def memory_of(pid):
    data = b""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            parts = line.split()
            if "w" not in parts[1] or (len(parts) > 5 and parts[5].endswith(".mdb")):
                continue
            start, end = (int(part, 16) for part in parts[0].split("-"))
            if end - start > 1 << 28:
                continue
            try:
                memory.seek(start)
                data += memory.read(end - start)
            except OSError:
                pass
    return data


@needs_http
class Ports(HttpTest):
    def configure(self, **top):
        self.place = free_port()
        super().configure(http={"listen": f"127.0.0.1:{self.place}"}, **top)

    def test_it_answers(self):
        token = self.key.token()
        for path in Gateways.PATHS:
            self.assertEqual(self.may(token, path=path)["X-User-Id"], "alice")

    def test_idle_connections_make_room_for_who_asks(self):
        """Over TCP nobody knows who calls: a user of this machine could keep the gateway out."""
        self.agent.stop()
        self.agent.start(before=["prlimit", "--nofile=100"])
        gateway = self.connect()
        many = [self.connect() for _ in range(100)]
        for _ in range(20):
            self.assertEqual(self.may(self.key.token(), http=self.connect()).status, 200)
        for http in many:
            http.socket.settimeout(0.02)
        self.assertGreater(sum(http.is_closed() for http in many), 20)
        for http in (gateway, *many):
            http.close()

    def test_only_names_of_this_machine(self):
        for host, status in (("localhost", 200), ("LOCALHOST:80", 200), ("127.0.0.1", 200), (f"127.0.0.1:{self.place}", 200), ("[::1]", 200),
                             ("[::1]:8080", 200), ("evil.example", 421), ("localhost.evil.example", 421), ("127.0.0.1.evil.example", 421),
                             ("localhost:80.evil", 421), ("localhost:", 421), ("", 421), ("x@localhost", 421), ("::1", 421), ("127.0.0.2", 421)):
            with self.subTest(host=host):
                self.assertEqual(self.http.ask("GET", "/healthz", host=host).status, status)
        http = self.connect()
        self.assertEqual(http.ask("GET", "/healthz", host=None, version="HTTP/1.0").status, 400)

    @unittest.skipUnless(os.path.exists("/proc/net/if_inet6") and "lo" in open("/proc/net/if_inet6", encoding="utf-8").read(), "needs ::1")
    def test_ipv6(self):
        agent = self.prepare(keys=[self.key])
        agent.configure(http={"listen": f"[::1]:{self.place}"})
        agent.start()
        self.assertEqual(self.connect(("::1", self.place)).ask("GET", "/readyz", host="[::1]").status, 200)

    def test_the_address_in_use(self):
        other = self.prepare(keys=[self.key])
        other.configure(http={"listen": f"127.0.0.1:{self.place}"})
        other.launch()
        self.assertEqual(other.wait_exit(), 1)
        self.assertIn(f"HTTP cannot be served on 127.0.0.1:{self.place}", other.log())
        other.process = None


@needs_http
class Settings(HttpTest):
    def test_mode(self):
        for mode in ("0600", "0666"):
            self.agent.stop()
            self.configure(http={"listen": f"unix:{self.place}", "mode": mode})
            self.agent.start()
            self.assertEqual(stat.S_IMODE(os.stat(self.place).st_mode), int(mode, 8))

    def test_leftovers(self):
        self.agent.kill()
        self.assertTrue(os.path.exists(self.place))
        self.agent.start()
        self.assertEqual(self.connect().ask("GET", "/healthz").status, 200)

    def test_changes_need_a_restart(self):
        self.configure(http={"listen": "127.0.0.1:1"})
        answer = self.agent.call("reload")
        self.assertIn("`http` has changed, which needs a restart", json.dumps(answer))

    def test_faults(self):
        for text, place, words in (("{listen: 127.0.0.1:0}", "5:16", "127.0.0.1:PORT"), ("{listen: 0.0.0.0:80}", "5:16", "127.0.0.1:PORT"),
                                   ("{listen: 127.0.0.1:65536}", "5:16", "127.0.0.1:PORT"), ("{listen: /a}", "5:16", "unix:"),
                                   ('{listen: "[::]:80"}', "5:16", "[::1]:PORT"), ("{listen: unix:a}", "5:16", "absolute"), ("{}", "5:7", "`listen`"),
                                   ("{listen: localhost:80}", "5:16", "127.0.0.1:PORT"), ("{listen: 127.0.0.1:80x}", "5:16", "PORT"),
                                   ('{listen: 127.0.0.1:80, mode: "0660"}', None, None), ('{listen: 127.0.0.1:80, mode: "0600"}', "5:7", "`mode`"),
                                   ("{listen: unix:/a, peer: x}", "5:7", "`peer`"), ("{listen: 127.0.0.1:80, peer: x}", "5:16", "`peers` has no entry `x`"),
                                   ("{listen: 127.0.0.1:80}\npeers: [{name: x, uid: 1003}]", "5:16", "whose rights"),
                                   ("{listen: 127.0.0.1:80, peer: x}\npeers: [{name: x, uid: 1003}]", None, None),
                                   ('{listen: "[::1]:80"}', None, None), ("{listen: unix:/a, mode: 660}", "5:31", "mode"),
                                   ("{lisen: 127.0.0.1:80}", "5:8", "did you mean `listen`?")):
            with self.subTest(text):
                code, errors, _ = check_config(GOOD + f"http: {text}\n", files=FILES)
                if words is None:
                    self.assertEqual((code, errors), (0, ""))
                else:
                    self.assertEqual(code, 2)
                    self.assertIn(f"assayd.yaml:{place}", errors)
                    self.assertIn(words, errors)


@unittest.skipIf(HAS_HTTP, "the agent was built with llhttp")
class WithoutHttp(unittest.TestCase):
    def test_it_says_so(self):
        code, errors, _ = check_config(GOOD + "http: {listen: 127.0.0.1:80}\n", files=FILES)
        self.assertEqual(code, 2)
        self.assertIn("assayd.yaml:5:1: `http` needs the HTTP endpoints (llhttp), which this version of assayd does not have", errors)


if __name__ == "__main__":
    unittest.main()
