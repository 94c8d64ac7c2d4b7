"""An issuer over HTTPS, well-behaved or not, and an agent that fetches its keys."""
import json
import os

from agent import AssayTest, Key, key_set
from behaviours import document
from tls import Authority, Server


def key_document(*keys):
    return json.loads(key_set(*keys))


def keys_of(*keys, **how):
    return document(key_document(*keys), **how)


class LiveTest(AssayTest):
    """An authority, a server and an agent for each test. SETTINGS are the issuer's."""
    SETTINGS = {"refetch_cooldown": "1s"}

    def setUp(self):
        super().setUp()
        self.key = Key(kid="k1")
        self.agent = self.prepare()
        self.authority = Authority(self.agent.path("authority"))
        self.server = Server(self.authority.issue()).start()
        self.addCleanup(self.server.stop)
        self.publish(self.key)
        self.configure()

    def publish(self, *keys, **how):
        self.server.routes["/jwks"] = keys_of(*keys, **how)

    def live_issuer(self, path="/jwks", **settings):
        keys = {"jwks_uri": self.server.url(path), "ca_file": self.authority.ca, **settings.pop("keys", {})}
        return {**self.agent.issuer(), "keys": keys, **self.SETTINGS, **settings}

    def configure(self, *issuers, **settings):
        self.agent.configure(list(issuers) or [self.live_issuer(**settings)])

    def launch(self):
        return self.agent.launch().wait_answers()

    def fetches(self, path="/jwks"):
        return len(self.server.seen(path))

    def issuer_status(self, index=0):
        return self.agent.call("status")["issuers"][index]

    def error(self):
        return self.issuer_status()["error"] or ""
