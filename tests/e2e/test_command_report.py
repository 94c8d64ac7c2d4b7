"""What people see on their terminal: tables that can be read, faults with their place, and never a control character of others."""
import os
import re
import unittest

from agent import ISSUER, Key, b64, key_set, put_file, wait_for
from command import CommandTest, Impostor, assay, saying

OTHER = "https://other.example.com"
EVIL = "a\x1b[31mb\rc\nd\x07e\x7ff\u0080g\u009b1mh\ti\u0085"     # C0, DEL and C1


def columns(head):
    """Where each column of a table begins."""
    return [match.start() for match in re.finditer(r"\S+", head)]


class ReportTest(CommandTest):
    def assertClean(self, done, *words):
        """Nothing but text and the ends of lines, in UTF-8, on both streams."""
        for text in (done.raw_out, done.raw_err):
            for char in text.decode():
                self.assertTrue(char == "\n" or (char >= " " and not "\x7f" <= char < "\xa0"), (char, done))
        for word in words:
            self.assertIn(word, done.out + done.err)


class Status(ReportTest):
    def setUp(self):
        super().setUp()
        self.agent = self.prepare(keys=[self.key, Key("EdDSA", "k2")])
        put_file(self.agent.path("keys/other.json"), key_set(Key(kid="o"), {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "weak"}))
        self.agent.configure([self.agent.issuer(), self.agent.issuer(OTHER, self.agent.path("keys/other.json"), mode="shadow")])
        self.agent.start()

    def status(self):
        done = assay("status", at=self.agent.socket)
        self.assertDone(0, done)
        self.assertClean(done)
        return done.out.splitlines()

    def test_issuers_keys_and_ages(self):
        wait_for("the files were looked at", lambda: "never" not in "".join(self.status()))
        lines = self.status()
        at = lines.index("issuers")
        self.assertEqual(lines[at + 1].split()[:7], ["issuer", "mode", "source", "confirmed", "keys", "skipped", "key_age"])
        rows = [line.split() for line in lines[at + 2:at + 4]]
        self.assertEqual([row[:2] + row[4:7] for row in rows], [[ISSUER, "enforce", "ago", "2", "0"], [OTHER, "shadow", "ago", "1", "1"]])
        self.assertEqual([row[2] for row in rows], [self.agent.key_file, self.agent.path("keys/other.json")])
        for row in rows:
            self.assertRegex(row[3] + row[7], r"\A\d+s\d+s\Z")
        for place in columns(lines[at + 1]):        # what belongs together stands under each other
            self.assertEqual({line[place - 1] + "x" for line in lines[at + 1:at + 4]} | {" x"}, {" x"})
            self.assertTrue(all(line[place] != " " for line in lines[at + 1:at + 4]))

    def test_what_an_operator_looks_for(self):
        assay("verify", at=self.agent.socket, given=self.key.token())
        assay("verify", at=self.agent.socket, given=Key().token())
        assay("revoke", "--jti", "j", "--issuer", ISSUER, at=self.agent.socket)
        text = "\n".join(self.status())
        for line in (r"^version +\d+\.\d+\.\d+$", r"^pid +%d$" % self.agent.process.pid, r"^uptime +\d+s$", r"^ready +yes$",
                     r"^missing +-$", r"^revocation$", r"^  records +1$", r"^cache$", r"^connections$", r"^counters$", r"^  accepted +1$",
                     r"^    bad_signature +1$", r"^  revoke +1$"):
            self.assertRegex(text, "(?m)" + line)

    def test_json_is_the_agents_own_answer(self):
        told = assay("status", "--json", at=self.agent.socket).json()
        asked = self.agent.call("status")
        self.assertEqual(set(told), set(asked))
        for issuer in [*told["issuers"], *asked["issuers"]]:
            issuer["confirmed"] = issuer["key_age"] = "seconds, or not looked at yet"
        for name in ("issuers", "instance", "version", "pid", "reload_error", "cache"):
            self.assertEqual(told[name], asked[name])

    def test_a_reload_that_was_refused(self):
        config = "# a comment\nissuers:\n  - issuer: %s\n    keys: {file: none.json}\n    audience: [x]\n    leeway: 11m\n" % ISSUER
        put_file(self.agent.config, config)
        done = assay("reload", at=self.agent.socket)
        self.assertEqual((done.code, done.out), (1, ""))
        *faults, last = done.err.splitlines()
        self.assertEqual(last, "assay: not reloaded; the old configuration stays in force")
        found = [re.fullmatch(r"(.*):(\d+):(\d+): (.+)", fault).groups() for fault in faults]
        self.assertEqual({file for file, *_ in found}, {self.agent.config})
        told = {(int(line), word) for _, line, _, text in found for word in re.findall(r"\w+", text)}
        self.assertLessEqual({(5, "audience"), (6, "leeway")}, told)
        self.assertEqual(assay("reload", "--json", at=self.agent.socket).json(), {"reloaded": False, "faults": faults})
        self.assertIn(faults[0], "\n".join(self.status()))
        self.assertDone(0, assay("verify", at=self.agent.socket, given=self.key.token()))
        self.agent.configure([self.agent.issuer()])
        self.assertDone(0, assay("reload", at=self.agent.socket), "reloaded")
        self.assertRegex("\n".join(self.status()), r"(?m)^reload_error +-$")
        self.assertNotIn(OTHER, "\n".join(self.status()))

    def test_a_key_file_that_was_damaged(self):
        put_file(self.agent.key_file, '{"keys": [')
        done = assay("reload", at=self.agent.socket)
        self.assertEqual(done.code, 1)
        self.assertIn(self.agent.key_file, done.err)
        self.assertDone(0, assay("verify", at=self.agent.socket, given=self.key.token()))


class Tables(ReportTest):
    """Laid out by their shape, for names that this version does not know."""

    def lines(self, result):
        with Impostor(saying(result)) as agent:
            done = assay("status", at=agent.path)
        self.assertDone(0, done)
        return done.out.splitlines()

    def test_ages_are_written_for_people(self):
        ages = {0: "0s", 59: "59s", 60: "1m00s", 3599: "59m59s", 3600: "1h00m", 3725: "1h02m", 86399: "23h59m", 86400: "1d00h",
                1000000: "11d13h"}
        self.assertEqual([line.split() for line in self.lines({f"{i}_age": i for i in ages})], [[f"{i}_age", ages[i]] for i in ages])

    def test_every_shape(self):
        self.assertEqual(self.lines({"a": 1, "longer": -1, "f": 1.5, "n": None, "y": True, "no": False, "s": "ü", "l": ["x", 2],
                                     "none": [], "m": {"in": {"deep": "z"}},
                                     "t": [{"k": "äöü", "v": [1, {"a": 2}]}, {"k": "b"}, {"other": 5}, 7]}),
                         ["a       1", "longer  -1", "f       1.5", "n       -", "y       yes", "no      no", "s       ü", "l       x, 2",
                          "none    -", "m", "  in", "    deep  z", "t", "  k    v", '  äöü  [1,{"a":2}]', "  b    -", "  -    -",
                          "  -    -"])
        self.assertEqual(self.lines({}), [])

    def test_wide_and_long_tables(self):
        lines = self.lines({"t": [{f"c{i}": i for i in range(40)}] * 100})
        self.assertEqual(len(lines), 102)
        self.assertEqual(lines[2].split()[:16], [str(i) for i in range(16)])


class Clean(ReportTest):
    def test_whatever_an_agent_says(self):
        for result in ({"ready": False, "missing": [EVIL, EVIL]}, {"reloaded": False, "faults": [EVIL, "b"]}, {"held_by": [EVIL]},
                       {EVIL: EVIL, "m": {EVIL: [EVIL]}, EVIL + "m": {}, EVIL + "t": [{EVIL: EVIL}], "l": [[EVIL]]},
                       {"revoked": True, "held_by": [{EVIL: EVIL}]}, {"revocations": [{"issuer": EVIL}]},
                       {"active": False, "reason": EVIL}, {"active": False, "reason": "later"},
                       {"active": True, "claims": {EVIL: [EVIL, {EVIL: EVIL}]}, "issuer": EVIL, "expires_at": 1}):
            with Impostor(saying(result)) as agent:
                for command in (["status"], ["health"], ["reload"], ["unrevoke", "--jti", "j"], ["revocations"],
                                ["revocations", "--jti", "j"], ["verify", "--token", "a"]):
                    self.assertClean(assay(*command, at=agent.path))
                    self.assertClean(assay(*command, "--json", at=agent.path))
                    self.assertEqual(assay(*command, "--json", at=agent.path).out.count("\n"), 1)

    def test_whatever_an_error_says(self):
        for text in (EVIL.encode(), b"internal: \x9b31m\xff\xc2", b"\x1b]0;x\x07" * 2000):
            for number in (1, 3, 5, 10):
                with Impostor(saying(None, [number, text])) as agent:
                    for command in (["verify", "--token", "a"], ["status"], ["revoke", "--jti", "a"]):
                        self.assertClean(assay(*command, at=agent.path))
                        done = assay(*command, "--json", at=agent.path)
                        self.assertClean(done)
                        self.assertEqual(set(done.json()), {"error", "message"})

    def test_whatever_a_token_says(self):
        agent = self.start(keys=[self.key])
        token = self.key.token(sub=EVIL, **{EVIL: [EVIL]})
        done = assay("verify", at=agent.socket, given=token)
        self.assertClean(done)
        self.assertEqual((done.json()["sub"], done.json()[EVIL]), (EVIL, [EVIL]))       # and yet it is all there
        keys = self.put("keys.json", key_set(self.key))
        for claims in ({"sub": EVIL, EVIL: EVIL}, {"iss": EVIL}, {"aud": EVIL}, {"aud": [EVIL]}):
            for header in ({}, {"kid": EVIL}, {"typ": EVIL}, {"alg": EVIL}, {"crit": [EVIL]}, {EVIL: 1}):
                for more in ([], ["--json"], ["--jws"]):
                    self.assertClean(assay("inspect", "--keys", keys, *more, given=self.key.token(header, **claims)))
        raw = b64(('{"alg":"ES256","kid":"' + EVIL + '"}').encode()) + "." + b64(EVIL.encode()) + ".AAAA"
        self.assertClean(assay("inspect", "--keys", keys, given=raw), "REFUSED")
        self.assertClean(assay("verify", at=agent.socket, given=raw), "malformed")

    def test_whatever_is_typed(self):
        self.agent = self.start(keys=[self.key])
        for arguments in (["verify", "--token-file", "/" + EVIL], [EVIL], ["verify", "--" + EVIL, "x"], ["verify", EVIL],
                          ["revoke", "--sub", "x", "--before", EVIL], ["health", "--timeout", EVIL], ["inspect", "--keys", EVIL],
                          ["keygen", "--alg", EVIL, "--kid", "k", "--out", "o"],
                          ["keygen", "--alg", "ES256", "--kid", "k", "--out", "/" + EVIL + "/o"],
                          ["revoke", "--jti", "j", "--issuer", EVIL], ["health", "--socket", "/" + EVIL],
                          ["verify", "--token-file", "/\udc9b31m"], ["verify", "--\udcff=\udc9b"], ["revoke", "--jti", "\udc9b"]):
            done = assay(*arguments, at=self.agent.socket)
            self.assertIn(done.code, (2, 3), arguments)
            self.assertClean(done)
            done = assay(*arguments, "--json", at=self.agent.socket)
            self.assertClean(done)
            self.assertEqual(set(done.json()), {"error", "message"})

    def test_names_of_files_and_keys_of_the_agents_own(self):
        agent = self.prepare()
        file = agent.path("keys/" + EVIL.replace("/", "") + ".json")
        put_file(file, key_set(self.key, {"kty": "oct", "k": "AA", "kid": EVIL}))
        agent.configure([agent.issuer(file=file)])
        agent.start()
        done = assay("status", at=agent.socket)
        self.assertClean(done, "?[31mb?")
        [issuer] = assay("status", "--json", at=agent.socket).json()["issuers"]
        self.assertEqual(issuer["source"], file)
        os.unlink(file)
        done = assay("reload", at=agent.socket)
        self.assertEqual(done.code, 1)
        self.assertClean(done)


if __name__ == "__main__":
    unittest.main()
