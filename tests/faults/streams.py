"""The end while revocations from a Redis are applied: kill -9 before, in the middle of and after every call that changes the state.

    ASSAY_BUILD=build /usr/bin/python3 tests/faults/streams.py

After each end the next agent must have every record once, however much of them the first one had read: none missed, and none counted
twice."""
import json
import shutil
import sys
import tempfile
import threading

import killed
from agent import ISSUER, Agent, Key, wait_for
from redis_server import RedisServer

STREAM = "assay:revocations"
BEFORE, AFTER = 300, 120  # in the stream when the agent starts, and while it runs; a tenth is taken back
key = Key()


def record(jti):
    return json.dumps({"iss": ISSUER, "jti": jti})


def entries(name, first, count):
    for i in range(first, first + count):
        yield ("XADD", name, "*", "r", record(f"j{i}"))
        if i % 10 == 0:
            yield ("XADD", name, "*", "r", json.dumps({"undo": json.loads(record(f"j{i}"))}))


def run(point, moment):
    name = f"{STREAM}:{point}:{moment}:{threading.get_ident()}"
    agent = Agent(keys=[key])
    agent.configure(revocation={"feeds": [{"redis": server.url, "stream": name, "undo": True}]})
    shutil.copytree(prepared.state, agent.state)
    rest = list(entries(name, BEFORE, AFTER))
    written = []

    def facts(agent):
        return agent.call("status")["revocation"]["feeds"][0]

    def day(agent):
        with server.connect() as client:
            while rest:
                some, rest[:] = rest[:20], rest[20:]
                client.many(some)
                written.extend(some)
        wait_for("all was read", lambda: facts(agent)["records"] >= BEFORE + BEFORE // 10 + len(written), 5)
    try:
        with server.connect() as client:
            client.many(list(entries(name, 0, BEFORE)))
        writes = killed.live(agent, point, moment, day)
        with server.connect() as client:
            if rest:
                client.many(rest)
        agent.start()
        expected = (BEFORE + AFTER) * 9 // 10
        counted = wait_for("all are there", lambda: count(agent, expected), 5)
        bad = [i for i in (0, 1, 150, 299, 300, 301, BEFORE + AFTER - 1)
               if (agent.verify(key.token(jti=f"j{i}")) == "revoked") != (i % 10 != 0)]
        return None if counted == expected and not bad else f"{counted} of {expected}, wrong {bad}", writes, None
    except AssertionError as error:
        return str(error)[:500], 0, None
    finally:
        agent.kill()
        shutil.rmtree(agent.folder, ignore_errors=True)


def count(agent, expected):
    rows = agent.call("revocations")["revocations"]
    found = sum(row["count"] for row in rows)
    return found if found == expected else 0


folder = tempfile.mkdtemp()
prepared = Agent(keys=[key])
server = RedisServer(folder).start()


def main():
    prepared.start()
    prepared.stop()
    points, wrong, _, runs = killed.each_point(run)
    print(f"streams: {points} calls that change the state, {len(runs)} kills before, in and after them, {len(wrong)} wrong", *wrong, sep="\n")
    server.stop()
    shutil.rmtree(folder)
    shutil.rmtree(prepared.folder)
    return 1 if wrong else 0


sys.exit(main())
