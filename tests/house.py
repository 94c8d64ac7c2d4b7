"""The rooms of the house: /usr/bin/python3 tests/house.py

agent/ARCHITECTURE.md lists the rooms (folders) from the top down, under "## Rooms". A file may include headers of its own room and of rooms
further down the list, and of no others; so there is no circle between rooms. Prints each include that points up, each file in no room, each
.c file of more than 400 lines, and each file that does not begin with what lives in it. Exit: 0 nothing found, 1 something found."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINES_MAX = 400
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def rooms():
    """Folders, from the top down."""
    section = read("agent/ARCHITECTURE.md").split("\n## Rooms\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `((?:agent|client|include)/(?:[a-z]+/)*)`", section, re.MULTILINE)


def sources():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "agent", "client", "include"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout.split("\n")
    return [path for path in listed if path.endswith((".c", ".h")) and "/examples/" not in path and os.path.exists(os.path.join(ROOT, path))]


def room_of(path, order):
    return max((room for room in order if path.startswith(room)), key=len, default=None)


def target_of(path, included):
    """The file that an include names, from the top of the tree, or None: not one of ours."""
    for place in (os.path.join(os.path.dirname(path), included), included, os.path.join("include", included)):
        if os.path.exists(os.path.join(ROOT, place)):
            return os.path.normpath(place)
    return None


def arrows_up(path, text, order):
    own = room_of(path, order)
    for included in INCLUDE.findall(text):
        target = target_of(path, included)
        other = room_of(target, order) if target is not None else None
        if target is None:
            yield f"{path} includes {included}, which is nowhere"
        elif other is not None and order.index(other) < order.index(own):
            yield f"{path} includes {target}: from {own} up to {other}"


def begins_with_words(path, text):
    """A comment, in the file or at the beginning of the header of its name."""
    if text.startswith("/*"):
        return True
    header = path[:-2] + ".h"
    return path.endswith(".c") and os.path.exists(os.path.join(ROOT, header)) and read(header).startswith("/*")


def faults(order):
    for path in sources():
        text = read(path)
        if room_of(path, order) is None:
            yield f"{path} is in no room of agent/ARCHITECTURE.md"
            continue
        yield from arrows_up(path, text, order)
        if path.endswith(".c") and text.count("\n") > LINES_MAX:
            yield f"{path} has {text.count(chr(10))} lines, more than {LINES_MAX}"
        if not begins_with_words(path, text):
            yield f"{path} does not begin with a sentence that says what lives in it"


def main():
    order = rooms()
    if len(order) < 10:
        sys.exit("agent/ARCHITECTURE.md: its list of rooms was not found")
    found = list(faults(order))
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(order)} rooms, {len(sources())} files, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
