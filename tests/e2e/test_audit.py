"""Lines about decisions: what they contain, where they go, and that neither a full disk nor a reader that stands still delays an answer."""
import collections
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import time
import unittest

from agent import ASSAYD, AUDIENCE, ISSUER, NOBODY, AssayTest, Key, connect_as, needs_root, patient, put_file, wait_for
from http_client import Http

ID = r"^[0-9a-f]{12}-[0-9a-f]{12}$"
POLICY = "version: 1\nrules:\n- {name: own, actions: [GET], resources: ['/users/{sub}'], roles: [user]}\n"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class AuditTest(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.file = self.agent.path("audit.log")
        put_file(self.agent.path("policy.yaml"), POLICY)

    def configure(self, decisions="denied", **audit):
        self.agent.configure(policy="policy.yaml", log={"decisions": decisions}, http={"listen": "unix:" + self.agent.path("http.sock")},
                             audit={"to": self.file, **audit})

    def start(self, *args, **audit):
        self.configure(*args, **audit)
        self.agent.start()

    def text(self):
        try:
            with open(self.file, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def lines(self, count):
        """So many lines, when they are there."""
        wait_for(f"{count} lines", lambda: self.text().count("\n") >= count)
        lines = [json.loads(line) for line in self.text().splitlines()]
        self.assertEqual(len(lines), count)
        return lines


class Contents(AuditTest):
    def test_a_refusal_says_who_asked_what_and_what_it_rests_on(self):
        self.start()
        token = self.key.token(sub="alice", jti="j1", exp=1)
        with self.agent.connect() as client:
            self.assertEqual(client.verify(token, audience=AUDIENCE), "expired")
            decision_id = client.decision_id
        self.assertRegex(decision_id, ID)
        line, = self.lines(1)
        self.assertRegex(line.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertRegex(line.pop("token"), r"^[0-9a-f]{16}$")
        self.assertGreaterEqual(line.pop("keyring"), 0)
        self.assertGreaterEqual(line.pop("revocations"), 0)
        self.assertEqual(line, {"level": "info", "event": "refused", "reason": "expired", "audience": AUDIENCE, "issuer": ISSUER, "subject": "alice",
                                "jti": "j1", "decision_id": decision_id, "method": "verify", "uid": os.getuid(), "pid": os.getpid()})
        self.assertNotIn(token, self.text())
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.lines(1)   # denied ones only

    def test_a_decision_of_the_policy_has_all_that_it_was_made_of(self):
        self.start("all")
        token = self.key.token(sub="alice", roles=["user", "a \"b\"\n"], scope="x y")
        with self.agent.connect() as client:
            for resource, event in ("/users/alice?code=secret", "allowed"), ("/users/bob", "denied"):
                client.call("authorize", token=token, action="GET", resource=resource)
                line = self.lines(1 if event == "allowed" else 2)[-1]
                self.assertEqual([line[name] for name in ("event", "decision_id", "action", "resource", "roles", "scopes", "subject")],
                                 [event, client.decision_id, "GET", resource.partition("?")[0], ["user", "a \"b\"\n"], ["x", "y"], "alice"])
            client.call("authorize", token=token, checks=[["GET", "/users/alice"], ["PUT", "/users/alice"]])
            self.assertEqual([(line["decision_id"], line["action"]) for line in self.lines(4)[2:]],
                             [(client.decision_id, "GET"), (client.decision_id, "PUT")])
            client.call("authorize", action="GET", resource="/users/alice")
            line = self.lines(5)[-1]
            self.assertEqual((line["reason"], line["status"], line["roles"], "token" in line), ("no_token", 401, [], False))

    def test_an_undecided_one_has_a_line_too(self):
        nobody = "https://nobody.example.com"
        self.agent.configure([self.agent.issuer(), {"issuer": nobody, "keys": {"jwks_uri": "https://127.0.0.1:1/"}, "audiences": [AUDIENCE]}],
                             http={"listen": "unix:" + self.agent.path("http.sock")}, audit={"to": self.file})
        self.agent.launch().wait_answers()
        token = self.key.token(iss=nobody)
        self.assertError("keys_unavailable", lambda: self.agent.call("authorize", token=token, action="GET", resource="/users/alice"))
        with Http(self.agent.path("http.sock")) as http:
            answer = http.ask("GET", "/auth", "X-Original-Method: GET", "X-Original-URI: /users/alice", f"Authorization: Bearer {token}")
        self.assertEqual(answer.status, 503)
        lines = self.lines(2)
        self.assertEqual([(line["event"], line["method"], line["reason"], line["issuer"]) for line in lines],
                         [("undecided", "authorize", "keys_unavailable", nobody)] * 2)
        self.assertEqual(lines[1]["decision_id"], answer["X-Assay-Decision"])

    @needs_root
    def test_an_answer_that_is_decided_in_pieces_has_one_id(self):
        os.chmod(self.agent.folder, 0o755)
        self.start("all")
        checks = [["GET", f"/users/{i}"] for i in range(256)]
        with connect_as(self.agent, NOBODY) as one, connect_as(self.agent, 54321) as other:
            self.agent.process.send_signal(signal.SIGSTOP)  # all at once: each waits for the other
            for client in one, other:
                for _ in range(6):
                    client.send("authorize", checks=checks)
            self.agent.process.send_signal(signal.SIGCONT)
            seen = []
            for client in one, other:
                for _ in range(6):
                    client.receive()
                    seen.append(client.decision_id)
        counts = collections.Counter(line["decision_id"] for line in self.lines(12 * 256))
        self.assertEqual(counts, {decision_id: 256 for decision_id in seen})

    def test_each_answer_has_another_id_and_each_run_other_ones(self):
        self.start("all")
        seen = set()
        for _ in range(2):
            with self.agent.connect() as client:
                for _ in range(300):
                    client.verify(self.key.token())
                    seen.add(client.decision_id)
            self.agent.restart()
        self.assertEqual(len(seen), 600)
        self.assertEqual({line["decision_id"] for line in self.lines(600)}, seen)

    def test_gateways_get_the_id_in_a_header_and_say_which_trace_it_belongs_to(self):
        self.start("all")
        token = self.key.token(sub="alice", roles=["user"])
        with Http(self.agent.path("http.sock")) as http:
            for trace, kept in (TRACE, TRACE), (TRACE.upper(), None), (TRACE + "x", None), ("00-secret", None):
                for uri, status in ("/users/alice", 200), ("/users/bob", 403):
                    answer = http.ask("GET", "/auth", "X-Original-Method: GET", f"X-Original-URI: {uri}", f"Authorization: Bearer {token}",
                                      f"traceparent: {trace}")
                    self.assertEqual(answer.status, status)
                    decision_id = answer["X-Assay-Decision"]
                    self.assertRegex(decision_id, ID)
                    wait_for("its line", lambda: decision_id in self.text())
                    line = json.loads(self.text().splitlines()[-1])
                    self.assertEqual((line["decision_id"], line.get("traceparent")), (decision_id, kept))
            for target in "/healthz", "/nothing":
                self.assertIsNone(http.ask("GET", target)["X-Assay-Decision"])
            body = json.dumps({"token": token})
            self.assertRegex(http.ask("POST", "/verify", "Content-Type: application/json", body=body)["X-Assay-Decision"], ID)

    def test_masked_claims_are_digests_and_further_ones_can_be_named(self):
        self.start("all", mask=["sub", "email"], claims=["email", "tenant", "absent", "level"])
        for sub in "alice", "alice", "bob":
            self.assertEqual(self.agent.verify(self.key.token(sub=sub, email="a@example.com", tenant="t1", level=3)), "accepted")
        lines = self.lines(3)
        for line in lines:
            self.assertRegex(line["subject"], r"^digest:[0-9a-f]{16}$")
            self.assertRegex(line["claim_email"], r"^digest:[0-9a-f]{16}$")
            self.assertEqual((line["claim_tenant"], "claim_absent" in line, "claim_level" in line), ("t1", False, False))
        self.assertEqual(lines[0]["subject"], lines[1]["subject"])
        self.assertNotEqual(lines[0]["subject"], lines[2]["subject"])
        for secret in "alice", "bob", "a@example.com":
            self.assertNotIn(secret, self.text())

    def test_a_claim_that_no_signature_has_confirmed_is_not_recorded(self):
        self.start()
        other = Key(kid=self.key.kid)
        self.assertEqual(self.agent.verify(other.token(sub="forged")), "bad_signature")
        line, = self.lines(1)
        self.assertEqual((line["reason"], "subject" in line), ("bad_signature", False))

    def test_allowed_ones_may_be_left_out_and_refused_ones_never(self):
        self.start("all", drop_allowed=0.9)
        for i in range(400):
            self.assertEqual(self.agent.verify(self.key.token(jti=str(i))), "accepted")
            self.assertEqual(self.agent.verify(self.key.token(jti=str(i), exp=1)), "expired")
        wait_for("the last refusal", lambda: self.text().count('"refused"') == 400)
        kept = self.text().count('"accepted"')
        self.assertTrue(10 < kept < 100, kept)

    def test_values_of_an_attacker_stay_values(self):
        self.start()
        for sub in "a\"}\n{\"event\":\"allowed\"", "\u001b[2J", "\u202e", "x" * 6000, "\u00e9" * 1000:
            with self.subTest(sub[:20]):
                before = self.text().count("\n")
                self.assertEqual(self.agent.verify(self.key.token(sub=sub, exp=1)), "expired")
                line = self.lines(before + 1)[-1]
                self.assertEqual(line["event"], "refused")
                self.assertLessEqual(len(line["subject"].encode()), 256)
                raw = self.text().splitlines()[-1]
                self.assertNotRegex(raw, "[\\x00-\\x1f\\x7f\\u202e]")

    def test_a_nul_hides_nothing(self):
        self.start()
        self.agent.call("authorize", action="GET\0hidden", resource="/")
        self.assertEqual(self.lines(1)[0]["action"], "GET?hidden")

    def test_a_line_that_would_be_too_long_leaves_out_values_and_says_so(self):
        self.start("all")
        token = self.key.token(sub="\x01" * 300, jti="\x02" * 300, roles=["\x03" * 600, "user"])
        with self.agent.connect() as client:
            client.call("authorize", token=token, action="\x04" * 255, resource="/" + "\x05" * 300)
        line, = self.lines(1)
        self.assertGreater(line["left_out"], 0)
        self.assertEqual(line["event"], "denied")


class Maps(AuditTest):
    """The guide's maps to other schemes, run by jq."""

    def map(self, number):
        guide = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "agent", "guide", "operations.md")
        with open(guide, encoding="utf-8") as file:
            program = re.findall(r"^```jq\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)[number]
        done = subprocess.run(["jq", "-c", program, self.file], capture_output=True, text=True, timeout=20, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    @unittest.skipUnless(shutil.which("jq"), "needs jq")
    def test_ocsf_and_ecs(self):
        self.start("all")
        token = self.key.token(sub="alice", roles=["user"])
        with Http(self.agent.path("http.sock")) as http:
            for uri in "/users/alice", "/users/bob":
                http.ask("GET", "/auth", "X-Original-Method: GET", f"X-Original-URI: {uri}", f"Authorization: Bearer {token}", f"traceparent: {TRACE}")
        self.assertEqual(self.agent.verify(self.key.token(exp=1)), "expired")
        lines, ocsf, ecs = self.lines(3), self.map(0), self.map(1)
        self.assertEqual([one["status_id"] for one in ocsf], [1, 2, 2])
        self.assertEqual([one["metadata"]["uid"] for one in ocsf], [line["decision_id"] for line in lines])
        self.assertEqual(ocsf[0]["actor"]["user"], {"uid": "alice", "groups": [{"name": "user"}]})
        self.assertEqual([one["event"]["outcome"] for one in ecs], ["success", "failure", "failure"])
        self.assertEqual([one["event"]["reason"] for one in ecs], ["own", "no_rule", "expired"])
        self.assertEqual((ecs[0]["trace"]["id"], ecs[0]["url"]["path"], ecs[0]["@timestamp"]), (TRACE[3:35], "/users/alice", lines[0]["time"]))


class Sinks(AuditTest):
    def refuse(self, count):
        with self.agent.connect() as client:
            for i in range(count):
                self.assertEqual(client.verify(self.key.token(jti=f"{i}-{time.monotonic_ns()}", exp=1)), "expired")

    def test_the_file_is_nobody_else_s(self):
        self.start()
        self.refuse(1)
        self.lines(1)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode) & 0o007, 0)

    def test_logrotate_renames_and_says_so_with_sighup(self):
        self.start()
        self.refuse(3)
        self.lines(3)
        os.rename(self.file, self.file + ".1")
        self.agent.process.send_signal(signal.SIGHUP)
        wait_for("it is there again", lambda: os.path.exists(self.file))
        self.refuse(2)
        self.lines(2)
        with open(self.file + ".1", encoding="utf-8") as file:
            self.assertEqual(file.read().count("\n"), 3)

    def test_it_is_opened_again_although_the_new_configuration_is_faulty(self):
        self.start()
        self.refuse(1)
        self.lines(1)
        put_file(self.agent.config, "nonsense: [")
        os.rename(self.file, self.file + ".1")
        self.agent.process.send_signal(signal.SIGHUP)
        wait_for("it is there again", lambda: os.path.exists(self.file))

    def test_a_file_that_was_deleted_is_created_again(self):
        self.start()
        self.refuse(1)
        self.lines(1)
        os.unlink(self.file)
        self.refuse(2)
        self.lines(2)

    def test_whatever_was_answered_is_written_before_a_stop(self):
        self.start()
        self.refuse(500)
        self.assertEqual(self.agent.stop(), 0)
        self.lines(500)

    def fill_a_small_disk(self):
        """A file system for the file alone, on which no space is left, and how many were refused until then."""
        folder = self.agent.path("small")
        os.mkdir(folder)
        self.assertEqual(subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False).returncode, 0)
        self.addCleanup(subprocess.run, ["umount", folder], check=False)
        self.file = os.path.join(folder, "audit.log")
        put_file(os.path.join(folder, "filler"), "x" * 40000)
        self.start()
        sent = 0
        while "No space left" not in self.agent.log():
            self.refuse(50)
            sent += 50
            self.assertLess(sent, 2000)
        return folder, sent

    @needs_root
    def test_a_line_that_the_full_disk_has_cut_is_whole_in_the_next_file(self):
        folder, sent = self.fill_a_small_disk()
        with open(self.file, encoding="utf-8") as file:
            self.assertNotEqual(file.read()[-1], "\n")
        os.rename(self.file, self.file + ".1")
        os.unlink(os.path.join(folder, "filler"))
        wait_for("the rest is written", lambda: self.text().endswith("\n"))
        with open(self.file + ".1", encoding="utf-8") as file:
            before = file.read().count("\n")
        self.lines(sent - before)

    @needs_root
    def test_a_full_disk_stops_no_answer_and_what_was_lost_is_told_when_there_is_space_again(self):
        folder, sent = self.fill_a_small_disk()
        while sent < 6000:  # more than waits in memory
            self.refuse(200)
            sent += 200
        os.unlink(os.path.join(folder, "filler"))
        subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
        wait_for("a line says how many were lost", lambda: '"audit lines were lost"' in self.text())
        self.refuse(1)
        sent += 1
        wait_for("all is written", lambda: sum(self.counts()) == sent)
        written, lost = self.counts()
        self.assertGreater(lost, 0)
        self.assertGreater(written, 1000)
        self.assertIn("audit lines can be written again", self.agent.log())

    def start_with_a_pipe(self):
        """The end of stdout that nobody reads yet."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.file = "stdout"
        self.configure()
        self.agent.launch(stdout=writer)
        os.close(writer)
        self.agent.wait_ready()
        return reader

    def test_a_reader_of_stdout_that_stands_still_delays_no_answer(self):
        reader = self.start_with_a_pipe()
        self.refuse(3000)   # more than a pipe and the buffer hold
        wait_for("the log says so", lambda: "nobody reads it" in self.agent.log())
        os.set_blocking(reader, False)
        text = b""

        def read():
            nonlocal text
            try:
                text += os.read(reader, 1 << 20)
            except BlockingIOError:
                pass
            return text.count(b'"refused"') + sum(json.loads(line)["count"] for line in text.splitlines(True) if b"were lost" in line and
                                                  line.endswith(b"\n")) == 3000
        wait_for("each is written, or counted as lost", read, 20)
        self.assertEqual(self.agent.stop(), 0)

    def test_nor_does_it_delay_a_stop(self):
        self.start_with_a_pipe()
        self.refuse(1000)
        begin = patient()
        self.assertEqual(self.agent.stop(), 0)
        self.assertLess(patient() - begin, 6)

    def counts(self):
        """Written lines about decisions; and those that others say were lost."""
        lines = [json.loads(line) for line in self.text().splitlines() if line.endswith("}")]
        return sum(line["event"] == "refused" for line in lines), sum(line["count"] for line in lines if line["event"] == "audit lines were lost")


class Settings(AuditTest):
    def test_what_cannot_be_meant_is_refused_at_the_start(self):
        for audit, word in (({"to": "audit.log"}, "not a place for audit lines"), ({"to": "/nowhere/audit.log"}, "create it"),
                            ({"drop_allowed": 1.5}, "0 to 1"), ({"drop_allowed": "90%"}, "0 to 1"), ({"mask": ["mail"]}, "needs no mask"),
                            ({"claims": [""]}, "1 to 64 bytes"), ({"claims": [f"c{i}" for i in range(9)]}, "at most 8")):
            with self.subTest(audit):
                self.configure(**audit)
                done = subprocess.run([ASSAYD, "--config", self.agent.config, "--check"], capture_output=True, text=True, timeout=20, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertIn(word, done.stderr)

    def test_another_place_needs_a_restart(self):
        self.start()
        self.file += "2"
        self.configure()
        self.assertIn("`audit: to` has changed, which needs a restart", str(self.agent.call("reload")["faults"]))


if __name__ == "__main__":
    unittest.main()
