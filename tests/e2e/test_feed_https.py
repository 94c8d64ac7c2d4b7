"""A revocation feed over HTTPS: a list that is asked for again and again, and what its server may do to it."""
import gzip
import json
import os
import shutil
import subprocess
import time
import unittest
from urllib.parse import parse_qs, urlsplit

from agent import ASAN, BUILD, ISSUER, AssayTest, Key, WireError, die_with_parent, patient, put_file, wait_for
from behaviours import (Behaviour, bearer, document, endless, gzip_bomb, hang_up, head, header_flood, html, raw, redirect, silent, slow, status,
                        truncated, unavailable)
from tls import Authority, Server

OTHER = "https://other.example.com"


def line(**record):
    return json.dumps({"iss": ISSUER, **record}) + "\n"


def listing(text, etag=None):
    """What nginx does with a file."""
    def function(request, out):
        headers = [("ETag", etag)] if etag else []
        if etag and request.headers.get("if-none-match") == etag:
            out.send(head(304, headers))
            return
        body = text.encode()
        out.send(head(200, [*headers, ("Content-Length", str(len(body))), ("Content-Type", "application/x-ndjson")]) + body)
    return Behaviour(function)


class Log:
    """A publisher with cursors: how many lines there are."""

    def __init__(self):
        self.lines = []

    def behaviour(self):
        def function(request, out):
            after = int(parse_qs(urlsplit(request.path).query).get("after", ["0"])[0])
            body = "".join(self.lines[after:]).encode()
            out.send(head(200, [("Assay-Cursor", str(len(self.lines))), ("Content-Length", str(len(body)))]) + body)
        return Behaviour(function)


class HttpsFeedTest(AssayTest):
    SETTINGS = {"interval": "1s"}

    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.authority = Authority(self.agent.path("authority"))
        self.server = Server(self.authority.issue()).start()
        self.addCleanup(self.server.stop)
        self.server.routes["/revocations"] = listing("")
        self.configure()

    def configure(self, all_issuers=None, max_age=None, **settings):
        feed = {"url": self.server.url("/revocations"), "ca_file": self.authority.ca, **self.SETTINGS, **settings}
        revocation = {"feeds": [feed]}
        if max_age:
            revocation["max_age"] = max_age
        self.agent.configure(all_issuers, revocation=revocation)

    def publish(self, text, etag=None):
        self.server.routes["/revocations"] = listing(text, etag)

    def facts(self):
        return self.agent.call("status")["revocation"]["feeds"][0]

    def becomes(self, token, verdict, seconds=4):
        wait_for(f"the token is {verdict}", lambda: self.says(token) == verdict, seconds)

    def says(self, token):
        try:
            return self.agent.verify(token)
        except WireError as error:
            return error.name

    def launch(self):
        return self.agent.launch().wait_answers()


class Follow(HttpsFeedTest):
    def test_it_is_read_before_the_agent_is_ready_and_again_each_interval(self):
        token, other = self.key.token(jti="a"), self.key.token(jti="b")
        self.publish(line(jti="a"))
        self.agent.start()
        self.assertEqual([self.agent.verify(t) for t in (token, other)], ["revoked", "accepted"])
        self.assertLessEqual(self.agent.call("verify", token=other)["revocation_age"], 2)
        self.publish(line(jti="a") + line(jti="b"))
        begin = patient()
        self.becomes(other, "revoked")
        self.assertLess(patient() - begin, 1.6)
        self.publish("")
        wait_for("it was read again", lambda: self.facts()["lines"] == 0)
        self.assertEqual(self.agent.verify(token), "revoked")  # a line that vanishes takes nothing back

    def test_an_etag_saves_the_rest_also_over_a_restart(self):
        self.publish(line(jti="a"), '"v1"')
        self.agent.start()
        wait_for("it was asked again", lambda: len(self.server.requests) >= 2)
        self.agent.restart()
        wait_for("it was asked again", lambda: len(self.server.requests) >= 4)
        self.assertEqual([request.headers.get("if-none-match") for request in self.server.requests[:4]], [None] + ['"v1"'] * 3)
        self.assertEqual(self.agent.verify(self.key.token(jti="a")), "revoked")

    def test_a_cursor_brings_what_came_after_it(self):
        log = Log()
        log.lines = [line(jti=f"j{i}") for i in range(100)]
        self.server.routes["/revocations"] = log.behaviour()
        self.agent.start()
        self.assertEqual(self.facts()["records"], 100)
        log.lines.append(line(jti="new"))
        self.becomes(self.key.token(jti="new"), "revoked")
        self.assertEqual(self.facts()["records"], 101)
        self.agent.restart()
        self.assertEqual(self.server.requests[-1].path, "/revocations?after=101")
        self.assertEqual(self.agent.verify(self.key.token(jti="j7")), "revoked")

    def test_a_cursor_that_is_not_known_any_more_begins_anew(self):
        log = Log()
        log.lines = [line(jti="a")]
        self.server.routes["/revocations"] = log.behaviour()
        self.agent.start()
        self.server.routes["/revocations"] = Behaviour(
            lambda request, out: (status(410) if "after" in request.path else listing(line(jti="b"))).send(request, out))
        self.becomes(self.key.token(jti="b"), "revoked", 6)
        self.assertEqual((self.facts()["gaps"], self.facts()["error"]), (1, None))

    def test_a_server_in_trouble_says_nothing_of_the_cursor(self):
        log = Log()
        log.lines = [line(jti="a")]
        self.server.routes["/revocations"] = log.behaviour()
        self.agent.start()
        self.server.routes["/revocations"] = status(500)
        wait_for("it is told", lambda: self.facts()["error"], 6)
        log.lines.append(line(jti="b"))
        self.server.routes["/revocations"] = log.behaviour()
        self.becomes(self.key.token(jti="b"), "revoked", 6)
        self.assertEqual((self.facts()["gaps"], self.facts()["records"]), (0, 2))

    def test_rights(self):
        self.configure([self.agent.issuer(), self.agent.issuer(OTHER)], issuers=[ISSUER])
        self.publish(line(jti="a") + json.dumps({"iss": OTHER, "jti": "a"}) + "\n" + json.dumps({"undo": {"iss": ISSUER, "jti": "a"}}) + "\n")
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token(jti="a")), "revoked")
        self.assertEqual(self.agent.verify(self.key.token(jti="a", iss=OTHER)), "accepted")
        self.assertEqual((self.facts()["records"], self.facts()["unreadable"], self.facts()["excluded"]), (1, 0, 2))
        self.assertIn("may not undo", self.agent.log())

    def test_undo_where_it_is_allowed(self):
        self.configure(undo=True)
        self.publish(line(jti="a"))
        self.agent.start()
        self.publish(line(jti="a") + json.dumps({"undo": {"iss": ISSUER, "jti": "a"}}) + "\n")
        self.becomes(self.key.token(jti="a"), "accepted")

    def test_a_bearer_token(self):
        path = self.agent.path("bearer")
        put_file(path, "sesame\n")
        self.server.routes["/revocations"] = bearer("sesame", listing(line(jti="a")))
        self.configure(token_file=path)
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token(jti="a")), "revoked")

    def test_half_a_line_counts_when_its_end_comes(self):
        whole = line(jti="a") + line(jti="b")
        self.publish(whole[:-5], '"half"')
        self.launch()
        self.becomes(self.key.token(jti="a"), "revoked")
        self.assertEqual(self.says(self.key.token(jti="b")), "revocation_stale")  # what ends in the middle has not come whole
        self.assertIn("in the middle of a line", self.facts()["error"])
        self.publish(whole, '"half"')  # the same ETag: it was not believed
        self.becomes(self.key.token(jti="b"), "revoked")
        self.assertIsNone(self.facts()["error"])

    def test_the_last_line_of_a_whole_answer_needs_no_newline(self):
        self.publish(line(jti="a") + line(jti="b")[:-1])
        self.agent.start()
        self.assertEqual([self.agent.verify(self.key.token(jti=j)) for j in "ab"], ["revoked", "revoked"])
        self.assertEqual((self.facts()["records"], self.facts()["error"]), (2, None))

    def test_a_million_lines_are_read_in_little_memory(self):
        count = 200_000
        text = "".join(line(jti=f"j{i}", exp=4102444800) for i in range(count))
        self.publish(text)
        self.configure(interval="1h")
        self.agent.start()
        self.assertEqual(self.facts()["records"], count)
        self.assertEqual(self.agent.verify(self.key.token(jti=f"j{count - 1}")), "revoked")
        if "asan" not in os.environ.get("ASSAY_BUILD", "") and "tsan" not in os.environ.get("ASSAY_BUILD", ""):
            self.assertLess(self.agent.anonymous(), 34 << 20)


class Bad(HttpsFeedTest):
    BEHAVIOURS = {
        "503": (unavailable(), "503"), "404": (status(404), "404"), "silent": (silent(), "within"), "hanging up": (hang_up(), ""),
        "no HTTP": (raw(b"hello\r\n\r\n"), ""), "a redirect to another host": (redirect("https://127.0.0.1:1/"), "not the same host"),
        "a 304 that nobody asked for": (status(304), "304"), "a flood of headers": (header_flood(lines=5000), "headers"),
        "truncated": (truncated({"iss": ISSUER, "jti": "x"}), ""),
    }

    def test_servers_that_cannot_be_believed(self):
        """All at once, each a feed's."""
        feeds = []
        for i, name in enumerate(self.BEHAVIOURS):
            self.server.routes[f"/{i}"] = listing(line(jti=f"of {name}"))
            feeds.append({"url": self.server.url(f"/{i}"), "ca_file": self.authority.ca, "interval": "1s"})
        self.agent.configure(revocation={"feeds": feeds})
        self.agent.start()
        for i, (behaviour, _) in enumerate(self.BEHAVIOURS.values()):
            self.server.routes[f"/{i}"] = behaviour

        def status_of_all():
            return self.agent.call("status")["revocation"]["feeds"]
        wait_for("each has failed", lambda: all(feed["error"] for feed in status_of_all()), 25)
        for (name, (_, word)), feed in zip(self.BEHAVIOURS.items(), status_of_all()):
            with self.subTest(name):
                self.assertIn(word, feed["error"])
                self.assertEqual(self.agent.verify(self.key.token(jti=f"of {name}")), "revoked")
        self.assertEqual(self.agent.verify(self.key.token(jti="good")), "accepted")
        for i in range(len(feeds)):
            self.server.routes[f"/{i}"] = listing(line(jti=f"back {i}"))
        wait_for("each is back", lambda: not any(feed["error"] for feed in status_of_all()), 30)
        self.assertEqual({self.agent.verify(self.key.token(jti=f"back {i}")) for i in range(len(feeds))}, {"revoked"})

    def test_lines_that_are_none(self):
        self.publish("hello\n" + line(jti="a") + "x" * (1 << 20) + "\n" + line(jti="b") + "\n\n")
        self.agent.start()
        self.assertEqual([self.agent.verify(self.key.token(jti=j)) for j in "ab"], ["revoked", "revoked"])
        self.assertEqual((self.facts()["records"], self.facts()["unreadable"]), (2, 2))

    def test_a_compressed_list(self):
        self.server.routes["/revocations"] = document(gzip.compress((line(jti="a") + line(jti="b")).encode()),
                                                      headers={"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"})
        self.agent.start()
        self.assertEqual([self.agent.verify(self.key.token(jti=j)) for j in "abc"], ["revoked", "revoked", "accepted"])
        self.assertEqual((self.facts()["records"], self.facts()["unreadable"], self.facts()["error"]), (2, 0, None))

    def test_what_is_no_list(self):
        for behaviour in (html(), document({"keys": []}), gzip_bomb(size=1 << 22)):
            self.server.routes["/revocations"] = behaviour
            self.launch()
            wait_for("it is told", lambda: self.facts()["error"])
            self.assertIn("none of its lines is a revocation record", self.facts()["error"])
            self.assertError("revocation_stale", lambda: self.agent.verify(self.key.token()))
            self.agent.stop()

    def test_a_slow_list_is_read_to_its_end(self):
        self.server.routes["/revocations"] = slow(listing(line(jti="a") * 3), every=0.02)
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token(jti="a")), "revoked")

    def test_an_endless_one_does_not_keep_the_agent_from_ending(self):
        self.server.routes["/revocations"] = endless(piece=line(jti="a").encode() * 100, every=0.001)
        self.configure(start_without=True)
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        begin = patient()
        self.agent.stop()
        self.assertLess(patient() - begin, 5)


class Age(HttpsFeedTest):
    def test_nothing_is_said_before_it_was_read_once(self):
        self.server.routes["/revocations"] = unavailable()
        pong = self.launch()
        self.assertIs(pong["ready"], False)
        self.assertIn(self.server.url("/revocations"), pong["missing"][0])
        self.assertError("revocation_stale", lambda: self.agent.verify(self.key.token()), "has not been read")
        self.publish(line(jti="a"))
        wait_for("it is ready", lambda: self.agent.call("ping")["ready"], 5)
        self.assertEqual(self.agent.verify(self.key.token(jti="a")), "revoked")

    def test_start_without_does_not_wait(self):
        self.server.routes["/revocations"] = unavailable()
        self.configure(start_without=True)
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertEqual(self.agent.call("ping")["missing"], [])

    def test_what_was_read_by_an_earlier_run_counts_within_max_age(self):
        self.publish(line(jti="a"))
        self.configure(max_age="1h")
        self.agent.start()
        self.agent.stop()
        self.server.stop()
        self.launch()
        self.assertEqual(self.agent.verify(self.key.token(jti="a")), "revoked")
        self.assertEqual(self.agent.verify(self.key.token()), "accepted")
        self.assertIs(self.agent.call("ping")["ready"], False)

    def test_too_old_is_no_answer(self):
        self.configure(max_age="3s")
        self.agent.start()
        token = self.key.token()
        self.assertEqual(self.agent.verify(token), "accepted")
        self.server.stop()
        begin = time.monotonic()

        self.becomes(token, "revocation_stale", 6)
        self.assertError("revocation_stale", lambda: self.agent.verify(token), "was last confirmed")
        self.assertGreater(time.monotonic() - begin, 1.5)
        self.server.start()
        self.becomes(token, "accepted", 8)



class Authorities(HttpsFeedTest):
    """The `ca_file` counts as it is now, whatever connections, sessions and copies there are from before."""

    def setUp(self):
        super().setUp()
        self.other = Authority(self.agent.path("other authority"))

    def replace_authority(self, by):
        with open(by.ca, "rb") as file:
            put_file(self.authority.ca, file.read().decode())

    def test_one_that_was_taken_out_is_not_believed_on_a_connection_that_lasts(self):
        self.publish(line(jti="a"))
        self.agent.start()
        wait_for("it was asked again", lambda: len(self.server.requests) >= 3)
        self.assertEqual(self.server.accepted, 1)  # one connection, which lasts
        self.replace_authority(self.other)
        wait_for("it is told", lambda: "certificate is not trusted" in (self.facts()["error"] or ""))
        asked = len(self.server.requests)
        self.publish(line(jti="b"))
        wait_for("it was tried again", lambda: self.server.accepted >= 4, 12)
        self.assertEqual(len(self.server.requests), asked)
        self.assertEqual(self.agent.verify(self.key.token(jti="b")), "accepted")

    def test_a_new_one_is_believed_at_once(self):
        self.agent.start()
        self.replace_authority(self.other)
        self.server.certificate = self.other.issue()
        self.server.drop()
        self.publish(line(jti="a"))
        self.becomes(self.key.token(jti="a"), "revoked", 6)

    def test_a_file_that_is_none(self):
        self.agent.start()
        for text, words in (("", "empty"), ("x", "no certificate in it"), (None, "No such file")):
            if text is None:
                os.unlink(self.authority.ca)
            else:
                put_file(self.authority.ca, text)
            wait_for("it is told", lambda: words in (self.facts()["error"] or ""), 15)
            self.assertIn("`ca_file`", self.facts()["error"])



def undated(answer):
    """Without the Date of now, which comes first."""
    begin, _, rest = answer.split(b"\r\n", 2)
    return begin + b"\r\n" + rest


def dated(text, etag, modified, date):
    """Its Last-Modified and Date; None: none."""
    def function(request, out):
        headers = [("ETag", etag), *[(name, value) for name, value in (("Last-Modified", modified), ("Date", date)) if value]]
        if request.headers.get("if-none-match") == etag:
            out.send(undated(head(304, headers)))
            return
        out.send(undated(head(200, [*headers, ("Content-Length", str(len(text)))])) + text.encode())
    return Behaviour(function)


class CertainETags(HttpsFeedTest):
    """Only where whatever was written later must have another ETag, a 304 is asked for."""

    def test_times_that_leave_no_doubt_and_others(self):
        day = "Sun, 29 Nov 2026 14:00:"
        for modified, date, asks in ((None, None, True), (day + "00 GMT", day + "02 GMT", True), (day + "00 GMT", day + "01 GMT", False),
                                     (day + "00 GMT", day + "00 GMT", False), (day + "09 GMT", day + "00 GMT", False),
                                     (day + "00 GMT", None, False), ("yesterday", day + "09 GMT", False)):
            with self.subTest(modified=modified, date=date):
                self.server.forget()
                self.server.routes["/revocations"] = dated(line(jti="a"), f'"{modified} {date}"', modified, date)
                self.agent.start()
                wait_for("it was asked again", lambda: len(self.server.requests) >= 2)
                self.assertEqual(self.server.requests[1].headers.get("if-none-match") is not None, asks)
                self.agent.stop()


@unittest.skipUnless(shutil.which("nginx"), "needs nginx")
class Nginx(HttpsFeedTest):
    """Its ETags are a file's time, in seconds, and size."""

    def setUp(self):
        super().setUp()
        self.server.stop()
        self.list = self.agent.path("list")
        certificate = self.authority.issue()
        user = "user root;" if os.geteuid() == 0 else ""
        text = f"""daemon off; {user} pid {self.agent.path("pid")}; error_log {self.agent.path("nginx.log")}; events {{}}
            http {{ access_log {self.agent.path("access")}; client_body_temp_path {self.agent.path("t1")};
            proxy_temp_path {self.agent.path("t2")}; fastcgi_temp_path {self.agent.path("t3")};
            uwsgi_temp_path {self.agent.path("t4")}; scgi_temp_path {self.agent.path("t5")};
            server {{ listen 127.0.0.1:{self.server.port} ssl; ssl_certificate {certificate.cert}; ssl_certificate_key {certificate.key};
            location = /revocations {{ alias {self.list}; default_type application/x-ndjson; }} }} }}"""
        put_file(self.agent.path("nginx.conf"), text)
        self.nginx = subprocess.Popen(["nginx", "-e", self.agent.path("nginx.log"), "-c", self.agent.path("nginx.conf")],
                                      preexec_fn=die_with_parent)
        self.addCleanup(self.nginx.wait)
        self.addCleanup(self.nginx.terminate)
        wait_for("nginx listens", lambda: os.path.exists(self.agent.path("pid")))

    def write(self, jti, modified):
        put_file(self.list, line(jti=jti))
        os.utime(self.list, (modified, modified))

    def test_a_file_that_is_written_twice_within_a_second(self):
        """Its time is a little ahead, so that the agent reads in between however slow this machine is."""
        self.write("0", 1)
        self.agent.start()
        modified = int(time.time()) + 2
        self.write("a", modified)
        self.becomes(self.key.token(jti="a"), "revoked")
        self.write("b", modified)
        self.becomes(self.key.token(jti="b"), "revoked", 6)
        wait_for("nothing is sent again", lambda: self.statuses()[-3:] == ["304"] * 3)

    def statuses(self):
        with open(self.agent.path("access"), encoding="utf-8") as file:
            return [entry.split('"')[2].split()[0] for entry in file]


class Slow(HttpsFeedTest):
    def test_an_answer_is_as_old_as_its_question(self):
        """It takes two seconds to come: what has changed meanwhile is not in it."""
        body = line(jti="a").encode()

        def function(_, out):
            out.send(head(200, [("Content-Length", str(len(body)))]) + body[:5])
            if out.pause(2.1):
                out.send(body[5:])
        self.server.routes["/revocations"] = Behaviour(function)
        self.configure(interval="1h")
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token(jti="a")), "revoked")
        self.assertGreaterEqual(self.facts()["confirmed"], 2)

    def test_what_comes_little_by_little_counts_before_its_end(self):
        self.agent.start()

        def function(_, out):
            out.send(head(200, [("Content-Length", "100000")]))
            for count in range(1000):
                out.send(line(jti=f"j{count}").encode())
                if not out.pause(0.2):
                    return
        self.server.routes["/revocations"] = Behaviour(function)
        self.becomes(self.key.token(jti="j0"), "revoked", 15)
        self.assertIn("too slow", self.facts()["error"])


@unittest.skipIf(ASAN, "the sanitizers' libraries do not let others be loaded before them")
class HangingFiles(HttpsFeedTest):
    """A token or an authority lies on a file system that does not answer: it is its own list's affair."""

    def setUp(self):
        super().setUp()
        self.folder = self.agent.path("strange")
        os.mkdir(self.folder)
        self.agent.environment = {"LD_PRELOAD": os.path.join(BUILD, "tests", "strange_files.so"), "ASSAY_STRANGE_FILES": self.folder}
        put_file(os.path.join(self.folder, "token"), "secret")
        shutil.copy(self.authority.ca, os.path.join(self.folder, "ca"))
        feeds = [{"url": self.server.url(path), "ca_file": self.authority.ca, "interval": "1s", **files} for path, files in (
            ("/revocations", {}), ("/a", {"token_file": os.path.join(self.folder, "token")}), ("/b", {"ca_file": os.path.join(self.folder, "ca")}))]
        self.server.routes["/a"] = self.server.routes["/b"] = listing("")
        self.agent.configure(revocation={"feeds": feeds})

    def errors(self):
        return [feed["error"] or "" for feed in self.agent.call("status")["revocation"]["feeds"]]

    def test_the_others_go_on(self):
        hangs = os.path.join(self.folder, "hangs")
        self.agent.start()
        put_file(hangs, "")
        time.sleep(1.1)
        self.publish(line(jti="a"))
        self.becomes(self.key.token(jti="a"), "revoked", 3)
        wait_for("it is told", lambda: [("not read in time" in error) for error in self.errors()] == [False, True, True], 8)
        os.unlink(hangs)
        wait_for("they are read again", lambda: self.errors() == [""] * 3, 8)
        put_file(hangs, "")
        time.sleep(1.1)
        begin = patient()
        self.assertEqual(self.agent.stop(), 0)
        self.assertLess(patient() - begin, 1.8)


if __name__ == "__main__":
    unittest.main()
