"""libassay as a service uses it: in this process, or in a separate one (Apart); and a wall clock for both and the agent that a test can set."""
import ctypes
import mmap
import os
import subprocess
import sys
import time

from agent import AUDIENCE, BUILD, die_with_parent

YES, NO, CLOCK_UNTRUSTED = 0, -1, -109


class Library:
    """A handle."""

    def __init__(self, path):
        self.lib = ctypes.CDLL(os.path.join(BUILD, "client", "libassay.so.0"))
        self.handle = ctypes.c_void_p()
        assert self.lib.assay_open(ctypes.byref(self.handle), path.encode(), None) == 0

    def verify(self, token):
        return self.lib.assay_verify(self.handle, token, len(token), AUDIENCE.encode(), None)

    def authorize(self, token):
        return self.lib.assay_authorize(self.handle, token, len(token), None, b"GET", b"/orders", None)

    def close(self):
        self.lib.assay_close(self.handle)


class WallClock:
    """A file with an offset, and the environment of programs that have their wall clock from it."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.write(bytes(8))
        with open(path, "r+b") as file:
            self.offset = ctypes.c_int64.from_buffer(mmap.mmap(file.fileno(), 8))
        self.environment = {"LD_PRELOAD": os.path.join(BUILD, "tests", "wall_clock.so"), "ASSAY_WALL_CLOCK": path}

    def now(self):
        return time.time() + self.offset.value / 1e9

    def move(self, seconds):
        self.offset.value += round(seconds * 1e9)


class Apart:
    """A process with a handle. If it stays on one processor, it uses one shard, and asks once for each result that can be cached."""

    def __init__(self, agent):
        self.agent = agent
        environment = dict(os.environ, **(agent.environment or {}))
        self.process = subprocess.Popen([sys.executable, "-W", "ignore", __file__, agent.socket], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, env=environment, preexec_fn=die_with_parent)

    def stay(self):
        os.sched_setaffinity(self.process.pid, {min(os.sched_getaffinity(0))})
        return self

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def now(self):
        return float(self.tell("now"))

    def ask(self, *questions):
        """The status of each: a token behind the letter v (verify) or a (authorize)."""
        return [int(status) for status in self.tell(" ".join(questions)).split()]

    def verify(self, token):
        return self.ask("v" + token)[0]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


def decided(agent):
    """How many tokens this run of the agent was asked about."""
    counters = agent.call("status")["counters"]
    return counters["accepted"] + counters["undecided"] + sum(counters["refused"].values())


def answer(library):
    """A process's life."""
    for line in sys.stdin:
        if line == "now\n":
            print(time.time(), flush=True)
            continue
        calls = [(library.verify if question[0] == "v" else library.authorize, question[1:].encode()) for question in line.split()]
        print(*[call(token) for call, token in calls], flush=True)


if __name__ == "__main__":
    answer(Library(sys.argv[1]))
