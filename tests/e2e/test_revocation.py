"""A revocation takes effect on the very next call, everywhere, and stays."""
import hashlib
import json
import os
import shutil
import tempfile
import time
import unittest

from agent import (ASAN, BUILD, ISSUER, NOBODY, AssayTest, Client, Key, WireError, as_user, key_set, needs_root, other_spelling, put_file,
                   wait_for)

OTHER = "https://other.example.com"


def signing_input(token):
    return hashlib.sha256(token.rsplit(".", 1)[0].encode()).hexdigest()


class Revocation(AssayTest):
    def setUp(self):
        super().setUp()
        self.key, self.second = Key(), Key(kid="k2")
        self.agent = self.start(keys=[self.key, self.second])
        self.now = int(time.time())

    def holds(self, record, token, untouched):
        """Both tokens are good; the record refuses the first one at once, for everybody; taken back, it is good again."""
        agent = self.agent
        cold = record.get("cold")
        record = {k: v for k, v in record.items() if k != "cold"}
        with agent.connect() as client, agent.connect() as neighbour:
            for _ in range(2):
                if not cold:
                    self.assertEqual(client.verify(token), "accepted")
                    self.assertEqual(neighbour.verify(token), "accepted")
                self.assertEqual(client.verify(untouched), "accepted")
                self.assertEqual(client.call("revoke", **record), {})
                self.assertEqual(neighbour.verify(token), "revoked")
                self.assertEqual(client.verify(token), "revoked")
                self.assertEqual(client.verify(untouched), "accepted")
                if "token" not in record:
                    named = {k: v for k, v in record.items() if k != "before"} or {"all": True}
                    found = client.call("revocations", **named)
                    self.assertIs(found["revoked"], True)
                    self.assertEqual([holder["source"] for holder in found["held_by"]], ["operators"])
                self.assertEqual(client.call("unrevoke", **record), {"held_by": []})
                self.assertEqual(neighbour.verify(token), "accepted")
                self.assertEqual(client.verify(token), "accepted")

    def each_way(self, record, make, untouched):
        for cold in (False, True):
            token = make()
            value = record(token) if callable(record) else record
            with self.subTest(cold=cold, **{k: str(v)[:20] for k, v in value.items()}):
                self.holds(dict(value, cold=cold), token, untouched())

    def test_jti(self):
        self.each_way({"jti": "j1"}, lambda: self.key.token(jti="j1", n=os.urandom(4).hex()), lambda: self.key.token(jti="j2", sub="j1"))

    def test_sub(self):
        self.each_way({"sub": "bob", "before": self.now}, lambda: self.key.token(sub="bob", n=os.urandom(4).hex()),
                      lambda: self.key.token(sub="alice", jti="bob"))

    def test_sid(self):
        self.each_way({"sid": "s1"}, lambda: self.key.token(sid="s1", n=os.urandom(4).hex()), lambda: self.key.token(sid="s2"))
        self.each_way({"sid": "s3", "before": self.now - 5}, lambda: self.key.token(sid="s3", n=os.urandom(4).hex()),
                      lambda: self.key.token(sid="s3", iat=self.now - 4))

    def test_kid(self):
        self.each_way({"kid": "k1"}, lambda: self.key.token(n=os.urandom(4).hex()), self.second.token)

    def test_kid_revoked_and_left_out_of_the_token(self):
        self.each_way({"kid": "k1"}, lambda: self.key.token({"kid": None}, n=os.urandom(4).hex()), lambda: self.second.token({"kid": None}))

    def test_jkt(self):
        self.each_way({"jkt": self.key.thumbprint()}, lambda: self.key.token(n=os.urandom(4).hex()), self.second.token)

    def test_signing_input(self):
        self.each_way(lambda token: {"signing_input_sha256": signing_input(token)}, lambda: self.key.token(n=os.urandom(4).hex()),
                      self.key.token)

    def test_token(self):
        self.each_way(lambda token: {"token": token}, lambda: self.key.token(n=os.urandom(4).hex()), self.key.token)

    def test_whole_issuer(self):
        self.each_way({"before": self.now - 5}, lambda: self.key.token(n=os.urandom(4).hex()), lambda: self.key.token(iat=self.now - 4))

    def test_before_in_whole_seconds(self):
        before = self.now - 100
        tokens = {"at": (before, True), "at .999": (before + 0.999, True), "a second later": (before + 1, False),
                  "earlier": (before - 1, True), "no iat": (None, True), "zero": (0, True)}
        for record in ({"sub": "bob", "before": before}, {"sid": "s", "before": before}, {"before": before}):
            made = {name: self.key.token(iat=iat, sub="bob", sid="s", n=os.urandom(4).hex()) for name, (iat, _) in tokens.items()}
            with self.agent.connect() as client:
                for token in made.values():
                    self.assertEqual(client.verify(token), "accepted")
                client.call("revoke", **record)
                for name, (_, refused) in tokens.items():
                    self.assertEqual(client.verify(made[name]), "revoked" if refused else "accepted", (record, name))
                client.call("unrevoke", **record)

    def test_the_largest_before_wins(self):
        token = self.key.token(sub="bob", iat=self.now - 50)
        with self.agent.connect() as client:
            client.call("revoke", sub="bob", before=self.now - 40)
            client.call("revoke", sub="bob", before=self.now - 60)
            self.assertEqual(client.verify(token), "revoked")
            held = client.call("revocations", sub="bob")["held_by"]
            self.assertEqual([(h["source"], h["before"]) for h in held], [("operators", self.now - 40)])

    def test_exp_does_not_let_a_token_through(self):
        token = self.key.token(jti="j")
        self.agent.call("revoke", jti="j", exp=1)
        self.assertEqual(self.agent.verify(token), "revoked")

    def test_ecdsa_in_both_spellings(self):
        token = self.key.token()
        with self.agent.connect() as client:
            self.assertEqual(client.verify(other_spelling(token)), "accepted")
            client.call("revoke", token=token)
            self.assertEqual(client.verify(token), "revoked")
            self.assertEqual(client.verify(other_spelling(token)), "revoked")
            client.call("unrevoke", token=other_spelling(token))
            self.assertEqual(client.verify(token), "accepted")

    def test_an_expired_token_can_be_revoked_and_a_forged_one_not(self):
        with self.agent.connect() as client:
            old = self.key.token(exp=self.now - 3600, iat=None, aud="x")
            self.assertEqual(client.call("revoke", token=old), {})
            self.assertIs(client.call("revocations", signing_input_sha256=signing_input(old))["revoked"], True)
            forged = Key().token()
            self.assertError("bad_request", lambda: client.call("revoke", token=forged), "bad_signature")
            self.assertError("bad_request", lambda: client.call("revoke", token="a.b.c"), "malformed")
            self.assertError("bad_request", lambda: client.call("revoke", token=self.key.token(iss="https://x")), "unknown_issuer")
            self.assertError("bad_request", lambda: client.call("revoke", token=self.key.token(), jti="x"), "token")
            self.assertIs(client.call("revocations", signing_input_sha256=signing_input(forged))["revoked"], False)

    def test_exp_beside_a_token(self):
        token = self.key.token(n=1)
        digest = signing_input(token)
        for exp in (2**53 + 2, 2**63, 2**64 - 1, -1, 1.5, "1", True):
            with self.subTest(exp=exp), self.assertRaisesRegex(WireError, "bad_request: with `token` only `exp`"):
                self.agent.call("revoke", token=token, exp=exp)
        self.assertEqual(self.agent.verify(token), "accepted")
        for exp, kept in ((2**53, 2**39 - 2), (self.now + 9.0, self.now + 9)):
            self.agent.call("revoke", token=token, exp=exp, jti=None)
            self.assertEqual(self.agent.call("revocations", signing_input_sha256=digest)["held_by"][0]["exp"], kept)
            self.agent.call("unrevoke", token=token, exp=None)
            self.assertEqual(self.agent.verify(token), "accepted")

    def test_records_that_are_none(self):
        bad = [{}, {"jti": "a", "sub": "b", "before": 5}, {"sub": 5.5}, {"jti": True}, {"kid": 5}, {"jti": "a", "before": 5}, {"kid": "a", "before": 5},
               {"before": -1}, {"before": "now"}, {"before": 1.5}, {"sid": "s", "exp": "x"}, {"signing_input_sha256": "ab"},
               {"signing_input_sha256": "A" * 64}, {"jkt": "ab"}, {"jkt": "A" * 44}, {"jkt": "+" * 43}, {"jti": "a" * 4097}, {"jty": "a"},
               {"iss": ISSUER}, {"iss": 5, "jti": "a"}, {"jti": ["a"]}, {"undo": {"jti": "a"}}, {"all_sources": True, "jti": "a"}, {"before": 2**53 + 2}]
        with self.agent.connect() as client:
            for record in bad:
                with self.subTest(record):
                    self.assertError("bad_request", lambda r=record: client.call("revoke", **r))
            self.assertEqual(client.call("revocations")["revocations"], [])
            for good in ({"jti": "a" * 4096}, {"jti": ""}, {"sid": "s", "before": 0}, {"kid": "никто"}, {"before": 0}, {"jti": b"bin"}):
                self.assertEqual(client.call("revoke", **good), {})

    def test_nil_counts_as_left_out(self):
        token = self.key.token(sid="s")
        with self.agent.connect() as client:
            self.assertEqual(client.call("revoke", sid="s", before=None, exp=None, iss=None, jti=None), {})
            self.assertEqual(client.verify(token), "revoked")

    def test_counts(self):
        with self.agent.connect() as client:
            for i in range(5):
                client.call("revoke", jti=f"j{i}")
            client.call("revoke", jti="j0")
            client.call("revoke", kid="k9")
            client.call("unrevoke", jti="j4")
            client.call("unrevoke", jti="never")
            rows = client.call("revocations")["revocations"]
            self.assertEqual(sorted((r["issuer"], r["kind"], r["source"], r["count"]) for r in rows),
                             [(ISSUER, "jti", "operators", 4), (ISSUER, "kid", "operators", 1)])
            self.assertEqual(client.call("revocations", iss=ISSUER)["revocations"], rows)
            self.assertEqual(client.call("status")["revocation"]["records"], 5)

    def test_survives_a_restart_and_a_kill(self):
        tokens = {kind: self.key.token(**claims) for kind, claims in
                  {"jti": {"jti": "j"}, "sub": {"sub": "bob"}, "sid": {"sid": "s"}, "token": {"n": 1}, "good": {}}.items()}
        with self.agent.connect() as client:
            client.call("revoke", jti="j")
            client.call("revoke", sub="bob", before=self.now)
            client.call("revoke", sid="s")
            client.call("revoke", token=tokens["token"])
        for end in (self.agent.stop, self.agent.kill):
            self.assertIn(end(), (0, None))
            self.agent.start()
            for kind, token in tokens.items():
                self.assertEqual(self.agent.verify(token), "accepted" if kind == "good" else "revoked", kind)
            self.assertEqual(self.agent.verify(other_spelling(tokens["token"])), "revoked")

    def test_a_revoked_key_stays_so_under_another_name(self):
        """Renamed in the file, its alg left out, as PEM: it is the same key."""
        agent = self.agent
        agent.call("revoke", kid="k1")
        renamed = self.key.named("fresh")
        put_file(agent.key_file, key_set(renamed, self.second))
        wait_for("the renamed key is refused", lambda: agent.verify(renamed.token()) == "revoked")
        self.assertEqual(agent.verify(renamed.token({"kid": None})), "revoked")
        self.assertEqual(agent.verify(self.second.token()), "accepted")
        bare = {k: v for k, v in renamed.jwk().items() if k not in ("alg", "kid")}
        put_file(agent.key_file, json.dumps({"keys": [bare]}))
        wait_for("the nameless key is read", lambda: agent.verify(self.second.token()) != "accepted")
        self.assertEqual(agent.verify(renamed.token()), "revoked")
        put_file(agent.key_file, renamed.pem())
        wait_for("the key is read", lambda: agent.log().count("keys replaced") >= 3)
        self.assertEqual(agent.verify(renamed.token()), "revoked")
        agent.stop()
        agent.start()
        self.assertEqual(agent.verify(renamed.token()), "revoked")
        agent.call("unrevoke", kid="k1")
        self.assertEqual(agent.verify(renamed.token()), "accepted")

    def test_a_key_that_comes_later_under_a_revoked_name(self):
        agent = self.agent
        agent.call("revoke", kid="later")
        later = Key(kid="later")
        put_file(agent.key_file, key_set(self.key, later))
        wait_for("the new key is refused", lambda: agent.verify(later.token()) == "revoked")
        put_file(agent.key_file, key_set(self.key, later.named("much-later")))
        wait_for("and under its next name", lambda: agent.verify(later.named("much-later").token()) == "revoked")

    def test_a_revoked_name_in_a_file_changed_while_the_agent_was_down(self):
        agent = self.agent
        agent.call("revoke", kid="k1")
        agent.stop()
        put_file(agent.key_file, key_set(self.key.named("fresh"), self.second))
        agent.start()
        self.assertEqual(agent.verify(self.key.named("fresh").token()), "revoked")
        self.assertEqual(agent.verify(self.second.token()), "accepted")

    def test_unrevoke_by_a_client_that_is_gone_is_logged(self):
        """Whatever was changed was changed by somebody, and the log says by whom."""
        self.agent.call("revoke", jti="quiet")
        with self.agent.connect() as client:
            client.socket.sendall(client.pack("unrevoke", {"jti": "quiet"})[1] + b"\xc1")
            self.assertTrue(client.is_closed())
        wait_for("it was taken back", lambda: not self.agent.call("revocations", jti="quiet")["revoked"])
        wait_for("it is logged", lambda: '"unrevoked"' in self.agent.log()) # a look may see the change before the loop has heard of it


class Issuers(AssayTest):
    def setUp(self):
        super().setUp()
        self.key, self.theirs = Key(), Key()
        self.agent = self.prepare(keys=[self.key])
        put_file(self.agent.path("keys/other.json"), key_set(self.theirs))
        self.settings = [self.agent.issuer(aliases=["auth", "auth.example.com"]),
                         self.agent.issuer(OTHER, self.agent.path("keys/other.json"))]
        self.agent.configure(self.settings)
        self.agent.start()

    def test_which_issuer(self):
        with self.agent.connect() as client:
            self.assertError("bad_request", lambda: client.call("revoke", jti="j"), "iss")
            self.assertError("bad_request", lambda: client.call("revoke", iss="https://auth.exmaple.com", jti="j"), ISSUER)
            self.assertError("bad_request", lambda: client.call("unrevoke", iss="https://auth.example.com/", jti="j"), ISSUER)
            self.assertError("bad_request", lambda: client.call("revocations", iss="https://othr.example.com", jti="j"), OTHER)
            self.assertError("bad_request", lambda: client.call("revoke", iss="nothing like it at all, really", jti="j"), "that issuer is not configured")

    def test_one_issuers_revocation_is_not_anothers(self):
        records = [{"jti": "j"}, {"sub": "bob", "before": int(time.time())}, {"sid": "s"}, {"kid": "k1"}, {"before": int(time.time())}]
        with self.agent.connect() as client:
            for record in records:
                claims = {"jti": "j", "sub": "bob", "sid": "s", "n": str(record)}
                client.call("revoke", iss=OTHER, **record)
                self.assertEqual(client.verify(self.key.token(**claims)), "accepted", record)
                self.assertEqual(client.verify(self.theirs.token(iss=OTHER, **claims)), "revoked", record)
                client.call("unrevoke", iss=OTHER, **record)
                self.assertEqual(client.verify(self.theirs.token(iss=OTHER, **claims)), "accepted", record)

    def test_spellings_of_an_issuer_are_one(self):
        spellings = [ISSUER, "auth", "auth.example.com"]
        with self.agent.connect() as client:
            for said in spellings:
                for i, record in enumerate(({"jti": said}, {"sub": said, "before": int(time.time())}, {"kid": "k1"})):
                    client.call("revoke", iss=said, **record)
                    for spelling in spellings:
                        token = self.key.token(iss=spelling, jti=said, sub=said, n=i)
                        self.assertEqual(client.verify(token), "revoked", (said, spelling, record))
                    client.call("unrevoke", iss=said, **record)

    def test_taken_back_under_another_spelling(self):
        """unrevoke says who still holds it; where it says nobody, the token is good again."""
        with self.agent.connect() as client:
            for said, taken in (("auth", ISSUER), (ISSUER, "auth"), ("auth", "auth.example.com")):
                token = self.key.token(jti=said + taken)
                client.call("revoke", iss=said, jti=said + taken)
                self.assertEqual(client.verify(token), "revoked")
                self.assertIs(client.call("revocations", iss=taken, jti=said + taken)["revoked"], True, (said, taken))
                self.assertEqual(client.call("unrevoke", iss=taken, jti=said + taken), {"held_by": []})
                self.assertEqual(client.verify(token), "accepted", (said, taken))

    def test_a_record_older_than_the_alias(self):
        agent = self.agent
        agent.configure([agent.issuer(), agent.issuer("auth", agent.path("keys/other.json"))])
        agent.call("reload")
        agent.call("revoke", iss="auth", jti="j")
        agent.call("revoke", iss="auth", kid="k1")
        self.assertEqual(agent.verify(self.key.token(jti="j")), "accepted")
        agent.configure(self.settings)
        self.assertEqual(agent.call("reload"), {"reloaded": True, "faults": []})
        self.assertEqual(agent.verify(self.key.token(jti="j")), "revoked")
        wait_for("also the kid", lambda: agent.verify(self.key.token(jti="other")) == "revoked", 3)
        renamed = self.key.named("fresh")
        put_file(agent.key_file, key_set(renamed))
        wait_for("the keys are read", lambda: agent.verify(self.key.token()) != "revoked")
        self.assertEqual(agent.verify(renamed.token()), "revoked")      # the key is known by the kid that the alias revoked
        names = {row["issuer"] for row in agent.call("revocations")["revocations"]}
        self.assertEqual(names, {ISSUER})       # answers name `issuer`


@unittest.skipIf(ASAN, "the sanitizers' libraries come first")
class SlowDisk(AssayTest):
    """What is known only after a commit, while a commit takes its time."""

    def test_a_key_that_is_renamed_before_its_revoked_kid_was_noted(self):
        key, folder = Key(), self.folder_of_files()
        agent = self.prepare(keys=[key])
        agent.environment = {"LD_PRELOAD": os.path.join(BUILD, "tests", "strange_files.so"), "ASSAY_STRANGE_FILES": folder}
        put_file(agent.path("other.json"), key_set(Key(kid="other")))
        agent.configure([agent.issuer(), agent.issuer("auth", agent.path("other.json"))])
        agent.start()
        agent.call("revoke", iss="auth", kid="k1")
        self.assertEqual(agent.verify(key.token()), "accepted")
        put_file(os.path.join(folder, "syncs"), "")
        try:
            agent.configure([agent.issuer(aliases=["auth"])])
            self.assertIs(agent.call("reload")["reloaded"], True)
            self.assertEqual(agent.verify(key.token()), "revoked")
            renamed = key.named("fresh")
            put_file(agent.key_file, key_set(renamed))
            wait_for("the keys are read", lambda: agent.verify(key.token()) == "unknown_key")
            for i in range(20):
                self.assertEqual(agent.verify(renamed.token(n=i)), "revoked")
        finally:
            os.unlink(os.path.join(folder, "syncs"))
        for i in range(100):
            self.assertEqual(agent.verify(renamed.token(n=100 + i)), "revoked")

    def folder_of_files(self):
        folder = tempfile.mkdtemp(prefix="assay-slow-")
        self.addCleanup(shutil.rmtree, folder)
        return folder


class Rights(AssayTest):
    @needs_root
    def test_who_may_not_is_told_so(self):
        key = Key()
        agent = self.prepare(keys=[key])
        os.chmod(agent.folder, 0o755)
        agent.start()
        token = key.token()

        def ask():
            said = []
            with Client(agent.socket) as client:
                for method, params in (("ping", {}), ("verify", {"token": token}), ("revoke", {"jti": "j"}), ("unrevoke", {"jti": "j"}),
                                       ("revocations", {}), ("status", {}), ("reload", {}), ("revoke", {"nonsense": 1})):
                    try:
                        client.call(method, **params)
                        said.append([method, "done"])
                    except WireError as error:
                        said.append([method, error.text])
            return said

        said = as_user(NOBODY, ask)
        self.assertEqual(said[:2], [["ping", "done"], ["verify", "done"]])
        for method, text in said[2:]:
            self.assertRegex(text, f"^forbidden: .*\\b{NOBODY}\\b.*{method}", method)
        self.assertEqual(agent.call("revocations")["revocations"], [])

    @needs_root
    def test_the_mode_of_the_socket_decides_who_comes_in(self):
        agent = self.prepare(keys=[Key()])
        os.chmod(agent.folder, 0o755)
        agent.configure(socket={"path": agent.socket})
        agent.start()
        self.assertEqual(os.stat(agent.socket).st_mode & 0o777, 0o660)

        def ask():
            try:
                Client(agent.socket).close()
                return "in"
            except PermissionError:
                return "out"

        self.assertEqual(as_user(NOBODY, ask), "out")


if __name__ == "__main__":
    unittest.main()
