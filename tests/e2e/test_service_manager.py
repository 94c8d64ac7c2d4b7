"""What a service manager hears and gives: sd_notify's messages over a socket of the test's own, and folders by their variables."""
import json
import os
import shutil
import signal
import socket
import time
import unittest

from agent import ASAN, AssayTest, Key, put_file, wait_for


class Manager:
    """Takes the datagrams; each is {name: value}."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + path[1:] if path[0] == "@" else path)
        self.heard = []

    def listen(self):
        self.socket.setblocking(False)
        try:
            while True:
                text = self.socket.recv(4096).decode()
                self.heard.append(dict(line.split("=", 1) for line in text.splitlines()))
        except BlockingIOError:
            return self.heard

    def wait(self, name, value=None):
        def said():
            return next((m for m in self.listen() if name in m and value in (None, m[name])), None)
        return wait_for(f"the manager hears {name}={value}", said)

    def forget(self):
        self.listen()
        self.heard.clear()

    def said(self, name):
        return [m[name] for m in self.listen() if name in m]


class ServiceManager(AssayTest):
    def launch(self, watchdog_ms=None, watchdog_pid=None, at=None, **top):
        agent = self.prepare(keys=[Key()])
        self.manager = Manager(at or agent.path("notify"))
        self.addCleanup(self.manager.socket.close)
        agent.environment = {"NOTIFY_SOCKET": self.manager.path}
        if watchdog_ms:
            agent.environment["WATCHDOG_USEC"] = str(watchdog_ms * 1000)
        if watchdog_pid:
            agent.environment["WATCHDOG_PID"] = str(watchdog_pid)
        agent.configure(**top)
        agent.launch()
        return agent

    def test_ready_is_said_when_it_is(self):
        agent = self.launch()
        self.assertEqual(self.manager.wait("READY")["STATUS"], "ready, 1 issuer")
        self.assertTrue(agent.call("ping")["ready"])

    def test_ready_is_not_said_before_the_keys_are_there(self):
        nowhere = {"issuer": "https://127.0.0.1:9", "keys": {"jwks_uri": "https://127.0.0.1:9/jwks"}, "audiences": ["orders"]}
        agent = self.launch(issuers=[nowhere])
        agent.wait_answers()
        self.assertIn("waiting for the keys", self.manager.wait("STATUS")["STATUS"])
        time.sleep(0.3)
        self.assertEqual(self.manager.said("READY"), [])
        agent.configure()                                    # and now by a file
        agent.call("reload")
        self.manager.wait("READY")
        self.assertEqual(self.manager.said("RELOADING"), [])  # it was starting, and nothing was running yet

    def test_a_reload_is_told_from_its_begin_to_its_end(self):
        agent = self.launch()
        self.manager.wait("READY")
        self.manager.forget()
        before = time.monotonic_ns() // 1000
        agent.process.send_signal(signal.SIGHUP)
        ready = self.manager.wait("READY")
        reloading = self.manager.heard[0]
        self.assertEqual(reloading["RELOADING"], "1")
        self.assertTrue(before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000)
        self.assertEqual(ready["STATUS"], "ready, 1 issuer")

    def test_a_refused_reload_says_why_and_the_service_goes_on(self):
        agent = self.launch()
        self.manager.wait("READY")
        self.manager.forget()
        put_file(agent.config, "isuers: []\n")
        agent.process.send_signal(signal.SIGHUP)
        status = self.manager.wait("READY")["STATUS"]
        self.assertIn("refused, the old one stays in force", status)
        self.assertIn("isuers", status)
        agent.configure()
        agent.process.send_signal(signal.SIGHUP)
        self.manager.wait("STATUS", "ready, 1 issuer")

    def test_the_stop_is_told(self):
        agent = self.launch()
        self.manager.wait("READY")
        agent.stop()
        self.manager.wait("STOPPING")

    def test_the_watchdog_is_fed_while_the_loop_turns(self):
        agent = self.launch(watchdog_ms=200)
        self.manager.wait("READY")
        self.manager.forget()
        wait_for("the watchdog is fed", lambda: len(self.manager.said("WATCHDOG")) >= 5)
        agent.process.send_signal(signal.SIGSTOP)
        self.manager.forget()
        time.sleep(0.5)
        self.assertEqual(self.manager.said("WATCHDOG"), [])
        agent.process.send_signal(signal.SIGCONT)
        self.manager.wait("WATCHDOG")

    def test_nobody_is_fed_who_did_not_ask(self):
        for others in ({}, {"watchdog_ms": 100, "watchdog_pid": os.getpid()}):  # or who watches another process
            self.launch(**others)
            self.manager.wait("READY")
            time.sleep(0.3)
            self.assertEqual(self.manager.said("WATCHDOG"), [])

    def test_an_abstract_name(self):
        self.launch(at=f"@assay-{os.getpid()}")
        self.manager.wait("READY")

    def test_folders_that_the_manager_made_are_the_defaults(self):
        agent = self.prepare(keys=[Key()])
        agent.environment = {"STATE_DIRECTORY": agent.path("states"), "RUNTIME_DIRECTORY": agent.path("runtime")}
        put_file(agent.config, json.dumps({"issuers": [agent.issuer()]}))
        agent.socket = agent.path("runtime/assayd.sock")
        agent.start()
        self.assertTrue(os.path.exists(agent.path("states/data.mdb")))

    @unittest.skipIf(ASAN, "a sanitizer looks into the process by what is taken away")
    def test_every_thread_is_confined(self):
        agent = self.launch()
        self.manager.wait("READY")
        threads = os.listdir(f"/proc/{agent.process.pid}/task")
        self.assertGreater(len(threads), 3)
        for thread in threads:
            with open(f"/proc/{agent.process.pid}/task/{thread}/status", encoding="utf-8") as file:
                facts = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            self.assertEqual(facts["NoNewPrivs"], "1", facts["Name"])
            self.assertGreaterEqual(int(facts["VmLck"].split()[0]), 64)
        with open(f"/proc/{agent.process.pid}/limits", encoding="utf-8") as file:
            self.assertRegex(file.read(), r"Max core file size +0 +0 ")

    @unittest.skipIf(ASAN, "a sanitizer writes where it likes")
    @unittest.skipUnless(shutil.which("strace") and os.geteuid() == 0, "needs strace, and root")
    def test_it_is_confined_before_its_first_thread(self):
        """What that takes away is in tests/unit/agent_confine.c."""
        agent = self.prepare(keys=[Key()])
        trace = agent.path("trace")
        agent.launch(before=["strace", "-f", "-qq", "-o", trace, "-e", "trace=landlock_restrict_self,clone,clone3"])
        agent.wait_ready()
        with open(trace, encoding="utf-8") as file:
            calls = file.read().splitlines()
        if any("ENOSYS" in call or "EOPNOTSUPP" in call for call in calls):
            self.skipTest("this kernel has no landlock")
        self.assertRegex(calls[0], r"landlock_restrict_self\(.*= 0")
        self.assertGreater(len(calls), 3)
        os.kill(int(next(iter(open(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children"))).split()[0]), signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
