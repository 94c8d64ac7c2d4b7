"""`assay bench` measures a running agent, checks every answer, and its figures are consistent."""
import json
import os
import pty
import subprocess
import unittest

from agent import ASSAY, AUDIENCE, ISSUER, Key
from command import CommandTest, Impostor, assay, saying

FIELDS = {"mode", "connections", "depth", "seconds", "tokens", "requests", "rate", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns",
          "histogram", "echo", "ratio"}


class Bench(CommandTest):
    def sign_with(self, alg, kid="b"):
        """A key of `assay keygen`, an agent that has it, and the options."""
        private = self.path("private.pem")
        self.assertDone(0, assay("keygen", "--alg", alg, "--kid", kid, "--out", private))
        with open(private + ".jwks.json", encoding="utf-8") as file:
            jwk = json.load(file)["keys"][0]
        agent = self.start(keys=[jwk])
        return agent.socket, ["--key", private, "--alg", alg, "--kid", kid, "--issuer", ISSUER, "--audience", AUDIENCE]

    def tokens(self, *tokens):
        return self.put("tokens", "".join(token + "\n" for token in tokens))

    def measure(self, at, *options):
        done = assay("bench", "--seconds", "200ms", "--json", *options, at=at)
        self.assertDone(0, done)
        result = done.json()
        self.assertLessEqual(FIELDS, set(result))
        self.assertGreater(result["requests"], 0)
        self.assertEqual(result["requests"], result["samples"] * result["calls_per_sample"])
        self.assertEqual(sum(count for _, count in result["histogram"]), result["samples"])
        uppers = [upper for upper, _ in result["histogram"]]
        self.assertEqual(uppers, sorted(set(uppers)))
        times = [result[name] for name in ("p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns")]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 0)
        self.assertGreaterEqual(uppers[-1], result["max_ns"])
        self.assertAlmostEqual(result["rate"], result["requests"] / result["seconds"], delta=result["rate"] / 1000)
        self.assertGreater(result["echo"]["rate"], 0)
        self.assertLessEqual(result["echo"]["p50_ns"], result["echo"]["p99_ns"])
        self.assertAlmostEqual(result["ratio"]["rate"], result["rate"] / result["echo"]["rate"], delta=result["ratio"]["rate"] / 1000)
        return result

    def test_in_process(self):
        agent = self.start(keys=[self.key])
        file = self.tokens(*(self.key.token(jti=str(i)) for i in range(3)), "", "  ")
        result = self.measure(agent.socket, "--tokens", file, "--connections", "2")
        self.assertEqual((result["mode"], result["connections"], result["tokens"]), ("local", 2, 3))

    def test_over_the_socket(self):
        agent = self.start(keys=[self.key])
        file = self.tokens(*(self.key.token(jti=str(i), text="x" * 300 * i) for i in range(5)))
        for options, expected in [([], (1, 1)), (["--connections", "3", "--depth", "16"], (3, 16)), (["--audience", "orders"], (1, 1))]:
            result = self.measure(agent.socket, "--mode", "socket", "--tokens", file, *options)
            self.assertEqual((result["mode"], result["tokens"], result["connections"], result["depth"]), ("socket", 5, *expected))

    def test_tokens_never_seen(self):
        for alg in "ES256", "ES512", "EdDSA", "RS256":
            with self.subTest(alg=alg):
                at, options = self.sign_with(alg)
                result = self.measure(at, "--mode", "cold", *options, "--distinct", "41", "--depth", "8")
                self.assertEqual((result["mode"], result["tokens"], result["requests"]), ("cold", 40, 40))
                self.assertGreater(result["agent_cpu_ns"], 0)
                os.unlink(self.path("private.pem"))
                os.unlink(self.path("private.pem.jwks.json"))

    def test_tokens_signed_here_are_repeated_too(self):
        at, options = self.sign_with("ES256")
        self.assertEqual(self.measure(at, *options)["tokens"], 64)
        self.assertEqual(self.measure(at, "--mode", "socket", *options, "--distinct", "2")["tokens"], 2)

    def test_a_refused_token_ends_it(self):
        agent = self.start(keys=[self.key])
        good, late = self.key.token(), self.key.token(exp=1)
        for mode in "local", "socket":
            done = assay("bench", "--mode", mode, "--tokens", self.tokens(good, late), at=agent.socket)
            self.assertDone(1, done, "token 2", "expired")
            self.assertNotIn(late, done.err)
            done = assay("bench", "--mode", mode, "--tokens", self.tokens(good, "no token"), "--json", at=agent.socket)
            self.assertEqual((done.code, done.json()["error"]), (1, "malformed"))
            done = assay("bench", "--mode", mode, "--tokens", self.tokens(good), "--audience", "others", at=agent.socket)
            self.assertDone(1, done, "token 1", "wrong_audience")

    def test_a_token_revoked_on_the_way_ends_it(self):
        agent = self.start(keys=[self.key])
        for mode in "local", "socket":
            token = self.key.token(jti=mode)
            run = subprocess.Popen([ASSAY, "bench", "--mode", mode, "--seconds", "20s", "--tokens", self.tokens(token), "--socket",
                                    agent.socket], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            with self.assertRaises(subprocess.TimeoutExpired):
                run.communicate(timeout=0.5)
            self.assertDone(0, assay("revoke", "--jti", mode, at=agent.socket))
            out, err = run.communicate(timeout=10)
            self.assertEqual((run.returncode, out), (1, b""))
            self.assertIn(b"revoked", err)

    def test_no_agent(self):
        file = self.tokens(self.key.token())
        for mode in "local", "socket":
            self.assertDone(3, assay("bench", "--mode", mode, "--tokens", file), "cannot reach the agent")
        with Impostor(saying({"active": "perhaps"})) as impostor:
            self.assertDone(3, assay("bench", "--tokens", file, at=impostor.path), "does not speak")

    def test_an_agent_that_ends(self):
        for mode in "local", "socket":
            agent = self.start(keys=[self.key])
            run = subprocess.Popen([ASSAY, "bench", "--mode", mode, "--seconds", "20s", "--tokens", self.tokens(self.key.token()),
                                    "--socket", agent.socket, "--timeout", "2s"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            with self.assertRaises(subprocess.TimeoutExpired):
                run.communicate(timeout=0.5)
            agent.kill()
            out, err = run.communicate(timeout=10)
            self.assertEqual((run.returncode, out), (3, b""))
            self.assertIn(b"agent", err)

    def test_wrong_usage(self):
        file, empty = self.tokens("a.b.c"), self.put("empty", "\n \n")
        readable = self.put("readable.pem", "x", 0o644)
        signed = ["--alg", "ES256", "--kid", "k", "--issuer", "i", "--audience", "a"]
        for options, *words in [
                ([], "--tokens or --key"), (["--mode", "warm"], "'warm'", "local, socket or cold"), (["--mode", "cold"], "--key"),
                (["--mode", "cold", "--tokens", file], "--key"), (["--tokens", file, "--key", "k"], "exclude"),
                (["--tokens", file, "--distinct", "3"], "--distinct"), (["--tokens", file, "--kid", "k"], "--kid"),
                (["--key", "k", "--alg", "ES256"], "--kid is needed"), (["--tokens", file, "--depth", "2"], "--depth", "local"),
                (["--tokens", file, "--mode", "socket", "--depth", "0"], "'0'"), (["--tokens", file, "--connections", "-1"], "'-1'"),
                (["--tokens", file, "--connections", "1000"], "256"), (["--tokens", file, "--seconds", "5x"], "unknown unit"),
                (["--tokens", file, "--mode", "socket", "--connections", "100", "--depth", "100"], "4096"),
                (["--tokens", file, "--seconds", "0s"], "--seconds"), (["--tokens", self.path("none")], "No such file"),
                (["--tokens", empty], "no token"), (["--tokens", self.folder], "regular"),
                (["--tokens", self.put("long", "a" * 70000)], "line 1"), (["--key", readable, *signed], "0644"),
                (["--key", self.put("k.pem", "x"), *signed], "no private key"),
                (["--key", "k", *signed, "--mode", "cold", "--distinct", "1000001"], "1000000"),
                (["--key", "k", *[word.replace("ES256", "HS256") for word in signed]], "HS256")]:
            with self.subTest(options=options):
                self.assertDone(2, assay("bench", *options), *words)

    def test_a_terminal_shows_the_histogram(self):
        agent = self.start(keys=[self.key])
        command = ["bench", "--mode", "socket", "--seconds", "200ms", "--tokens", self.tokens(self.key.token())]
        plain = assay(*command, at=agent.socket)
        self.assertDone(0, plain, "bare echo", "p99.9", "ratio")
        self.assertNotIn("█", plain.out)
        master, slave = pty.openpty()
        with os.fdopen(master, "rb", buffering=0) as terminal:
            run = subprocess.Popen([ASSAY, *command, "--socket", agent.socket], stdin=subprocess.DEVNULL, stdout=slave)
            os.close(slave)
            shown = b""
            try:
                while part := terminal.read(65536):
                    shown += part
            except OSError:     # how a terminal ends
                pass
            self.assertEqual(run.wait(10), 0)
        self.assertIn("bare echo", shown.decode())
        self.assertRegex(shown.decode(), r"up to .* \d+  [█▉▊▋▌▍▎▏]+")


if __name__ == "__main__":
    unittest.main()
