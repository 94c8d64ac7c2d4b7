"""An issuer that misbehaves: what the agent says of it, and that its answers go on by the keys that it has."""
import time
import unittest

from agent import ISSUER, Key, wait_for
from behaviours import (document, endless, endless_headers, gzip_bomb, gzipped, hang_up, header_flood, html, http10, huge, in_turn, no_keys, raw,
                        redirect, redirect_loop, silent, slow, status, truncated, unavailable)
from live import LiveTest, key_document, keys_of

# What the server does, and a word of what `status` says of it.
BEHAVIOURS = {
    "slow": (lambda test: slow(keys_of(test.key), every=0.3), "within 4 s"),
    "silent": (lambda test: silent(), "within 4 s"),
    "endless": (lambda test: endless(), "larger than"),
    "endless in chunks": (lambda test: endless(chunked=True), "larger than"),
    "endless headers": (lambda test: endless_headers(), "headers"),
    "a flood of headers": (lambda test: header_flood(lines=5000), "headers"),
    "one huge header": (lambda test: header_flood(one=1 << 20), ""),
    "huge": (lambda test: huge(), "larger than 1048576"),
    "truncated": (lambda test: truncated(key_document(test.key)), ""),
    "503": (lambda test: unavailable(), "503"),
    "500 with a good set": (lambda test: status(500, b'{"keys": []}'), "500"),
    "204": (lambda test: status(204), "204"),
    "206": (lambda test: status(206, b'{"keys": []}'), "206"),
    "404": (lambda test: status(404), "404"),
    "a 304 that nobody asked for": (lambda test: status(304), "304"),
    "an empty set": (lambda test: no_keys(), "no usable key"),
    "HTML": (lambda test: html(), "JWK Set"),
    "an array": (lambda test: status(200, b"[1]"), "keys"),
    "nothing": (lambda test: status(200, b""), "JWK Set"),
    "a bare key": (lambda test: document(test.key.jwk()), "keys"),
    "two members of one name": (lambda test: status(200, b'{"keys": [], "keys": []}'), "duplicate"),
    "a bomb": (lambda test: gzip_bomb(size=1 << 28), "larger than"),
    "a damaged compression": (lambda test: document(b"\x1f\x8b\x08\0\0\0\0\0\0\xffgarbage", headers={"Content-Encoding": "gzip"}), ""),
    "an unknown compression": (lambda test: document(key_document(Key()), headers={"Content-Encoding": "rot13"}), ""),
    "a redirect to another host": (lambda test: redirect("https://127.0.0.1:1/jwks"), "not the same host"),
    "a redirect to plain HTTP": (lambda test: redirect(test.server.url("/jwks").replace("https", "http")), "not the same host"),
    "a redirect to a file": (lambda test: redirect("file:///etc/passwd"), "not the same host"),
    "a redirect without end": (lambda test: redirect_loop(), "more than 3"),
    "hanging up": (lambda test: hang_up(), ""),
    "no HTTP": (lambda test: raw(b"hello\r\n\r\n"), ""),
}


class Bad(LiveTest):
    SETTINGS = {"refetch_cooldown": "1s", "refresh": "1s"}

    def works(self):
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertEqual(self.issuer_status()["keys"], 1)

    def failed(self, *words):
        """The agent has noticed, says it in these words, and goes on."""
        wait_for("it has failed", self.error, 12)
        for word in words:
            self.assertIn(word, self.error())
        self.assertGreaterEqual(self.issuer_status()["failures"], 1)
        self.works()
        self.assertIn("keys cannot be fetched", self.agent.log())

    def test_compressed(self):
        """Asked for, and decoded."""
        self.configure(self.live_issuer())
        self.agent.start()
        new = Key(kid="new")
        self.server.routes["/jwks"] = gzipped(key_document(self.key, new))
        wait_for("it is read", lambda: self.issuer_status()["keys"] == 2, 12)
        self.assertEqual(self.agent.verify(new.token()), "accepted")
        self.assertIn("gzip", self.server.requests[-1].headers["accept-encoding"])

    def recovers(self):
        self.publish(self.key, Key(kid="new"))
        wait_for("it has recovered", lambda: self.issuer_status()["keys"] == 2, 12)
        self.assertEqual((self.issuer_status()["failures"], self.error()), (0, ""))

    def test_servers_that_cannot_be_believed(self):
        """All at once, each an issuer's: none stands in another's way."""
        names = {f"https://{i}.example.com": name for i, name in enumerate(BEHAVIOURS)}
        for issuer in names:
            self.server.routes["/" + issuer] = keys_of(self.key)
        self.configure(*({**self.live_issuer("/" + issuer, keys={"timeout": "4s"}), "issuer": issuer} for issuer in names))
        self.agent.start()
        for issuer, name in names.items():
            self.server.routes["/" + issuer] = BEHAVIOURS[name][0](self)

        def status():
            return {issuer["issuer"]: issuer for issuer in self.agent.call("status")["issuers"]}

        def each_is_good():
            return all(self.agent.verify(self.key.token(iss=issuer)) == "accepted" for issuer in names)
        wait_for("all have failed", lambda: each_is_good() and all(issuer["error"] for issuer in status().values()), 20)
        for issuer, facts in status().items():
            with self.subTest(names[issuer], error=facts["error"]):
                self.assertIn(BEHAVIOURS[names[issuer]][1], facts["error"])
                self.assertEqual((facts["keys"], facts["state"]), (1, "fresh"))
        new = Key(kid="new")
        for issuer in names:
            self.server.routes["/" + issuer] = keys_of(new)
        wait_for("all have recovered", lambda: all(issuer["error"] is None for issuer in status().values()), 20)
        for issuer in names:
            self.assertEqual(self.agent.verify(new.token(iss=issuer)), "accepted")
            self.assertEqual(self.agent.verify(self.key.token(iss=issuer)), "unknown_key")

    def test_an_empty_set_says_how_the_last_key_is_withdrawn(self):
        hint = f"the current keys stay in use. To revoke the last key: assay revoke --kid KID --issuer {ISSUER}"
        for behaviour in (no_keys(), document({"keys": [{"kty": "new"}]}), html()):
            self.publish(self.key)
            self.agent.start()
            self.server.routes["/jwks"] = behaviour
            self.failed("the key set: ", hint)
            self.assertIn(hint, self.agent.log())
            self.agent.call("revoke", kid="k1")
            self.assertEqual(self.agent.verify(self.key.token()), "revoked")
            self.agent.call("unrevoke", kid="k1")
            self.agent.stop()

    def test_an_answer_that_is_none_says_nothing_of_withdrawing(self):
        self.agent.start()
        self.server.routes["/jwks"] = unavailable()
        self.failed("503")
        self.assertNotIn("withdraw", self.error())

    def test_an_issuer_that_never_had_keys_has_none_in_force(self):
        self.server.routes["/jwks"] = no_keys()
        self.launch()
        wait_for("it has tried", self.error)
        self.assertNotIn("withdraw", self.error())

    def test_every_bad_key_is_told_and_the_good_ones_stay(self):
        weak = dict(Key("RS256", kid="weak").jwk(), e="AQ")
        self.server.routes["/jwks"] = document({"keys": [weak, self.key.jwk(), {"kty": "new"}, 7]})
        self.agent.start()
        self.works()
        self.assertEqual(self.issuer_status()["skipped"], 3)

    def certificate(self, certificate, *words):
        self.agent.start()
        self.server.certificate = certificate
        self.server.drop()
        self.failed(*words)
        self.server.certificate = self.authority.issue()
        self.recovers()

    def test_a_certificate_of_another_authority(self):
        self.certificate(self.authority.by_other(), "not trusted")

    def test_a_certificate_that_has_expired(self):
        self.certificate(self.authority.expired(), "not trusted", "expired")

    def test_a_certificate_for_another_host(self):
        self.certificate(self.authority.other_host(), "not trusted")

    def test_a_certificate_that_vouches_for_itself(self):
        self.certificate(self.authority.self_signed(), "not trusted")

    def test_plain_http_where_tls_should_be(self):
        self.agent.start()
        self.server.accepting = "plain"
        self.server.drop()
        self.failed()

    def test_a_handshake_without_end(self):
        self.agent.start()
        self.server.accepting = "silent"
        self.server.drop()
        self.failed()

    def test_old_tls(self):
        self.agent.start()
        self.server.old_tls()
        self.server.drop()
        self.failed()

    def test_retry_after_is_obeyed_up_to_the_refresh_period(self):
        self.configure(refresh="20s")
        self.agent.start()
        self.server.routes["/jwks"] = unavailable(retry_after=15)
        time.sleep(1)
        self.assertError("keys_unavailable", lambda: self.agent.verify(Key(kid="x").token()), "503")
        self.assertIn(self.issuer_status()["next_fetch"], range(13, 31))

    def test_an_answer_of_http_1_0_will_do(self):
        self.server.routes["/jwks"] = http10(key_document(self.key))
        self.agent.start()
        self.works()

    def test_one_that_is_good_every_other_time(self):
        self.server.routes["/jwks"] = in_turn(keys_of(self.key), *[unavailable(), keys_of(self.key)] * 20)
        self.agent.start()
        for _ in range(300):
            self.works()
            time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
