#!/usr/bin/python3
"""Sums up what gcov has counted in a build: coverage.py BUILD. Called by tests/coverage."""
import collections
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
UNCOVERED = os.path.join(HERE, "uncovered")
WHOLE = "agent/token/"          # of which every branch must be taken


def counts(build):
    """By file: {line: count} and {(line, number of the branch): count}, over all objects that were made of it."""
    lines, branches = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
    notes = [os.path.abspath(path) for path in glob.glob(os.path.join(build, "**", "*.gcda"), recursive=True)]
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(notes):
            where = os.path.join(folder, str(number))
            os.mkdir(where)
            subprocess.run(["gcov", "--json-format", "--branch-probabilities", path], cwd=where, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            for found in glob.glob(os.path.join(where, "*.json.gz")):
                with gzip.open(found) as file:
                    add(json.load(file), lines, branches)
    return lines, branches


def add(found, lines, branches):
    for one in found["files"]:
        path = os.path.relpath(os.path.join(found["current_working_directory"], one["file"]), ROOT)
        if path.startswith(("agent/", "client/")):
            for line in one["lines"]:
                lines[path][line["line_number"]] += line["count"]
                for number, branch in enumerate(line["branches"]):
                    branches[path][line["line_number"], number] += branch["count"]


def share(counter):
    taken = sum(count > 0 for count in counter)
    return f"{taken:5} of {len(counter):5} {100 * taken / max(1, len(counter)):6.1f} %"


def excused():
    """Lines of `uncovered`: PATH: the code's line; below each, indented, why."""
    with open(UNCOVERED, encoding="utf-8") as file:
        return {line.rstrip("\n") for line in file if line.strip() and not line.startswith(("#", " "))}


def main():
    lines, branches = counts(sys.argv[1])
    folders = sorted({os.path.dirname(path) for path in lines})
    print(f"{'':24} {'lines':>24} {'branches':>24}")
    for folder in folders + [""]:
        its = [path for path in lines if folder in ("", os.path.dirname(path))]
        print(f"{folder or 'all':24} {share([n for path in its for n in lines[path].values()])} "
              f"{share([n for path in its for n in branches[path].values()])}")
    known, missing = excused(), 0
    for path in sorted(path for path in lines if path.startswith(WHOLE) and path.endswith(".c")):
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            source = file.read().split("\n")
        open_ones = collections.Counter(line for (line, _), count in branches[path].items() if count == 0)
        for line in sorted(open_ones):
            text = f"{path}: {source[line - 1].strip()}"
            if text not in known:
                missing += 1
                print(f"{path}:{line}: {open_ones[line]} not taken: {source[line - 1].strip()}")
    print(f"{missing} lines of {WHOLE} with branches that no test takes and that `uncovered` does not name")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
