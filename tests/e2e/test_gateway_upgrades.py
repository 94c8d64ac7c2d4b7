"""What follows an upgrade is seen by no agent: websockets pass, HTTP/2 does not, whatever the application would accept."""
import json
import socket
import unittest

from agent import AssayTest, wait_for
from behind import BehindGateway, needs
from gateway import Caddy, Haproxy, Nginx, free_port
from http_client import Http
from tunnels import HAS_HYPERCORN, Hypercorn, Tunnel

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SOCKET = ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}"]
H2C = ["Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Upgrades(BehindGateway):
    def application(self):
        return Tunnel()

    def open(self, *headers, token=None, target="/orders", place=None):
        """The head of the answer, and the connection."""
        http = Http(place or self.gateway.place)
        self.addCleanup(http.close)
        who = [f"Authorization: Bearer {token}"] if token else []
        http.send("\r\n".join([f"GET {target} HTTP/1.1", "Host: localhost", *headers, *who]) + "\r\n\r\n")
        return http.receive(head_only=True), http

    def test_websockets(self):
        for spelled in ("websocket", "WebSocket"):
            for connection in ("Upgrade", "keep-alive, upgrade", "Upgrade, X-User-Id"):
                self.app.heads.clear()
                answer, http = self.open(f"Connection: {connection}", f"Upgrade: {spelled}", *SOCKET, token=self.key.token())
                self.assertEqual((answer.status, answer["Upgrade"]), (101, "websocket"), self.gateway.log())
                http.send(b"\x81\x05hello")
                while b"heard " not in http.data:
                    http.more()
                head, = self.app.heads
                self.assertIn("x-user-id: alice", head.lower())
                self.assertIn("upgrade: websocket\r\n", head.lower() + "\r\n")
        self.app.heads.clear()
        for token, target, status in ((None, "/orders", 401), (self.key.token(), "/admin", 403)):
            self.assertEqual(self.open("Connection: Upgrade", "Upgrade: websocket", *SOCKET, token=token, target=target)[0].status, status)
        self.assertEqual(self.app.heads, [])

    def test_nothing_else(self):
        for values in (["h2c"], ["H2C"], ["websocket, h2c"], ["h2c, websocket"], ["h2c,websocket"], ["websocket/13"], ["TLS/1.0"], ["websocket,"], [""]):
            for headers in (H2C, H2C[:1], ["Connection: Upgrade", "Connection: HTTP2-Settings", H2C[1]]):
                self.assertEqual(self.upgraded(headers, values), (200, "", []), values)
        for values in (["websocket", "h2c"], ["h2c", "websocket"], ["h2c", "websocket", "h2c"]):
            status, upgrade, settings = self.upgraded(H2C, values)
            self.assertIn((status, upgrade), ((200, ""), (101, "upgrade: websocket")))
            self.assertEqual(settings, [])

    def upgraded(self, headers, values):
        """The status, what the application got as an upgrade, and as settings."""
        self.app.heads.clear()
        answer, http = self.open(*headers, *(f"Upgrade: {value}" for value in values), *SOCKET, token=self.key.token())
        if answer.status == 200:  # what comes then is a request like the first
            http.data = b""
            http.send(PREFACE + b"\0\0\0\4\0\0\0\0\0")
            http.socket.shutdown(socket.SHUT_WR)
            self.drain(http)
            self.assertEqual(self.app.after, [])
        heads = "\n".join(self.app.heads).lower().splitlines()
        self.assertEqual(len(self.app.heads), 1, heads)
        return answer.status, ", ".join(line for line in heads if line.startswith("upgrade:")), [line for line in heads if "http2-settings" in line]

    @staticmethod
    def drain(http):
        try:
            while True:
                http.more()
        except (EOFError, OSError):
            pass

    @unittest.skipUnless(HAS_HYPERCORN, "needs Hypercorn (python3-hypercorn)")
    def test_no_request_inside_http2(self):
        """What an anonymous client could do: ask for what all may see, and for all else behind it."""
        import h2.connection
        application = Hypercorn(self.agent.folder, free_port())
        self.addCleanup(application.close)
        gateway = self.start_gateway(application.port)
        reached = {}
        for name, place in (("straight", application.port), ("gateway", gateway.place)):
            client = h2.connection.H2Connection()
            settings = client.initiate_upgrade_connection().decode()
            answer, http = self.open("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", f"HTTP2-Settings: {settings}", target="/health", place=place)
            client.send_headers(3, [(":method", "DELETE"), (":path", "/admin/users/9"), (":scheme", "http"), (":authority", "localhost"),
                                    ("x-user-role", "admin")], end_stream=True)
            http.send(client.data_to_send())
            http.socket.settimeout(0.5)
            if answer.status == 101:
                wait_for("the second request", lambda: '"DELETE"' in application.requests())
            http.socket.shutdown(socket.SHUT_WR)
            if answer.status == 200:
                self.drain(http)
            reached[name] = answer.status, [json.loads(line)["target"] for line in application.requests().splitlines()]
            open(application.seen, "w", encoding="utf-8").close()
        self.assertEqual(reached, {"straight": (101, ["/health", "/admin/users/9"]), "gateway": (200, ["/health"])})


@needs(Nginx)
class WithNginx(Upgrades, AssayTest):
    gateway_class = Nginx


@needs(Caddy)
class WithCaddy(Upgrades, AssayTest):
    gateway_class = Caddy


@needs(Haproxy)
class WithHaproxy(Upgrades, AssayTest):
    gateway_class = Haproxy


if __name__ == "__main__":
    unittest.main()
