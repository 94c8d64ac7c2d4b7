"""The end while a key set is stored: kill -9 before, in the middle of and after every call that changes the state.

    ASSAY_BUILD=build /usr/bin/python3 tests/faults/sets.py

The state holds one set, the issuer has another one, of several pieces and with no key in common. After each end an agent that reaches no
network must have the one or the other, whole."""
import multiprocessing.pool
import os
import shutil
import sys
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(os.path.dirname(FOLDER), "e2e")]

import agent as e2e  # noqa: E402
from agent import Agent, Key  # noqa: E402
from live import keys_of  # noqa: E402
from tls import Authority, Server  # noqa: E402
import table as tables  # noqa: E402

SHIM = os.path.join(e2e.BUILD, "tests", "faults", "shim.so")
MOMENTS = ("before", "in the middle of", "after")

old, new = ([Key("EdDSA", kid=f"{name}{i}-" + "x" * 100) for i in range(80)] for name in "ab")
prepared = Agent()
authority = Authority(tempfile.mkdtemp(dir=prepared.folder))
server = Server(authority.issue())


def configured(agent):
    agent.configure([{**agent.issuer(), "keys": {"jwks_uri": server.url("/jwks"), "ca_file": authority.ca}, "refetch_cooldown": "1s"}])
    return agent


def says(client, key):
    answer = client.call("verify", token=key.token())
    return answer["active"]


def has(agent, keys):
    """Which of these it accepts, with no network."""
    with agent.connect() as client:
        found = []
        for key in (keys[0], keys[40], keys[79]):
            try:
                found.append(says(client, key))
            except e2e.WireError:  # not there, and cannot be had
                found.append(False)
        return found


def run(point, moment):
    """(what is wrong, or None; how many calls changed the state; whether it has the new set)"""
    agent = configured(Agent())
    table = tables.Table(agent.path("table"), armed=False)
    shutil.copytree(prepared.state, agent.state)
    try:
        agent.environment = {"LD_PRELOAD": SHIM, "ASSAY_FAULT_STATE": agent.state, "ASSAY_FAULT_TABLE": table.path}
        if point:
            agent.environment["ASSAY_FAULT_KILL"] = f"{point}:{moment}"
        agent.launch()
        try:
            agent.wait_ready()
            with agent.connect() as client:
                says(client, new[0])  # which is fetched for
            agent.process.terminate()  # what is to be written is written before it ends
        except (AssertionError, OSError, EOFError):
            if not point:
                raise
        agent.wait_exit()
        writes = table[tables.WRITES]
        agent.environment = {}
        agent.launch(before=["unshare", "-n"])
        agent.wait_ready()
        found = (has(agent, old), has(agent, new))
        whole = found in (([True] * 3, [False] * 3), ([False] * 3, [True] * 3))
        return (None if whole else f"killed {MOMENTS[moment]} call {point}: {found}"), writes, found[1][0]
    finally:
        agent.kill()
        table.close()
        shutil.rmtree(agent.folder, ignore_errors=True)


def main():
    server.start()
    server.routes["/jwks"] = keys_of(*old)
    configured(prepared).start()
    prepared.stop()
    server.routes["/jwks"] = keys_of(*new)
    time.sleep(1.1)  # the cool-down
    wrong, points, stored = run(0, 0)
    assert wrong is None and stored, (wrong, points, stored)
    jobs = [(point, moment) for point in range(1, points + 1) for moment in range(3)]
    with multiprocessing.pool.ThreadPool(2) as pool:
        results = pool.starmap(run, jobs)
    wrong = [result[0] for result in results if result[0]]
    news = sum(result[2] for result in results)
    print(f"key sets: {points} calls that change the state, {len(jobs)} kills before, in and after them, {len(jobs) - news} times the old set, "
          f"{news} times the new one, {len(wrong)} wrong", *wrong, sep="\n")
    server.stop()
    shutil.rmtree(prepared.folder)
    return 1 if wrong or not 0 < news < len(jobs) else 0


sys.exit(main())
