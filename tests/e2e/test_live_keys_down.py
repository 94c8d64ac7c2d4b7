"""An issuer that is not there: what was known goes on as long as it may, and nobody waits for what others need."""
import collections
import os
import select
import signal
import socket
import threading
import time
import unittest

import msgpack

from agent import ISSUER, LONG, Key, WireError, connect_as, key_set, needs_root, patient, put_file, wait_for
from behaviours import Behaviour, delayed, document, silent, unavailable
from live import LiveTest, key_document, keys_of

OTHER = "https://other.example.com"


class Down(LiveTest):
    def test_start_without_a_network_goes_on_with_what_is_stored(self):
        self.agent.start()
        self.agent.stop()
        self.server.stop()
        time.sleep(1)  # the cool-down
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertError("keys_unavailable", lambda: self.agent.verify(Key(kid="new").token()), ISSUER)
        wait_for("it says so", self.error)
        self.assertEqual(self.issuer_status()["state"], "fresh")

    def test_the_first_start_without_a_network_says_what_is_missing(self):
        self.server.stop()
        pong = self.launch()
        self.assertIs(pong["ready"], False)
        self.assertIn("keys of " + ISSUER, pong["missing"][0])
        self.assertError("keys_unavailable", lambda: self.agent.verify(self.key.token()), ISSUER)
        self.assertEqual(self.issuer_status()["state"], "none")
        self.assertIsNone(self.issuer_status()["key_age"])
        self.server.start()
        wait_for("its keys have come", lambda: self.agent.call("ping")["ready"], 12)
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertEqual(self.agent.call("ping")["missing"], [])

    def test_a_shadow_issuer_is_not_waited_for(self):
        self.server.routes["/other"] = unavailable()
        self.configure(self.live_issuer(), {**self.live_issuer("/other"), "issuer": OTHER, "mode": "shadow"})
        self.agent.start()
        self.assertEqual(self.agent.call("ping")["missing"], [])
        with self.assertRaises(WireError):
            self.agent.verify(self.key.token(iss=OTHER))
        self.assertEqual(self.agent.call("status")["counters"]["shadow"], {})   # what is not decided is not judged

    def test_keys_that_are_too_old_decide_nothing_and_refuse_nothing(self):
        self.configure(refresh="1s", max_key_age="3s")
        self.agent.start()
        good, bad, strange = self.key.token(), self.key.token()[:-8] + "AAAAAAAA", Key(kid="x").token()
        self.assertEqual(self.agent.verify(good), "accepted")
        self.server.stop()

        def is_stale():
            answers = self.agent.call("status")["issuers"][0]
            return answers["state"] == "stale"
        wait_for("they are too old", is_stale, 8)
        for token in (good, bad, strange, self.key.token(sub="never seen")):
            self.assertError("keys_stale", lambda: self.agent.verify(token), "max_key_age", ISSUER)
        self.assertEqual(self.agent.verify("no token"), "malformed")
        self.assertIn("keys of", self.agent.call("ping")["missing"][0])
        self.server.start()
        wait_for("the issuer is back", lambda: self.issuer_status()["state"] == "fresh", 8)
        self.assertEqual(self.agent.verify(good), "accepted")
        self.assertEqual(self.agent.verify(bad), "bad_signature")

    def test_a_fetch_that_hangs_leaves_time_for_others(self):
        """Ten seconds hold two of them, for the default of 30 s is no use there."""
        self.configure(refresh="1s", max_key_age="10s")
        self.agent.start()
        self.server.routes["/jwks"] = silent()
        wait_for("it was given up", lambda: "no complete answer within 4 s" in self.error(), 9)
        self.publish(self.key)
        for _ in range(40):
            self.assertEqual(self.agent.verify(self.key.token()), "accepted")
            time.sleep(0.1)

    def test_a_server_that_does_not_take_part_in_the_handshake(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.configure(keys={"jwks_uri": f"https://127.0.0.1:{listener.getsockname()[1]}/jwks"})
            self.launch()
            wait_for("it was given up", lambda: "no connection within 3 s" in self.error(), 6)

    def test_a_stop_that_waits_for_a_fetch_says_nothing_of_its_own_socket(self):
        self.agent.start()
        self.server.routes["/jwks"] = silent()
        time.sleep(1)  # the cool-down
        with self.agent.connect() as client:
            client.send("verify", token=Key(kid="new").token())
            wait_for("it waits", lambda: self.issuer_status()["waiting"] == 1)
            size = len(self.agent.log())
            self.agent.process.send_signal(signal.SIGTERM)
            wait_for("the socket's file is gone", lambda: not os.path.exists(self.agent.socket))
            time.sleep(0.2)
            self.assertIsNone(self.agent.process.poll())
            self.assertNotIn("socket's file was removed", self.agent.log()[size:])
        self.assertEqual(self.agent.process.wait(15), 0)

    def test_an_issuer_that_has_come_back_is_noticed_by_the_first_token_that_needs_it(self):
        self.configure(refresh="600s", max_key_age="600s")
        self.server.stop()
        self.launch()
        wait_for("it has failed a few times", lambda: self.issuer_status()["failures"] >= 3, 15)
        self.server.start()
        time.sleep(1)
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")

    def assertLate(self, token):
        """Undecided before libassay's callers give up, and not at once."""
        begun = time.monotonic()
        self.assertError("keys_unavailable", lambda: self.agent.verify(token), "takes long")
        self.assertGreater(time.monotonic() - begun, 3)
        self.assertLess(time.monotonic() - begun, 5)

    def test_a_slow_issuer_is_waited_for_but_not_by_requests(self):
        """Document and set: six seconds together."""
        path = "/.well-known/openid-configuration"
        issuer = self.server.url("")
        self.server.routes[path] = delayed(document({"issuer": issuer, "jwks_uri": self.server.url("/jwks")}), 3)
        self.server.routes["/jwks"] = delayed(keys_of(self.key), 3)
        keys = {"discovery": True, "ca_file": self.authority.ca}
        self.configure({**self.agent.issuer(), "issuer": issuer, "keys": keys, "refetch_cooldown": "1s"},
                       {**self.live_issuer(), "issuer": OTHER})
        self.launch()
        token = self.key.token(iss=issuer)
        self.assertLate(token)
        wait_for("its keys have come", lambda: self.issuer_status()["keys"] == 1, 12)
        self.assertEqual(self.agent.verify(token), "accepted")
        self.assertEqual((self.issuer_status()["failures"], self.error()), (0, ""))

        new = Key(kid="new")                # and with keys in force
        self.server.routes[path] = document({"issuer": issuer, "jwks_uri": self.server.url("/jwks")})
        self.server.routes["/jwks"] = delayed(keys_of(self.key, new), 7)
        time.sleep(1)                       # the cool-down
        waiting = [threading.Thread(target=self.assertLate, args=(new.token(iss=issuer, jti=str(i)),)) for i in range(3)]
        failures = []
        threading.excepthook, before = lambda raised: failures.append(raised), threading.excepthook
        self.addCleanup(setattr, threading, "excepthook", before)
        for thread in waiting:
            thread.start()
            time.sleep(0.3)
        self.assertEqual(self.agent.verify(self.key.token(iss=issuer, jti="meanwhile")), "accepted")
        self.assertEqual(self.issuer_status()["waiting"], 3)
        for thread in waiting:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.issuer_status()["waiting"], 0)
        self.assertEqual(self.agent.verify(new.token(iss=issuer)), "accepted")  # who comes in its last seconds gets the answer
        self.publish(self.key, new)
        time.sleep(1)
        self.assertEqual(self.agent.verify(Key(kid="none").token(iss=issuer)), "unknown_key")

    def test_a_timeout_that_is_set(self):
        self.server.routes["/jwks"] = silent()
        self.configure(keys={"timeout": "2s"})
        begun = time.monotonic()
        self.launch()
        wait_for("it is told", lambda: "within 2 s" in self.error(), 8)
        self.assertGreater(time.monotonic() - begun, 1.9)

    def test_the_agent_stops_while_a_slow_issuer_is_waited_for(self):
        self.server.routes["/jwks"] = silent()
        self.launch()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.assertRaises(Exception, self.agent.verify, self.key.token())))
        thread.start()
        wait_for("it waits", lambda: self.issuer_status()["waiting"] == 1)
        begun = patient()
        self.agent.stop()
        thread.join()
        self.assertLess(patient() - begun, 8)    # the one who waits is answered first; the fetch would last 30 s

    def test_a_back_off_survives_a_restart(self):
        self.server.routes["/jwks"] = unavailable()
        self.launch()
        wait_for("it has failed a few times", lambda: self.issuer_status()["failures"] >= 2, 10)
        failures = self.issuer_status()["failures"]
        self.agent.stop()
        self.server.forget()
        self.launch()
        self.assertGreaterEqual(self.issuer_status()["failures"], failures)
        self.assertEqual(self.fetches(), 0)

    def test_one_issuer_s_silence_delays_no_other(self):
        self.server.routes["/other"] = silent()
        self.configure(self.live_issuer(), {**self.live_issuer("/other"), "issuer": OTHER})
        self.launch()
        wait_for("the keys have come", lambda: self.agent.verify(self.key.token()) == "accepted")
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(self.undecided(self.key.token(iss=OTHER))))
        waiting.start()
        longest = 0
        while waiting.is_alive():
            begin = time.monotonic()
            self.assertEqual(self.agent.verify(self.key.token()), "accepted")
            self.assertEqual(self.agent.verify(self.key.token(jti=str(begin))), "accepted")
            longest = max(longest, time.monotonic() - begin)
        self.assertLess(longest, 1)
        self.assertEqual(answers, ["keys_unavailable"])

    def undecided(self, token):
        try:
            return self.agent.verify(token)
        except Exception as error:  # a thread's
            return getattr(error, "name", repr(error))


class Strangers(LiveTest):
    SETTINGS = {"refetch_cooldown": "10s"}

    def test_two_thousand_strange_kids_are_two_fetches_at_most(self):
        self.configure(refetch_cooldown="2s")
        self.agent.start()
        self.server.routes["/jwks"] = document(key_document(self.key))
        tokens = [Key(kid=f"strange{i % 2000}", private=self.key.private).token() for i in range(2000)]
        time.sleep(2)
        self.server.forget()
        with self.agent.connect() as client:
            begin = time.monotonic()
            for token in tokens:
                client.send("verify", token=token)
            answers = [client.receive() for _ in tokens]
            elapsed = time.monotonic() - begin
        self.assertEqual({answer[3]["reason"] for answer in answers}, {"unknown_key"})
        self.assertLessEqual(self.fetches(), 2 if elapsed < 2 else 2 + int(elapsed / 2))
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")

    def test_a_kid_in_vain_is_asked_for_less_and_less(self):
        self.configure(refetch_cooldown="1s")
        self.agent.start()
        stranger = Key(kid="stranger").token()
        time.sleep(1)
        self.server.forget()
        end = time.monotonic() + 7
        while time.monotonic() < end:
            self.assertEqual(self.agent.verify(stranger), "unknown_key")
            time.sleep(0.02)
        self.assertIn(self.fetches(), (2, 3))  # after 0, 1, 2 + 1, 4 + 1 s; with one a second it would be 7
        new = Key(kid="k2")
        self.publish(self.key, new)
        self.assertEqual(self.agent.verify(new.token()), "accepted")

    def test_requests_that_wait_for_a_fetch_get_the_same_answers(self):
        self.configure(refetch_cooldown="1s")
        self.agent.start()
        new = Key(kid="k2")
        time.sleep(1)
        gate = threading.Event()

        def held(request, out):
            gate.wait(3)
            keys_of(self.key, new).send(request, out)
        self.server.routes["/jwks"] = Behaviour(held)
        self.server.forget()
        good, bad = new.token(), Key(kid="k3").token()
        with self.agent.connect() as client, self.agent.connect() as other:
            for token in (good, bad, good, bad):
                client.send("verify", token=token)
            wait_for("they wait", lambda: self.issuer_status()["waiting"] == 4)
            self.assertEqual(other.verify(self.key.token()), "accepted")  # for nobody else's
            gate.set()
            answers = sorted(client.receive() for _ in range(4))
        self.assertEqual([answer[3].get("reason") for answer in answers], [None, "unknown_key", None, "unknown_key"])
        self.assertEqual(self.fetches(), 1)


    @needs_root
    def test_more_requests_than_may_wait_are_refused(self):
        """Small ones, of two users, for one user has not so many under way."""
        self.configure(refetch_cooldown="1s")
        self.agent.start()
        time.sleep(1)
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.server.routes["/jwks"] = Behaviour(lambda request, out: gate.wait(3) and keys_of(self.key).send(request, out))
        os.chmod(self.agent.folder, 0o755)
        request = msgpack.packb([0, 1, "verify", [{"token": Key(kid="k2").token()}]])
        clients = [connect_as(self.agent, uid) for uid in (1001, 1002) for _ in range(9)]
        for client in clients:
            self.addCleanup(client.close)
            client.socket.sendall(request * 250)
        wait_for("as many wait as may", lambda: self.issuer_status()["waiting"] >= 4096)
        self.assertEqual(self.issuer_status()["waiting"], 4096)
        refused = select.select([client.socket for client in clients], [], [], 3)[0]
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        gate.set()
        self.assertNotEqual(refused, [])
        answers = [client.receive() for client in clients for _ in range(250)]
        # Where this takes long, some are read when the keys are there already, and the first have waited for as long as anybody does.
        names = collections.Counter("answered" if answer[2] is None else answer[2][1].split(":")[0] for answer in answers)
        self.assertGreaterEqual(names["answered"] + names["keys_unavailable"], 4096)
        self.assertGreater(names["overloaded"], 0)
        self.assertEqual(set(names) - {"answered", "keys_unavailable", "overloaded"}, set())

    def test_an_issuer_that_is_taken_out_while_its_keys_are_fetched(self):
        """What comes is nobody's: no other issuer's, and no place that is not there."""
        put_file(self.agent.key_file, key_set(self.key))
        self.configure(self.agent.issuer(), {**self.live_issuer(refetch_cooldown="1s"), "issuer": OTHER})
        self.agent.start()
        time.sleep(1)
        begun, gate, gone, new = threading.Event(), threading.Event(), threading.Event(), Key(kid="k2")
        self.addCleanup(gate.set)

        def held(request, out):
            begun.set()
            gate.wait(3)
            keys_of(new).send(request, out)
            gone.set()
        self.server.routes["/jwks"] = Behaviour(held)
        with self.agent.connect() as client:
            client.send("verify", token=new.token(iss=OTHER))
            wait_for("it is fetched", begun.is_set)
            self.configure(self.agent.issuer())
            self.assertTrue(self.agent.call("reload")["reloaded"])
            gate.set()
            self.assertEqual(client.receive()[3], {"active": False, "reason": "unknown_issuer"})
        wait_for("it was answered", gone.is_set)
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertEqual(self.agent.verify(new.token()), "unknown_key")
        self.assertNotIn("keys replaced", self.agent.log().split("configuration reloaded")[-1])

    def test_more_than_may_wait_is_refused_and_the_others_are_served(self):
        """Large tokens, of three connections, while a fetch does not come back."""
        self.configure(refetch_cooldown="1s")
        self.agent.start()
        time.sleep(1)
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.server.routes["/jwks"] = Behaviour(lambda request, out: gate.wait(3) and keys_of(self.key).send(request, out))
        large = Key(kid="k2").token(filler="x" * 11000)
        clients = [self.agent.connect() for _ in range(3)]
        for client in clients:
            self.addCleanup(client.close)
            for _ in range(200):
                client.send("verify", token=large)
        wait_for("as many wait as may", lambda: self.issuer_status()["waiting"] * len(large) > 7 << 20)
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        gate.set()
        answers = [client.receive() for client in clients for _ in range(200)]
        said = {answer[3]["reason"] if answer[2] is None else answer[2][1].split(":")[0] for answer in answers}
        self.assertEqual(said, {"unknown_key", "overloaded"})
        self.assertLessEqual(sum(answer[2] is None for answer in answers) * len(large), 8 << 20)


class Killed(LiveTest):
    SETTINGS = {"refetch_cooldown": "1s", "refresh": "1s"}

    def test_a_set_on_the_disk_is_the_old_or_the_new_one_whole(self):
        """Large ones, of several pieces, that differ in every key."""
        sets = [[Key("EdDSA", kid=f"{name}{i}-" + "x" * 100) for i in range(60)] for name in "ab"]
        self.publish(*sets[0])
        self.agent.start()
        seen = set()
        for cycle in range(60 if LONG else 12):
            self.publish(*sets[cycle % 2])
            time.sleep(0.8 + cycle % 6 * 0.1)
            self.agent.kill()
            self.server.accepting = "close"
            self.launch()
            good = [[self.agent_says(key.token()) == "accepted" for key in (keys[0], keys[30], keys[59])] for keys in sets]
            self.assertIn(good, ([[True] * 3, [False] * 3], [[False] * 3, [True] * 3]))
            seen.add(good[0][0])
            self.server.accepting = "tls"
            wait_for("it is fetched again", lambda: self.issuer_status()["failures"] == 0, 10)
        self.assertEqual(seen, {True, False})

    def agent_says(self, token):
        try:
            return self.agent.verify(token)
        except Exception as error:  # undecided
            return getattr(error, "name", repr(error))

    def test_a_damaged_set_is_fetched_anew(self):
        self.agent.start()
        self.agent.stop()
        path = os.path.join(self.agent.state, "data.mdb")
        with open(path, "rb") as file:
            data = file.read()
        self.assertIn(b'"kid":"k1"', data)
        with open(path, "wb") as file:
            file.write(data.replace(b'"kid":"k1"', b'"kid":"k9"'))
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertIn("a stored key set is damaged", self.agent.log())


if __name__ == "__main__":
    unittest.main()
