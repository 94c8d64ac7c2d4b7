"""`assay` ends with 0 for yes, 1 for no, 2 for wrong input, 3 for could not decide; results on stdout, complaints on stderr."""
import os
import socket
import subprocess
import threading
import time
import unittest

import msgpack

from agent import ASSAY, ISSUER, Key, as_user, key_set, needs_root, put_file, wait_for
from command import CommandTest, Impostor, assay, copy_for_all, saying


class ExitCodes(CommandTest):
    def test_0_is_yes(self):
        agent = self.start(keys=[self.key])
        at, token, keys = agent.socket, self.key.token(jti="j"), self.put("keys.json", key_set(self.key))
        private = self.path("k.pem")
        self.assertDone(0, assay("verify", at=at, given=token + "\n"), '"sub":"alice"')
        self.assertDone(0, assay("verify", "--token", token, "--audience", "orders", at=at), '"sub":"alice"')
        self.assertDone(0, assay("revoke", "--jti", "j", at=at), "revoked")
        self.assertDone(0, assay("revocations", "--jti", "j", at=at), "operators")
        self.assertDone(0, assay("revocations", at=at), "operators")
        self.assertDone(0, assay("unrevoke", "--jti", "j", at=at), "taken back")
        self.assertDone(0, assay("status", at=at), ISSUER)
        self.assertDone(0, assay("reload", at=at), "reloaded")
        self.assertDone(0, assay("health", at=at), "ready")
        self.assertDone(0, assay("inspect", "--keys", keys, given=token), "good")
        self.assertDone(0, assay("inspect", "--batch"))
        self.assertDone(0, assay("keygen", "--alg", "ES256", "--kid", "k", "--out", private), private)
        self.assertDone(0, assay("mint", "--key", private, "--alg", "ES256", "--kid", "k", "--issuer", "i", "--audience", "a",
                                 "--subject", "s", "--ttl", "1h"), "eyJ")

    def test_1_is_no_and_stderr_says_why(self):
        agent = self.start(keys=[self.key])
        at = agent.socket
        for reason, token in [("expired", self.key.token(exp=1)), ("bad_signature", Key().token()), ("malformed", "a.b"),
                              ("wrong_audience", self.key.token(aud="x")), ("too_large", "a" * 16385), ("too_large", "a" * 65536)]:
            done = assay("verify", at=at, given=token)
            self.assertDone(1, done, "refused: " + reason + ": ")
            self.assertEqual(done.out, "")
        self.assertDone(1, assay("revocations", "--jti", "j", at=at), "not revoked")
        done = assay("inspect", "--keys", self.put("keys.json", key_set(self.key)), given=self.key.token(exp=1))
        self.assertDone(1, done, "refused: expired: ")
        self.assertRegex(done.out, "exp +REFUSED")
        put_file(agent.config, "issuers: 5\n")
        done = assay("reload", at=at)
        self.assertEqual((done.code, done.out), (1, ""))
        self.assertIn("not reloaded", done.err)
        with Impostor(saying({"ready": False, "missing": ["keys of x", "state"]})) as starting:
            self.assertDone(1, assay("health", at=starting.path), "missing: keys of x, state")
            self.assertEqual(assay("health", "--json", at=starting.path).json()["missing"], ["keys of x", "state"])

    def test_3_is_nobody_there(self):
        with socket.socket(socket.AF_UNIX) as closed:
            closed.bind(self.path("closed"))
        for at in [self.path("none"), self.path("closed"), "/dev/null", self.folder]:
            for command in (["verify", "--token", "a"], ["revoke", "--jti", "a"], ["revocations"], ["status"], ["health"], ["reload"]):
                self.assertDone(3, assay(*command, at=at), "cannot reach the agent at " + at, "--socket")
        self.assertDone(3, assay("health", "--socket", self.path("none"), at=self.path("closed")), self.path("none"))
        self.assertEqual(assay("health", "--json", "--socket", self.path("none")).json()["error"], "unreachable")

    def test_3_is_no_answer_in_time(self):
        with Impostor(lambda *_: None) as silent, Impostor(lambda *_: b"\x94\x01\x01") as half:
            for command in (["verify", "--token", "a"], ["health"], ["revoke", "--jti", "a"]):
                start = time.monotonic()
                self.assertDone(3, assay(*command, "--timeout", "200ms", at=silent.path), "did not answer in time", "--timeout")
                self.assertTrue(0.2 <= time.monotonic() - start < 4)
            self.assertEqual(assay("health", "--timeout", "50ms", "--json", at=silent.path).json()["error"], "timeout")
            self.assertDone(3, assay("health", at=half.path), "does not speak the agent's protocol")

    def test_3_is_an_answer_that_is_none(self):
        yes = {"active": True, "claims": {"sub": "a"}, "issuer": "i", "expires_at": 9}
        nonsense = [b"HTTP/1.1 200 OK\r\n\r\n", b"\xc1" * 100, b"\x91" * 60000, b"\xdd\xff\xff\xff\xff", b"\x00" * 200000]
        results = [None, True, [], {}, b"\xff", {1: 2}, {"active": 1}, {"active": "true"}, {"active": "\0"}, {"active": True},
                   {**yes, "expires_at": -1}, {**yes, "reason": "revoked"}, {"active": False}, {"active": False, "reason": ""}]
        errors = ["no", [], [3], [0, "x"], [3, 3], [999, "later: x"]]
        answers = [lambda *_, said=said: said for said in nonsense] + [saying(result) for result in results]
        answers += [saying(None, error) for error in errors] + [
            saying(yes, [3, "forbidden: no"]), lambda msgid, _: msgpack.packb([1, msgid + 1, None, yes]),
            lambda msgid, _: msgpack.packb([0, msgid, None, yes]), lambda msgid, _: msgpack.packb([1, msgid, None, yes]) * 2,
            lambda msgid, _: msgpack.packb([1, msgid, None, yes])[:-1]]
        for answer in answers:
            with Impostor(answer) as impostor:
                for command in (["verify", "--token", "a"], ["revocations", "--jti", "a"], ["unrevoke", "--jti", "a"], ["health"],
                                ["reload"]):
                    done = assay(*command, at=impostor.path)
                    self.assertEqual((done.code, done.out), (3, ""), (answer(1, ""), command, done))
        with Impostor(saying(yes)) as impostor:
            self.assertDone(0, assay("verify", "--token", "a", at=impostor.path), '{"sub":"a"}')

    def test_3_is_an_agent_that_cannot_decide(self):
        for number, name in enumerate(["rate_limited", "overloaded", "keys_unavailable", "keys_stale", "revocation_stale",
                                       "clock_untrusted", "internal"], 4):
            with Impostor(saying(None, [number, name + ": so it is"])) as agent:
                for command in (["verify", "--token", "a"], ["revoke", "--jti", "a"]):
                    self.assertDone(3, assay(*command, at=agent.path), name + ": so it is")
                    told = {"error": name, "message": name + ": so it is"}
                    self.assertEqual(assay(*command, "--json", at=agent.path).json(), told)

    @needs_root
    def test_3_is_a_listener_who_is_not_the_agent(self):
        for owner, trusted in ((0, False), (54321, True)):
            os.chmod(self.folder, 0o755)
            os.mkdir(self.path(str(owner)))
            os.chmod(self.path(str(owner)), 0o777)
            os.chown(self.path(str(owner)), owner, owner)
            at = self.path(f"{owner}/s")
            child = os.fork()
            if child == 0:
                os.setgroups([])
                os.setgid(54321)
                os.setuid(54321)
                Impostor(saying({"ready": True, "missing": []}), os.path.dirname(at))
                threading.Event().wait(20)
                os._exit(0)
            try:
                wait_for("it listens", lambda: os.path.exists(at) and "refused" not in assay("health", at=at).err)
                done = assay("health", at=at)
                self.assertDone(*((0, done, "ready") if trusted else (3, done, "neither root nor the owner of its directory")))
                if not trusted:
                    self.assertEqual(assay("health", "--json", at=at).json()["error"], "untrusted")
            finally:
                os.kill(child, 9)
                os.waitpid(child, 0)

    @needs_root
    def test_3_is_a_socket_that_may_not_be_used(self):
        program = copy_for_all(self.folder)
        with Impostor(saying({"ready": True, "missing": []})) as agent:
            os.chmod(agent.folder, 0o700)
            code, err = as_user(54321, lambda: (lambda done: (done.code, done.err))(assay("health", at=agent.path, program=program)))
        self.assertEqual(code, 3)
        self.assertRegex(err, "may not use|cannot reach")

    def test_json_is_one_object_on_stdout_whatever_happens(self):
        agent = self.start(keys=[self.key])
        at, token = agent.socket, self.key.token(jti="j")
        keys = self.put("keys.json", key_set(self.key))
        told, minted = {"error", "message"}, ["--issuer", "i", "--audience", "a", "--subject", "s", "--ttl", "1h"]
        for code, arguments, members in [
                (0, ["verify", "--token", token], {"active", "claims", "issuer", "expires_at", "key_age", "revocation_age", "decision_id"}),
                (1, ["verify", "--token", "a"], {"active", "reason", "decision_id"}),
                (1, ["verify", "--token", "a" * 65000], {"active", "reason"}),
                (0, ["revoke", "--jti", "j"], {"revoked"}), (0, ["revocations"], {"revocations"}),
                (0, ["revocations", "--jti", "j"], {"revoked", "held_by"}), (0, ["unrevoke", "--jti", "j"], {"held_by"}),
                (1, ["revocations", "--jti", "j"], {"revoked", "held_by"}), (0, ["reload"], {"reloaded", "faults"}),
                (0, ["health"], {"version", "instance", "ready", "missing"}), (2, ["verfy"], told),
                (2, ["verify", "--bogus"], told), (2, ["verify", "--token-file", "/none\udcff"], told),
                (3, ["health", "--socket", "/none"], told),
                (2, ["revoke", "--jti", "j", "--issuer", "x"], told), (2, ["inspect", "--keys", "/none", "--token", "a"], told),
                (0, ["inspect", "--keys", keys, "--token", token], {"active", "reason", "checks"}),
                (1, ["inspect", "--keys", keys, "--token", "a"], {"active", "reason", "checks"}),
                (0, ["keygen", "--alg", "ES256", "--kid", "k", "--out", self.path("k")], {"alg", "kid", "private", "public"}),
                (0, ["mint", "--key", self.path("k"), "--alg", "ES256", "--kid", "k", *minted], {"token"})]:
            done = assay(*arguments, "--json", at=at)
            with self.subTest(arguments=[word[:40] for word in arguments]):
                self.assertEqual((done.code, done.err, set(done.json())), (code, "", members))
                self.assertEqual(done.out.count("\n"), 1)
        self.assertEqual(assay("verify", "--token", token, "--json", at=at).json()["active"], True)
        self.assertIn("issuers", assay("status", "--json", at=at).json())

    def test_what_could_not_be_written_is_no_yes(self):
        agent, token, keys = self.start(keys=[self.key]), self.key.token(), self.put("k", key_set(self.key))
        for arguments in (["--version"], ["--help"], ["verify", "--help"], ["verify", "--token", token], ["status"], ["health"],
                          ["reload"], ["inspect", "--keys", keys, "--token", token]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([ASSAY, *arguments], stdout=full, stderr=subprocess.PIPE,
                                      env={"ASSAY_SOCKET": agent.socket}, check=False)
            self.assertEqual((done.returncode, done.stderr), (2, b"assay: stdout: No space left on device\n"), arguments)


if __name__ == "__main__":
    unittest.main()
