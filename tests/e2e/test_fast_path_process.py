"""A client that knows a yes by heart, in a process of its own: what ends it, and that nothing else does."""
import json
import os
import time
import unittest
from datetime import datetime

from agent import ASAN, AssayTest, Key, wait_for
from library import CLOCK_UNTRUSTED, NO, YES, Apart, WallClock, decided


class Process(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])

    def start_both(self):
        self.agent.start()
        self.client = Apart(self.agent).stay()
        self.addCleanup(self.client.close)

    def ask(self, token):
        """The status, and whether the agent was asked for it."""
        before = decided(self.agent)
        status = self.client.verify(token)
        return status, decided(self.agent) > before

    def assertRemembered(self, token):
        self.assertEqual(self.ask(token), (YES, False))

    def assertAsked(self, token, status):
        """Now, and each time from now on."""
        for _ in range(3):
            self.assertEqual(self.ask(token), (status, True))

    def assertLearnt(self, token):
        """Soon: what the agent writes down meanwhile may end what was learnt first."""
        wait_for("it is known", lambda: self.ask(token) == (YES, False))

    def learn(self, **claims):
        token = self.key.token(**claims)
        self.assertLearnt(token)
        return token


@unittest.skipIf(ASAN, "the sanitizers' libraries cannot be loaded into this program")
class Changes(Process):
    def setUp(self):
        super().setUp()
        self.start_both()

    def reload(self, **settings):
        self.agent.configure(**settings)
        self.assertEqual(self.agent.call("reload")["reloaded"], True)

    def test_where_every_decision_is_logged_it_is_not_said_without_being_asked_for(self):
        token = self.learn(sub="logged")
        self.assertNotIn("logged", self.agent.log())
        self.reload(log={"decisions": "all"})
        for lines in range(1, 5):
            self.assertEqual(self.ask(token), (YES, True))
            self.assertEqual(self.agent.log().count("logged"), lines)
        self.reload()
        wait_for("it is known again", lambda: self.ask(token) == (YES, False))

    def test_where_the_fast_path_is_switched_off_every_call_asks(self):
        token = self.learn()
        self.reload(fast_path=False)
        self.assertAsked(token, YES)
        self.reload(fast_path=True)
        wait_for("it is known again", lambda: self.ask(token) == (YES, False))

    def test_what_is_taken_back_is_good_again_at_once(self):
        token = self.learn(jti="j", sub="u", sid="s")
        others = self.learn(jti="other", sub="other", sid="other")
        later = int(time.time()) + 10
        for record in ({"jti": "j"}, {"sub": "u", "before": later}, {"sid": "s"}, {"token": token}, {"kid": "k1"}, {"before": later}):
            with self.subTest(record=record):
                self.agent.call("revoke", **record)
                self.assertAsked(token, NO)
                self.agent.call("unrevoke", **record)
                self.assertEqual(self.ask(token), (YES, True))
                self.assertRemembered(token)
                self.assertEqual(self.ask(others)[0], YES)


@unittest.skipIf(ASAN or os.environ.get("ASSAY_NO_FAKETIME"), "the sanitizers' libraries and others before them do not get along")
class Clock(Process):
    def setUp(self):
        super().setUp()
        self.clock = WallClock(self.agent.path("clock"))
        self.agent.environment = self.clock.environment
        self.start_both()

    def test_the_clock_of_both_is_moved(self):
        for seconds in (0, 1000, -3000):
            self.clock.move(seconds)
            self.assertAlmostEqual(self.client.now(), self.clock.now(), delta=2)
            self.agent.call("reload")
            written = json.loads(self.agent.log().splitlines()[-1])["time"]
            self.assertAlmostEqual(datetime.fromisoformat(written.replace("Z", "+00:00")).timestamp(), self.clock.now(), delta=2)

    def test_it_ends_with_the_token_and_its_leeway(self):
        token = self.learn(exp=int(time.time()) + 600)
        self.clock.move(620)
        self.assertRemembered(token)
        self.clock.move(20)
        self.assertAsked(token, NO)

    def test_it_ends_by_the_monotonic_clock_too(self):
        token = self.learn(iat=None, exp=int(time.time()) - 30 + 4)
        self.clock.move(-200)
        self.assertRemembered(token)
        wait_for("it has had its time", lambda: self.ask(token) == (YES, True), 6)

    def test_it_begins_with_the_token_and_its_leeway(self):
        for claims in ({"iat": int(time.time()) - 10}, {"nbf": int(time.time()) - 10}):
            token = self.learn(**claims)
            self.clock.move(-20)
            self.assertRemembered(token)
            self.clock.move(-40)
            self.assertAsked(token, NO)
            self.clock.move(60)
            self.assertEqual(self.ask(token)[0], YES)
            self.assertRemembered(token)

    def test_a_clock_that_is_set_back_by_more_than_five_minutes_opens_nothing(self):
        token = self.learn(iat=None, exp=int(time.time()) + 90000)
        self.clock.move(-280)
        self.assertRemembered(token)
        self.clock.move(-40)
        self.assertAsked(token, CLOCK_UNTRUSTED)
        self.clock.move(40)
        self.assertEqual(self.ask(token)[0], YES)
        self.clock.move(-40)
        self.assertAsked(token, CLOCK_UNTRUSTED)
        self.assertEqual(self.agent.call("reload", accept_clock=True)["reloaded"], True)
        self.assertEqual(self.ask(token), (YES, True))
        self.assertLearnt(token)

    def test_a_clock_that_went_ahead_and_is_set_back_ends_what_was_learnt_before(self):
        """The client's stamp would allow it: the agent's heart notices."""
        token = self.learn(iat=None, exp=int(time.time()) + 90000)
        self.clock.move(3600)
        self.assertRemembered(token)
        time.sleep(1.2)  # two beats
        self.clock.move(-1800)
        wait_for("the agent has noticed", lambda: self.ask(token) == (CLOCK_UNTRUSTED, True), 1.5)
        self.assertAsked(token, CLOCK_UNTRUSTED)
        self.clock.move(1700)
        self.assertEqual(self.ask(token), (YES, True))
        self.assertLearnt(token)

    def test_the_time_at_which_it_was_repeated_is_known_to_the_next_run(self):
        """Nobody but the agent's heart has looked at the clock since."""
        token = self.learn(iat=None, exp=int(time.time()) + 90000)
        self.clock.move(3600)
        self.assertRemembered(token)
        for ahead in 600, 600, 600: # more than once: something else may be written down first
            commits = self.agent.call("status")["revocation"]["commits"]
            self.clock.move(ahead)
            wait_for("the time is written down", lambda: self.agent.call("status")["revocation"]["commits"] > commits)
        self.agent.kill()
        self.clock.move(-1800)
        self.agent.start()
        self.assertError("clock_untrusted", lambda: self.agent.verify(token), "accept-clock")


if __name__ == "__main__":
    unittest.main()
