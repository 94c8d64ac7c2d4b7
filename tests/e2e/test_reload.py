"""SIGHUP and `reload`: a good configuration is in force at once, a bad one is refused whole and changes nothing."""
import itertools
import json
import os
import signal
import threading
import time
import unittest

from agent import ASAN, BUILD, ISSUER, AssayTest, Key, WireError, key_set, patient, put_file, wait_for

OTHER = "https://other.example.com"


class Reload(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.start(keys=[self.key])
        self.answers = ("accepted", "wrong_audience")

    def by_signal(self):
        before = self.agent.log().count("configuration re")
        self.agent.process.send_signal(signal.SIGHUP)
        wait_for("it was reloaded", lambda: self.agent.log().count("configuration re") > before)
        error = self.agent.call("status")["reload_error"]
        return {"reloaded": error is None, "faults": [] if error is None else [error]}

    def by_method(self):
        return self.agent.call("reload")

    def both_ways(self):
        return (self.by_signal, self.by_method)

    def test_new_settings_are_in_force_when_it_is_answered(self):
        orders, invoices = self.key.token(), self.key.token(aud="invoices")
        with self.agent.connect() as client:
            for reload in self.both_ways():
                for audience, expected in (("invoices", ["wrong_audience", "accepted"]), ("orders", ["accepted", "wrong_audience"])):
                    self.agent.configure([self.agent.issuer(audiences=[audience])])
                    self.assertEqual(reload(), {"reloaded": True, "faults": []})
                    # Both were judged, and one was cached, under the configuration before.
                    self.assertEqual([client.verify(orders), client.verify(invoices)], expected)
                    self.assertEqual([client.verify(orders), client.verify(invoices)], expected)

    def test_each_setting(self):
        token = self.key.token(exp=4102444800, sub="bob")
        cases = [({"algorithms": ["EdDSA"]}, "algorithm_mismatch"), ({"token_types": ["at+jwt"]}, "wrong_type"),
                 ({"claims": {"sub": ["alice"]}}, "claim_mismatch"), ({"required_claims": ["jti"]}, "missing_claim"),
                 ({"max_token_lifetime": "1h"}, "lifetime_too_long"), ({"mode": "shadow"}, "unknown_issuer"),
                 ({"audience_claim": "client_id"}, "missing_claim")]
        with self.agent.connect() as client:
            for settings, expected in cases:
                with self.subTest(settings):
                    self.agent.configure([self.agent.issuer(**settings)])
                    self.assertIs(client.call("reload")["reloaded"], True)
                    self.assertEqual(client.verify(token), expected)
                    self.agent.configure()
                    self.assertIs(client.call("reload")["reloaded"], True)
                    self.assertEqual(client.verify(token), "accepted")
            self.agent.configure([self.agent.issuer(OTHER)])
            client.call("reload")
            self.assertEqual(client.verify(token), "unknown_issuer")

    def test_a_bad_one_is_refused_whole(self):
        good = self.key.token()
        new = Key(kid="new")
        for reload in self.both_ways():
            with self.subTest(reload.__name__):
                put_file(self.agent.config, "issuers:\n  - issuer: %s\n    keys: {file: keys/new.json}\n    audiences: [invoices]\n"
                                            "socket: {path: %s, mode: \"0666\"}\nstate: %s\nthreads: 2\nlog: {levle: debug}\n"
                         % (ISSUER, self.agent.socket, self.agent.state))
                put_file(self.agent.path("keys/new.json"), key_set(new))
                answer = reload()
                self.assertEqual(answer["reloaded"], False)
                self.assertRegex(answer["faults"][0], r"assayd\.yaml:8:7: unknown key `levle`; did you mean `level`\?")
                status = self.agent.call("status")
                self.assertEqual(status["reload_error"], answer["faults"][0])
                self.assertIs(status["ready"], True)
                self.assertEqual(self.agent.verify(good), "accepted")
                self.assertEqual(self.agent.verify(new.token(aud="invoices")), "unknown_key")
                self.assertIn("configuration refused, the old one stays in force", self.agent.log())
                self.agent.configure()
                self.assertIs(reload()["reloaded"], True)
                self.assertIsNone(self.agent.call("status")["reload_error"])

    def test_a_bad_key_file_refuses_the_whole(self):
        put_file(self.agent.path("keys/new.json"), '{"keys": []}')
        self.agent.configure([self.agent.issuer(audiences=["invoices"]), self.agent.issuer(OTHER, self.agent.path("keys/new.json"))])
        answer = self.agent.call("reload")
        self.assertIs(answer["reloaded"], False)
        self.assertIn("keys/new.json", answer["faults"][0])
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")

    def test_every_fault_is_told(self):
        put_file(self.agent.config, "issuers: []\nx: 1\ny: 2\nlog: {level: loud}\n")
        faults = self.agent.call("reload")["faults"]
        self.assertEqual([fault.split(": ")[0].rsplit("/", 1)[1] for fault in faults],
                         ["assayd.yaml:1:10", "assayd.yaml:2:1", "assayd.yaml:3:1", "assayd.yaml:4:14"])

    def test_a_missing_file(self):
        os.unlink(self.agent.config)
        self.assertIn("No such file", self.agent.call("reload")["faults"][0])
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")

    def test_what_needs_a_restart(self):
        agent = self.agent
        for name, top in (("socket", {"socket": {"path": agent.path("t"), "mode": "0666"}}), ("socket", {"socket": {"path": agent.socket}}),
                          ("state", {"state": agent.path("state2")}), ("threads", {"threads": "1"})):
            with self.subTest(name, **top):
                agent.configure([agent.issuer(audiences=["invoices"])], **top)
                answer = agent.call("reload")
                self.assertIs(answer["reloaded"], False)
                self.assertRegex(answer["faults"][0], f"`{name}` has changed, which needs a restart")
                self.assertEqual(agent.verify(self.key.token()), "accepted")
                self.assertFalse(os.path.exists(agent.path("t")) or os.path.exists(agent.path("state2")))

    def test_the_log(self):
        agent = self.agent
        agent.configure(log={"level": "error"})
        agent.call("reload")
        size = len(agent.log())
        agent.verify("x")
        self.assertEqual(len(agent.log()), size)
        agent.configure(log={"level": "info", "format": "text", "decisions": "all"})
        agent.call("reload")
        agent.verify(self.key.token(sub="carol"))
        line = agent.log()[size:].splitlines()[-1]
        self.assertRegex(line, r"info: accepted .*subject=\"carol\"")
        agent.configure(log={"decisions": "off"})
        agent.call("reload")
        size = len(agent.log())
        agent.verify("x")
        agent.verify(self.key.token())
        self.assertEqual(len(agent.log()), size)
        agent.configure()
        agent.call("reload")
        agent.verify(self.key.token())
        agent.verify("x")
        lines = [json.loads(line) for line in agent.log()[size:].splitlines()]
        self.assertEqual([(line["event"], line.get("reason")) for line in lines if line["event"] in ("accepted", "refused")],
                         [("refused", "malformed")])

    def test_the_cache(self):
        agent = self.agent
        with agent.connect() as client:
            for i in range(300):
                self.assertEqual(client.verify(self.key.token(n=i, pad="p" * 5000)), "accepted")
            agent.configure(cache={"size": "1MiB"})
            client.call("reload")
            token = self.key.token(pad="p" * 5000)
            for i in range(300):
                self.assertEqual(client.verify(self.key.token(n=i, pad="q" * 5000)), "accepted")
                self.assertEqual(client.verify(token), "accepted")
            cache = client.call("status")["cache"]
        self.assertEqual(cache["size"], 1024 * 1024)
        self.assertLessEqual(cache["bytes"], cache["size"])
        self.assertGreater(cache["evictions"], 100)
        self.assertGreaterEqual(cache["hits"], 299)     # what is asked for again and again is not what goes

    def test_revocations_stay(self):
        self.agent.call("revoke", jti="j")
        self.agent.call("reload")
        self.assertEqual(self.agent.verify(self.key.token(jti="j")), "revoked")

    def test_under_load_and_again_and_again(self):
        """Tokens in flight while the configuration changes: each is judged under one or the other, never both, never neither."""
        stop = threading.Event()
        trouble = []

        def ask(seed):
            number = 0
            with self.agent.connect() as client:
                while not stop.is_set():
                    number += 1
                    try:
                        found = client.verify(self.key.token(n=[seed, number]))
                    except Exception as error:
                        found = repr(error)
                    if found not in ("accepted", "wrong_audience"):
                        trouble.append(found)
                        return
        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for i in range(30):
            self.agent.configure([self.agent.issuer(audiences=["orders" if i % 2 else "invoices"])])
            if i % 3 == 0:
                self.agent.process.send_signal(signal.SIGHUP)
            self.assertIs(self.agent.call("reload")["reloaded"], True)
            self.assertEqual(self.agent.verify(self.key.token(n=-i)), "accepted" if i % 2 else "wrong_audience")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(trouble, [])

    def test_many_at_once(self):
        """Reloads that are asked for together are answered together."""
        with self.agent.connect() as client:
            for _ in range(50):
                client.send("reload")
            for _ in range(50):
                self.assertEqual(client.receive()[3], {"reloaded": True, "faults": []})

    def test_stopped_in_the_middle(self):
        with self.agent.connect() as client:
            for _ in range(20):
                client.send("reload")
            client.send("verify", token=self.key.token())
            client.receive()
            self.assertEqual(self.agent.stop(), 0)


class Overtaken(AssayTest):
    """A reload that has read a key file, and is still at the policy while the file changes."""

    def setUp(self):
        super().setUp()
        if ASAN:
            self.skipTest("nothing can be loaded before the sanitizers' libraries")
        self.key, self.other = Key(kid="k1"), Key(kid="k2")
        self.agent = self.prepare(keys=[self.key, self.other])
        self.slow = self.agent.path("slow")
        os.mkdir(self.slow)
        put_file(os.path.join(self.slow, "policy.yaml"), "version: 1\nrules: []\n")
        self.sign = os.path.join(self.slow, "hangs")
        self.agent.environment = {"LD_PRELOAD": os.path.join(BUILD, "tests", "strange_files.so"), "ASSAY_STRANGE_FILES": self.slow}
        self.agent.configure(policy=os.path.join(self.slow, "policy.yaml"))
        self.agent.start()

    def held_reload(self):
        put_file(self.sign, "")
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.agent.call("reload")))
        thread.start()
        time.sleep(0.3)
        self.assertEqual(answers, [])
        return thread, answers

    def seen_by(self, client, token):
        seen, end = set(), time.monotonic() + 0.5
        while time.monotonic() < end:
            seen.add(client.verify(token))
        return seen

    def test_the_time_of_another_machine_is_not_believed(self):
        """An old file on a network's file system is looked at for half a second: whose clock has stamped it?"""
        time.sleep(0.7)
        for _ in range(2):
            begun = time.monotonic()
            self.assertEqual(self.agent.call("reload"), {"reloaded": True, "faults": []})
            self.assertGreaterEqual(time.monotonic() - begun, 0.5)
        self.agent.configure()  # without a policy there is none such
        time.sleep(0.7)
        self.assertEqual(self.agent.call("reload"), {"reloaded": True, "faults": []})
        times = []
        for _ in range(5):
            begun = time.monotonic()
            self.agent.call("reload")
            times.append(time.monotonic() - begun)
        self.assertLess(min(times), 0.4)

    def test_a_file_that_only_the_new_configuration_names(self):
        token, former = self.key.token(), self.agent.key_file
        for number in range(3):
            named = self.agent.path(f"new{number}.json")
            put_file(former, key_set(self.other))
            wait_for("it is withdrawn", lambda: self.agent.verify(token) == "unknown_key")
            put_file(named, key_set(self.key, self.other))
            self.agent.configure([{**self.agent.issuer(), "keys": {"file": named}}], policy=os.path.join(self.slow, "policy.yaml"))
            thread, answers = self.held_reload()
            put_file(named, key_set(self.other))
            os.unlink(self.sign)
            with self.agent.connect() as client:
                seen = self.seen_by(client, token)
            thread.join()
            self.assertEqual((seen, answers), ({"unknown_key"}, [{"reloaded": True, "faults": []}]))
            former = named

    def test_a_withdrawn_key_does_not_come_back(self):
        token = self.key.token()
        for _ in range(3):
            put_file(self.agent.key_file, key_set(self.key, self.other))
            wait_for("the key is there", lambda: self.agent.verify(token) == "accepted")
            thread, answers = self.held_reload()
            put_file(self.agent.key_file, key_set(self.other))
            wait_for("it is withdrawn", lambda: self.agent.verify(token) == "unknown_key")
            os.unlink(self.sign)
            with self.agent.connect() as client:
                seen = self.seen_by(client, token)
            thread.join()
            self.assertEqual(seen, {"unknown_key"})
            self.assertEqual(answers, [{"reloaded": True, "faults": []}])
            self.assertEqual(self.agent.verify(self.other.token()), "accepted")


class Slowly(AssayTest):
    """Opening a file takes 80 ms, in which somebody else may begin to write."""
    ALLOW = "version: 1\nrules:\n- {name: all, resources: [\"/x/**\"], anonymous: true}\n"
    DENY = "- {name: no, effect: deny, resources: [/x/secret]}\n"

    def setUp(self):
        super().setUp()
        if ASAN:
            self.skipTest("nothing can be loaded before the sanitizers' libraries")
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.slow = self.agent.path("slow")
        os.mkdir(self.slow)
        put_file(os.path.join(self.slow, "slow"), "")
        self.agent.environment = {"LD_PRELOAD": os.path.join(BUILD, "tests", "strange_files.so"), "ASSAY_STRANGE_FILES": self.slow}

    def launch(self, policy, keys):
        self.policy = policy
        put_file(keys, key_set(self.key))
        put_file(policy, self.ALLOW + self.DENY)
        self.agent.configure([{**self.agent.issuer(), "keys": {"file": keys}}], policy=policy)
        self.agent.start()
        self.client = self.agent.connect()
        self.addCleanup(self.client.close)

    def status(self):
        return self.client.call("authorize", action="GET", resource="/x/secret")["status"]

    def outcome(self, token):
        try:
            return self.agent.verify(token)
        except WireError as error:
            return error.name

    def asked(self, seconds):
        seen, end = set(), time.monotonic() + seconds
        while time.monotonic() < end:
            seen.add(self.status())
            time.sleep(0.003)
        return seen

    def written_in_halves(self, path, first, second, asked):
        with open(path, "r+", encoding="utf-8") as file:
            file.truncate(0)
            file.write(first)
            file.flush()
            seen = asked(0.35)
            file.write(second)
        return seen

    def test_a_key_that_is_withdrawn_while_a_reload_reads_other_files(self):
        """The first file is read before ten slow ones, and only the new configuration names it."""
        other, named, issuers = Key(kid="k2"), self.agent.path("named.json"), []
        for i in range(10):
            path = os.path.join(self.slow, f"{i}.json")
            put_file(path, key_set(self.key))
            issuers.append({**self.agent.issuer(), "issuer": f"https://{i}.example.com", "keys": {"file": path}})
        self.agent.start()
        put_file(named, key_set(self.key, other))
        self.agent.configure([{**self.agent.issuer(), "keys": {"file": named}}, *issuers])
        time.sleep(0.6)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.agent.call("reload")))
        thread.start()
        time.sleep(1.2)     # looked at by 0.8 s, and read then; the others by 1.6 s
        put_file(named, key_set(other))
        token = self.key.token()
        with self.agent.connect() as client:
            while not answers:
                time.sleep(0.0005)
            seen, end = set(), time.monotonic() + 0.5
            while time.monotonic() < end:
                seen.add(client.verify(token))
        thread.join()
        self.assertEqual((seen, answers), ({"unknown_key"}, [{"reloaded": True, "faults": []}]))
        self.assertEqual(self.outcome(other.token()), "accepted")

    def test_a_policy_that_is_written_while_a_reload_reads(self):
        self.launch(self.agent.path("policy.yaml"), os.path.join(self.slow, "keys.json"))
        for begins in (0.02, 0.04, 0.06):
            self.asked(0.8)
            answers = []
            thread = threading.Thread(target=lambda: answers.append(self.agent.call("reload")))
            thread.start()
            time.sleep(begins)
            seen = self.written_in_halves(self.policy, self.ALLOW, self.DENY, self.asked)
            thread.join()
            self.assertEqual((seen, answers), ({403}, [{"reloaded": True, "faults": []}]), begins)
            self.assertEqual(self.asked(0.3), {403})

    def test_a_configuration_that_is_written_while_a_reload_reads(self):
        self.agent.config = os.path.join(self.slow, "assayd.yaml")
        halves = (f"socket: {{path: {self.agent.socket}, mode: '0666'}}\nstate: {self.agent.state}\nthreads: 2\nissuers:\n- issuer: {ISSUER}\n"
                  f"  keys: {{file: {self.agent.key_file}}}\n  audiences: [orders]\n", "  claims: {tenant: [acme]}\n")
        put_file(self.agent.config, "".join(halves))
        self.agent.start()
        with self.agent.connect() as client:
            def asked(seconds):
                seen, end = set(), time.monotonic() + seconds
                while time.monotonic() < end:
                    seen.add(client.verify(self.key.token()))
                return seen
            for begins in (0.06, 0.1, 0.14):
                asked(0.8)
                answers = []
                thread = threading.Thread(target=lambda: answers.append(self.agent.call("reload")))
                thread.start()
                time.sleep(begins)
                seen = self.written_in_halves(self.agent.config, *halves, asked)
                thread.join()
                self.assertEqual((seen, answers, asked(0.2)), ({"claim_mismatch"}, [{"reloaded": True, "faults": []}], {"claim_mismatch"}), begins)

    def test_a_policy_that_is_written_again_while_it_is_read(self):
        """By nobody's order: after half a second of rest, and once more a while later."""
        self.launch(os.path.join(self.slow, "policy.yaml"), self.agent.path("keys.json"))
        for begins in (0.53, 0.56, 0.59):
            self.asked(2.5)
            self.written_in_halves(self.policy, self.ALLOW, self.DENY + "# again\n", lambda _: None)
            self.asked(begins)
            self.assertEqual(self.written_in_halves(self.policy, self.ALLOW, self.DENY, self.asked) | self.asked(1.5), {403}, begins)

    def test_a_file_that_cannot_be_opened_for_now(self):
        """Whoever waits is told in time, and what is read in the end counts."""
        self.launch(self.agent.path("policy.yaml"), os.path.join(self.slow, "keys.json"))
        time.sleep(0.6)
        put_file(os.path.join(self.slow, "hangs"), "")
        begun = patient()
        for _ in range(2):
            self.assertIn("does a file system hang?", self.agent.call("reload")["faults"][0])
        self.assertLess(patient() - begun, 12)
        self.agent.configure([{**self.agent.issuer(), "keys": {"file": os.path.join(self.slow, "keys.json")}, "audiences": ["invoices"]}], policy=self.policy)
        os.unlink(os.path.join(self.slow, "hangs"))
        wait_for("it was read", lambda: self.outcome(self.key.token()) == "wrong_audience", 6)
        self.assertEqual(self.agent.call("reload"), {"reloaded": True, "faults": []})


class Moving(AssayTest):
    """Files that somebody is writing to while the agent is asked to read them."""

    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.policy = self.agent.path("policy.yaml")
        self.rules = ["version: 1\nrules:\n  - {name: reads, effect: allow, actions: [GET], resources: [/orders/*]}\n",
                      "  - {name: sealed, effect: deny, actions: [GET], resources: [/orders/7]}\n"]
        put_file(self.policy, "".join(self.rules))
        self.agent.configure(policy=self.policy)
        self.agent.start()

    def in_background(self, call):
        thread = threading.Thread(target=call)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def again_and_again(self, call, seconds):
        """Until the answer is called, or the test has ended."""
        rest = threading.Event()

        def go_on():
            while not rest.wait(seconds):
                call()
        thread = self.in_background(go_on)
        self.addCleanup(rest.set)

        def end():
            rest.set()
            thread.join()
        return end

    def written_in_pieces(self, path, pieces, seconds, seen):
        """In place, with a pause between them, and a reload in each; what `seen` says all the while."""
        reloads = []

        def reload():
            reloads.append(self.agent.call("reload"))
        found, threads = set(), []
        with open(path, "w", encoding="utf-8") as file:
            for piece in pieces:
                file.write(piece)
                file.flush()
                threads.append(self.in_background(reload))
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    found.add(seen())
        for thread in threads:
            thread.join()
        found.add(seen())
        self.assertEqual([answer["faults"] for answer in reloads], [[]] * len(pieces))
        return found

    def refused_reload(self):
        """On a busy machine somebody may pause for half a second, and then it is none."""
        for _ in range(5):
            begun = patient()
            faults = self.agent.call("reload")["faults"]
            self.assertLess(patient() - begun, 15)
            if faults:
                break
        return faults

    def test_half_a_policy(self):
        token = self.key.token()

        def seen():
            return self.agent.call("authorize", token=token, action="GET", resource="/orders/7").get("reason")
        before = seen()
        self.assertEqual(self.written_in_pieces(self.policy, self.rules, 0.3, seen), {before})

    def test_half_a_configuration(self):
        issuers = [json.dumps({**self.agent.issuer(), "issuer": name}) for name in (ISSUER, "https://second.example.com")]
        pieces = [f"socket: {{path: {self.agent.socket}, mode: '0666'}}\nstate: {self.agent.state}\nthreads: 2\n"
                  f"issuers:\n  - {issuers[0]}\n", f"  - {issuers[1]}\n"]
        put_file(self.agent.config, "".join(pieces))
        self.assertEqual(self.agent.call("reload")["faults"], [])
        token = self.key.token(iss="https://second.example.com")
        self.assertEqual(self.written_in_pieces(self.agent.config, pieces, 0.3, lambda: self.agent.verify(token)), {"accepted"})

    def test_a_policy_that_somebody_writes_to_all_the_time(self):
        end = self.again_and_again(lambda: os.utime(self.policy), 0.02)
        faults = self.refused_reload()
        self.assertEqual(len(faults), 1)
        for word in (self.policy, "a process is still writing to it", "0.5 s"):
            self.assertIn(word, faults[0])
        self.assertIn(self.policy, self.agent.call("status")["reload_error"])
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        end()
        self.assertEqual(self.agent.call("reload"), {"reloaded": True, "faults": []})

    def test_a_stop_does_not_wait_for_it(self):
        self.again_and_again(lambda: os.utime(self.policy), 0.02)
        answers = []

        def reload():
            while not answers or not answers[-1]["faults"]:
                answers.append(self.agent.call("reload"))
        thread = self.in_background(reload)
        time.sleep(0.5)
        begun = patient()
        self.assertEqual(self.agent.stop(), 0)
        self.assertLess(patient() - begun, 5 if ASAN else 2)
        thread.join()
        self.assertIn("the agent is stopping", answers[-1]["faults"][0])

    def test_key_files_that_change_all_the_time(self):
        """Reading takes some 100 ms, and meanwhile one of the files changes again and again."""
        names = [f"https://{i}.example.com" for i in range(50)]
        keys = [Key(kid=str(i)) for i in range(60)]
        put_file(self.agent.key_file, key_set(*keys))
        last, turns = self.agent.path("last.json"), itertools.count()
        put_file(last, key_set(keys[0]))
        self.agent.configure([{**self.agent.issuer(), "issuer": name} for name in names] +
                             [{**self.agent.issuer(), "keys": {"file": last}}])
        self.assertEqual(self.agent.call("reload")["faults"], [])
        end = self.again_and_again(lambda: put_file(last, key_set(*keys[:1 + next(turns) % 2])), 0.002)
        faults = self.refused_reload()
        self.assertRegex(faults[0], f"^{last}: .*changed while the files were read")
        self.assertEqual(self.agent.verify(keys[0].token(iss=names[0])), "accepted")
        end()
        wait_for("it is at rest", lambda: self.agent.call("reload") == {"reloaded": True, "faults": []})


if __name__ == "__main__":
    unittest.main()
