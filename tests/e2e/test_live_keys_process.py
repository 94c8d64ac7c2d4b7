"""Keys over HTTPS and a client that repeats a yes by itself: a withdrawn key, and keys that have become too old, end it."""
import time
import unittest

from agent import ASAN, Key, wait_for
from library import NO, YES, Apart, decided
from live import LiveTest

KEYS_STALE = -107


@unittest.skipIf(ASAN, "the sanitizers' libraries cannot be loaded into this program")
class InProcess(LiveTest):
    SETTINGS = {"refetch_cooldown": "1s", "refresh": "1s", "max_key_age": "3s"}

    def setUp(self):
        super().setUp()
        self.agent.start()
        self.client = Apart(self.agent).stay()
        self.addCleanup(self.client.close)
        self.token = self.key.token()
        wait_for("it is known", lambda: self.client.verify(self.token) == YES and self.repeats() == YES)

    def repeats(self):
        """The status, if the agent was not asked for it."""
        before = decided(self.agent)
        status = self.client.verify(self.token)
        return status if decided(self.agent) == before else None

    def test_a_key_that_is_withdrawn(self):
        self.publish(Key(kid="k2"))
        wait_for("it is fetched", lambda: self.agent.verify(self.token) == "unknown_key", 4)
        self.assertEqual(self.client.verify(self.token), NO)

    def test_keys_that_become_too_old(self):
        self.server.stop()
        begin = time.monotonic()
        while self.client.verify(self.token) == YES:
            self.assertLess(time.monotonic() - begin, 5)
        self.assertGreater(time.monotonic() - begin, 1.5)
        self.assertEqual(self.client.verify(self.token), KEYS_STALE)
        self.server.start()
        wait_for("they are fresh again", lambda: self.client.verify(self.token) == YES, 8)

    def test_keys_that_are_confirmed_again_and_again(self):
        """Each 304 or equal answer moves the end further on, and what the client knows holds up to the end it was told."""
        end = time.monotonic() + 6
        while time.monotonic() < end:
            self.assertEqual(self.client.verify(self.token), YES)
        self.assertGreaterEqual(self.fetches(), 5)
        self.assertEqual(self.agent.log().count("keys replaced"), 1)


if __name__ == "__main__":
    unittest.main()
