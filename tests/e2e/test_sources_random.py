"""Publishers, operators and questions at random, beside a model that knows what each source said and when. What a source has said for
longer than its bound is in force, whatever happened to the file, the server or the agent; and who cannot know says so, for no longer
than the trouble lasts.

    ASSAY_SEED=… repeats a run; each step of it is in the message of a failure.
"""
import json
import os
import random
import signal
import time
import unittest
from urllib.parse import parse_qs, urlsplit

from agent import ASAN, ISSUER, LONG, AssayTest, Key, WireError, key_set, put_file
from behaviours import Behaviour, head, status
from library import NO, YES, Library, WallClock
from redis_server import RedisServer, needs_redis
from tls import Authority, Server

OTHER = "https://other.example.com"
STEPS = 340_000 if LONG else 3400           # of each kind of source: a million, or ten thousand
LATE = "reading it takes too long"
SECONDS = 1500 if LONG else 50              # and at most so long
ACTIONS = 0.004 if LONG else 0.03           # what happens, for each question
TOKENS = 48
SLOW = 3 if ASAN else 1                     # a machine that does much else
STREAM = "assay:revocations"
UNDO_SECONDS = 20                           # what is taken back waits until nobody writes to the file any more


class Word:
    """What one source says of one token: nothing, that it is revoked, or that this is taken back."""

    def __init__(self):
        self.says, self.since = None, 0.0
        self.must = False    # it was said for longer than the bound
        self.may = False     # it was said, and whether it was heard nobody can tell

    def settle(self, now, bound):
        if self.says == "add" and now - self.since > bound:
            self.must = True
        if self.says == "undo" and now - self.since > bound + UNDO_SECONDS:
            self.must = self.may = False

    def becomes(self, says, now, bound):
        self.settle(now, bound)
        if says == self.says:
            return
        if self.says == "add" and not self.must or self.says == "undo" and (self.must or self.may):
            self.may = True
        self.says, self.since = says, now
        if says == "undo":
            self.may = self.may or self.must
            self.must = False

    def perhaps_unheard(self, now):
        """Its time begins anew: before, it could not be read for a while."""
        if self.says == "add" and not self.must:
            self.since = now

    def again(self, now, bound):
        """It may count only from now on."""
        self.settle(now, bound)
        if self.says is not None:
            self.may = self.may or self.must
            self.since = now


class Source:
    """A list of (token's number, "add" or "undo") in the order in which it says them, and what that makes of each token."""

    def __init__(self, bound):
        self.bound = bound
        self.lines = []
        self.words = [Word() for _ in range(TOKENS)]
        self.excluded = set()   # numbers of tokens for whose issuer it may not speak now
        self.takes_back = True  # it may

    def said(self, now):
        """The lines are visible from now on."""
        last = dict(line for line in self.lines if self.takes_back or line[1] == "add")
        for number, word in enumerate(self.words):
            word.becomes(None if number in self.excluded else last.get(number), now, self.bound)

    def must(self, number, when):
        word = self.words[number]
        word.settle(when, self.bound)
        return word.must

    def may(self, number, when):
        word = self.words[number]
        word.settle(when, self.bound)
        return word.must or word.may or word.says == "add"


@unittest.skipIf(ASAN, "the sanitizers' libraries cannot be loaded into this program")
class AtRandom(AssayTest):
    bound = 2.0
    max_age = 3
    clock_moves = True

    def setUp(self):
        super().setUp()
        signal.alarm(SECONDS + 60)
        self.seed = int(os.environ.get("ASSAY_SEED", random.randrange(1 << 30)))
        self.random = random.Random(self.seed)
        self.keys = [Key(kid=f"k{i}") for i in range(2)]
        self.agent = self.prepare(keys=self.keys)
        self.clock = WallClock(self.agent.path("clock"))
        self.agent.environment = self.clock.environment
        exp = int(time.time()) + 100000
        self.tokens = [self.keys[i // 2 % 2].token(jti=f"t{i}", iss=(ISSUER, OTHER)[i % 2], iat=int(time.time()) - 1000, exp=exp)
                       for i in range(TOKENS)]
        self.source = Source(self.bound + 0.5 * SLOW)
        self.key_since = [time.monotonic()] * 2
        self.key_there = [True] * 2
        self.wide = True
        self.trouble = 0.0      # undecided is right until then
        self.late = 0           # questions that were undecided because a file could not be read in time
        self.log = []
        self.prepare_source()
        self.configure()
        self.agent.start()
        self.library = Library(self.agent.socket)
        self.addCleanup(lambda: self.library.close())

    # --- what happens ------------------------------------------------------

    def record(self, number, says):
        record = {"iss": (ISSUER, OTHER)[number % 2], "jti": f"t{number}"}
        return json.dumps({"undo": record} if says == "undo" else record) + "\n"

    def text(self, lines=None):
        return "".join(self.record(*one) for one in (self.source.lines if lines is None else lines))

    def configure(self):
        rights = {"undo": self.source.takes_back, **({} if self.wide else {"issuers": [ISSUER]})}
        self.agent.configure([self.agent.issuer(), self.agent.issuer(OTHER)],
                             revocation={"max_age": f"{self.max_age}s", "feeds": [{**self.feed(), **rights}]})

    def expect_trouble(self, seconds):
        self.trouble = max(self.trouble, time.monotonic() + 2 * seconds * SLOW) # on a machine that does much else

    def any_number(self):
        return self.random.randrange(TOKENS)

    def reload(self):
        self.agent.call("reload")

    def change_rights(self):
        now = time.monotonic()
        self.wide = not self.wide
        self.expect_trouble(4)
        self.configure()
        for number in range(1, TOKENS, 2):
            if self.wide:
                self.source.excluded.discard(number)
            else:
                self.source.excluded.add(number)
        if not self.wide: # before they are narrowed: what is under way may still count
            self.source.said(now)
        self.agent.call("reload")
        if self.wide:
            self.source.said(time.monotonic())
            for number in range(1, TOKENS, 2):
                word = self.source.words[number]
                word.again(time.monotonic(), self.source.bound)
                word.may = word.may or (number, "add") in self.source.lines     # what takes it back is behind it, and may count later

    def change_undo(self):
        """What had been taken back may stay so when that is not allowed any more; what was not, is when it is."""
        self.expect_trouble(4)
        source, undone = self.source, [word for word in self.source.words if word.says == "undo"]
        source.takes_back = not source.takes_back
        self.configure()
        self.agent.call("reload")
        source.said(time.monotonic())
        for word in undone if not source.takes_back else []:
            word.says, word.must, word.may = None, False, True
        for word in source.words if source.takes_back else []:
            word.again(time.monotonic(), source.bound)

    def restart(self):
        self.expect_trouble(8)
        self.library.close()
        self.agent.stop()
        self.agent.launch().wait_answers()
        self.library = Library(self.agent.socket)

    def kill(self):
        self.expect_trouble(8)
        self.agent.kill()
        self.agent.launch().wait_answers()

    def pause(self):
        """The agent stands still."""
        self.expect_trouble(self.max_age + 2)
        self.agent.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(0, 1.5))
        self.agent.process.send_signal(signal.SIGCONT)

    def set_clock(self):
        self.expect_trouble(4)
        self.clock.offset.value = int(self.random.uniform(-100, 100) * 1e9)

    def sleep(self):
        time.sleep(self.random.uniform(0, 3))

    def rotate(self):
        now = time.monotonic()
        there = self.random.choice([(True, True), (True, False), (False, True)])
        for i in range(2):
            if there[i] != self.key_there[i]:
                self.key_since[i] = now
        if self.random.random() < 0.5:
            put_file(self.agent.key_file, key_set(*[key for key, is_there in zip(self.keys, there) if is_there]))
        else:
            with open(self.agent.key_file, "w", encoding="utf-8") as file: # in place: for a moment it is none
                file.write(key_set(*[key for key, is_there in zip(self.keys, there) if is_there]))
        now = time.monotonic()
        self.key_since = [now if there[i] != self.key_there[i] else self.key_since[i] for i in range(2)]
        self.key_there = list(there)

    # --- questions ---------------------------------------------------------

    def ask(self, number):
        """accepted, revoked, unknown_key, undecided, or of the library: no."""
        if self.random.random() < 0.5:
            said = self.library.verify(self.tokens[number].encode())
            return {YES: "accepted", NO: "no"}.get(said, "undecided")
        try:
            return self.agent.verify(self.tokens[number])
        except (WireError, OSError, EOFError):
            return "undecided"

    def is_wrong(self, number, said, began):
        ended = time.monotonic()
        key, slack = number // 2 % 2, self.bound + 0.5 * SLOW
        key_is_gone = not self.key_there[key] and began - self.key_since[key] > slack
        key_may_be_gone = not self.key_there[key] or ended - self.key_since[key] <= slack
        if said == "undecided":
            return ended > self.trouble
        if said == "accepted":
            return key_is_gone or self.source.must(number, began) or self.is_lost(number, began)
        revoked = self.source.may(number, ended)
        return not (key_may_be_gone and said in ("no", "unknown_key") or revoked and said in ("no", "revoked"))

    def is_lost(self, number, began):
        return False

    def question(self, step):
        number, began = self.any_number(), time.monotonic()
        said = self.ask(number)
        if self.is_wrong(number, said, began):
            word = self.source.words[number]
            status_now = self.agent.call("status")
            if said == "undecided" and LATE in str(status_now):
                self.late += 1  # a machine that is too busy: the bound is not kept, and the agent says so
                return said
            self.fail(f"ASSAY_SEED={self.seed}, step {step}: t{number} is {said}; the source says {word.says} since "
                      f"{began - word.since:.2f} s, must {word.must}, may {word.may}; key {self.key_there}; trouble for "
                      f"{self.trouble - began:.2f} s;\nlast: {self.log[-12:]}\n{status_now['revocation']['feeds']}\n{status_now['issuers']}")
        return said

    def test_no_step_makes_a_difference(self):
        operator = [self.reload] * 6 + [self.change_rights] * 5 + [self.change_undo] * 3 + [self.restart] * 2 + [self.kill] * 2 + [self.pause, self.sleep, self.sleep]
        operator += [self.set_clock] * 2 * self.clock_moves + [self.rotate] * 4
        begin, counts = time.monotonic(), {}
        between = 0 if LONG else 0.8 * SECONDS / STEPS * 0.5
        for step in range(STEPS):
            chance = self.random.random()
            if time.monotonic() - begin > SECONDS:
                break
            if chance < ACTIONS:
                action = self.random.choice(self.publisher() if chance < 0.8 * ACTIONS else operator)
                self.log.append(f"{time.monotonic() - begin:.2f} {action.__name__}")
                action()
            else:
                said = self.question(step)
                counts[said] = counts.get(said, 0) + 1
                time.sleep(between)
        for said in ("accepted", "revoked"):
            self.assertGreater(counts.get(said, 0), step // 400, counts)
        # How many were undecided depends on how much trouble there was, by chance: up to two thirds. Each was right at its time.
        self.assertGreater(sum(counts.values()) - counts.get("undecided", 0), step // 10, counts)
        self.assertLess(self.late, 20 + step // 20)


class Files(AtRandom):
    def prepare_source(self):
        self.folders = 0
        self.folder = self.agent.path("feed")
        self.swap_folder()

    @property
    def path(self):
        return os.path.join(self.folder, "revoked.ndjson")

    def feed(self):
        return {"file": self.path}

    def publisher(self):
        return [self.append] * 8 + [self.insert] * 5 + [self.take_back] * 3 + [self.rewrite, self.replace, self.swap_folder, self.truncate] * 2 + [
            self.rewrite_in_pieces] * 3 + [self.go_away, self.half_a_line, self.restore, self.same_times]

    def put(self, text, mode="w"):
        with open(self.path, mode, encoding="utf-8") as file:
            file.write(text)

    def add(self, says="add"):
        self.source.lines.append((self.any_number(), says))

    def said(self):
        self.source.said(time.monotonic())

    def append(self):
        self.add()
        self.put(self.record(*self.source.lines[-1]), "a")
        self.said()

    def take_back(self):
        for _ in range(self.random.randrange(1, 8)):
            self.add("undo")
            self.put(self.record(*self.source.lines[-1]), "a")
        self.said()

    def insert(self):
        """Somewhere in the middle, in place: the same file, longer."""
        number = self.any_number()
        at = self.random.randrange(len(self.source.lines) + 1)
        self.source.lines.insert(at, (number, "add"))
        text = self.text()
        with open(self.path, "r+", encoding="utf-8") as file:
            file.write(text)
        self.said()

    def rewrite(self):
        """Another order, in place."""
        self.random.shuffle(self.source.lines)
        self.add()
        self.put(self.text())
        self.said()

    def rewrite_in_pieces(self):
        """What is revoked is taken back on the way, and revoked again at its end: it is revoked all the time."""
        number = self.any_number()
        self.source.lines += [(number, "add"), (number, "undo"), (number, "add")]
        self.put(self.text())
        self.said()
        for _ in range(20):
            self.question(-1)
            time.sleep(0.01)
        now, undos = time.monotonic(), [i for i, line in enumerate(self.source.lines) if line[1] == "undo"]
        for cut in self.random.sample(undos, 1) + [len(self.source.lines) - 1]:
            self.put(self.text(self.source.lines[:cut + 1]))
            for word in self.source.words:
                word.settle(now, self.source.bound)
            until = time.monotonic() + 0.4 # a file that rests for a second is whole
            while time.monotonic() < until:
                self.question(-2)
                time.sleep(0.01)
        self.heard_from_now_on()

    def replace(self):
        self.source.lines = self.random.sample(self.source.lines, len(self.source.lines) // 2)
        self.add()
        put_file(self.path, self.text())
        self.said()

    def truncate(self):
        self.source.lines = []
        self.put("")
        self.said()
        self.append()

    def swap_folder(self):
        """The link to the folder leads to another one."""
        self.folders += 1
        new = self.agent.path(f"feed-{self.folders}")
        os.mkdir(new)
        self.add()
        with open(os.path.join(new, "revoked.ndjson"), "w", encoding="utf-8") as file:
            file.write(self.text())
        os.symlink(new, self.folder + ".new")
        os.rename(self.folder + ".new", self.folder)
        self.said()

    def go_away(self):
        now = time.monotonic()
        os.rename(self.path, self.path + ".1")
        time.sleep(self.random.uniform(0, 1.5))
        self.expect_trouble(2)
        os.rename(self.path + ".1", self.path)
        for word in self.source.words:
            word.settle(now, self.source.bound)
        self.heard_from_now_on()

    def heard_from_now_on(self):
        """What nobody was sure to have read before."""
        for word in self.source.words:
            word.perhaps_unheard(time.monotonic())

    def half_a_line(self):
        self.add()
        text = self.record(*self.source.lines[-1])
        self.put(text[:20], "a")
        time.sleep(self.random.uniform(0, 0.5))
        self.put(text[20:], "a")
        self.said()

    def restore(self):
        """An older copy."""
        self.source.lines = self.source.lines[:self.random.randrange(len(self.source.lines) + 1)]
        put_file(self.path, self.text())
        self.said()

    def same_times(self):
        """Two contents of the same size within one tick of the clock."""
        stamp = time.time_ns() - 10 ** 9
        first, second = self.random.sample(range(10, TOKENS), 2)
        for number in (first, second):
            with open(self.path, "r+", encoding="utf-8") as file:
                lines = [*self.source.lines, (number, "add")]
                file.write(self.text(lines))
            os.utime(self.path, ns=(stamp, stamp))
        self.source.lines.append((first, "add"))
        self.said()
        self.source.lines[-1] = (second, "add")
        self.said()


class Https(AtRandom):
    bound = 3.0      # asked each second
    clock_moves = False

    def prepare_source(self):
        self.authority = Authority(self.agent.path("authority"))
        self.server = Server(self.authority.issue()).start()
        self.addCleanup(self.server.stop)
        self.cursors = self.random.random() < 0.5
        self.epoch, self.answer, self.gap_since = 0, None, None
        self.server.routes["/revocations"] = Behaviour(self.respond)

    def feed(self):
        return {"url": self.server.url("/revocations"), "ca_file": self.authority.ca, "interval": "1s"}

    def respond(self, request, out):
        after = parse_qs(urlsplit(request.path).query).get("after", [""])[0]
        if self.answer == "gap":
            self.gap_since = self.gap_since or (time.monotonic() if after else None)
            status(410 if after else 503).send(request, out)
            return
        if self.answer is not None:
            self.answer.send(request, out)
            return
        lines, headers = list(self.source.lines), []
        if not after:
            self.gap_since = None
        if self.cursors:
            known = [int(part) for part in after.split(".")] if after else [self.epoch, 0]
            if known[0] != self.epoch or known[1] > len(lines):
                status(410).send(request, out)
                return
            headers.append(("Assay-Cursor", f"{self.epoch}.{len(lines)}"))
            lines = lines[known[1]:]
        else:
            etag = f'"{hash(tuple(lines)) & 0xffffffff:x}"'
            headers.append(("ETag", etag))
            if request.headers.get("if-none-match") == etag:
                out.send(head(304, headers))
                return
        body = self.text(lines).encode()
        if body and self.random.random() < 0.3:
            body = body[:-1] # the last one without its newline
        out.send(head(200, [*headers, ("Content-Length", str(len(body)))]) + body)

    def publisher(self):
        return [self.publish] * 12 + [self.take_back] * 3 + [self.lose] * 2 + [self.answer_badly] * 2 + [self.half] * 2 + [
            self.change_server] + [self.forget_cursor] * 4 * self.cursors

    def publish(self):
        self.source.lines = [*self.source.lines, (self.any_number(), "add")]
        self.source.said(time.monotonic())

    def take_back(self):
        self.source.lines = [*self.source.lines, *[(self.any_number(), "undo") for _ in range(self.random.randrange(1, 6))]]
        self.source.said(time.monotonic())

    def lose(self):
        """It was restored from an older copy, or began anew."""
        self.expect_trouble(6)
        self.epoch += 1
        self.source.lines = self.source.lines[:self.random.randrange(len(self.source.lines) + 1)]
        self.source.said(time.monotonic())

    def trouble_by(self, answer, seconds):
        """What was published just before may not be heard meanwhile; who was told yes knows nothing later than max_age."""
        self.answer = answer
        time.sleep(self.random.uniform(0, seconds))
        self.answer = None
        self.expect_trouble(8)
        now = time.monotonic()
        for word in self.source.words:
            if word.says is not None and not word.must:
                word.since = now + 4 # when it is asked again: it backs off

    def answer_badly(self):
        self.trouble_by(status(self.random.choice([500, 503, 404, 410, 429])), 2)

    def is_lost(self, number, began):
        """It has said that something may be missing, and nothing since: is that a yes all the same?"""
        return self.gap_since is not None and began - self.gap_since > 0.5 and number not in self.source.excluded

    def forget_cursor(self):
        """A server that fails, then knows the cursor no more, and still fails."""
        self.expect_trouble(20)
        for answer in (status(503), "gap"):
            self.answer = answer
            until = time.monotonic() + 2
            while time.monotonic() < until:
                self.question(-1)
                time.sleep(0.005)
            if answer == "gap" and self.random.random() < 0.5:
                self.kill()
                for _ in range(100):
                    self.question(-2)
                    time.sleep(0.005)
        self.trouble_by(None, 0.1)
        self.expect_trouble(12)

    def half(self):
        body = self.text().encode()
        self.trouble_by(Behaviour(lambda request, out: out.send(head(200, [("Content-Length", str(len(body) + 10))]) + body[:len(body) // 2])), 2)

    def change_server(self):
        self.server.stop()
        self.expect_trouble(8)
        self.server.start()
        self.trouble_by(None, 0.1)


@needs_redis
class Redis(AtRandom):
    bound = 1.5
    max_age = 7
    clock_moves = False

    def prepare_source(self):
        self.server = RedisServer(self.agent.path("redis"), appendonly=True).start()
        self.addCleanup(self.server.stop)
        self.copy, self.copy_lines = None, []
        self.lost, self.said_at = {}, {}

    def feed(self):
        return {"redis": self.server.url}

    def publisher(self):
        return [self.publish] * 12 + [self.burst] * 4 + [self.take_back] * 3 + [self.trim] * 2 + [
            self.freeze, self.kill_server, self.save_copy, self.restore_copy, self.delete_stream]

    def saying(self, *numbers):
        """What was lost of them before is of no account now; and whatever is missed from here on has to be told."""
        gaps = self.gaps()
        for number in numbers:
            self.lost.pop(number, None)
            self.said_at[number] = gaps

    def add(self, *records):
        self.saying(*[number for number, _ in records])
        with self.server.connect() as client:
            client.many([("XADD", STREAM, "*", "r", self.record(*record).strip()) for record in records])
        self.source.lines += records
        self.source.said(time.monotonic())

    def publish(self):
        self.add((self.any_number(), "add"))

    def take_back(self):
        self.add(*[(self.any_number(), "undo") for _ in range(self.random.randrange(1, 6))])

    def gaps(self):
        return self.agent.call("status")["revocation"]["feeds"][0]["gaps"]

    def drop(self, kept):
        """All but these lines are gone: one that nobody can be sure to have read is lost, and that must be told."""
        now = time.monotonic()
        self.source.lines = kept
        before = [(word.says, word.must) for word in self.source.words]
        self.source.said(now)
        for number, (says, must) in enumerate(before):
            if says == "add" and not must and self.source.words[number].says is None and not self.source.words[number].must:
                self.lost[number] = (now, self.said_at.get(number, 0), self.agent.process.pid)

    def is_lost(self, number, began):
        """Was one that had been lost accepted without a word?"""
        when, gaps, pid = self.lost.get(number, (began, 0, 0))
        if number not in self.lost or began - when < self.bound + 1:
            return False
        if pid == self.agent.process.pid and self.gaps() <= gaps:
            return True
        del self.lost[number]
        return False

    def trim(self):
        self.expect_trouble(6)
        kept = self.random.randrange(3)
        self.server.cli("XTRIM", STREAM, "MAXLEN", kept)
        self.drop(self.source.lines[len(self.source.lines) - kept:] if kept else [])

    def burst(self):
        """Said and trimmed before anybody can have looked in between."""
        self.expect_trouble(6)
        first, second = self.random.sample(range(TOKENS), 2)
        self.saying(first, second)
        with self.server.connect() as client:
            client.many([("MULTI",), ("XADD", STREAM, "*", "r", self.record(first, "add").strip()),
                         ("XADD", STREAM, "MAXLEN", "1", "*", "r", self.record(second, "add").strip()), ("EXEC",)])
        self.source.lines.append((first, "add"))
        self.source.said(time.monotonic())
        self.drop([(second, "add")])

    def freeze(self):
        self.server.freeze()
        time.sleep(self.random.uniform(0, 2))
        self.server.thaw()
        self.expect_trouble(10)

    def kill_server(self):
        self.expect_trouble(10)
        if self.random.random() < 0.5:
            self.server.kill()
        else:
            self.server.stop()
        self.server.start()
        self.expect_trouble(10)

    def save_copy(self):
        self.server.cli("COPY", STREAM, "copy", "REPLACE")
        self.copy, self.copy_lines = True, list(self.source.lines)

    def restore_copy(self):
        """As a failover to a replica that had not received all does."""
        if self.copy is None:
            return
        self.expect_trouble(8)
        self.server.cli("COPY", "copy", STREAM, "REPLACE")
        self.drop(list(self.copy_lines))

    def delete_stream(self):
        self.expect_trouble(8)
        self.server.cli("DEL", STREAM)
        self.drop([])

    def kill(self):
        super().kill()
        self.begin_anew()

    def restart(self):
        super().restart()
        self.begin_anew()

    def begin_anew(self):
        """It counts gaps from its start."""
        self.lost.clear()
        self.said_at.clear()


del AtRandom # the others are the tests
