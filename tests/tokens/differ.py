#!/usr/bin/python3
"""Many changed tokens, judged by the agent's core and by two that know nothing of it.

    differ.py             100,000 of them, from a fixed beginning; ASSAY_LONG: 3,000,000
    differ.py N [SEED]    that many, from another beginning

`assay inspect --batch` must say of each what opinion.py (python3-cryptography)
says, with the same reason.  libjwt (1.x, for the algorithms it has) must take
every signature that was accepted; where it takes what was refused, a rule of
RULES has to say why the core is stricter; and the other way round, one of
EXCUSES.  ASSAY_BUILD is the build whose `assay` is asked.
"""
import base64
import collections
import functools
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import forge
import jwks
import mutate
import opinion

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("ASSAY_BUILD") or os.path.join(HERE, "..", "..", "build-tests")
ASSAY = os.path.join(BUILD, "client", "cli", "assay")
CHUNK = 1000
SHOWN = 10
REASONS = ["accepted", "malformed", "too_large", "unsupported_algorithm", "algorithm_mismatch", "unsupported_critical_header", "wrong_type",
           "unknown_issuer", "unknown_key", "bad_signature", "missing_claim", "bad_claim", "claim_mismatch", "expired", "not_yet_valid",
           "wrong_audience"]
LIBJWT = {"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "HS256", "HS384", "HS512"}
ISSUER = {"issuer": mutate.ISSUER, "audiences": ["orders"], "algorithms": sorted(opinion.KNOWN), "leeway": "0s", "keys": {"file": "keys.json"}}


class Ring:
    """A key set, and what signs for it."""

    def __init__(self, keys):
        """keys: (the private key or secret, its JWK)."""
        self.keys = keys
        self.set = {"keys": [jwk for _, jwk in keys]}
        self.text = json.dumps(self.set)

    def signers(self, alg):
        wanted = {"R": "RSA", "P": "RSA", "E": "EC", "H": "oct"}[alg[0]] if alg != "EdDSA" else "OKP"
        curve = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}.get(alg)
        found = [(jwk.get("kid"), key) for key, jwk in self.keys
                 if jwk["kty"] == wanted and jwk.get("use", "sig") == "sig" and (curve is None or jwk["crv"] == curve)]
        return [one for one in found if not isinstance(one[1], bytes) or len(one[1]) >= 64] or found or [(None, self.keys[0][0])]

    def usable(self):
        return load_keys(self.text.encode(), None)

    @staticmethod
    @functools.cache
    def attackers():
        public = [forge.public_pem(forge.key(name)) for name in ("rsa-1", "ec-256", "ed-1")]
        return [forge.key(name) for name in ("attacker-rsa", "attacker-ec", "attacker-ed")] + [b"", b"\0" * 64, b"secret"] + public

    @functools.cache
    def public_texts(self):
        texts = []
        for key, jwk in self.keys:
            if not isinstance(key, bytes):
                texts += [(jwk.get("kid"), forge.public_pem(key)), (jwk.get("kid"), forge.public_der(key)),
                          (jwk.get("kid"), json.dumps(jwk).encode())]
        return texts or [(None, b"public")]


def rings():
    def one(name, **more):
        return forge.key(name), jwks.jwk(name, **more)

    def secret(name, **more):
        return forge.secret(name, 64), jwks.oct_jwk(forge.secret(name, 64), **more)

    whole = [one("rsa-1", kid="rsa-1"), one("rsa-2", kid="rsa-2", alg="PS256"), one("ec-256", kid="ec-256", alg="ES256"),
             one("ec-384", kid="ec-384"), one("ec-521", kid="ec-521"), one("ed-1", kid="ed-1", alg="Ed25519"), secret("one", kid="hs-1"),
             secret("two", kid="hs-2", alg="HS256"), one("ec-256-b", kid="enc", use="enc"), one("rsa-2047", kid="weak")]
    shared = [one("rsa-1", kid="shared", alg="RS256"), one("rsa-2", kid="shared", alg="PS256"), one("ec-256", kid="shared"),
              one("ec-384", kid="shared"), one("ec-521"), one("ed-1"), one("ed-2"), secret("one", kid="shared"), secret("two", kid="shared"),
              secret("one", kid="hs-1")]
    nameless = [one("rsa-1"), one("ec-256"), one("ec-384"), one("ec-521"), one("ed-1"), secret("one"), secret("two", alg="HS512")]
    return [Ring(whole)] * 4 + [Ring(shared), Ring(nameless)] + [Ring([one(name)]) for name in ("rsa-1", "ec-256", "ed-1")] + [Ring([secret("one")])]


load_keys = functools.cache(opinion.load_keys)
opinion.load_keys = load_keys
verifies = functools.lru_cache(4096)(opinion.Key.verifies)
opinion.Key.verifies = verifies


def judge_by_opinion(token, ring):
    return opinion.decide(token.encode(), [ISSUER], lambda name: ring.text.encode(), mutate.NOW, "orders")


def judge_by_core(tokens, ring):
    lines = "".join(json.dumps({"id": number, "keys": ring.set, "token": token, "issuer": mutate.ISSUER, "audience": "orders",
                                "now": mutate.NOW}) + "\n" for number, token in enumerate(tokens))
    done = subprocess.run([ASSAY, "inspect", "--batch"], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if [answer["id"] for answer in answers] != list(range(len(tokens))):
        raise ValueError("a line has no answer")
    if any(answer["active"] != (answer["reason"] is None) for answer in answers):
        raise ValueError("active and reason do not agree")
    return [answer["reason"] or "accepted" for answer in answers]


def lenient(segment):
    """What a header may be read as by somebody who is not strict; {} for nothing."""
    try:
        head = json.loads(base64.urlsafe_b64decode(segment.replace("+", "-").replace("/", "_").encode() + b"=="))
        return head if isinstance(head, dict) else {}
    except ValueError:
        return {}


@functools.cache
def key_bytes(key):
    if isinstance(key.public, bytes):
        return key.public.hex()
    return key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).hex()


def family(alg, keys):
    return [key for key in keys if any(name[:2] == alg[:2] and (alg[0] != "E" or name == alg) for name in key.serves)]


def judge_by_libjwt(tokens, found, ring, program):
    """By number of the token: the key under which libjwt takes it, or None; of the key that verified it, or else all that its algorithm may
    mean."""
    asked, numbers, offered = [], [], []
    for number, token in enumerate(tokens):
        alg = lenient(token.split(".")[0]).get("alg")
        if isinstance(alg, str) and alg in LIBJWT and "\0" not in token:
            key = found[number][1]
            keys = [key] if key is not None else family(alg, ring.usable())
            offered.append(keys)
            asked.append(json.dumps({"token": token, "keys": [key_bytes(one) for one in keys]}))
            numbers.append(number)
    done = subprocess.run([program], input="\n".join(asked + [""]).encode(), stdout=subprocess.PIPE, check=True)
    found = [keys[int(line)] if int(line) >= 0 else None for keys, line in zip(offered, done.stdout.split(), strict=True)]
    return dict(zip(numbers, found, strict=True))


def signed_parts(token):
    parts = token.encode().split(b".")
    return opinion.one_name(part(token, 0, 8)["alg"]), parts[0] + b"." + parts[1], opinion.unbase64(parts[2])


def segments_are_strict(token):
    parts = token.encode().split(b".")
    return len(parts) == 3 and all(opinion.unbase64(part) is not None for part in parts)


def part(token, which, depth):
    """A segment's JSON as the agent takes it, or None."""
    try:
        return opinion.strict_json(opinion.unbase64(token.encode().split(b".")[which]), depth)
    except opinion.Refused:
        return None


def header_is_plain(head):
    try:
        opinion.check_header(head)
        return True
    except opinion.Refused:
        return False


def is_named(token, key, keys):
    """Does the token's header mean this key, and is the key for its algorithm?"""
    head = part(token, 0, 8)
    alg, kid = opinion.one_name(head["alg"]), head.get("kid")
    alone = len(keys) == 1 and key.kid is None
    return alg in key.serves and (kid is None or alone or key.kid == kid)


def has_large_number(value):
    if isinstance(value, (dict, list)):
        return any(has_large_number(one) for one in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and not -2**63 <= value < 2**63


# Where the core refuses what libjwt takes. The first whose predicate holds explains it, if the reason is one of
# its own: of the token, libjwt's key, and all keys of the set.
RULES = [
    ("a token has at most 16384 bytes", {"too_large"}, lambda token, key, keys: len(token.encode()) > opinion.MAX_TOKEN),
    ("three segments of strict base64url", {"malformed"}, lambda token, key, keys: not segments_are_strict(token)),
    ("a header of strict JSON, 8 levels deep", {"malformed"}, lambda token, key, keys: part(token, 0, 8) is None),
    ("header members of their types, no b64, zip, enc, crit", {"malformed", "unsupported_critical_header"},
     lambda token, key, keys: not header_is_plain(part(token, 0, 8))),
    ("a payload of strict JSON, 16 levels deep", {"malformed"}, lambda token, key, keys: part(token, 1, 16) is None),
    ("the issuer is the one that is configured", {"unknown_issuer", "missing_claim", "bad_claim"},
     lambda token, key, keys: part(token, 1, 16).get("iss") != mutate.ISSUER),
    ("typ is JWT, at+jwt or absent", {"wrong_type"},
     lambda token, key, keys: part(token, 0, 8).get("typ", "jwt").lower().removeprefix("application/") not in ("jwt", "at+jwt")),
    ("a key is used by its name and for its algorithm alone", {"unknown_key", "algorithm_mismatch", "bad_signature"},
     lambda token, key, keys: not is_named(token, key, keys)),
    ("libjwt looks at no claims; the signature is good", {"wrong_type", "missing_claim", "bad_claim", "claim_mismatch", "expired",
                                                               "not_yet_valid", "wrong_audience"},
     lambda token, key, keys: key.verifies(*signed_parts(token))),
]

# Where libjwt refuses what the core accepts.
EXCUSES = [
    ("libjwt knows no typ but JWT", lambda head, body: head.get("typ", "JWT").lower() != "jwt"),
    ("libjwt has no whole number of more than 63 bits", lambda head, body: has_large_number(head) or has_large_number(body)),
]


def explain(token, reason, taken, keys):
    """The rule that says why libjwt and the core differ; None: they do not; "": nothing does. taken: libjwt's key, or None."""
    if (reason == "accepted") == (taken is not None):
        return None
    if taken is not None:
        name, reasons = next(((name, reasons) for name, reasons, holds in RULES if holds(token, taken, keys)), ("", ()))
        return name if reason in reasons else ""
    head, body = part(token, 0, 8), part(token, 1, 16)
    return next((name for name, holds in EXCUSES if holds(head, body)), "")


def run_chunk(job):
    seed, number, program = job
    chance = random.Random(seed * 1000003 + number)
    ring = RINGS[number % len(RINGS)]
    made = [mutate.token(chance, ring) for _ in range(CHUNK)]
    tokens = [token for token, _ in made]
    found = [judge_by_opinion(token, ring) for token in tokens]
    core = judge_by_core(tokens, ring)
    taken = judge_by_libjwt(tokens, found, ring, program)
    reasons, rules, faults = collections.Counter(core), collections.Counter(), []
    for at, (token, change) in enumerate(made):
        if core[at] != found[at][0]:
            faults.append(f"chunk {number}, {change}: the core says {core[at]}, the second opinion {found[at][0]}: {token}")
        if at in taken:
            rule = explain(token, core[at], taken[at], ring.usable())
            if rule == "":
                faults.append(f"chunk {number}, {change}: the core says {core[at]}, libjwt {'takes' if taken[at] else 'refuses'} it: {token}")
            elif rule is not None:
                rules[rule] += 1
    return reasons, rules, len(taken), faults


RINGS = rings()


def compile_judge(folder):
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libjwt", "jansson"], stdout=subprocess.PIPE, check=True, text=True).stdout
    program = os.path.join(folder, "judge")
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-o", program, os.path.join(HERE, "libjwt_judge.c"), *flags.split()], check=True)
    return program


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000000 if os.environ.get("ASSAY_LONG") else 100000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    reasons, rules, judged, faults = collections.Counter(), collections.Counter(), 0, []
    with tempfile.TemporaryDirectory() as folder, multiprocessing.Pool(2) as pool:
        program = compile_judge(folder)
        jobs = [(seed, number, program) for number in range((count + CHUNK - 1) // CHUNK)]
        for its_reasons, its_rules, its_judged, its_faults in pool.imap(run_chunk, jobs):
            reasons += its_reasons
            rules += its_rules
            judged += its_judged
            faults += its_faults
    for name, number in reasons.most_common():
        print(f"{number:8} {name}")
    print(f"{judged:8} of them by libjwt too; where the two differ:")
    for name, number in rules.most_common():
        print(f"{number:8} {name}")
    for fault in faults[:SHOWN]:
        print(fault, file=sys.stderr)
    # What a change does not lead to, nothing has been compared on.
    missing = set(REASONS) - set(reasons)
    if missing:
        print(f"no token came to: {', '.join(sorted(missing))}", file=sys.stderr)
    print(f"{sum(reasons.values())} tokens, {len(faults)} unexplained differences")
    return 1 if faults or missing else 0


if __name__ == "__main__":
    sys.exit(main())
