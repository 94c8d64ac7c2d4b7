"""A damaged store for real: the agent refuses to start and says what to do, or goes on undecided. No signal ends it, and none forgets."""
import os
import resource
import random
import shutil
import subprocess
import unittest

from agent import ASAN, AssayTest, Key, WireError, needs_root, wait_for

RECORDS = 3000
PAGE = 4096


class StoreTest(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key], environment={"ASAN_OPTIONS": "detect_leaks=0"})
        self.data, self.last = self.agent.path("state/data.mdb"), self.agent.path("state/last")

    def fill(self, count=RECORDS):
        with self.agent.connect() as client:
            for i in range(count):
                client.send("revoke", jti=f"j{i}")
            for _ in range(count):
                self.assertIsNone(client.receive()[2])

    def make(self):
        """A store with so many revocations, and a copy of it."""
        self.agent.start()
        self.fill()
        self.agent.stop()
        shutil.copytree(self.agent.state, self.agent.path("good"))

    def put_back(self):
        shutil.rmtree(self.agent.state)
        shutil.copytree(self.agent.path("good"), self.agent.state)

    def refuses(self, *words):
        open(self.agent.log_path, "w", encoding="utf-8").close()
        self.agent.launch()
        self.assertEqual(self.agent.wait_exit(), 1, self.agent.log())
        for word in ("cannot start", *words):
            self.assertIn(word, self.agent.log())

    def starts_and_holds(self):
        self.agent.start()
        with self.agent.connect() as client:
            for i in range(0, RECORDS, 100):
                self.assertEqual(client.verify(self.key.token(jti=f"j{i}")), "revoked")
            self.assertEqual(client.verify(self.key.token(jti="other")), "accepted")
        self.agent.stop()

    def write(self, offset, data, path=None):
        with open(path or self.data, "r+b") as file:
            file.seek(offset)
            file.write(data)


class Damaged(StoreTest):
    def test_cut_at_many_places(self):
        self.make()
        whole = os.path.getsize(self.data)
        for size in (1, 100, PAGE, 2 * PAGE, 3 * PAGE, whole // 2, whole // 2 + 7):
            with self.subTest(size=size):
                self.put_back()
                os.truncate(self.data, size)
                self.refuses("data.mdb is damaged", "--salvage", "/last")
                self.assertEqual(os.path.getsize(self.data), size)
        self.put_back()
        self.starts_and_holds()

    def test_emptied_or_removed(self):
        self.make()
        for spoil in (lambda: os.truncate(self.data, 0), lambda: os.unlink(self.data)):
            self.put_back()
            spoil()
            self.refuses("are lost", "Restore a copy", "/last")
        os.unlink(self.last)        # as it was told
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token(jti="j1")), "accepted")
        self.agent.stop()
        self.put_back()
        self.starts_and_holds()

    def test_an_older_copy(self):
        self.agent.start()
        self.fill(10)
        self.agent.stop()
        shutil.copy(self.data, self.agent.path("older"))
        self.agent.start()
        self.assertEqual(self.agent.call("revoke", jti="newer"), {})
        self.agent.stop()
        shutil.copy(self.agent.path("older"), self.data)
        self.refuses("gone back in time", "remove", "/last")
        os.unlink(self.last)
        self.agent.start()
        self.assertEqual(self.agent.verify(self.key.token(jti="j1")), "revoked")
        self.assertEqual(self.agent.verify(self.key.token(jti="newer")), "accepted")    # as old as the copy

    def test_another_file(self):
        self.make()
        for content in (b"SQLite format 3\0" + bytes(8192), os.urandom(5 * PAGE), b"%PDF-1.7\n" * 1000):
            with self.subTest(content=content[:8]):
                with open(self.data, "wb") as file:
                    file.write(content)
                self.refuses("data.mdb is damaged", "not a store of this agent")
                with open(self.data, "rb") as file:
                    self.assertEqual(file.read(), content)      # whosever it is, it was not touched

    def test_a_format_that_nobody_wrote(self):
        """That of another version is in the unit tests; this one lacks the seal, too."""
        self.make()
        with open(self.data, "rb") as file:
            content = file.read()
        self.assertGreaterEqual(content.count(b"assay 3"), 1)
        with open(self.data, "wb") as file:
            file.write(content.replace(b"assay 3", b"assay 9"))
        self.refuses("cannot be read", "restore a copy", "--salvage")

    def is_used(self):
        """No wrong yes; what it cannot know is undecided. False: it has ended, with words and 1."""
        undecided = 0
        for i in range(0, RECORDS, 7):
            try:
                self.assertEqual(self.agent.verify(self.key.token(jti=f"j{i}")), "revoked")
            except WireError as error:
                self.assertEqual(error.name, "internal")
                undecided += 1
            except (OSError, EOFError):
                self.assertEqual(self.agent.wait_exit(), 1, self.agent.log()[-2000:])
                self.assertIn("assayd", self.agent.log())
                return None
        return undecided

    def survives(self, damage):
        """"refused", "undecided", "ended" or "held"."""
        open(self.agent.log_path, "w", encoding="utf-8").close()
        damage()
        self.agent.launch()

        def ready():
            try:
                return self.agent.process.poll() is not None or self.agent.call("ping")["ready"]
            except (OSError, EOFError):
                return False
        wait_for("it serves, or has ended", ready)
        if self.agent.process.poll() is not None:
            self.assertEqual(self.agent.process.returncode, 1, self.agent.log()[-2000:])
            self.assertIn("--salvage", self.agent.log())
            return "refused"
        undecided = self.is_used()
        if undecided is None:
            return "ended"
        self.assertEqual(self.agent.stop(), 0)
        return "undecided" if undecided else "held"

    def test_zeros_in_the_middle(self):
        """Each of some pages by itself, and then many."""
        self.make()
        pages = os.path.getsize(self.data) // PAGE
        self.assertGreater(pages, 40)
        rng = random.Random(7)
        found = {}
        for first, count in [(page, 1) for page in rng.sample(range(2, pages), 24)] + [(2, pages - 2), (pages // 2, pages // 4), (0, 1), (1, 1)]:
            with self.subTest(first=first, count=count):
                self.put_back()
                how = self.survives(lambda first=first, count=count: self.write(first * PAGE, bytes(count * PAGE)))
                found[how] = found.get(how, 0) + 1
                if first < 2 or count > pages // 2:
                    self.assertEqual(how, "refused")
        self.assertGreater(len(found), 1, found)

    def test_bits_and_garbage(self):
        self.make()
        size = os.path.getsize(self.data)
        rng = random.Random(8)
        for i in range(24):
            with self.subTest(i=i):
                self.put_back()
                data = os.urandom(16) if i % 2 else b"\xff" * rng.randrange(1, 300)
                place = rng.randrange(2 * PAGE, size - 300) if i % 3 else rng.randrange(2, size // PAGE) * PAGE + rng.randrange(24)
                self.survives(lambda data=data, place=place: self.write(place, data))

    @unittest.skipIf(ASAN, "a sanitizer has a handler of its own")
    def test_cut_while_it_runs(self):
        """From outside, under the agent: it ends with words and 1 when it looks there."""
        self.make()
        for size in (0, 2 * PAGE, 8 * PAGE):
            with self.subTest(size=size):
                self.put_back()
                open(self.agent.log_path, "w", encoding="utf-8").close()
                self.agent.start()
                self.assertEqual(self.agent.verify(self.key.token(jti="j1")), "revoked")
                os.truncate(self.data, size)
                self.assertIsNone(self.is_used(), "it did not notice")
                self.assertIn("cut or damaged", self.agent.log())
                self.assertIn("--salvage", self.agent.log())

    @unittest.skipIf(ASAN, "a sanitizer has a handler of its own")
    def test_cut_while_it_writes(self):
        self.make()
        self.put_back()
        self.agent.start()
        with self.agent.connect() as client:
            self.assertEqual(client.call("revoke", jti="before"), {})
            os.truncate(self.data, 2 * PAGE)
            try:
                for i in range(200):
                    client.call("revoke", jti=f"after{i}")
                self.fail("it did not notice")
            except (OSError, EOFError, WireError):
                pass
        try:
            for i in range(200):
                self.agent.verify(self.key.token(jti=f"j{i}"))
        except (OSError, EOFError, WireError):
            pass
        self.assertIn(self.agent.process.poll(), (None, 1), self.agent.log()[-2000:])
        if self.agent.process.poll() is None:
            self.agent.kill()


@needs_root
class FileSystem(StoreTest):
    def mount(self, *arguments):
        folder = self.agent.path("mounted")
        os.mkdir(folder)
        done = subprocess.run(["mount", *arguments, folder], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"nothing can be mounted here: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)
        self.agent.state = os.path.join(folder, "state")
        self.data, self.last = os.path.join(self.agent.state, "data.mdb"), os.path.join(self.agent.state, "last")
        self.agent.configure()
        return folder

    def test_read_only(self):
        folder = self.mount("-t", "tmpfs", "-o", "size=64m", "none")
        self.agent.start()
        self.fill()
        self.agent.stop()
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        self.refuses("cannot be written", "Read-only file system")
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
        self.starts_and_holds()

    def test_read_only_while_it_runs(self):
        folder = self.mount("-t", "tmpfs", "-o", "size=64m", "none")
        os.makedirs(os.path.join(folder, "state"), 0o700)
        self.agent.start()
        self.fill(10)
        # its files are open for writing, so the mount cannot be made read-only: nothing to see, and nothing may change
        done = subprocess.run(["mount", "-o", "remount,ro", folder], capture_output=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.agent.verify(self.key.token(jti="j1")), "revoked")

    def test_a_limit_on_the_size_of_files_is_no_end_and_no_flood(self):
        self.agent.start()
        resource.prlimit(self.agent.process.pid, resource.RLIMIT_FSIZE, (1, 1))
        with self.agent.connect() as client:
            for _ in range(100):
                self.assertEqual(client.verify(self.key.token(jti="fine")), "accepted")
            self.assertError("internal", lambda: client.call("revoke", jti="fine"))
            self.assertEqual(client.verify(self.key.token(jti="fine")), "accepted")
            tries = client.call("status")["revocation"]["commits"]
        self.assertLess(tries, 6) # the time is noted, or not, once a minute; the log cannot tell, for it is a file too

    def test_full_disk(self):
        """Revocations begin to fail, and say so; verification goes on; what was answered holds, also after a restart and with room again."""
        folder = self.mount("-t", "tmpfs", "-o", "size=1m", "none")
        self.agent.start()
        answered, failed = [], []
        with self.agent.connect() as client:
            for i in range(40000):
                try:
                    client.call("revoke", jti=f"j{i}")
                    answered.append(f"j{i}")
                except WireError as error:
                    self.assertEqual(error.name, "internal")
                    failed.append(f"j{i}")
                    if len(failed) > 20:
                        break
            self.assertGreater(len(answered), 100)
            self.assertGreater(len(failed), 20)
            self.holds(client, answered, failed)
        self.agent.stop()
        open(self.agent.log_path, "w", encoding="utf-8").close()
        self.agent.launch()

        def ready():
            try:
                return self.agent.process.poll() is not None or self.agent.call("ping")["ready"]
            except (OSError, EOFError):
                return False
        wait_for("it serves, or has ended", ready)
        if self.agent.process.poll() is not None:       # the next start may need a page: then it says so
            self.assertEqual(self.agent.process.returncode, 1)
            self.assertRegex(self.agent.log(), "No space left|is the disk full")
            subprocess.run(["mount", "-o", "remount,size=16m", folder], check=True)
            self.agent.start()
        else:
            with self.agent.connect() as client:
                self.holds(client, answered, failed)
            subprocess.run(["mount", "-o", "remount,size=16m", folder], check=True)
        with self.agent.connect() as client:
            self.holds(client, answered, failed)
            for jti in failed:
                self.assertEqual(client.call("revoke", jti=jti), {})
                self.assertEqual(client.verify(self.key.token(jti=jti)), "revoked")
        self.agent.restart()
        with self.agent.connect() as client:
            self.holds(client, answered + failed, [])
        self.agent.stop()

    def holds(self, client, answered, failed):
        for jti in answered[::max(1, len(answered) // 50)] + answered[-5:]:
            self.assertEqual(client.verify(self.key.token(jti=jti)), "revoked", jti)
        for jti in failed:
            self.assertEqual(client.verify(self.key.token(jti=jti)), "accepted", jti)


if __name__ == "__main__":
    unittest.main()
