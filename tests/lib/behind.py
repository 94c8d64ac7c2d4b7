"""A gateway, configured as in the guide, between a client and an application that reports what it receives."""
import tempfile
import unittest

from agent import Key, put_file
from gateway import App
from http_client import Http
from http_client import HAS_HTTP

POLICY = """version: 1
rules:
- {name: orders, actions: [GET, HEAD, POST], resources: [/orders, "/orders/*"]}
- {name: write, actions: [PUT], resources: [/orders], scopes: [orders:write]}
- {name: health, resources: [/health], anonymous: true}
"""
IDENTITY = ("X-User-Id", "X-User-Role", "X-Auth-Issuer", "X-Auth-Scope")


def needs(gateway):
    return unittest.skipUnless(HAS_HTTP and gateway.is_there(), f"needs llhttp and {gateway.program}")


class BehindGateway:
    gateway_class = None
    policy = POLICY

    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.place = self.agent.path("http.sock")
        put_file(self.agent.path("policy.yaml"), self.policy)
        self.agent.configure(policy="policy.yaml", http={"listen": f"unix:{self.place}", "mode": "0666"})
        self.agent.start()
        self.app = self.application()
        self.addCleanup(self.app.close)
        self.gateway = self.start_gateway(self.app.port)

    def application(self):
        return App()

    def start_gateway(self, app, gateway_class=None, variants=None):
        """In front of that port, or of an address with one."""
        gateway_class = gateway_class or self.gateway_class
        folder = tempfile.mkdtemp(prefix=gateway_class.program, dir=self.agent.folder)
        gateway = gateway_class(folder, self.place, app, variants).start()
        self.addCleanup(gateway.stop)
        return gateway

    def ask(self, token, method="GET", target="/orders", *headers, http=None, **how):
        if token is not None:
            headers = (f"Authorization: Bearer {token}", *headers)
        if http is not None:
            return http.ask(method, target, *headers, **how)
        with Http(self.gateway.place) as client:
            return client.ask(method, target, *headers, **how)

    def assertThrough(self, answer, *identity):
        """It came through, as this and as nothing else: whatever a framework makes of the headers' names."""
        self.assertEqual(answer.status, 200, (answer.headers, self.gateway.log()))
        got = answer.json()["headers"]
        for name, value in zip(IDENTITY, identity):
            found = [text for key, text in got if key.lower().replace("_", "-") == name.lower()]
            self.assertIn(found, [[value]] if value else [[], [""]], name)
        return answer.json()

    def assertRefused(self, answer, *statuses):
        self.assertIn(answer.status, statuses, self.gateway.log())
        self.assertEqual(self.app.requests, [])
