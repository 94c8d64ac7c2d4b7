#!/usr/bin/python3
"""Makes the seed corpora and token_good.h from tests/cases and tests/accepted: tests/fuzz/seeds.py

A few dozen inputs for each target, small ones, spread over what the folders are about.
"""
import base64
import json
import os
import re
import sys

import msgpack

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.append(os.path.join(TESTS, "lib"))
from http_bad import BAD, BAD_CHUNKS, CHUNKED  # noqa: E402

OWN = {"ask.json", "config.yaml", "keys.json", "keys.pem"}


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def folders(root, spread):
    """One folder of each beginning of a name, and of those every so many."""
    seen = set()
    for name in sorted(os.listdir(os.path.join(TESTS, root))):
        path = os.path.join(TESTS, root, name)
        start = "-".join(name.split("-")[:spread])
        if os.path.exists(os.path.join(path, "token")) and start not in seen:
            seen.add(start)
            yield path


def put(target, name, data):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    if len(data) <= 4096:
        with open(os.path.join(folder, re.sub(r"[^a-z0-9]+", "-", name.lower())), "wb") as file:
            file.write(data)


def decode(segment):
    try:
        return base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except ValueError:
        return b""


def tokens():
    good = []
    for path in folders("accepted", 1):
        if not {"keys.json", "keys.pem"} & set(os.listdir(path)):
            good.append(read(path, "token").decode())
    keys = json.loads(read(TESTS, "cases", "default", "keys.json"))["keys"]
    lines = ["/* Made by seeds.py: tokens that keys of the set have signed, and the set's members. */", "#ifndef ASSAY_FUZZ_TOKEN_GOOD_H",
             "#define ASSAY_FUZZ_TOKEN_GOOD_H", "", "static const char good_keys[] ="]
    text = ",".join(json.dumps(key, separators=(",", ":")) for key in keys)
    lines += ["    " + json.dumps(text[i:i + 110]) for i in range(0, len(text), 110)]
    lines[-1] += ";"
    lines += ["", "static const char *const good_tokens[] = {"]
    for token in good:
        lines += ["    " + json.dumps(token[i:i + 110]) for i in range(0, len(token), 110)]
        lines[-1] += ","
    lines += ["};", "", "#endif", ""]
    with open(os.path.join(HERE, "token_good.h"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    for i, token in enumerate(good):
        put("token", f"good-{i}", b"T" + token.encode())
    for root, spread in (("cases", 1), ("accepted", 1)):
        for path in folders(root, spread):
            if root == "cases" and OWN & set(os.listdir(path)):
                continue        # refused by its settings only: here it could be good
            token = read(path, "token")
            parts = token.split(b".")
            put("token", "t-" + os.path.basename(path), b"T" + token)
            if len(parts) == 3:
                payload = decode(parts[1])
                put("token", "s-" + os.path.basename(path), b'S{"alg":"HS256","kid":"s"}\n' + payload)
                put("json", os.path.basename(path), b"\x0f" + payload)
                put("json", "h-" + os.path.basename(path), b"\x07" + decode(parts[0]))
    claims = {"iss": "https://auth.example.com", "sub": "u", "aud": "orders", "iat": 1767225540, "exp": 1767229200}
    for name, more in (("plain", {}), ("array", {"aud": ["x", "orders"]}), ("times", {"nbf": 1767225600.5, "exp": 1.7672292e9}),
                       ("type", {"type": "access", "token_use": "access"}), ("refresh", {"type": "refresh"}), ("events", {"events": {}})):
        put("token", "signed-" + name, b'S{"alg":"HS256"}\n' + json.dumps({**claims, **more}, separators=(",", ":")).encode())
    balancer = {"alg": "HS256", "typ": "JWT", "kid": "s", "signer": claims["iss"], "client": "orders", "exp": 1767229200}
    for name, more in (("numbers", {"sub": 7, "jti": 18446744073709551615, "sid": -1}), ("many", {f"c{i}": i for i in range(16)}), ("none", {})):
        put("token", "balancer-" + name, b"S" + "\n".join(json.dumps(part, separators=(",", ":")) for part in (balancer, more)).encode())


def others():
    for root in ("cases", "accepted"):
        for path in folders(root, 2):
            files = set(os.listdir(path))
            if "keys.json" in files and os.path.getsize(os.path.join(path, "keys.json")) < 1500:
                put("jwk", os.path.basename(path), b"\x00" + read(path, "keys.json"))
            if "keys.pem" in files and os.path.getsize(os.path.join(path, "keys.pem")) < 2000:
                put("jwk", "pem-" + os.path.basename(path), b"\x01" + read(path, "keys.pem"))
            if "config.yaml" in files:
                put("config", os.path.basename(path), read(path, "config.yaml"))
    put("config", "everything", b"""issuers:
  - issuer: a
    aliases: [b, c]
    keys: {file: k.pem, kid: x}
    audiences: [o]
    audience_claim: client_id
    algorithms: [RS256, EdDSA]
    token_types: [JWT, '']
    claims: {a: [b, 1, true], c: d}
    named_by: {header: signer}
    padding: allowed
    numeric_claims: [sub, jti]
    roles: [/a, {pointer: /b, names: true}]
    scopes: {pointer: /c, separator: ','}
    required_claims: [jti]
    leeway: 5s
    max_token_lifetime: 7d
    sender_constrained: caller
    mode: shadow
socket: {path: /run/x, mode: "0600", group: root}
state: /s
cache: {size: 1GiB}
fast_path: false
threads: 4
log: {level: debug, format: text, decisions: all}
""")
    put("config", "aliases", b"issuers: &a\n - *a\n")
    put("config", "not-built", b"policy: x\nrevocation: {}\npeers: []\nhttp: {}\nservice_tokens: {}\nfast_path: yes\n")
    token = read(next(folders("accepted", 1)), "token").decode()
    messages = {"verify": [0, 1, "verify", [{"token": token, "audience": "orders", "stamp": True}]], "ping": [0, 2**32 - 1, "ping", [{}]],
                "revoke": [0, 3, "revoke", [{"iss": "a", "sub": "b", "before": 2**40, "exp": -1.5}]], "answer": [1, 1, None, {}],
                "bytes": [0, 1, b"verify", [{b"token": b"x"}]], "deep": [[[[[[[[]]]]]]]], "deeper": [[[[[[[[[]]]]]]]]],
                "many": list(range(300)), "numbers": [0, 127, 128, 255, 256, 65535, 65536, 2**32, 2**64 - 1, -1, -32, -33, -128, -129,
                                                      -2**15, -2**31, -2**63, 1.5], "map": {str(i): i for i in range(40)}}
    for name, message in messages.items():
        packed = msgpack.packb(message, use_bin_type=True)
        put("wire", name, packed)
        put("wire", name + "-half", packed[:len(packed) // 2])
        put("wire", name + "-twice", packed * 2)
    for name, data in {"array": b"\xdd\xff\xff\xff\xff", "map": b"\xdf\xff\xff\xff\xff", "str": b"\xdb\xff\xff\xff\xff",
                       "ext": b"\xc7\x01\x01x", "fixext": b"\xd4\x01\x00", "never": b"\xc1", "float": b"\xca\x3f\x80\x00\x00"}.items():
        put("wire", "huge-" + name, data)


RULES = {
    "empty": "version: 1\nrules: []\n",
    "allow-all": "version: 1\nrules:\n- {name: all}\n",
    "claim": "version: 1\nrules:\n- {name: own, actions: [read], resources: ['/users/{sub}/**', '/{tenant}'], roles: [reader]}\n",
    "deny": "version: 1\nrules:\n- {name: all, resources: [/**]}\n- {name: no, deny: true, resources: [/a/*], shadow: false}\n",
    "shadow": "version: 1\nrules:\n- {name: s, shadow: true, resources: [/a]}\n- {name: b, scopes: ['orders:read'], actions: [read]}\n",
    "anonymous": "version: 1\nrules:\n- {name: open, anonymous: true, resources: [/health, /]}\n- {name: i, issuers: [a, b]}\n",
    "roles": "version: 1\nroles:\n  admin: [reader, writer]\n  reader: []\n  writer: [reader]\nrules:\n- {name: w, roles: [reader, writr]}\n",
    "claims": "version: 1\nrules:\n- name: c\n  claims: {tenant: t, n: [1, 2.5], 'yes': true, /a/0: x}\n  resources: [/**, /a/*/b]\n",
    "tests": "version: 1\nrules:\n- {name: a, resources: [/a]}\ntests:\n- {claims: {sub: u, roles: [r], n: [1, {a: null}]}, action: read, "
             "resource: /a, expect: 200}\n- {action: read, resource: /b, expect: 401}\n",
    "readings": "version: 1\ncase_insensitive: true\nrules:\n- {name: all, resources: [/**], encoded_slash: keep, semicolon: keep}\n"
                "- {name: no, effect: deny, resources: ['/a%2Fb', '/A/{u}', '/o;x/*'], encoded_slash: keep, semicolon: keep}\n",
    "kept": "version: 1\nrules:\n- {name: one, resources: ['/a%2Fb/**', '/orders%2F7'], encoded_slash: keep}\n"
            "- {name: no, effect: deny, resources: [/a/b]}\n",
    "bad-pattern": "version: 1\nrules:\n- {name: a, resources: [a, /b/, '/**/c', '/{a', /a%41, /.., '']}\n",
}
RESOURCES = ["/", "/a", "/a/b/", "//a//b", "/a/./b/../c", "/..", "/a/%2e%2e/b", "/%2F", "/a%5cb", "/a;b", "/%c3%a9", "/\u00e9", "/%c3", "/%ff",
             "/a?b=/../c", "/a#b", "/%3f%23%25", "/%00", "/%7f", "/%c2%80", "a", "", "/" + "/".join("x" * 64), "/" + "/".join("x" * 65),
             "/%zz", "/%4", "/%", "/..%2f", "/.../a", "/a/.", "/%2e", "/a%2Fb;c/d", "/a;/b", "/a%2f;b", "/a%2F..;b/c", "/a. ;x"]
ROOTED = {"sub": "u", "aud": ["x"], "a/b": {"c": [1, -1, 1.5, None, True, "t"]}, "roles": ["r"]}


def policies():
    for name, text in RULES.items():
        put("policy", name, text.encode())
    for number, text in enumerate(RESOURCES):
        put("resource", f"r-{number}", text.encode())


def answers():
    yes = {"active": True, "claims": ROOTED, "issuer": "https://auth.example.com", "expires_at": 1767229200, "keys_age": 3}
    allowed = {"allow": True, "status": 200, "reason": None, "rule": "own", "subject": "u", "roles": ["a", "b"],
               "issuer": "https://auth.example.com", "expires_at": 1900000000, "scopes": ["s"]}
    denied = {"allow": False, "status": 403, "reason": "no_rule", "rule": None, "subject": None, "roles": [],
              "issuer": None, "expires_at": None, "scopes": []}
    for name, first, result in (("yes", 0, yes), ("no", 0, {"active": False, "reason": "expired"}), ("allowed", 1, allowed),
                                ("denied", 1, denied), ("true-as-one", 0, {**yes, "active": 1}), ("with-reason", 0, {**yes, "reason": "x"}),
                                ("status-401", 1, {**denied, "status": 401}), ("status-200", 1, {**denied, "status": 200}),
                                ("roles-numbers", 1, {**allowed, "roles": [1]}), ("no-rule", 1, {**allowed, "rule": None}),
                                ("claims", 3, {**allowed, "claims": ROOTED}), ("claims-unasked", 1, {**allowed, "claims": ROOTED}),
                                ("claims-missing", 3, allowed), ("claims-nil", 3, {**denied, "claims": None}),
                                ("nothing", 0, {}), ("large", 0, {**yes, "claims": {"x": "y" * 3900}})):
        put("answer", name, bytes([first]) + msgpack.packb([1, 1, None, result], use_bin_type=True))
    for name, message in {"error": [1, 1, [1, "bad_request: x"], None], "error-new": [1, 1, [99, "new: x"], None], "other": [1, 2, None, yes],
                          "request": [0, 1, "verify", [{}]], "both": [1, 1, [1, "x"], yes]}.items():
        put("answer", name, b"\0" + msgpack.packb(message, use_bin_type=True))
    packed = msgpack.packb([1, 1, None, yes], use_bin_type=True)
    put("answer", "half", b"\0" + packed[:40])
    put("answer", "twice", b"\0" + packed * 2)
    put("answer", "active-twice", b"\0" + packed.replace(b"\x85\xa6active\xc3", b"\x86\xa6active\xc3\xa6active\xc2"))


def requests():
    record = {"iss": "https://auth.example.com"}
    methods = {
        "verify": {"token": "t", "audience": "orders", "stamp": True}, "authorize": {"token": "t", "action": "read", "resource": "/a/b"},
        "authorize-many": {"token": "", "checks": [["read", "/a"], ["write", "/b/../c"]]}, "ping": {}, "status": {}, "reload": {},
        "revoke": {**record, "sub": "u", "before": 1767225600}, "revoke-kid": {**record, "kid": "rsa-1"}, "revoke-jti": {"jti": "x", "exp": 1e9},
        "revoke-jkt": {"jkt": "A" * 43}, "revoke-input": {"signing_input_sha256": "0" * 64}, "revoke-token": {"token": "t", "exp": 2**33},
        "revoke-all": {**record, "before": 2**40}, "unrevoke": {**record, "sid": "s", "all_sources": True}, "nothing": {}, "unknown": {"x": 1},
        "authorize-claims": {"token": "t", "action": "read", "resource": "/a/b", "stamp": True, "claims": True},
    }
    for number, (name, params) in enumerate(methods.items()):
        message = msgpack.packb([0, number, name.split("-")[0], [params]], use_bin_type=True)
        for behaviour in (0, 1 << number % 7, 1 | 4 << number % 5):
            put("request", f"{name}-{behaviour}", bytes([behaviour]) + message)
    pieces = msgpack.packb([0, 77, "authorize", [{"token": "t", "checks": [["read", f"/a/{i}"] for i in range(200)]}]])
    for behaviour in (128, 128 | 2, 128 | 4, 128 | 16):
        put("request", f"authorize-pieces-{behaviour}", bytes([behaviour]) + pieces)
    put("request", "verify-bin", b"\1" + msgpack.packb([0, 1, b"verify", [{b"token": b"t"}]], use_bin_type=True))
    put("request", "several", b"\0" + msgpack.packb([0, 1, "ping", [{}]]) * 3 + msgpack.packb([1, 1, None, {}]))
    put("request", "record", b"\0" + msgpack.packb({**record, "sub": "u", "before": 1, "exp": 2}))


def http():
    good = "GET /auth HTTP/1.1\r\nHost: x\r\nX-Original-Method: GET\r\nX-Original-URI: /a?b\r\nAuthorization: Bearer a.b.c\r\n"
    post = "POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    whole = {"auth": good + "\r\n", "forward": good.replace("Original", "Forwarded").replace("auth", "forward") + "Connection: close\r\n\r\n",
             "old": "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "ext": "PATCH /ext_authz/a HTTP/1.1\r\nHost: x\r\n\r\n",
             "upgrade": good + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "length": post + 'Content-Length: 11\r\n\r\n{"token":1}',
             "chunks": post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nA\r\n0123456789\r\n0\r\n\r\n", "empty": post + "Content-Length: 0\r\n\r\n"}
    for number, (name, text) in enumerate(whole.items()):
        for piece in (0, number + 2, 255):
            put("http", f"{name}-{piece}", bytes([piece]) + text.encode())
    put("http", "pipelined", b"\x10" + "".join(whole.values()).encode())
    for prefix, many in (("bad", BAD), ("chunks-bad", BAD_CHUNKS)):
        for name, text in many.items():
            text = (CHUNKED if prefix == "chunks-bad" else "") + text
            put("http", f"{prefix}-{name}".replace(" ", "-").replace("/", "-").replace("*", "star").replace("'", ""), b"\3" + text.encode("latin-1"))


tokens()
others()
policies()
answers()
requests()
http()
