"""A revocation feed that is a file: what a line says counts, once it is whole, and a line that vanishes takes nothing back."""
import json
import os
import pty
import select
import shutil
import subprocess
import time
import unittest

from agent import ASAN, ASSAYD, ISSUER, AssayTest, Key, WireError, patient, put_file, wait_for

OTHER = "https://other.example.com"


def line(**record):
    return json.dumps({"iss": ISSUER, **record}) + "\n"


class FeedTest(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.feed = self.agent.path("revoked.ndjson")
        self.source = "file:" + self.feed
        self.write("")
        self.configure()

    def configure(self, issuers=None, max_age=None, **feed):
        revocation = {"feeds": [{"file": self.feed, **feed}]}
        if max_age:
            revocation["max_age"] = max_age
        self.agent.configure(issuers, revocation=revocation)

    def write(self, text, mode="w"):
        with open(self.feed, mode, encoding="utf-8") as file:
            file.write(text)

    def append(self, text):
        self.write(text, "a")

    def becomes(self, token, verdict):
        wait_for(f"the token is {verdict}", lambda: self.agent.verify(token) == verdict)

    def facts(self):
        return self.agent.call("status")["revocation"]["feeds"][0]


class Feed(FeedTest):
    def test_lines_that_are_there_at_the_start_count_before_the_agent_is_ready(self):
        tokens = [self.key.token(jti=f"t{i}") for i in range(5)]
        self.write("".join(line(jti=f"t{i}") for i in range(4)))
        self.agent.start()
        self.assertEqual([self.agent.verify(t) for t in tokens], ["revoked"] * 4 + ["accepted"])
        self.assertEqual(self.agent.call("verify", token=tokens[4])["revocation_age"], 0)

    def test_a_line_that_is_appended_counts(self):
        token = self.key.token(jti="later")
        self.agent.start()
        self.assertEqual(self.agent.verify(token), "accepted")
        self.append(line(jti="later"))
        self.becomes(token, "revoked")
        self.assertNotIn("was replaced", self.agent.log())

    def test_every_kind_of_record(self):
        now = int(time.time())
        kinds = {"jti": {"jti": "a"}, "sub": {"sub": "bob", "before": now + 60}, "sid": {"sid": "s"}}
        tokens = {kind: self.key.token(**{k: v for k, v in record.items() if k != "before"}) for kind, record in kinds.items()}
        self.agent.start()
        for kind, record in kinds.items():
            self.assertEqual(self.agent.verify(tokens[kind]), "accepted")
            self.append(line(**record))
            self.becomes(tokens[kind], "revoked")
        other = self.key.token(jti="brake")
        self.append(line(before=now + 60))
        self.becomes(other, "revoked")

    def test_a_byte_order_mark_is_no_part_of_the_first_line(self):
        self.write("\ufeff" + line(jti="first") + line(jti="second"))
        self.agent.start()
        self.assertEqual([self.agent.verify(self.key.token(jti=jti)) for jti in ("first", "second", "third")], ["revoked", "revoked", "accepted"])
        self.assertEqual(self.facts()["unreadable"], 0)

    def test_half_a_line_waits_for_its_end(self):
        token, mark = self.key.token(jti="half"), self.key.token(jti="mark")
        whole = line(jti="half")
        self.agent.start()
        self.append(line(jti="mark") + whole[:20])
        self.becomes(mark, "revoked")
        self.assertEqual(self.agent.verify(token), "accepted")
        self.append(whole[20:-1])
        time.sleep(0.1) # not for a condition: for something that must not happen
        self.assertEqual(self.agent.verify(token), "accepted")
        self.append("\n")
        self.becomes(token, "revoked")
        self.assertEqual(self.facts()["unreadable"], 0)

    def test_a_line_that_vanishes_takes_nothing_back(self):
        tokens = [self.key.token(jti=f"v{i}") for i in range(4)]
        self.write(line(jti="v0") + line(jti="v1"))
        self.agent.start()
        self.write(line(jti="v2")) # cut, in place
        self.becomes(tokens[2], "revoked")
        with open(self.feed + ".new", "w", encoding="utf-8") as file:
            file.write(line(jti="v3"))
        os.rename(self.feed + ".new", self.feed) # replaced
        self.becomes(tokens[3], "revoked")
        self.assertEqual([self.agent.verify(t) for t in tokens], ["revoked"] * 4)
        self.agent.restart()
        self.assertEqual([self.agent.verify(t) for t in tokens], ["revoked"] * 4)

    def test_another_content_of_the_same_length_is_another_file(self):
        tokens = [self.key.token(jti=f"x{i}") for i in range(2)]
        self.write(line(jti="x0"))
        self.agent.start()
        self.assertEqual(self.agent.verify(tokens[0]), "revoked")
        self.write(line(jti="x1"))
        self.becomes(tokens[1], "revoked")

    def test_what_was_appended_before_the_file_was_moved_away_counts(self):
        tokens = [self.key.token(jti=f"m{i}") for i in range(2)]
        self.agent.start()
        self.agent.process.send_signal(19) # SIGSTOP
        self.append(line(jti="m0"))
        os.rename(self.feed, self.feed + ".1")
        self.write(line(jti="m1"))
        self.agent.process.send_signal(18)
        self.becomes(tokens[1], "revoked")
        self.becomes(tokens[0], "revoked")

    def test_it_is_read_on_where_it_was_left_also_after_a_restart(self):
        tokens = [self.key.token(jti=f"r{i}") for i in range(3)]
        self.write(line(jti="r0"))
        self.agent.start()
        self.agent.stop()
        self.append(line(jti="r1"))
        self.agent.start()
        self.assertEqual([self.agent.verify(t) for t in tokens], ["revoked", "revoked", "accepted"])
        self.assertEqual(self.facts()["records"], 1)
        self.assertEqual(self.facts()["lines"], 2)

    def test_undo_takes_back_the_feeds_own_word_only(self):
        token = self.key.token(jti="u")
        self.write(line(jti="u"))
        self.agent.start()
        self.agent.call("revoke", jti="u")
        self.append(json.dumps({"undo": {"iss": ISSUER, "jti": "u"}}) + "\n")
        wait_for("the feed has taken it back", lambda: self.facts()["lines"] == 2)
        self.assertEqual(self.agent.verify(token), "revoked") # the operators hold it
        self.assertEqual(self.agent.call("unrevoke", jti="u"), {"held_by": []})
        self.assertEqual(self.agent.verify(token), "accepted")

    def test_an_issuers_spellings_are_one_for_undo_too(self):
        self.configure(issuers=[self.agent.issuer(aliases=["the alias"])])
        tokens = [self.key.token(jti=f"s{i}") for i in range(2)]
        self.write(line(jti="s0") + json.dumps({"iss": "the alias", "jti": "s1"}) + "\n")
        self.agent.start()
        self.assertEqual([self.agent.verify(t) for t in tokens], ["revoked", "revoked"])
        self.append(json.dumps({"undo": {"iss": "the alias", "jti": "s0"}}) + "\n" + json.dumps({"undo": {"iss": ISSUER, "jti": "s1"}}) + "\n")
        wait_for("the feed has taken them back", lambda: self.facts()["lines"] == 4)
        self.assertEqual([self.agent.verify(t) for t in tokens], ["accepted", "accepted"])

    def test_operators_cannot_take_back_what_the_feed_says(self):
        token = self.key.token(jti="f")
        self.write(line(jti="f"))
        self.agent.start()
        self.assertEqual(self.agent.call("unrevoke", jti="f"), {"held_by": [self.source]})
        self.assertEqual(self.agent.verify(token), "revoked")
        self.assertEqual(self.agent.call("unrevoke", jti="f", all_sources=True), {"held_by": []})
        self.assertEqual(self.agent.verify(token), "accepted")

    def test_the_last_word_of_many_about_one_thing_stands(self):
        tokens = [self.key.token(jti=f"w{i}") for i in range(2)]
        undo = [json.dumps({"undo": {"iss": ISSUER, "jti": f"w{i}"}}) + "\n" for i in range(2)]
        self.write(line(jti="w0") + undo[0] + line(jti="w0") + line(jti="w1") + undo[1])
        self.agent.start()
        self.assertEqual([self.agent.verify(t) for t in tokens], ["revoked", "accepted"])
        rows = self.agent.call("revocations")["revocations"]
        self.assertEqual([(r["kind"], r["source"], r["count"]) for r in rows], [("jti", self.source, 1)])

    def test_a_feed_without_undo_takes_nothing_back(self):
        token = self.key.token(jti="n")
        self.configure(undo=False)
        self.write(line(jti="n") + json.dumps({"undo": {"iss": ISSUER, "jti": "n"}}) + "\n")
        self.agent.start()
        self.assertEqual(self.agent.verify(token), "revoked")
        self.assertEqual((self.facts()["unreadable"], self.facts()["excluded"]), (0, 1))

    def test_a_feed_speaks_for_its_issuers_only(self):
        self.agent.configure([self.agent.issuer(), self.agent.issuer(OTHER)],
                             revocation={"feeds": [{"file": self.feed, "issuers": [OTHER]}]})
        token = self.key.token(jti="o")
        self.write(line(jti="o") + json.dumps({"iss": OTHER, "jti": "o"}) + "\n")
        self.agent.start()
        self.assertEqual(self.agent.verify(token), "accepted")
        self.assertEqual(self.agent.verify(self.key.token(iss=OTHER, jti="o")), "revoked")
        self.assertIn("may not have records for that issuer", self.agent.log())

    def test_records_of_issuers_that_are_not_configured_are_stored_and_counted(self):
        self.write(json.dumps({"iss": OTHER, "jti": "early"}) + "\n")
        self.agent.start()
        rows = self.agent.call("revocations")["revocations"]
        self.assertEqual([(r["issuer"], r["count"]) for r in rows], [(OTHER, 1)])
        self.agent.configure([self.agent.issuer(), self.agent.issuer(OTHER)], revocation={"feeds": [{"file": self.feed}]})
        self.agent.call("reload")
        self.assertEqual(self.agent.verify(self.key.token(iss=OTHER, jti="early")), "revoked")

    def test_so_they_are_where_the_feed_may_speak_for_them(self):
        self.agent.configure(revocation={"feeds": [{"file": self.feed, "issuers": [ISSUER, OTHER]}]})
        self.write(json.dumps({"iss": OTHER, "jti": "early"}) + "\n")
        self.agent.start()
        self.assertEqual([(r["issuer"], r["count"]) for r in self.agent.call("revocations")["revocations"]], [(OTHER, 1)])

    def test_a_revoked_kid_covers_its_keys(self):
        token = self.key.token()
        self.agent.start()
        self.assertEqual(self.agent.verify(token), "accepted")
        self.append(line(kid=self.key.kid))
        self.becomes(token, "revoked")

    def test_lines_that_cannot_be_read_are_told_kept_and_tried_again(self):
        bad = ["nonsense\n", line(jti="x", future="y"), '{"jti": "no issuer"}\n', line(jti="twice", sub="two"), "[]\n", '{"undo": 5}\n',
               '{"iss": "\\ud800", "jti": "x"}\n', line(jti="x" * 5000), "x" * 20000 + "\n", "y" * 600000 + "\n"]
        good = [self.key.token(jti=f"g{i}") for i in range(len(bad) + 1)]
        self.write("".join(line(jti=f"g{i}") + b for i, b in enumerate(bad)) + line(jti=f"g{len(bad)}"))
        self.agent.start()
        self.assertEqual([self.agent.verify(t) for t in good], ["revoked"] * len(good))
        self.assertEqual(self.facts()["unreadable"], len(bad))
        self.assertEqual(self.facts()["lines"], 2 * len(bad) + 1)
        kept = self.agent.call("status")["revocation"]["unreadable_kept"]
        self.assertEqual(kept, len(bad) - 3) # the longest are counted only
        for number in range(2, 2 * len(bad) + 1, 2):
            self.assertIn(f'"line":{number},', self.agent.log())
        self.agent.restart()
        self.assertIn("still cannot be read", self.agent.log())
        self.assertEqual(self.agent.call("status")["revocation"]["unreadable_kept"], kept)

    def test_what_the_configuration_excludes_has_effect_once_it_does_not(self):
        self.agent.configure(revocation={"feeds": [{"file": self.feed, "issuers": [OTHER]}]})
        token = self.key.token(jti="again")
        self.write(line(jti="again"))
        self.agent.start()
        self.assertEqual(self.agent.verify(token), "accepted")
        self.configure()
        self.agent.restart()
        self.assertEqual(self.agent.verify(token), "revoked")
        self.assertEqual(self.agent.call("status")["revocation"]["unreadable_kept"], 0)

    def test_a_flood_of_nonsense_is_bounded_on_disk_and_in_the_log(self):
        self.write("".join(f"nonsense {i}\n" for i in range(20000)) + line(jti="after"))
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token(jti="after")), "revoked")
        self.assertEqual(self.agent.call("status")["revocation"]["unreadable_kept"], 1024)
        self.assertLess(self.agent.log().count("cannot be read"), 100)

    def test_a_feed_that_is_gone_is_told_and_what_it_said_stands(self):
        token, fresh = self.key.token(jti="gone"), self.key.token(jti="fresh")
        self.write(line(jti="gone"))
        self.agent.start()
        os.unlink(self.feed)
        wait_for("it is noticed", lambda: self.facts()["error"] is not None)
        self.assertEqual([self.agent.verify(token), self.agent.verify(fresh)], ["revoked", "accepted"]) # no max_age
        self.write(line(jti="fresh"))
        self.becomes(fresh, "revoked")
        self.assertIsNone(self.facts()["error"])

    def test_a_feed_that_is_gone_for_too_long_leaves_yes_undecided(self):
        self.configure(max_age="1s")
        token, revoked = self.key.token(jti="kept"), self.key.token(jti="gone")
        self.write(line(jti="gone"))
        self.agent.start()
        self.assertEqual(self.agent.verify(token), "accepted")
        os.unlink(self.feed)

        def is_stale():
            try:
                return self.agent.verify(token) != "accepted"
            except WireError as error:
                return error.name == "revocation_stale"
        wait_for("the answer is revocation_stale", is_stale)
        self.assertEqual(self.agent.verify(revoked), "revoked") # a no needs no feed
        self.write(line(jti="gone"))
        wait_for("it is accepted again", lambda: not is_stale())

    def test_a_reload_changes_which_files_are_read(self):
        other = self.agent.path("another.ndjson")
        put_file(other, line(jti="in the other"))
        self.agent.start()
        self.agent.configure(revocation={"feeds": [{"file": other}]})
        self.agent.call("reload")
        wait_for("it is read", lambda: self.facts()["records"] == 1)
        self.assertEqual(self.agent.verify(self.key.token(jti="in the other")), "revoked")
        self.assertEqual(self.facts()["source"], "file:" + other)
        self.append(line(jti="in the old one"))
        put_file(other, line(jti="in the other") + line(jti="last"))
        self.becomes(self.key.token(jti="last"), "revoked")
        self.assertEqual(self.agent.verify(self.key.token(jti="in the old one")), "accepted")

    def test_the_older_of_two_feeds_is_what_a_yes_is_as_old_as(self):
        feeds = [self.agent.path(name) for name in ("one", "two")]
        for feed in feeds:
            put_file(feed, "")
        self.agent.configure(revocation={"feeds": [{"file": feed} for feed in feeds]})
        self.agent.start()
        token = self.key.token()
        for feed in feeds:
            os.unlink(feed)
            wait_for("its age counts", lambda: self.agent.call("verify", token=token)["revocation_age"] >= 1)
            put_file(feed, "")
            wait_for("it is there again", lambda: self.agent.call("verify", token=token)["revocation_age"] == 0)

    def test_other_files_of_its_folder_cost_no_write(self):
        token = self.key.token(jti="after them")
        self.agent.start()
        commits = self.agent.call("status")["revocation"]["commits"]
        for i in range(5):
            with open(self.agent.path(f"other{i}"), "w", encoding="utf-8") as file:
                file.write("x")
            time.sleep(0.05) # each is an event of its own
        self.append(line(jti="after them"))
        self.becomes(token, "revoked")
        self.assertLessEqual(self.agent.call("status")["revocation"]["commits"], commits + 2) # the line, and perhaps the clock

    def test_the_file_must_be_there_at_the_start(self):
        os.unlink(self.feed)
        self.agent.launch()
        self.assertNotEqual(self.agent.process.wait(10), 0)
        self.assertIn(f"the feed {self.feed} cannot be read: No such file or directory; to start with an empty feed: touch {self.feed}", self.agent.log())

    def test_a_directory_is_no_feed(self):
        os.unlink(self.feed)
        os.mkdir(self.feed)
        self.agent.launch()
        wait_for("it is told", lambda: "cannot be read" in self.agent.log())
        with self.assertRaises(WireError) as caught:
            self.agent.verify(self.key.token())
        self.assertEqual(caught.exception.name, "revocation_stale")
        self.assertFalse(self.agent.call("ping")["ready"])
        self.assertIn(self.source, self.agent.call("ping")["missing"][0])


class Big(FeedTest):
    """A list of a million lines."""

    LINES = 1000000 if not ASAN else 300000

    def fill(self):
        with open(self.feed, "w", encoding="utf-8") as file:
            for start in range(0, self.LINES, 10000):
                file.write("".join(f'{{"iss":"{ISSUER}","jti":"id-{i}"}}\n' for i in range(start, start + 10000)))

    def test_it_is_read_before_ready_in_bounded_memory_and_others_are_served(self):
        self.fill()
        first, last, other = (self.key.token(jti=j) for j in ("id-0", f"id-{self.LINES - 1}", "free"))
        self.agent.launch()
        stale = 0
        while True: # it answers all the time: what is revoked is revoked, and no yes is said before all was read
            try:
                with self.agent.connect() as client:
                    if client.call("ping")["ready"]:
                        break
                    self.assertEqual(client.verify(other), "accepted") # only if it became ready in between
                    self.assertTrue(client.call("ping")["ready"])
            except WireError as error:
                self.assertEqual(error.name, "revocation_stale")
                stale += 1
            except (OSError, EOFError):
                time.sleep(0.01)
        self.assertGreater(stale, 0)
        self.assertEqual([self.agent.verify(t) for t in (first, last, other)], ["revoked", "revoked", "accepted"])
        self.assertEqual(self.facts()["records"], self.LINES)
        self.assertEqual(self.agent.call("revocations")["revocations"][0]["count"], self.LINES)
        if not ASAN:
            self.assertLess(self.agent.anonymous(), 10 * 1024 * 1024)

    def test_who_stops_does_not_wait_for_the_end_of_a_long_feed(self):
        self.fill()
        start = time.monotonic()
        self.agent.start()
        whole = time.monotonic() - start
        self.agent.stop()
        shutil.rmtree(self.agent.state)
        self.agent.launch()
        wait_for("it listens", lambda: os.path.exists(self.agent.socket))
        start = patient()
        self.agent.stop()
        self.assertLess(patient() - start, whole / 2)

    def test_a_long_feed_is_read_on_under_the_new_configuration(self):
        self.fill()
        self.agent.launch()
        wait_for("it listens", lambda: os.path.exists(self.agent.socket))
        self.agent.configure([self.agent.issuer(), self.agent.issuer(OTHER)],
                             revocation={"feeds": [{"file": self.feed, "issuers": [OTHER]}]})
        self.agent.call("reload")
        wait_for("all is read", lambda: self.facts()["lines"] == self.LINES, 60)
        wait_for("all of it has no effect", lambda: self.facts()["excluded"] == self.LINES)

    @unittest.skipIf(not os.path.exists("/dev/ptmx"), "no pseudo-terminals here")
    def test_progress_is_shown_on_a_terminal(self):
        self.fill()
        master, slave = pty.openpty()
        process = subprocess.Popen([ASSAYD, "--config", self.agent.config], stderr=slave, stdin=subprocess.DEVNULL)
        os.close(slave)
        seen = b""
        while b'"ready"' not in seen and select.select([master], [], [], 60)[0]:
            seen += os.read(master, 65536)
        process.terminate()
        process.wait(30)
        os.close(master)
        self.assertRegex(seen, rb"reading revocations, file:.*: \d+ %, \d+ lines")

