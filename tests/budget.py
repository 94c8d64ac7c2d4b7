"""How many instructions a verification may take: counted by valgrind's callgrind, so that the machine and its load do not matter.

    ASSAY_BUILD=build-tests /usr/bin/python3 tests/budget.py

tests/budget has a line for each measure: a number of instructions, and what it is. More than 3 % above it fails; more than 3 % below asks for a
lower number there. libcrypto, libc, libuv and the loader are not counted: their instructions depend on the processor, and libuv's also on which
thread comes first. Each measure is the difference of two runs, so that start and end do not count."""
import collections
import glob
import os
import re
import subprocess
import sys

TESTS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(TESTS, "lib"))

from agent import AUDIENCE, BUILD, Agent, Key  # noqa: E402

FEW, MANY = 50, 550
TOLERANCE = 0.03
NOT_COUNTED = re.compile(r"libcrypto|libuv|/libc\.so|/libc-|ld-linux|vgpreload|vdso")
CALLGRIND = ["valgrind", "--tool=callgrind", "--quiet"]


def instructions(pattern):
    """Of the files that callgrind wrote: by object, what its functions spent themselves."""
    spent = collections.Counter()
    for path in glob.glob(pattern):
        objects, current, of_call = {}, "", False
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith("ob="):
                    number, _, name = line[3:].strip().partition(" ")
                    objects.setdefault(number, name)
                    current = objects[number]
                elif line.startswith("cob="):
                    number, _, name = line[4:].strip().partition(" ")
                    objects.setdefault(number, name)
                elif line.startswith("calls="):
                    of_call = True  # the next line is what the callee spent
                elif re.match(r"[-+*0-9]", line):
                    if not of_call:
                        spent[current] += int(line.split()[1])
                    of_call = False
        os.unlink(path)
    return sum(count for name, count in spent.items() if not NOT_COUNTED.search(name))


def agent_spends(key, tokens):
    """One agent, asked for each of these tokens in turn."""
    agent = Agent(keys=[key], log={"decisions": "off"}, threads="1")
    out = agent.path("callgrind")
    agent.start(before=[*CALLGRIND, f"--callgrind-out-file={out}.%p"])
    with agent.connect() as client:
        for token in tokens:
            assert client.verify(token) == "accepted"
    assert agent.stop() == 0, agent.log()
    return instructions(out + ".*")


def process_spends(agent, token, count):
    out = agent.path("callgrind")
    subprocess.run([*CALLGRIND, f"--callgrind-out-file={out}.%p", os.path.join(BUILD, "tests", "bench_repeat"), agent.socket, AUDIENCE, str(count)],
                   input=token, text=True, check=True)
    return instructions(out + ".*")


def measures():
    key = Key("RS256")
    token = key.token()
    yield "cached verify over the socket, in the agent", \
        (agent_spends(key, [token] * MANY) - agent_spends(key, [token] * FEW)) / (MANY - FEW)
    tokens = [key.token(jti=f"{i:08}") for i in range(MANY)]
    yield "verify of a new RS256 token, in the agent, without OpenSSL", \
        (agent_spends(key, tokens) - agent_spends(key, tokens[:FEW])) / (MANY - FEW)
    agent = Agent(keys=[key]).start()
    yield "cached verify in the service's process", (process_spends(agent, token, 100 * MANY) - process_spends(agent, token, 100 * FEW)) / (100 * (MANY - FEW))
    agent.stop()


def budget():
    with open(os.path.join(TESTS, "budget"), encoding="utf-8") as file:
        return {name: int(number) for number, name in (line.strip().split(" ", 1) for line in file if line.strip())}


def main():
    allowed, failed = budget(), False
    for name, found in measures():
        may = allowed.get(name)
        print(f"{found:8.0f} instructions, budget {may}: {name}")
        if may is None or found > may * (1 + TOLERANCE):
            failed = True
            print("         too many; make it cheaper, or say in tests/budget why it may cost more")
        elif found < may * (1 - TOLERANCE):
            print("         fewer than the budget; lower it in tests/budget")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
