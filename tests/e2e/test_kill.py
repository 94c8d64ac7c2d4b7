"""kill -9 at any moment: what was answered is on the disk, and the first answer after the start knows it."""
import fcntl
import os
import random
import shutil
import socket
import time
import unittest

import msgpack

from agent import ASAN, LONG, AssayTest, Client, Key, wait_for

CYCLES = 2000 if LONG else 40 if ASAN else 200
SECONDS = 500 if LONG else 50


class Kill(AssayTest):
    def dry_connect(self, agent):
        """The first connection that succeeds; nothing is asked before the question that counts."""
        def connect():
            if agent.process.poll() is not None:
                raise AssertionError(f"assayd ended with {agent.process.returncode}:\n{agent.log()[-3000:]}")
            try:
                return Client(agent.socket)
            except OSError:
                return None
        return wait_for("the agent listens", connect)

    def test_answered_revocations_survive(self):
        key = Key("EdDSA")
        agent = self.prepare(keys=[key], environment={"ASAN_OPTIONS": "detect_leaks=0"})
        rng = random.Random(1)
        answered, asked, cycles, confirmed = [], 0, 0, 0
        tokens = {}
        begin = time.monotonic()
        agent.launch()
        while cycles < CYCLES and time.monotonic() < begin + SECONDS:
            first = self.dry_connect(agent)
            if answered:
                newest = answered[-1]
                self.assertEqual(first.verify(tokens[newest]), "revoked", f"{newest}, the first question after start {cycles}")
                for jti in rng.sample(answered, min(5, len(answered))):
                    self.assertEqual(first.verify(tokens[jti]), "revoked", jti)
                confirmed += 1
            self.assertEqual(first.verify(key.token(jti="never")), "accepted")
            clients = [first, Client(agent.socket), Client(agent.socket)]
            waiting = {}
            moment = time.monotonic() + rng.random() * 0.02
            while time.monotonic() < moment:
                for client in clients:
                    for _ in range(rng.randrange(1, 4)):
                        asked += 1
                        jti = f"j{asked}"
                        tokens[jti] = key.token(jti=jti)
                        waiting[id(client), client.send("revoke", jti=jti)] = jti
                    answered += self.read(client, waiting)
            agent.process.kill()
            for client in clients:
                answered += self.read(client, waiting)
                client.close()
            agent.process.wait()
            agent.launch()
            cycles += 1
        first = self.dry_connect(agent)
        for jti in answered:
            self.assertEqual(first.verify(tokens[jti]), "revoked", jti)
        held = sum(row["count"] for row in first.call("revocations")["revocations"])
        self.assertGreaterEqual(held, len(answered))
        self.assertLessEqual(held, asked)
        first.close()
        self.assertGreater(len(answered), cycles)
        self.assertGreater(confirmed, cycles * 3 // 4)
        self.assertGreaterEqual(cycles, min(CYCLES, 30 if ASAN else 100))

    def read(self, client, waiting):
        """The revocations that were answered with yes until now."""
        found = []
        client.socket.setblocking(False)
        try:
            while data := client.socket.recv(65536):
                client.unpacker.feed(data)
        except OSError:
            pass
        client.socket.settimeout(10)
        try:
            for _, msgid, error, _ in client.unpacker:
                if error is None:
                    found.append(waiting[id(client), msgid])
        except msgpack.UnpackException:
            pass
        return found


class Alone(AssayTest):
    def fails(self, agent, *words):
        agent.environment = {"ASAN_OPTIONS": "detect_leaks=0"}      # a process that ends at once need not give its memory back
        agent.launch()
        self.assertEqual(agent.wait_exit(), 1)
        log = agent.log()
        self.assertIn("cannot start", log)
        for word in words:
            self.assertIn(word, log)

    def test_one_state_one_agent(self):
        key = Key()
        agent = self.start(keys=[key])
        second = self.prepare(keys=[key])
        second.state = agent.state
        second.configure()
        self.fails(second, "another assayd uses the state folder", agent.state, "stop it")
        self.assertFalse(os.path.exists(second.socket))
        self.assertEqual(agent.verify(key.token()), "accepted")
        agent.kill()
        second.start()
        self.assertEqual(second.verify(key.token()), "accepted")

    def test_a_lock_that_was_left_is_no_lock(self):
        agent = self.start(keys=[Key()])
        agent.kill()
        self.assertTrue(os.path.exists(agent.path("state/lock")))
        agent.start()

    def test_a_stale_socket_is_replaced(self):
        agent = self.start(keys=[Key()])
        agent.kill()
        self.assertTrue(os.path.exists(agent.socket))
        agent.start()
        self.assertIs(agent.call("ping")["ready"], True)

    def test_a_living_socket_is_not_taken(self):
        agent = self.prepare(keys=[Key()])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.bind(agent.socket)
            other.listen(1)
            inode = os.stat(agent.socket).st_ino
            self.fails(agent, "another program listens on", agent.socket)
            self.assertEqual(os.stat(agent.socket).st_ino, inode)

    def test_two_agents_one_socket(self):
        key = Key()
        agent = self.start(keys=[key])
        second = self.prepare(keys=[key])
        second.socket = agent.socket
        second.configure()
        self.fails(second, "another program listens on")
        self.assertEqual(agent.verify(key.token()), "accepted")

    def test_what_is_no_socket_is_not_removed(self):
        agent = self.prepare(keys=[Key()])
        with open(agent.socket, "w", encoding="utf-8") as file:
            file.write("precious")
        self.fails(agent, "is not a socket")
        with open(agent.socket, encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious")
        os.unlink(agent.socket)
        os.symlink(agent.path("elsewhere"), agent.socket)
        self.fails(agent, "is not a socket")
        self.assertTrue(os.path.islink(agent.socket))

    def test_a_missing_folder_is_made(self):
        agent = self.prepare(keys=[Key()])
        agent.socket = agent.path("run/s")
        agent.configure()
        agent.start()
        self.assertEqual(os.stat(agent.path("run")).st_mode & 0o777, 0o755)
        self.assertEqual(os.stat(agent.state).st_mode & 0o777, 0o700)

    def test_a_state_that_others_may_write(self):
        agent = self.prepare(keys=[Key()])
        os.mkdir(agent.state)
        os.chmod(agent.state, 0o777)
        self.fails(agent, "chmod o-w")

    def test_a_state_that_is_damaged_is_not_thrown_away(self):
        """Garbage where LMDB's first pages stand: refused with words, or read whole; never an agent without its revocations."""
        agent = self.start(keys=[Key()])
        agent.call("revoke", jti="j")
        agent.stop()
        data = agent.path("state/data.mdb")
        whole = os.path.getsize(data)
        shutil.copy(data, agent.path("copy"))
        for size, content in ((whole, b"\xff" * 8192), (whole, b"\0" * 8192), (100, b"")):
            with self.subTest(size=size, content=content[:4]):
                shutil.copy(agent.path("copy"), data)
                with open(data, "r+b") as file:
                    file.write(content)
                    file.truncate(size)
                self.fails(agent, agent.state)
                self.assertEqual(os.path.getsize(data), size)
        shutil.copy(agent.path("copy"), data)
        agent.start()
        self.assertIs(agent.call("revocations", jti="j")["revoked"], True)

    def test_a_state_that_was_cut(self):
        """A copy that broke off: pages that the tables point to are missing."""
        agent = self.start(keys=[Key()])
        with agent.connect() as client:
            for i in range(2000):
                client.send("revoke", jti=f"j{i}")
            for i in range(2000):
                self.assertIsNone(client.receive()[2])
        agent.stop()
        data = agent.path("state/data.mdb")
        with open(data, "r+b") as file:
            file.truncate(os.path.getsize(data) // 2 // 4096 * 4096)
        self.fails(agent, agent.state)

    def test_the_lock_is_exclusive_for_others_too(self):
        agent = self.prepare(keys=[Key()])
        os.mkdir(agent.state, 0o700)
        with open(agent.path("state/lock"), "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.fails(agent, "another assayd uses")


if __name__ == "__main__":
    unittest.main()
