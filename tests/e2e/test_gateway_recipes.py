"""What a client can say to make the application see another request than the agent did: none of it gets through the guide's recipes, and each
of their lines is there for a reason, for without it something does."""
import itertools
import re
import unittest

from agent import ISSUER, AssayTest
from behind import IDENTITY, BehindGateway, needs
from gateway import Caddy, Gateway, Haproxy, Nginx
from http_client import Http

ODD = "!#$%&'*+.^_`|~"  # RFC 9110 section 5.6.2: in a name beside letters, digits and "-"
ROUTES = ("X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override", "X-Original-Method", "X-Forwarded-Method", "X-Original-URI",
          "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Prefix", "X-Script-Name", "X-Matched-Path", "X-Invoke-Path",
          "X-Middleware-Subrequest", "X-Forwarded-Path", "X-Original-Path", "X-Astro-Path", "X-Envoy-Original-Path", "X-Replaced-Path", "Forwarded")
KNOWN = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto")  # by the gateway itself
NORMAL = {"/%6frders": "/orders", "/orders/%41": "/orders/A", "/order%73": "/orders", "/orders/1%2d2": "/orders/1-2", "/orders/%5F": "/orders/_",
          "/orders/%30": "/orders/0", "/orders/\xc3\xa4": "/orders/%C3%A4", "/orders/%7A": "/orders/z"}  # as no client sends them, and as all do
HOPS = ("Keep-Alive", "Proxy-Connection", "TE", "HTTP2-Settings")


def spellings(name):
    """All that a framework might take for it, and what comes near."""
    parts = name.split("-")
    for joined in itertools.product("-_", repeat=len(parts) - 1):
        text = "".join(part + join for part, join in zip(parts, (*joined, "")))
        yield from dict.fromkeys((text, text.lower(), text.upper()))
    for odd in ODD:
        yield from (odd.join(parts), parts[0] + odd + "-".join(parts[1:]), "-".join(parts[:-1]) + odd + parts[-1], odd + name, name + odd)


def in_parts(headers, size=40):
    """HAProxy takes a hundred at a time."""
    return [headers[i:i + size] for i in range(0, len(headers), size)]


def attacks():
    """Headers that go along with a request that the policy allows."""
    spoofed = [f"{spelled}: mallory" for name in IDENTITY for spelled in spellings(name)]
    yield from (("GET", "/orders", part) for part in in_parts(spoofed))
    yield "GET", "/orders", [f"{name}: mallory" for name in IDENTITY] * 2
    for spelled in (str, str.lower, lambda name: name.replace("-", "_")):
        yield "GET", "/orders", [f"{spelled(name)}: {'DELETE' if 'Method' in name else '/admin'}" for name in ROUTES]
    yield "GET", "/orders", [f"{name}: mallory" for name in KNOWN]
    for name in ("Connection", "Keep-Alive", "Proxy-Connection", "TE"):
        yield "GET", "/orders", [f"{name}: " + ", ".join(("close", *IDENTITY, "X-Other")), "X-Other: x"]
    yield "GET", "/orders", ["Connection: keep-alive", "Connection: X-User-Role"]
    for values in (["h2c"], ["websocket", "h2c"], ["h2c", "websocket"], ["websocket, h2c"], ["h2c, websocket"], ["h2c,"], ["TLS/1.0"], ["websocket "]):
        yield "GET", "/orders", ["Connection: Upgrade, HTTP2-Settings, X-User-Role", *(f"Upgrade: {value}" for value in values),
                                 "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


def others():
    """Requests that the policy does not allow, or that are about something else than they look like."""
    for target in NORMAL:
        yield "GET", target, [], None
    for host in ("localhost/admin?x=", "localhost\\admin", "localhost?", "localhost#x", "x@localhost"):
        yield "GET", "/orders", [], host
    asked = [("X-Original-Method: GET", "X-Original-URI: /orders"), ("X-Forwarded-Method: GET", "X-Forwarded-Uri: /orders"), ()]
    for headers in asked:
        yield "DELETE", "/orders", list(headers), None
        yield "GET", "/admin", list(headers), None
    for target in ("http://localhost?x=/orders", "http://localhost?/orders", "http://localhost#/orders", "http://localhost/orders", "http://localhost",
                   "http://localhost/admin?x=http://localhost/orders", "http://x@localhost/orders", "//localhost/orders", "*", "localhost:80",
                   "http:/orders", "http:orders", "https://localhost/orders"):
        yield "GET", target, [], None
        yield "GET", target, [], "localhost?x="


class Recipes(BehindGateway):
    inert = ()  # lines without which nothing gets through that should not
    refuses_underscores = False
    known = KNOWN

    def send(self, place, method, target, headers, host=None, token=None):
        """What reached the application."""
        self.app.requests.clear()
        with Http(place) as http:
            head = [f"{method} {target} HTTP/1.1", f"Host: {host or 'localhost'}", *headers, *([f"Authorization: Bearer {token}"] if token else [])]
            http.send("\r\n".join(head) + "\r\n\r\n")
            try:
                http.receive(head_only=True)
            except (EOFError, ConnectionError):
                pass
        return list(self.app.requests)

    def send_trailers(self, place, token):
        self.app.requests.clear()
        with Http(place) as http:
            http.send(f"POST /orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
                      "Trailer: X-User-Role\r\n\r\n3\r\nabc\r\n0\r\nX-User-Role: admin\r\nX_User_Id: root\r\nDELETE: /admin HTTP/1.1\r\n\r\n")
            try:
                http.receive(head_only=True)
            except (EOFError, ConnectionError):
                pass
        return list(self.app.requests)

    def wrong(self, got, method="GET", targets=("/orders",)):
        """What the application must not see, but did."""
        found = []
        names = [name.lower() for name, _ in got["headers"]]
        values = {name.lower(): [value for key, value in got["headers"] if key.lower() == name.lower()] for name in (*IDENTITY, "Connection", "Upgrade")}
        if got.get("trailers"):
            found.append(f"trailers: {got['trailers']}")
        if got["method"] != method or got["target"] not in targets:
            found.append(f"{got['method']} {got['target']}")
        found += [name for name in names if not re.fullmatch("[a-z0-9-]+", name)]
        found += [name for name in map(str.lower, (*ROUTES, *HOPS)) if name in names]
        found += [f"{name}: {value}" for name, value in got["headers"] if name.lower() in map(str.lower, self.known) and "mallory" in value]
        found += [f"Host: {value}" for name, value in got["headers"] if name.lower() in ("host", "x-forwarded-host") and re.search(r"[/\\\\?#@ ]", value)]
        found += [name for name, value in zip(IDENTITY, ("alice", "user", ISSUER, "x")) if values[name.lower()] != [value]]
        if values["upgrade"] not in ([], ["websocket"]):
            found.append(f"Upgrade: {values['upgrade']}")
        if {value.lower() for value in values["connection"]} - {"close", "keep-alive", "upgrade"} or len(values["connection"]) > 1:
            found.append(f"Connection: {values['connection']}")
        return found

    def all_wrong(self, place):
        token = self.key.token(role="user", scope="x")
        for method, target, headers in attacks():
            for got in self.send(place, method, target, headers, token=token):
                for wrong in self.wrong(got, method):
                    yield f"{wrong} by {headers[:3]}"
        for method, target, headers, host in others():
            for got in self.send(place, method, target, headers, host, token):
                for wrong in self.wrong(got, "GET", ("/orders", NORMAL.get(target))):
                    yield f"{wrong} by {method} {target} {headers}"
        for got in self.send_trailers(place, token):
            for wrong in self.wrong(got, "POST"):
                yield f"{wrong} by a trailer"
        for got in self.send(place, "GET", "/orders", []):
            yield f"{got} without a token"

    def test_nothing_gets_through(self):
        self.assertEqual(list(self.all_wrong(self.gateway.place)), [])
        self.assertEqual(len(self.send(self.gateway.place, "GET", "/orders", [], token=self.key.token())), 1)

    def test_spoofed_identities(self):
        """Also where the agent says that there is nobody."""
        for part in in_parts([f"{spelled}: mallory" for name in IDENTITY for spelled in spellings(name)]):
            got = self.send(self.gateway.place, "GET", "/health", part)
            self.assertEqual(len(got), 1 - (self.refuses_underscores and "_" in "".join(part)))
            self.assertNotIn("mallory", str(got))
            self.assertEqual(self.send(self.gateway.place, "GET", "/orders", part), [])

    def test_each_line_counts(self):
        lines = self.gateway.recipes[0].split("\n")
        numbers = [i for i, line in enumerate(lines) if self.protects(line)]
        self.assertGreater(len(numbers), 20)
        gateway = self.start_gateway(self.app.port, variants=["\n".join(lines[:i] + lines[i + 1:]) for i in numbers])
        needless = {lines[i].strip(): place for i, place in zip(numbers, gateway.places) if next(self.all_wrong(place), None) is None}
        for line, place in needless.items():
            self.assertEqual(len(self.send(place, "GET", "/health", [])), 1, (line, gateway.log()))  # it still works, and refuses what it should by that line
        self.agent.kill()
        needless = [line for line, place in needless.items() if not self.send(place, "GET", "/health", [])]
        self.assertEqual(needless, [])

    def protects(self, line):
        return line.strip() != "" and not any(re.match(what, line.strip()) for what in self.inert)


@needs(Nginx)
class WithNginx(Recipes, AssayTest):
    class gateway_class(Nginx):
        http = "underscores_in_headers on; ignore_invalid_headers off;"

    inert = (r"map |default |websocket |\}|upstream |server |keepalive |listen |location |proxy_pass ", r"proxy_http_version |proxy_\w+_timeout |proxy_buffer",
             "internal", 'proxy_set_header (Host|Content-Length|Connection "")', "proxy_pass_request_body ",  # between nginx and the agent
             "proxy_set_header (Upgrade|Connection) ")  # without them there are no websockets


@needs(Caddy)
class WithCaddy(Recipes, AssayTest):
    gateway_class = Caddy
    inert = (r":80|route|reverse_proxy|forward_auth|\}|@|uri |transport|dial_timeout|response_header_timeout",
             r"request_header -X-(User|Auth)-",  # this Caddy replaces them, later ones not if the agent's are empty
             r"request_header @websocket Connection ")  # without it there are no websockets


@needs(Haproxy)
class WithHaproxy(Recipes, AssayTest):
    gateway_class = Haproxy
    inert = ("global|lua-load|defaults|mode|timeout|frontend|bind|default_backend|backend|server",
             "http-request lua.assay",  # without it nothing gets through
             "option disable-h2-upgrade",  # test_http2_is_off
             r"http-request set-(var\(txn.websocket\)|header (upgrade|connection)) ")  # without them there are no websockets

    def test_http2_is_off(self):
        """For its trailers pass. A server begins with its settings."""
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
        lines = self.gateway.recipes[0]
        for recipe, speaks in ((lines, False), (lines.replace("    option disable-h2-upgrade\n", ""), True)):
            gateway = self.start_gateway(self.app.port, variants=[recipe])
            with Http(gateway.place) as http:
                http.socket.sendall(preface)
                try:
                    said = http.socket.recv(9)
                except ConnectionError:
                    said = b""
                self.assertEqual(said[3:4] == b"\4", speaks, said)

    def test_identity_headers_that_do_not_fit(self):
        """HAProxy sets what fits into its buffer and says nothing of the rest: such a request does not get through."""
        for count, padding in ((900, 0), (60, 12300), (60, 12700), (75, 12850), (60, 12500)):
            token = self.key.token(role=[f"role-number-{i}" for i in range(count)], scope="x")
            for got in self.send(self.gateway.place, "GET", "/orders", [f"X-Padding-{i}: {'p' * 1000}" for i in range(padding // 1020)], token=token):
                headers = {name.lower(): value for name, value in got["headers"]}
                self.assertEqual((headers.get("x-user-id"), len(headers.get("x-user-role", "").split(","))), ("alice", count))
                self.assertEqual(headers.get("x-auth-scope"), "x")


@needs(Caddy)
class SecondProxy(BehindGateway):
    """Between the gateway and the application stands one more, which obeys `Connection`."""

    class plain(Gateway):
        program = "caddy"

        def command(self):
            text = f"{{\n\tadmin off\n\tauto_https off\n}}\n:{self.PORT} {{\n\tbind {self.addresses[0]}\n\treverse_proxy {self.app}\n}}\n"
            return ["caddy", "run", "--config", self.put("Caddyfile", text), "--adapter", "caddyfile"]

    def test_the_role_arrives(self):
        second = self.plain(self.agent.path("second"), None, self.app.port, [""]).start()
        self.addCleanup(second.stop)
        first = self.start_gateway("%s:%d" % second.place)
        token = self.key.token(role=["user", "admin"])
        for name in ("Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer"):
            for value in ("close, X-User-Role", "X-User-Role", "keep-alive, x-user-role, X-User-Id", "Upgrade, X-User-Role"):
                for more in ([], ["Upgrade: websocket"], ["Connection: X-User-Role"], [f"{name}: X-User-Id"]):
                    self.app.requests.clear()
                    self.gateway = first
                    self.ask(token, "GET", "/orders", f"{name}: {value}", *more)
                    for got in self.app.requests:
                        headers = {key.lower(): text for key, text in got["headers"]}
                        self.assertEqual((headers.get("x-user-id"), headers.get("x-user-role")), ("alice", "user,admin"), (name, value, more))


@needs(Nginx)
class SecondBehindNginx(SecondProxy, AssayTest):
    gateway_class = Nginx


@needs(Caddy)
class SecondBehindCaddy(SecondProxy, AssayTest):
    gateway_class = Caddy


@needs(Haproxy)
class SecondBehindHaproxy(SecondProxy, AssayTest):
    gateway_class = Haproxy


if __name__ == "__main__":
    unittest.main()
