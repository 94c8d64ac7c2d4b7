"""The end while a key set is stored: kill -9 before, in the middle of and after every call that changes the state.

    ASSAY_BUILD=build /usr/bin/python3 tests/faults/sets.py

The state holds one set, the issuer has another one, of several pieces and with no key in common. After each end an agent that reaches no
network must have the one or the other, whole."""
import shutil
import sys
import tempfile
import time

import killed
import agent as e2e
from agent import Agent, Key
from live import keys_of
from tls import Authority, Server

old, new = ([Key("EdDSA", kid=f"{name}{i}-" + "x" * 100) for i in range(80)] for name in "ab")
prepared = Agent()
authority = Authority(tempfile.mkdtemp(dir=prepared.folder))
server = Server(authority.issue())


def configured(agent):
    agent.configure([{**agent.issuer(), "keys": {"jwks_uri": server.url("/jwks"), "ca_file": authority.ca}, "refetch_cooldown": "1s"}])
    return agent


def accepts(agent, *keys):
    found = []
    with agent.connect() as client:
        for key in keys:
            try:
                found.append(client.call("verify", token=key.token())["active"])
            except e2e.WireError:  # not there, and cannot be had
                found.append(False)
    return found


def run(point, moment):
    agent = configured(Agent())
    shutil.copytree(prepared.state, agent.state)
    try:
        writes = killed.live(agent, point, moment, lambda agent: accepts(agent, new[0]))  # which is fetched for
        agent.launch(before=["unshare", "-n"])
        agent.wait_ready()
        found = [accepts(agent, keys[0], keys[40], keys[79]) for keys in (old, new)]
        whole = found in ([[True] * 3, [False] * 3], [[False] * 3, [True] * 3])
        return None if whole else str(found), writes, found[1][0]
    finally:
        agent.kill()
        shutil.rmtree(agent.folder, ignore_errors=True)


def main():
    server.start()
    server.routes["/jwks"] = keys_of(*old)
    configured(prepared).start()
    prepared.stop()
    server.routes["/jwks"] = keys_of(*new)
    time.sleep(1.1)  # the cool-down
    points, wrong, stored, has_new = killed.each_point(run)
    print(f"key sets: {points} calls that change the state, {len(has_new)} kills before, in and after them, {has_new.count(False)} times the old "
          f"set, {has_new.count(True)} times the new one, {len(wrong)} wrong", *wrong, sep="\n")
    server.stop()
    shutil.rmtree(prepared.folder)
    return 1 if wrong or not stored or len(set(has_new)) != 2 else 0


sys.exit(main())
