"""assayd --check: each fault is told with file, line and column, and with the words that help."""
import os
import subprocess
import unittest

from agent import ASSAYD, Key, check_config, key_set

KEY = Key()
GOOD = ("issuers:\n"
        "  - issuer: https://auth.example.com\n"
        "    keys: {file: keys.json}\n"
        "    audiences: [orders]\n")
FILES = {"keys.json": (key_set(KEY), 0o644), "keys.pem": (KEY.pem(), 0o644)}


def issuer(*lines):
    """GOOD with more lines in its issuer; they begin at line 5, column 5."""
    return GOOD + "".join(f"    {line}\n" for line in lines)


def other(*lines):
    return GOOD + "  - issuer: https://other.example.com\n    keys: {file: keys.json}\n" + "".join(f"    {line}\n" for line in lines)


def peers(*entries):
    """GOOD with peers; the first begins at line 6, column 5."""
    return GOOD + "peers:\n" + "".join(f"  - {entry}\n" for entry in entries)


# name: (configuration, "line:column" or "" for the whole file, words of the fault)
BAD = {
    "unknown key at the top": (GOOD + "isuers: []\n", "5:1", ["isuers", "did you mean `issuers`?"]),
    "unknown key of an issuer": (issuer("audience: [x]"), "5:5", ["`audience`", "did you mean `audiences`?"]),
    "unknown key of keys": (GOOD.replace("file:", "flie:"), "3:12", ["`flie`", "did you mean `file`?"]),
    "unknown key of log": (GOOD + "log: {lvl: info}\n", "5:7", ["lvl"]),
    "unknown key like nothing": (GOOD + "zzzzzzzzzz: 1\n", "5:1", ["zzzzzzzzzz"]),
    "a max_age between two answers of a list": (GOOD + "revocation: {max_age: 5s, feeds: [{url: https://localhost/r}]}\n", "5:13",
                                                 ["`max_age`", "every 5s", "twice as long"]),
    "a max_age between two looks at a stream": (GOOD + "revocation: {max_age: 5s, feeds: [{redis: redis://localhost}]}\n", "5:13",
                                                 ["`max_age`", "every 5s"]),
    "no audiences": (GOOD.replace("    audiences: [orders]\n", ""), "2:5", ["`audiences` is missing"]),
    "empty audiences": (GOOD.replace("[orders]", "[]"), "4:16", ["no audience"]),
    "any audience": (GOOD.replace("[orders]", '["*"]'), "4:16", ["as an audience"]),
    "audiences as text": (GOOD.replace("[orders]", "orders"), "4:16", ["list"]),
    "audience twice": (GOOD.replace("[orders]", "[orders, orders]"), "4:25", ["`orders`", "twice"]),
    "empty audience": (GOOD.replace("[orders]", '[""]'), "4:17", ["empty"]),
    "no keys": (GOOD.replace("    keys: {file: keys.json}\n", ""), "2:5", ["`keys` is missing"]),
    "no name": (GOOD.replace("issuer: https://auth.example.com", 'issuer: ""'), "2:13", ["name"]),
    "no issuers": ("log: {level: info}\n", "1:1", ["`issuers` is missing"]),
    "empty issuers": ("issuers: []\n", "1:10", ["no issuer"]),
    "issuers as keys": ("issuers: {a: b}\n", "1:10", ["list"]),
    "issuer as text": ("issuers: [a]\n", "1:11", ["keys with values"]),
    "an empty file": ("", "1:1", ["empty"]),
    "only a comment": ("# nothing\n", "1:1", ["empty"]),
    "no YAML": ("issuers: [\n", "2:1", ["not valid YAML"]),
    "a tab": ("issuers:\n\t- issuer: x\n", "2:1", ["not valid YAML"]),
    "a list at the top": ("- a\n", "1:1", ["keys with values"]),
    "a second document": (GOOD + "---\nlog: {level: error}\n", "5:1", ["document"]),
    "key twice": (GOOD + "log: {level: info}\nlog: {level: error}\n", "6:1", ["`log`", "twice"]),
    "issuer twice": (GOOD + GOOD.split("\n", 1)[1], "5:5", ["https://auth.example.com", "twice"]),
    "alias of another": (other("audiences: [x]", "aliases: [https://auth.example.com]"), "5:5", ["https://auth.example.com", "twice"]),
    "its own alias": (issuer("aliases: [https://auth.example.com]"), "5:15", ["https://auth.example.com", "twice"]),
    "its own alias, written first": (GOOD.replace("  - issuer: https://auth.example.com\n", "  - aliases: [https://auth.example.com]\n"
                                                  "    issuer: https://auth.example.com\n"), "3:13", ["alias"]),
    "eight aliases": (issuer("aliases: [a, b, c, d, e, f, g, h]"), "5:14", ["7 aliases"]),
    "256 aliases, written first": (GOOD.replace("  - issuer:", f"  - aliases: [{', '.join(f'a{i}' for i in range(256))}]\n    issuer:"),
                                   "2:14", ["7 aliases"]),
    "YAML alias": (GOOD.replace("[orders]", "&a [orders]") + "    required_claims: *a\n", "5:22", ["alias"]),
    "yes as a boolean": (GOOD + "fast_path: yes\n", "5:12", ["`yes`", "true or false"]),
    "on as a boolean": (GOOD + "fast_path: on\n", "5:12", ["`on`", "true or false"]),
    "quoted boolean": (GOOD + 'fast_path: "false"\n', "5:12", ["true or false"]),
    "True as a boolean": (GOOD + "fast_path: True\n", "5:12", ["true or false"]),
    "duration without unit": (issuer("leeway: 30"), "5:13", ["`30`", "30s"]),
    "duration with space": (issuer("leeway: 30 s"), "5:13", ["`30 s`"]),
    "negative duration": (issuer("leeway: -5s"), "5:13", ["`-5s`"]),
    "long leeway": (issuer("leeway: 11m"), "5:13", ["10m"]),
    "lifetime of nothing": (issuer("max_token_lifetime: 0s"), "5:25", ["1s"]),
    "algorithm none": (issuer("algorithms: [none]"), "5:18", ["`none`"]),
    "algorithm misspelt": (issuer("algorithms: [RS265]"), "5:18", ["`RS265`", "did you mean `RS256`?"]),
    "no algorithm": (issuer("algorithms: []"), "5:17", ["no algorithm"]),
    "audience claim": (issuer("audience_claim: azp"), "5:21", ["`azp`", "client_id"]),
    "mode": (issuer("mode: shadwo"), "5:11", ["did you mean `shadow`?"]),
    "sender_constrained": (issuer("sender_constrained: accept"), "5:25", ["`accept`", "refuse", "caller"]),
    "claim without value": (issuer("claims: {a: []}"), "5:17", ["no value"]),
    "claims as a list": (issuer("claims: [a]"), "5:13", ["claims"]),
    "Google without claims": (GOOD.replace("https://auth.example.com", "https://accounts.google.com"), "2:5", ["everybody", "claims"]),
    "GitHub without claims": (GOOD.replace("https://auth.example.com", "https://token.actions.githubusercontent.com"), "2:5",
                              ["repository_owner"]),
    "Google as an alias": (issuer("aliases: [accounts.google.com]"), "2:5", ["everybody"]),
    "policy": (GOOD + "policy: /nowhere/policy.yaml\n", "5:9", ["/nowhere/policy.yaml", "cannot be read"]),
    "a feed from nowhere": (GOOD + "revocation: {feeds: [{undo: true}]}\n", "5:22", ["exactly one of `file`, `url` and `redis`"]),
    "a feed from two places": (GOOD + "revocation: {feeds: [{url: https://a/b, redis: redis://c}]}\n", "5:22", ["exactly one of"]),
    "a list over plain HTTP": (GOOD + "revocation: {feeds: [{url: http://a/b}]}\n", "5:28", ["http://a/b", "not an https URL"]),
    "a Redis of another kind": (GOOD + "revocation: {feeds: [{redis: amqp://c}]}\n", "5:30", ["redis://"]),
    "a password in a URL": (GOOD + "revocation: {feeds: [{redis: 'redis://u:secret@c'}]}\n", "5:30", ["password_file"]),
    "a stream of a list": (GOOD + "revocation: {feeds: [{url: https://a/b, stream: s}]}\n", "5:22", ["`stream`", "`redis`"]),
    "an interval of a stream": (GOOD + "revocation: {feeds: [{redis: redis://c, interval: 5s}]}\n", "5:22", ["`interval`", "`url`"]),
    "a list too often": (GOOD + "revocation: {feeds: [{url: https://a/b, interval: 100ms}]}\n", "5:51", ["1s to 24h"]),
    "start_without of a file": (GOOD + "revocation: {feeds: [{file: keys.json, start_without: true}]}\n", "5:22", ["`start_without`"]),
    "a password that others can read": (GOOD + "revocation: {feeds: [{redis: redis://c, password_file: keys.json}]}\n", "5:56", ["chmod o-rwx"]),
    "a feed twice": (GOOD + "revocation: {feeds: [{redis: redis://c}, {redis: redis://c}]}\n", "5:42", ["twice"]),
    "no peers": (GOOD + "peers: []\n", "5:8", ["the list is empty", "leave the key out"]),
    "peers as keys": (GOOD + "peers: {a: b}\n", "5:8", ["list"]),
    "peer as text": (GOOD + "peers: [a]\n", "5:9", ["keys with values"]),
    "peer without a name": (peers("{uid: 1003}"), "6:5", ["`name` is missing"]),
    "peer with an empty name": (peers('{name: "", uid: 1003}'), "6:12", ["not a valid peer name"]),
    "peer's name with a space": (peers("{name: a b, uid: 1003}"), "6:12", ["`a b`", "letters, digits"]),
    "peer's long name": (peers("{name: " + "a" * 65 + ", uid: 1003}"), "6:12", ["1 to 64"]),
    "two peers of one name": (peers("{name: a, uid: 1003}", "{name: a, uid: 1004}"), "7:5", ["two peers are named `a`"]),
    "peer that is nobody": (peers("{name: a}"), "6:5", ["neither `uid` nor `gid`", "uid: 1003"]),
    "peer that is two": (peers("{name: a, uid: 1003, gid: 4}"), "6:5", ["both `uid` and `gid`"]),
    "peer of no user": (peers("{name: a, uid: no-such-user}"), "6:20", ["no user `no-such-user`", "useradd --system no-such-user"]),
    "peer of no group": (peers("{name: a, gid: no-such-group}"), "6:20", ["no group `no-such-group`", "groupadd --system no-such-group"]),
    "peer of no user, in a list": (peers("{name: a, uid: [1003, no-such-user]}"), "6:27", ["no user `no-such-user`"]),
    "peer of an empty list": (peers("{name: a, uid: []}"), "6:20", ["the list is empty"]),
    "peer of no user at all": (peers('{name: a, uid: ""}'), "6:20", ["no user ``"]),
    "peer of uid -1": (peers("{name: a, uid: 4294967295}"), "6:20", ["`4294967295`"]),
    "peer of uid 2^32": (peers("{name: a, uid: 4294967296}"), "6:20", ["`4294967296`"]),
    "peer of uid 2^64": (peers("{name: a, uid: 18446744073709551616}"), "6:20", ["`18446744073709551616`"]),
    "uid twice": (peers("{name: a, uid: [1003, 1003]}"), "6:27", ["`1003`", "twice"]),
    "uid in two entries": (peers("{name: a, uid: 1003}", "{name: b, uid: [1002, 1003]}"), "7:5", ["uid 1003", "`a`", "first matching entry"]),
    "gid in two entries": (peers("{name: a, gid: [1002, 1003]}", "{name: b, gid: 1003}"), "7:5", ["gid 1003", "`a`", "first matching entry"]),
    "peer of the overflow uid": (peers("{name: a, uid: 65534}"), "6:5", ["65534", "overflow id"]),
    "peer of the overflow gid": (peers("{name: a, gid: 65534}"), "6:5", ["65534", "overflow id"]),
    "method of a peer": (peers("{name: a, uid: 1003, methods: [verfy]}"), "6:36", ["did you mean `verify`?"]),
    "part of admin": (peers("{name: a, uid: 1003, methods: [verify, revoke]}"), "6:44", ["`revoke`", "write admin"]),
    "methods as text": (peers("{name: a, uid: 1003, methods: verify}"), "6:35", ["list"]),
    "issuer of a peer": (peers("{name: a, uid: 1003, issuers: [https://auth.exampel.com]}"), "6:36",
                         ["https://auth.exampel.com", "not configured", "did you mean `https://auth.example.com`?"]),
    "issuer of a peer, like none": (peers("{name: a, uid: 1003, issuers: [x]}"), "6:36", ["`x`", "not configured", "one of `issuers`"]),
    "issuer of a peer twice": (peers("{name: a, uid: 1003, issuers: [https://auth.example.com, https://auth.example.com]}"), "6:62", ["twice"]),
    "no issuer of a peer": (peers("{name: a, uid: 1003, issuers: []}"), "6:35", ["leave the key out"]),
    "audience of a peer": (peers("{name: a, uid: 1003, audiences: [ordres]}"), "6:38", ["`ordres`", "`audiences`"]),
    "audience of another issuer": (other("audiences: [stock]") + "peers:\n- {name: a, uid: 1003, issuers: [https://auth.example.com], audiences: [stock]}\n",
                                   "9:73", ["`stock`", "this peer's issuers"]),
    "audience of a peer twice": (peers("{name: a, uid: 1003, audiences: [orders, orders]}"), "6:46", ["twice"]),
    "no audience of a peer": (peers("{name: a, uid: 1003, audiences: []}"), "6:37", ["leave the key out"]),
    "rate without unit": (peers("{name: a, uid: 1003, rate: 100}"), "6:32", ["`100`", "50000/s"]),
    "rate of an hour": (peers("{name: a, uid: 1003, rate: 100/h}"), "6:32", ["`100/h`"]),
    "rate of nothing": (peers("{name: a, uid: 1003, rate: 0/s}"), "6:32", ["`0/s`"]),
    "no connections": (peers("{name: a, uid: 1003, connections: 0}"), "6:39", ["1 to 999999"]),
    "many connections": (peers("{name: a, uid: 1003, connections: 1000000}"), "6:39", ["1 to 999999"]),
    "in_flight": (peers("{name: a, uid: 1003, in_flight: many}"), "6:37", ["`many`"]),
    "unknown key of a peer": (peers("{name: a, uid: 1003, method: [verify]}"), "6:26", ["did you mean `methods`?"]),
    "129 peers": (peers(*[f"{{name: a{i}, uid: {i}}}" for i in range(129)]), "134:5", ["128 peers"]),
    "service_tokens": (GOOD + "service_tokens: {}\n", "5:1", ["`service_tokens`", "built without it"]),
    "keys from two places": (GOOD.replace("file: keys.json", "file: keys.json, jwks_uri: https://a/b"), "3:11", ["exactly one of"]),
    "keys from nowhere": (GOOD.replace("file: keys.json", "discovery: false"), "3:11", ["exactly one of", "`jwks_uri`"]),
    "keys over plain HTTP": (GOOD.replace("file: keys.json", "jwks_uri: http://a/b"), "3:22", ["http://a/b", "not an https URL"]),
    "discovery of what is no URL": (GOOD.replace("file: keys.json", "discovery: true").replace("https://auth.example.com", "auth"), "2:5",
                                    ["`auth`", "write `jwks_uri`"]),
    "ca_file beside a file": (GOOD.replace("file: keys.json", "file: keys.json, ca_file: keys.pem"), "3:11", ["over HTTPS"]),
    "ca_file that is not there": (GOOD.replace("file: keys.json", "discovery: true, ca_file: nowhere"), "3:38", ["nowhere", "No such file"]),
    "token_file that others can read": (GOOD.replace("file: keys.json", "discovery: true, token_file: keys.json"), "3:41", ["chmod o-rwx"]),
    "timeout beside a file": (GOOD.replace("file: keys.json", "file: keys.json, timeout: 5s"), "3:11", ["`timeout`", "over HTTPS"]),
    "timeout of no time": (GOOD.replace("file: keys.json", "discovery: true, timeout: 500ms"), "3:38", ["1s to 300s"]),
    "timeout without end": (GOOD.replace("file: keys.json", "discovery: true, timeout: 6m"), "3:38", ["1s to 300s"]),
    "kid over HTTPS": (GOOD.replace("file: keys.json", "discovery: true, kid: k"), "3:11", ["`kid`", "PEM"]),
    "secrets over HTTPS": (GOOD.replace("file: keys.json", "discovery: true") + "    algorithms: [HS256]\n", "2:5", ["secret", "`file`"]),
    "refresh of no time": (GOOD.replace("file: keys.json", "discovery: true") + "    refresh: 500ms\n", "5:14", ["1s to 30d"]),
    "keys for ever": (GOOD.replace("file: keys.json", "discovery: true") + "    max_key_age: 31d\n", "5:18", ["1s to 30d"]),
    "keys too old at once": (GOOD.replace("file: keys.json", "discovery: true") + "    max_key_age: 5m\n", "2:5", ["shorter than `refresh`"]),
    "roles": (issuer("roles: roles"), "5:12", ["`roles`", "JSON pointer"]),
    "roles in a claim named by a URL": (issuer('roles: "https://shop.example/~roles"'), "5:12", ["the claim of this name is `/https:~1~1shop.example~1~0roles`"]),
    "roles in a claim with a long name": (issuer(f"roles: {'a' * 600}"), "5:12", ["JSON pointer"]),
    "scopes": (issuer("scopes: /a~2"), "5:13", ["`/a~2`", "JSON pointer"]),
    "roles at no place": (issuer("roles: []"), "5:12", ["the list is empty"]),
    "roles at one place twice": (issuer("roles: [/a, {pointer: /a, names: true}]"), "5:17", ["`/a`", "twice"]),
    "roles at too many places": (issuer("roles: [/a, /b, /c, /d, /e, /f, /g, /h, /i]"), "5:45", ["more than 8 places"]),
    "roles at a place without a pointer": (issuer("roles: {names: true}"), "5:12", ["`pointer`"]),
    "roles that are names, with a separator": (issuer('roles: {pointer: /a, names: true, separator: ","}'), "5:12", ["leave one out"]),
    "a separator of two characters": (issuer('roles: {pointer: /a, separator: ", "}'), "5:37", ["one character"]),
    "numeric claims that are none": (issuer("numeric_claims: [exp]"), "5:22", ["`exp`", "sub"]),
    "padding": (issuer("padding: allow"), "5:14", ["`allow`", "allowed"]),
    "named by a header as the help writes it": (issuer('named_by: "{header: …}"'), "5:15", ["kid"]),
    "named by nothing": (issuer("named_by: {header: \"\"}"), "5:24", ["empty"]),
    "named by what it does not say": (issuer("named_by: {}"), "5:15", ["`header`"]),
    "named by something else": (issuer("named_by: signer"), "5:15", ["`signer`", "kid"]),
    "two named by kid over HTTPS": ("issuers:\n" + "".join(
        f"  - {{issuer: {name}, named_by: kid, audiences: [a], keys: {{jwks_uri: https://localhost/}}}}\n" for name in "ab"), "3:5",
        ["`named_by: kid`", "one issuer"]),
    "refresh of a file": (issuer("refresh: 10m"), "2:5", ["`refresh`", "the agent watches a key file"]),
    "max_key_age of a file": (issuer("max_key_age: 24h"), "2:5", ["`max_key_age`", "the agent watches a key file"]),
    "socket mode as a number": (GOOD + "socket: {mode: 660}\n", "5:16", ["`660`", '"0660"']),
    "socket mode in words": (GOOD + 'socket: {mode: "rw"}\n', "5:16", ["`rw`"]),
    "socket mode with more": (GOOD + 'socket: {mode: "04666"}\n', "5:16", ["04666"]),
    "relative socket": (GOOD + "socket: {path: s.sock}\n", "5:16", ["absolute"]),
    "long socket": (GOOD + "socket: {path: /" + "a" * 108 + "}\n", "5:16", ["109 bytes", "107"]),
    "no such group": (GOOD + "socket: {group: no-such-group-here}\n", "5:17", ["groupadd"]),
    "relative state": (GOOD + "state: here\n", "5:8", ["absolute"]),
    "small cache": (GOOD + "cache: {size: 1KiB}\n", "5:15", ["1MiB"]),
    "cache without unit": (GOOD + "cache: {size: 64}\n", "5:15", ["64MiB"]),
    "threads": (GOOD + "threads: 0\n", "5:10", ["`0`", "auto"]),
    "many threads": (GOOD + "threads: 65\n", "5:10", ["64"]),
    "log level": (GOOD + "log: {level: warn}\n", "5:14", ["`warn`", "warning"]),
    "log format": (GOOD + "log: {format: xml}\n", "5:15", ["`xml`", "json"]),
    "NUL": (GOOD + 'log: {level: "in\\0fo"}\n', "5:14", ["NUL"]),
    "no key file": (GOOD.replace("keys.json", "none.json"), "3:18", ["none.json", "No such file"]),
    "kid beside a set": (GOOD.replace("{file: keys.json}", "{file: keys.json, kid: k}"), "3:18", ["`kid` applies only to a PEM file"]),
    "folder as a key file": (GOOD.replace("keys.json", "."), "3:18", ["not a regular file"]),
}

WEAK = {
    "secret that others can read": ({"keys.json": (key_set(Key("HS256")), 0o644)}, ["chmod o-rw keys.json"]),
    "secret that others can write": ({"keys.json": (key_set(Key("HS256")), 0o602)}, ["chmod o-rw keys.json"]),
    "set that others can write": ({"keys.json": (key_set(KEY), 0o646)}, ["chmod o-w keys.json"]),
    "private PEM": ({"keys.json": ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600)}, ["private key", "-pubout"]),
    "encrypted private PEM": ({"keys.json": ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", 0o600)},
                              ["private key"]),
    "damaged PEM": ({"keys.json": (KEY.pem().replace("-----END PUBLIC", "-----END PUBLC"), 0o644)}, ["cannot be used"]),
    "bare JWK": ({"keys.json": ('{"kty": "oct"}', 0o600)}, ['{"keys": [...]}']),
    "set of nothing usable": ({"keys.json": (key_set(dict(KEY.jwk(), crv="P-257")), 0o644)}, ["no usable key", "k1"]),
    "broken JSON": ({"keys.json": ('{"keys": [}', 0o644)}, ["line 1, column"]),
}

GOODS = {
    "the smallest": GOOD,
    "everything": issuer("aliases: [auth]", "audience_claim: client_id", "algorithms: [RS256, EdDSA, Ed25519]", "token_types: [JWT, '']",
                         "claims: {a: [b, 1, true], c: d}", "required_claims: [jti]", "leeway: 0s", "max_token_lifetime: 7d",
                         "sender_constrained: caller", "mode: shadow")
                  + 'socket: {path: /run/x.sock, mode: "0600", group: root}\nstate: /var/lib/x\ncache: {size: 1GiB}\nfast_path: true\n'
                    "threads: auto\nlog: {level: debug, format: text, decisions: all}\n",
    "PEM": GOOD.replace("{file: keys.json}", "{file: keys.pem, kid: k}"),
    "JSON": '{"issuers": [{"issuer": "a", "keys": {"file": "keys.json"}, "audiences": ["b"]}]}',
    "Google with claims": GOOD.replace("https://auth.example.com", "https://accounts.google.com") + "    claims: {hd: [example.com]}\n",
    "7 aliases": issuer("aliases: [a, b, c, d, e, f, g]"),
    "10m": issuer("leeway: 10m"),
    "peers": peers("{name: orders, uid: 0, methods: [verify, authorize, token, refresh, admin], issuers: [https://auth.example.com],"
                   " audiences: [orders], rate: 50000/s, connections: 100, in_flight: 256}", "{name: a.b-c_D, gid: [adm, 4294967294]}",
                   "{name: seldom, uid: [1, 2], rate: 1/m, methods: []}"),
    "peers before issuers": "peers: [{name: a, uid: 1, issuers: [https://auth.example.com], audiences: [orders]}]\n" + GOOD,
    "128 peers": peers(*[f"{{name: a{i}, uid: {i}}}" for i in range(128)]),
}


class Check(unittest.TestCase):
    maxDiff = None

    def refused(self, text, place, words, files=None):
        code, said, out = check_config(text, files={**FILES, **(files or {})})
        self.assertEqual(code, 2, said)
        self.assertEqual(out, "")
        first = said.splitlines()[0]
        self.assertTrue(first.startswith(f"assayd.yaml:{place}: " if place else "assayd.yaml: "), said)
        for word in words:
            self.assertIn(word, first)
        self.assertRegex(said.splitlines()[-1], r"^assayd: assayd\.yaml is refused, \d+ faults?$")
        for sign in ("AddressSanitizer", "runtime error"):
            self.assertNotIn(sign, said)

    def test_bad(self):
        for name, (text, place, words) in BAD.items():
            with self.subTest(name):
                self.refused(text, place, words)

    def test_bad_key_files(self):
        for name, (files, words) in WEAK.items():
            with self.subTest(name):
                self.refused(GOOD, "3:18", words, files)

    def test_good(self):
        for name, text in GOODS.items():
            with self.subTest(name):
                code, said, out = check_config(text, files=FILES)
                self.assertEqual((code, said), (0, ""))
                self.assertEqual(out, "assayd.yaml: good, 1 issuer\n")

    def test_all_faults_at_once(self):
        code, said, _ = check_config("a: 1\nb: 2\nissuers: []\nlog: {level: x}\n")
        self.assertEqual(code, 2)
        self.assertEqual([line.split(": ")[0] for line in said.splitlines()],
                         ["assayd.yaml:1:1", "assayd.yaml:2:1", "assayd.yaml:3:10", "assayd.yaml:4:14", "assayd"])

    def test_a_skipped_key_is_a_warning(self):
        files = {"keys.json": (key_set(KEY, dict(Key().jwk(), kid="e", use="enc")), 0o644)}
        code, said, _ = check_config(GOOD, files=files)
        self.assertEqual(code, 0)
        self.assertRegex(said, r"^keys\.json: warning: key 2 \(kid e\) is skipped: its `use` is not sig\n$")

    def test_a_missing_file(self):
        done = subprocess.run([ASSAYD, "--config", "/nonexistent/assayd.yaml", "--check"], capture_output=True, text=True, timeout=20,
                              check=False)
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stderr.startswith("/nonexistent/assayd.yaml: cannot be read: No such file or directory"), done.stderr)

    def test_check_starts_nothing(self):
        text = GOOD + "socket: {path: /nonexistent/folder/s}\nstate: /nonexistent/state\n"
        self.assertEqual(check_config(text, files=FILES)[0], 0)
        self.assertFalse(os.path.exists("/nonexistent"))


class Options(unittest.TestCase):
    def run_with(self, *arguments):
        done = subprocess.run([ASSAYD, *arguments], capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_help(self):
        code, out, said = self.run_with("--help")
        self.assertEqual((code, said), (0, ""))
        for word in ("--config", "--check", "--version", "SIGHUP", "audiences:"):
            self.assertIn(word, out)

    def test_version(self):
        code, out, _ = self.run_with("--version")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^assayd \d+\.\d+\.\d+\n$")

    def test_wrong_usage(self):
        for arguments in (["--chek"], ["--config"], ["assayd.yaml"], ["-x"]):
            with self.subTest(arguments):
                code, out, said = self.run_with(*arguments)
                self.assertEqual((code, out), (2, ""))
                self.assertTrue("--help" in said or "--config" in said, said)


if __name__ == "__main__":
    unittest.main()
