"""A command used wrongly ends with 2, and says which word was wrong and what to write instead; --help names every option."""
import os
import re
import unittest

from agent import ISSUER, key_set
from command import CommandTest, assay

SELECTORS = ["jti", "sub", "sid", "kid", "jkt", "signing-input-sha256", "token", "token-file", "all", "issuer"]
ASKING = ["socket", "timeout", "json", "help", "version"]
OPTIONS = {
    "verify": ["audience", "token", "token-file"] + ASKING,
    "authorize": ["action", "resource", "audience", "token", "token-file"] + ASKING,
    "revoke": SELECTORS + ["before", "ttl"] + ASKING,
    "unrevoke": SELECTORS + ["all-sources"] + ASKING,
    "revocations": SELECTORS + ASKING,
    "status": ASKING, "reload": ASKING, "health": ASKING,
    "inspect": ["keys", "issuer", "audience", "jws", "now", "batch", "token", "token-file", "json", "help", "version"],
    "selftest": ["agent", "json", "help", "version"],
    "bench": ["mode", "tokens", "key", "alg", "kid", "issuer", "audience", "distinct", "connections", "depth", "seconds"] + ASKING,
    "policy": ["claims", "action", "resource", "config", "json", "help", "version"],
    "keygen": ["alg", "kid", "out", "json", "help", "version"],
    "mint": ["key", "alg", "kid", "issuer", "audience", "subject", "ttl", "claim", "json", "help", "version"],
}
SECRET = "eyJhbGciOiJFUzI1NiJ9.SECRET-SECRET-SECRET-SECRET"


class Usage(CommandTest):
    def assertWrong(self, *uses):
        """Each: the arguments, and words that must be told. What may be a token is not."""
        for arguments, *words in uses:
            with self.subTest(arguments=[word[:40] for word in arguments]):
                done = assay(*arguments)
                self.assertDone(2, done, *words)
                self.assertNotIn("SECRET", done.err)

    def test_unknown_commands(self):
        self.assertWrong(
            (["verfy"], "'verfy'", "did you mean 'verify'?"), (["unrevok"], "'unrevoke'"), (["stat"], "'status'"),
            (["xyzzy"], "--help"),
            (["--token", "x", "verify"], "'--token' may not come before the command", "--socket, --timeout and --json"), ([""], "unknown command"),
            ([SECRET], "unknown command"))

    def test_options(self):
        self.assertWrong(
            (["verify", "--audiense", "x"], "'--audiense'", "--audience?"), (["verify", "--audiense=x"], "--audience?"),
            (["revoke", "--befroe", "1"], "--before?"), (["verify", "-x"], "'-x'", "verify --help"),
            (["verify", "--=x"], "verify --help"),
            (["verify", "--tokne=" + SECRET], "--token?"), (["reload", "--token", "x"], "unknown option '--token'"),
            (["verify", "--token"], "--token needs a value"), (["mint", "--claim"], "NAME=JSON"), (["revoke", "--jti"], "--jti J"),
            (["status", "--json=1"], "--json takes no value"), (["verify", "--token", "a", "--token", SECRET], "--token", "twice"),
            (["health", "--timeout", "1s", "--timeout", "1s"], "--timeout", "twice"))

    def test_arguments_that_are_none(self):
        self.assertWrong(
            (["verify", SECRET], "--token-file"), (["status", "now"], "'now'", "status --help"), (["status", "--", "now"], "'now'"),
            (["revoke", "-"], "'-'"), (["keygen", "ES256"], "'ES256'"))

    def test_tokens_and_sockets(self):
        os.mkdir(self.path("d"))
        self.assertWrong(
            (["verify"], "has no token"), (["verify", "--token", "a", "--token-file", "b"], "exclude"),
            (["verify", "--token-file", self.path("none")], "none", "No such file"),
            (["verify", "--token-file", self.path("d")], "directory"),
            (["verify", "--token", "a", "--audience", "a" * 4097], "more than"),
            (["verify", "--socket", "x" * 108, "--token", "a"], "107"), (["verify", "--socket", "", "--token", "a"], "path"),
            (["verify", "--timeout", "0s", "--token", "a"], "--timeout", "1ms"), (["health", "--timeout", "99d"], "49d"))

    def test_selectors(self):
        token = self.key.token()
        self.assertWrong(
            (["revoke"], "--jti", "--token-file"), (["unrevoke"], "--sid"), (["revoke", "--jti", ""], "--jti is empty"),
            (["revoke", "--jti", "a", "--sub", "b"], "--jti and --sub exclude"), (["revoke", "--all"], "--before"),
            (["unrevoke", "--all", "--kid", "k"], "--kid and --all"),
            (["revocations", "--sid", "s", "--token", "a.b.c"], "--sid and --token"),
            (["revoke", "--jti", "a", "--before", "1"], "--before goes with --sub, --sid or --all"),
            (["revoke", "--kid", "a", "--before", "1"], "not with --kid"), (["revoke", "--jkt", "short"], "--jkt", "43"),
            (["revoke", "--signing-input-sha256", "ab"], "64 hexadecimal"), (["revoke", "--jti", "a", "--issuer", ""], "--issuer"),
            (["revoke", "--token", token, "--issuer", ISSUER], "the token names its issuer"),
            (["revoke", "--token", token, "--token-file", "x"], "exclude"),
            (["revoke", "--jti", "a" * 66000], "more than a request"),
            (["revoke", "--jti", "a", "--ttl", "0s"], "--ttl"), (["revoke", "--jti", "a", "--ttl", "1500ms"], "whole seconds"),
            (["revoke", "--sub", "m\udcfcller"], "--sub", "not UTF-8"), (["unrevoke", "--kid", "\udcff"], "--kid", "not UTF-8"),
            (["revocations", "--token", "nodots"], "not a token"), (["revocations", "--before", "1"], "unknown option '--before'"))

    def test_files_of_keys(self):
        token, keys, pem = self.key.token(), self.put("keys.json", key_set(self.key)), self.put("public.pem", self.key.pem())
        self.assertWrong(
            (["inspect", "--token", token], "--keys FILE"), (["inspect", "--batch", "--keys", keys], "--batch"),
            (["inspect", "--batch", "--jws"], "--batch"),
            (["inspect", "--keys", self.path("none"), "--token", token], "No such file"),
            (["inspect", "--keys", self.folder, "--token", token], "directory"), (["inspect", "--keys", keys], "has no token"),
            (["inspect", "--keys", self.put("e", "{}"), "--token", token], "JWK Set"),
            (["inspect", "--keys", self.put("large", " " * 2**20 + "{}"), "--token", token], "1048576"),
            (["inspect", "--keys", "/dev/null", "--token", token], "/dev/null"),
            (["inspect", "--keys", pem, "--token", token, "--now", "noon"], "'noon'", "RFC 3339"),
            (["keygen", "--alg", "ES256", "--kid", "k"], "--out"),
            (["keygen", "--alg", "ES257", "--kid", "k", "--out", "x"], "ES256"), (["mint", "--key", "x"], "--alg is needed"))

    def test_durations_and_times_have_their_spellings_only(self):
        for duration in ["5", "", "s", "-1s", "+1s", "1 s", "1S", "1.5s", "1sec", "1w", "0x1s", "1s1s", "9" * 20 + "s", "4000000d"]:
            fault = ("missing unit" if duration == "5" else "not a whole number" if duration in ("", "s", "-1s", "+1s", "1.5s") else
                     "more than 100 years" if duration.startswith(("9", "4")) else "unknown unit")
            self.assertDone(2, assay("health", "--timeout", duration), f"--timeout: '{duration}': {fault}", "use 500ms, 30s, 10m, 24h or 7d")
        for when in ["", "now", "-1", "1.5", "1e9", "9" * 20, "2026-01-31", "2026-01-31 12:00:00Z", "2026-02-29T00:00:00Z",
                     "2026-13-01T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:00:00", "2026-01-31T12:00:00+1",
                     "2026-01-31T12:00:00Zx", "1969-12-31T23:59:59Z"]:
            self.assertDone(2, assay("revoke", "--sub", "a", "--before", when), "not a time", "RFC 3339")

    def test_options_of_asking_may_stand_before_the_command(self):
        at = self.path("none")
        for options in (["--socket", at], ["--socket=" + at], ["--timeout", "1s", "--socket", at], ["--socket", at, "--timeout=1s"]):
            for command in (["status"], ["health"], ["reload"], ["verify", "--token", "x"]):
                self.assertDone(3, assay(*options, *command), f"cannot reach the agent at {at}")
        self.assertEqual(assay("--json", "--socket", at, "status").json()["error"], "unreachable")
        self.assertDone(3, assay("--socket", at, "health", "--timeout", "1s"), at)
        self.assertEqual(assay("--json", "policy", "test", self.path("none")).json()["error"], "bad_input")
        self.assertIn("Usage: assay policy", assay("--json", "policy", "--help").out)
        self.assertWrong(
            (["--socket", at, "health", "--socket", at], "given twice"), (["--socket", at, "keygen"], "unknown option '--socket'"),
            (["--timeout", "2x", "health"], "'2x': unknown unit"), (["--socket", at], "a command is missing"), (["--socket"], "a command is missing"),
            (["--socket", at, "--audience", "x", "verify"], "'--audience' may not come before"),
            (["--socket", at, "statsu"], "did you mean 'status'"), (["--socket", at, "--", "status"], "'--' may not come"),
            (["--timeout", "1s"] * 9 + ["status"], "too many options"))

    def test_seconds_need_no_unit(self):
        """The name of the option says it."""
        for seconds, fault in (("2", None), ("2s", None), ("2x", "'2x': unknown unit; use 500ms"), ("-1", "not a whole number"), ("0.5", "not a whole number")):
            done = assay("bench", "--seconds", seconds)
            self.assertEqual(done.code, 2)
            self.assertEqual(fault is None, "--seconds" not in done.err, done.err)
            self.assertIn(fault or "", done.err)

    def test_nothing_asked_is_the_usage_on_stderr(self):
        done = assay()
        self.assertEqual((done.code, done.out), (2, ""))
        self.assertIn("Usage: assay COMMAND", done.err)

    def test_help_and_version_everywhere(self):
        overall = assay("--help")
        self.assertDone(0, overall, "Exit: 0 yes, 1 no, 2 wrong usage or input, 3 undecided")
        self.assertEqual(re.findall(r"(?m)^  (\w+) ", overall.out), list(OPTIONS))
        version = assay("--version")
        self.assertDone(0, version)
        self.assertRegex(version.out, r"\Aassay \d+\.\d+\.\d+\n\Z")
        for command, options in OPTIONS.items():
            done = assay(command, "--help")
            self.assertDone(0, done, f"Usage: assay {command}")
            self.assertLessEqual(set(options), set(re.findall(r"(?m)^  --([a-z0-9-]+)", done.out)), command)
            self.assertDone(0, assay(command, "--version"), version.out)
            self.assertDone(0, assay(command, "--json", "--help"), done.out)


if __name__ == "__main__":
    unittest.main()
