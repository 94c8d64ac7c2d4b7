"""A new policy is in force at once and whole; without one, nothing is allowed."""
import os
import signal
import threading
import unittest

from agent import AssayTest, Key, put_file, wait_for
from test_authorize import AuthorizeTest, allowed, decided, nobody, refused


def rules(name, *resources):
    return "version: 1\nrules:\n" + "".join("- {name: %s-%d, resources: [%s]}\n" % (name, i, resource) for i, resource in enumerate(resources))


class Reload(AuthorizeTest):
    policy = rules("old", "/a", "/b")

    def by_signal(self):
        before = self.agent.log().count("configuration re")
        self.agent.process.send_signal(signal.SIGHUP)
        wait_for("it was reloaded", lambda: self.agent.log().count("configuration re") > before)

    def by_method(self):
        self.assertEqual(self.client.call("reload"), {"reloaded": True, "faults": []})

    def test_in_force_at_once(self):
        token = self.key.token()
        for i, reload in enumerate((self.by_signal, self.by_method, self.by_signal, self.by_method)):
            self.assertAnswers(allowed("old-0"), token, "GET", "/a")
            put_file(self.path, rules("new", "/b", "/c"))
            reload()
            self.assertAnswers(refused(403, "no_rule"), token, "GET", "/a")
            self.assertAnswers(allowed("new-0"), token, "GET", "/b")
            self.assertAnswers(allowed("new-1"), token, "GET", "/c")
            self.assertAnswers(allowed("new-1"), self.key.token(n=i), "GET", "/c")
            put_file(self.path, self.policy)
            reload()

    def test_a_file_alone_changes_nothing(self):
        put_file(self.path, rules("new", "/b"))
        self.assertAnswers(allowed("old-0"), self.key.token(), "GET", "/a")
        os.unlink(self.path)
        self.assertAnswers(allowed("old-0"), self.key.token(), "GET", "/a")
        self.assertIs(self.client.call("reload")["reloaded"], False)
        self.assertAnswers(allowed("old-0"), self.key.token(), "GET", "/a")

    def test_taken_out_of_the_configuration(self):
        self.agent.configure()
        self.by_method()
        self.assertAnswers(refused(403, "no_rule"), self.key.token(), "GET", "/a")
        self.assertAnswers(nobody(401, "no_token"), None, "GET", "/a")
        self.assertIsNone(self.client.call("status")["policy"])
        self.configure()
        self.by_method()
        self.assertAnswers(allowed("old-0"), self.key.token(), "GET", "/a")

    def test_always_one_or_the_other(self):
        """Questions that are asked together are answered by one policy, whatever is loaded meanwhile."""
        stop, trouble = threading.Event(), []

        def ask(seed):
            number = 0
            with self.agent.connect() as client:
                while not stop.is_set():
                    number += 1
                    answer = client.call("authorize", token=self.key.token(n=[seed, number % 7 * number]), checks=[["GET", "/a"], ["GET", "/b"]] * 8)
                    found = {one["rule"] for one in answer["decisions"]}
                    if found not in ({"old-0", "old-1"}, {"new-0", "new-1"}):
                        trouble.append(found)
                        return
        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for i in range(30):
            put_file(self.path, rules("new" if i % 2 else "old", "/a", "/b"))
            self.by_method() if i % 3 else self.by_signal()
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(trouble, [])

    def test_relative_to_the_configuration(self):
        self.configure(policy="policy.yaml")
        self.by_method()
        self.assertAnswers(allowed("old-0"), self.key.token(), "GET", "/a")


class WithoutOne(AssayTest):
    def test_nothing_is_allowed(self):
        key = Key()
        agent = self.start(keys=[key])
        for expected, resource, sent in ((refused(403, "no_rule", roles=["admin"]), "/", {"token": key.token(role="admin")}),
                                         (nobody(401, "no_token"), "/health", {}), (nobody(403, "bad_resource"), "/../x", {})):
            self.assertEqual(decided(agent.call("authorize", action="GET", resource=resource, **sent)), expected)
        self.assertEqual(agent.verify(key.token()), "accepted")


if __name__ == "__main__":
    unittest.main()
