"""`assay revoke --to URL` adds a record to a fleet's stream, as a feed has it; whatever is in the way is told in words."""
import hashlib
import json
import os
import socket
import subprocess
import time
import unittest

from agent import ASSAY, ISSUER, Key, b64, patient
from redis_server import RedisError, RedisServer, needs_redis
from command import CommandTest, assay
from tls import Authority, Server

STREAM = "assay:revocations"
UNDO = "undo"


class PublishTest(CommandTest):
    """A Redis, set up as `how` says."""

    how = {}

    def setUp(self):
        super().setUp()
        self.server = self.serve("redis", **self.how)

    def serve(self, name, **how):
        server = RedisServer(self.path(name), **how).start()
        self.addCleanup(server.stop)
        return server

    def publish(self, command, *arguments, to=None, **how):
        return assay(command, "--to", to or self.server.url, *arguments, **how)

    def entries(self, stream=STREAM):
        return self.server.cli("XRANGE", stream, "-", "+")

    def added(self, command, *arguments, stream=STREAM, to=None, **how):
        """The record that this adds."""
        done = self.publish(command, *arguments, to=to, **how)
        self.assertDone(0, done)
        name, fields = self.entries(stream)[-1]
        self.assertEqual(done.out, f"published {name}\n")
        self.assertEqual(fields[0::2], ["r"])
        return json.loads(fields[1])


@needs_redis
class Records(PublishTest):
    def assertAdds(self, record, *arguments, **how):
        self.assertEqual(self.added("revoke", *arguments, **how), record)
        self.assertEqual(self.added("unrevoke", *arguments, **how), {UNDO: record})

    def test_one_thing(self):
        of = ("--issuer", ISSUER)
        digits = "0123456789abcdef" * 4
        thumbprint = self.key.thumbprint()
        self.assertAdds({"iss": ISSUER, "jti": "j"}, "--jti", "j", *of)
        self.assertAdds({"iss": ISSUER, "jti": 'ü "\\\n\x7f\u0085 x'}, "--jti", 'ü "\\\n\x7f\u0085 x', *of)
        self.assertAdds({"iss": ISSUER, "sid": "s"}, "--sid", "s", *of)
        self.assertAdds({"iss": ISSUER, "sid": "s", "before": 7}, "--sid", "s", "--before", "7", *of)
        self.assertAdds({"iss": ISSUER, "kid": "k"}, "--kid", "k", *of)
        self.assertAdds({"iss": ISSUER, "jkt": thumbprint}, "--jkt", thumbprint, *of)
        self.assertAdds({"iss": ISSUER, "signing_input_sha256": digits}, "--signing-input-sha256", digits.upper(), *of)
        self.assertAdds({"iss": ISSUER, "sub": "alice", "before": 1764000000}, "--sub", "alice", "--before", "1764000000", *of)
        self.assertAdds({"iss": ISSUER, "before": 1764000000}, "--all", "--before", "2025-11-24T16:00:00Z", *of)

    def test_times(self):
        for command, ahead in (("revoke", 30), ("unrevoke", 0)): # so far an issuer's clock may be ahead
            begin = int(time.time())
            record = self.added(command, "--sub", "alice", "--issuer", ISSUER)
            before = record.get(UNDO, record)["before"]
            self.assertTrue(begin + ahead <= before <= time.time() + ahead, record)
        begin = int(time.time())
        record = self.added("revoke", "--jti", "j", "--ttl", "1h", "--issuer", ISSUER)
        self.assertTrue(begin + 3600 <= record["exp"] <= time.time() + 3600, record)

    def test_the_token_itself(self):
        token = self.key.token(jti="j", iss="https://of.the/token")
        record = {"iss": "https://of.the/token", "signing_input_sha256": hashlib.sha256(token.rsplit(".", 1)[0].encode()).hexdigest()}
        self.assertAdds(record, "--token", token)
        self.assertAdds(record, "--token-file", self.put("token", token + "\n"))
        self.assertAdds(record, "--token-file", "-", given=token)
        self.assertAdds({**record, "iss": ISSUER}, "--token", token, "--issuer", ISSUER)
        forged = token.rsplit(".", 1)[0] + "." + b64(bytes(64))
        self.assertAdds(record, "--token", forged)  # what it signs is the same, and only that is named

    def test_what_an_agent_makes_of_them(self):
        other = Key("EdDSA", "k2")
        token, spared = self.key.token(jti="j", sub="ü"), self.key.token(jti="i", sub="bob")
        record = self.added("revoke", "--token", token)
        more = [self.added("revoke", "--sub", "carol", "--issuer", ISSUER, "--ttl", "1h"),
                self.added("revoke", "--jkt", other.thumbprint(), "--issuer", ISSUER)]
        feed = self.put("feed", "".join(json.dumps(line) + "\n" for line in [record, *more]), 0o644)
        agent = self.start(keys=[self.key, other], revocation={"feeds": [{"file": feed}]})
        self.assertEqual([agent.verify(token), agent.verify(spared)], ["revoked", "accepted"])
        self.assertEqual([agent.verify(self.key.token(sub="carol")), agent.verify(other.token())], ["revoked", "revoked"])
        with open(feed, "a", encoding="utf-8") as file:
            file.write(json.dumps(self.added("unrevoke", "--token", token)) + "\n")
        agent.restart()
        self.assertEqual(agent.verify(token), "accepted")

    def test_other_streams_and_databases(self):
        self.assertEqual(self.added("revoke", "--jti", "j", "--issuer", ISSUER, "--stream", "fleet 2", stream="fleet 2")["jti"], "j")
        done = self.publish("revoke", "--jti", "j", "--issuer", ISSUER, to=self.server.url_of("127.0.0.1", db=3))
        self.assertDone(0, done, "published ")
        with self.server.connect() as client:
            client.call("SELECT", 3)
            self.assertEqual(client.call("XLEN", STREAM), 1)

    def test_json(self):
        done = self.publish("revoke", "--jti", "j", "--issuer", ISSUER, "--json")
        self.assertDone(0, done)
        self.assertEqual(done.json(), {"published": self.entries()[-1][0]})

    def test_trimming_is_asked_for(self):
        with self.server.connect() as client:
            client.many(("XADD", STREAM, "*", "r", "{}") for _ in range(3000))
        self.added("revoke", "--jti", "j", "--issuer", ISSUER)
        self.assertEqual(self.server.cli("XLEN", STREAM), 3001)
        self.added("revoke", "--jti", "k", "--issuer", ISSUER, "--maxlen", "1000")
        self.assertTrue(1000 <= self.server.cli("XLEN", STREAM) < 1200)

    def test_the_longest(self):
        self.added("revoke", "--jti", "j" * 4096, "--issuer", "i" * 4096)
        self.assertDone(2, self.publish("revoke", "--jti", "j" * 4097, "--issuer", ISSUER), "4096")
        self.assertDone(2, self.publish("revoke", "--jti", "j", "--issuer", "i" * 4097), "4096")
        self.assertDone(2, self.publish("revoke", "--jti", "\x85" * 2048, "--issuer", "\x85" * 2048), "16384")


@needs_redis
class Usage(PublishTest):
    def assertWrong(self, words, *arguments, command="revoke", to=None, **how):
        done = self.publish(command, *arguments, to=to, **how)
        self.assertDone(2, done, words)

    def test_what_is_missing_or_too_much(self):
        of = ("--issuer", ISSUER)
        for command in ("revoke", "unrevoke"):
            self.assertWrong("--to needs --issuer", "--jti", "j", command=command)
            self.assertWrong("which tokens?", *of, command=command)
            self.assertWrong("exclude each other", "--jti", "j", "--kid", "k", *of, command=command)
            self.assertWrong("exclude each other", "--jti", "j", "--token", self.key.token(), *of, command=command)
            self.assertWrong("--socket exclude", "--jti", "j", "--socket", "/s", *of, command=command)
            self.assertWrong("--stream is empty", "--jti", "j", "--stream", "", *of, command=command)
            self.assertWrong("UTF-8", "--jti", "j", "--issuer", "\udcff", command=command)
            self.assertWrong("not a thumbprint", "--jkt", "!" * 43, *of, command=command)
            self.assertWrong("--before goes with", "--jti", "j", "--before", "7", *of, command=command)
            self.assertWrong("--ca-file goes with rediss", "--jti", "j", "--ca-file", ASSAY, *of, command=command)
            self.assertWrong("No such file", "--jti", "j", "--password-file", self.path("none"), *of, command=command)
            self.assertWrong("--timeout", "--jti", "j", "--timeout", "0s", *of, command=command)
            for option in ("--stream", "--ca-file", "--password-file", "--maxlen"):
                self.assertDone(2, assay(command, "--jti", "j", option, "1"), f"{option} goes with --to")
        self.assertWrong("--all needs --before", "--all", *of)
        self.assertWrong("--maxlen", "--jti", "j", "--maxlen", "0", *of)
        self.assertWrong("--all-sources", "--jti", "j", "--all-sources", *of, command="unrevoke")
        self.assertEqual(self.entries(), [])

    def test_tokens_without_an_issuer(self):
        for token in ("a", "a.b", "a.b.c", "e30.e30.x", self.key.token(iss=None), self.key.token(iss=["x"]),
                      "e30." + b64(b'{"iss":"a","iss":"b"}') + ".x", "e30." + b64(b'{"iss":"a\\u0000"}') + ".x", "a." + "!" * 8 + ".c"):
            self.assertWrong("", "--token", token)
        self.assertEqual(self.entries(), [])

    def test_urls(self):
        for url, words in (("http://h", "rediss://"), ("redis://bob:secret@h", "--password-file"), ("redis://h/?db=1", "query"),
                           ("redis+unix:///s", "Unix sockets")):
            done = self.publish("revoke", "--jti", "j", "--issuer", ISSUER, to=url)
            self.assertDone(2, done, "--to: ", words)
            self.assertNotIn("secret", done.err)

    def test_help_tells_of_trimming(self):
        for command in ("revoke", "unrevoke"):
            self.assertIn("trimmed past what an agent has read", assay(command, "--help").out)


ARGUMENTS = ("revoke", "--jti", "j", "--issuer", ISSUER)


@needs_redis
class Refused(PublishTest):
    how = {"users": ["user bob on >b0b ~assay:* +xadd +ping", "user eve on >eve ~* +xlen", "user off off >off ~* +@all"]}

    def fails(self, words, *arguments, to=None):
        done = self.publish(*ARGUMENTS, *arguments, to=to)
        self.assertDone(3, done, words)
        told = self.publish(*ARGUMENTS, *arguments, "--json", to=to)
        self.assertEqual([told.code, told.json()["message"]], [3, done.err.removeprefix("assay: ").removesuffix("\n")])
        return told.json()["error"]

    def test_users(self):
        password = self.put("password", "b0b\n")
        bob, eve = self.server.url_of(user="bob"), self.server.url_of(user="eve")
        self.assertDone(0, self.publish(*ARGUMENTS, "--password-file", password, to=bob), "published")
        self.fails("password_file", to=bob)
        self.fails("no user eve", "--password-file", password, to=eve)
        self.fails("no user nobody", "--password-file", password, to=self.server.url_of(user="nobody"))
        self.fails("no user off", "--password-file", self.put("off", "off"), to=self.server.url_of(user="off"))
        self.assertEqual(self.fails("NOPERM", "--password-file", self.put("eve", "eve"), to=eve), "refused")
        self.assertEqual(self.fails("NOPERM", "--password-file", password, "--stream", "mine", to=bob), "refused")
        self.fails("has no password", "--password-file", password)
        self.fails("mode 0644", "--password-file", self.put("open", "b0b", 0o644), to=bob)

    def test_errors_of_redis(self):
        self.server.cli("SET", STREAM, "x")
        self.assertEqual(self.fails("assay:revocations in this Redis is not a stream"), "refused")
        self.fails("database 99", to=self.server.url_of(db=99))
        self.server.cli("REPLICAOF", "127.0.0.1", "1")
        self.assertEqual(self.fails("READONLY", "--stream", "s"), "refused")

    def test_a_full_disk_is_told(self):
        self.server.cli("CONFIG", "SET", "maxmemory", "1")
        self.assertEqual(self.fails("OOM", "--stream", "s"), "refused")

    def test_nobody_there(self):
        self.server.stop()
        self.assertEqual(self.fails("connection refused"), "unreachable")
        self.fails("cannot be resolved", to="redis://no-such-host.invalid")

    def test_nobody_answers(self):
        self.server.freeze()
        begin = patient()
        self.assertDone(3, self.publish(*ARGUMENTS, "--timeout", "200ms"), "in time")
        self.assertLess(patient() - begin, 4)

    def test_the_answer_does_not_come(self):
        """Redis has it, or has it not: nobody can say, and that is said."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            with subprocess.Popen([ASSAY, *ARGUMENTS, "--to", f"redis://127.0.0.1:{listener.getsockname()[1]}"],
                                  stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
                connection, _ = listener.accept()
                connection.recv(4096)
                connection.sendall(b"+PONG\r\n")
                connection.recv(4096)
                connection.close()
                out, err = process.communicate(timeout=10)
        self.assertEqual([process.returncode, out], [3, b""])
        self.assertIn(b"may or may not be published", err)


@needs_redis
class Password(PublishTest):
    how = {"password": "s3 cret"}

    def test_the_default_user(self):
        password = self.put("password", "s3 cret\n")
        self.assertDone(0, self.publish(*ARGUMENTS, "--password-file", password), "published")
        self.assertDone(3, self.publish(*ARGUMENTS), "requires a password")
        done = self.publish(*ARGUMENTS, "--password-file", self.put("wrong", "secret7"))
        self.assertDone(3, done, "is wrong")
        self.assertNotIn("secret7", done.err)


@needs_redis
class Tls(CommandTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.path("tls"))

    def serve(self, certificate, **how):
        server = RedisServer(self.path(f"redis{self.authority.count}"), tls=(certificate, self.authority.ca), **how).start()
        self.addCleanup(server.stop)
        return server

    def publish(self, url, *arguments, ca=True):
        return assay(*ARGUMENTS, "--to", url, *(["--ca-file", self.authority.ca] if ca else []), *arguments)

    def test_trusted(self):
        server = self.serve(self.authority.issue())
        for host in ("localhost", "127.0.0.1"):
            self.assertDone(0, self.publish(server.url_of(host)), "published")
        self.assertEqual(server.cli("XLEN", STREAM), 2)
        self.assertDone(3, self.publish(server.url, ca=False), "not trusted", "`ca_file`")
        self.assertDone(3, self.publish(server.url.replace("rediss", "redis"), ca=False), "rediss://")
        self.assertDone(0, self.publish(self.serve(self.authority.chained()).url), "published")

    def test_not_trusted(self):
        for name in ("by_other", "expired", "not_yet", "self_signed"):
            with self.subTest(name):
                self.assertDone(3, self.publish(self.serve(getattr(self.authority, name)()).url), "not trusted")
        for name in ("other_host", "no_names"):
            with self.subTest(name):
                self.assertDone(3, self.publish(self.serve(getattr(self.authority, name)()).url), "for another host")
        server = self.serve(self.authority.issue())
        self.assertDone(3, assay(*ARGUMENTS, "--to", server.url, "--ca-file", self.put("no-ca", "x")), "cannot be used")

    def test_old_tls_and_client_certificates(self):
        with Server(self.authority.issue()) as old:
            old.old_tls()
            self.assertDone(3, self.publish(f"rediss://localhost:{old.port}"), "TLS 1.2")
        for protocol in ("TLSv1.2", "TLSv1.3"):
            server = self.serve(self.authority.issue(), settings=[f'tls-protocols "{protocol}"'])
            self.assertDone(0, self.publish(server.url), "published")
            server.cli("CONFIG", "SET", "tls-auth-clients", "yes")
            self.assertDone(3, self.publish(server.url), "tls-auth-clients")

    def test_plain_redis(self):
        with RedisServer(self.path("plain")) as server:
            done = self.publish(server.url.replace("redis", "rediss"), "--timeout", "1s")
            self.assertEqual(done.code, 3, done)
            self.assertRegex(done.err, "speak TLS")


@needs_redis
class TheServer(CommandTest):
    """redis_server.py itself."""

    def test_ends_and_begins(self):
        with RedisServer(self.path("r"), appendonly=True) as server:
            port, first = server.port, server.cli("XADD", "s", "*", "r", "ä\r\n")
            self.assertEqual(server.cli("XRANGE", "s", "-", "+"), [[first, ["r", "ä\r\n"]]])
            server.kill()
            self.assertFalse(server.runs())
            self.assertEqual(server.restart().port, port)
            server.freeze()
            server.thaw()
            self.assertEqual(server.cli("XLEN", "s"), 1)
            server.restart()
            self.assertEqual(server.cli("XLEN", "s"), 1)
            with self.assertRaisesRegex(RedisError, "WRONGTYPE"):
                server.cli("GET", "s")
        self.assertFalse(server.runs())
        self.assertIn("Ready to accept connections", server.log())

    def test_tls_and_users(self):
        authority = Authority(self.path("tls"))
        with RedisServer(self.path("r"), tls=(authority.issue(), authority.ca), password="p", users=["user bob on >b ~* +xlen"]) as server:
            self.assertEqual(server.cli("DBSIZE"), 0)
            self.assertEqual(server.cli("XLEN", "s", user=("bob", "b")), 0)
            with self.assertRaisesRegex(RedisError, "NOPERM"):
                server.cli("DBSIZE", user=("bob", "b"))
            with self.assertRaisesRegex(RedisError, "WRONGPASS"):
                server.cli("DBSIZE", user=("bob", "p"))
        with RedisServer(self.path("s")) as server:
            server.cli("SET", "x", "1")
            self.assertEqual(server.restart().cli("GET", "x"), None)

    def test_one_that_cannot_start_says_why(self):
        with self.assertRaisesRegex(AssertionError, "no-such-setting"):
            RedisServer(self.path("r"), settings=["no-such-setting 1"]).start()


if __name__ == "__main__":
    unittest.main()
