#!/usr/bin/python3
"""Checks the folders of tests/cases and tests/accepted without the agent.

Each folder is whole and its names are sound; opinion.py, which knows nothing
of the agent, comes to the same reason; every twin and every accepted token
carries a valid signature and is accepted; and what is refused after the
signature check carries a valid signature too.  Needs python3-cryptography
and python3-yaml.  A folder's files fall back to those of tests/cases/default.
"""
import json
import os
import re
import sys

import yaml

sys.dont_write_bytecode = True

import opinion

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CASES = os.path.join(TESTS, "cases")
ACCEPTED = os.path.join(TESTS, "accepted")
DEFAULT = os.path.join(CASES, "default")

BEFORE_SIGNATURE = ["malformed", "too_large", "unsupported_algorithm", "algorithm_mismatch",
                    "unsupported_critical_header", "unknown_issuer", "unknown_key", "bad_signature"]
AFTER_SIGNATURE = ["claim_mismatch", "expired", "not_yet_valid", "wrong_audience",
                   "lifetime_too_long", "revoked"]
EITHER = ["wrong_type", "missing_claim", "bad_claim"]
REASONS = BEFORE_SIGNATURE + AFTER_SIGNATURE + EITHER
FILES = {"token", "expect", "about", "twin", "keys.json", "keys.pem", "keys-b.json", "config.yaml", "ask.json"}
ISSUER_KEYS = {"issuer", "aliases", "keys", "audiences", "audience_claim", "algorithms", "token_types",
               "claims", "required_claims", "leeway", "max_token_lifetime", "sender_constrained", "mode"}


class Folder:
    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)

    def has(self, name):
        return os.path.exists(os.path.join(self.path, name))

    def read(self, name):
        path = os.path.join(self.path, name)
        if not os.path.exists(path):
            path = os.path.join(DEFAULT, name)
        with open(path, "rb") as file:
            return file.read()

    def line(self, name):
        text = self.read(name).decode()
        if not re.fullmatch(r"[^\n]+\n", text):
            raise ValueError(f"{name} is not one line")
        return text[:-1]

    def decide(self, token):
        ask = json.loads(self.read("ask.json")) if self.has("ask.json") else {}
        if not set(ask) <= {"now", "audience", "revoked"}:
            raise ValueError("unknown key in ask.json")
        issuers = yaml.safe_load(self.read("config.yaml"))["issuers"]
        for issuer in issuers:
            if not set(issuer) <= ISSUER_KEYS:
                raise ValueError("unknown key in config.yaml")
            if not opinion.load_keys(self.read(issuer["keys"]["file"]), issuer["keys"].get("kid")):
                raise ValueError("a set without a usable key would not be loaded")
        return opinion.decide(token, issuers, self.read, ask.get("now", 1767225600),
                              ask.get("audience"), ask.get("revoked", []))


def faults(folder, accepted):
    """What is wrong with a folder, as sentences."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", folder.name):
        yield "the name is not kebab-case"
    missing = {"token", "expect", "about"} - set(os.listdir(folder.path))
    if missing:
        yield f"no {', '.join(sorted(missing))}"
        return
    extra = set(os.listdir(folder.path)) - FILES
    if extra:
        yield f"unexpected {', '.join(sorted(extra))}"
    folder.line("about")
    expect = folder.line("expect")
    if expect not in (["accepted"] if accepted else REASONS):
        yield f"{expect} is no reason"
    reason, key = folder.decide(folder.read("token"))
    if reason != expect:
        yield f"expects {expect}, found {reason}"
    if key is None and (accepted or expect in AFTER_SIGNATURE):
        yield "the token's signature is not valid"
    if folder.has("twin"):
        if folder.read("twin") == folder.read("token"):
            yield "the twin is the token itself"
        reason, key = folder.decide(folder.read("twin"))
        if reason != "accepted" or key is None:
            yield f"the twin is refused: {reason}"


def main():
    passed = failed = 0
    seen, counts, twins = set(), {}, 0
    for root in (CASES, ACCEPTED):
        for name in sorted(os.listdir(root)):
            folder = Folder(os.path.join(root, name))
            if not os.path.isdir(folder.path) or folder.path == DEFAULT:
                continue
            try:
                found = list(faults(folder, root == ACCEPTED))
            except Exception as error:      # a folder that cannot be read is a failure, not an end
                found = [f"{type(error).__name__}: {error}"]
            if name in seen:
                found.append("the name is used twice")
            seen.add(name)
            for sentence in found:
                print(f"{os.path.relpath(folder.path, TESTS)}: {sentence}", file=sys.stderr)
            passed, failed = passed + (not found), failed + bool(found)
            if folder.has("expect"):
                expect = folder.read("expect").decode().strip()
                counts[expect] = counts.get(expect, 0) + 1
            twins += folder.has("twin")
    for expect, count in sorted(counts.items()):
        print(f"{count:5} {expect}")
    print(f"{twins} twins; {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
