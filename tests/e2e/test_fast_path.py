"""The fast path from the agent's side: the page that hello hands out, what an answer's stamp says, and which of its words changes when."""
import array
import ctypes
import fcntl
import mmap
import os
import select
import socket
import struct
import time
import unittest

import msgpack

from agent import AUDIENCE, ISSUER, AssayTest, Client, Key, key_set, patient, put_file, wait_for

PAGE_BYTES = 4096 + 8 * 4096
F_ADD_SEALS, F_GET_SEALS = 1033, 1034
SHRINK_GROW_SEAL_FUTURE_WRITE = 2 | 4 | 1 | 16
POLICY = "version: 1\nrules:\n  - {name: read, actions: [GET], roles: [user]}\n  - {name: health, resources: [/health], anonymous: true}\n"


class Page:
    """What a client has after it has said hello."""

    def __init__(self, agent):
        self.client = Client(agent.socket)
        _, request = self.client.pack("hello", {})
        self.before = time.monotonic_ns()
        self.client.socket.sendall(request)
        data, control, _, _ = self.client.socket.recvmsg(4096, socket.CMSG_SPACE(64))
        self.after = time.monotonic_ns()
        answer = msgpack.unpackb(data, strict_map_key=False)
        assert answer[2] is None, answer
        self.result = answer[3]
        fds = array.array("i")
        for _, _, some in control:
            fds.frombytes(some)
        self.fds = list(fds)
        if self.fds:
            self.fd = self.fds[0]
            self.bytes = mmap.mmap(self.fd, PAGE_BYTES, mmap.MAP_SHARED, mmap.PROT_READ)

    def word(self, offset):
        return struct.unpack_from("<Q", self.bytes, offset)[0]

    def words(self):
        """What changes: heartbeat left out."""
        return {name: self.word(at) for name, at in (("closed", 72), ("keys", 80), ("policy", 88))}

    def counters(self):
        return struct.unpack_from("<4096Q", self.bytes, 4096)

    def heartbeat(self):
        return self.word(64)

    def close(self):
        self.client.close()
        for fd in self.fds:
            os.close(fd)


class FastPath(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        put_file(self.agent.path("policy.yaml"), POLICY)
        self.settings = {"policy": self.agent.path("policy.yaml")}
        self.agent.configure(**self.settings)
        self.pages = []

    def page(self):
        page = Page(self.agent)
        self.pages.append(page)
        return page

    def tearDown(self):
        for page in self.pages:
            page.close()
        super().tearDown()

    def stamp(self, token, **params):
        return self.agent.call("verify", token=token, stamp=True, **params).get("stamp")


class ThePage(FastPath):
    def test_it_is_sealed_and_says_whose_it_is(self):
        self.agent.start()
        page = self.page()
        self.assertEqual(page.result["page"], True)
        self.assertIsNone(page.result["why"])
        self.assertEqual(len(page.fds), 1)
        self.assertEqual(os.fstat(page.fd).st_size, PAGE_BYTES)
        self.assertEqual(fcntl.fcntl(page.fd, F_GET_SEALS) & SHRINK_GROW_SEAL_FUTURE_WRITE, SHRINK_GROW_SEAL_FUTURE_WRITE)
        self.assertEqual(page.bytes[:12], b"assay page\0\0")
        self.assertEqual(struct.unpack_from("<I", page.bytes, 12)[0], 1)
        self.assertEqual(struct.unpack_from("<I", page.bytes, 32)[0], 4096)
        self.assertEqual(page.bytes[16:32].hex(), page.result["instance"])
        self.assertEqual(page.result["instance"], self.agent.call("ping")["instance"])
        self.assertTrue(page.before <= page.result["clock"] <= page.after)
        self.assertTrue(page.before <= page.heartbeat() <= page.after)
        self.assertEqual(page.words()["closed"], 0)

    def test_nothing_that_a_client_does_changes_it(self):
        self.agent.start()
        page, other = self.page(), self.page()
        before = other.counters()
        libc = ctypes.CDLL(None, use_errno=True)
        for path in (f"/proc/self/fd/{page.fd}",):
            with self.assertRaises(OSError):
                os.write(page.fd, b"x" * PAGE_BYTES)
            writable = os.open(path, os.O_RDWR)  # root may open it so, and the seals hold all the same
            for attempt in (lambda: os.pwrite(writable, b"x" * PAGE_BYTES, 0), lambda: os.ftruncate(writable, 0),
                            lambda: os.ftruncate(writable, 2 * PAGE_BYTES), lambda: os.truncate(path, 0),
                            lambda: mmap.mmap(writable, PAGE_BYTES, mmap.MAP_SHARED, mmap.PROT_WRITE),
                            lambda: fcntl.fcntl(writable, F_ADD_SEALS, 8)):
                with self.assertRaises(OSError):
                    attempt()
            self.assertEqual(libc.fallocate(writable, 3, ctypes.c_long(0), ctypes.c_long(PAGE_BYTES)), -1)  # a hole
            os.close(writable)
        address = libc.mmap
        address.restype = ctypes.c_void_p
        at = address(None, ctypes.c_size_t(PAGE_BYTES), 1, 1, page.fd, ctypes.c_long(0))
        self.assertEqual(libc.mprotect(ctypes.c_void_p(at), ctypes.c_size_t(PAGE_BYTES), 3), -1)
        self.assertEqual(libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(PAGE_BYTES), 9), -1)  # MADV_REMOVE
        self.assertEqual(other.counters(), before)
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")

    def test_the_heart_beats_while_somebody_holds_it_and_not_otherwise(self):
        self.agent.start()
        page = self.page()
        first = page.heartbeat()
        wait_for("two beats more", lambda: page.heartbeat() > first + 900_000_000)
        observer = os.dup(page.fd)
        seen = mmap.mmap(observer, PAGE_BYTES, mmap.MAP_SHARED, mmap.PROT_READ)
        page.client.close()
        wait_for("the agent has noticed", lambda: self.agent.call("status")["connections"]["open"] == 1)
        time.sleep(0.6)  # a beat that was due
        last = seen[64:72]
        time.sleep(1.2)
        self.assertEqual(seen[64:72], last)
        os.close(observer)
        again = self.page()
        self.assertGreaterEqual(again.heartbeat(), again.before)

    def test_a_connection_that_holds_it_may_ask_as_well(self):
        self.agent.start()
        page = self.page()
        self.assertEqual(page.client.verify(self.key.token()), "accepted")
        self.assertEqual(page.client.call("hello")["page"], True)  # once more, behind another answer

    def test_hello_among_other_questions(self):
        self.agent.start()
        with self.agent.connect() as client:
            client.socket.sendall(b"".join(client.pack(method, params)[1] for method, params in
                                           (("verify", {"token": self.key.token()}), ("hello", {}), ("ping", {}))))
            answers = {}
            while len(answers) < 3:
                answer = client.receive()
                self.assertIsNone(answer[2])
                answers[answer[1]] = answer[3]
            self.assertEqual(answers[2]["page"], True)

    def test_it_is_closed_when_the_agent_ends(self):
        self.agent.start()
        page = self.page()
        self.agent.stop()
        self.assertNotEqual(page.words()["closed"], 0)

    def test_it_is_not_given_where_every_decision_has_to_be_asked_for(self):
        for settings, words in (({"fast_path": False}, "fast_path"), ({"log": {"decisions": "all"}}, "decisions: all")):
            self.agent.configure(**self.settings, **settings)
            self.agent.start()
            page = self.page()
            self.assertEqual((page.result["page"], page.fds), (False, []))
            self.assertIn(words, page.result["why"])
            self.assertIsNone(self.stamp(self.key.token()))
            self.agent.stop()

    def test_what_was_given_is_worth_nothing_once_it_is_not_given_any_more(self):
        self.agent.start()
        page = self.page()
        token = self.key.token()
        before = self.stamp(token)
        for settings in ({"fast_path": False}, {"log": {"decisions": "all"}}):
            self.agent.configure(**self.settings, **settings)
            self.assertEqual(self.agent.call("reload")["reloaded"], True)
            self.assertNotEqual(page.words()["keys"], before["keys"])
            self.assertIsNone(self.stamp(token))
            self.agent.configure(**self.settings)
            self.assertEqual(self.agent.call("reload")["reloaded"], True)
            before = self.stamp(token)


class Stamps(FastPath):
    def test_what_a_yes_rests_on(self):
        self.agent.start()
        page = self.page()
        now = int(time.time())
        token = self.key.token(jti="j", sid="s", nbf=now - 5, iat=now - 10, exp=now + 100)
        stamp = self.stamp(token, audience=AUDIENCE)
        self.assertEqual(set(stamp), {"instance", "from", "until", "keys", "policy", "counters"})
        self.assertEqual(stamp["instance"], page.result["instance"])
        self.assertEqual(stamp["until"], now + 130)
        self.assertEqual(stamp["from"], now - 35)
        self.assertEqual((stamp["keys"], stamp["policy"]), (page.words()["keys"], page.words()["policy"]))
        self.assertEqual(len(stamp["counters"]), 6)
        for index, value in stamp["counters"]:
            self.assertEqual(page.counters()[index], value)
        self.assertEqual(len(self.stamp(self.key.token(sub=None))["counters"]), 3)  # issuer, key, signing input

    def test_the_clock_may_stand_five_minutes_behind_and_no_more(self):
        self.agent.start()
        stamp = self.stamp(self.key.token(iat=None))
        self.assertAlmostEqual(stamp["from"], time.time() - 300, delta=10)

    def test_without_being_asked_for_there_is_none_and_never_with_a_no(self):
        self.agent.start()
        self.assertNotIn("stamp", self.agent.call("verify", token=self.key.token()))
        self.assertNotIn("stamp", self.agent.call("verify", token=self.key.token(), stamp=False))
        self.assertNotIn("stamp", self.agent.call("verify", token=Key().token(), stamp=True))

    def test_authorize(self):
        self.agent.start()
        page = self.page()
        user, nobody = self.key.token(roles=["user"]), Key().token()

        def ask(**params):
            return self.agent.call("authorize", stamp=True, **params)
        stamp = ask(token=user, action="GET", resource="/a")["stamp"]
        self.assertEqual(stamp["policy"], page.words()["policy"])
        self.assertEqual(len(stamp["counters"]), 5 - 1)
        self.assertNotIn("stamp", ask(token=user, action="POST", resource="/a"))
        self.assertNotIn("stamp", ask(token=user, checks=[["GET", "/a"]]))
        anonymous = ask(action="GET", resource="/health")
        self.assertEqual((anonymous["allow"], anonymous["stamp"]["counters"]), (True, []))
        bad = ask(token=nobody, action="GET", resource="/health")  # allowed, but not for its token's sake
        self.assertEqual((bad["allow"], "stamp" in bad), (True, False))

    def changed(self, page, stamp):
        """Does it still hold?"""
        return page.words()["keys"] != stamp["keys"] or any(page.counters()[index] != value for index, value in stamp["counters"])

    def test_each_kind_of_revocation_changes_what_its_tokens_rest_on(self):
        self.agent.start()
        page = self.page()
        token = self.key.token(jti="j1", sid="s1", sub="u1")
        others = self.key.token(jti="j2", sid="s2", sub="u2")
        later = int(time.time()) + 10
        for record, everybody in (({"jti": "j1"}, False), ({"sub": "u1", "before": later}, False), ({"sid": "s1"}, False),
                                  ({"token": token}, False), ({"kid": "k1"}, True), ({"jkt": self.key.thumbprint()}, True),
                                  ({"before": later}, True)):
            with self.subTest(record=record):
                mine, theirs = self.stamp(token), self.stamp(others)
                self.agent.call("revoke", **record)
                self.assertTrue(self.changed(page, mine))
                if everybody:
                    self.assertTrue(self.changed(page, theirs))
                elif not {i for i, _ in mine["counters"]} & {i for i, _ in theirs["counters"]} - {i for i, _ in theirs["counters"][:2]}:
                    self.assertFalse(self.changed(page, theirs))
                self.assertEqual(self.agent.verify(token), "revoked")
                before = page.counters()
                self.agent.call("unrevoke", **{k: v for k, v in record.items() if k != "before" or len(record) == 1})
                self.assertNotEqual(page.counters(), before)
                self.assertEqual(self.agent.verify(token), "accepted")

    def test_an_alias_is_the_issuer(self):
        self.agent.configure([self.agent.issuer(aliases=["auth"])], **self.settings)
        self.agent.start()
        page = self.page()
        token = self.key.token(jti="j1")
        stamp = self.stamp(token)
        self.agent.call("revoke", iss="auth", jti="j1")
        self.assertTrue(self.changed(page, stamp))

    def test_a_feed_changes_them_too(self):
        feed = self.agent.path("feed")
        put_file(feed, "")
        self.agent.configure(**self.settings, revocation={"feeds": [{"file": feed, "undo": True}]})
        self.agent.start()
        page = self.page()
        token = self.key.token(jti="j1")
        for lines in (['{"iss": "%s", "jti": "j1"}' % ISSUER], ['{"undo": {"iss": "%s", "jti": "j1"}}' % ISSUER],
                      ['{"iss": "%s", "jti": "x%d"}' % (ISSUER, i) for i in range(300)] + ['{"iss": "%s", "jti": "j1"}' % ISSUER]):
            before = page.counters()
            with open(feed, "a", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            wait_for("it counts", lambda: page.counters() != before)
            expected = "accepted" if "undo" in lines[0] else "revoked"
            wait_for("it is applied", lambda: self.agent.verify(token) == expected)
            self.assertEqual(sum(a != b for a, b in zip(before, page.counters())), 1 if len(lines) == 1 else 4096)

    def test_a_feed_that_cannot_be_read_any_more_ends_what_rests_on_it_and_sets_an_end(self):
        feed = self.agent.path("feed")
        put_file(feed, "")
        self.agent.configure(**self.settings, revocation={"max_age": "1h", "feeds": [{"file": feed}]})
        self.agent.start()
        page = self.page()
        token = self.key.token(exp=int(time.time()) + 90000)
        before = self.stamp(token)
        os.rename(feed, feed + ".gone")
        wait_for("the agent has noticed", lambda: self.changed(page, before))
        self.assertLess(self.stamp(token)["until"], time.time() + 3601)
        os.rename(feed + ".gone", feed)
        wait_for("it is back", lambda: self.stamp(token)["until"] == before["until"])

    def test_an_issuer_s_keys_have_its_counter_and_configuration_and_policy_their_generations(self):
        self.agent.start()
        page = self.page()
        before, (index, value) = page.words(), self.stamp(self.key.token())["counters"][0]
        put_file(self.agent.key_file, key_set(self.key, Key(kid="k2")))
        wait_for("the keys are replaced", lambda: page.counters()[index] != value)
        self.assertEqual(page.words(), before)
        put_file(self.agent.path("policy.yaml"), POLICY.replace("user", "boss"))
        self.assertEqual(self.agent.call("reload")["reloaded"], True)
        self.assertNotEqual(page.words()["policy"], before["policy"])
        self.assertNotEqual(page.words()["keys"], before["keys"])


class Repeated(FastPath):
    """What the agent says again without looking anything up."""

    def test_an_audience_of_any_length(self):
        """Up to 64 bytes of one are kept beside a yes."""
        audiences = ["a" * size for size in (63, 64, 65, 66, 320, 4096)]
        self.agent.configure([self.agent.issuer(audiences=audiences)], **self.settings)
        self.agent.start()
        with self.agent.connect() as client:
            for audience in audiences:
                token = self.key.token(aud=audience)
                for _ in range(3):
                    self.assertEqual(client.verify(token, audience=audience), "accepted")
                    self.assertEqual(client.verify(token), "accepted")
                    for other in ("a" * 62, audience[:-1] + "b", *audiences):
                        if other != audience:
                            self.assertEqual(client.verify(token, audience=other), "wrong_audience")


class Earlier(FastPath):
    """A run that was killed leaves its page behind in its clients."""

    def marker(self):
        return os.path.join(self.agent.state, "page")

    def answered_after(self, method, **params):
        start = patient()
        self.agent.call(method, **params)
        return patient() - start

    def test_the_marker_stands_from_the_first_hello_to_a_clean_end(self):
        self.agent.start()
        self.assertFalse(os.path.exists(self.marker()))
        self.page()
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            boot = file.read().strip()
        with open(self.marker(), encoding="utf-8") as file:
            self.assertEqual(file.read(), boot)
        self.agent.stop()
        self.assertFalse(os.path.exists(self.marker()))

    def start_quickly(self):
        self.agent.launch()
        started = time.monotonic()
        self.agent.wait_ready()
        return started

    def test_a_run_that_finds_one_holds_back_its_answers_and_nothing_else(self):
        self.agent.start()
        self.page()
        self.agent.kill()
        token = self.key.token(jti="j")
        started = self.start_quickly()
        with self.agent.connect() as client:
            client.send("revoke", jti="j")
            wait_for("it counts at once", lambda: self.agent.verify(token) == "revoked")
            self.assertEqual(select.select([client.socket], [], [], 0)[0], [])     # before it is answered
            self.assertEqual(client.receive()[2:], [None, {}])
            self.assertGreater(time.monotonic() - started, 1.9)
        self.assertLess(self.answered_after("unrevoke", jti="j"), 1)  # the wait is over

    def test_reload_and_unrevoke_wait_as_well(self):
        for method, params in (("unrevoke", {"jti": "x"}), ("reload", {})):
            self.agent.start()
            self.page()
            self.agent.kill()
            started = self.start_quickly()
            self.agent.call(method, **params)
            self.assertGreater(time.monotonic() - started, 1.9)
            self.agent.stop()

    def test_nobody_waits_after_a_clean_end_or_where_nobody_had_a_page(self):
        self.agent.start()
        self.page()
        self.agent.stop()
        self.agent.start()
        self.assertLess(self.answered_after("revoke", jti="a"), 1)
        self.agent.kill()
        self.agent.start()
        self.assertLess(self.answered_after("revoke", jti="b"), 1)

    def test_of_another_boot_it_means_nothing_and_one_that_cannot_be_read_is_of_this(self):
        for text, waits in (("00000000-0000-0000-0000-000000000000", False), ("", True), ("unknown", True)):
            self.agent.start()
            self.agent.stop()
            put_file(self.marker(), text)
            started = self.start_quickly()
            self.agent.call("revoke", jti="x")
            self.assertEqual(time.monotonic() - started > 1.9, waits, text)
            self.agent.stop()

    def test_a_state_that_is_new_where_a_socket_was_left_waits_as_well(self):
        self.agent.start()
        self.page()
        self.agent.kill()
        os.rename(self.agent.state, self.agent.state + ".lost")
        started = self.start_quickly()
        self.agent.call("revoke", jti="x")
        self.assertGreater(time.monotonic() - started, 1.9)

    def test_a_clean_end_within_the_wait_leaves_it_for_the_next(self):
        self.agent.start()
        self.page()
        self.agent.kill()
        self.start_quickly()
        self.agent.stop()
        self.assertTrue(os.path.exists(self.marker()))
        started = self.start_quickly()
        self.agent.call("revoke", jti="x")
        self.assertGreater(time.monotonic() - started, 1.9)

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_where_it_cannot_be_left_there_is_no_page(self):
        self.agent.start()
        os.chmod(self.agent.state, 0o500)
        self.assertEqual(self.page().result["page"], False)

    def test_where_a_link_stands_in_its_place_there_is_no_page(self):
        self.agent.start()
        os.symlink(self.agent.path("elsewhere"), self.marker())
        page = self.page()
        self.assertEqual((page.result["page"], page.fds), (False, []))
        self.assertIn("marker", page.result["why"])
        self.assertFalse(os.path.exists(self.agent.path("elsewhere")))
        os.unlink(self.marker())
