"""assay selftest: this version stands the known attacks, one that says yes to everything does not, and nothing is left behind."""
import glob
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from agent import ASSAY, ASSAYD

SECONDS = 60

# An agent that is not one: it says yes to whatever is asked. What it is given stands in the configuration, which is YAML.
YES = """#!{python}
import re, socket, sys, msgpack, threading
with open(sys.argv[2]) as file:
    path = re.search(r"path: (\\S+),", file.read()).group(1)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(8)
ANSWERS = {{
    "verify": {{"active": True, "claims": {{"sub": "x"}}, "issuer": "i", "expires_at": 1, "key_age": 1, "revocation_age": None}},
    "authorize": {{"allow": True, "status": 200, "reason": None, "rule": "r", "subject": "x", "roles": [],
                  "issuer": "i", "expires_at": 1, "scopes": []}},
    "ping": {{"ready": True}}, "revoke": {{}}}}
def serve(peer):
    unpacker = msgpack.Unpacker(raw=True, strict_map_key=False)
    while data := peer.recv(65536):
        unpacker.feed(data)
        for _, msgid, method, _ in unpacker:
            peer.sendall(msgpack.packb([1, msgid, None, ANSWERS[method.decode()]]))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


class Selftest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="assay-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.environment = dict(os.environ, TMPDIR=self.folder)

    def run_it(self, *arguments):
        return subprocess.run([ASSAY, "selftest", *arguments], capture_output=True, text=True, timeout=SECONDS, check=False,
                              env=self.environment, stdin=subprocess.DEVNULL)

    def program(self, text):
        path = os.path.join(self.folder, "agent")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o700)
        return path

    def assertNothingLeft(self):
        self.assertEqual(glob.glob(os.path.join(self.folder, "assay-selftest-*")), [])
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    self.assertNotIn(self.folder.encode() + b"/assay-selftest", file.read())
            except OSError:
                pass

    def test_this_version_stands_them(self):
        done = self.run_it()
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertNotIn("FAIL", done.stdout)
        for words in ("key confusion, PEM", "psychic signature", "never contacted", "on the very next call"):
            self.assertIn(words, done.stdout)
        self.assertNothingLeft()

    def test_json(self):
        done = self.run_it("--json")
        told = json.loads(done.stdout)
        self.assertEqual((done.returncode, told["failed"], told["agent"]), (0, 0, os.path.realpath(ASSAYD)))
        self.assertEqual(told["passed"], len(told["attacks"]))
        self.assertGreater(told["passed"], 120)
        for row in told["attacks"]:
            self.assertEqual(set(row), {"group", "name", "tried", "expected", "answered", "passed"})
            self.assertIs(row["passed"], True)
            self.assertIn(row["answered"], row["expected"].split("|"))
        names = [(row["group"], row["name"]) for row in told["attacks"]]
        self.assertEqual(len(set(names)), len(names))

    def test_an_agent_that_says_yes_fails_at_each_attack(self):
        agent = self.program(YES.format(python=sys.executable))
        done = self.run_it("--agent", agent)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("answers are not as expected", done.stderr)
        failed = [line for line in done.stdout.splitlines() if line.startswith("  FAIL")]
        self.assertGreater(len(failed), 110)
        for name in ("alg none", "key confusion, DER", "psychic signature", "expired", "revoked", "path traversal"):
            self.assertTrue(any(line.startswith(f"  FAIL  {name} ") for line in failed), name)
        told = json.loads(self.run_it("--agent", agent, "--json").stdout)
        expected_yes = {"accepted", "allowed", "done", "never contacted"}
        for row in told["attacks"]:
            self.assertIs(row["passed"], row["expected"] in expected_yes, row)
        self.assertNothingLeft()

    def test_an_agent_that_does_not_start(self):
        done = self.run_it("--agent", self.program("#!/bin/sh\necho 'no such luck' >&2\nexit 1\n"))
        self.assertEqual(done.returncode, 3)
        self.assertIn("did not start", done.stderr)
        self.assertIn("no such luck", done.stderr)
        self.assertNothingLeft()

    def test_an_agent_that_dies_on_the_way(self):
        text = YES.format(python=sys.executable).replace('ANSWERS[method.decode()]', 'ANSWERS[method.decode()] if msgid < 30 else exit()')
        done = self.run_it("--agent", self.program(text.replace("exit()", "__import__('os')._exit(0)")))
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot be reached", done.stdout)
        self.assertNothingLeft()

    def test_no_agent_is_found(self):
        for arguments, words in ((["--agent", "/nowhere/assayd"], "there is no such program"), (["--agent", self.folder], "there is no such")):
            done = self.run_it(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)
        self.assertNothingLeft()

    def test_an_interrupt_leaves_nothing(self):
        """An agent that never gets ready: ^C while it is waited for."""
        agent = self.program("#!/bin/sh\nexec sleep 1000\n")
        process = subprocess.Popen([ASSAY, "selftest", "--agent", agent], env=self.environment, stderr=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
        until = time.monotonic() + SECONDS
        while not glob.glob(os.path.join(self.folder, "assay-selftest-*", "log")) and time.monotonic() < until:
            time.sleep(0.005)
        folder = glob.glob(os.path.join(self.folder, "assay-selftest-*"))[0]
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        process.send_signal(signal.SIGINT)
        self.assertIn("interrupted", process.communicate(timeout=SECONDS)[1])
        self.assertEqual(process.returncode, 3)
        self.assertNothingLeft()


if __name__ == "__main__":
    unittest.main()
