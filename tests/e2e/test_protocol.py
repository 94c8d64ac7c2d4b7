"""The wire: whatever comes in costs at most its own connection."""
import random
import signal
import socket
import threading
import time
import unittest

import msgpack

from agent import ASAN, LONG, AssayTest, Client, Key, wait_for

MALFORMED = 1000000 if LONG else 10000
THROWERS = 5
GROWTH = 16 * 1024 * 1024


def request(msgid, method, params):
    return msgpack.packb([0, msgid, method, params])


def nested(depth):
    return [nested(depth - 1)] if depth > 1 else []


class Protocol(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.start(keys=[self.key])
        self.token = self.key.token()

    def still_serves(self):
        self.assertEqual(self.agent.verify(self.token), "accepted")

    def receive_all(self, client, count):
        answers = {}
        while len(answers) < count:
            kind, msgid, error, result = client.receive()
            self.assertEqual(kind, 1)
            self.assertNotIn(msgid, answers)
            answers[msgid] = (error, result)
        return answers

    def test_a_thousand_requests_in_one_write(self):
        """Pings, cached and cold tokens, good and bad, unknown methods: each answer carries its own msgid."""
        requests, expected = [], {}
        for i in range(1000):
            msgid = (i * 2654435761) & 0xffffffff
            if i % 5 == 0:
                requests.append(request(msgid, "ping", [{}]))
                expected[msgid] = lambda e, r: e is None and r["ready"]
            elif i % 5 == 1:
                requests.append(request(msgid, "verify", [{"token": self.token}]))
                expected[msgid] = lambda e, r: e is None and r["active"] and "n" not in r["claims"]
            elif i % 5 == 2:
                requests.append(request(msgid, "verify", [{"token": self.key.token(n=i)}]))
                expected[msgid] = lambda e, r, i=i: e is None and r["active"] and r["claims"]["n"] == i
            elif i % 5 == 3:
                requests.append(request(msgid, "verify", [{"token": self.key.token(exp=5, n=i)}]))
                expected[msgid] = lambda e, r: e is None and r == {"active": False, "reason": "expired"}
            else:
                requests.append(request(msgid, f"m{i}", [{}]))
                expected[msgid] = lambda e, r, i=i: r is None and e[0] == 2 and f"m{i}" in e[1]
        with self.agent.connect() as client:
            writer = threading.Thread(target=client.socket.sendall, args=(b"".join(requests),))
            writer.start()
            answers = self.receive_all(client, 1000)
            writer.join()
        for msgid, holds in expected.items():
            self.assertTrue(holds(*answers[msgid]), (msgid, answers[msgid]))

    def test_more_cold_tokens_than_may_be_in_flight(self):
        """They wait their turn; none is lost and none refused, also when the writing side was closed behind them."""
        with self.agent.connect() as client:
            client.socket.sendall(b"".join(request(i, "verify", [{"token": self.key.token(n=i)}]) for i in range(700)))
            client.socket.shutdown(socket.SHUT_WR)
            answers = self.receive_all(client, 700)
            self.assertTrue(all(error is None and result["claims"]["n"] == i for i, (error, result) in answers.items()))
            self.assertTrue(client.is_closed())

    def test_split_at_every_byte(self):
        message = request(3, "verify", [{"token": self.token}])
        with self.agent.connect() as client:
            for place in range(1, len(message)):
                client.socket.sendall(message[:place])
                if place % 7 == 0:      # so that both halves are read apart, at least sometimes
                    self.agent.call("ping")
                client.socket.sendall(message[place:])
                self.assertIs(client.receive()[3]["active"], True)

    def test_one_byte_at_a_time(self):
        message = request(3, "verify", [{"token": self.token}]) + request(4, "ping", [{}])
        with self.agent.connect() as client:
            for byte in message:
                client.socket.sendall(bytes([byte]))
                time.sleep(0)
            answers = self.receive_all(client, 2)
        self.assertIs(answers[3][1]["active"], True)

    def test_joined(self):
        with self.agent.connect() as client:
            client.socket.sendall(request(1, "ping", [{}]) * 3 + request(2, "verify", [{"token": self.token}])[:-5])
            for _ in range(3):
                self.assertEqual(client.receive()[1], 1)
            client.socket.sendall(request(2, "verify", [{"token": self.token}])[-5:])
            self.assertIs(client.receive()[3]["active"], True)

    def test_what_is_no_request_closes_that_connection_only(self):
        ping = request(1, "ping", [{}])
        strangers = {
            "notification": msgpack.packb([2, "ping", [{}]]),
            "answer": msgpack.packb([1, 1, None, {}]),
            "kind as string": msgpack.packb(["0", 1, "ping", [{}]]),
            "kind 3": msgpack.packb([3, 1, "ping", [{}]]),
            "kind 0.0": msgpack.packb([0.0, 1, "ping", [{}]]),
            "three parts": msgpack.packb([0, 1, "ping"]),
            "five parts": msgpack.packb([0, 1, "ping", [{}], 1]),
            "msgid negative": msgpack.packb([0, -1, "ping", [{}]]),
            "msgid 2^32": msgpack.packb([0, 2**32, "ping", [{}]]),
            "msgid a float": msgpack.packb([0, 1.0, "ping", [{}]]),
            "method a number": msgpack.packb([0, 1, 5, [{}]]),
            "method nil": msgpack.packb([0, 1, None, [{}]]),
            "params a map": msgpack.packb([0, 1, "ping", {}]),
            "params nil": msgpack.packb([0, 1, "ping", None]),
            "a map": msgpack.packb({0: 1}), "a number": b"\x05", "nil": b"\xc0", "never used": b"\xc1",
            "HTTP": b"GET / HTTP/1.1\r\n\r\n", "JSON": b'{"method":"ping"}',
            "TLS": bytes.fromhex("16030100"), "ext": b"\x94\x00\x01\xd4\x01\x00", "array of 2^32-1": b"\xdd\xff\xff\xff\xff",
            "map of 2^32-1": b"\xdf\xff\xff\xff\xff", "string of 2^32-1": b"\x94\x00\x01\xdb\xff\xff\xff\xff" + b"x" * 65536,
            "nine deep": request(1, "ping", nested(8)), "deep": b"\x91" * 4000,
        }
        with self.agent.connect() as neighbour:
            for name, stranger in strangers.items():
                with self.subTest(name), self.agent.connect() as client:
                    self.assertIs(client.call("ping")["ready"], True)
                    try:
                        client.socket.sendall(stranger + ping)
                    except ConnectionError:
                        pass
                    self.assertRaises((EOFError, ConnectionError), client.receive)   # no answer to anything behind it
                    self.assertEqual(neighbour.verify(self.token), "accepted")

    def test_params_that_are_no_array_of_one_map(self):
        with self.agent.connect() as client:
            for params in ([], [1], [{}, {}], [None], [[{}]], nested(7)):
                client.socket.sendall(request(9, "ping", params))
                self.assertEqual(client.receive()[2][0], 1, params)
            self.assertEqual(client.verify(self.token), "accepted")

    def test_a_frame_of_64_KiB_and_one_more(self):
        def frame(size):
            head = request(5, "ping", [{"x": ""}])[:-1] + b"\xda\xff\xff"
            fill = size - len(head)
            return head[:-2] + fill.to_bytes(2, "big") + b"a" * fill
        with self.agent.connect() as client:
            client.socket.sendall(frame(65536))
            self.assertEqual(client.receive()[2][0], 1)     # an unknown member, but a frame
        with self.agent.connect() as client:
            try:
                client.socket.sendall(frame(65537))
            except ConnectionError:
                pass
            self.assertTrue(client.is_closed(3))
        self.still_serves()

    def test_4096_values_and_one_more(self):
        with self.agent.connect() as client:
            client.socket.sendall(request(5, "ping", [[None] * (4096 - 6)]))
            self.assertEqual(client.receive()[2][0], 1)
            client.socket.sendall(request(5, "ping", [[None] * (4097 - 5)]))
            self.assertTrue(client.is_closed(3))

    def test_many_short_connections(self):
        for _ in range(500):
            self.agent.connect().close()
        half = [self.agent.connect() for _ in range(300)]
        for client in half:
            client.socket.sendall(b"\x94\x00")
        self.still_serves()
        for client in half:
            client.close()
        wait_for("closed connections are forgotten", lambda: self.agent.call("status")["connections"]["open"] <= 2)

    def test_a_flood_of_garbage_is_no_flood_of_lines(self):
        for _ in range(2000):
            with self.agent.connect() as client:
                client.socket.sendall(b"\xc1")
        wait_for("all are closed", lambda: self.agent.call("status")["connections"]["broken_off"] >= 2000)
        lines = self.agent.log().splitlines()
        self.assertLess(len(lines), 1000)
        self.assertTrue(any("a connection was closed" in line for line in lines))

    def test_closed_before_the_answer(self):
        """A client that goes away while its tokens are checked: nothing is left of it."""
        for _ in range(20):
            client = self.agent.connect()
            client.socket.sendall(b"".join(request(i, "verify", [{"token": self.key.token(n=i)}]) for i in range(30)))
            client.close()
        wait_for("closed connections are forgotten", lambda: self.agent.call("status")["connections"]["open"] <= 1)
        self.still_serves()


class Waiting(AssayTest):
    def test_those_who_keep_others_waiting(self):
        """Half a message, a message drop by drop, answers that nobody reads: each ends after its 10 seconds; an idle one does not."""
        key = Key()
        agent = self.start(keys=[key])
        token = key.token()
        begin = time.monotonic()
        half, drops, silent, idle, after = [agent.connect() for _ in range(5)]
        half.socket.sendall(b"\x94\x00\x01\xa6ver")
        drops.socket.sendall(b"\x94\x00\x01\xa4ping\x91\x81\xa1x\xda\xff\xff")
        after.socket.sendall(request(1, "ping", [{}]) + b"\x94")
        self.assertEqual(after.receive()[1], 1)
        for client in (half, drops, silent, after):
            client.socket.setblocking(False)
        unread = request(7, "verify", [{"token": token}]) * 100
        sent = {"bytes": 0, "blocked": 0.0}
        ends = {}
        while len(ends) < 4 and time.monotonic() < begin + 25:
            now = time.monotonic() - begin
            for name, client in (("half", half), ("drops", drops), ("after", after)):
                try:
                    if name not in ends and name == "drops":
                        client.socket.send(b"a")
                    if name not in ends and client.socket.recv(1) == b"":
                        ends[name] = now
                except BlockingIOError:
                    pass
                except ConnectionError:
                    ends[name] = now
            try:
                if "silent" not in ends:
                    sent["bytes"] += silent.socket.send(unread)
                    sent["blocked"] = now
            except BlockingIOError:
                pass
            except ConnectionError:
                ends["silent"] = now
            self.assertEqual(agent.verify(token), "accepted")
            time.sleep(0.02)
        self.assertEqual(set(ends), {"half", "drops", "silent", "after"}, (ends, sent))
        for name, when in ends.items():
            self.assertGreater(when, 9.5, name)
            self.assertLess(when, 13 + (sent["blocked"] if name == "silent" else 0), name)
        self.assertLess(sent["bytes"], 4 * 1024 * 1024)     # it was not read on for ever
        self.assertEqual(idle.verify(token), "accepted")
        self.assertEqual(agent.call("status")["connections"]["timeouts"], 4)
        for client in (half, drops, silent, idle, after):
            client.close()

    def test_who_never_reads_is_bounded_and_hurts_nobody(self):
        key = Key()
        agent = self.start(keys=[key])
        token = key.token(pad="p" * 8000)
        self.assertEqual(agent.verify(token), "accepted")
        before = agent.resident()
        message = request(1, "verify", [{"token": token}])
        silent = [[agent.connect().socket, 0] for _ in range(120)]
        for connection in silent:
            connection[0].setblocking(False)

        def fill():
            """The agent takes some up, and there is room for more, until its buffers for this user are full."""
            for connection in silent:
                try:
                    while True: # a message that went half is gone on with
                        connection[1] = (connection[1] + connection[0].send(message[connection[1]:])) % len(message)
                except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                    pass
            self.assertEqual(agent.verify(token), "accepted") # at once, whatever is to be taken up
            now = agent.call("status")["connections"]
            return now["buffered_bytes"] > 15 * 1024 * 1024 or now["broken_off"] > 0
        wait_for("its buffers are full", fill, 30)
        readers = [agent.connect() for _ in range(24)] # who reads gets answers, and more room than is left, from those who do not
        agent.process.send_signal(signal.SIGSTOP)      # all at once
        for client in readers:
            client.socket.sendall(message * 8)
        agent.process.send_signal(signal.SIGCONT)
        for client in readers:
            for _ in range(8):
                self.assertTrue(client.receive()[3]["active"])
        status = readers[0].call("status")["connections"]
        for client in readers:
            client.close()
        self.assertLessEqual(status["buffered_bytes"], 16 * 1024 * 1024)
        self.assertLess(status["open"], 144, "nobody had to go: the bound was not reached")
        if not ASAN:
            self.assertLess(agent.resident() - before, 48 * 1024 * 1024)
        for connection, _ in silent:
            connection.close()


class Garbage(AssayTest):
    """Ten thousand malformed messages, the same ones every time; a million with ASSAY_LONG."""

    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.start(keys=[self.key])
        self.token = self.key.token()
        self.good = [request(1, "verify", [{"token": self.token, "audience": "orders"}]), request(2, "ping", [{}]),
                     request(3, "revocations", [{"sub": "x"}]), request(4, "status", [{}]),
                     request(5, "revoke", [{"jti": "mutant", "exp": 5}]), request(6, "unrevoke", [{"sub": "x", "all_sources": True}])]

    def malformed(self, rng):
        kind = rng.randrange(8)
        if kind == 0:
            return rng.randbytes(rng.randrange(1, 200))
        if kind == 1:
            return rng.choice([b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9"]) + b"\xff\xff\xff\xff" + rng.randbytes(rng.randrange(40))
        if kind == 2:
            return b"\x94\x00\x01\xa6verify" + rng.choice([b"\x91", b"\x81\xa1a", b"\xdc\x00\x01"]) * rng.randrange(9, 3000)
        if kind == 3:
            return b"\x94\x00\x01\xa6verify\x91\x81\xa5token" + rng.choice([b"\xd4\x01\x00", b"\xc7\x05\x01abcde", b"\xd8\x01" + b"x" * 16])
        if kind == 4:
            message = rng.choice(self.good)
            return message[:rng.randrange(1, len(message))]
        message = bytearray(rng.choice(self.good))
        for _ in range(rng.randrange(1, 6)):
            place = rng.randrange(len(message))
            if kind == 5:
                message[place] = rng.randrange(256)
            elif kind == 6:
                del message[place:place + rng.randrange(1, 4)]
            else:
                message[place:place] = rng.randbytes(rng.randrange(1, 4))
            if not message:
                message = bytearray(b"\xc1")
        return bytes(message)

    def throw(self, seed, count, thrown):
        rng = random.Random(seed)
        client = None
        for _ in range(count):
            if client is None:
                client = Client(self.agent.socket)
                client.socket.settimeout(5)
            try:
                client.socket.sendall(self.malformed(rng))
                if rng.randrange(3) == 0:
                    client.socket.setblocking(False)
                    client.socket.recv(65536)
            except BlockingIOError:
                client.socket.settimeout(5)
            except ConnectionError:
                client.close()
                client = None
            thrown[seed] += 1
            if client is not None and rng.randrange(12) == 0:
                client.close()
                client = None
        if client is not None:
            client.close()

    def test_ten_thousand_malformed_messages(self):
        with self.agent.connect() as client:
            self.assertEqual(client.verify(self.token), "accepted")
            self.agent.call("status")
            thrown = [0] * THROWERS
            warm = threading.Thread(target=self.throw, args=(0, 500, thrown))
            warm.start()
            warm.join()
            thrown[0] = 0
            before = self.agent.resident()
            threads = [threading.Thread(target=self.throw, args=(seed, MALFORMED // THROWERS, thrown)) for seed in range(THROWERS)]
            for thread in threads:
                thread.start()
            answered = 0
            while answered < 20 or any(thread.is_alive() for thread in threads):
                self.assertEqual(client.verify(self.token), "accepted")
                self.assertEqual(client.verify(self.token + "="), "malformed")
                answered += 1
            for thread in threads:
                thread.join()
            self.assertEqual(sum(thrown), MALFORMED)
            self.assertEqual(client.verify(self.token), "accepted")
            grown = self.agent.resident() - before
            if LONG:
                print(f"[{MALFORMED} malformed messages, {answered} good ones meanwhile: grown by {grown >> 10} KiB]", end=" ", flush=True)
            if not ASAN:
                self.assertLess(grown, GROWTH)
        wait_for("closed connections are forgotten", lambda: self.agent.call("status")["connections"]["open"] <= 1)


if __name__ == "__main__":
    unittest.main()
