"""The wall clock is not believed blindly: one that is behind the latest time already seen opens nothing, one that was just set forgets nothing."""
import glob
import json
import os
import subprocess
import time
import unittest

from agent import ASAN, ASSAY, ISSUER, AssayTest, Key, wait_for

LIBRARY = (glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") or [None])[0]


def at(shift):
    """Environment for a process whose wall clock (and, with a factor, every clock) is another."""
    return {"LD_PRELOAD": LIBRARY, "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "0" if "x" in shift else "1", "FAKETIME_NO_CACHE": "1"}


@unittest.skipIf(LIBRARY is None, "libfaketime is not installed")
@unittest.skipIf(ASAN or os.environ.get("ASSAY_NO_FAKETIME"), "the sanitizers' libraries and libfaketime do not get along")
class Clock(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])

    def run_in(self, shift):
        self.agent.environment = at(shift) if shift else None
        return self.agent.start()

    def undecided(self, token):
        self.assertError("clock_untrusted", lambda: self.agent.verify(token), "accept-clock", "behind")

    def test_a_clock_before_times_already_seen_opens_nothing_until_an_operator_accepts_it(self):
        token = self.key.token(exp=int(time.time()) + 90000, iat=None)
        self.run_in("+1h")
        self.assertEqual(self.agent.verify(token), "accepted")
        self.agent.stop()
        self.run_in(None)
        self.assertIn("is behind the latest time", self.agent.log())
        self.undecided(token)
        self.assertEqual(self.agent.verify(token[:-6] + "AAAAAA"), "bad_signature") # a no needs no clock
        self.assertEqual(self.agent.call("revoke", jti="still possible"), {})
        self.agent.restart()
        self.undecided(token) # it is not forgotten either
        done = subprocess.run([ASSAY, "reload", "--accept-clock", "--socket", self.agent.socket], capture_output=True, text=True, timeout=20,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "reloaded\n"), done.stderr)
        self.assertEqual(self.agent.verify(token), "accepted")
        self.agent.restart()
        self.assertEqual(self.agent.verify(token), "accepted")

    def test_five_minutes_are_allowed(self):
        token = self.key.token(exp=int(time.time()) + 90000, iat=None)
        self.run_in("+280s")
        self.assertEqual(self.agent.verify(token), "accepted")
        self.agent.stop()
        self.run_in(None)
        self.assertEqual(self.agent.verify(token), "accepted")

    def test_a_killed_agent_has_written_the_time_down_too(self):
        token = self.key.token(exp=int(time.time()) + 900000, iat=None)
        self.run_in("+2h")
        self.assertEqual(self.agent.verify(token), "accepted")
        wait_for("the time is on the disk", lambda: self.agent.call("status")["revocation"]["commits"] >= 1)
        self.agent.kill()
        self.run_in(None)
        self.undecided(token)

    def count(self):
        return sum(row["count"] for row in self.agent.call("revocations")["revocations"])

    def test_records_are_forgotten_a_day_after_exp_and_not_in_the_first_ten_minutes(self):
        now = int(time.time())
        feed = self.agent.path("feed")
        with open(feed, "w", encoding="utf-8") as file:
            for i in range(3000):
                file.write(json.dumps({"iss": ISSUER, "jti": f"old{i}", "exp": now - 2 * 86400}) + "\n")
                file.write(json.dumps({"iss": ISSUER, "jti": f"young{i}", "exp": now + 86400}) + "\n")
            file.write(json.dumps({"iss": ISSUER, "jti": "for ever"}) + "\n")
        self.agent.configure(revocation={"feeds": [{"file": feed}]})
        self.run_in("+0 x300") # ten minutes are two seconds
        self.assertEqual(self.count(), 6001) # they have expired, and stand all the same
        old, young, ever = (self.key.token(jti=j, exp=now + 900000, iat=None) for j in ("old7", "young7", "for ever"))
        self.assertEqual(self.agent.verify(old), "revoked")

        def forgotten():
            self.agent.call("revoke", jti="again") # a change is an occasion to look at the clock
            return self.count() == 3002
        wait_for("the old ones are forgotten", forgotten, 30)
        self.assertEqual([self.agent.verify(t) for t in (old, young, ever)], ["accepted", "revoked", "revoked"])
