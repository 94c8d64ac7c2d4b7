"""Revocations for a fleet, on one machine: how soon all agents refuse what was published on a Redis; fifty agents beside a thousand
revocations a second; a list of a million lines over HTTPS, and a cached verify beside it. $ASSAY_BUILD: the build folder."""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import ASSAY, ISSUER, Agent, Key, wait_for  # noqa: E402
from library import NO, YES, Library  # noqa: E402
from redis_server import RedisServer  # noqa: E402
from test_feed_https import listing  # noqa: E402
from tls import Authority, Server  # noqa: E402

AGENTS, PUBLISHED = 4, 300
FLEET, RATE, SECONDS = 50, 1000, 20
LINES = 1_000_000
STREAM = "assay:revocations"
QUIET = {"log": {"level": "error", "decisions": "off"}}

key = Key()


def goal(name, value, unit, bound, limit):
    path = os.environ.get("ASSAY_BENCH_RESULTS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{name}\t{value}\t{unit}\t{bound}\t{limit}\n")


def record(jti):
    return json.dumps({"iss": ISSUER, "jti": jti})


def agents(count, server):
    found = [Agent(keys=[key]) for _ in range(count)]
    for agent in found:
        agent.configure(revocation={"feeds": [{"redis": server.url}]}, threads="1", **QUIET)
        agent.start()
    return found


def latency(server):
    """From before it is published until the last of the clients refuses it, each in this process and by an agent of its own."""
    fleet = agents(AGENTS, server)
    clients = [Library(agent.socket) for agent in fleet]
    times = []
    with server.connect() as redis:
        for i in range(PUBLISHED):
            token = key.token(jti=f"l{i}").encode()
            for client in clients:
                for _ in range(50):
                    assert client.verify(token) == YES
            begin = time.monotonic()
            redis.call("XADD", STREAM, "*", "r", record(f"l{i}"))
            waiting = list(clients)
            while waiting:
                time.sleep(0.0001)  # or this program would have one processor for itself, that the agents need
                waiting = [client for client in waiting if client.verify(token) != NO]
            times.append((time.monotonic() - begin) * 1e3)
            time.sleep(0.1)
    times.sort()
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"published on Redis, refused by {AGENTS} agents' clients in process: p50 {p50:.2f} ms, p99 {p99:.2f} ms (goal: at most 5)")
    goal("published on Redis, refused by every agent, p99", p99, "ms", "<=", 5)
    for client in clients:
        client.close()
    for agent in fleet:
        agent.stop()


def cpu(agent):
    with open(f"/proc/{agent.process.pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fleet_of_many(server):
    fleet = agents(FLEET, server)
    links = [agent.connect() for agent in fleet]

    def records():
        return [link.call("status")["revocation"]["feeds"][0]["records"] for link in links]
    base, before, begin = records(), [cpu(agent) for agent in fleet], time.monotonic()
    lags = []

    def publish():
        with server.connect() as redis:
            for i in range(SECONDS * RATE // 10):
                redis.many([("XADD", STREAM, "*", "r", record(f"f{i}-{j}")) for j in range(10)])
                time.sleep(max(0, begin + (i + 1) * 10 / RATE - time.monotonic()))
    thread = threading.Thread(target=publish)
    thread.start()
    with server.connect() as redis:
        while thread.is_alive():
            time.sleep(1)
            marker, token = f"m{len(lags)}", key.token(jti=f"m{len(lags)}")
            redis.call("XADD", STREAM, "*", "r", record(marker))
            since = time.monotonic()
            waiting = list(links)
            while waiting:
                waiting = [link for link in waiting if link.verify(token) != "revoked"]
            lags.append(time.monotonic() - since)
    thread.join()
    elapsed = time.monotonic() - begin
    shares = [100 * (after - start) / elapsed for after, start in zip([cpu(agent) for agent in fleet], before)]
    total = SECONDS * RATE + len(lags)
    wait_for("all agree", lambda: [now - start for now, start in zip(records(), base)] == [total] * FLEET, 10)
    print(f"{FLEET} agents beside {total / elapsed:.0f} revocations a second: all agree; the last one behind by {max(lags):.2f} s at most (goal: 1), "
          f"CPU of each {statistics.median(shares):.1f} % median, {max(shares):.1f} % most (goal: 3)")
    goal(f"{FLEET} agents, {RATE} revocations a second: the last one behind", max(lags), "s", "<=", 1)
    goal(f"{FLEET} agents, {RATE} revocations a second: CPU of one", max(shares), "%", "<=", 3)
    for link, agent in zip(links, fleet):
        link.close()
        agent.stop()


def bench(agent, tokens):
    done = subprocess.run([ASSAY, "bench", "--mode", "socket", "--tokens", tokens, "--seconds", "1s", "--json", "--socket", agent.socket],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["p99_ns"] / 1e3


def long_list():
    agent = Agent(keys=[key])
    authority = Authority(tempfile.mkdtemp(dir=agent.folder))
    server = Server(authority.issue())
    server.start()
    server.routes["/list"] = listing("")
    agent.configure(revocation={"feeds": [{"url": server.url("/list"), "ca_file": authority.ca, "interval": "1s"}]}, **QUIET)
    agent.start()
    tokens = agent.path("tokens")
    with open(tokens, "w", encoding="utf-8") as file:
        file.write(key.token() + "\n")
    quiet = statistics.median(bench(agent, tokens) for _ in range(3))
    before, most = agent.anonymous(), [0]
    body = "".join(record(f"j{i}") + "\n" for i in range(LINES))
    done = threading.Event()

    def watch():
        while not done.wait(0.05):
            most[0] = max(most[0], agent.anonymous())
    watching = threading.Thread(target=watch)
    watching.start()
    server.routes["/list"] = listing(body)
    wait_for("it is asked", lambda: server.requests and server.requests[-1].sent > 1 << 20, 10)
    begin = time.monotonic()
    beside = bench(agent, tokens)
    wait_for("it is applied", lambda: agent.call("status")["revocation"]["feeds"][0]["records"] == LINES, 60)
    rate = LINES / (time.monotonic() - begin)
    done.set()
    watching.join()
    growth = (most[0] - before) / 2 ** 20
    print(f"a list of {LINES} lines over HTTPS: {rate:.0f} /s (goal: 200000), growth {growth:.1f} MiB (goal: 32), another's cached p99 "
          f"{beside / quiet:.2f} x quiet (goal: 2)")
    goal("a million lines over HTTPS, applied", rate, "/s", ">=", 200000)
    goal("growth of memory meanwhile", growth, "MiB", "<=", 32)
    goal("cached p99 beside it, by quiet", beside / quiet, "x", "<=", 2)
    agent.stop()
    server.stop()


def main():
    folder = tempfile.mkdtemp()
    server = RedisServer(folder).start()
    latency(server)
    fleet_of_many(server)
    server.stop()
    long_list()


main()
