"""Every fallible call of the agent fails once, at each place from which it is made.

    ASSAY_BUILD=build-asan /usr/bin/python3 tests/faults/faults.py [--all | --function NAME | --site HASH]

A first run counts the places; then each is a run of its own. There are more than fit into a normal run: of those the places whose caller
is the agent itself and the first one of every function are taken, and of the others every N-th. With --all, or ASSAY_LONG, it is every
place, at its first, second and last call and with each error. What was left out is told."""
import argparse
import collections
import multiprocessing
import os
import re
import subprocess
import sys
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(os.path.dirname(FOLDER), "lib")]

import agent as e2e  # noqa: E402
from scenario import Day, Materials, Problem  # noqa: E402

SHIM = os.path.join(e2e.BUILD, "tests", "faults", "shim.so")
RUNS = 640  # of a normal run
PROCESSES = 6       # a reload waits for half a second, and so most of a run is waiting

# libuv calls abort() where it cannot go on, at the start of its loop and of its threads, and says no word.
UV_ABORTS = {"pipe2", "realloc", "malloc", "calloc", "pthread_create", "epoll_ctl", "read", "write", "sigaction"}
LIBRARIES = ("libcrypto.so.3", "libuv.so.1", "libc.so.6", "libyaml-0.so.2", "liblmdb.so.0", "libjansson.so.4", "shim.so", "libasan")
OWN = "library's own"
LATE = re.compile(r"no answer in|not ready in|not within|did not come|it does not stop")
ALONE_MAX = 3


materials = None  # keys and tokens: made once, before the processes that run the days are forked


class Result:
    def __init__(self, site, fault, outcome, problem=None):
        self.site, self.fault, self.outcome, self.problem = site, fault, outcome, problem


def count_places():
    day = Day(materials, SHIM)
    try:
        day.run()
        return day.table.sites()
    finally:
        day.forget()


def is_the_librarys(site, problem):
    """What no caller of the library could do anything about: libuv's abort() and a signal that it loses; a crash inside, or a leak of
    memory that it never gave out."""
    if site.caller == "libuv.so.1" and site.function in UV_ABORTS and "ended with -6" in problem:
        return True
    if site.caller == "libuv.so.1" and site.function == "write" and "does not stop" in problem:
        return True  # the pipe by which its signal handler tells the loop
    if site.caller not in LIBRARIES or "Sanitizer" not in problem:
        return False
    if "SEGV" in problem:
        innermost = problem.split(" #4 ")[0]
        return "libcrypto" in innermost and "/agent/" not in innermost
    return "LeakSanitizer" in problem and "/agent/" not in problem


def run_one(job):
    site, fault = job
    day = Day(materials, SHIM, fault)
    try:
        return Result(site, fault, day.run())
    except (Problem, AssertionError) as problem:
        early = "" if day.failed() else " (before anything had failed)"
        if day.failed() and is_the_librarys(site, str(problem)):
            return Result(site, fault, OWN)
        return Result(site, fault, "PROBLEM", f"{day.step}{early}: {problem}")
    finally:
        day.forget()


def is_watched(site):
    """Not what the sanitizers and the loader do for themselves; and what libcrypto's functions get from each other fails by the memory
    under them, for a failure that no real one looks like proves nothing."""
    if site.caller == "libcrypto.so.3" and site.function[:3].isupper():
        return False
    return site.frames and not any(module.startswith(("libasan", "libubsan", "ld-linux")) for module, _ in site.frames)


def choose(sites, everything):
    """The places to fail at, and how many are left out."""
    if everything:
        return [site.fault(occurrence, error) for site in sites for error in range(site.errors)
                for occurrence in sorted({1, min(2, site.count), site.count})], 0
    first = list({site.function: site for site in reversed(sites)}.values())
    chosen = {site.hash: site for site in [*first, *(site for site in sites if site.caller == "assayd")]}
    others = [site for site in sites if site.hash not in chosen]
    stride = max(1, -(-len(others) // max(1, RUNS - len(chosen))))
    chosen.update((site.hash, site) for site in others[::stride])
    others = [site.fault(error=error) for site in first for error in range(1, site.errors)]
    return [site.fault() for site in sites if site.hash in chosen] + others, len(sites) - len(chosen)


def where(site):
    """The place in the agent, as file and line."""
    offsets = [hex(offset - 1) for module, offset in site.frames if module == "assayd"]
    if not offsets:
        return str(site)
    lines = subprocess.run(["addr2line", "-f", "-s", "-e", e2e.ASSAYD, *offsets], capture_output=True, text=True, check=False).stdout.split("\n")
    return f"{site.function} ({site.caller}) in " + " < ".join(f"{lines[i]} {lines[i + 1]}" for i in range(0, len(lines) - 1, 2))


def print_table(sites, results):
    outcomes = ("refused to start", "error answered", "connection closed", "after a reload", "ended with a word", "unnoticed", "not reached", OWN, "PROBLEM")
    rows = collections.defaultdict(collections.Counter)
    for result in results:
        rows[result.site.function][result.outcome] += 1
    print(f"{'function':34}{'places':>7}{'calls':>9}{'failed':>7}  " + "  ".join(outcomes))
    for function in sorted({site.function for site in sites}):
        own = [site for site in sites if site.function == function]
        cells = "  ".join(f"{rows[function][outcome] or '':>{len(outcome)}}" for outcome in outcomes)
        print(f"{function:34}{len(own):>7}{sum(site.count for site in own):>9}{sum(rows[function].values()):>7}  {cells}")


def run_all(jobs):
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        return list(pool.imap_unordered(run_one, jobs, chunksize=4))


def run_alone(results):
    """A problem with time may be the machine's, which does much else: such a run is repeated alone, if there are few."""
    late = [result for result in results if result.problem is not None and LATE.search(result.problem)]
    if len(late) > ALONE_MAX:
        return results
    for first in late:
        second = run_one((first.site, first.fault))
        print(f"\nPROBLEM beside others at {where(first.site)}\n  {first.problem}\n  alone: {second.problem or 'none'}")
        results = [second if result is first else result for result in results]
    return results


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--all", action="store_true")
    arguments.add_argument("--function")
    arguments.add_argument("--site")
    wanted = arguments.parse_args()
    begin = time.monotonic()
    global materials
    materials = Materials()
    sites = [site for site in count_places() if is_watched(site)]
    some = [site for site in sites if wanted.function in (None, site.function) and wanted.site in (None, f"{site.hash:x}")]
    faults, left_out = choose(some, wanted.all or e2e.LONG or wanted.function or wanted.site)
    by_hash = {f"{site.hash:x}": site for site in some}
    results = run_all([(by_hash[fault.split(":")[2]], fault) for fault in faults])
    print_table(some, results)
    results = run_alone(results)
    missed = {site.function for site in some} - {result.site.function for result in results if result.outcome != "not reached"}
    problems = [result for result in results if result.problem is not None]
    for result in problems:
        print(f"\nPROBLEM at {where(result.site)}\n  --site {result.site.hash:x}, {result.fault}\n  {result.problem}")
    print(f"\n{len(some)} places, {len(results)} failures, {left_out} places left out, {len(problems)} problems, "
          f"{time.monotonic() - begin:.0f} s")
    if missed:
        print("functions that no run reached: " + ", ".join(sorted(missed)))
    return 1 if problems or not results else 0


if __name__ == "__main__":
    sys.exit(main())
