"""The real agent and library with a mutant in them, and the tests of tests/e2e on these."""
import collections
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RUNNER = os.path.join(HERE, "promises.py")
PROGRAMS = ["agent/assayd", "client/libassay.so.0.1.0", "client/cli/assay"]
LIBRARY_NAMES = ["client/libassay.so.0", "client/libassay.so"]


def link_command(build, target):
    done = subprocess.run(["ninja", "-t", "commands", target], check=True, stdout=subprocess.PIPE, text=True, cwd=build)
    return shlex.split(done.stdout.strip().split("\n")[-1].removeprefix(": && ").removesuffix(" && :"))


def with_object(link, made, original, program):
    """The command that links a program with another object: in the place of its own, or before the library that has it."""
    link = list(link)
    link[link.index("-o") + 1] = program
    if original in link:
        link[link.index(original)] = made
    else:
        link.insert(link.index("-o"), made)
    return link


def kill_leftovers(mark):
    """Whatever has that folder in its environment was started by a test of ours."""
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with open(f"/proc/{entry.name}/environ", "rb") as file:
                    if mark.encode() in file.read():
                        os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            pass


class Promises:
    def __init__(self, build, longest):
        self.build, self.longest = build, longest
        self.links = {target: link_command(build, target) for target in PROGRAMS}
        self.kills = collections.defaultdict(collections.Counter)   # by path, which tests noticed
        self.measured = os.path.join(build, "seconds")
        self.seconds = json.load(open(self.measured, encoding="utf-8")) if os.path.exists(self.measured) else {}
        self.lock = threading.Lock()

    def measure(self, names):
        """All must pass without any change. By their names, the tests of each and how long they take."""
        for name in names:
            if name in self.seconds:
                continue
            lines, ended = self.run(self.build, ["--all", name], 900)
            failed = [line for line in lines if line.startswith("failed")]
            if failed:      # those that need a machine of their own: once more before they are left out
                lines, ended = self.run(self.build, ["--all", name], 900)
                failed = [line for line in lines if line.startswith("failed")]
            if not ended:
                sys.exit(f"{name} does not end")
            print(*(line + " without any change: left out" for line in failed), sep="\n", end="\n" if failed else "")
            out = {line.split(" ", 1)[1] for line in lines if line.startswith(("failed", "skipped"))}
            took = [line.split(" ", 1) for line in lines if line[:1].isdigit()]
            self.seconds[name] = {test: float(seconds) for seconds, test in took if test not in out}
            with open(self.measured, "w", encoding="utf-8") as file:
                json.dump(self.seconds, file, indent=1)

    def order(self, path, names):
        """Those that have noticed most so far, then those that take least time."""
        tests = {test: seconds for name in names for test, seconds in self.seconds[name].items() if seconds <= self.longest}
        return sorted(tests, key=lambda test: (-self.kills[path][test], tests[test])), sum(tests.values())

    def run(self, build, arguments, seconds):
        """What the runner told, and whether it came to its end."""
        work = tempfile.mkdtemp(prefix="m-")
        os.chmod(work, 0o755)
        environment = dict(os.environ, ASSAY_BUILD=build, TMPDIR=work)
        running = subprocess.Popen(["/usr/bin/python3", "-W", "ignore", RUNNER, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, start_new_session=True, env=environment)
        try:
            lines = running.communicate(timeout=seconds)[0].split("\n")
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            lines = running.communicate()[0].split("\n")
        kill_leftovers(work)
        shutil.rmtree(work, ignore_errors=True)
        return lines, "done" in lines

    def assemble(self, made, original, folder):
        """A build folder that is the build, but for the programs that have the mutant in them."""
        mutated = os.path.join(folder, "build")
        own = [target for target in PROGRAMS if original in self.links[target]] or PROGRAMS[:1]
        for part in ("", "agent", "client", "client/cli"):
            os.makedirs(os.path.join(mutated, part), exist_ok=True)
            for name in os.listdir(os.path.join(self.build, part)):
                place = os.path.join(part, name)
                if place not in own + ["agent", "client", "client/cli"] + (LIBRARY_NAMES if PROGRAMS[1] in own else []):
                    os.symlink(os.path.join(self.build, place), os.path.join(mutated, place))
        for target in own:
            command = with_object(self.links[target], made, original, os.path.join(mutated, target))
            subprocess.run(command, check=True, cwd=self.build, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if PROGRAMS[1] in own:
            for name in LIBRARY_NAMES:
                os.symlink(os.path.basename(PROGRAMS[1]), os.path.join(mutated, name))
        return mutated

    def judge(self, path, names, made, original, folder):
        """Which test notices it, twice; None: none does."""
        mutated = self.assemble(made, original, folder)
        for _ in range(3):
            with self.lock:
                tests, seconds = self.order(path, names)
            lines, ended = self.run(mutated, tests, 30 + 3 * seconds)
            if not ended:
                return "e2e (too long)"
            failed = [line.split(" ", 1)[1] for line in lines if line.startswith("failed ")]
            if not failed:
                return None
            # One that fails now and then, or for the machine's load, proves nothing.
            again, ended = self.run(mutated, ["--patient", failed[0]], 90)
            if not ended or f"failed {failed[0]}" in again:
                with self.lock:
                    self.kills[path][failed[0]] += 1
                return f"{failed[0]} (e2e)"
        return None
