"""The image: what is in it, and that it serves under the strictest conditions that a container can have."""
import json
import os
import re
import subprocess
import tempfile
import unittest

import keys
from podman import IMAGE, podman, run, start, state, wait_until_ready

CONFIG = """
issuers:
  - issuer: https://auth.example.com
    keys: {file: /etc/assay/keys.json}
    audiences: [orders]
"""
# Everything else is a library that one of the two programs loads.
FILES = re.compile(r"usr/sbin/assayd|usr/bin/assay|etc/(passwd|group|nsswitch\.conf)"
                   r"|etc/ssl/certs/ca-certificates\.crt|usr/lib/ssl/cert\.pem|(usr/)?lib(64)?/([a-z0-9_-]+/)?[A-Za-z0-9_.+-]+\.so[0-9.a-z]*")


def names_in_image():
    command = f"id=$(podman create {IMAGE}) && podman export $id | tar t && podman rm $id >/dev/null"
    tar = subprocess.run(command, shell=True, check=True, capture_output=True, text=True)
    return [name.removeprefix("./") for name in tar.stdout.splitlines() if not name.endswith("/")]


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(dir=os.environ["ASSAY_PODS"])
        os.makedirs(cls.folder + "/etc")
        os.makedirs(cls.folder + "/keys")
        os.chmod(cls.folder, 0o755)
        with open(cls.folder + "/etc/keys.json", "w", encoding="utf-8") as file:
            file.write(keys.make_key(cls.folder + "/keys"))
        with open(cls.folder + "/etc/assayd.yaml", "w", encoding="utf-8") as file:
            file.write(CONFIG)

    def agent(self, name):
        start(name, f"--volume={self.folder}/etc:/etc/assay:ro", f"--volume={name}-run:/run/assay",
              f"--volume={name}-state:/var/lib/assay", IMAGE)
        self.addCleanup(podman, "rm", "--force", "--time=5", "--volumes", name, code=None)
        wait_until_ready(name)

    def verify(self, name, token, code):
        return podman("exec", "--interactive", name, "/usr/bin/assay", "verify", "--audience", "orders", stdin=token, code=code)

    def test_nothing_but_what_is_listed(self):
        names = names_in_image()
        # What podman itself puts into every container.
        of_podman = {"etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "run/.containerenv", "dev/console", "dev/shm"}
        strange = [name for name in names if name not in of_podman and not FILES.fullmatch(name)]
        self.assertEqual(strange, [])
        self.assertIn("usr/sbin/assayd", names)
        self.assertGreater(len(names), 20)

    def test_settings_of_the_image(self):
        config = json.loads(podman("inspect", IMAGE))[0]["Config"]
        self.assertEqual(config["User"], "10001:10001")
        self.assertEqual(config["Entrypoint"], ["/usr/sbin/assayd"])
        self.assertEqual(sorted(config["Volumes"]), ["/run/assay", "/var/lib/assay"])

    def test_size(self):
        size = int(json.loads(podman("inspect", IMAGE))[0]["Size"])
        print(f"the image has {size / 1e6:.1f} MB")
        self.assertLess(size, 40e6)

    def test_both_programs_load(self):
        self.assertRegex(run(IMAGE, "--version"), r"^assayd \d")
        self.assertRegex(run("--entrypoint=/usr/bin/assay", IMAGE, "--version"), r"^assay \d")
        run("--entrypoint=/bin/sh", IMAGE, "-c", "true", code=127)  # there is no shell

    def test_http_is_built_in(self):
        with open(self.folder + "/http.yaml", "w", encoding="utf-8") as file:
            file.write(CONFIG + "http: {listen: 127.0.0.1:8080}\n")
        mounts = [f"--volume={self.folder}/http.yaml:/http.yaml:ro", f"--volume={self.folder}/etc:/etc/assay:ro"]
        run(*mounts, IMAGE, "--config", "/http.yaml", "--check")

    def test_it_has_no_rights(self):
        self.agent("rights")
        with open(f"/proc/{state('rights')['Pid']}/status", encoding="utf-8") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.assertEqual(status["Uid"].split(), ["10001"] * 4)
        self.assertEqual(status["Gid"].split(), ["10001"] * 4)
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[capabilities], 16), 0, capabilities)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")

    def test_revocations_outlive_a_restart(self):
        self.agent("kept")
        token = keys.mint(self.folder + "/keys")
        self.assertIn('"sub":"alice"', self.verify("kept", token, 0))
        podman("exec", "--interactive", "kept", "/usr/bin/assay", "revoke", "--token-file", "-", stdin=token)
        self.assertIn("revoked", self.verify("kept", token, 1))
        podman("kill", "--signal=KILL", "kept")
        podman("wait", "kept")
        podman("start", "kept")
        wait_until_ready("kept")
        self.assertIn("revoked", self.verify("kept", token, 1))
        self.verify("kept", keys.mint(self.folder + "/keys"), 0)

    def test_stops_cleanly(self):
        self.agent("stopped")
        podman("stop", "--time=10", "stopped")
        self.assertEqual(state("stopped")["ExitCode"], 0, podman("logs", "stopped"))

    def test_a_fault_of_the_configuration_is_told(self):
        with open(self.folder + "/bad.yaml", "w", encoding="utf-8") as file:
            file.write(CONFIG.replace("audiences", "audiense"))
        mounts = [f"--volume={self.folder}/{it}:ro" for it in ("bad.yaml:/etc/assay/assayd.yaml", "etc/keys.json:/etc/assay/keys.json")]
        self.assertIn("audiense", run(*mounts, IMAGE, code=2))
