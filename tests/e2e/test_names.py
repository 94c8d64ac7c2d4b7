"""Name servers that do not answer: whoever is not concerned notices nothing, and nothing is left behind."""
import json
import os
import threading
import time
import unittest

from agent import ASAN, BUILD, ISSUER, AssayTest, Key, WireError, patient, wait_for
from live import keys_of
from redis_server import RedisServer, needs_redis
from test_feed_https import listing
from tls import Authority, Server

OTHER = "https://other.example.com"


@unittest.skipIf(ASAN, "the sanitizers' libraries do not let others be loaded before them")
class SilentNames(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key(kid="k1")
        self.agent = self.prepare()
        self.names = self.agent.path("names")
        self.agent.environment = {"LD_PRELOAD": os.path.join(BUILD, "tests", "silent_names.so"), "ASSAY_SILENT_NAMES": self.names}
        self.authority = Authority(self.agent.path("authority"))
        self.server = Server(self.authority.issue(names=("issuer.here", "list.here")))
        self.server.start()
        self.addCleanup(self.server.stop)
        self.server.routes["/jwks"] = keys_of(self.key)
        self.server.routes["/list"] = listing("")

    def url(self, host, path):
        return f"https://{host}:{self.server.port}{path}"

    def issuer(self, name, host):
        return {**self.agent.issuer(name), "keys": {"jwks_uri": self.url(host, "/jwks"), "ca_file": self.authority.ca},
                "refetch_cooldown": "1s"}

    def feed(self, host):
        return {"url": self.url(host, "/list"), "ca_file": self.authority.ca, "interval": "1s", "start_without": True}

    def looked_up(self, name):
        if not os.path.exists(self.names):
            return 0
        with open(self.names, encoding="ascii") as file:
            return file.read().split().count(name)

    def stops_soon(self):
        begin = patient()
        self.assertEqual(self.agent.stop(), 0)
        self.assertLess(patient() - begin, 1.8)

    def asks(self, token):
        try:
            return self.agent.verify(token)
        except WireError as error:
            return error.name


class Others(SilentNames):
    def trigger(self, ended):
        """Anybody can: a token that nobody signed, with a new kid each time."""
        while not ended.wait(0.1):
            try:
                self.asks(Key(kid=os.urandom(4).hex()).token(iss=OTHER))
            except (OSError, EOFError):
                return

    def start(self, *feeds):
        self.agent.configure([self.issuer(ISSUER, "issuer.here"), self.issuer(OTHER, "keys.silent")], revocation={"feeds": list(feeds)})
        self.agent.launch().wait_answers()
        wait_for("it knows the keys of one", lambda: self.asks(self.key.token()) == "accepted")
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.trigger, args=(self.ended,)) for _ in range(4)]
        for thread in self.threads:
            thread.start()
        self.addCleanup(self.no_more)

    def no_more(self):
        """What was asked is answered before the end."""
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def test_keys_and_lists_go_on(self):
        self.start(self.feed("list.here"), self.feed("list.silent"))
        for i in range(5):
            time.sleep(1.1)  # the cool-down
            new = Key(kid=f"new{i}")
            self.server.routes["/jwks"] = keys_of(self.key, new)
            begin = patient()
            self.assertEqual(self.asks(new.token()), "accepted")
            self.assertLess(patient() - begin, 1)
            jti = f"j{i}"
            self.server.routes["/list"] = listing(json.dumps({"iss": ISSUER, "jti": jti}) + "\n")
            wait_for("it is revoked", lambda: self.asks(self.key.token(jti=jti)) == "revoked", 3)
        status = self.agent.call("status")
        self.assertIn("keys.silent was not resolved in time", status["issuers"][1]["error"])
        wait_for("the list's is told", lambda: "list.silent" in (self.agent.call("status")["revocation"]["feeds"][1]["error"] or ""))
        self.assertEqual([self.looked_up(name) for name in ("keys.silent", "list.silent", "issuer.here", "list.here")], [1, 1, 1, 1])
        self.no_more()
        self.stops_soon()

    @needs_redis
    def test_a_stream_goes_on(self):
        os.makedirs(self.agent.path("redis"))
        redis = RedisServer(self.agent.path("redis")).start()
        self.addCleanup(redis.stop)
        self.start({"redis": redis.url_of("redis.here")})
        for i in range(20):
            time.sleep(0.2)
            jti = f"j{i}"
            redis.cli("XADD", "assay:revocations", "*", "r", json.dumps({"iss": ISSUER, "jti": jti}))
            wait_for("it is revoked", lambda: self.asks(self.key.token(jti=jti)) == "revoked", 1)
        self.no_more()
        self.stops_soon()


class Stops(SilentNames):
    """The end waits for no name."""

    def test_of_keys(self):
        self.agent.configure([self.issuer(ISSUER, "keys.silent")])
        self.agent.launch().wait_answers()
        wait_for("it is looked up", lambda: self.looked_up("keys.silent"))
        self.stops_soon()

    @needs_redis
    def test_of_a_stream(self):
        self.agent.configure([self.issuer(ISSUER, "issuer.here")],
                             revocation={"feeds": [{"redis": "rediss://redis.silent", "ca_file": self.authority.ca}]})
        self.agent.launch().wait_answers()
        wait_for("it is looked up", lambda: self.looked_up("redis.silent"))
        wait_for("it is told", lambda: "not resolved in time" in (self.agent.call("status")["revocation"]["feeds"][0]["error"] or ""))
        self.assertEqual(self.looked_up("redis.silent"), 1)
        self.stops_soon()

    def test_while_libcurl_looks_up_the_proxy(self):
        self.agent.environment["https_proxy"] = "http://proxy.silent:3128"
        self.agent.configure([self.issuer(ISSUER, "issuer.here")])
        self.agent.launch().wait_answers()
        wait_for("it is looked up", lambda: self.looked_up("proxy.silent"))
        self.assertEqual(self.looked_up("issuer.here"), 0)
        self.stops_soon()


if __name__ == "__main__":
    unittest.main()
