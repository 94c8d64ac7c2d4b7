#!/usr/bin/python3
"""Would the tests notice? Makes wrong versions of the code that decides, and runs the tests on each.

    mutants.py               all files: half an hour to an hour on 2 cores
    mutants.py PART...       only files with a PART in their path
    mutants.py --list [PART...] what would be changed
    mutants.py --again       also what was found in an earlier run
    mutants.py --plain       without the second try under sanitizers
    mutants.py --checks      the rest of the agent, and the library: one check is taken out at a time, and the real agent is asked
    mutants.py --checks --longest S      with tests of tests/e2e that take up to S seconds: what has survived, once more
    mutants.py --checks --sample N [--seed S]       N of them at random

With --checks a change is what checks.py makes, and the tests are those of
tests_of.py: programs of tests/unit, then tests of tests/e2e, for which
promised.py links assayd and libassay with the changed file. What tests/e2e
notices, it must notice twice. All of it takes some hours on 2 cores.

What a run has found is kept in build-mutants/found, so that it can be broken
off and goes on where it was.  `survivors`, beside this script, names those
that no test notices, and why none can: one that is not named there is a
failure, and one that is named there and is noticed is told.
"""
import argparse
import collections
import concurrent.futures
import glob
import hashlib
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True

from changes import changes
from checks import checks
from promised import Promises, with_object
from tests_of import LAST, SOURCES, TEST_SECONDS_MAX, tests_of

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, "build-mutants")
FOUND = os.path.join(BUILD, "found")
# A plain build, in which the most are noticed; what is left is tried once more under sanitizers, with the tests that take no time.
BUILDS = [(BUILD, []), (BUILD + "-asan", ["-DASSAY_SANITIZE=address,undefined"])]
FAST = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS_DEBUG=-O0", "-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld"]
SLOW = {"cases", "vectors", "agent_policy_random"}
SURVIVORS = os.path.join(HERE, "survivors")
GOAL = 95
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1", UBSAN_OPTIONS="halt_on_error=1")

TOKEN_TESTS = ["agent_token_edges", "agent_token_ends", "agent_key", "agent_token_refused", "corpus token", "corpus jwk",
               "agent_token_sets", "agent_token_faults", "vectors", "cases"]
POLICY_TESTS = ["agent_policy_resource", "agent_policy_reading", "agent_token_ends", "agent_token_refused", "agent_policy_match", "agent_policy_decide",
                "agent_policy_holder", "corpus policy", "agent_policy_memory", "corpus resource", "agent_policy_load", "agent_policy_random"]
# Which tests, in which order: those that notice most in least time first.
FILES = {
    "agent/token/adapt.c": ["agent_token_adapt", "corpus token"],
    "agent/token/algorithm.c": TOKEN_TESTS, "agent/token/base64url.c": ["agent_base64url"] + TOKEN_TESTS,
    "agent/token/claims.c": TOKEN_TESTS + ["agent_policy_holder", "agent_policy_match", "agent_policy_decide"], "agent/token/form.c": TOKEN_TESTS,
    "agent/token/json.c": ["agent_json", "corpus json"] + TOKEN_TESTS, "agent/token/json_text.c": ["agent_json", "corpus json"] + TOKEN_TESTS,
    "agent/token/judgement.c": TOKEN_TESTS, "agent/token/jwk.c": TOKEN_TESTS, "agent/token/key.c": TOKEN_TESTS,
    "agent/token/keyset.c": TOKEN_TESTS, "agent/token/pem.c": TOKEN_TESTS,
    "agent/token/pointer.c": ["agent_policy_holder", "agent_policy_load"] + TOKEN_TESTS, "agent/token/signature.c": TOKEN_TESTS,
    "client/wire/utf8.c": ["agent_json", "corpus json", "agent_policy_resource", "agent_policy_load"] + TOKEN_TESTS,
    "agent/token/verify.c": TOKEN_TESTS,
    "agent/policy/resource.c": POLICY_TESTS, "agent/policy/decision.c": POLICY_TESTS, "agent/policy/index.c": POLICY_TESTS,
    "agent/policy/pattern.c": POLICY_TESTS, "agent/policy/granted.c": ["agent_policy_holder"] + POLICY_TESTS,
    "agent/revocation/list.c": ["agent_list", "cases"],
}
ONLY = {"agent/revocation/list.c": r"falls_under|judge_records|judge_covers|look_up\w*|prepare|list_judge"}


def output(build, *command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=build).stdout


def build_all(builds):
    for build, settings in builds:
        subprocess.run(["cmake", "-S", ROOT, "-B", build, *FAST, *settings], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", build], check=True, stdout=subprocess.DEVNULL)


class Test:
    """A test program: how it is linked, and what it is run with."""

    def __init__(self, name, build):
        self.build = build
        tests = os.path.join(ROOT, "tests")
        if name.startswith("corpus "):
            self.program, self.arguments = "fuzz_" + name[7:], [os.path.join(tests, "fuzz", "corpus", name[7:])]
        elif name == "cases":
            self.program, self.arguments = "run_cases", [os.path.join(tests, "cases"), os.path.join(tests, "accepted")]
        elif name == "vectors":
            self.program, self.arguments = "run_vectors", [os.path.join(tests, "vectors")]
        else:
            self.program, self.arguments = name, []
        command = output(build, "ninja", "-t", "commands", "tests/" + self.program).strip().split("\n")[-1]
        self.link = shlex.split(command.removeprefix(": && ").removesuffix(" && :"))
        started = time.monotonic()
        if self.run(os.path.join(build, "tests", self.program), 300) is not None:
            sys.exit(f"{name} fails without any change")
        self.seconds = time.monotonic() - started

    def run(self, program, seconds):
        """None, or how it failed. A program is stopped when it tells the first failure."""
        with tempfile.TemporaryDirectory() as work:
            running = subprocess.Popen([program, *self.arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                       start_new_session=True, env=dict(ENVIRONMENT, TMPDIR=work))
            timer = threading.Timer(seconds, stop, [running])
            timer.start()
            told = None
            for line in running.stderr:
                if b": expected " in line or b"ERROR: " in line or b"runtime error" in line or b"does not hold" in line:
                    told = "told"
                    stop(running)
                    break
            running.stderr.close()
            status = running.wait()
            expired = not timer.is_alive()
            timer.cancel()
        return "too long" if expired else told or (f"exit {status}" if status != 0 else None)

    def try_with(self, object_file, original, folder):
        program = os.path.join(folder, self.program)
        link = with_object(self.link, object_file, original, program)
        if subprocess.run(link, cwd=self.build, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            raise RuntimeError(f"{self.program} cannot be linked with another {original}")
        found = self.run(program, 10 + 10 * self.seconds)   # of a machine that others use, too
        os.unlink(program)
        return found and f"{self.program} ({found})"


def stop(running):
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Mutant:
    def __init__(self, path, source, change, order):
        line = source.split("\n")[change.line - 1].strip()
        before = " ".join(source[change.start:change.end].split())
        self.path, self.change, self.source = path, change, source
        self.place = f"{path}:{change.line}"
        # The name outlives changes elsewhere in the file: what stands there, and the how manyth of its like it is.
        self.name = f"{path}: {line} | {change.kind}: {before} -> {' '.join(change.text.split()) or 'nothing'}" + (f" | {order}" if order else "")
        self.key = hashlib.sha256((self.name + source).encode()).hexdigest()[:32]


def mutants_of(path, make=changes):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        source = file.read()
    seen = collections.Counter()
    for change in make(source):
        if make is changes and path in ONLY and not re.fullmatch(ONLY[path], function_at(source, change.start)):
            continue
        mutant = Mutant(path, source, change, 0)
        order = seen[mutant.name]
        seen[mutant.name] += 1
        yield Mutant(path, source, change, order) if order else mutant


def function_at(source, at):
    names = re.findall(r"^[a-z][^;{}=\n]*?(\w+)\((?:[^;{}]*)\)\n\{", source[:at], re.MULTILINE)
    return names[-1] if names else ""


class Compiler:
    """How the files are compiled in a build."""

    def __init__(self, build):
        self.build = build
        # A test may compile a file once more, for itself: ours is the product's.
        self.commands = {one["file"]: shlex.split(one["command"]) for one in json.loads(output(build, "ninja", "-t", "compdb"))
                         if not one["output"].startswith("tests/")}

    def original(self, path):
        """The object that the build has of a file."""
        command = self.commands[os.path.join(ROOT, path)]
        return command[command.index("-o") + 1]

    def compile(self, mutant, folder):
        """The object, or None: it is no C."""
        source, made = os.path.join(folder, os.path.basename(mutant.path)), os.path.join(folder, "changed.o")
        with open(source, "w", encoding="utf-8") as file:
            file.write(mutant.change.applied(mutant.source))
        command = list(self.commands[os.path.join(ROOT, mutant.path)])
        command[command.index("-o") + 1] = made
        command[command.index("-c") + 1] = source
        command[1:1] = ["-w", "-iquote", os.path.join(ROOT, os.path.dirname(mutant.path))]
        good = subprocess.run(command, cwd=self.build, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        return made if good else None


def judge(mutant, builds, promises=None):
    """Which test notices it; "" for none; None: it is no C."""
    for compiler, tests in builds:
        with tempfile.TemporaryDirectory() as folder:
            made = compiler.compile(mutant, folder)
            if made is None:
                return None
            original = compiler.original(mutant.path)
            steps = [lambda test=test: test.try_with(made, original, folder) for test in tests]
            if promises is not None:
                at = sum(test.program not in LAST for test in tests)
                steps.insert(at, lambda: promises.judge(mutant.path, tests_of(mutant.path)[1], made, original, folder))
            for step in steps:
                how = step()
                if how is not None:
                    return how
    return ""


def read_lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return file.read().split("\n")


def read_survivors():
    """Each is a line, and below it, indented, why no test can notice it."""
    return {line for line in read_lines(SURVIVORS) if line and not line.startswith(("#", " "))}


def sources():
    """The files of which checks are taken out."""
    for pattern in SOURCES:
        start, names, end = re.fullmatch(r"([^{]*)(?:\{(.*)\})?([^}]*)", pattern).groups()
        for one in (names or "").split(","):
            yield from sorted(os.path.relpath(path, ROOT) for path in glob.glob(os.path.join(ROOT, start + one + end)))


def run(mutants, again, run_at_once, builds, units, promises=None):
    """units: by path, the programs of tests/unit."""
    build_all(builds)
    paths = sorted({mutant.path for mutant in mutants})
    names = {name for path in paths for name in units(path)}
    tested = [(Compiler(build), {name: Test(name, build) for name in sorted(names) if build == BUILD or name not in SLOW}) for build, _ in builds]
    if promises is not None:
        promises = promises()
        promises.measure(sorted({name for path in paths for name in tests_of(path)[1]}))
    known = {} if again else dict(line.split("\t", 1) for line in read_lines(FOUND) if line)
    found, open_ones = {}, []
    for mutant in mutants:
        if mutant.key in known and known[mutant.key] != "":
            found[mutant.name] = (mutant, known[mutant.key])
        else:
            open_ones.append(mutant)
    open_ones.sort(key=lambda mutant: mutant.key in known)      # what has survived before comes last
    means = {path: [(compiler, [tests[name] for name in units(path) if name in tests]) for compiler, tests in tested] for path in paths}
    with open(FOUND, "a", encoding="utf-8") as log, concurrent.futures.ThreadPoolExecutor(run_at_once) as pool:
        jobs = {pool.submit(judge, one, means[one.path], promises): one for one in open_ones}
        for number, job in enumerate(concurrent.futures.as_completed(jobs), 1):
            mutant, noticed = jobs[job], job.result()
            found[mutant.name] = (mutant, "no C" if noticed is None else noticed)
            log.write(f"{mutant.key}\t{found[mutant.name][1]}\n")
            log.flush()
            if noticed == "":
                print(f"[{number}/{len(open_ones)}] survived: {mutant.place}: {mutant.name}", flush=True)
            elif number % 50 == 0:
                print(f"[{number}/{len(open_ones)}]", flush=True)
    return found


def report(found):
    counts, listed, bad = collections.defaultdict(collections.Counter), read_survivors(), 0
    for name, (mutant, noticed) in found.items():
        if noticed == "no C":
            continue
        counts[mutant.path]["noticed" if noticed else "survived"] += 1
        if not noticed and name not in listed:
            print(f"not noticed, and not in survivors: {mutant.place}: {name}")
            bad += 1
        elif noticed and name in listed:
            print(f"in survivors, but noticed by {noticed}: {name}")
    total = sum(counts.values(), collections.Counter())
    for path, count in sorted(counts.items()) + [("all", total)]:
        print(f"{path:28} {count['noticed']:5} noticed {count['survived']:4} survived {100 * count['noticed'] / max(1, sum(count.values())):6.1f} %")
    if 100 * total["noticed"] < GOAL * sum(total.values()):
        print(f"below {GOAL} %")
        bad += 1
    return 1 if bad else 0


def main():
    options = argparse.ArgumentParser(description="runs the tests on wrong versions of the code")
    options.add_argument("part", nargs="*")
    options.add_argument("--list", action="store_true")
    options.add_argument("--again", action="store_true")
    options.add_argument("--plain", action="store_true")
    options.add_argument("--checks", action="store_true")
    options.add_argument("--sample", type=int)
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options.add_argument("--longest", type=float, default=TEST_SECONDS_MAX)
    options.add_argument("--jobs", type=int, default=2)
    given = options.parse_args()
    paths, make = (list(sources()), checks) if given.checks else (list(FILES), changes)
    mutants = [mutant for path in paths if not given.part or any(part in path for part in given.part) for mutant in mutants_of(path, make)]
    if given.sample is not None:
        print(f"{min(given.sample, len(mutants))} of {len(mutants)}, --seed {given.seed}")
        mutants = random.Random(given.seed).sample(mutants, min(given.sample, len(mutants)))
    if given.list:
        for mutant in mutants:
            print(f"{mutant.place}: {mutant.name}")
        return 0
    os.nice(10)
    if given.checks:
        return report(run(mutants, given.again, given.jobs, BUILDS[:1], lambda path: tests_of(path)[0], lambda: Promises(BUILD, given.longest)))
    return report(run(mutants, given.again, given.jobs, BUILDS[:1] if given.plain else BUILDS, lambda path: FILES[path]))


if __name__ == "__main__":
    sys.exit(main())
