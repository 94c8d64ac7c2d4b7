"""The end at any moment: kill -9 at every call that changes the state, and power cuts between any two of them.

    ASSAY_BUILD=build /usr/bin/python3 tests/faults/cuts.py [--images N]

After each end a real agent must start on what is left, and hold every revocation that had been answered. First the agent is killed
before, in the middle of and after each write, sync and change of size of a file of the state, while it revokes: one by one, many at
once, and what a feed says. Then all writes of such a day are recorded, and at random places of the record the disk is made up anew: what was synced, and of
the rest any part (trace.py)."""
import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(os.path.dirname(FOLDER), "lib")]

import agent as e2e  # noqa: E402
from agent import Agent, Client, Key  # noqa: E402
import table as tables  # noqa: E402
import trace  # noqa: E402

SHIM = os.path.join(e2e.BUILD, "tests", "faults", "shim.so")
PROCESSES = 2
IMAGES = 5000 if e2e.LONG else 400
SEED = 20261124
PREPARED = 40      # revocations of a first life, so that the second one writes into a tree that is there
UNBORN = "unborn"  # killed while LMDB made its file: nothing was ever answered, and the agent says what to do
MOMENTS = ("before", "in the middle of", "after")

key = Key("ES256")


class Life:
    """An agent in a folder, and what it has been told. `said` and `unsaid`: answered, by name."""

    def __init__(self, folder=None):
        self.agent = Agent(keys=[key], folder=folder)
        self.feed = self.agent.path("feed")
        self.lines = []
        with open(self.feed, "a", encoding="utf-8"):
            pass
        self.agent.configure(revocation={"feeds": [{"file": self.feed}]})
        self.base = 0
        self.asked = {}  # msgid -> (method, name)
        self.answered = []

    def environment(self, **more):
        return {"LD_PRELOAD": SHIM, "ASSAY_FAULT_STATE": self.agent.state, **more}

    def client(self):
        client = Client(self.agent.socket)
        self.base += 100000
        client.last = self.base
        return client

    def send(self, client, method, name, **record):
        self.asked[client.send(method, **(record or {"jti": name}))] = (method, name)

    def read(self, client, count):
        for _ in range(count):
            _, msgid, error, _ = client.receive()
            if error is None:
                self.answered.append(self.asked[msgid])

    def append(self, client, names):
        """Lines of the feed. That the agent says it has read them is an answer like any other: a ping after it bears their names."""
        with open(self.feed, "a", encoding="utf-8") as file:
            file.write("".join(json.dumps({"iss": e2e.ISSUER, "jti": name}) + "\n" for name in names))
        self.lines += names
        while client.call("status")["revocation"]["feeds"][0]["lines"] < len(self.lines):
            pass
        for name in names:
            self.asked[client.send("ping")] = ("revoke", name)
            self.read(client, 1)

    def day(self, prefix, first=5, batches=4, batch=12):
        """Revokes, one by one and many at once; takes some back. Ends early if the agent does."""
        try:
            client, other = self.client(), self.client()
            for i in range(first):
                self.send(client, "revoke", f"{prefix}-one-{i}")
                self.read(client, 1)
            self.send(client, "unrevoke", f"{prefix}-one-0")
            self.read(client, 1)
            self.send(client, "revoke", f"kid:{prefix}", kid=prefix)
            self.read(client, 1)
            for b in range(batches):
                for i in range(batch):
                    self.send(client, "revoke", f"{prefix}-{b}-{i}")
                    self.send(other, "revoke", f"{prefix}-other-{b}-{i}")
                self.read(client, batch)
                self.read(other, batch)
                self.append(client, [f"{prefix}-feed-{b}-{i}" for i in range(5)])
            client.close()
            other.close()
        except (OSError, EOFError):
            pass


def outcome(answered):
    """By name: is it revoked, as far as answers tell?"""
    return {name: method == "revoke" for method, name in answered}


def check(agent, expected, asked=()):
    """The agent starts, and says what was answered. None, or what is wrong. What was asked and not answered may be either."""
    agent.environment = {"ASAN_OPTIONS": "detect_leaks=0"}
    doubtful = set(asked) - set(expected)
    try:
        agent.start()
        with agent.connect() as client:
            for name, revoked in expected.items():
                record = {"kid": name[4:]} if name.startswith("kid:") else {"jti": name}
                if name not in doubtful and client.call("revocations", **record)["revoked"] is not revoked:
                    return f"{name}: answered that it is {'' if revoked else 'not '}revoked, and it is not so"
        return None
    except AssertionError as error:
        return str(error)[:800]
    finally:
        agent.kill()


# --- kill -9 ---------------------------------------------------------------

def kill_one(job):
    """None, or what was wrong after it; "never": the point was not reached."""
    point, moment = job
    life = Life()
    table = tables.Table(life.agent.path("table"), armed=False)
    try:
        life.agent.environment = life.environment(ASSAY_FAULT_TABLE=table.path, ASSAY_FAULT_KILL=f"{point}:{moment}")
        life.agent.launch()
        try:
            life.agent.wait_ready()
        except AssertionError:
            if life.agent.process.poll() is None:
                raise
        life.day("k", batches=2, batch=6)
        reached = table[tables.WRITES] >= point
        if reached:
            life.agent.wait_exit()
        else:
            life.agent.kill()
        wrong = check(life.agent, {**settled(life), **{name: True for name in life.lines}}) # the feed is read on where it was left
        if wrong is not None and not life.answered and "cannot be read" in wrong:
            return UNBORN
        return "never" if not reached and wrong is None else wrong and f"killed {MOMENTS[moment]} write {point}: {wrong}"
    finally:
        table.close()
        shutil.rmtree(life.agent.folder, ignore_errors=True)


def settled(life):
    """What was answered about names of which nothing else was asked afterwards without an answer."""
    expected = outcome(life.answered)
    for method, name in set(life.asked.values()) - set(life.answered):
        expected.pop(name, None)
    return expected


def kills(pool):
    life = Life()
    table = tables.Table(life.agent.path("table"), armed=False)
    life.agent.environment = life.environment(ASSAY_FAULT_TABLE=table.path)
    life.agent.start()
    life.day("k", batches=2, batch=6)
    life.agent.stop()
    points = table[tables.WRITES]
    table.close()
    shutil.rmtree(life.agent.folder)
    results = pool.map(kill_one, [(point, moment) for point in range(1, points + 1) for moment in range(3)], chunksize=4)
    wrong = [result for result in results if result not in (None, "never", UNBORN)]
    print(f"kill -9: {points} calls that change the state, {len(results)} kills before, in and after them, "
          f"{results.count('never')} not reached, {results.count(UNBORN)} before there was a state, {len(wrong)} wrong")
    return wrong


# --- power cuts ------------------------------------------------------------

def record():
    """Two lives on one state, all that they wrote, and what was asked by msgid."""
    life = Life()
    path = life.agent.path("trace")
    life.agent.environment = life.environment(ASSAY_FAULT_TRACE=path)
    life.agent.start()
    life.day("first", first=PREPARED)
    life.agent.stop()
    life.agent.start()
    life.day("second", batches=8)
    life.agent.kill()
    entries = trace.read(path)
    shutil.rmtree(life.agent.folder)
    return entries, life


def cut_one(job):
    number, image, expected, noise = job
    agent = Agent(keys=[key])
    try:
        os.mkdir(agent.state, 0o700)
        with open(os.path.join(agent.state, "data.mdb"), "wb") as file:
            file.write(image)
        if noise is not None:
            with open(os.path.join(agent.state, "lock.mdb"), "wb") as file:
                file.write(noise)
        wrong = check(agent, expected)
        return wrong and f"cut {number}, image of {len(image)} bytes: {wrong}"
    finally:
        shutil.rmtree(agent.folder, ignore_errors=True)


def images(entries, life, count, rng):
    """(position, image, what must be held), at `count` positions, most of them where something is uncertain."""
    told = list(trace.answers(entries))
    changes = [i for i, entry in enumerate(entries) if entry.what in "WSTE" and entry.file == "d"]
    begin = min(i for i, entry in enumerate(entries) if entry.what == "E" and entry.file == "d" and entry.synced == b"S")
    cuts = sorted(rng.choice([i for i in changes if i >= begin]) + 1 for _ in range(count))
    disk, at, answered, next_answer = trace.Disk(), 0, [], 0
    for cut in cuts:
        for entry in entries[at:cut]:
            disk.step(entry)
        at = cut
        while next_answer < len(told) and told[next_answer][0] < cut:
            _, msgid, error = told[next_answer]
            if error is None and msgid in life.asked:
                answered.append(life.asked[msgid])
            next_answer += 1
        expected = outcome(answered)
        later = {name for method, name in life.asked.values() if method == "unrevoke"}
        for name in later & set(expected):  # its unrevoke may be on the disk before it was answered
            if expected[name]:
                expected.pop(name)
        noise = None if rng.random() < 0.5 else rng.randbytes(8192)
        yield cut, disk.image(rng), expected, noise


def power_cuts(pool, count):
    rng = random.Random(SEED)
    entries, life = record()
    jobs = list(images(entries, life, count, rng))
    results = pool.imap_unordered(cut_one, jobs, chunksize=8)
    wrong = [result for result in results if result is not None]
    held = max(len(job[2]) for job in jobs)
    print(f"power cuts: {sum(entry.what == 'W' for entry in entries)} writes and {sum(entry.what == 'S' for entry in entries)} syncs "
          f"recorded, {len(jobs)} images (seed {SEED}), up to {held} answers held, {len(wrong)} wrong")
    if held < PREPARED:
        wrong.append("hardly an answer was found in the record")
    return wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--images", type=int, default=IMAGES)
    wanted = arguments.parse_args()
    begin = time.monotonic()
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        wrong = kills(pool) + power_cuts(pool, wanted.images)
    for what in wrong[:20]:
        print("  WRONG: " + what)
    print(f"{time.monotonic() - begin:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
