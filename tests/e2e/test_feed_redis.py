"""A revocation feed that is a stream of Redis: said once, it counts in every agent, and whatever becomes of the Redis is noticed."""
import json
import os
import resource
import shutil
import socket
import tempfile
import threading
import time
import unittest

from agent import ASAN, ISSUER, LONG, AssayTest, Key, WireError, patient, put_file, wait_for
from library import NO, YES, Apart
from redis_server import RedisServer, needs_redis
from tls import Authority, Server

OTHER = "https://other.example.com"
STREAM = "assay:revocations"


def record(**members):
    return json.dumps({"iss": ISSUER, **members})


class RedisFeedTest(AssayTest):
    """A Redis and an agent that reads its stream."""

    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.server = self.redis()
        self.configure()

    def redis(self, name="redis", **how):
        folder = self.agent.path(name)
        os.makedirs(folder, exist_ok=True)
        server = RedisServer(folder, **how).start()
        self.addCleanup(server.stop)
        return server

    def configure(self, agent=None, all_issuers=None, max_age=None, **settings):
        revocation = {"feeds": [{"redis": self.server.url, **settings}]}
        if max_age:
            revocation["max_age"] = max_age
        (agent or self.agent).configure(all_issuers, revocation=revocation)

    def publish(self, text):
        return self.server.cli("XADD", STREAM, "*", "r", text)

    def revoke(self, **members):
        return self.publish(record(**members))

    def facts(self, agent=None):
        return (agent or self.agent).call("status")["revocation"]["feeds"][0]

    def says(self, token):
        try:
            return self.agent.verify(token)
        except WireError as error:
            return error.name

    def becomes(self, token, verdict, seconds=10):
        wait_for(f"the token is {verdict}", lambda: self.says(token) == verdict, seconds)

    def error(self):
        return self.facts()["error"] or ""

    def launch(self):
        return self.agent.launch().wait_answers()


@needs_redis
class Follow(RedisFeedTest):
    def test_what_is_in_the_stream_counts_before_the_agent_is_ready_and_what_comes_at_once(self):
        self.revoke(jti="a")
        self.agent.start()
        self.assertEqual([self.agent.verify(self.key.token(jti=j)) for j in "ab"], ["revoked", "accepted"])
        self.revoke(jti="b")
        self.becomes(self.key.token(jti="b"), "revoked", 2)
        self.assertEqual((self.facts()["records"], self.facts()["source"]), (2, f"{self.server.url}#{STREAM}"))
        self.assertLessEqual(self.agent.call("verify", token=self.key.token())["revocation_age"], 6)

    def test_every_kind_of_record(self):
        self.agent.start()
        now = int(time.time())
        for members, claims in (({"sub": "bob", "before": now + 60}, {"sub": "bob"}), ({"sid": "s"}, {"sid": "s"}),
                                ({"kid": self.key.kid}, {}), ({"before": now + 60}, {"sub": "x"})):
            self.revoke(**members)
            self.becomes(self.key.token(**claims), "revoked")

    def test_an_agent_that_was_away_misses_nothing(self):
        self.agent.start()
        self.revoke(jti="before")
        self.becomes(self.key.token(jti="before"), "revoked")
        self.agent.kill()
        with self.server.connect() as client:
            client.many([("XADD", STREAM, "*", "r", record(jti=f"j{i}")) for i in range(10000)])
        self.agent.start()
        self.assertEqual({self.agent.verify(self.key.token(jti=j)) for j in ("before", "j0", "j2047", "j2048", "j9999")}, {"revoked"})
        self.assertEqual((self.facts()["records"], self.facts()["gaps"]), (10000, 0))  # what it had was not read again

    def test_entries_that_are_none(self):
        self.agent.start()
        self.server.cli("XADD", STREAM, "*", "x", "y")
        self.publish("no JSON")
        self.publish("x" * 100000)
        self.revoke(jti="a")
        self.becomes(self.key.token(jti="a"), "revoked")
        self.assertEqual((self.facts()["records"], self.facts()["unreadable"]), (1, 3))

    def test_rights(self):
        self.configure(all_issuers=[self.agent.issuer(), self.agent.issuer(OTHER)], issuers=[ISSUER])
        self.agent.start()
        self.revoke(jti="a")
        self.publish(json.dumps({"iss": OTHER, "jti": "a"}))
        self.publish(json.dumps({"undo": {"iss": ISSUER, "jti": "a"}}))
        wait_for("all was read", lambda: self.facts()["records"] + self.facts()["excluded"] == 3)
        self.assertEqual(self.agent.verify(self.key.token(jti="a")), "revoked")
        self.assertEqual(self.agent.verify(self.key.token(jti="a", iss=OTHER)), "accepted")

    def test_undo_where_it_is_allowed(self):
        self.configure(undo=True)
        self.agent.start()
        self.revoke(jti="a")
        self.becomes(self.key.token(jti="a"), "revoked")
        self.publish(json.dumps({"undo": {"iss": ISSUER, "jti": "a"}}))
        self.becomes(self.key.token(jti="a"), "accepted")

    @unittest.skipIf(ASAN, "the sanitizers' libraries cannot be loaded into this program")
    def test_clients_that_repeat_a_yes_hear_of_it(self):
        self.agent.start()
        client = Apart(self.agent).stay()
        self.addCleanup(client.close)
        tokens = [self.key.token(jti=f"j{i}") for i in range(20)]
        for token in tokens:
            wait_for("it is accepted", lambda: client.verify(token) == YES)
        for i, token in enumerate(tokens):
            self.revoke(jti=f"j{i}")
            wait_for("it is refused", lambda: client.verify(token) == NO, 2)

    def test_a_reload_changes_the_rights_and_the_stream(self):
        self.agent.start()
        self.configure(stream="other")
        self.assertTrue(self.agent.call("reload")["reloaded"])
        self.revoke(jti="a")
        self.server.cli("XADD", "other", "*", "r", record(jti="b"))
        self.becomes(self.key.token(jti="b"), "revoked")
        self.assertEqual(self.agent.verify(self.key.token(jti="a")), "accepted")
        self.agent.configure(revocation={"feeds": []})
        self.assertTrue(self.agent.call("reload")["reloaded"])
        self.assertEqual(self.agent.verify(self.key.token(jti="b")), "revoked")

    def test_two_agents_hear_the_same(self):
        other = self.prepare(keys=[self.key])
        self.configure(other)
        self.agent.start()
        other.start()
        token = self.key.token(jti="a")
        self.revoke(jti="a")
        for agent in (self.agent, other):
            wait_for("it is refused", lambda: agent.verify(token) == "revoked", 2)


@needs_redis
class Gone(RedisFeedTest):
    """The Redis goes away or loses entries, and what the agent says of it."""

    def start(self):
        self.revoke(jti="old")
        self.agent.start()
        self.becomes(self.key.token(jti="old"), "revoked")

    def still_works(self):
        self.assertEqual(self.agent.verify(self.key.token(jti="old")), "revoked")
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.revoke(jti="new")
        self.becomes(self.key.token(jti="new"), "revoked")
        self.assertEqual(self.error(), "")

    def has_gap(self, *words):
        wait_for("the gap is noticed", lambda: self.facts()["gaps"] == 1, 12)
        for word in words:
            self.assertIn(word, self.agent.log())
        wait_for("it is read from its start", lambda: not self.error(), 8)
        self.still_works()
        self.assertEqual(self.facts()["gaps"], 1)

    def test_stopped_and_started_with_what_it_had(self):
        self.server = self.redis("append", appendonly=True)
        self.configure()
        self.start()
        self.server.stop()
        wait_for("it is noticed", self.error)
        self.assertEqual(self.agent.verify(self.key.token(jti="old")), "revoked")
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.server.start()
        self.still_works()
        self.assertEqual(self.facts()["gaps"], 0)

    def test_killed_and_started_without_what_it_had(self):
        self.start()
        self.server.kill()
        self.server.start()
        self.has_gap("the stream no longer exists")

    def test_killed_and_filled_anew(self):
        self.start()
        self.agent.stop()  # or it might look before it is filled
        self.server.kill()
        self.server.start()
        self.revoke(jti="first of the new")
        self.agent.start()
        self.has_gap("trimmed past the last entry read, or replaced")
        self.assertEqual(self.agent.verify(self.key.token(jti="first of the new")), "revoked")

    def test_restored_from_an_older_copy(self):
        self.start()
        self.server.cli("DEL", STREAM)
        self.server.cli("XADD", STREAM, "5-1", "r", record(jti="ancient"))
        self.has_gap("went back")
        self.assertEqual(self.agent.verify(self.key.token(jti="ancient")), "revoked")

    def test_emptied_of_what_was_read(self):
        self.start()
        self.server.cli("XTRIM", STREAM, "MAXLEN", "0")
        time.sleep(0.5)
        self.still_works()
        self.assertEqual(self.facts()["gaps"], 0)

    def test_trimmed_past_what_was_read(self):
        self.start()
        self.agent.stop()
        for i in range(10):
            self.revoke(jti=f"missed {i}")
        self.server.cli("XTRIM", STREAM, "MAXLEN", "3")
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token(jti="missed 9")), "revoked")
        self.has_gap("trimmed past the last entry read")
        self.agent.restart()
        self.assertEqual(self.facts()["gaps"], 0)  # told once

    def test_frozen(self):
        self.start()
        self.server.freeze()
        wait_for("it is noticed", self.error, 14)
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.server.thaw()
        wait_for("it is well again", lambda: not self.error(), 10)
        self.still_works()

    def test_not_there_at_the_start(self):
        self.server.stop()
        pong = self.launch()
        self.assertIs(pong["ready"], False)
        self.assertIn(STREAM, pong["missing"][0])
        self.assertError("revocation_stale", lambda: self.agent.verify(self.key.token()))
        self.server.start()
        wait_for("it is ready", lambda: self.agent.call("ping")["ready"], 8)
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")

    def test_start_without(self):
        self.server.stop()
        self.configure(start_without=True)
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")

    def test_max_age(self):
        self.configure(max_age="8s")
        self.start()
        token = self.key.token()
        self.assertEqual(self.agent.verify(token), "accepted")
        self.server.stop()
        self.becomes(token, "revocation_stale", 14)
        self.server.start()
        wait_for("it is read", lambda: self.says(token) == "accepted", 8)

    def test_a_key_that_is_no_stream(self):
        self.server.cli("SET", STREAM, "x")
        self.launch()
        wait_for("it is told", self.error)
        self.assertIn("WRONGTYPE", self.error())
        self.server.cli("DEL", STREAM)
        wait_for("it is ready", lambda: self.agent.call("ping")["ready"], 10)

    def test_the_end_does_not_wait_for_it(self):
        self.start()
        self.server.freeze()
        begin = patient()
        self.agent.stop()
        self.assertLess(patient() - begin, 3)
        self.server.thaw()


@needs_redis
class Missed(RedisFeedTest):
    """Entries that nobody will ever see are told; those that can be seen count; and what was seen to be all makes no noise."""

    def begin(self, *ids, **settings):
        """The agent has read entries with these ids, and knows that there are no more."""
        self.configure(**settings)
        for number in ids:
            self.add(number)
        self.agent.start()
        wait_for("all was read", lambda: self.facts()["records"] == len(ids) and not self.error())

    def add(self, number, *options, server=None, jti=None):
        (server or self.server).cli("XADD", STREAM, *options, number, "r", record(jti=jti or number))

    def at_once(self, *commands):
        with self.server.connect() as client:
            client.many([("MULTI",), *commands, ("EXEC",)])

    def in_stream(self):
        return [json.loads(fields[1])["jti"] for _, fields in self.server.cli("XRANGE", STREAM, "-", "+")]

    def commits(self):
        return self.agent.call("status")["revocation"]["commits"]

    def gaps(self, count, *words):
        wait_for("it is told", lambda: self.facts()["gaps"] == count and not self.error(), 15)
        for word in words:
            self.assertIn(word, self.agent.log())

    def counts(self, *ids):
        for number in ids:
            self.becomes(self.key.token(jti=number), "revoked")

    def test_trimmed_within_a_moment(self):
        self.begin()
        self.revoke(jti="first")
        self.becomes(self.key.token(jti="first"), "revoked")
        lost = []
        for burst in range(10):
            ids = [f"{burst}.{i}" for i in range(50)]
            before = self.facts()["gaps"]
            self.at_once(*[("XADD", STREAM, "MAXLEN", "1", "*", "r", record(jti=number)) for number in ids])
            there = self.in_stream()
            wait_for("those that are there count", lambda: all(self.says(self.key.token(jti=j)) == "revoked" for j in there))
            gone = [number for number in ids if number not in there]
            self.assertTrue(gone)
            self.assertEqual(self.facts()["gaps"], before + 1)
            wait_for("it has read the stream from its start", lambda: not self.error())  # what is lost meanwhile is the same gap
            lost += gone
        self.assertEqual(len(lost), 490)
        self.assertEqual(self.agent.log().count("the agent reads it from its start"), 10)

    def test_a_first_entry_that_was_trimmed_at_once(self):
        self.begin()
        self.at_once(("XADD", STREAM, "5-0", "r", record(jti="a")), ("XADD", STREAM, "MAXLEN", "1", "6-0", "r", record(jti="b")))
        self.gaps(1, "trimmed past")
        self.counts("b")

    def test_a_publisher_that_keeps_one_entry(self):
        self.begin()
        for i in range(20):
            self.add(f"{i + 1}-0", "MAXLEN", "1")
            self.counts(f"{i + 1}-0")
        self.assertEqual(self.facts()["gaps"], 0)

    def test_entries_that_go_when_they_are_old(self):
        self.begin("1-0", "2-0")
        self.server.cli("XTRIM", STREAM, "MAXLEN", "0")
        self.agent.restart()
        self.assertEqual(self.facts()["gaps"], 0)
        self.add("7-0", "MINID", "7-0")
        self.counts("7-0")
        with self.server.connect() as client:
            client.many([("XADD", STREAM, "MINID", "8-0", f"{8 + i}-0", "r", record(jti=f"{8 + i}-0")) for i in range(100)])
        self.counts("8-0", "107-0")
        self.assertEqual(self.facts()["gaps"], 0)

    def test_deleted_entries(self):
        self.begin("1-0", "2-0", "3-0")
        self.server.cli("XDEL", STREAM, "3-0")
        self.add("4-0")
        self.counts("4-0")
        self.server.cli("XDEL", STREAM, "2-0", "4-0")
        self.agent.restart()
        self.add("5-0")
        self.counts("5-0")
        self.assertEqual(self.facts()["gaps"], 0)

    def test_a_stream_made_again_with_the_same_ids(self):
        self.begin("5-0")
        self.agent.stop()
        self.server.cli("DEL", STREAM)
        self.add("4-0", jti="other")
        self.add("5-0", jti="another")
        self.agent.start()
        self.gaps(1, "now names another entry")
        self.counts("other", "another")

    def test_an_older_copy_that_was_written_on(self):
        self.begin("1-0")
        with self.server.connect() as client:
            client.socket.sendall(client.packed(("DUMP", STREAM)))
            copy = client.reader.read(int(client.line()[1:]) + 2)[:-2]
        self.add("5-0")
        self.counts("5-0")
        self.agent.stop()
        self.server.cli("RESTORE", STREAM, "0", copy, "REPLACE")
        self.add("4-0")
        self.add("6-0")
        self.agent.start()
        self.gaps(1, "lacks the last entry")
        self.counts("4-0", "6-0")

    def replica(self):
        """It has what there was, and nothing that comes from now on."""
        other = self.redis("replica")
        other.cli("REPLICAOF", "127.0.0.1", self.server.port)
        wait_for("it has all", lambda: other.cli("EXISTS", STREAM))
        other.cli("REPLICAOF", "NO", "ONE")
        return other

    def fail_over(self, other):
        port = self.server.port
        self.server.kill()
        other.cli("CONFIG", "SET", "port", port)
        other.port, self.server = port, other

    def test_a_failover_that_lost_what_was_read_last(self):
        self.begin("1-0")
        other = self.replica()
        self.add("5-0")
        self.counts("5-0")
        self.add("4-0", server=other)
        self.add("6-0", server=other)
        self.fail_over(other)
        self.gaps(1, "lacks the last entry")
        self.counts("4-0", "6-0")

    def test_a_failover_that_lost_what_was_read_last_and_trims(self):
        self.begin("1-0")
        other = self.replica()
        self.add("5-0")
        self.counts("5-0")
        for number in ("3-0", "6-0"):
            self.add(number, "MAXLEN", "1", server=other)  # as many were added as without 3-0 and with 5-0
        self.fail_over(other)
        self.gaps(1, "trimmed past")
        self.counts("6-0")

    def test_a_failover_that_lost_nothing(self):
        self.begin("1-0", "2-0")
        other = self.replica()
        self.fail_over(other)
        self.add("3-0")
        self.counts("3-0")
        self.assertEqual(self.facts()["gaps"], 0)

    def test_a_restart_right_after_a_gap(self):
        """What was well before the gap is not so after it, on the disk too."""
        proxy = Proxy(self.server.port)
        self.addCleanup(proxy.close)
        self.agent.configure(revocation={"feeds": [{"redis": f"redis://127.0.0.1:{proxy.port}"}]})
        self.add("1-0")
        self.agent.start()
        self.counts("1-0")
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        before = self.commits()
        proxy.holds = b"\r\n0-0\r\n"  # it is not read from its start
        self.at_once(("XADD", STREAM, "*", "r", record(jti="a")), ("XADD", STREAM, "MAXLEN", "1", "*", "r", record(jti="b")))
        wait_for("the gap is noticed", lambda: self.facts()["gaps"] == 1)
        self.becomes(self.key.token(), "revocation_stale")
        wait_for("it is on the disk", lambda: self.commits() >= before + 2)  # the gap, and what came with it
        self.agent.kill()
        self.launch()
        self.assertEqual(self.facts()["gaps"], 0)
        self.assertEqual(self.says(self.key.token()), "revocation_stale")
        proxy.holds = None
        proxy.cut()
        self.becomes(self.key.token(), "accepted")
        self.counts("b")

    def test_a_stream_in_its_place_where_another_entry_was_deleted(self):
        self.begin("5-0", "10-0")
        for number in ("5-0", "7-0", "20-0"):
            self.server.cli("XADD", "other", number, "r", record(jti=number))
        self.server.cli("XDEL", "other", "20-0")
        self.server.cli("RENAME", "other", STREAM)
        self.gaps(1, "lacks the last entry")
        self.counts("7-0")

    def test_entries_that_were_deleted_before_they_were_read(self):
        self.begin("1-0")
        self.at_once(("XADD", STREAM, "2-0", "r", record(jti="lost")), ("XADD", STREAM, "3-0", "r", record(jti="b")), ("XDEL", STREAM, "2-0"))
        self.gaps(1, "deleted before it was read")
        self.counts("b")
        self.add("4-0")
        self.counts("4-0")
        self.agent.stop()
        self.at_once(("XADD", STREAM, "5-0", "r", record(jti="lost")), ("XDEL", STREAM, "5-0"))
        self.agent.start()
        self.gaps(1)


class Proxy:
    """Before a server on loopback: what a client sends that holds these bytes is kept back, and all that it sends later."""

    def __init__(self, port):
        self.to, self.holds, self.pairs = port, None, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            self.pairs += [client, server]
            for how in ((client, server, True), (server, client, False)):
                self.threads.append(threading.Thread(target=self.pump, args=how, daemon=True))
                self.threads[-1].start()

    def pump(self, source, sink, watched):
        try:
            while data := source.recv(65536):
                if watched and self.holds and self.holds in data:
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        for end in self.pairs:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join()
        self.listener.close()
        self.cut()
        for thread in self.threads[1:]:
            thread.join()
        for end in self.pairs:
            end.close()


@needs_redis
class Locked(RedisFeedTest):
    """A password, a user, TLS."""

    def secret(self, text, name="password"):
        put_file(self.agent.path(name), text + "\n")
        return self.agent.path(name)

    def test_a_password(self):
        self.server = self.redis("locked", password="sesame")
        self.configure(password_file=self.secret("sesame"))
        self.agent.start()
        self.server.cli("XADD", STREAM, "*", "r", record(jti="a"))
        self.becomes(self.key.token(jti="a"), "revoked")
        self.assertNotIn("sesame", self.agent.log())

    @unittest.skipUnless(os.geteuid() == 0, "makes a folder below /run/secrets")
    def test_a_password_as_kubernetes_writes_it(self):
        """Readable to all, below /run/secrets, where there is nobody else."""
        os.makedirs("/run/secrets", exist_ok=True)
        folder = tempfile.mkdtemp(prefix="assay-", dir="/run/secrets")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        put_file(os.path.join(folder, "redis"), "sesame\n", 0o644)
        self.server = self.redis("locked", password="sesame")
        self.configure(password_file=os.path.join(folder, "redis"))
        self.agent.start()
        self.server.cli("XADD", STREAM, "*", "r", record(jti="a"))
        self.becomes(self.key.token(jti="a"), "revoked")

    def test_a_wrong_password_is_told_and_a_right_one_taken(self):
        self.server = self.redis("locked", password="sesame")
        path = self.secret("wrong")
        self.configure(password_file=path)
        self.launch()
        wait_for("it is told", self.error)
        self.assertIn("password", self.error())
        put_file(path, "sesame")
        wait_for("it is ready", lambda: self.agent.call("ping")["ready"], 12)

    def test_another_password_file_by_a_reload(self):
        self.server = self.redis("locked", password="sesame")
        self.configure(password_file=self.secret("wrong"))
        self.launch()
        wait_for("it is told", self.error)
        self.configure(password_file=self.secret("sesame", "another"))
        self.agent.call("reload")
        wait_for("it is ready", lambda: self.agent.call("ping")["ready"], 12)

    def test_a_user_with_few_rights(self):
        rights = f"user reader on >sesame ~{STREAM} -@all +xread +xrange +xinfo|stream +select"
        self.server = self.redis("users", password="admin", users=[rights])
        feed = {"redis": self.server.url_of("localhost", "reader"), "password_file": self.secret("sesame")}
        self.agent.configure(revocation={"feeds": [feed]})
        self.agent.start()
        self.server.cli("XADD", STREAM, "*", "r", record(jti="a"))
        self.becomes(self.key.token(jti="a"), "revoked")

    def test_tls(self):
        authority = Authority(self.agent.path("authority"))
        self.server = self.redis("tls", tls=(authority.issue(), authority.ca))
        self.assertIn("rediss://", self.server.url)
        self.configure(ca_file=authority.ca)
        self.agent.start()
        self.revoke(jti="a")
        self.becomes(self.key.token(jti="a"), "revoked")
        self.agent.stop()
        self.configure()  # the system's authorities have not signed it
        self.launch()
        wait_for("it is told", self.error)
        self.assertIn("certificate", self.error())


    def test_a_connection_does_not_outlive_its_authority(self):
        authorities = []
        for name in ("authority", "other"):
            authorities.append(Authority(self.agent.path(name)))
        old, new = authorities
        self.server = self.redis("tls", tls=(old.issue(), old.ca))
        self.configure(ca_file=old.ca)
        self.agent.start()
        self.revoke(jti="a")
        self.becomes(self.key.token(jti="a"), "revoked")
        with open(new.ca, encoding="ascii") as file:
            text = file.read()
        put_file(old.ca, text)
        wait_for("it is told", lambda: "certificate" in self.error(), 8)
        self.server.stop()
        self.server.tls = (new.issue(), new.ca)
        self.server.start()
        wait_for("it is well again", lambda: not self.error(), 12)
        self.revoke(jti="b")
        self.becomes(self.key.token(jti="b"), "revoked")


@needs_redis
class Ends(RedisFeedTest):
    """Threads in the middle of TLS while the process ends."""

    def silent(self):
        """It takes connections, and never says a word in TLS."""
        server = Server(self.certificate)
        server.accepting = "silent"
        server.start()
        self.addCleanup(server.stop)
        return f"rediss://localhost:{server.port}"

    def test_many_ends_whatever_the_threads_are_doing(self):
        authority = Authority(self.agent.path("authority"))
        self.certificate = authority.issue()
        self.server = self.redis("tls", tls=(self.certificate, authority.ca))
        for i in range(100):
            self.revoke(jti=f"j{i}")
        urls = [self.server.url_of(db=i) for i in range(6)] + [self.silent(), "rediss://localhost:1"]
        for ca_file in ({"ca_file": authority.ca}, {}):
            self.agent.configure(revocation={"feeds": [{"redis": url, "start_without": True, **ca_file} for url in urls]})
            for i in range(200 if LONG else 20):
                self.launch()
                time.sleep(i % 20 * 0.01)
                begin = patient()
                self.assertEqual(self.agent.stop(), 0, self.agent.log()[-2000:])
                self.assertLess(patient() - begin, 3)


@needs_redis
class Many(RedisFeedTest):
    def test_a_flood_of_revocations_is_gathered(self):
        self.agent.start()
        count = 2000
        commits = self.agent.call("status")["revocation"]["commits"]

        def flood():
            with self.server.connect() as client:
                for i in range(count):
                    client.call("XADD", STREAM, "*", "r", record(jti=f"f{i}"))
                    time.sleep(0.0005)
        thread = threading.Thread(target=flood)
        thread.start()
        thread.join()
        wait_for("all are there", lambda: self.facts()["records"] == count, 2)
        self.assertLess(self.agent.call("status")["revocation"]["commits"] - commits, count / 4)
        self.assertNotIn("the connection was closed", self.agent.log())     # it is read on, not anew


@needs_redis
class Full(RedisFeedTest):
    def test_a_full_disk_is_tried_again_now_and_then(self):
        self.agent.start()
        whole = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.prlimit(self.agent.process.pid, resource.RLIMIT_FSIZE, (8192, whole[1])) # LMDB's two first pages can be written
        self.revoke(jti="a")
        wait_for("it is told", lambda: "disk full" in self.error())
        time.sleep(1)
        self.assertLessEqual(self.facts()["lines"], 2)
        resource.prlimit(self.agent.process.pid, resource.RLIMIT_FSIZE, whole)
        self.becomes(self.key.token(jti="a"), "revoked")
        self.assertEqual(self.error(), "")


if __name__ == "__main__":
    unittest.main()
