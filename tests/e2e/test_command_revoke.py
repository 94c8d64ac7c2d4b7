"""What `assay revoke` says is refused on the next call, and `assay unrevoke` takes it back: by each way of naming tokens."""
import hashlib
import json
import time
import unittest

from agent import ISSUER, Key, as_user, key_set, needs_root, put_file
from command import CommandTest, assay, copy_for_all

OTHER = "https://other.example.com"


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class RevokeTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.agent = self.start(keys=[self.key])
        self.now = int(time.time())

    def run_it(self, *arguments, **how):
        return assay(*arguments, at=self.agent.socket, **how)

    def assertVerifies(self, token, expected="accepted"):
        done = self.run_it("verify", given=token)
        if expected == "accepted":
            self.assertDone(0, done)
        else:
            self.assertDone(1, done, f"refused: {expected}: ")

    def revoke(self, *arguments, **how):
        done = self.run_it("revoke", *arguments, **how)
        self.assertDone(0, done)
        self.assertEqual(done.out, "revoked\n")

    def unrevoke(self, *arguments, **how):
        done = self.run_it("unrevoke", *arguments, **how)
        self.assertDone(0, done)
        self.assertEqual(done.out, "taken back; no other source holds it\n")

    def held_by(self, *arguments):
        done = self.run_it("revocations", *arguments, "--json")
        self.assertEqual(done.code, 0, done)
        [held] = done.json()["held_by"]
        self.assertEqual(held["source"], "operators")
        return held


class Selectors(RevokeTest):
    def there_and_back(self, arguments, hit, spared, **how):
        self.assertVerifies(hit)
        self.assertDone(1, self.run_it("revocations", *arguments, **how), "not revoked")
        self.revoke(*arguments, **how)
        self.assertVerifies(hit, "revoked")
        self.assertVerifies(spared)
        self.assertDone(0, self.run_it("revocations", *arguments, **how), "revoked, and held by:", "operators")
        self.unrevoke(*arguments, **how)
        self.assertVerifies(hit)
        self.assertDone(1, self.run_it("revocations", *arguments, **how), "not revoked")

    def test_one_claim_or_key(self):
        other = Key("EdDSA", "k2")
        put_file(self.agent.key_file, key_set(self.key, other))
        self.assertDone(0, self.run_it("reload"))
        token = self.key.token(jti="j", sid="s", sub="ü b")
        spared = other.token(jti="i", sid="t", sub="bob")
        for arguments in (["--jti", "j"], ["--sid", "s"], ["--sub", "ü b"], ["--kid", "k1"], ["--jkt", self.key.thumbprint()],
                          ["--jti", "j", "--issuer", ISSUER]):
            with self.subTest(arguments):
                self.there_and_back(arguments, token, spared)
        signed = hashlib.sha256(token.rsplit(".", 1)[0].encode()).hexdigest()
        self.there_and_back(["--signing-input-sha256", signed], token, spared)
        self.there_and_back(["--signing-input-sha256=" + signed.upper()], token, spared)

    def test_the_token_itself_from_each_place(self):
        token, spared = self.key.token(jti="j"), self.key.token(jti="i")
        self.there_and_back(["--token", token], token, spared)
        self.there_and_back(["--token-file", self.put("token", token + "\n")], token, spared)
        self.there_and_back(["--token-file", "-"], token, spared, given=" " + token + "\r\n")

    def test_a_token_whose_signature_is_not_good(self):
        for token, reason in ((Key().token(), "bad_signature"), ("a.b.c", "malformed"), (Key(kid="x").token(), "unknown_key"),
                              (self.key.token(iss=OTHER), "unknown_issuer")):
            for command in ("revoke", "unrevoke"):
                self.assertDone(2, self.run_it(command, "--token", token), reason)
        self.assertEqual(self.run_it("revocations").out, "no revocations\n")

    def test_an_expired_token_will_do(self):
        token = self.key.token(exp=self.now - 100, jti="j")
        self.assertVerifies(token, "expired")
        self.revoke("--token", token)
        self.assertDone(0, self.run_it("revocations", "--token", token))

    def test_a_subject_until_now_unless_said_otherwise(self):
        token = self.key.token()
        self.there_and_back(["--sub", "alice"], token, self.key.token(sub="bob"))
        self.revoke("--sub", "alice")
        self.assertTrue(self.now + 30 <= self.held_by("--sub", "alice")["before"] <= time.time() + 31)
        self.assertVerifies(self.key.token(iat=self.now + 20, nbf=None), "revoked") # by an issuer whose clock is ahead, and within the leeway

    def test_before_in_each_spelling(self):
        when = self.now - 1000
        for text in (str(when), rfc3339(when), rfc3339(when)[:-1] + ".999z", rfc3339(when + 5400)[:-1] + "+01:30",
                     rfc3339(when - 7200).replace("Z", "-02:00").replace("T", "t")):
            for selector in (["--sub", "alice"], ["--sid", "s"], ["--all"]):
                with self.subTest(text=text, selector=selector):
                    self.revoke(*selector, "--before", text)
                    self.assertEqual(self.held_by(*selector)["before"], when)
                    for issued, expected in ((when - 1, "revoked"), (when, "revoked"), (when + 0.5, "revoked"), (when + 1, "accepted"),
                                             (None, "revoked")):
                        self.assertVerifies(self.key.token(iat=issued, sid="s"), expected)
                    self.unrevoke(*selector)
                    self.assertVerifies(self.key.token(iat=when, sid="s"))

    def test_the_largest_before_wins(self):
        self.revoke("--all", "--before", str(self.now - 100))
        self.revoke("--all", "--before", str(self.now - 200))
        self.assertEqual(self.held_by("--all")["before"], self.now - 100)
        self.assertVerifies(self.key.token(iat=self.now - 150), "revoked")

    def test_a_session_without_before_is_for_ever(self):
        self.revoke("--sid", "s")
        self.assertVerifies(self.key.token(sid="s", iat=self.now + 20), "revoked")
        self.assertIsNone(self.held_by("--sid", "s")["before"])

    def test_ttl(self):
        self.revoke("--jti", "j", "--ttl", "2h")
        self.assertIn(self.held_by("--jti", "j")["exp"] - 7200, range(self.now, self.now + 30))
        self.revoke("--jti", "i")
        self.assertIsNone(self.held_by("--jti", "i")["exp"])
        self.revoke("--sub", "alice", "--ttl=1d")
        self.assertIn(self.held_by("--sub", "alice")["exp"] - 86400, range(self.now, self.now + 30))
        token = self.key.token(exp=self.now + 600)
        self.revoke("--token", token)
        self.assertGreaterEqual(self.held_by("--token", token)["exp"], self.now + 600)
        self.revoke("--token", self.key.token(jti="t"), "--ttl", "30d")

    def test_outlives_the_agent(self):
        token = self.key.token(jti="j")
        self.revoke("--jti", "j")
        self.agent.kill()
        self.agent.start()
        self.assertVerifies(token, "revoked")
        self.unrevoke("--jti", "j", "--all-sources")
        self.assertVerifies(token)


class Table(RevokeTest):
    def test_counts(self):
        self.assertEqual(self.run_it("revocations").out, "no revocations\n")
        self.assertEqual(self.run_it("revocations", "--json").json(), {"revocations": []})
        for jti in "abc":
            self.revoke("--jti", jti)
        self.revoke("--sub", "alice")
        self.revoke("--all", "--before", "1")
        lines = [line.split() for line in self.run_it("revocations").out.splitlines()]
        self.assertEqual(lines[0], ["issuer", "kind", "source", "count"])
        self.assertEqual(sorted(lines[1:]), [[ISSUER, "before", "operators", "1"], [ISSUER, "jti", "operators", "3"],
                                             [ISSUER, "sub", "operators", "1"]])
        self.assertEqual(sorted(row["count"] for row in self.run_it("revocations", "--json").json()["revocations"]), [1, 1, 3])

    def test_one(self):
        self.revoke("--sub", "alice", "--before", "12345", "--ttl", "1h")
        exp = str(self.held_by("--sub", "alice")["exp"])
        head, *rows = [line.split() for line in self.run_it("revocations", "--sub", "alice").out.splitlines()[1:]]
        self.assertEqual((head, rows), (["source", "before", "exp"], [["operators", "12345", exp]]))
        done = self.run_it("revocations", "--sub", "bob", "--json")
        self.assertEqual((done.code, done.json()), (1, {"revoked": False, "held_by": []}))


class Issuers(RevokeTest):
    def setUp(self):
        super().setUp()
        put_file(self.agent.path("keys/other.json"), key_set(Key(kid="o")))
        self.agent.configure([self.agent.issuer(aliases=["auth.example.com"]),
                              self.agent.issuer(OTHER, self.agent.path("keys/other.json"))])
        self.assertDone(0, self.run_it("reload"))

    def test_left_out_where_there_are_two(self):
        for command in (["revoke", "--jti", "j"], ["unrevoke", "--jti", "j"], ["revocations", "--jti", "j"], ["revoke", "--kid", "k1"]):
            self.assertDone(2, self.run_it(*command), "2 issuers are configured")
        token = self.key.token()
        self.revoke("--token", token)           # it says itself whose it is
        self.assertVerifies(token, "revoked")
        self.assertDone(0, self.run_it("revocations"), ISSUER)

    def test_mistyped(self):
        for typed, meant in (("https://auth.exmple.com", ISSUER), (ISSUER + "/", ISSUER), ("http://auth.example.com", ISSUER),
                             ("auth.exampel.com", "auth.example.com"), ("https://other.example.org", OTHER)):
            for command in ("revoke", "unrevoke"):
                done = self.run_it(command, "--jti", "j", "--issuer", typed)
                self.assertDone(2, done, "bad_request: that issuer is not configured; did you mean " + meant)
        done = self.run_it("revoke", "--jti", "j", "--issuer", "https://othr.example.com", "--json")
        self.assertEqual((done.code, done.json()["error"]), (2, "bad_input"))
        self.assertIn(OTHER, done.json()["message"])
        self.assertEqual(self.run_it("revocations").out, "no revocations\n")

    def test_of_one_says_nothing_about_the_other(self):
        token = self.key.token(jti="j")
        self.revoke("--jti", "j", "--issuer", OTHER)
        self.assertVerifies(token)
        self.revoke("--jti", "j", "--issuer", "auth.example.com")
        self.assertVerifies(token, "revoked")
        for issuer in (ISSUER, OTHER):
            [row] = self.run_it("revocations", "--issuer", issuer, "--json").json()["revocations"]
            self.assertEqual((row["issuer"], row["count"]), (issuer, 1))
        self.unrevoke("--jti", "j", "--issuer", ISSUER)
        self.assertVerifies(token)


@needs_root
class Peers(RevokeTest):
    def test_who_is_no_admin_may_verify_and_no_more(self):
        program = copy_for_all(self.agent.folder)
        commands = (["revoke", "--jti", "j"], ["unrevoke", "--jti", "j"], ["revocations"], ["status"], ["reload"], ["health"],
                    ["verify", "--token", self.key.token(jti="j")], ["revoke", "--jti", "j", "--json"])

        def try_all():
            return [(lambda done: [done.code, done.out, done.err])(self.run_it(*command, program=program)) for command in commands]

        found = as_user(54321, try_all)
        for (code, out, err), command in zip(found[:5], commands):
            self.assertEqual((code, out), (1, ""), command)
            self.assertRegex(err, rf"\Aassay: forbidden: uid 54321 may not call {command[0]}")
        self.assertEqual([code for code, *_ in found[5:7]], [0, 0])
        code, out, err = found[7]
        self.assertEqual((code, json.loads(out)["error"], err), (1, "forbidden", ""))
        self.assertVerifies(self.key.token(jti="j"))


if __name__ == "__main__":
    unittest.main()
