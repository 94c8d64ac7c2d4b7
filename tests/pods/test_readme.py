"""The commands of agent/pods/README.md, each as it stands there. `podman build` is run by pods.sh. For want of a cluster, `kubectl` is a stub:
`apply` looks for the file, and `exec` runs the command in the pod that test_sidecar.py or test_daemonset.py plays."""
import os
import re
import shlex
import subprocess

import keys
import test_daemonset
import test_image
import test_sidecar
from manifest import MANIFESTS, documents
from podman import LIMITS, podman, wait_until_ready

with open(MANIFESTS + "/README.md", encoding="utf-8") as readme:
    COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", readme.read(), re.M | re.S) for line in block.splitlines()]


def sh(command, folder):
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def kubectl(command, names):
    """`names`: what it may call the pod."""
    words = shlex.split(command)
    if "exec" not in words:
        verb, option, path = words[1:]
        assert (verb, option) == ("apply", "-f") and documents(os.path.basename(path)) and path.startswith("agent/pods/")
        return
    at, divide = words.index("exec"), words.index("--")
    if "-n" in words[:at]:
        assert words[words.index("-n") + 1] == names["namespace"]
    assert words[at + 1] == names["owner"] and ("-c" not in words or words[words.index("-c") + 1] == "assayd")
    podman("exec", "assayd", *words[divide + 1:])


class Podman(test_image.Image):
    def test_commands(self):
        commands = [it for it in COMMANDS if it.startswith("podman ") and not it.startswith("podman build")]
        with open(self.folder + "/token", "w", encoding="utf-8") as file:
            file.write(keys.mint(self.folder + "/keys"))
        self.addCleanup(podman, "rm", "--force", "--time=5", "--volumes", "assayd", code=None)
        self.assertEqual(len(commands), 5)
        for command in commands:
            command = command.replace("-v /etc/assay:", f"-v {self.folder}/etc:")
            command = command.replace("podman run ", f"podman run --network=none {' '.join(LIMITS)} ")
            said = sh(command, self.folder)
            if " run -d " in command:
                wait_until_ready("assayd")
            if " verify " in command:
                self.assertIn('"sub":"alice"', said)


class Sidecar(test_sidecar.Sidecar):
    def test_commands(self):
        commands = [it for it in COMMANDS if it.startswith("kubectl ") and "-n assay" not in it]
        self.assertEqual(len(commands), 5)
        for command in commands:
            kubectl(command, {"owner": "deploy/orders"})


class DaemonSet(test_daemonset.DaemonSet):
    def test_commands(self):
        commands = [it for it in COMMANDS if "-n assay" in it]
        self.assertEqual(len(commands), 1)
        self.agent()
        for command in commands:
            kubectl(command, {"owner": "daemonset/assay", "namespace": "assay"})


def load_tests(loader, _tests, _pattern):
    """Of the classes above, which inherit how it is all set up, only what is said here."""
    return loader.suiteClass([Podman("test_commands"), Sidecar("test_commands"), DaemonSet("test_commands")])
