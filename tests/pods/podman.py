"""Containers of the image under test, by podman: what kubelet would make of a manifest, or by hand. Paths and options come from pods.sh."""
import json
import os
import subprocess

IMAGE = os.environ.get("ASSAY_IMAGE", "localhost/assay:0.1.0")
# podman's own limits are above what it may give itself in a container or a small machine.
LIMITS = ["--cgroups=disabled", "--ulimit=nofile=4224:4224", "--ulimit=nproc=1024:1024"]
STRICT = ["--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"]


def podman(*arguments, code=0, stdin=None, seconds=60):
    """What it printed; fails unless it ends with `code` (None: any)."""
    done = subprocess.run(["podman", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=seconds)
    if code is not None and done.returncode != code:
        raise AssertionError(f"podman {' '.join(map(str, arguments))}: {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr


def run(*arguments, network="none", **more):
    return podman("run", "--rm", f"--network={network}", *LIMITS, *STRICT, *arguments, **more)


def start(name, *arguments, network="none", **more):
    return podman("run", "--detach", f"--name={name}", f"--network={network}", *LIMITS, *STRICT, *arguments, **more)


def state(name):
    return json.loads(podman("inspect", name))[0]["State"]


def wait_until_ready(name, seconds=30):
    """As the startup probe does."""
    for _ in range(seconds * 5):
        if podman("exec", name, "/usr/bin/assay", "health", code=None).strip() == "ready":
            return
        if not state(name)["Running"]:
            break
        subprocess.run(["sleep", "0.2"], check=True)
    raise AssertionError(f"{name} does not get ready:\n{podman('logs', name)}")
