"""One issuer's keys are no other issuer's: when a set changes, or grows too old, what its issuer said ends at once, and what the others said goes on."""
import threading
import time
import unittest

from agent import ASAN, ISSUER, AssayTest, Key, key_set, patient, put_file, wait_for
from library import NO, YES, Apart, decided
from live import LiveTest
from test_fast_path import Page

OTHER = "https://other.example.com"
KEYS_STALE = -107


class Both(AssayTest):
    """The issuer of the other tests, whose keys stay, and OTHER, whose keys change."""

    def setUp(self):
        super().setUp()
        self.key, self.others = Key(), Key(kid="o1")
        self.agent = self.prepare(keys=[self.key])
        self.other_file = self.agent.path("other.json")
        put_file(self.other_file, key_set(self.others))
        self.agent.configure([self.agent.issuer(), self.agent.issuer(OTHER, self.other_file)])

    def replace(self, *keys):
        """Puts OTHER's keys in force."""
        before = self.agent.log().count("keys replaced")
        put_file(self.other_file, key_set(*keys))
        wait_for("they are in force", lambda: self.agent.log().count("keys replaced") > before)

    def cache(self):
        return self.agent.call("status")["cache"]


class Agent(Both):
    def test_its_cache_keeps_the_others(self):
        self.agent.start()
        tokens = [self.key.token(jti=str(i)) for i in range(20)]
        with self.agent.connect() as client:
            self.assertEqual({client.verify(token) for token in tokens}, {"accepted"})
            for i in range(5):
                theirs = self.others.token(iss=OTHER, jti=str(i))
                self.assertEqual(client.verify(theirs), "accepted")
                self.assertEqual(client.verify(theirs), "accepted")
                misses = self.cache()["misses"]
                self.others = Key(kid=f"n{i}")
                self.replace(self.others)
                self.assertEqual(self.cache()["entries"], len(tokens))
                self.assertEqual({client.verify(token) for token in tokens}, {"accepted"})
                self.assertEqual(self.cache()["misses"], misses)
                self.assertEqual(client.verify(theirs), "unknown_key")
            self.agent.call("revoke", iss=ISSUER, jti="7")  # what is kept is judged as ever
            self.assertEqual([token for token in tokens if client.verify(token) == "revoked"], [tokens[7]])

    def test_a_reload_empties_it_as_ever(self):
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertEqual(self.agent.call("reload")["reloaded"], True)
        self.assertEqual(self.cache()["entries"], 0)

    def test_the_page_tells_whose_keys_they_are(self):
        self.agent.start()
        page = Page(self.agent)
        self.addCleanup(page.close)
        words = page.words()
        mine, theirs = [self.agent.call("verify", token=token, stamp=True)["stamp"]["counters"]
                        for token in (self.key.token(), self.others.token(iss=OTHER))]
        self.replace(self.others, Key(kid="o2"))
        wait_for("once when they are in force, and once when revoked kids were looked for among them",
                 lambda: page.counters()[theirs[0][0]] >= theirs[0][1] + 2)
        self.assertEqual(page.words(), words)
        if {index for index, _ in mine}.isdisjoint(index for index, _ in theirs):
            self.assertEqual([page.counters()[index] for index, _ in mine], [value for _, value in mine])

    def test_checks_under_way_count_for_those_whose_keys_are_the_same(self):
        self.key, self.others = Key("ES512"), Key("ES512", kid="o1")  # slow to check
        put_file(self.agent.key_file, key_set(self.key))
        put_file(self.other_file, key_set(self.others))
        self.agent.configure([self.agent.issuer(), self.agent.issuer(OTHER, self.other_file)], threads="1")
        self.agent.start()
        with self.agent.connect() as client:
            tokens = [key.token(iss=iss, jti=str(i)) for i in range(100) for key, iss in ((self.key, ISSUER), (self.others, OTHER))]
            sent = {client.send("verify", token=token): i for i, token in enumerate(tokens)}
            self.replace(Key(kid="o2"))
            accepted = [sent[answer[1]] for answer in (client.receive() for _ in sent) if answer[3]["active"]]
            mine = [i for i in accepted if i % 2 == 0]
            self.assertEqual(len(mine), 100)
            self.assertLess(len(accepted) - len(mine), 100)  # the replacement fell among them
            for token in tokens[1::2]:
                self.assertEqual(client.verify(token), "unknown_key")


@unittest.skipIf(ASAN, "the sanitizers' libraries cannot be loaded into this program")
class InProcess(Both):
    def setUp(self):
        super().setUp()
        self.agent.start()
        self.client = Apart(self.agent).stay()
        self.addCleanup(self.client.close)

    def ask(self, token):
        """The status, and whether the agent was asked for it."""
        before = decided(self.agent)
        status = self.client.verify(token)
        return status, decided(self.agent) > before

    def learn(self, token):
        wait_for("it is known", lambda: self.ask(token) == (YES, False))
        return token

    def covered(self):
        """What follows a replacement on the disk is done: this answer comes after it."""
        self.agent.call("revoke", iss=ISSUER, jti="nobody's")

    def test_what_others_said_is_repeated_and_a_withdrawn_key_is_refused_at_once(self):
        mine = self.learn(self.key.token())
        for i in range(10):
            theirs = self.learn(self.others.token(iss=OTHER))
            self.others = Key(kid=f"n{i}")
            self.replace(self.others)
            self.assertEqual(self.client.verify(theirs), NO)
            self.covered()
            self.assertEqual(self.ask(mine), (YES, False))

    def test_the_moment_at_which_a_key_is_withdrawn(self):
        """Whatever process has seen it in force, no other one says yes after it."""
        old = self.others
        for i in range(10):
            theirs = self.learn(old.token(iss=OTHER, jti=str(i)))
            with self.agent.connect() as client:
                put_file(self.other_file, key_set(Key(kid="n")))
                wait_for("it is in force", lambda: client.verify(theirs) == "unknown_key")
                self.assertEqual(self.client.verify(theirs), NO)
            self.replace(old)


@unittest.skipIf(ASAN, "the sanitizers' libraries cannot be loaded into this program")
class Live(LiveTest):
    """OTHER's keys come over HTTPS, ISSUER's from a file."""

    def setUp(self):
        super().setUp()
        self.mine = Key(kid="mine")
        put_file(self.agent.key_file, key_set(self.mine))
        self.configure(self.agent.issuer(), {**self.live_issuer(), "issuer": OTHER, "refresh": "1s", "max_key_age": "3s"})
        self.agent.start()
        self.client = Apart(self.agent).stay()
        self.addCleanup(self.client.close)
        self.token, self.theirs = self.mine.token(), self.key.token(iss=OTHER)
        wait_for("both are known", lambda: self.repeats(self.token) and self.repeats(self.theirs))

    def repeats(self, token):
        before = decided(self.agent)
        return self.client.verify(token) == YES and decided(self.agent) == before

    def test_a_set_that_is_another_one_each_time(self):
        done = threading.Event()
        self.addCleanup(done.set)

        def vary():
            for i in range(1000):
                if done.wait(0.2):
                    return
                self.publish(self.key, Key(kid=f"x{i}"))
        threading.Thread(target=vary, daemon=True).start()
        asked, replaced = decided(self.agent), self.agent.log().count("keys replaced")
        while self.agent.log().count("keys replaced") < replaced + 4:
            self.assertEqual(self.client.verify(self.token), YES)
        self.assertEqual(decided(self.agent), asked)

    def test_keys_that_become_too_old(self):
        page = Page(self.agent)
        self.addCleanup(page.close)
        words, (index, value) = page.words(), self.agent.call("verify", token=self.theirs, stamp=True)["stamp"]["counters"][0]
        asked = decided(self.agent)
        self.server.stop()
        begin = patient()
        while self.agent.call("status")["issuers"][1]["state"] != "stale":
            self.assertEqual(self.client.verify(self.token), YES)
            self.assertLess(patient() - begin, 8)
        wait_for("it is noticed", lambda: "older than `max_key_age`" in self.agent.log())
        self.assertEqual((page.words(), page.counters()[index] > value), (words, True))
        self.assertEqual(self.client.verify(self.token), YES)
        self.assertEqual(decided(self.agent), asked)
        for _ in range(3):  # refused by the cache here, and by the agent's cache
            self.assertEqual(self.client.verify(self.theirs), KEYS_STALE)


if __name__ == "__main__":
    unittest.main()
