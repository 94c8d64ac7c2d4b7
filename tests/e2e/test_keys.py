"""Key files are watched: new keys count at once, and a good set is never replaced by one that is not."""
import json
import os
import socket
import subprocess
import threading
import time
import unittest

from agent import ASSAY, ASSAYD, AUDIENCE, ISSUER, AssayTest, Key, key_set, needs_root, put_file, wait_for

OTHER = "https://other.example.com"


class Watched(AssayTest):
    def setUp(self):
        super().setUp()
        self.old, self.new = Key(kid="old"), Key(kid="new")
        self.agent = self.start(keys=[self.old])

    def becomes(self, token, expected, seconds=5):
        with self.agent.connect() as client:
            wait_for(f"a token is {expected}", lambda: client.verify(token) == expected, seconds)

    def error(self, index=0):
        return self.agent.call("status")["issuers"][index]["error"]

    def new_keys_count(self):
        self.becomes(self.new.token(), "accepted")
        self.assertEqual(self.agent.verify(self.old_token), "unknown_key")
        self.assertIsNone(self.error())

    def test_replaced_by_renaming(self):
        self.old_token = self.old.token()
        self.assertEqual(self.agent.verify(self.old_token), "accepted")     # it is in the cache
        self.assertEqual(self.agent.verify(self.new.token()), "unknown_key")
        put_file(self.agent.key_file, key_set(self.new))
        self.new_keys_count()

    def test_rewritten_in_place(self):
        self.old_token = self.old.token()
        self.assertEqual(self.agent.verify(self.old_token), "accepted")
        with open(self.agent.key_file, "w", encoding="utf-8") as file:
            file.write(key_set(self.new))
        self.new_keys_count()

    def test_removed_and_made_again(self):
        self.old_token = self.old.token()
        os.unlink(self.agent.key_file)
        error = wait_for("the status says so", self.error)
        self.assertEqual(self.agent.verify(self.old_token), "accepted")
        self.assertIn("assay revoke --kid", error)
        self.assertIn(error, self.agent.log())
        put_file(self.agent.key_file, key_set(self.new))
        self.new_keys_count()

    def test_the_last_key_is_withdrawn_as_the_error_says(self):
        """By the words of the error, with the kid in the place of KID."""
        token = self.old.token()
        put_file(self.agent.key_file, '{"keys": []}')
        error = wait_for("the status says so", self.error)
        command = error[error.index("assay revoke "):].replace("KID", "old").split()
        said = subprocess.run([ASSAY, *command[1:], "--socket", self.agent.socket], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual(self.agent.verify(token), "revoked")

    def test_a_check_says_it_too(self):
        put_file(self.agent.key_file, '{"keys": []}')
        said = subprocess.run([ASSAYD, "--config", self.agent.config, "--check"], capture_output=True, text=True, timeout=20, check=False)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn(f"a running agent keeps its current keys. To revoke the last key: assay revoke --kid KID --issuer {ISSUER}",
                      said.stderr)

    def test_written_in_pieces(self):
        text = key_set(self.new, self.old)
        with open(self.agent.key_file, "w", encoding="utf-8") as file:
            for place in range(0, len(text), 40):
                file.write(text[place:place + 40])
                file.flush()
                self.assertEqual(self.agent.verify(self.old.token()), "accepted")
        self.becomes(self.new.token(), "accepted")
        self.assertEqual(self.agent.verify(self.old.token()), "accepted")

    def test_a_folder_in_which_others_write(self):
        """Steady traffic beside the file does not put the new keys off for ever."""
        stop = threading.Event()

        def write():
            number = 0
            while not stop.is_set():
                number += 1
                with open(self.agent.path("keys/busy"), "w", encoding="utf-8") as file:
                    file.write(str(number))
                time.sleep(0.004)
        writer = threading.Thread(target=write)
        writer.start()
        try:
            put_file(self.agent.key_file, key_set(self.new))
            self.becomes(self.new.token(), "accepted", 3)
        finally:
            stop.set()
            writer.join()

    def test_a_bad_file_leaves_the_old_keys(self):
        weak = dict(Key("RS256").jwk(), n="AQAB" * 20)
        bad = {"no JSON": '{"keys": [', "empty": "", "no set": json.dumps(self.new.jwk()), "no keys": '{"keys": []}',
               "no usable one": json.dumps({"keys": [weak]}), "encryption only": json.dumps({"keys": [dict(self.new.jwk(), use="enc")]}),
               "twice": '{"keys": [], "keys": %s}' % json.dumps([self.new.jwk()]), "an array": "[]", "garbage": "\x00\x01\x02",
               "too large": key_set(self.new) + " " * (1024 * 1024), "too many": json.dumps({"keys": [self.new.jwk()] * 1025}),
               "private PEM": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}
        good = self.old.token()
        for name, text in bad.items():
            with self.subTest(name):
                put_file(self.agent.key_file, text)
                error = wait_for("the status says so", self.error)
                self.assertIn(self.agent.key_file, error)
                self.assertRegex(error, r"assayd\.yaml:\d+:\d+: ")
                self.assertIn("keeps its current keys", error)
                self.assertIn(f"assay revoke --kid KID --issuer {ISSUER}", error)
                self.assertEqual(self.agent.verify(good), "accepted")
                self.assertEqual(self.agent.verify(self.old.token()), "accepted")
                self.assertNotEqual(self.agent.verify(self.new.token()), "accepted")
                self.assertIn("keys not replaced, the old ones stay in use", self.agent.log())
                put_file(self.agent.key_file, key_set(self.old))
                wait_for("it was mended", lambda: not self.error())
        put_file(self.agent.key_file, key_set(self.new))
        self.becomes(self.new.token(), "accepted")

    def test_a_key_that_may_not_be_used_is_skipped(self):
        weak = dict(Key("RS256", "weak").jwk(), n="AQAB" * 20)
        put_file(self.agent.key_file, json.dumps({"keys": [weak, self.new.jwk()]}))
        self.becomes(self.new.token(), "accepted")
        issuer = self.agent.call("status")["issuers"][0]
        self.assertEqual((issuer["keys"], issuer["skipped"], issuer["error"]), (1, 1, None))
        self.assertIn("a key is not used", self.agent.log())
        self.assertIn("kid weak", self.agent.log())

    def test_two_keys_of_one_name(self):
        """An issuer with a fixed kid, while it rotates."""
        one, other = Key("RS256", "same"), Key("RS256", "same")
        put_file(self.agent.key_file, json.dumps({"keys": [one.jwk(), other.jwk()]}))
        self.becomes(other.token(), "accepted")
        self.assertEqual(self.agent.verify(one.token()), "accepted")
        self.assertEqual(self.agent.verify(Key("RS256", "same").token()), "bad_signature")
        issuer = self.agent.call("status")["issuers"][0]
        self.assertEqual((issuer["keys"], issuer["skipped"], issuer["shared_kids"]), (2, 0, 1))
        self.assertIn("2 keys of one type have the kid `same`: the agent tries a token with each of them", self.agent.log())
        self.agent.call("revoke", kid="same")       # both, whichever signed
        for key in (one, other):
            self.assertEqual(self.agent.verify(key.token(n=1)), "revoked")

    def test_more_keys_without_a_name_than_are_tried(self):
        keys = [Key("RS256", None) for _ in range(5)]
        put_file(self.agent.key_file, json.dumps({"keys": [key.jwk() for key in keys]}))
        self.becomes(keys[3].token(), "accepted")
        self.assertEqual(self.agent.verify(keys[4].token()), "bad_signature")
        self.assertIn("5 keys of one type have no kid: the agent tries a token with the first 4 of them only, and one signed by another is bad_signature", self.agent.log())

    @needs_root
    def test_a_file_that_may_not_be_read(self):
        """As root every file may be read; so it is a folder and a dangling link here."""
        os.unlink(self.agent.key_file)
        os.mkdir(self.agent.key_file)
        wait_for("the status says so", lambda: "not a regular file" in (self.error() or ""))
        os.rmdir(self.agent.key_file)
        os.symlink("nowhere", self.agent.key_file)
        wait_for("the status says so", lambda: "No such file" in (self.error() or ""))
        self.assertEqual(self.agent.verify(self.old.token()), "accepted")

    def test_a_fifo_does_not_hang_the_agent(self):
        os.unlink(self.agent.key_file)
        os.mkfifo(self.agent.key_file)
        wait_for("the status says so", lambda: "not a regular file" in (self.error() or ""))
        self.assertEqual(self.agent.verify(self.old.token()), "accepted")

    def test_as_kubernetes_does_it(self):
        """..data is a link to a folder of the moment, keys.json one through it; only ..data is replaced."""
        agent = self.prepare()
        mount = agent.path("mount")
        os.makedirs(mount + "/..1")
        put_file(mount + "/..1/keys.json", key_set(self.old), 0o644)
        os.symlink("..1", mount + "/..data")
        os.symlink("..data/keys.json", mount + "/keys.json")
        agent.configure([agent.issuer(file=mount + "/keys.json")])
        agent.start()
        old, new = self.old.token(), self.new.token()
        with agent.connect() as client:
            self.assertEqual(client.verify(old), "accepted")
            os.mkdir(mount + "/..2")
            put_file(mount + "/..2/keys.json", key_set(self.new), 0o644)
            os.symlink("..2", mount + "/..data_tmp")
            os.rename(mount + "/..data_tmp", mount + "/..data")
            wait_for("the new keys count", lambda: client.verify(new) == "accepted", 5)
            self.assertEqual(client.verify(old), "unknown_key")

    def test_rotated_under_load(self):
        """No wrong answer and no error while keys come and go: a token of a key that is always there is always good."""
        steady = Key("EdDSA", "steady")
        put_file(self.agent.key_file, key_set(steady))
        self.becomes(steady.token(), "accepted")
        stop = threading.Event()
        trouble = []

        def ask(cached):
            token = steady.token(n=0)
            with self.agent.connect() as client:
                number = 0
                while not stop.is_set():
                    number += 1
                    try:
                        found = client.verify(token if cached else steady.token(n=number))
                    except Exception as error:
                        found = repr(error)
                    if found != "accepted":
                        trouble.append(found)
                        return
        threads = [threading.Thread(target=ask, args=(i % 2 == 0,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for i in range(25):
            key = Key(kid=f"r{i}")
            put_file(self.agent.key_file, key_set(key, steady))
            self.becomes(key.token(), "accepted")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(trouble, [])


class TwoIssuers(AssayTest):
    def test_one_broken_file_does_not_stop_the_other(self):
        ours, theirs, next_ours, next_theirs = [Key(kid=f"k{i}") for i in range(4)]
        agent = self.prepare(keys=[ours])
        other_file = agent.path("other/keys.json")
        os.mkdir(os.path.dirname(other_file))
        put_file(other_file, key_set(theirs))
        agent.configure([agent.issuer(), agent.issuer(OTHER, other_file)])
        agent.start()

        def errors():
            return [issuer["error"] for issuer in agent.call("status")["issuers"]]
        put_file(agent.key_file, "broken")
        wait_for("the status says so", lambda: errors()[0])
        put_file(other_file, key_set(next_theirs))
        wait_for("the other's new keys count", lambda: agent.verify(next_theirs.token(iss=OTHER)) == "accepted")
        self.assertEqual(agent.verify(theirs.token(iss=OTHER)), "unknown_key")
        self.assertEqual(agent.verify(ours.token()), "accepted")
        self.assertIsNone(errors()[1])
        self.assertIsNotNone(errors()[0])
        put_file(agent.key_file, key_set(next_ours))
        wait_for("it was mended", lambda: errors() == [None, None])
        self.assertEqual(agent.verify(next_ours.token()), "accepted")

    def test_both_replaced_at_once(self):
        ours, theirs = Key(kid="a"), Key(kid="b")
        agent = self.prepare(keys=[Key(kid="x")])
        other_file = agent.path("keys/other.json")
        put_file(other_file, key_set(Key(kid="y")))
        agent.configure([agent.issuer(), agent.issuer(OTHER, other_file)])
        agent.start()
        for _ in range(10):
            ours, theirs = Key(kid="a"), Key(kid="b")
            put_file(other_file, key_set(theirs))
            put_file(agent.key_file, key_set(ours))
            wait_for("both count", lambda: agent.verify(ours.token()) == agent.verify(theirs.token(iss=OTHER)) == "accepted")


class Secrets(AssayTest):
    def setUp(self):
        super().setUp()
        self.secret = Key("HS256", "s")
        self.agent = self.prepare(keys=[self.secret])
        self.agent.configure([self.agent.issuer(algorithms=["HS256"])])

    def test_others_may_not_read_them(self):
        agent = self.agent
        os.chmod(agent.key_file, 0o644)
        agent.launch()
        self.assertEqual(agent.wait_exit(), 2)
        self.assertIn("chmod o-rw " + agent.key_file, agent.log())
        os.chmod(agent.key_file, 0o640)
        agent.start()
        self.assertEqual(agent.verify(self.secret.token()), "accepted")
        put_file(agent.key_file, key_set(Key("HS256", "t")), 0o644)
        wait_for("the status says so", lambda: "chmod o-rw" in (agent.call("status")["issuers"][0]["error"] or ""))
        self.assertEqual(agent.verify(self.secret.token()), "accepted")
        answer = agent.call("reload")
        self.assertIs(answer["reloaded"], False)
        self.assertIn("chmod o-rw", answer["faults"][0])

    def test_nor_after_a_chmod_alone(self):
        agent = self.agent
        agent.start()
        os.chmod(agent.key_file, 0o644)
        wait_for("the status says so", lambda: "chmod o-rw" in (agent.call("status")["issuers"][0]["error"] or ""), 3)
        os.chmod(agent.key_file, 0o600)
        wait_for("it was mended", lambda: agent.call("status")["issuers"][0]["error"] is None, 3)

    def test_a_private_key_in_a_set_is_a_secret(self):
        agent = self.agent
        key = Key()
        put_file(agent.key_file, json.dumps({"keys": [dict(key.jwk(), d="AQAB")]}), 0o644)
        agent.configure()
        agent.launch()
        self.assertEqual(agent.wait_exit(), 2)
        self.assertIn("chmod o-rw", agent.log())

    def test_public_keys_that_anybody_may_write(self):
        agent = self.agent
        put_file(agent.key_file, key_set(Key()), 0o666)
        agent.configure()
        agent.launch()
        self.assertEqual(agent.wait_exit(), 2)
        self.assertIn("chmod o-w", agent.log())

    def test_hs_is_never_on_by_accident(self):
        """A public key as an HMAC secret: the oldest trick of all."""
        agent = self.agent
        key = Key("RS256", "r")
        put_file(agent.key_file, key.pem(), 0o644)
        agent.configure()
        agent.start()
        for secret in (key.pem().encode(), key.pem().strip().encode()):
            for kid in ("r", None):
                self.assertEqual(agent.verify(Key("HS256", kid, secret).token()), "algorithm_mismatch")
        put_file(agent.key_file, key_set(self.secret, key), 0o600)
        wait_for("the set is read", lambda: agent.call("status")["issuers"][0]["keys"] == 2)
        self.assertEqual(agent.verify(self.secret.token()), "algorithm_mismatch")
        self.assertEqual(agent.verify(key.token(iss=ISSUER, aud=AUDIENCE)), "accepted")

    def test_secrets_and_tokens_are_not_logged(self):
        agent = self.agent
        agent.configure([agent.issuer(algorithms=["HS256"])], log={"level": "debug", "decisions": "all"})
        agent.start()
        good, bad = self.secret.token(jti="seen"), Key("HS256", "s").token()
        agent.verify(good)
        agent.verify(bad)
        log = agent.log()
        self.assertIn("seen", log)
        for token in (good, bad):
            for part in token.split("."):
                self.assertNotIn(part[:24], log)
        self.assertNotIn(self.secret.jwk()["k"][:16], log)


class StopUnderWay(AssayTest):
    """Signature checks that began under keys that are no longer there, when the agent is told to stop."""

    @staticmethod
    def receive_all(client, answers):
        """Until there is nothing more to read just now, or the end: False."""
        try:
            while data := client.socket.recv(65536, socket.MSG_DONTWAIT):
                client.unpacker.feed(data)
                answers += [answer[2:] for answer in client.unpacker]
        except BlockingIOError:
            return True
        except ConnectionError:
            pass
        return False

    def test_a_removed_key_accepts_nothing_while_the_agent_stops(self):
        policy = "version: 1\nrules:\n  - {name: read, actions: [GET], roles: [user]}\n"
        key = Key("ES512", kid="old")  # slow to check
        agent = self.prepare(keys=[key])
        put_file(agent.path("policy.yaml"), policy)
        agent.configure(threads="1", policy=agent.path("policy.yaml"))
        agent.start()
        clients, before, after = [agent.connect() for _ in range(4)], [], []
        for i, client in enumerate(clients):
            tokens = [key.token(jti=f"{i}-{n}", roles=["user"]) for n in range(180)]
            asked = [("verify", {"token": token}) for token in tokens]
            asked += [("authorize", {"token": token, "action": "GET", "resource": "/x"}) for token in tokens]
            asked += asked  # more than may be under way: these are read when there is room again
            data = b"".join(client.pack(*question)[1] for question in asked)
            client.socket.settimeout(None)
            threading.Thread(target=self.send_all, args=(client, data), daemon=True).start()
        wait_for("all are at work", lambda: all(self.receive_all(client, before) for client in clients) and before)
        put_file(agent.key_file, key_set(Key(kid="new")))
        wait_for("the keys are replaced", lambda: "keys replaced" in agent.log())
        for client in clients:
            self.receive_all(client, before)
        agent.process.terminate()
        wait_for("all are answered", lambda: not any([self.receive_all(client, after) for client in clients]))
        self.assertEqual(agent.wait_exit(), 0)
        for client in clients:
            client.close()
        undecided = [error for error, _ in after if error is not None]
        accepted = [result for _, result in after if result and (result.get("active") or result.get("allow"))]
        self.assertEqual(accepted, [])
        self.assertGreater(len(undecided), 100)  # the checks that were under way

    @staticmethod
    def send_all(client, data):
        try:
            client.socket.sendall(data)
        except OSError:
            pass


if __name__ == "__main__":
    unittest.main()
