"""SIGTERM finishes what was asked; systemd is told when the agent is ready and when it stops."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

from agent import ASSAYD, AssayTest, Client, Key, die_with_parent, patient, put_file, running, wait_for
from http_client import HAS_HTTP, Http


class Stop(AssayTest):
    def test_what_was_asked_is_answered(self):
        key = Key("ES512")      # slow to check
        agent = self.start(keys=[key])
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), agent.connect() as client, agent.connect() as idle:
                tokens = [key.token(n=i) for i in range(150)]
                client.send("ping")
                sent = [client.send("verify", token=token) for token in tokens]
                revoke = client.send("revoke", jti="last")
                self.assertEqual(client.receive()[1], 1)
                wait_for("all was read", lambda: idle.call("status")["connections"]["requests"] >= 152)
                agent.process.send_signal(number)
                answers = {}
                try:
                    while True:
                        answer = client.receive()
                        answers[answer[1]] = answer
                except (EOFError, ConnectionError):
                    pass
                self.assertEqual(set(answers), set(sent) | {revoke})
                for msgid in sent:
                    self.assertIs(answers[msgid][3]["active"], True)
                self.assertIsNone(answers[revoke][2])
                self.assertTrue(idle.is_closed())
                self.assertEqual(agent.wait_exit(), 0)
                self.assertFalse(os.path.exists(agent.socket))
                agent.start()
                self.assertIs(agent.call("revocations", jti="last")["revoked"], True)

    def test_nobody_comes_in_any_more(self):
        key = Key()
        agent = self.start(keys=[key])
        client = agent.connect()
        agent.process.terminate()
        self.assertTrue(client.is_closed())
        agent.wait_exit()
        self.assertRaises(OSError, agent.connect)
        client.close()

    def test_a_client_that_does_not_read_does_not_hold_it_up(self):
        key = Key()
        agent = self.start(keys=[key])
        token = key.token(pad="p" * 8000)
        client = agent.connect()
        client.socket.setblocking(False)
        message = client.pack("verify", {"token": token})[1]
        try:
            while True:
                client.socket.send(message)
        except BlockingIOError:
            pass
        begin = patient()
        self.assertEqual(agent.stop(), 0)
        self.assertLess(patient() - begin, 8)
        client.close()

    def test_twice(self):
        agent = self.start(keys=[Key()])
        for _ in range(5):
            agent.process.terminate()
            agent.process.send_signal(signal.SIGINT)
            agent.process.send_signal(signal.SIGHUP)
        self.assertEqual(agent.wait_exit(), 0)

    def test_another_socket_in_its_place_is_left(self):
        """Whoever put something else there meanwhile keeps it."""
        agent = self.start(keys=[Key()])
        put_file(agent.socket, "")
        self.assertEqual(agent.stop(), 0)
        self.assertTrue(os.path.exists(agent.socket))

    def test_a_closed_stderr_does_not_stop_it(self):
        key = Key()
        agent = self.prepare(keys=[key])
        agent.launch(before=["/bin/sh", "-c", 'exec "$@" 2>&-', "sh"])
        agent.wait_ready()
        self.assertEqual(agent.verify("x"), "malformed")
        self.assertEqual(agent.verify(key.token()), "accepted")


class SocketFile(AssayTest):
    """Whoever cleans up folders may take the socket's file away."""

    def test_it_is_made_anew(self):
        key = Key()
        agent = self.prepare(keys=[key])
        agent.configure(socket={"path": agent.socket, "mode": "0640"})
        agent.start()
        with agent.connect() as before:
            for _ in range(3):
                self.assertEqual(before.call("reload")["reloaded"], True)
                os.unlink(agent.socket)
                wait_for("it is there again", lambda: os.path.exists(agent.socket))
                self.assertEqual(os.stat(agent.socket).st_mode & 0o777, 0o640)
                self.assertEqual(wait_for("somebody listens", lambda: answer_of(agent, key)), "accepted")
                self.assertEqual(before.verify(key.token()), "accepted")   # who was there before stays
        self.assertEqual(agent.log().count("the socket's file was removed; the agent creates it again"), 3)
        self.assertEqual(agent.stop(), 0)
        self.assertFalse(os.path.exists(agent.socket))

    @unittest.skipUnless(HAS_HTTP, "needs llhttp")
    def test_that_of_http_too(self):
        agent = self.prepare(keys=[Key()])
        place = agent.path("http.sock")
        agent.configure(http={"listen": f"unix:{place}"})
        agent.start()
        os.unlink(place)
        wait_for("it is there again", lambda: os.path.exists(place))

        def healthy():
            try:
                with Http(place) as http:
                    return http.ask("GET", "/healthz").status == 200
            except OSError:
                return False
        wait_for("it answers", healthy)
        self.assertEqual(agent.stop(), 0)
        self.assertFalse(os.path.exists(place))

    def test_what_stands_in_its_place_is_left_and_told(self):
        key = Key()
        agent = self.start(keys=[key])
        with agent.connect() as before:
            put_file(agent.socket, "")
            wait_for("it is told", lambda: "another file is in the place of the agent's socket" in agent.log())
            self.assertEqual(before.verify(key.token()), "accepted")
            self.assertEqual(before.call("reload")["reloaded"], True)
        self.assertEqual(agent.log().count("another file is in the place"), 1)
        self.assertTrue(os.path.isfile(agent.socket))

    def test_a_folder_that_is_gone_is_told(self):
        key = Key()
        agent = self.prepare(keys=[key])
        folder = agent.path("run")
        os.mkdir(folder)
        agent.socket = os.path.join(folder, "s")
        agent.configure(socket={"path": agent.socket})
        agent.start()
        with agent.connect() as before:
            os.rename(folder, folder + ".gone")  # at once: the agent would put its socket back between two steps of rmtree
            shutil.rmtree(folder + ".gone")
            wait_for("it is told", lambda: "the socket cannot be created again; no caller can connect until the agent restarts" in agent.log())
            self.assertEqual(before.verify(key.token()), "accepted")
            self.assertEqual(before.call("reload")["reloaded"], True)
        self.assertEqual(agent.stop(), 0)


def answer_of(agent, key):
    try:
        return agent.verify(key.token())
    except OSError:
        return None


class Systemd(AssayTest):
    def test_no_ready_for_a_bad_start(self):
        agent = self.prepare()
        path = agent.path("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.setblocking(False)
            agent.environment = {"NOTIFY_SOCKET": path}
            agent.launch()
            self.assertEqual(agent.wait_exit(), 2)
            self.assertRaises(BlockingIOError, notify.recv, 4096)

    def activated(self, agent, *listeners, names="", pid="os.getpid()"):
        """As systemd does it: the sockets as descriptors 3 and on, and the process told that it is meant."""
        program = ("import os, sys\n"
                   f"for fd, source in enumerate([os.dup(fd) for fd in {[s.fileno() for s in listeners]}], 3):\n"
                   "    os.dup2(source, fd, inheritable=True)\n"
                   f"os.environ.update(LISTEN_FDS='{len(listeners)}', LISTEN_PID=str({pid}), LISTEN_FDNAMES='{names}')\n"
                   "os.execv(sys.argv[1], sys.argv[1:])\n")
        agent.launch(before=[sys.executable, "-c", program], pass_fds=[s.fileno() for s in listeners])

    def listener(self, path):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen(10)
        return listener

    def refused(self, agent, *listeners, names=""):
        agent.environment = {"ASAN_OPTIONS": "detect_leaks=0"}
        self.activated(agent, *listeners, names=names)
        self.assertEqual(agent.wait_exit(), 1)
        return agent.log()

    def test_socket_activation(self):
        key = Key()
        agent = self.prepare(keys=[key])
        path = agent.path("activated")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(path)
            listener.listen(10)
            early = Client(path)                # asked before there is an agent
            early.send("verify", token=key.token())
            agent.socket, configured = path, agent.socket
            self.activated(agent, listener)
            self.assertIs(early.receive()[3]["active"], True)
            early.close()
            self.assertFalse(os.path.exists(configured))
            self.assertEqual(agent.stop(), 0)
            self.assertTrue(os.path.exists(path))       # it is systemd's
            waiting = Client(path)              # nobody is turned away between two agents
            waiting.send("ping")
            self.activated(agent, listener)
            self.assertIs(waiting.receive()[3]["ready"], True)
            waiting.close()

    def test_a_descriptor_of_another_kind(self):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            self.assertIn("`assayd.socket`, which is not a listening Unix stream socket",
                          self.refused(self.prepare(keys=[Key()]), listener, names="assayd.socket"))

    def test_sockets_on_which_nobody_can_call(self):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):    # one that does not listen, and one that cannot
            agent = self.prepare(keys=[Key()])
            with socket.socket(socket.AF_UNIX, kind) as odd:
                odd.bind(agent.path("odd"))
                self.assertIn("`odd.socket`, which is not a listening Unix stream socket", self.refused(agent, odd, names="odd.socket"))

    def test_two_sockets_for_services(self):
        agent = self.prepare(keys=[Key()])
        sockets = [self.listener(agent.path(name)) for name in ("one", "two")]
        self.assertIn("2 sockets; expected one for services", self.refused(agent, *sockets, names="a.socket:b.socket"))

    def test_sockets_that_are_meant_for_another_process(self):
        agent = self.prepare(keys=[Key()])
        self.activated(agent, self.listener(agent.path("another's")), names="assayd.socket", pid="os.getppid()")
        agent.wait_ready()
        self.assertTrue(os.path.exists(agent.socket))

    def test_a_socket_for_http(self):
        agent = self.prepare(keys=[Key()])
        sockets = [self.listener(agent.path(name)) for name in ("http", "services")]
        agent.configure(http={"listen": "unix:" + agent.path("http")})
        agent.socket, configured = agent.path("services"), agent.socket
        self.activated(agent, *sockets, names="http:assayd.socket")
        agent.wait_ready()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gateway:
            gateway.settimeout(10)
            gateway.connect(agent.path("http"))
            gateway.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(gateway.recv(4096).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(agent.stop(), 0)
        self.assertTrue(os.path.exists(agent.path("http")))
        self.assertFalse(os.path.exists(configured))
        self.assertIn("systemd holds the socket, so the agent does not use the configured one", agent.log())
        self.assertEqual(agent.log().count("does not use the configured one"), 1)    # HTTP's is where it says

    def test_a_socket_for_http_that_is_not_configured(self):
        agent = self.prepare(keys=[Key()])
        self.assertIn("systemctl disable --now assayd-http.socket", self.refused(agent, self.listener(agent.path("http")), names="http"))

    @unittest.skipUnless(shutil.which("systemd-socket-activate"), "needs systemd-socket-activate")
    def test_systemd_socket_activate(self):
        key = Key()
        agent = self.prepare(keys=[key])
        agent.socket = agent.path("activated")
        with open(agent.log_path, "ab") as log:
            agent.process = subprocess.Popen(["systemd-socket-activate", "-l", agent.socket, "--", *self.command(agent)],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        running.append(agent.process)
        agent.wait_ready()
        self.assertEqual(agent.verify(key.token()), "accepted")

    def command(self, agent):
        return [ASSAYD, "--config", agent.config]


if __name__ == "__main__":
    unittest.main()
