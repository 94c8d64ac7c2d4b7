"""The sidecar's pod as sidecar.yaml has it: its volumes, users, groups and rights, with a Redis, and without a network but for loopback."""
import copy
import os
import subprocess
import tempfile
import time
import unittest

import keys
from manifest import Pod, find, played
from podman import IMAGE, podman, start, state, wait_until_ready

SECRET = "change-me"
# A program that was linked with libassay.a, and needs nothing else.
APPLICATION = "/app/epoll"


class Sidecar(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder, cls.exact, cls.documents = played("sidecar.yaml")
        cls.redis = subprocess.Popen(["redis-server", "--port", "6379", "--requirepass", SECRET, "--save", "", "--dir", cls.folder],
                                     stdout=subprocess.DEVNULL)
        cls.pod = Pod(cls.documents, find(cls.documents, "Deployment"), cls.folder + "/pod")
        cls.agent = cls.pod.container("assayd")
        start("assayd", "--add-host=redis:127.0.0.1", *cls.pod.options("assayd"), IMAGE, network="host")
        wait_until_ready("assayd")

    @classmethod
    def tearDownClass(cls):
        podman("rm", "--force", "--time=5", "--volumes", "assayd", code=None)
        cls.redis.terminate()
        cls.redis.wait()

    def application(self, program, *arguments, code=0, stdin=None, **instead):
        """In the application's container, or in one that differs from it in its security context."""
        program_mount = f"--volume={os.environ['ASSAY_APPLICATION']}:/app:ro"
        return podman("run", "--rm", "--interactive", "--network=host", *self.pod.options("orders", **instead), program_mount,
                      f"--entrypoint={program}", IMAGE, *arguments, code=code, stdin=stdin)

    def verify(self, token, code=0, **instead):
        return self.application("/usr/bin/assay", "verify", "--audience", "orders", stdin=token, code=code, **instead)

    def mint(self, subject):
        return keys.mint(self.folder + "/keys", subject=subject)

    def check(self, all_documents):
        pod = Pod(all_documents, find(all_documents, "Deployment"), tempfile.mkdtemp(dir=self.folder) + "/pod")
        return podman("run", "--rm", "--network=none", *pod.options("assayd"), IMAGE,
                      "--config", "/etc/assay/assayd.yaml", "--check", code=None)

    def test_the_very_configuration_is_good(self):
        self.assertIn("good, 1 issuer, 1 rule", self.check(self.exact))

    def test_probes(self):
        for probe in ("startupProbe", "livenessProbe"):
            self.assertEqual(podman("exec", "assayd", *self.agent[probe]["exec"]["command"]).strip(), "ready")

    def test_the_application_verifies(self):
        self.assertIn('"sub":"alice"', self.verify(self.mint("alice")))

    def test_the_application_may_do_what_the_policy_says(self):
        for resource, code in (("/users/alice/orders", 0), ("/users/bob/orders", 1)):
            self.application("/usr/bin/assay", "authorize", "--action", "GET", "--resource", resource, stdin=self.mint("alice"), code=code)

    def test_a_program_with_libassay(self):
        token = self.mint("alice")
        self.assertEqual(sorted(self.application(APPLICATION, stdin=f"{token}\n{token}\n").splitlines()), ["1 yes: alice", "2 yes: alice"])

    def test_the_application_administers_nothing(self):
        for command in (["status"], ["revoke", "--sub", "bob"], ["reload"]):
            self.assertIn("forbidden", self.application("/usr/bin/assay", *command, code=None))
        self.assertIn("orders", podman("exec", "assayd", "/usr/bin/assay", "status"))

    def test_the_application_cannot_put_a_socket_there(self):
        command = ["/usr/bin/assay", "keygen", "--alg", "ES256", "--kid", "k", "--out", "/run/assay/k.pem"]
        self.assertIn("Read-only file system", self.application(*command, code=None))

    def test_another_user_is_no_peer(self):
        self.assertIn("forbidden", self.verify(self.mint("alice"), code=3, runAsUser=1001))

    def test_root_is_no_peer(self):
        self.assertIn("forbidden", self.verify(self.mint("alice"), code=3, runAsUser=0))

    def test_without_the_group_nobody_gets_in(self):
        group, self.pod.group = self.pod.group, None
        self.addCleanup(setattr, self.pod, "group", group)
        self.assertIn("its group and mode say who may", self.verify(self.mint("alice"), code=3))

    def test_revoked_for_the_fleet(self):
        token = self.mint("carol")
        self.verify(token)
        podman("exec", "assayd", "/usr/bin/assay", "revoke", "--to", "redis://redis:6379/0",
               "--password-file", "/etc/assay-secrets/redis-password", "--issuer", keys.ISSUER, "--sub", "carol")
        for _ in range(50):
            if "revoked" in self.verify(token, code=None):
                break
            time.sleep(0.1)
        self.assertIn("revoked", self.verify(token, code=1))

    def test_a_restart_of_the_agent_is_no_restart_of_the_application(self):
        token = self.mint("dora")
        podman("exec", "--interactive", "assayd", "/usr/bin/assay", "revoke", "--token-file", "-", stdin=token)
        podman("stop", "--time=10", "assayd")
        self.assertEqual(state("assayd")["ExitCode"], 0)
        self.verify(self.mint("alice"), code=3)
        podman("start", "assayd")
        wait_until_ready("assayd")
        self.assertIn("revoked", self.verify(token, code=1))
        self.verify(self.mint("alice"))

    def test_what_the_comments_say(self):
        """The state straight in an emptyDir, and a secret that others may read, are refused."""
        other = copy.deepcopy(self.documents)
        config = find(other, "ConfigMap")["data"]
        config["assayd.yaml"] = config["assayd.yaml"].replace("/var/lib/assay/state", "/var/lib/assay")
        pod = Pod(other, find(other, "Deployment"), tempfile.mkdtemp(dir=self.folder) + "/pod")
        self.assertIn("every user may write into the state folder",
                      podman("run", "--rm", "--network=none", *pod.options("assayd"), IMAGE, code=None))
        open_to_all = copy.deepcopy(self.exact)
        volumes = find(open_to_all, "Deployment")["spec"]["template"]["spec"]["volumes"]
        next(it for it in volumes if "secret" in it)["secret"]["defaultMode"] = 0o444
        self.assertIn("every user of this machine can read", self.check(open_to_all))
