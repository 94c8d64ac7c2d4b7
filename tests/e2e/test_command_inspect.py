"""`assay inspect` takes a token through the agent's own checks without an agent, and shows each with what it saw."""
import json
import os
import subprocess
import time
import unittest

from agent import ASSAY, AUDIENCE, ISSUER, Key, b64, key_set, unb64
from command import CommandTest, assay

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOW = 1767225600        # the moment that tests/cases are about
CHECKS = ["size", "segments", "header", "algorithm known", "crit", "payload", "issuer", "typ", "algorithm allowed", "key", "signature",
          "kind of token", "claims present", "claim types", "claim values", "exp", "nbf and iat", "audience", "lifetime",
          "revocation", "mode"]
JWS_CHECKS = ["size", "segments", "header", "algorithm known", "crit", "algorithm allowed", "key", "signature"]
OF_CLAIMS = {"wrong_type", "unknown_issuer", "missing_claim", "bad_claim", "claim_mismatch", "expired", "not_yet_valid",
             "wrong_audience"}


def read(*path):
    try:
        with open(os.path.join(TESTS, *path), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


class Folder:
    """One of tests/cases or tests/accepted."""

    def __init__(self, group, name):
        self.name = f"{group}/{name}"
        self.token, self.twin = read(group, name, "token"), read(group, name, "twin")
        self.expect = (read(group, name, "expect") or b"").decode().strip()
        self.keys = read(group, name, "keys.json") or read("cases", "default", "keys.json")
        self.ask = json.loads(read(group, name, "ask.json") or b"{}")
        self.now, self.audience = self.ask.get("now", NOW), self.ask.get("audience", AUDIENCE)
        self.usual = self.token is not None and read(group, name, "config.yaml") is None and "revoked" not in self.ask

    def line(self, token, ident, **more):
        """For --batch: the set stands in it byte for byte, but without the mark that may stand in front of a whole text only."""
        rest = json.dumps({"id": ident, "token": token, "issuer": ISSUER, "audience": self.audience, "now": self.now, **more})
        keys = self.keys.removeprefix(b"\xef\xbb\xbf").replace(b"\n", b" ")
        return rest[:-1].encode() + b',"keys":' + keys + b"}\n"

    def expected(self, token, reason):
        """Without leeway, what an agent accepts in its last seconds is over."""
        if reason != "accepted":
            return reason
        claims = json.loads(unb64(token.split(".")[1]))
        if claims["exp"] <= self.now:
            return "expired"
        return "not_yet_valid" if max(claims.get("nbf", 0), claims.get("iat", 0)) > self.now else "accepted"

    def differs(self):
        """True: here inspect is not meant to say what an agent says. It has no list of algorithms, so that HS256 with a secret in the
        set is allowed without being named; and no list of audiences, so that any that is asked for is right."""
        hmac = self.expect == "algorithm_mismatch" and b'"oct"' in self.keys
        return hmac or self.audience != AUDIENCE


def usual_folders():
    """Those that say nothing of a configuration or of revocations, which an inspection does not have."""
    folders = [Folder(group, entry.name) for group in ("cases", "accepted")
               for entry in sorted(os.scandir(os.path.join(TESTS, group)), key=lambda entry: entry.name) if entry.is_dir()]
    return [folder for folder in folders if folder.usual]


def answers(done):
    return {answer["id"]: "accepted" if answer["active"] is True else answer["reason"]
            for answer in map(json.loads, done.out.splitlines())}


class InspectTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.keys = self.put("keys.json", key_set(self.key))
        self.now = int(time.time())

    def inspect(self, token, *arguments, keys=None):
        return assay("inspect", "--keys", keys or self.keys, *arguments, given=token)

    def assertInspects(self, token, expected, *arguments, keys=None):
        done = self.inspect(token, *arguments, keys=keys)
        if expected == "good":
            self.assertDone(0, done, "\ngood\n")
        else:
            self.assertDone(1, done, f"refused: {expected}: ")

    def batch(self, *lines):
        given = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
        return assay("inspect", "--batch", given=given)

    def line(self, **members):
        return {"id": 1, "keys": json.loads(key_set(self.key)), "token": self.key.token(), **members}


class One(InspectTest):
    def test_every_check_in_its_order_and_what_it_saw(self):
        done = self.inspect(self.key.token(jti="j"))
        self.assertDone(0, done)
        lines = done.out.splitlines()
        self.assertEqual([line[:18].strip() for line in lines], CHECKS + ["good"])
        self.assertEqual({line[20:].split()[0] for line in lines[:-1]}, {"ok"})
        for seen in ("bytes of at most 16384", '{"alg":"ES256","typ":"JWT","kid":"k1"}', f'"{ISSUER}"',
                     'kid "k1": 1 of the set\'s keys', '"sub":"alice"', "s from now", "10 s ago", "only an agent has"):
            self.assertIn(seen, done.out)

    def test_where_it_stops(self):
        for token, reason, check in [
                ("a" * 16385, "too_large", "size"), ("a.b", "malformed", "segments"), ("a.b.c!", "malformed", "segments"),
                (b64(b"[]") + "." + b64(b"{}") + ".AAAA", "malformed", "header"), (self.key.token({"kid": 5}), "malformed", "header"),
                (self.key.token({"alg": "none"}), "unsupported_algorithm", "algorithm known"),
                (self.key.token({"crit": ["b64"]}), "unsupported_critical_header", "crit"),
                (self.key.token({"typ": "logout+jwt"}), "wrong_type", "typ"), (self.key.token({"kid": "other"}), "unknown_key", "key"),
                (self.key.token({"alg": "RS256"}), "algorithm_mismatch", "key"), (Key().token(), "bad_signature", "signature"),
                (self.key.token(events={}), "wrong_type", "kind of token"),
                (self.key.token(exp=None), "missing_claim", "claims present"),
                (self.key.token(exp="5"), "bad_claim", "claim types"), (self.key.token(cnf={}), "claim_mismatch", "claim values"),
                (self.key.token(exp=self.now - 1), "expired", "exp"),
                (self.key.token(nbf=self.now + 99), "not_yet_valid", "nbf and iat")]:
            with self.subTest(check):
                done = self.inspect(token)
                self.assertDone(1, done, f"assay: refused: {reason}: ")
                lines = done.out.splitlines()
                self.assertEqual([line[:18].strip() for line in lines], CHECKS[:CHECKS.index(check) + 1])
                self.assertRegex(lines[-1], "^" + check + " +REFUSED")
                self.assertNotIn("REFUSED", "".join(lines[:-1]))
                told = self.inspect(token, "--json").json()
                self.assertEqual((told["active"], told["reason"]), (False, reason))
                self.assertEqual([(entry["check"], entry["passed"]) for entry in told["checks"]],
                                 [(name, name != check) for name in CHECKS[:CHECKS.index(check) + 1]])

    def test_the_byte_and_the_rule_of_a_fault_of_form(self):
        header, payload = b64(b'{"alg":"ES256"}'), b64(b'{"iss":"x"}')
        size = len(header)
        of_token = [("abc", "1 part;", "RFC 7515 section 7.1"), ("a.b.c.d", "4 parts;", "RFC 7515 section 7.1"),
                    ("a.b.c.d.e", "five parts: the token is encrypted", "RFC 7516"),
                    (f"{header}.{payload}.AAAA\n{header}.{payload}.AAAA", "0x0a at byte", "no white space"),
                    (f"{header}=.{payload}.AAAA", f"`=` at byte {size + 1}, in the header", "no padding"),
                    (f"{header}.{payload}.AAA=", f"`=` at byte {size + len(payload) + 6}, in the signature", "no padding"),
                    (f"{header}.AA+A.AAAA", f"`+` at byte {size + 4}, in the payload", "`-` for `+`"),
                    (f"{header}.AA/A.AAAA", f"`/` at byte {size + 4}, in the payload", "`_` for `/`"),
                    (f"Bearer {header}.{payload}.AAAA", "0x20 at byte 7", "RFC 6750"),
                    (f"{header}.{payload}.AA AA", "0x20 at byte", "no white space"),
                    (f'"{header}.{payload}.AAAA"', '`"` at byte 1', "quotation marks"),
                    (f"{header}%2E.{payload}.AAAA", f"`%` at byte {size + 1}", "percent-encoded"),
                    (f"{header}.{payload}.\x1b", "0x1b at byte", "RFC 4648 section 5"),
                    (f"{header}.{payload}.AAAAA", "the signature has 5 characters", "RFC 4648 section 5"),
                    (f"{header}.{payload[:-1]}B.AAAA", f"`B` at byte {size + 1 + len(payload)}, in the payload", "RFC 4648 section 3.5")]
        of_header = [('{"alg":5}', '"alg" is not a string', "4.1.1"), ('{"kid":"a"}', 'no "alg"', "4.1.1"),
                     ('{"alg":"ES256","kid":1}', '"kid" is not a string', "4.1.4"), ('{"alg":"ES256","typ":1}', '"typ" is not a string', "4.1.9"),
                     ('{"alg":"ES256","cty":1}', '"cty" is not a string', "4.1.10"), ('{"alg":"ES256","b64":false}', '"b64"', "RFC 7797"),
                     ('{"alg":"ES256","zip":"DEF"}', '"zip"', "RFC 7516"), ('{"alg":"dir","enc":"A128GCM"}', '"enc"', "encrypted"),
                     ("[]", "byte 1: expected", "`{`"), ("", "it is empty", "")]
        of_payload = [('{"a":1,"b":2,"a":3}', 'byte 19: "a": the object that ends here repeats a name', "RFC 7519"), ('{"a":{"b":1,"b":2}}', 'byte 18: "b": the object that ends here repeats a name', ""),
                      ('{"a":01}', "byte 6: a number has a leading zero", "RFC 8259"), ('{"a":1.}', "byte 8: ", "after the decimal point"),
                      ('{"a":1e}', "byte 8: ", "exponent"), ('{"a":1e999}', "byte 6: ", "double"), ('{"a":tru}', "byte 6: ", "not a JSON value"),
                      ('{"a":NaN}', "byte 6: ", "not a JSON value"), ('{"a":-}', "byte 7: ", "not a JSON value"), ('{"a":[1 2]}', "byte 9: ", "`]`"),
                      ('{"a":1 2}', "byte 8: ", "`}`"), ("{'a':1}", "byte 2: ", "double quotes"), ('{"a":1,}', "byte 8: ", "double quotes"),
                      ('{"a" 1}', "byte 6: ", "`:`"), ('{"a":1', "after byte 6: ", "ends before"), ('{"a":"b', "after byte 7: ", "ends before"),
                      ('{"a":tru', "after byte 8: ", "ends before"), ('{"a":"\\ud800', "after byte 12: ", "ends before"),
                      ('{"a":"\\ud800\\', "after byte 13: ", "ends before"), ('{"a":"\\u1"', "byte 10: ", "hexadecimal"),
                      ('{"a":"\\', "after byte 7: ", "ends before"), ('{"a":"\\u1', "after byte 9: ", "ends before"),
                      ('{"a":1}x', "byte 8: ", "after the object"), ('{"a":"\\ud800"}', "byte 7: ", "surrogate"),
                      ('{"a":"\\udc00"}', "byte 7: ", "surrogate"), ('{"a":"\\ud800\\u0041"}', "byte 7: ", "surrogate"),
                      ('{"a":"\\u00"}', "byte 11: ", "hexadecimal"), ('{"a":"\\u0000"}', "byte 7: ", "refused"),
                      ('{"a":"\\q"}', "byte 7: ", "unknown escape"), ('{"a":"\x01"}', "byte 7: ", "control character"),
                      (b'{"a":"\xff"}', "byte 7: ", "UTF-8"), ('{"a":' + "[" * 40 + "]" * 40 + "}", "byte ", "nested too deeply")]
        cases = [(token, "segments", words) for token, *words in of_token]
        for given, check, after in ((of_header, "header", "." + payload + ".AAAA"), (of_payload, "payload", ".AAAA")):
            before = "" if check == "header" else header + "."
            cases += [(before + b64(part if isinstance(part, bytes) else part.encode()) + after, check, words) for part, *words in given]
        for token, check, words in cases:
            with self.subTest(token=token, words=words):
                last = self.inspect(token, "--json").json()["checks"][-1]
                self.assertEqual((last["check"], last["passed"]), (check, False))
                for word in words:
                    self.assertIn(word, last["saw"])
        for token, words in ((self.key.token(sub=7), '"sub" is a number'), (self.key.token(jti=7), "numeric_claims: [jti]"),
                             (self.key.token(sub=[7]), '"sub" is not a string'), (self.key.token(nbf="7"), '"nbf" is not a time'),
                             (self.key.token(aud=7), "audience is neither"), (self.key.token(exp=-1), '"exp" is not a time'),
                             (self.key.token(iss=None), "named_by")):
            self.assertIn(words, self.inspect(token, "--json").json()["checks"][-1]["saw"] or "")
        self.assertIn("is not one of RS256", self.inspect(self.key.token({"alg": "none"})).out)
        self.assertIn("RFC 7515 section 4.1.11", self.inspect(self.key.token({"crit": ["b64"]})).out)

    def test_json_of_a_good_one(self):
        told = self.inspect(self.key.token(), "--json").json()
        self.assertEqual((told["active"], told["reason"]), (True, None))
        self.assertEqual([entry["check"] for entry in told["checks"]], CHECKS)
        self.assertEqual({tuple(entry) for entry in told["checks"]}, {("check", "passed", "saw")})

    def test_issuer_and_audience_as_asked_or_its_own(self):
        token = self.key.token(aud=["a", "b"])
        self.assertInspects(token, "good")
        self.assertInspects(token, "good", "--issuer", ISSUER, "--audience", "b")
        self.assertInspects(token, "unknown_issuer", "--issuer", ISSUER + "/")
        self.assertInspects(token, "wrong_audience", "--audience", "c")
        self.assertInspects(token, "wrong_audience", "--audience", "")
        self.assertInspects(self.key.token(aud=None), "missing_claim")
        self.assertInspects(self.key.token(iss=None), "missing_claim")

    def test_now_and_no_leeway(self):
        token = self.key.token(iat=1000, nbf=2000, exp=3000)
        for now, expected in [("999", "not_yet_valid"), ("1999", "not_yet_valid"), ("2000", "good"), ("1970-01-01T00:33:20Z", "good"),
                              ("1970-01-01T01:49:59+01:00", "good"), ("2999", "good"), ("3000", "expired"),
                              ("1970-01-01T00:50:00Z", "expired")]:
            self.assertInspects(token, expected, "--now", now)
        self.assertInspects(token, "expired")
        self.assertIn("exp 3000, now 2999: 1 s from now", self.inspect(token, "--now", "2999").out)

    def test_jws_looks_at_no_claim(self):
        for token in (self.key.token({"typ": "logout+jwt"}), self.key.token(exp=1), self.key.token(iss=None, aud=5)):
            done = self.inspect(token, "--jws")
            self.assertDone(0, done)
            self.assertEqual([line[:18].strip() for line in done.out.splitlines()], JWS_CHECKS + ["good"])
        data = b64(b'{"alg":"ES256"}') + "." + b64(b"no \xff JSON")
        self.assertInspects(data + "." + b64(self.key.signature(data.encode())), "good", "--jws")
        self.assertInspects(Key().token(), "bad_signature", "--jws")
        self.assertInspects(self.key.token({"alg": "none"}), "unsupported_algorithm", "--jws")
        parts = [part + "=" * (-len(part) % 4) for part in self.key.token(pad="x").split(".")]
        self.assertTrue(any(part.endswith("=") for part in parts))
        self.assertInspects(".".join(parts), "malformed", "--jws")

    def test_every_algorithm_also_with_secrets(self):
        for alg in ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"):
            key = Key(alg)
            keys = self.put(alg, key_set(self.key.named("k0"), key))
            self.assertInspects(key.token(), "good", keys=keys)
            self.assertInspects(Key(alg).token(), "bad_signature", keys=keys)
        self.assertInspects(key.token(header={"alg": "HS256"}), "algorithm_mismatch", keys=keys)

    def test_keys_in_pem_but_no_private_ones(self):
        self.assertInspects(self.key.token(), "good", keys=self.put("k.pem", self.key.pem()))
        assay("keygen", "--alg", "ES256", "--kid", "k", "--out", self.path("private.pem"))
        self.assertDone(2, self.inspect("a", keys=self.path("private.pem")), "private.pem", "public key")

    def test_what_is_no_text_is_shown_as_such(self):
        for part in (b'{"alg":"ES256","x":"\x9b31m\xff"}', b"\x00\xc3", b'{"x":"\xc3\xa9\xc2\x9b\x1b[31m\x7f'):
            token = b64(part) + ".e30.AAAA"
            self.assertInspects(token, "malformed")
            done = self.inspect(token)
            self.assertTrue(all(byte == 10 or 32 <= byte < 127 or byte in b"\xc3\xa9" for byte in done.raw_out), done)
            self.assertEqual([entry["check"] for entry in self.inspect(token, "--json").json()["checks"]], CHECKS[:3])
        for shift in range(3):      # a header of which a piece is shown, cut between two characters
            token = self.key.token({"kid": "k1", "x": "a" * shift + "€" * 400})
            done = self.inspect(token, "--json")
            self.assertEqual([entry["check"] for entry in done.json()["checks"]], CHECKS)
            self.assertRegex(done.json()["checks"][2]["saw"], r'"x":"a*€+…\Z|x.*…\Z')

    def test_a_token_on_stdin_of_any_size(self):
        for size in (65535, 65536, 65537, 2**20):
            self.assertInspects("a" * size, "too_large")


class Batch(InspectTest):
    def test_agrees_with_every_folder_of_the_defaults(self):
        lines, expected = [], {}
        for folder in usual_folders():
            for name, token, reason in ((folder.name, folder.token, folder.expect), (folder.name + " twin", folder.twin, "accepted")):
                if token is None or (name == folder.name and folder.differs()):
                    continue
                try:
                    token = token.decode()
                except UnicodeDecodeError:      # no JSON can carry it
                    self.put("token", "")
                    with open(self.path("token"), "wb") as file:
                        file.write(token)
                    done = assay("inspect", "--keys", self.put("k", folder.keys.decode()), "--token-file", self.path("token"))
                    self.assertDone(1, done, f"refused: {reason}: ")
                    continue
                lines.append(folder.line(token, name))
                expected[name] = folder.expected(token, reason)
        done = self.batch(*lines)
        self.assertDone(0, done)
        self.assertEqual(answers(done), expected)
        self.assertGreater(len(expected), 1900)

    def test_jws_agrees_where_only_claims_are_wrong(self):
        folders = [folder for folder in usual_folders() if folder.expect in OF_CLAIMS]
        found = answers(self.batch(*(folder.line(folder.token.decode(), folder.name, jws=True) for folder in folders)))
        self.assertEqual({name: reason for name, reason in found.items() if reason != "accepted"}, {})
        self.assertGreater(len(found), 100)

    def test_answers_have_exactly_these_members(self):
        done = self.batch(self.line(), self.line(token="a"), self.line(id=[1, {"a": None}]), self.line(id="ü\0"), self.line(id=None))
        self.assertDone(0, done)
        self.assertEqual([json.loads(line) for line in done.out.splitlines()],
                         [{"id": 1, "active": True, "reason": None}, {"id": 1, "active": False, "reason": "malformed"},
                          {"id": [1, {"a": None}], "active": True, "reason": None}, {"id": "ü\0", "active": True, "reason": None},
                          {"id": None, "active": True, "reason": None}])

    def test_what_a_line_may_ask(self):
        token = self.key.token(iat=1000, exp=3000)
        asked = [({"now": 2999.5}, "accepted"), ({"now": 3000}, "expired"), ({"now": "2999"}, "accepted"),
                 ({"now": 999}, "not_yet_valid"), ({"now": "1970-01-01T00:50:00Z"}, "expired"), ({}, "expired"),
                 ({"jws": True}, "accepted"), ({"jws": False}, "expired"),
                 ({"now": 2000, "issuer": "x"}, "unknown_issuer"), ({"now": 2000, "audience": "x"}, "wrong_audience"),
                 ({"now": 2000, "issuer": ISSUER, "audience": "orders"}, "accepted"), ({"now": 2000, "audience": ""}, "wrong_audience")]
        done = self.batch(*(self.line(id=i, token=token, **members) for i, (members, _) in enumerate(asked)))
        self.assertEqual(answers(done), dict(enumerate(expected for _, expected in asked)))

    def test_a_set_that_cannot_be_used_has_no_key(self):
        weak = {"kty": "RSA", "n": b64(b"\xff" * 128), "e": "AQAB", "kid": "k1"}
        twice = key_set(self.key).replace('"kid"', '"kid": "k0", "kid"')
        sets = ["{}", '{"keys":[]}', "[]", "null", '"x"', "5", '{"keys":{}}', '{"keys":[5]}', json.dumps({"keys": [weak]}), twice,
                json.dumps(self.key.jwk())]
        good = json.dumps(self.line(id=99)).encode() + b"\n"
        lines = [b'{"id":%d,"token":"%s","keys":%s}\n' % (i, self.key.token().encode(), keys.encode()) for i, keys in enumerate(sets)]
        done = self.batch(good, *lines, good)
        self.assertDone(0, done)
        self.assertEqual(answers(done), {**{i: "unknown_key" for i in range(len(sets))}, 99: "accepted"})
        self.assertEqual(done.out.count("\n"), len(sets) + 2)

    def test_keys_of_one_line_are_not_those_of_the_next(self):
        other = Key()
        lines = [self.line(id=0), self.line(id=1, token=other.token()), self.line(id=2, keys=json.loads(key_set(other))),
                 self.line(id=3, keys=json.loads(key_set(other)), token=other.token()), self.line(id=4)]
        self.assertEqual(list(answers(self.batch(*lines)).values()),
                         ["accepted", "bad_signature", "bad_signature", "accepted", "accepted"])

    def test_a_line_that_is_none_is_told_with_its_number(self):
        good = self.line()
        for line, *words in [(b"{\n", "not JSON"), (b"[]\n", "not a JSON object"), (b"5\n", "not JSON"), (b"\xff\n", "not JSON"),
                             (b"{} {}\n", "not JSON"), (b"{}\n", '"token"'), ({**good, "token": 5}, '"token"'),
                             ({"token": "a"}, '"keys"'), ({**good, "issuer": 5}, '"issuer"'), ({**good, "audience": None}, '"audience"'),
                             ({**good, "jws": 1}, '"jws"'), ({**good, "now": "noon"}, '"now"'), ({**good, "now": None}, '"now"'),
                             (json.dumps(good).encode()[:-1] + b',"token":"a"}\n', "duplicate"),
                             (b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"\n", "not JSON"),
                             (b" " * (4 * 2**20) + b"{}\n", "longer than 4194304 bytes")]:
            with self.subTest(words):
                done = self.batch(good, b"\n", line, good)
                self.assertEqual(done.code, 2)
                self.assertIn("assay: line 3: ", done.err)
                for word in words:
                    self.assertIn(word, done.err)
                self.assertEqual(answers(done), {1: "accepted"})     # what came before it is answered, and nothing after it

    def test_long_lines_and_a_last_one_without_its_end(self):
        large = self.line(id=1, token="a" * 3 * 2**20)
        done = self.batch(large, json.dumps(self.line(id=2)).encode())
        self.assertEqual(answers(done), {1: "too_large", 2: "accepted"})
        self.assertEqual(answers(self.batch(json.dumps(self.line()).encode() + b"\r\n", b"\n", b"\n")), {1: "accepted"})

    def test_each_answer_comes_before_the_next_line(self):
        with subprocess.Popen([ASSAY, "inspect", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            for ident in range(5):
                process.stdin.write(json.dumps(self.line(id=ident)).encode() + b"\n")
                process.stdin.flush()
                self.assertEqual(json.loads(process.stdout.readline())["id"], ident)
            process.stdin.close()
            self.assertEqual(process.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
