"""The agent of a node as daemonset.yaml has it, its folders on the node, and applications of several users."""
import shutil
import unittest

import keys
from manifest import Pod, find, played
from podman import IMAGE, podman, start, wait_until_ready

# Stands for the image that the manifest names: a shell, chown and chmod.
BUSYBOX = "docker.io/library/debian:12"
ISSUER = "https://kubernetes.default.svc.cluster.local"


class DaemonSet(unittest.TestCase):
    def setUp(self):
        self.folder, self.exact, self.documents = played("daemonset.yaml")
        self.pods = 0
        self.pod = self.make_pod(self.documents, "DaemonSet")

    def make_pod(self, all_documents, kind):
        self.pods += 1
        return Pod(all_documents, find(all_documents, kind), f"{self.folder}/pod{self.pods}", f"{self.folder}/node")

    def make_folders(self):
        folders = self.pod.container("folders")
        podman("run", "--rm", "--network=none", *self.pod.options("folders"), BUSYBOX, *folders["command"])

    def agent(self):
        self.make_folders()
        start("assayd", *self.pod.options("assayd"), IMAGE)
        self.addCleanup(podman, "rm", "--force", "--time=5", "--volumes", "assayd", code=None)
        wait_until_ready("assayd")

    def mint(self, audience):
        return keys.mint(self.folder + "/keys", issuer=ISSUER, audience=audience)

    def verify(self, code=0, audience="orders", token=None, options=(), **instead):
        """In a pod of the application; `instead`: other values in its security context."""
        pod = self.make_pod(self.documents, "Deployment")
        return podman("run", "--rm", "--interactive", "--network=none", *pod.options("orders", **instead), *options,
                      "--entrypoint=/usr/bin/assay", IMAGE, "verify", "--audience", audience, stdin=token or self.mint(audience), code=code)

    def test_the_very_configuration_is_good(self):
        pod = self.make_pod(self.exact, "DaemonSet")
        said = podman("run", "--rm", "--network=none", *pod.options("assayd"), IMAGE,
                      "--config", "/etc/assay/assayd.yaml", "--check", code=None)
        self.assertIn("good, 1 issuer", said)

    def test_applications_wait_for_the_folder(self):
        shutil.rmtree(self.folder + "/node/run")
        with self.assertRaises(FileNotFoundError):
            self.make_pod(self.documents, "Deployment")

    def test_applications(self):
        self.agent()
        self.assertIn('"sub":"alice"', self.verify())
        self.assertIn("wrong_audience", self.verify(code=1, audience="returns"))
        self.assertIn('"sub":"alice"', self.verify(audience="returns", runAsUser=11002))
        self.assertIn("wrong_audience", self.verify(code=1, runAsUser=11002))
        self.assertIn("forbidden", self.verify(code=3, runAsUser=11003))
        self.assertIn("its group and mode say who may", self.verify(code=3, supplementalGroups=[]))

    def test_applications_in_a_user_namespace(self):
        """hostUsers: false. The agent's user is not one of theirs, so they do not trust whoever serves the socket."""
        self.agent()
        said = self.verify(code=3, options=["--uidmap=0:200000:65536", "--gidmap=0:0:65536"])
        self.assertIn("neither root nor the owner", said)

    def test_an_update_and_a_boot(self):
        self.agent()
        token = self.mint("orders")
        podman("exec", "--interactive", "assayd", "/usr/bin/assay", "revoke", "--token-file", "-", stdin=token)
        self.assertIn("revoked", self.verify(code=1, token=token))
        podman("stop", "--time=10", "assayd")
        podman("rm", "--volumes", "assayd")
        shutil.rmtree(self.folder + "/node/run") # a tmpfs
        self.pod = self.make_pod(self.documents, "DaemonSet")
        self.agent()
        self.assertIn("revoked", self.verify(code=1, token=token))
        self.verify()
