"""A token cannot make the agent open a connection, whatever addresses and keys its header names."""
import os
import shutil
import socket
import threading
import unittest

from agent import AssayTest, Key, wait_for


def may_trace():
    return shutil.which("strace") is not None and os.geteuid() == 0


class NoNetwork(AssayTest):
    def headers(self, attacker, port):
        where = f"http://127.0.0.1:{port}"
        for kid in ("k1", "stranger", None):
            for more in ({"jku": where + "/jwks"}, {"x5u": where + "/cert"}, {"jwk": attacker.jwk()}, {"x5c": ["AAAA"]},
                         {"jku": where, "jwk": attacker.jwk(), "x5u": where, "x5c": ["AAAA"], "x5t": "AA", "x5t#S256": "AA"}):
                yield {"kid": kid, **more}

    def attack(self, agent, port):
        attacker = Key()
        for header in self.headers(attacker, port):
            found = agent.verify(attacker.token(header))
            self.assertEqual(found, "unknown_key" if header["kid"] == "stranger" else "bad_signature", header)
        agent.verify(attacker.token(iss=f"http://127.0.0.1:{port}"))
        agent.verify(attacker.token({"kid": f"http://127.0.0.1:{port}/k"}))

    def test_nobody_is_called(self):
        called = []
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(5)
            listener.settimeout(0.3)
            port = listener.getsockname()[1]
            self.attack(self.start(keys=[Key()]), port)
            try:
                called.append(listener.accept())
            except socket.timeout:
                pass
        self.assertEqual(called, [])
        self.assertEqual(threading.active_count(), 1)

    @unittest.skipUnless(may_trace(), "needs strace, and root")
    def test_no_socket_is_made(self):
        key = Key()
        agent = self.prepare(keys=[key], environment={"ASAN_OPTIONS": "detect_leaks=0"})
        trace = agent.path("trace")
        agent.launch(before=["strace", "-f", "-qq", "-e", "trace=socket,connect,sendto,sendmsg", "-o", trace])
        wait_for("the agent listens", lambda: os.path.exists(agent.socket) or agent.process.poll())
        agent.wait_ready()
        self.assertEqual(agent.verify(key.token()), "accepted")
        self.attack(agent, 9)
        with open(trace, encoding="utf-8") as file:
            lines = [line for line in file.read().splitlines() if "socket(" in line or "connect(" in line or "send" in line]
        self.assertTrue(any("AF_UNIX" in line for line in lines), lines)        # it was traced: the listener is there
        self.assertEqual([line for line in lines if "AF_UNIX" not in line], [])
        self.assertEqual([line for line in lines if "connect(" in line and "ECONNREFUSED" not in line], [])
        # strace ends with its tracee: stop that, not strace.
        with open(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children", encoding="utf-8") as file:
            os.kill(int(file.read().split()[0]), 15)
        self.assertEqual(agent.wait_exit(), 0)


if __name__ == "__main__":
    unittest.main()
