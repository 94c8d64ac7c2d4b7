"""libassay beside a simple model, over many steps at random: whatever is revoked, taken back, rotated, reloaded, killed and started again,
what the library says, from its memory or by the agent, is what the model says."""
import os
import random
import time
import unittest

from agent import ASAN, ISSUER, LONG, AssayTest, Key, key_set, put_file
from library import Library

STEPS = 1_000_000 if LONG else 100_000
KILLS = 40 if LONG else 4
POLICIES = {role: f"version: 1\nrules:\n  - {{name: read, actions: [GET], roles: [{role}]}}\n" for role in ("user", "boss")}


class Token:
    def __init__(self, key, number):
        self.key = key
        self.claims = {"jti": f"j{number}", "sub": f"s{number % 4}", "sid": f"d{number % 3}",
                       "roles": ["user"] if number % 2 else ["boss", "user"]}
        self.text = key.token(**self.claims, exp=int(time.time()) + 100000).encode()

    def falls_under(self, record):
        kind, name = record
        return (kind == "before" or kind == "kid" and name == self.key.kid or kind == "jkt" and name == self.key.thumbprint() or
                self.claims.get(kind) == name)


class Model:
    """What must be true."""

    def __init__(self, keys):
        self.keys, self.revoked, self.role = set(keys), set(), "user"

    def verifies(self, token):
        return token.key in self.keys and not any(token.falls_under(record) for record in self.revoked)

    def authorizes(self, token):
        return self.verifies(token) and self.role in token.claims["roles"]


@unittest.skipIf(ASAN, "the sanitizers' libraries cannot be loaded into this program")
class AtRandom(AssayTest):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("ASSAY_SEED", random.randrange(1 << 30)))
        self.random = random.Random(self.seed)
        self.keys = [Key(kid=f"k{i}") for i in range(3)]
        self.tokens = [Token(key, number) for number, key in enumerate(self.keys * 4)]
        self.records = sorted({(kind, token.claims[kind]) for token in self.tokens for kind in ("jti", "sub", "sid")} |
                              {("kid", key.kid) for key in self.keys} | {("jkt", key.thumbprint()) for key in self.keys}) + [("before", "")]
        self.agent = self.prepare(keys=self.keys)
        put_file(self.agent.path("policy.yaml"), POLICIES["user"])
        self.leeway = 30
        self.configure()
        self.agent.start()
        self.model = Model(self.keys)

    def configure(self):
        self.agent.configure([self.agent.issuer(leeway=f"{self.leeway}s")], policy=self.agent.path("policy.yaml"))

    def change(self, method, record):
        kind, name = record
        later = {"before": int(time.time()) + 1000} if kind in ("sub", "before") and method == "revoke" else {}
        self.agent.call(method, iss=ISSUER, **({} if kind == "before" else {kind: name}),
                        **(later or ({"before": int(time.time())} if kind == "before" else {})))
        (self.model.revoked.add if method == "revoke" else self.model.revoked.discard)(record)

    def revoke(self):
        self.change("revoke", self.random.choice(self.records))

    def unrevoke(self):
        """Half of them, so that most of the time something is good."""
        for record in self.random.sample(sorted(self.model.revoked), (len(self.model.revoked) + 1) // 2):
            self.change("unrevoke", record)

    def reload(self):
        self.assertEqual(self.agent.call("reload"), {"reloaded": True, "faults": []})

    def rotate(self):
        """A kid that was revoked would cover its key under the next name too, so keys keep theirs."""
        self.model.keys = set(self.random.sample(self.keys, self.random.randint(1, 3)))
        put_file(self.agent.key_file, key_set(*sorted(self.model.keys, key=lambda key: key.kid)))
        self.reload()

    def set_policy(self):
        self.model.role = self.random.choice(sorted(POLICIES))
        put_file(self.agent.path("policy.yaml"), POLICIES[self.model.role])
        self.reload()

    def set_configuration(self):
        self.leeway += 1
        self.configure()
        self.reload()

    def restart(self):
        self.agent.restart()

    def kill(self):
        self.agent.kill()
        self.agent.start()

    def test_no_step_makes_a_difference(self):
        seldom = [self.revoke] * 60 + [self.unrevoke] * 40 + [self.rotate] * 3 + [self.set_policy] * 3 + [self.set_configuration] * 2
        kills = set(self.random.sample(range(STEPS), KILLS))
        restarts = set(self.random.sample(range(STEPS), 2 * KILLS))
        library, yes, asked = Library(self.agent.socket), 0, 0
        self.addCleanup(library.close)
        for step in range(STEPS):
            if step in kills:
                self.kill()
            elif step in restarts:
                self.restart()
            elif self.random.random() < 0.006:
                self.random.choice(seldom)()
            token = self.random.choice(self.tokens)
            if self.random.random() < 0.5:
                status, expected = library.verify(token.text), self.model.verifies(token)
            else:
                status, expected = library.authorize(token.text), self.model.authorizes(token)
            if status != (0 if expected else -1):
                self.fail(f"ASSAY_SEED={self.seed}, step {step}: {status} where {expected} is right, revoked {self.model.revoked}")
            yes += expected
            asked += 1
        self.assertGreater(yes, STEPS // 10)
        self.assertGreater(asked - yes, STEPS // 10)
