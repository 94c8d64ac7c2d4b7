"""An agent with `peers`, and connections to it from real users and groups."""
import os
import signal

from agent import ISSUER, AssayTest, Key, connect_as, needs_root, wait_for

OTHER = "https://other.example.com"
WEB, SHOP, ADM, GUEST = 33, 41001, 4, 41002   # numbers: whether the machine has names for them makes no difference
POLICY = f"version: 1\nrules:\n- {{name: everything, issuers: [{ISSUER}], resources: ['/**']}}\n"


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
        self.assertForbidden(client, "verify", "no entry of `peers` matches", token="x")

    def rows(self, by):
        return {row["name"]: row for row in by.call("status")["peers"]}
