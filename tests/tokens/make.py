#!/usr/bin/python3
"""Makes the folders of tests/cases and tests/accepted.

    make.py            what is not there yet
    make.py --all      everything anew
    make.py PART       only folders with PART in their name
    make.py --prune    also removes folders that no script makes any more

To add a case, add a line to the file of its theme (bad_*.py, good_*.py), run
this and then check.py.  Needs python3-cryptography; some good tokens need the
openssl command and, with a C compiler, libjwt.
"""
import argparse
import importlib
import os
import shutil
import sys

sys.dont_write_bytecode = True

import folders
import make_keys

THEMES = ["bad_segments", "bad_json", "bad_headers", "bad_algorithms", "bad_keys", "bad_keychoice",
          "bad_signatures", "bad_issuers", "bad_claims", "bad_times", "bad_revoked", "bad_order",
          "good_shapes", "good_keys", "good_programs", "good_vendors"]


def main():
    options = argparse.ArgumentParser(description="makes the folders of tests/cases and tests/accepted")
    options.add_argument("part", nargs="?", help="only folders with this in their name")
    options.add_argument("--all", action="store_true", help="also those that are there already")
    options.add_argument("--prune", action="store_true", help="remove folders that no script makes")
    given = options.parse_args()
    folders.everything, folders.only = given.all, given.part
    make_keys.make()
    folders.defaults()
    for theme in THEMES:
        importlib.import_module(theme).make()
    for name in folders.strangers():
        print(f"no script makes {name}" + (": removed" if given.prune else ""))
        if given.prune:
            for root in (folders.CASES, folders.ACCEPTED):
                shutil.rmtree(os.path.join(root, name), ignore_errors=True)
    print(f"{len(folders.names)} folders, {len(folders.written)} written")


if __name__ == "__main__":
    main()
