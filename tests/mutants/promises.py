#!/usr/bin/python3
"""Runs tests of tests/e2e up to the first that fails: promises.py NAME...

Tells how long each took, "seconds ID", and what failed: "failed ID". With
--all it goes on after a failure. With --all, and with --patient, tests wait as
long as they do elsewhere, and otherwise not much longer than they take without
a change. ASSAY_BUILD names the programs.
"""
import os
import sys
import time
import unittest

TESTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e")
LIMIT, WAIT = 12, 4     # seconds for a test, and for what it waits for: without a change they take less than 2


class Result(unittest.TextTestResult):
    def startTest(self, test):
        self.started = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        print(f"{time.monotonic() - self.started:.3f} {test.id()}", flush=True)
        super().stopTest(test)

    def addSkip(self, test, reason):
        print(f"skipped {test.id()}", flush=True)
        super().addSkip(test, reason)

    def tell(self, test):
        print(f"failed {test.id()}", flush=True)

    def addError(self, test, err):
        self.tell(test)
        super().addError(test, err)

    def addFailure(self, test, err):
        self.tell(test)
        super().addFailure(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.tell(test)
        super().addSubTest(test, subtest, err)


def main(names):
    go_on, patient = names[:1] == ["--all"], names[:1] in (["--all"], ["--patient"])
    sys.path[:0] = [TESTS, os.path.join(os.path.dirname(TESTS), "lib")]
    import agent
    if not patient:
        wait_for = agent.wait_for
        agent.wait_for = lambda what, condition, seconds=WAIT: wait_for(what, condition, min(seconds, WAIT))
        agent.TEST_SECONDS, agent.START_SECONDS, agent.CALL_SECONDS = LIMIT, WAIT, WAIT
    suite = unittest.defaultTestLoader.loadTestsFromNames(names[1:] if patient else names)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        done = unittest.TextTestRunner(resultclass=Result, stream=nowhere, failfast=not go_on).run(suite)
    print("done", flush=True)
    return 0 if done.wasSuccessful() else 1


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main(sys.argv[1:]))
