"""An agent that is begun anew without a socket unit: clients of libassay wait for it, for two seconds, and lose no call."""
import threading
import time
import unittest

from agent import ASAN, AssayTest, Key, patient
from library import YES, Library

UNREACHABLE = -3


@unittest.skipIf(ASAN, "a library with a sanitizer does not load into Python")
class Restart(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.start(keys=[self.key])
        self.library = Library(self.agent.socket)
        self.addCleanup(self.library.close)
        self.token = self.key.token(sub="once").encode()
        self.assertEqual(self.library.verify(self.token), YES)

    def fresh(self):
        return self.key.token(jti=str(time.monotonic_ns())).encode()

    def ask_meanwhile(self, stop):
        """The status of a call that begins while there is no agent, and how long it took."""
        ended = []

        def ask():
            begin = time.monotonic()
            ended.append((self.library.verify(self.fresh()), time.monotonic() - begin))
        stop()
        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.4)
        self.assertEqual(ended, [])
        self.agent.start()
        thread.join(10)
        return ended[0]

    def test_a_call_waits_for_an_agent_that_was_stopped(self):
        status, took = self.ask_meanwhile(self.agent.stop)
        self.assertEqual(status, YES)
        self.assertLess(took, 3)

    def test_and_for_one_that_was_killed(self):
        self.assertEqual(self.ask_meanwhile(self.agent.kill)[0], YES)

    def test_one_that_stays_away_is_waited_for_once(self):
        self.agent.stop()
        begin = time.monotonic()
        self.assertEqual(self.library.verify(self.fresh()), UNREACHABLE)
        self.assertGreater(time.monotonic() - begin, 1.5)
        begin = patient()
        for _ in range(20):
            self.assertEqual(self.library.verify(self.token), UNREACHABLE)
        self.assertLess(patient() - begin, 1)
        self.agent.start()
        self.assertEqual(self.library.verify(self.token), YES)
        self.assertEqual(self.ask_meanwhile(self.agent.stop)[0], YES)   # and the next time anew

    def test_a_client_that_never_met_one_is_told_at_once(self):
        self.agent.stop()
        other = Library(self.agent.socket)
        begin = patient()
        self.assertEqual(other.verify(self.token), UNREACHABLE)
        self.assertLess(patient() - begin, 1)
        other.close()
