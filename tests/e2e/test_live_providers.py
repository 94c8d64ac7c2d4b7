"""Identity providers that were not written for Assay: their tokens are verified, and their keys are followed while requests run."""
import json
import os
import threading
import unittest

from agent import AssayTest, Key, WireError, put_file, wait_for
from glewlwyd import Glewlwyd, needs_glewlwyd
from provider import ALGS, USERS, Mock, Provider, Refused, needs_issuers
from tls import Authority

COOLDOWN = 1    # seconds; and the refresh period
POLICY = {
    "version": 1,
    "roles": {"admin": ["user"]},
    "rules": [
        {"name": "own-orders", "actions": ["GET"], "resources": ["/users/{sub}/orders"], "roles": ["user"]},
        {"name": "place-order", "actions": ["POST"], "resources": ["/orders"], "roles": ["user"], "scopes": ["orders:write"]},
        {"name": "all-orders", "actions": ["GET", "DELETE"], "resources": ["/users/*/orders"], "roles": ["admin"]},
        {"name": "stock", "resources": ["/stock"], "roles": ["service"], "scopes": ["orders:read"]},
        {"name": "shelf", "resources": ["/shelf"], "scopes": ["orders"]},
    ]}


class Steady(threading.Thread):
    """Verifies good tokens all the time, and keeps whatever is not "accepted"."""

    def __init__(self, agent, tokens):
        super().__init__(daemon=True)
        self.agent, self.tokens = agent, tokens
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.count, self.wrong = 0, []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    def run(self):
        with self.agent.connect() as client:
            while not self.ended.wait(0.0005):
                with self.lock:
                    try:
                        said = client.verify(self.tokens[self.count % len(self.tokens)])
                    except Exception as error:  # whatever it is, the test is to see it
                        said = repr(error)
                self.count += 1
                if said != "accepted":
                    self.wrong.append((self.count, said))

    def use(self, tokens):
        """From now on these: none of the others is on its way when it returns."""
        with self.lock:
            self.tokens = list(tokens)


class ProviderTest(AssayTest):
    """An agent, and below it what each kind of provider does in its own way."""
    HOST = "127.0.0.1"
    AUDIENCES = ["orders", *("web-" + alg for alg in ALGS)]

    def setUp(self):
        super().setUp()
        self.agent = self.prepare()
        self.authority = Authority(self.agent.path("authority"))
        self.provider = self.make(host=self.HOST)
        self.addCleanup(self.provider.stop)
        self.policy = self.agent.path("policy.yaml")
        put_file(self.policy, json.dumps(POLICY))
        self.configure()
        self.agent.start()

    def configure(self, **settings):
        self.agent.configure([{"issuer": self.provider.issuer, "keys": {"discovery": True, "ca_file": self.authority.ca},
                               "audiences": self.AUDIENCES, "refresh": f"{COOLDOWN}s", "refetch_cooldown": f"{COOLDOWN}s", **settings}],
                             policy=self.policy)

    def make(self, **how):
        raise NotImplementedError

    def tokens(self):
        """One of each algorithm, by the newest keys."""
        return [self.provider.client_credentials(alg=alg) for alg in ALGS]

    def rotate(self):
        self.provider.rotate()

    def retire(self):
        self.provider.retire()

    def said(self, tokens):
        """Glewlwyd has no keys for some milliseconds while it changes them; for a token by a new one the agent is undecided then."""
        def verdict(client, token):
            try:
                return client.verify(token)
            except WireError as error:
                return error.name
        with self.agent.connect() as client:
            return {verdict(client, token) for token in tokens}

    def facts(self):
        return self.agent.call("status")["issuers"][0]

    def authorize(self, token, action, resource, audience="orders"):
        answer = self.agent.call("authorize", token=token, audience=audience, action=action, resource=resource)
        return answer["status"], answer["reason"] or answer["rule"]

    # --- what is true of every provider ------------------------------------

    def keys_change_while_requests_run(self):
        old = self.tokens()
        self.assertEqual(self.said(old), {"accepted"})
        with Steady(self.agent, old) as steady:
            wait_for("requests run", lambda: steady.count > 100)
            self.rotate()
            new = self.tokens()
            wait_for("the new keys are there", lambda: self.said(new) == {"accepted"}, COOLDOWN + 1)
            steady.use(old + new)
            seen = steady.count
            wait_for("requests run", lambda: steady.count > seen + 100)
            steady.use(new)
            self.retire()
            wait_for("the old keys are gone", lambda: self.said(old) == {"unknown_key"}, COOLDOWN + 1)
            seen = steady.count
            wait_for("requests run", lambda: steady.count > seen + 100)
        self.assertEqual(steady.wrong, [])
        self.assertEqual(self.facts()["failures"], 0)

    def answers_go_on_without_the_provider(self):
        """Also those to tokens that were not seen before, and those of an agent that starts then."""
        seen, first, second, third = (self.tokens() for _ in range(4))
        self.assertEqual(self.said(seen), {"accepted"})
        with Steady(self.agent, seen) as steady:
            self.provider.stop()
            wait_for("it is noticed", lambda: self.facts()["error"], 5)
            self.assertEqual(self.said(first), {"accepted"})
            strange = Key(kid="of nobody").token(iss=self.provider.issuer)
            self.assertError("keys_unavailable", lambda: self.agent.verify(strange), self.provider.issuer)
        self.assertEqual(steady.wrong, [])
        self.agent.restart()
        self.assertEqual(self.said(first + second), {"accepted"})
        facts = self.facts()
        self.assertEqual((facts["state"], facts["keys"] >= len(ALGS)), ("fresh", True), facts)
        wait_for("it is noticed", lambda: self.facts()["error"], 5)
        self.assertGreater(self.facts()["failures"], 0)
        self.provider.start()   # with new keys
        new = self.tokens()
        wait_for("the new keys are there", lambda: self.facts()["error"] is None and self.said(new) == {"accepted"}, COOLDOWN + 2)
        self.assertEqual(self.said(seen + third), {"unknown_key"})
        facts = self.facts()
        self.assertEqual((facts["state"], facts["failures"]), ("fresh", 0), facts)


@needs_issuers
class AnOpenIDProvider(ProviderTest):
    HOST = "localhost"

    def make(self, **how):
        return Provider(self.authority, **how)

    def test_tokens_for_programs(self):
        for alg in ALGS:
            with self.subTest(alg):
                token = self.provider.client_credentials(alg=alg)
                self.assertEqual(self.agent.verify(token, audience="orders"), "accepted")
                self.assertEqual(self.authorize(token, "PUT", "/stock"), (200, "stock"))
                self.assertEqual(self.authorize(token, "GET", f"/users/service-{alg}/orders"), (403, "insufficient_role"))
                other = self.provider.client_credentials(resource="urn:assay:billing", alg=alg)
                self.assertEqual(self.agent.verify(other), "wrong_audience")

    def test_tokens_of_a_login(self):
        with self.assertRaises(Refused) as raised:
            self.provider.login("alice@example.com", "the-boss")
        self.assertEqual(raised.exception.status, 401)
        for (email, (password, subject, roles)), alg in [(user, alg) for user in USERS.items() for alg in ALGS]:
            with self.subTest(alg, email=email):
                tokens = self.provider.login(email, password, alg=alg)
                access, identity, client = tokens["access_token"], tokens["id_token"], "web-" + alg
                claims = self.agent.call("verify", token=access, audience="orders")["claims"]
                self.assertEqual((claims["sub"], claims["roles"]), (subject, roles))
                self.assertEqual(self.agent.call("verify", token=identity, audience=client)["claims"]["email"], email)
                self.assertEqual(self.agent.verify(identity, audience="orders"), "wrong_audience")
                self.assertEqual(self.agent.verify(access, audience=client), "wrong_audience")
                for token, audience in ((access, "orders"), (identity, client)):
                    may = [self.authorize(token, "GET", f"/users/{subject}/orders", audience)[0],
                           self.authorize(token, "GET", "/users/carol/orders", audience)[0],
                           self.authorize(token, "DELETE", "/users/carol/orders", audience)[0]]
                    self.assertEqual(may, [200, 403, 403] if subject == "alice" else [200, 200, 200])
                    self.assertEqual(self.authorize(token, "PUT", "/stock", audience)[0], 403)
                self.assertEqual(self.authorize(access, "POST", "/orders"), (200, "place-order"))
                self.assertEqual(self.authorize(identity, "POST", "/orders", client), (403, "insufficient_scope"))
                self.assertEqual(self.agent.verify(tokens["refresh_token"]), "malformed")
                self.assertEqual(self.authorize(tokens["refresh_token"], "POST", "/orders"), (401, "malformed"))
                self.assertEqual(self.agent.verify(self.provider.refresh(tokens, alg)["access_token"]), "accepted")

    def test_another_provider_s_tokens_are_refused(self):
        """Under its own name, under ours, and under ours with the name of one of our keys."""
        ours = next(key for key in self.provider.jwks()["keys"] if key["alg"] == "ES256")
        with Provider(self.authority) as other, Mock(self.authority) as mock:
            self.assertEqual(self.agent.verify(other.client_credentials()), "unknown_issuer")
            self.assertEqual(self.agent.verify(other.login("boss@example.com", "the-boss")["access_token"]), "unknown_issuer")
            claims = {"iss": self.provider.issuer, "aud": "orders", "sub": "boss", "roles": ["admin"]}
            self.assertEqual(self.agent.verify(mock.token(claims=claims)), "unknown_key")
            kid = mock.add("ES256", ours["kid"])
            self.assertEqual(self.agent.verify(mock.token(kid, claims)), "bad_signature")

    def test_keys_change_while_requests_run(self):
        self.keys_change_while_requests_run()

    def test_answers_go_on_without_the_provider(self):
        self.answers_go_on_without_the_provider()

    def test_one_rsa_key_for_two_algorithms(self):
        with Provider(self.authority, shared_rsa="yes") as provider:
            self.provider = provider
            self.configure()
            self.assertTrue(self.agent.call("reload")["reloaded"])
            wait_for("its keys are there", lambda: self.facts()["state"] == "fresh")
            self.assertEqual(self.facts()["keys"], len(ALGS) - 1)
            self.assertEqual(self.said(self.tokens()), {"accepted"})


@needs_issuers
class AMock(ProviderTest):
    AUDIENCES = ["orders"]

    def make(self, **how):
        self.provider = Mock(self.authority, **how)
        self.rotate()
        return self.provider

    def kids(self):
        return [key["kid"] for key in self.provider.jwks()["keys"]]

    def tokens(self):
        """After a start it has one key, of one algorithm."""
        if len(self.kids()) == 1:
            self.rotate()
        return [self.provider.token(kid, {"aud": "orders", "sub": "alice", "jti": os.urandom(8).hex()}) for kid in self.newest]

    def rotate(self):
        self.newest = [self.provider.add(alg) for alg in ALGS]

    def retire(self):
        for kid in self.kids():
            if kid not in self.newest:
                self.provider.remove(kid)

    def test_keys_change_while_requests_run(self):
        self.keys_change_while_requests_run()

    def test_answers_go_on_without_the_provider(self):
        self.answers_go_on_without_the_provider()


@needs_glewlwyd
class AGlewlwyd(ProviderTest):
    AUDIENCES = ["orders"]

    def make(self, **how):
        return Glewlwyd(self.authority, **how)

    def test_tokens_for_programs(self):
        for alg, token in zip(ALGS, self.tokens()):
            with self.subTest(alg):
                self.assertEqual(self.agent.verify(token), "accepted")
                self.assertEqual(self.authorize(token, "GET", "/shelf"), (200, "shelf"))
                self.assertEqual(self.authorize(token, "GET", "/stock")[0], 403)

    def test_keys_change_while_requests_run(self):
        self.keys_change_while_requests_run()

    def test_answers_go_on_without_the_provider(self):
        self.answers_go_on_without_the_provider()


if __name__ == "__main__":
    unittest.main()
