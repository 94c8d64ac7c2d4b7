"""The end-to-end tests, a process for each file of tests/e2e, several at a time: most of their time is waiting.

    ASSAY_BUILD=build-tests /usr/bin/python3 tests/promises.py [--jobs N] [--only PATTERN]... [MODULE...]

MODULE is a file of tests/e2e without its ending (default: all of them); PATTERN is unittest's -k. The files that take longest begin first,
so that none of them is alone at the end; how long each took last is in the build folder. A file's output is shown if it fails. At the end:
how many tests ran, which were skipped and why, and which files took longest.

A busy machine can break a test's bound in time. So if no more than ALONE_MAX files failed, each of them runs once more, alone, and what came of it
is shown. Not those in FINAL: they look for a wrong answer by chance, and one that is found once is wrong."""
import argparse
import collections
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import time

TESTS = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(TESTS, "e2e")
LIB = os.path.join(TESTS, "lib")        # what the tests share
BUILD = os.path.abspath(os.environ.get("ASSAY_BUILD", "build-tests"))
KEPT = os.path.join(BUILD, "promises.json")
PASSED = re.compile(r"^test_\w+ \([^)]*\)(?:\n.*)? \.\.\. ok\n", re.MULTILINE)
UNKNOWN = 15        # seconds, of a file that has not run yet
TIMEOUT = 900       # seconds, of one file
LONGEST = 8         # how many of them are shown
ALONE_MAX = 3       # files that run again
FINAL = {"test_fast_path_random", "test_freshness", "test_kill", "test_sources_random"}
NO_TESTS = 5        # exit code of newer Pythons' unittest where none matches --only

# Roughly, where no build has run before: the files that need most of the time.
SECONDS = {"test_sources_random": 240, "test_feed_redis": 160, "test_exhaustion": 130, "test_freshness": 120, "test_feed_https": 100,
           "test_reload": 90, "test_live_keys_down": 80, "test_fast_path_clock": 70, "test_live_keys": 60, "test_keys": 60}


class Result:
    def __init__(self, module, seconds, output, code):
        self.module, self.seconds, self.output = module, seconds, output
        ran = re.search(r"^Ran (\d+) tests? in ", output, re.MULTILINE)
        self.tests = int(ran.group(1)) if ran else 0
        nothing = code == NO_TESTS and self.tests == 0
        self.failed = code != 0 and not nothing or ran is None
        self.skipped = re.findall(r"\.\.\. skipped [\"'](.*)[\"']$", output, re.MULTILINE)


def modules():
    return sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(FOLDER, "test_*.py")))


def run(module, only):
    command = ["/usr/bin/python3", "-W", "ignore::ResourceWarning", "-m", "unittest", "-v", *(word for pattern in only for word in ("-k", pattern)), module]
    begin = time.monotonic()
    try:
        done = subprocess.run(command, cwd=FOLDER, env={**os.environ, "ASSAY_BUILD": BUILD, "PYTHONPATH": LIB}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False)
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as error:
        output, code = (error.stdout or b"") + f"\n{module} did not end in {TIMEOUT} s\n".encode(), 1
    return Result(module, time.monotonic() - begin, output.decode(errors="replace"), code)


def known_seconds():
    try:
        with open(KEPT, encoding="utf-8") as file:
            return {**SECONDS, **json.load(file)}
    except (OSError, ValueError):
        return SECONDS


def show(result, done, count):
    if result.failed:
        print(f"\n{result.module}: FAILED\n{PASSED.sub('', result.output)}", flush=True)
    elif sys.stdout.isatty():
        print(f"{done} of {count}  {result.module}, {result.tests} tests, {result.seconds:.0f} s", flush=True)


def run_all(wanted, jobs, only):
    seconds = known_seconds()
    results = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        order = sorted(wanted, key=lambda module: -seconds.get(module, UNKNOWN))
        for future in concurrent.futures.as_completed([pool.submit(run, module, only) for module in order]):
            results.append(future.result())
            show(results[-1], len(results), len(wanted))
    if not only:
        with open(KEPT, "w", encoding="utf-8") as file:
            json.dump({**seconds, **{result.module: round(result.seconds) for result in results}}, file, indent=1, sort_keys=True)
    return results


def run_alone(results, only):
    """The results, with those of files that failed beside others, and may have failed because of them, replaced."""
    failed = [result for result in results if result.failed]
    if len(failed) > ALONE_MAX:
        return results
    for first in failed:
        if first.module in FINAL:
            continue
        second = run(first.module, only)
        print(f"\n{first.module}: alone, it " + (f"fails as well\n{PASSED.sub('', second.output)}" if second.failed else "passes"), flush=True)
        results = [second if result is first else result for result in results]
    return results


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 2, metavar="N")
    arguments.add_argument("--only", action="append", default=[], metavar="PATTERN")
    arguments.add_argument("modules", nargs="*", metavar="MODULE")
    wanted = arguments.parse_args()
    unknown = set(wanted.modules) - set(modules())
    if unknown:
        arguments.error(f"there is no {', '.join(sorted(unknown))} in tests/e2e")
    begin = time.monotonic()
    beside = run_all(wanted.modules or modules(), max(1, wanted.jobs), wanted.only)
    results = run_alone(beside, wanted.only)
    only_alone = [before.module for before, after in zip(beside, results) if before.failed and not after.failed]
    tests = sum(result.tests for result in results)
    failed = [result.module for result in results if result.failed]
    for why, count in collections.Counter(why for result in results for why in result.skipped).most_common():
        print(f"skipped {count}: {why}")
    longest = sorted(results, key=lambda result: -result.seconds)[:LONGEST]
    print("longest: " + ", ".join(f"{result.module} {result.seconds:.0f} s" for result in longest if result.tests))
    print(f"{tests} tests, {sum(len(result.skipped) for result in results)} skipped, in {len(results)} files, "
          f"{time.monotonic() - begin:.0f} s, {sum(result.seconds for result in results):.0f} s one after the other")
    if only_alone:
        print("passed only when they ran alone: " + ", ".join(sorted(only_alone)))
    if failed:
        print("failed: " + ", ".join(sorted(failed)))
    return 1 if failed or tests == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
