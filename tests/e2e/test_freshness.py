"""What a source says is in force within its bound, or nothing is decided that rests on it: files in every way in which they change."""
import json
import os
import signal
import subprocess
import threading
import time
import unittest

from agent import ASAN, BUILD, ISSUER, AssayTest, Key, WireError, key_set, patient, put_file, wait_for
from behaviours import Behaviour, head, status
from library import NO, YES, Library, WallClock
from test_feed_https import HttpsFeedTest, listing

OTHER = "https://other.example.com"
BOUND = 2.0    # seconds for files, whatever the file system
GRACE = 3 if ASAN else 1
SETTLES = 0.5  # a policy that nobody has written to for so long is whole


no_library = unittest.skipIf(ASAN, "the sanitizers' libraries cannot be loaded into this program")


def line(**record):
    return json.dumps({"iss": ISSUER, **record}) + "\n"


def undo(**record):
    return json.dumps({"undo": {"iss": ISSUER, **record}}) + "\n"


class FreshTest(AssayTest):
    """An agent with a key file and a feed, each in a folder of its own."""

    environment = None

    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.folder = self.agent.path("feeds")
        os.mkdir(self.folder)
        self.feed = os.path.join(self.folder, "revoked.ndjson")
        self.write("")
        self.configure()

    def configure(self, all_issuers=None, max_age=None, policy=None, **feed):
        revocation = {"feeds": [{"file": self.feed, **feed}], **({"max_age": max_age} if max_age else {})}
        self.agent.configure(all_issuers, revocation=revocation, **({"policy": policy} if policy else {}))

    def write(self, text, mode="w"):
        with open(self.feed, mode, encoding="utf-8") as file:
            file.write(text)

    def replace(self, text, path=None):
        put_file(path or self.feed, text)

    def says(self, token):
        try:
            return self.agent.verify(token)
        except WireError as error:
            return error.name

    def all_say(self, jtis):
        return {j: self.says(self.key.token(jti=j)) for j in jtis}

    def becomes(self, token, verdict, seconds=BOUND + GRACE):
        wait_for(f"the token is {verdict}", lambda: self.says(token) == verdict, seconds)

    def facts(self):
        return self.agent.call("status")["revocation"]["feeds"][0]

    def issuer_facts(self):
        return self.agent.call("status")["issuers"][0]


class Rewritten(FreshTest):
    def test_a_line_inserted_in_the_middle_counts(self):
        lines = [line(jti=f"m{i:04d}") for i in range(0, 2000, 2)]
        self.write("".join(lines))
        self.agent.start()
        wait_for("it has settled", lambda: self.facts()["confirmed"] is not None)
        for inserted, after in ((301, None), (1777, "reload"), (55, "restart")):
            lines.append(line(jti=f"m{inserted:04d}"))
            with self.subTest(after):
                if after == "restart":
                    self.agent.stop()
                with open(self.feed, "r+", encoding="utf-8") as file: # in place: the same inode, longer
                    file.write("".join(sorted(lines)))
                if after == "restart":
                    self.agent.start()
                if after == "reload":
                    self.agent.call("reload")
                self.becomes(self.key.token(jti=f"m{inserted:04d}"), "revoked")

    def test_so_it_does_in_a_file_of_many_megabytes_that_is_appended_to_all_the_time(self):
        lines = [line(jti=f"{i:06d}-" + "x" * 100) for i in range(20000)]
        self.write("".join(lines))
        self.agent.start()
        self.write(line(jti="appended"), "a")
        self.becomes(self.key.token(jti="appended"), "revoked")
        changed = lines[10000].replace("010000-", "inside-") # the same length
        with open(self.feed, "r+", encoding="utf-8") as file:
            file.seek(sum(len(one) for one in lines[:10000]))
            file.write(changed)
        until = patient() + BOUND + GRACE
        token, count = self.key.token(jti="inside-" + "x" * 100), 0
        while self.says(token) != "revoked":
            self.assertLess(patient(), until)
            self.write(line(jti=f"more {count}"), "a")
            count += 1
            time.sleep(0.01) # a publisher's pace
        self.becomes(self.key.token(jti=f"more {count - 1}"), "revoked")

    def test_another_content_of_the_same_size_within_one_tick_of_the_clock(self):
        tokens = [self.key.token(jti=f"t{i}") for i in range(20)]
        self.write(line(jti="first"))
        self.agent.start()
        stamp = time.time_ns() - 10_000_000_000
        for i, token in enumerate(tokens[:5]):
            self.write(line(jti=f"t{i}xxxx"[:5]) if i % 2 else line(jti=f"t{i}"))
            os.utime(self.feed, ns=(stamp, stamp))
            if i % 2 == 0:
                self.becomes(token, "revoked")

    def test_what_is_taken_back_waits_until_the_file_has_been_read_whole(self):
        """The last word about a token is that it is revoked; on the way there it is taken back."""
        token = self.key.token(jti="a")
        def text(first):
            return line(jti=first) + rest
        rest = line(jti="a") + undo(jti="a") + "".join(line(jti=f"f{i}") for i in range(300000)) + line(jti="a")
        self.write(text("b"))
        self.agent.start()
        self.assertEqual(self.says(token), "revoked")
        wrong, over = [], threading.Event()

        def ask():
            with self.agent.connect() as client:
                while not over.is_set():
                    try:
                        if client.verify(token) != "revoked":
                            wrong.append(time.monotonic())
                    except WireError:
                        pass # undecided is right, too
        asker = threading.Thread(target=ask)
        asker.start()
        try:
            self.replace(text("c"))
            wait_for("it is read", lambda: self.facts()["records"] >= 600000, 30)
            for first, records, pause in ("d", 900000, 0.02), ("e", 1200000, 0.15): # and in place, in pieces: read once, and many times
                whole = text(first)
                with open(self.feed, "w", encoding="utf-8") as file:
                    for i in range(0, len(whole), 1 << 20):
                        file.write(whole[i:i + (1 << 20)])
                        file.flush()
                        time.sleep(pause)
                wait_for("it is read", lambda: self.facts()["records"] >= records, 30)
            self.replace(text("f"))
            for _ in range(5):
                self.agent.call("reload")
            wait_for("it is read", lambda: self.facts()["records"] >= 1500000, 30)
        finally:
            over.set()
            asker.join()
        self.assertEqual(wrong, [])
        self.replace(text("g") + undo(jti="a"))
        self.becomes(token, "accepted", 10)

    def test_a_file_that_is_rewritten_is_read_once(self):
        text = "".join(line(jti=f"r{i}") for i in range(100000))
        self.write(text)
        self.agent.start()
        before = self.facts()["records"]
        self.replace(line(jti="new") + text)
        self.becomes(self.key.token(jti="new"), "revoked")
        wait_for("it has come to rest", lambda: self.facts()["confirmed"] == 0)
        time.sleep(2.5) # not for a condition: for readings that must not come
        self.assertEqual(self.facts()["records"] - before, 100001)

    def test_a_file_that_is_away_for_a_moment_is_as_old_as_the_last_look(self):
        self.configure(max_age="5s")
        token = self.key.token()
        self.agent.start()
        time.sleep(1.2) # quiet
        self.assertEqual(self.says(token), "accepted")
        os.rename(self.feed, self.feed + ".1")
        wait_for("it is noticed", lambda: self.facts()["error"] is not None)
        self.assertEqual(self.says(token), "accepted")
        self.write(line(jti="b"))
        self.becomes(self.key.token(jti="b"), "revoked")
        self.assertEqual(self.says(token), "accepted")
        os.unlink(self.feed)
        self.becomes(token, "revocation_stale", 5 + BOUND + GRACE)


class Links(FreshTest):
    def setUp(self):
        super().setUp()
        self.versions = 0
        os.unlink(self.feed)
        os.rmdir(self.folder)
        self.publish("")

    def publish(self, text, keys=None):
        """As git-sync and Kubernetes do: a new folder, then the link to it is replaced."""
        self.versions += 1
        new = self.agent.path(f"version-{self.versions}")
        os.mkdir(new)
        for name, content in (("revoked.ndjson", text), ("keys.json", key_set(*(keys or [self.key])))):
            with open(os.path.join(new, name), "w", encoding="utf-8") as file:
                file.write(content)
        os.symlink(new, self.folder + ".new")
        os.rename(self.folder + ".new", self.folder)

    def test_a_link_to_another_folder(self):
        self.configure([self.agent.issuer(file=os.path.join(self.folder, "keys.json"))])
        self.agent.start()
        for i in range(3):
            self.publish("".join(line(jti=f"l{n}") for n in range(i + 1)))
            self.becomes(self.key.token(jti=f"l{i}"), "revoked")
        token = self.key.token()
        self.assertEqual(self.says(token), "accepted")
        self.publish("", [Key(kid="another")])
        self.becomes(token, "unknown_key")

    def test_a_folder_that_is_made_again(self):
        os.unlink(self.folder)
        os.mkdir(self.folder)
        self.write(line(jti="a"))
        keys = os.path.dirname(self.agent.key_file)
        self.agent.start()
        for i in range(2):
            os.rename(self.folder, f"{self.folder}.{i}")
            os.mkdir(self.folder)
            self.write(line(jti=f"again {i}"))
            self.becomes(self.key.token(jti=f"again {i}"), "revoked")
        token = self.key.token()
        self.assertEqual(self.says(token), "accepted")
        os.rename(keys, keys + ".old")
        os.mkdir(keys)
        put_file(self.agent.key_file, key_set(Key(kid="another")))
        self.becomes(token, "unknown_key")

    @no_library
    def test_whoever_holds_the_page_is_told(self):
        self.configure([self.agent.issuer(file=os.path.join(self.folder, "keys.json"))])
        self.agent.start()
        library = Library(self.agent.socket)
        self.addCleanup(library.close)
        tokens = [self.key.token(jti=f"p{i}").encode() for i in range(2)]
        for _ in range(3):
            self.assertEqual([library.verify(t) for t in tokens], [YES, YES])
        self.publish(line(jti="p0"))
        wait_for("it is refused in the process", lambda: library.verify(tokens[0]) == NO, BOUND + GRACE)
        self.assertEqual(library.verify(tokens[1]), YES)
        self.publish(line(jti="p0"), [Key(kid="another")])
        wait_for("so is what a withdrawn key signed", lambda: library.verify(tokens[1]) == NO, BOUND + GRACE)


@unittest.skipIf(ASAN, "nothing can be loaded before the sanitizers' libraries")
class NetworkFiles(FreshTest):
    """On a file system that says nothing, and may hang."""

    def setUp(self):
        super().setUp()
        self.agent.environment = {"LD_PRELOAD": os.path.join(BUILD, "tests", "strange_files.so"), "ASSAY_STRANGE_FILES": self.folder}
        self.keys = os.path.join(self.folder, "keys.json")
        put_file(self.keys, key_set(self.key))

    def hang(self, hangs=True):
        sign = os.path.join(self.folder, "hangs")
        if hangs:
            with open(sign, "w", encoding="utf-8"):
                pass
        elif os.path.exists(sign):
            os.unlink(sign)

    def tearDown(self):
        self.hang(False)
        super().tearDown()

    def test_what_nobody_tells_counts_within_the_bound(self):
        self.configure([self.agent.issuer(file=self.keys)], max_age="3s")
        self.agent.start()
        for i in range(4):
            self.write(line(jti=f"n{i}"), "a")
            self.becomes(self.key.token(jti=f"n{i}"), "revoked", BOUND + GRACE)
        token = self.key.token()
        self.assertEqual(self.says(token), "accepted")
        put_file(self.keys, key_set(Key(kid="another")))
        self.becomes(token, "unknown_key", BOUND + GRACE)

    def test_the_first_question_after_a_long_silence_is_answered_by_what_the_files_say_then(self):
        self.agent.start()
        tokens = [self.key.token(jti=f"s{i}") for i in range(3)]
        self.assertEqual([self.says(t) for t in tokens], ["accepted"] * 3)
        for i in range(3):
            self.write(line(jti=f"s{i}"), "a")
            time.sleep(BOUND) # nobody asks
            self.assertEqual(self.says(tokens[i]), "revoked")

    def test_one_that_hangs_is_told_and_past_max_age_nothing_is_decided(self):
        self.configure(max_age="3s")
        self.agent.start()
        token = self.key.token()
        self.assertEqual(self.says(token), "accepted")
        self.hang()
        wait_for("it is told", lambda: "does not answer" in (self.facts()["error"] or ""), 10)
        self.becomes(token, "revocation_stale", 10)
        self.assertGreaterEqual(self.facts()["confirmed"], 3)
        self.write(line(jti="meanwhile"), "a")
        self.hang(False)
        self.becomes(token, "accepted", 10)
        self.assertEqual(self.says(self.key.token(jti="meanwhile")), "revoked")

    def test_one_that_hangs_keeps_no_other_from_being_looked_at(self):
        self.hang(False)
        self.agent.start()
        token = self.key.token()
        self.assertEqual(self.says(token), "accepted")
        self.hang()
        wait_for("it is told", lambda: self.facts()["error"] is not None, 10)
        put_file(self.agent.key_file, key_set(Key(kid="another")))
        self.becomes(token, "unknown_key", BOUND + GRACE)


class Policy(FreshTest):
    RULES = "rules:\n  - {name: all, resources: ['/**']}\n"
    DENY = "  - {name: none, effect: deny, resources: ['/closed']}\n"

    def setUp(self):
        super().setUp()
        self.policy = os.path.join(self.folder, "policy.yaml")
        self.put("version: 1\n" + self.RULES)
        self.configure(policy=self.policy)
        self.agent.start()
        self.token = self.key.token()

    def put(self, text):
        put_file(self.policy, text)

    def allows(self, resource="/closed"):
        return self.agent.call("authorize", token=self.token, action="GET", resource=resource)["allow"]

    def error(self):
        return self.agent.call("status")["policy"]["error"]

    @no_library
    def test_it_counts_without_a_reload(self):
        library = Library(self.agent.socket)
        self.addCleanup(library.close)
        ask = lambda: library.lib.assay_authorize(library.handle, self.token.encode(), len(self.token), None, b"GET", b"/closed", None)
        self.assertTrue(self.allows())
        self.assertEqual([ask() for _ in range(3)], [YES] * 3)
        self.put("version: 1\n" + self.RULES + self.DENY)
        wait_for("it is refused, in the process too", lambda: ask() == NO and not self.allows(), BOUND + GRACE)
        self.assertLessEqual(self.agent.call("status")["policy"]["confirmed"], 1)

    def test_by_a_link_too(self):
        os.rename(self.policy, self.policy + ".1")
        os.symlink(self.policy + ".1", self.policy)
        put_file(self.policy + ".2", "version: 1\n" + self.RULES + self.DENY)
        os.symlink(self.policy + ".2", self.policy + ".new")
        self.assertTrue(self.allows())
        os.rename(self.policy + ".new", self.policy)
        wait_for("it is refused", lambda: not self.allows(), BOUND + GRACE)

    def test_one_that_is_broken_changes_nothing_and_is_told(self):
        self.put("version: 1\n" + self.RULES + self.DENY)
        wait_for("it is refused", lambda: not self.allows(), BOUND + GRACE)
        self.put("version: 1\nrules:\n  - {name: all, resources: ['/**'], nonsense: 1}\n")
        wait_for("it is told", lambda: "nonsense" in (self.error() or ""), BOUND + GRACE)
        self.assertFalse(self.allows())
        os.unlink(self.policy)
        wait_for("that it is gone, too", lambda: "No such file" in (self.error() or ""), BOUND + GRACE)
        self.assertFalse(self.allows())
        self.put("version: 1\n" + self.RULES)
        wait_for("it is allowed", self.allows, BOUND + GRACE)
        self.assertIsNone(self.error())

    def test_half_of_one_that_is_being_written_in_place_is_not_taken_for_a_whole_one(self):
        text = "version: 1\n" + self.RULES + "".join(f"  - {{name: r{i}, resources: [/r{i}]}}\n" for i in range(50)) + self.DENY
        self.put(text)
        wait_for("it is refused", lambda: not self.allows(), BOUND + GRACE)
        rounds = 0
        for _ in range(20):
            rounds += self.stays_refused_while_it_is_written(text)
            wait_for("it is refused", lambda: not self.allows(), BOUND + GRACE)
            if rounds == 3:
                return
        self.fail("this machine is too busy to write to a file")

    def stays_refused_while_it_is_written(self, text):
        """False: nothing was written for so long that the agent may take it for a whole one."""
        with open(self.policy, "w", encoding="utf-8") as file:
            for piece in text.splitlines(keepends=True):
                begin = time.monotonic()
                file.write(piece)
                file.flush()
                time.sleep(0.03)
                allowed = self.allows()
                if time.monotonic() - begin > 0.8 * SETTLES:
                    return False
                self.assertFalse(allowed)
        return True


class Odd(FreshTest):
    """What is put in the place of a file, and readers that never come to an end."""

    def test_a_pipe_or_a_device_in_the_place_of_a_file_keeps_no_other_from_being_read(self):
        policy = os.path.join(self.folder, "policy.yaml")
        put_file(policy, "version: 1\n" + Policy.RULES)
        self.configure(policy=policy)
        self.agent.start()
        token = self.key.token()
        self.assertEqual(self.says(token), "accepted")
        for number, make in enumerate((os.mkfifo, lambda path: os.symlink("/dev/zero", path), os.mkdir)):
            os.rename(policy, policy + ".1")
            make(policy)
            wait_for("it is told", lambda: self.agent.call("status")["policy"]["error"], BOUND + GRACE)
            put_file(self.agent.key_file, key_set(Key(kid=f"another {number}")))
            self.becomes(token, "unknown_key")
            put_file(self.agent.key_file, key_set(self.key))
            self.becomes(token, "accepted")
            self.assertEqual(self.agent.call("reload")["reloaded"], False)
            (os.rmdir if os.path.isdir(policy) else os.unlink)(policy)
            os.rename(policy + ".1", policy)
            wait_for("it is read again", lambda: self.agent.call("status")["policy"]["error"] is None, BOUND + GRACE)

    def test_a_policy_that_is_touched_all_the_time_counts(self):
        policy = os.path.join(self.folder, "policy.yaml")
        put_file(policy, "version: 1\n" + Policy.RULES)
        self.configure(policy=policy)
        self.agent.start()
        token, until = self.key.token(), patient() + 5 + BOUND + GRACE
        put_file(policy, "version: 1\n" + Policy.RULES + Policy.DENY)
        while self.agent.call("authorize", token=token, action="GET", resource="/closed")["allow"]:
            self.assertLess(patient(), until)
            os.utime(policy)
            time.sleep(0.1) # as something does that touches it

    def test_who_stops_does_not_wait_for_the_end_of_an_endless_line(self):
        self.agent.start()
        with open(self.feed, "r+b") as file:
            file.truncate(1 << 40)
        time.sleep(1) # it is being read by then, and for hours
        begin = patient()
        self.agent.stop()
        self.assertLess(patient() - begin, 2 + GRACE)

    def test_a_change_that_was_made_while_nobody_looked_counts_at_once_or_is_undecided(self):
        token, revoked = self.key.token(), self.key.token(jti="in the end")
        self.agent.start()
        self.assertEqual([self.says(t) for t in (token, revoked)], ["accepted", "accepted"])
        text = "".join(line(jti=f"x{i}") for i in range(500000)) + line(jti="in the end")
        with open(self.feed + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        self.agent.process.send_signal(signal.SIGSTOP)
        os.rename(self.feed + ".new", self.feed)
        time.sleep(BOUND + 0.5)
        self.agent.process.send_signal(signal.SIGCONT)
        said = {self.says(revoked)}
        wait_for("it is read", lambda: said.add(self.says(revoked)) or "revoked" in said, 40)
        self.assertNotIn("accepted", said)

    def test_what_is_late_again_is_told_again(self):
        """The reading that was late ends, and what came meanwhile is late too."""
        self.agent.environment = {"LD_PRELOAD": os.path.join(BUILD, "tests", "strange_files.so"), "ASSAY_STRANGE_FILES": self.folder}
        if ASAN:
            self.skipTest("nothing can be loaded before the sanitizers' libraries")
        self.agent.start()
        token, sign = self.key.token(), os.path.join(self.folder, "hangs")
        for i in range(2):
            self.write(line(jti=f"late {i}"), "a")
            with open(sign, "w", encoding="utf-8"):
                pass
            wait_for("it is told", lambda: self.facts()["error"], 10)
            os.unlink(sign)
            self.becomes(self.key.token(jti=f"late {i}"), "revoked", 10)
            self.becomes(token, "accepted")


class FullDisk(FreshTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.agent.state)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "none", self.agent.state], check=False).returncode:
            self.skipTest("needs a small file system")
        self.addCleanup(subprocess.run, ["umount", "-l", self.agent.state], check=False)

    def test_what_cannot_be_written_leaves_nothing_decided(self):
        self.agent.start()
        token = self.key.token()
        self.assertEqual(self.says(token), "accepted")
        ballast = os.path.join(self.agent.state, "ballast")
        with open(ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        self.write("".join(line(jti=f"x{i}") for i in range(20000)), "a")
        self.becomes(token, "revocation_stale", 10)
        self.assertIn("disk", self.facts()["error"])
        os.unlink(ballast)
        self.becomes(self.key.token(jti="x1"), "revoked", 10)
        self.becomes(token, "accepted", 10)


class Rights(FreshTest):
    """Lines that have no effect under one configuration, and have one under the next."""

    MANY = 3000 # more than is kept of what cannot be read

    def setUp(self):
        super().setUp()
        self.both = [self.agent.issuer(), self.agent.issuer(OTHER)]
        self.texts = "".join(json.dumps({"iss": OTHER, "jti": f"w{i}"}) + "\n" for i in range(self.MANY))

    def sample(self):
        return {self.says(self.key.token(iss=OTHER, jti=f"w{i}")) for i in range(0, self.MANY, 100)}

    def test_widened_by_a_reload_the_feed_is_read_from_its_start(self):
        self.write(self.texts)
        self.configure(self.both, issuers=[ISSUER])
        self.agent.start()
        self.assertEqual(self.sample(), {"accepted"})
        self.assertEqual((self.facts()["excluded"], self.agent.call("status")["revocation"]["unreadable_kept"]), (self.MANY, 0))
        self.configure(self.both, issuers=[ISSUER, OTHER])
        self.assertTrue(self.agent.call("reload")["reloaded"])
        self.assertNotIn("accepted", self.sample()) # undecided until it was read
        wait_for("it is read", lambda: self.facts()["complete"])
        self.assertEqual(self.sample(), {"revoked"})

    def test_widened_by_a_restart(self):
        self.write(self.texts)
        self.configure(self.both, issuers=[ISSUER])
        self.agent.start()
        self.agent.stop()
        self.configure(self.both)
        self.agent.start()
        self.assertEqual(self.sample(), {"revoked"})

    def test_narrowed_and_widened_again(self):
        self.configure(self.both)
        self.agent.start()
        self.configure(self.both, issuers=[ISSUER])
        self.agent.call("reload")
        self.write(self.texts, "a")
        wait_for("all were passed over", lambda: self.facts()["excluded"] == self.MANY)
        self.configure(self.both)
        self.agent.call("reload")
        wait_for("it is read", lambda: self.facts()["complete"] and self.facts()["records"] == self.MANY)
        self.assertEqual(self.sample(), {"revoked"})

    def test_an_alias_that_a_feed_may_speak_for_all_at_once(self):
        self.write(json.dumps({"iss": "the alias", "jti": "a"}) + "\n")
        self.configure(issuers=[ISSUER])
        self.agent.start()
        token = self.key.token(jti="a")
        self.assertEqual(self.says(token), "accepted")
        self.configure([self.agent.issuer(aliases=["the alias"])], issuers=[ISSUER])
        self.agent.call("reload")
        self.becomes(token, "revoked")

    def test_undo_that_is_allowed_later_comes_in_its_order(self):
        tokens = {name: self.key.token(jti=name) for name in ("again", "back", "once")}
        self.write(line(jti="again") + undo(jti="again") + line(jti="again") + line(jti="back") + undo(jti="back") + line(jti="once"))
        self.configure(undo=False)
        self.agent.start()
        self.assertEqual([self.says(t) for t in tokens.values()], ["revoked"] * 3)
        self.configure(undo=True)
        self.agent.restart()
        self.becomes(tokens["back"], "accepted")
        self.assertEqual([self.says(t) for t in tokens.values()], ["revoked", "accepted", "revoked"])

    def test_each_of_many_pairs_comes_in_its_order(self):
        pairs = "".join(line(jti=f"p{i}") + undo(jti=f"p{i}") + line(jti=f"p{i}") for i in range(300))
        self.write(pairs)
        self.configure(self.both, issuers=[OTHER])
        self.agent.start()
        self.configure(self.both, issuers=[OTHER, ISSUER])
        self.agent.restart()
        self.assertEqual({self.says(self.key.token(jti=f"p{i}")) for i in range(300)}, {"revoked"})


class Gaps(HttpsFeedTest):
    """A gap reaches whoever was told yes before, in whichever state the feed was, and outlives a restart."""

    def start_with_a_cursor(self):
        self.server.routes["/revocations"] = listing(line(jti="a"))
        def first(request, out):
            (status(503) if self.broken and "after" not in request.path else self.now).send(request, out)
        body = line(jti="a").encode()
        self.broken, self.now = False, Behaviour(lambda request, out: out.send(
            head(200, [("Assay-Cursor", "1"), ("Content-Length", str(len(body)))]) + body))
        self.server.routes["/revocations"] = Behaviour(first)
        self.agent.start()

    @no_library
    def test_in_a_feed_that_could_not_be_read_anyhow(self):
        self.start_with_a_cursor()
        token = self.key.token()
        library = Library(self.agent.socket)
        self.addCleanup(library.close)
        self.broken, self.now = True, status(503)
        wait_for("it cannot be read", lambda: "503" in (self.facts()["error"] or ""))
        for _ in range(3):
            self.assertEqual((self.says(token), library.verify(token.encode())), ("accepted", YES))
        self.now = status(410) # and from the start: 503 again
        wait_for("the gap is noticed", lambda: self.facts()["gaps"] >= 1)
        self.assertEqual(self.says(token), "revocation_stale")
        self.assertNotIn(library.verify(token.encode()), (YES, NO))
        self.assertEqual(self.says(token), "revocation_stale") # asked once more: the first time told nobody that it is good

    def test_it_is_not_forgotten_by_a_restart(self):
        self.start_with_a_cursor()
        token = self.key.token()
        self.assertEqual(self.says(token), "accepted")
        self.broken, self.now = True, status(410)
        self.becomes(token, "revocation_stale")
        wait_for("it is on the disk", lambda: self.server.requests[-1].path == "/revocations")
        self.agent.kill()
        self.now = status(503)
        self.launch()
        self.assertEqual(self.says(token), "revocation_stale")
        self.broken, self.now = False, listing(line(jti="b"))
        self.becomes(token, "accepted", 70)
        self.assertEqual(self.says(self.key.token(jti="b")), "revoked")


class Caches(HttpsFeedTest):
    def test_what_a_cache_had_kept_is_as_old_as_it_says(self):
        body = line(jti="a").encode()
        kept = {"age": "60"}
        self.server.routes["/revocations"] = Behaviour(lambda request, out: out.send(
            head(200, [("Age", kept["age"]), ("Content-Length", str(len(body)))]) + body))
        self.configure(max_age="30s")
        self.launch()
        wait_for("it was read", lambda: self.facts()["records"] >= 1)
        self.assertEqual(self.says(self.key.token()), "revocation_stale")
        self.assertGreaterEqual(self.facts()["confirmed"], 60)
        for kept["age"] in ("1e300", "junk", "1"):
            requests = len(self.server.requests)
            wait_for("it was read again", lambda n=requests: len(self.server.requests) > n + 1)
        self.becomes(self.key.token(), "accepted")
        self.assertEqual(self.server.requests[-1].headers.get("cache-control"), "no-cache")


class Clocks(HttpsFeedTest):
    @unittest.skipIf(ASAN, "nothing can be loaded before the sanitizers' libraries")
    def test_what_was_confirmed_by_a_clock_that_was_ahead_is_not_confirmed(self):
        clock = WallClock(self.agent.path("clock"))
        self.agent.environment = clock.environment
        clock.move(86400)
        self.configure(max_age="5s")
        self.agent.start()
        self.agent.stop()
        self.server.stop()
        clock.move(-86400)
        self.launch()
        self.assertTrue(self.agent.call("reload", accept_clock=True)["reloaded"])
        self.assertEqual(self.says(self.key.token()), "revocation_stale")
        self.server.start()


class Times(FreshTest):
    def test_a_revocation_until_later_is_kept_for_as_long_as_its_tokens_may_live(self):
        self.agent.configure([self.agent.issuer(max_token_lifetime="2h")])
        self.agent.start()
        before = int(time.time()) + 30 * 86400
        for record in ({"sub": "bob"}, {"sid": "s"}, {}):
            self.agent.call("revoke", before=before, **record)
            look = record or {"all": True}
            held = self.agent.call("revocations", **look)["held_by"][0]
            self.assertGreaterEqual(held["exp"], before + 2 * 3600 + 30)

    def test_a_subjects_tokens_of_an_issuer_whose_clock_is_ahead_are_revoked_too(self):
        self.agent.start()
        now = int(time.time())
        tokens = [self.key.token(sub="bob", iat=now + ahead, n=ahead) for ahead in (-10, 0, 20, 28)]
        self.assertEqual([self.says(t) for t in tokens], ["accepted"] * 4)
        self.agent.call("revoke", sub="bob")
        self.assertEqual([self.says(t) for t in tokens], ["revoked"] * 4)
