"""`assay authorize` prints the rule that allows, or says why it is denied and with which status; whatever is not a whole yes is none."""
import os
import pty
import subprocess
import time
import unittest

import msgpack

from agent import ASSAY, ISSUER, Key, put_file, wait_for
from command import CommandTest, Impostor, assay, saying

POLICY = """\
version: 1
roles: {admin: [user]}
rules:
  - {name: admin-users, actions: [GET], resources: ["/admin/**"], roles: [admin]}
  - {name: place-order, actions: [POST], resources: [/orders], roles: [user], scopes: ["orders:write"]}
  - {name: own-profile, resources: ["/users/{sub}/**"]}
  - {name: suspended, effect: deny, claims: {status: suspended}}
  - {name: health, resources: [/health], anonymous: true}
"""
GET_HEALTH = ["authorize", "--action", "GET", "--resource", "/health"]
GET_ADMIN = ["authorize", "--action", "GET", "--resource", "/admin/users"]
YES = {"allow": True, "status": 200, "reason": None, "rule": "r", "subject": "alice", "roles": ["user"], "issuer": ISSUER,
       "expires_at": 1900000000, "scopes": []}
NO = {**YES, "allow": False, "status": 403, "reason": "no_rule"}


class AuthorizeTest(CommandTest):
    def serve(self, policy=POLICY, **settings):
        agent = self.prepare(keys=[self.key], policy="policy.yaml")
        agent.configure([agent.issuer(**settings)], policy="policy.yaml")
        put_file(agent.path("policy.yaml"), policy)
        agent.start()
        return agent.socket

    def assertDenied(self, done, status, reason, rule=None):
        self.assertDone(1, done, f"denied, {status}: {reason}: ")
        self.assertEqual(done.out, "")
        self.assertEqual(done.err.partition("; rule ")[2], rule + "\n" if rule else "")


class Decisions(AuthorizeTest):
    def test_0_is_allowed_and_the_rule_is_told(self):
        at = self.serve()
        for rule, action, resource, claims in [
                ("admin-users", "GET", "/admin/users", {"role": "admin"}),
                ("admin-users", "GET", "/admin/%75sers/?a=b", {"role": "admin"}),
                ("place-order", "POST", "/orders", {"roles": ["x", "admin"], "scope": "a orders:write"}),
                ("own-profile", "DELETE", "/users/alice/cart", {}), ("health", "GET", "/health", {"status": "active"})]:
            done = assay("authorize", "--action", action, "--resource", resource, at=at, given=self.key.token(**claims))
            self.assertDone(0, done)
            self.assertEqual(done.out, f"allowed by the rule {rule}\n")

    def test_1_is_denied_with_the_status_the_reason_and_the_rule(self):
        at, user = self.serve(), self.key.token(role="user")
        for status, reason, rule, action, resource, token in [
                (401, "no_token", None, "GET", "/admin/users", ""), (401, "malformed", None, "GET", "/admin/users", "a.b"),
                (401, "expired", None, "POST", "/orders", self.key.token(exp=1)), (401, "bad_signature", None, "GET", "/x", Key().token()),
                (403, "no_rule", None, "GET", "/", user), (403, "no_rule", None, "get", "/admin/users", self.key.token(role="admin")),
                (403, "no_rule", None, "GET", "/users/bob/cart", user),
                (403, "denied_by_rule", "suspended", "GET", "/health", self.key.token(status="suspended")),
                (403, "insufficient_role", "admin-users", "GET", "/admin/users", user),
                (403, "insufficient_scope", "place-order", "POST", "/orders", user),
                (403, "bad_resource", None, "GET", "/admin/%2e%2e/%2e%2e/x", user), (403, "bad_resource", None, "GET", "/orders;x", ""),
                (403, "bad_resource", None, "GET", "orders", user), (403, "bad_resource", None, "GET", "", user),
                (403, "bad_resource", None, "GET", "/" + "a" * 4096, user), (403, "bad_resource", None, "GET", "/" + "a" * 20000, user)]:
            with self.subTest(reason=reason, resource=resource[:40]):
                done = assay("authorize", "--action", action, "--resource", resource, at=at, given=token)
                self.assertDenied(done, status, reason, rule)

    def test_without_a_policy_everything_is_denied(self):
        agent = self.start(keys=[self.key])
        self.assertDenied(assay(*GET_HEALTH, at=agent.socket, given=self.key.token()), 403, "no_rule")
        self.assertDenied(assay(*GET_HEALTH, at=agent.socket), 401, "no_token")

    def test_the_audience_that_is_asked(self):
        at, token = self.serve(audiences=["orders", "stock"]), self.key.token(role="admin")
        self.assertDone(0, assay(*GET_ADMIN, "--audience", "orders", "--token", token, at=at), "admin-users")
        self.assertDenied(assay(*GET_ADMIN, "--audience", "stock", "--token", token, at=at), 401, "wrong_audience")
        self.assertDone(0, assay(*GET_HEALTH, "--audience", "stock", "--token", token, at=at), "health")

    def test_a_revocation_counts_at_once(self):
        at, token = self.serve(), self.key.token(jti="j", role="admin")
        self.assertDone(0, assay(*GET_ADMIN, "--token", token, at=at))
        self.assertDone(0, assay("revoke", "--jti", "j", at=at))
        self.assertDenied(assay(*GET_ADMIN, "--token", token, at=at), 401, "revoked")


class Tokens(AuthorizeTest):
    def test_where_the_token_comes_from(self):
        at, token = self.serve(), self.key.token(role="admin")
        file = self.put("token", token + "\n")
        for arguments, given in [(["--token", token], ""), (["--token=" + token], "x"), (["--token-file", file], "x"),
                                 (["--token-file", "-"], token), ([], "  " + token + "\r\n")]:
            self.assertDone(0, assay(*GET_ADMIN, *arguments, at=at, given=given), "admin-users")

    def test_an_empty_token_is_none(self):
        at, empty, blank = self.serve(), self.put("empty", ""), self.put("blank", " \n")
        for arguments, given in [(["--token", ""], "x"), (["--token-file", empty], "x"), (["--token-file", blank], ""),
                                 (["--token-file", "-"], "\n"), ([], ""), ([], "\n\n")]:
            self.assertDenied(assay(*GET_ADMIN, *arguments, at=at, given=given), 401, "no_token")
            self.assertDone(0, assay(*GET_HEALTH, *arguments, at=at, given=given), "health")

    def test_a_terminal_on_stdin_is_none(self):
        at = self.serve()
        try:
            master, slave = pty.openpty()
        except OSError as error:  # a container without /dev/pts
            self.skipTest(str(error))
        try:
            done = subprocess.run([ASSAY, *GET_ADMIN, "--socket", at], stdin=slave, capture_output=True, timeout=20, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertEqual(done.stderr, b"assay: denied, 401: no_token: the request has no token\n")
            asked = subprocess.Popen([ASSAY, *GET_ADMIN, "--socket", at, "--token-file", "-"], stdin=slave, stderr=subprocess.PIPE)
            os.write(master, self.key.token(exp=1).encode() + b"\n\x04")        # asked for in so many words, it is read
            self.assertIn(b"expired", asked.communicate(timeout=20)[1])
        finally:
            os.close(master)
            os.close(slave)

    def test_a_bad_token_counts_as_none_however_long(self):
        at = self.serve()
        for reason, token in [("malformed", "x"), ("malformed", "a" * 16384), ("too_large", "a" * 16385), ("too_large", "a" * 45000),
                              ("too_large", "a" * 65536), ("too_large", "a" * 2**20), ("expired", self.key.token(exp=1))]:
            self.assertDone(0, assay(*GET_HEALTH, at=at, given=token), "health")
            self.assertDenied(assay(*GET_ADMIN, at=at, given=token), 401, reason)


class Answers(AuthorizeTest):
    def test_json_is_the_agents_own_answer(self):
        def answer(done):
            said = done.json()
            self.assertRegex(said.pop("decision_id", 12 * "0" + "-" + 12 * "0"), "^[0-9a-f]{12}-[0-9a-f]{12}$")   # none if the command refuses it
            return said
        at, exp = self.serve(), int(time.time()) + 600
        done = assay(*GET_ADMIN, "--json", "--token", self.key.token(roles=["admin", 5, "x"], exp=exp), at=at)
        self.assertEqual((done.code, done.err, answer(done)), (0, "", {**YES, "rule": "admin-users", "roles": ["admin", "x"], "expires_at": exp}))
        done = assay(*GET_ADMIN, "--json", "--token", self.key.token(role="user", exp=exp), at=at)
        self.assertEqual((done.code, done.err, answer(done)), (1, "", {**NO, "reason": "insufficient_role", "rule": "admin-users", "expires_at": exp}))
        none = {"rule": None, "subject": None, "roles": [], "issuer": None, "expires_at": None, "scopes": []}
        done = assay(*GET_ADMIN, "--json", at=at)
        self.assertEqual((done.code, answer(done)), (1, {**NO, **none, "status": 401, "reason": "no_token"}))
        for size in (4097, 16384, 16385):       # the last is not sent
            done = assay("authorize", "--json", "--action", "GET", "--resource", "/" * size, at=at)
            self.assertEqual((done.code, answer(done)), (1, {**NO, **none, "reason": "bad_resource"}))
        done = assay("authorize", "--json", "--action", "GET", at=at)
        self.assertEqual((done.code, set(done.json())), (2, {"error", "message"}))

    def test_what_is_nearly_a_yes_is_could_not_decide(self):
        nearly = [{**YES, "allow": 1}, {**YES, "allow": "true"}, {**YES, "allow": None}, {**YES, "status": 403}, {**YES, "status": 200.0},
                  {**YES, "status": "200"}, {**YES, "reason": "no_rule"}, {**YES, "rule": None}, {**YES, "roles": None},
                  {**YES, "roles": ["a", 1]}, {**YES, "subject": 5}, {**YES, "issuer": None}, {**YES, "expires_at": None}, {**YES, "scopes": None}, {**NO, "status": 200}, {**NO, "status": 404}, {**NO, "reason": None},
                  {"decisions": [YES]}, {"active": True, "claims": {}, "issuer": "i", "expires_at": 9}, None, [], {}, True]
        nearly += [{name: value for name, value in YES.items() if name != left_out} for left_out in YES]
        for answer in nearly:
            with Impostor(saying(answer)) as impostor:
                done = assay(*GET_HEALTH, at=impostor.path)
                self.assertDone(3, done, "does not speak the agent's protocol")
        with Impostor(saying({**YES, "later": [1]})) as impostor:
            self.assertDone(0, assay(*GET_HEALTH, at=impostor.path), "allowed by the rule r")
        with Impostor(saying({**NO, "reason": "later"})) as impostor:
            self.assertDenied(assay(*GET_HEALTH, at=impostor.path), 403, "later", "r")
        with Impostor(lambda msgid, _: msgpack.packb([1, msgid, None, YES])[:-1]) as impostor:
            self.assertEqual(assay(*GET_HEALTH, at=impostor.path).code, 3)

    def test_3_is_an_agent_that_cannot_decide_or_is_not_there(self):
        for number, name in [(4, "rate_limited"), (8, "revocation_stale"), (10, "internal")]:
            with Impostor(saying(None, [number, name + ": so it is"])) as impostor:
                self.assertDone(3, assay(*GET_HEALTH, at=impostor.path), name + ": so it is")
        self.assertDone(3, assay(*GET_HEALTH, at=self.path("none")), "cannot reach the agent at " + self.path("none"))
        with Impostor(lambda *_: None) as silent:
            self.assertDone(3, assay(*GET_HEALTH, "--timeout", "100ms", at=silent.path), "did not answer in time")

    def test_names_of_others_do_not_move_the_cursor(self):
        evil = "a\x1b[31mb\rc\u009b1mh\x7f\n"
        for answer, code in [({**YES, "rule": evil}, 0), ({**NO, "rule": evil, "reason": evil}, 1)]:
            with Impostor(saying(answer)) as impostor:
                done = assay(*GET_HEALTH, at=impostor.path)
                self.assertEqual(done.code, code)
                text = done.out + done.err
                self.assertEqual(text.count("\n"), 1)
                self.assertTrue(all(" " <= char < "\x7f" or char > "\x9f" for char in text[:-1]), done)
                self.assertEqual(assay(*GET_HEALTH, "--json", at=impostor.path).json()["rule"], evil)

    def test_what_could_not_be_written_is_no_yes(self):
        at = self.serve()
        for arguments in ([], ["--json"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([ASSAY, *GET_HEALTH, *arguments, "--token", "", "--socket", at], stdout=full,
                                      stderr=subprocess.PIPE, check=False)
            self.assertEqual((done.returncode, done.stderr), (2, b"assay: stdout: No space left on device\n"))

    def test_a_reload_changes_the_answers(self):
        at = self.serve()
        self.assertDone(0, assay(*GET_HEALTH, at=at))
        put_file(self.agents[0].path("policy.yaml"), POLICY.replace("health, resources: [/health]", "health, resources: [/other]"))
        self.assertDone(0, assay("reload", at=at))
        wait_for("the new policy decides", lambda: assay(*GET_HEALTH, at=at).code == 1)


class Usage(AuthorizeTest):
    def test_2_is_wrong_usage(self):
        for arguments, *words in [
                (["--resource", "/x"], "--action A is needed"), (["--action", "GET"], "--resource R is needed"),
                (["--action", "GET", "--resorce", "/x"], "did you mean --resource?"), (["--action"], "--action needs a value"),
                (["--action", "GET", "--action", "PUT", "--resource", "/x"], "--action is given twice"),
                (["--action", "GET", "--resource", "/x", "--token", "a", "--token-file", "b"], "exclude"),
                (["--action", "GET", "--resource", "/x", "--token-file", self.path("none")], "No such file"),
                (["--action", "GET", "--resource", "/x", "/y"], "'/y'"),
                (["--action", "a" * 4097, "--resource", "/x"], "more than a request can carry"),
                (["--action", "GET", "--resource", "/x", "--audience", "a" * 4097], "more than a request can carry")]:
            self.assertDone(2, assay("authorize", *arguments), *words)
        self.assertDone(2, assay("authorise", "--action", "GET"), "did you mean 'authorize'?")

    def test_help_says_what_it_takes(self):
        done = assay("authorize", "--help")
        self.assertDone(0, done, "--action A", "--resource R", "--audience A", "--token-file F", "401", "Exit: 0 allowed")
        self.assertDone(0, assay("--help"), "\n  authorize ", "\n  policy ")


if __name__ == "__main__":
    unittest.main()
