"""agent/guide/security.md: what it says of the disk, of the log, of two agents and of two issuers, where no other test does."""
import json
import os
import shutil

from agent import ISSUER, AssayTest, Key, check_config, key_set, wait_for

OTHER = "https://other.example.com"


def bytes_below(folder):
    found = b""
    for place, _, files in os.walk(folder):
        for name in files:
            with open(os.path.join(place, name), "rb") as file:
                found += file.read()
    return found


class Disk(AssayTest):
    def test_who_reads_it_finds_no_tokens_and_no_names(self):
        key = Key()
        agent = self.prepare(keys=[key])
        feed = agent.path("revoked.ndjson")
        with open(feed, "w", encoding="utf-8") as file:
            file.write(json.dumps({"iss": ISSUER, "sub": "carol-of-the-feed", "before": 1}) + "\n" + "no record: dave-of-the-feed\n")
        agent.configure(revocation={"feeds": [{"file": feed}]})
        agent.start()
        token = key.token(sub="bob-the-subject", jti="the-id-of-a-token")
        self.assertEqual(agent.verify(token), "accepted")
        agent.call("revoke", iss=ISSUER, sub="bob-the-subject", before=2000000000)
        agent.call("revoke", iss=ISSUER, jti="the-id-of-a-token")
        agent.call("revoke", token=key.token(sub="another"))
        self.assertEqual(agent.verify(token), "revoked")
        agent.stop()
        disk = bytes_below(agent.state)
        self.assertGreater(len(disk), 8192)
        for text in (token, token.split(".")[1], token.split(".")[2], "bob-the-subject", "the-id-of-a-token", "carol-of-the-feed"):
            self.assertNotIn(text.encode(), disk, text)
        self.assertIn(b"no record: dave-of-the-feed", disk)  # as it came

    def test_a_whole_older_copy_is_an_older_list(self):
        key = Key()
        agent = self.start(keys=[key])
        before, after = key.token(jti="before"), key.token(jti="after")
        agent.call("revoke", iss=ISSUER, jti="before")
        agent.stop()
        shutil.copytree(agent.state, agent.path("backup"))
        agent.start()
        agent.call("revoke", iss=ISSUER, jti="after")
        self.assertEqual([agent.verify(token) for token in (before, after)], ["revoked", "revoked"])
        agent.stop()
        shutil.rmtree(agent.state)
        shutil.copytree(agent.path("backup"), agent.state)
        agent.start()
        self.assertEqual([agent.verify(token) for token in (before, after)], ["revoked", "accepted"])


class Log(AssayTest):
    def test_it_has_whose_token_it_was_and_never_the_token(self):
        key = Key()
        agent = self.prepare(keys=[key])
        agent.configure(log={"decisions": "all"})
        agent.start()
        good, bad = key.token(sub="alice", jti="good"), key.token(sub="alice", jti="bad", aud="elsewhere")
        self.assertEqual([agent.verify(good), agent.verify(bad)], ["accepted", "wrong_audience"])
        log = agent.log()
        for line, jti in (("accepted", "good"), ("refused", "bad")):
            said = [json.loads(text) for text in log.splitlines() if f'"event":"{line}"' in text]
            self.assertEqual([(entry["subject"], entry["jti"], entry["issuer"]) for entry in said], [("alice", jti, ISSUER)])
        for token in (good, bad):
            for part in token.split("."):
                self.assertNotIn(part, log)


class TwoAgents(AssayTest):
    def test_they_share_nothing_but_a_feed(self):
        key = Key()
        one, other = self.prepare(keys=[key]), self.prepare(keys=[key])
        feed = one.path("revoked.ndjson")
        open(feed, "w", encoding="utf-8").close()
        for agent in (one, other):
            agent.configure(revocation={"feeds": [{"file": feed}]})
            agent.start()
        token, both = key.token(jti="one"), key.token(jti="both")
        one.call("revoke", iss=ISSUER, jti="one")
        self.assertEqual((one.verify(token), other.verify(token)), ("revoked", "accepted"))
        with open(feed, "a", encoding="utf-8") as file:
            file.write(json.dumps({"iss": ISSUER, "jti": "both"}) + "\n")
        for agent in (one, other):
            self.wait_revoked(agent, both)

    def wait_revoked(self, agent, token):
        wait_for("the feed", lambda: agent.verify(token) == "revoked")

    def test_one_state_is_one_agents(self):
        agent = self.start(keys=[Key()])
        second = self.prepare(folder=agent.folder)
        second.configure(socket={"path": agent.path("other")})
        second.launch()
        self.assertEqual(second.wait_exit(), 1)
        self.assertIn("another assayd uses the state folder", second.log())


class TwoIssuers(AssayTest):
    def configuration(self, **other):
        issuers = [{"issuer": ISSUER, "keys": {"file": "keys.json"}, "audiences": ["orders"]},
                   {"issuer": OTHER, "keys": {"file": "keys.json"}, "audiences": ["orders"], **other}]
        return {"issuers": issuers}

    def check(self, configuration, policy=None):
        files = {"keys.json": (key_set(Key()), 0o600)}
        if policy is not None:
            files["policy.yaml"] = (policy, 0o600)
            configuration = dict(configuration, policy="policy.yaml")
        return check_config(json.dumps(configuration), files=files)

    def test_neither_can_have_the_others_name(self):
        self.assertEqual(self.check(self.configuration())[0], 0)
        code, said, _ = self.check(self.configuration(aliases=[ISSUER]))
        self.assertEqual(code, 2)
        self.assertIn("is configured twice", said)

    def test_an_allow_rule_says_whose_tokens_it_is_for(self):
        rule = "version: 1\nrules:\n- {name: all, resources: ['/**'], roles: [user]%s}\n"
        code, said, _ = self.check(self.configuration(), rule % "")
        self.assertEqual(code, 2)
        self.assertIn("`issuers` is missing", said)
        self.assertEqual(self.check(self.configuration(), rule % f", issuers: ['{ISSUER}']")[0], 0)
