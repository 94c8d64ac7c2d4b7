"""Keys over HTTPS follow their issuer: nobody restarts anything."""
import os
import threading
import time
import unittest

from agent import ISSUER, Key, key_set, patient, put_file, wait_for
from behaviours import bearer, changing, delayed, document, in_turn, redirect, status
from live import LiveTest, key_document, keys_of


class Follow(LiveTest):
    def test_keys_are_fetched_before_the_agent_is_ready(self):
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertEqual(self.fetches(), 1)
        facts = self.issuer_status()
        self.assertEqual((facts["state"], facts["keys"], facts["error"], facts["failures"]), ("fresh", 1, None, 0))
        self.assertEqual(facts["source"], self.server.url("/jwks"))
        self.assertIn(facts["next_fetch"], range(290, 601))

    def test_a_new_key_is_noticed_at_its_first_token(self):
        self.agent.start()
        new = Key(kid="k2")
        self.publish(self.key, new)
        time.sleep(1)  # the cool-down of the fetch at the start
        self.assertEqual(self.agent.verify(new.token()), "accepted")
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertEqual(self.fetches(), 2)

    def test_within_the_cool_down_it_is_unknown_at_once(self):
        self.configure(refetch_cooldown="1h")
        self.agent.start()
        self.publish(self.key, Key(kid="k2"))
        begin = patient()
        for i in range(50):
            self.assertEqual(self.agent.verify(Key(kid=f"x{i}").token()), "unknown_key")
        self.assertLess(patient() - begin, 3)
        self.assertEqual(self.fetches(), 1)

    def test_a_key_under_the_same_etag_is_noticed_at_its_first_token(self):
        new = Key(kid="k2")
        self.server.routes["/jwks"] = changing(key_document(self.key), key_document(self.key, new))
        self.agent.start()
        time.sleep(1)
        self.assertEqual(self.agent.verify(new.token()), "accepted")
        self.assertNotIn("if-none-match", self.server.seen("/jwks")[-1].headers)

    def test_all_keys_withdrawn_for_one_new_one_takes_effect_at_once(self):
        self.configure(refresh="1s")
        self.agent.start()
        token, new = self.key.token(), Key(kid="k2")
        self.assertEqual(self.agent.verify(token), "accepted")
        self.publish(new)
        wait_for("it is fetched", lambda: self.agent.verify(token) == "unknown_key", 4)
        self.assertEqual(self.agent.verify(new.token()), "accepted")
        self.agent.restart()
        self.assertEqual(self.agent.verify(token), "unknown_key")

    def test_what_has_not_changed_is_not_sent_again(self):
        self.publish(self.key, etag='"v1"')
        self.configure(refresh="1s")
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        wait_for("it is asked again", lambda: self.fetches() >= 3, 5)
        self.assertEqual([r.headers.get("if-none-match") for r in self.server.seen("/jwks")[:3]], [None, '"v1"', '"v1"'])
        hits = self.agent.call("status")["cache"]["hits"]
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertEqual(self.agent.log().count("keys replaced"), 1)
        self.assertGreaterEqual(self.agent.call("status")["cache"]["hits"], hits)
        self.assertLessEqual(self.issuer_status()["key_age"], 2)
        self.agent.restart()
        wait_for("it is asked again", lambda: self.fetches() >= 4, 5)
        self.assertEqual(self.server.seen("/jwks")[-1].headers.get("if-none-match"), '"v1"')  # over a restart too

    def test_an_issuer_says_how_long_its_keys_are_good_within_bounds(self):
        for said, least, most in ((3600, 1800, 3600), (1, 30, 60), (10 ** 9, 43200 // 2, 86400)):
            with self.subTest(said=said):
                self.publish(self.key, max_age=said)
                self.agent.start()
                wait_for("it was fetched", self.fetches)
                self.assertIn(self.issuer_status()["next_fetch"], range(least - 2, most + 1))
                self.agent.stop()
                os.system(f"rm -r {self.agent.state}")
                self.server.forget()

    def test_a_redirect_within_the_host_is_followed(self):
        self.server.routes["/moved"] = redirect("/jwks")
        self.configure(keys={"jwks_uri": self.server.url("/moved")})
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")

    def test_a_bearer_token_is_read_anew_each_time(self):
        path = self.agent.path("bearer")
        put_file(path, "first\n")
        words = ["first"]
        self.server.routes["/jwks"] = bearer(lambda: words[0], keys_of(self.key))
        self.configure(keys={"token_file": path}, refresh="1s")
        self.agent.start()
        words[0] = "second"
        wait_for("the old one is refused", lambda: "401" in self.error(), 5)
        self.assertIn("`token_file`", self.error())
        put_file(path, "second\n")
        wait_for("the new one is taken", lambda: self.issuer_status()["error"] is None, 8)
        self.assertNotIn("second", self.agent.log())

    def test_a_bearer_token_that_others_can_read_is_not_sent(self):
        path = self.agent.path("bearer")
        put_file(path, "secret")
        self.configure(keys={"token_file": path}, refresh="1s")
        self.agent.start()
        os.chmod(path, 0o644)
        wait_for("it is refused", lambda: "chmod" in self.error(), 5)
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")

    def test_symmetric_keys_and_private_halves_are_not_taken_and_not_kept(self):
        secret = Key("HS256", kid="s")
        told = dict(Key(kid="told").jwk(), d="c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I")
        self.publish(self.key, secret, told)
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertEqual(self.agent.verify(secret.token()), "algorithm_mismatch")
        self.assertEqual(self.issuer_status()["keys"], 1)
        self.agent.stop()
        with open(os.path.join(self.agent.state, "data.mdb"), "rb") as file:
            data = file.read()
        self.assertIn(b'"k1"', data)
        self.assertNotIn(secret.jwk()["k"].encode(), data)
        self.assertNotIn(told["d"].encode(), data)

    def test_a_reload_keeps_the_keys_and_takes_up_a_new_issuer(self):
        self.agent.start()
        other, key = "https://other.example.com", Key(kid="o1")
        self.server.routes["/other"] = keys_of(key)
        self.configure(self.live_issuer(), {**self.live_issuer("/other"), "issuer": other})
        self.assertTrue(self.agent.call("reload")["reloaded"])
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        wait_for("its keys have come", lambda: self.agent.verify(key.token(iss=other)) == "accepted")
        self.assertEqual(self.fetches(), 1)
        self.configure()
        self.assertTrue(self.agent.call("reload")["reloaded"])
        self.assertEqual(self.agent.verify(key.token(iss=other)), "unknown_issuer")

    def test_a_source_that_a_reload_brings_back_is_asked_at_once(self):
        """Its set is on the disk, and may be an hour old."""
        self.configure(refresh="600s")
        self.agent.start()
        other, token = Key(kid="k2"), self.key.token()
        put_file(self.agent.key_file, key_set(self.key, other))
        for without in ([self.agent.issuer()], [{**self.agent.issuer(), "issuer": "https://other.example.com"}]):
            with self.subTest(without):
                self.publish(self.key, other)
                self.configure()
                self.assertTrue(self.agent.call("reload")["reloaded"])
                wait_for("both keys are there", lambda: {self.agent.verify(key.token()) for key in (self.key, other)} == {"accepted"})
                self.agent.configure(without)
                self.assertTrue(self.agent.call("reload")["reloaded"])
                self.publish(other)
                self.configure(refresh="600s")
                self.assertTrue(self.agent.call("reload")["reloaded"])
                wait_for("it is withdrawn", lambda: self.agent.verify(token) == "unknown_key", 3)

    def test_a_fetch_from_before_is_no_answer_for_a_source_that_is_brought_back(self):
        self.configure(refresh="600s")
        self.agent.start()
        other, token = Key(kid="k2"), self.key.token()
        put_file(self.agent.key_file, key_set(self.key, other))
        time.sleep(1)  # the cool-down
        self.server.routes["/jwks"] = delayed(keys_of(self.key, other), 3)
        thread = threading.Thread(target=lambda: self.agent.verify(Key(kid="strange").token()))
        thread.start()
        wait_for("a slow fetch is under way", lambda: self.issuer_status()["waiting"] == 1)
        self.agent.configure([self.agent.issuer()])
        self.assertTrue(self.agent.call("reload")["reloaded"])
        thread.join()
        self.publish(other)
        self.configure(refresh="600s")
        self.assertTrue(self.agent.call("reload")["reloaded"])
        wait_for("it is withdrawn", lambda: self.agent.verify(token) == "unknown_key", 1)
        time.sleep(3)  # what was asked for before comes, and is thrown away
        self.assertEqual(self.agent.verify(token), "unknown_key")

    def test_who_waits_for_a_former_source_is_answered_by_the_new_one(self):
        self.agent.start()
        new, answers = Key(kid="k2"), []
        self.publish(self.key, new)
        put_file(self.agent.key_file, key_set(self.key, new))
        self.server.routes["/jwks"] = delayed(keys_of(self.key), 2.5)
        time.sleep(1)  # the cool-down
        thread = threading.Thread(target=lambda: answers.append(self.agent.verify(new.token())))
        thread.start()
        wait_for("it waits", lambda: self.issuer_status()["waiting"] == 1)
        begun = patient()
        self.agent.configure([self.agent.issuer()])
        self.assertTrue(self.agent.call("reload")["reloaded"])
        thread.join()
        self.assertEqual(answers, ["accepted"])
        self.assertLess(patient() - begun, 2)

    def test_a_new_key_of_tokens_without_an_issuer(self):
        """Nobody has the kid, and still it is known whom to ask."""
        self.configure(named_by="kid")
        self.agent.start()
        new = Key(kid="k2")
        self.assertEqual(self.agent.verify(self.key.token(iss=None)), "accepted")
        time.sleep(1)  # the cool-down
        self.publish(self.key, new)
        self.assertEqual(self.agent.verify(new.token(iss=None)), "accepted")
        self.assertEqual(self.fetches(), 2)
        self.assertEqual(self.agent.verify(Key(kid="k3").token(iss=None)), "unknown_key")

    def test_a_set_belongs_to_its_source(self):
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.agent.stop()
        self.server.routes["/elsewhere"] = in_turn(status(503))
        self.configure(keys={"jwks_uri": self.server.url("/elsewhere")})
        self.launch()
        self.assertError("keys_unavailable", lambda: self.agent.verify(self.key.token()), ISSUER, "503")
        self.assertRegex(self.agent.log(), '"event":"undecided","method":"verify","reason":"keys_unavailable"')


class Discovery(LiveTest):
    def setUp(self):
        super().setUp()
        self.name = self.server.origin + "/tenant"
        self.agent.configure([{**self.live_issuer(), "issuer": self.name,
                               "keys": {"discovery": True, "ca_file": self.authority.ca}}])

    def document(self, **members):
        return document({"issuer": self.name, "jwks_uri": self.server.url("/jwks"), **members})

    def test_openid_connect_discovery(self):
        self.server.routes["/tenant/.well-known/openid-configuration"] = self.document()
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token(iss=self.name)), "accepted")
        self.assertEqual(self.issuer_status()["source"], self.name + "/.well-known/openid-configuration")

    def test_rfc_8414_where_there_is_no_other(self):
        self.server.routes["/.well-known/oauth-authorization-server/tenant"] = self.document()
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token(iss=self.name)), "accepted")

    def test_keys_that_move_are_found_again(self):
        self.server.routes["/tenant/.well-known/openid-configuration"] = self.document()
        self.agent.start()
        new = Key(kid="k2")
        self.server.routes["/moved"] = keys_of(new)
        self.server.routes["/tenant/.well-known/openid-configuration"] = self.document(jwks_uri=self.server.url("/moved"))
        time.sleep(1)
        self.assertEqual(self.agent.verify(new.token(iss=self.name)), "accepted")

    def withdrawn(self, moved):
        """The document leads elsewhere, and the old place goes on to answer: its key is withdrawn within a refresh period."""
        self.setting(refresh="1s")
        self.server.routes["/tenant/.well-known/openid-configuration"] = self.document()
        self.agent.start()
        token = self.key.token(iss=self.name)
        self.assertEqual(self.agent.verify(token), "accepted")
        self.server.routes["/moved"] = moved
        self.server.routes["/tenant/.well-known/openid-configuration"] = self.document(jwks_uri=self.server.url("/moved"))
        wait_for("the old key is withdrawn", lambda: self.agent.verify(token) == "unknown_key", 4)
        return token

    def setting(self, **settings):
        self.agent.configure([{**self.live_issuer(**settings), "issuer": self.name,
                               "keys": {"discovery": True, "ca_file": self.authority.ca}}])

    def test_keys_that_moved_leave_the_old_place_though_it_goes_on_to_answer(self):
        new = Key(kid="k2")
        token = self.withdrawn(keys_of(new))
        self.assertEqual(self.agent.verify(new.token(iss=self.name)), "accepted")
        self.agent.restart()
        self.assertEqual(self.agent.verify(token), "unknown_key")

    def test_an_etag_is_not_sent_to_another_place(self):
        self.publish(self.key, etag='"v1"')
        self.withdrawn(keys_of(Key(kid="k2"), etag='"v1"'))  # to that ETag it would answer 304
        wait_for("it is asked again", lambda: self.fetches("/moved") >= 2, 4)
        sent = [request.headers.get("if-none-match") for request in self.server.seen("/moved")]
        self.assertEqual(sent[:2], [None, '"v1"'])

    def test_without_its_document_a_fetch_fails_and_the_keys_grow_old(self):
        self.setting(refresh="1s", max_key_age="4s")
        self.server.routes["/tenant/.well-known/openid-configuration"] = self.document()
        self.agent.start()
        token = self.key.token(iss=self.name)
        self.server.routes["/tenant/.well-known/openid-configuration"] = status(503)
        wait_for("it is told", lambda: "discovery: the server answers 503" in self.error(), 4)
        fetches = self.fetches()
        self.assertEqual(self.agent.verify(token), "accepted")
        self.assertError("keys_stale", lambda: wait_for("they are too old", lambda: self.agent.verify(token) != "accepted", 8), "503")
        self.assertEqual(self.fetches(), fetches)
        self.server.routes["/tenant/.well-known/openid-configuration"] = self.document()
        wait_for("they are confirmed again", lambda: self.issuer_status()["state"] == "fresh", 8)
        self.assertEqual(self.agent.verify(token), "accepted")

    def refused(self, behaviour, *words):
        self.server.routes["/tenant/.well-known/openid-configuration"] = behaviour
        self.launch()
        wait_for("it has tried", self.error)
        for word in words:
            self.assertIn(word, self.error())
        self.assertError("keys_unavailable", lambda: self.agent.verify(self.key.token(iss=self.name)))
        self.assertEqual(self.fetches(), 0)

    def test_another_issuer_s_document_is_refused(self):
        self.refused(self.document(issuer=self.name + "/"), "issuer")

    def test_a_document_that_leads_away_from_https_is_refused(self):
        self.refused(self.document(jwks_uri=self.server.url("/jwks").replace("https", "http")), "jwks_uri")

    def test_what_is_no_document_is_refused(self):
        self.refused(status(200, b"<html>hello</html>"), "discovery")

    def test_where_there_is_none_it_says_what_to_write(self):
        self.launch()
        wait_for("it has tried", self.error)
        self.assertIn("write `jwks_uri`", self.error())


class Cached(LiveTest):
    def test_a_set_is_as_old_as_its_question_and_its_time_in_a_cache(self):
        self.server.routes["/jwks"] = delayed(document(key_document(self.key), max_age=86400, headers=[("Age", "86000")]), 2.1)
        self.launch()
        wait_for("it is fetched", lambda: self.issuer_status()["confirmed"] is not None)
        self.assertGreaterEqual(self.issuer_status()["confirmed"], 86002)
        self.assertLessEqual(self.issuer_status()["next_fetch"], 400)


if __name__ == "__main__":
    unittest.main()
