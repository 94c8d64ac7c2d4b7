"""A good token gets a yes of exactly this shape; everything else a no with its reason."""
import json
import os
import time
import unittest

import msgpack

from agent import AUDIENCE, ISSUER, AssayTest, Key, b64, key_set, other_spelling, put_file

CASES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cases")
OTHER = "https://other.example.com"

# Reasons that are found before the clock is looked at: the tokens of tests/cases are good at one past moment only.
BEFORE_TIME = {"malformed", "too_large", "unsupported_algorithm", "unsupported_critical_header", "unknown_issuer", "unknown_key",
               "bad_signature", "algorithm_mismatch", "wrong_type", "missing_claim", "bad_claim", "claim_mismatch"}


class Verify(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()

    def test_yes_has_exactly_these_members(self):
        agent = self.start(keys=[self.key])
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": [AUDIENCE, "x"], "sub": "älice", "iat": now, "exp": now + 60.75, "n": -5, "f": 1.5,
                  "t": True, "z": None, "o": {"a": [1, {"b": "c"}]}, "big": 2**63, "e": {}, "l": []}
        token = self.key.token(**claims)
        with agent.connect() as client:
            for _ in range(3):          # the first is not cached, the others are
                answer = client.call("verify", token=token)
                self.assertEqual(set(answer), {"active", "claims", "issuer", "expires_at", "key_age", "revocation_age"})
                self.assertIs(answer["active"], True)
                self.assertEqual(answer["claims"], {k: v for k, v in claims.items() if v is not None})
                self.assertEqual(answer["issuer"], ISSUER)
                self.assertEqual(answer["expires_at"], now + 60)
                self.assertIsInstance(answer["expires_at"], int)
                self.assertIn(answer["key_age"], range(0, 30))
                self.assertIsNone(answer["revocation_age"])

    def test_claims_keep_their_order_and_types(self):
        agent = self.start(keys=[self.key])
        body = '{"iss":"%s","aud":"%s","exp":%d,"null":null,"zero":-0,"one":1.0,"tiny":5e-324,"s":"\\u0041\\ud83d\\ude00"}' % (
            ISSUER, AUDIENCE, time.time() + 60)
        data = b64(json.dumps({"alg": "ES256", "kid": "k1"}).encode()) + "." + b64(body.encode())
        token = data + "." + b64(self.key.signature(data.encode()))
        for _ in range(2):
            claims = agent.call("verify", token=token)["claims"]
            self.assertEqual(list(claims), ["iss", "aud", "exp", "null", "zero", "one", "tiny", "s"])
            self.assertIsNone(claims["null"])
            self.assertEqual((claims["one"], claims["tiny"], claims["s"]), (1, 5e-324, "A\U0001f600"))

    def test_no_has_exactly_active_and_reason(self):
        agent = self.start(keys=[self.key])
        now = int(time.time())
        stranger = Key()
        tokens = {
            "malformed": "a.b", "too_large": "a" * 16385, "unknown_issuer": self.key.token(iss="https://nobody.example"),
            "unknown_key": Key(kid="k9").token(), "bad_signature": stranger.token(),
            "unsupported_algorithm": self.key.token({"alg": "none"}), "algorithm_mismatch": self.key.token({"alg": "RS256"}),
            "unsupported_critical_header": self.key.token({"crit": ["exp"]}), "wrong_type": self.key.token({"typ": "refresh"}),
            "missing_claim": self.key.token(exp=None), "bad_claim": self.key.token(exp="tomorrow"),
            "claim_mismatch": self.key.token(cnf={"jkt": "x"}), "expired": self.key.token(exp=now - 31),
            "not_yet_valid": self.key.token(nbf=now + 300), "wrong_audience": self.key.token(aud="invoices"),
        }
        with agent.connect() as client:
            for reason, token in tokens.items():
                for _ in range(2):
                    self.assertEqual(client.call("verify", token=token), {"active": False, "reason": reason})

    def test_lifetime_too_long(self):
        agent = self.prepare(keys=[self.key])
        agent.configure([agent.issuer(max_token_lifetime="1h")])
        agent.start()
        now = int(time.time())
        self.assertEqual(agent.verify(self.key.token(iat=now, exp=now + 3600)), "accepted")
        self.assertEqual(agent.verify(self.key.token(iat=now, exp=now + 3601)), "lifetime_too_long")
        self.assertEqual(agent.verify(self.key.token(iat=None, exp=now + 60)), "missing_claim")

    def test_a_token_of_16_KiB_and_one_more(self):
        key = Key("EdDSA")
        agent = self.start(keys=[key])
        claim = (16384 - len(key.token(x=""))) * 3 // 4
        tokens = [key.token(x="a" * size) for size in range(claim - 4, claim + 5)]
        found = {len(token): agent.verify(token) for token in tokens}
        self.assertEqual(found, {size: "accepted" if size <= 16384 else "too_large" for size in found})
        self.assertGreaterEqual(max(size for size in found if size <= 16384), 16383)
        self.assertIn(16385, found)

    def test_audience_asked_for(self):
        agent = self.prepare(keys=[self.key])
        agent.configure([agent.issuer(audiences=["orders", "invoices"])])
        agent.start()
        both, one = self.key.token(aud=["orders", "invoices"]), self.key.token(aud="orders")
        with agent.connect() as client:
            for _ in range(2):          # what was cached under one audience is not believed for another
                self.assertEqual(client.verify(both), "accepted")
                self.assertEqual(client.verify(both, audience="orders"), "accepted")
                self.assertEqual(client.verify(both, audience="invoices"), "accepted")
                self.assertEqual(client.verify(one, audience="orders"), "accepted")
                self.assertEqual(client.verify(one, audience="invoices"), "wrong_audience")
                self.assertEqual(client.verify(both, audience="stock"), "wrong_audience")
                self.assertEqual(client.verify(both, audience=""), "wrong_audience")
                self.assertEqual(client.verify(both, audience=None), "accepted")

    def test_keys_are_bound_to_their_issuer(self):
        agent = self.prepare(keys=[self.key])
        theirs = Key(kid="k1")          # the same name, another key
        put_file(agent.path("keys/other.json"), key_set(theirs))
        agent.configure([agent.issuer(), agent.issuer(OTHER, agent.path("keys/other.json"), aliases=["other"], audiences=["stock"])])
        agent.start()
        with agent.connect() as client:
            for _ in range(2):
                self.assertEqual(client.verify(self.key.token()), "accepted")
                self.assertEqual(client.verify(theirs.token(iss=OTHER, aud="stock")), "accepted")
                self.assertEqual(client.verify(theirs.token()), "bad_signature")
                self.assertEqual(client.verify(self.key.token(iss=OTHER, aud="stock")), "bad_signature")
                self.assertEqual(client.verify(theirs.token(iss=OTHER)), "wrong_audience")
                self.assertEqual(client.verify(theirs.token(iss=OTHER, aud="stock"), audience="orders"), "wrong_audience")
            alias = client.call("verify", token=theirs.token(iss="other", aud="stock"))
            self.assertEqual((alias["issuer"], alias["claims"]["iss"]), (OTHER, "other"))
            self.assertEqual(client.verify(theirs.token(iss=OTHER + "/", aud="stock")), "unknown_issuer")

    def test_every_algorithm(self):
        keys = [Key(alg, alg) for alg in ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA")]
        agent = self.start(keys=keys)
        with agent.connect() as client:
            for key in keys:
                for other in keys:
                    token = key.token({"kid": other.kid})
                    expected = "accepted" if key is other else "algorithm_mismatch"
                    self.assertEqual(client.verify(token), expected, (key.alg, other.kid))
                self.assertEqual(client.verify(key.token(header={"kid": None})), "accepted", key.alg)

    def test_expires_while_cached(self):
        agent = self.prepare(keys=[self.key])
        agent.configure([agent.issuer(leeway="0s")])
        agent.start()
        end = time.time() + 1.2
        token = self.key.token(exp=end, iat=None)
        with agent.connect() as client:
            self.assertEqual(client.verify(token), "accepted")
            while time.time() < end + 0.2:
                began = time.time()
                found = client.verify(token)
                if found == "accepted":
                    self.assertLess(began, end)
                if time.time() < end:
                    self.assertEqual(found, "accepted")
            self.assertEqual(client.verify(token), "expired")

    def test_becomes_valid_without_a_new_token(self):
        agent = self.prepare(keys=[self.key])
        agent.configure([agent.issuer(leeway="0s")])
        agent.start()
        begin = time.time() + 0.8
        token = self.key.token(nbf=begin, iat=None)
        with agent.connect() as client:
            self.assertEqual(client.verify(token), "not_yet_valid")
            while client.verify(token) != "accepted":
                self.assertLess(time.time(), begin + 2)
            self.assertGreaterEqual(time.time(), begin)

    def test_str_or_bin(self):
        agent = self.start(keys=[self.key])
        token = self.key.token()
        with agent.connect() as client:
            for name in ("token", b"token"):
                for value in (token, token.encode()):
                    for method in ("verify", b"verify"):
                        client.socket.sendall(msgpack.packb([0, 7, method, [{name: value, b"audience": b"orders"}]], use_bin_type=True))
                        self.assertIs(client.receive()[3]["active"], True)

    def test_what_the_params_may_have(self):
        agent = self.start(keys=[self.key])
        token = self.key.token()
        with agent.connect() as client:
            self.assertEqual(client.verify(token, stamp=True), "accepted")
            self.assertEqual(client.verify(token, stamp=None, audience=None), "accepted")
            self.assertError("bad_request", lambda: client.call("verify"), "token")
            self.assertError("bad_request", lambda: client.call("verify", token=None), "token")
            self.assertError("bad_request", lambda: client.call("verify", token=token, audiences="x"), "audiences")
            self.assertError("bad_request", lambda: client.call("verify", token=5), "token")
            self.assertError("bad_request", lambda: client.call("verify", token=token, audience=["orders"]), "audience")
            self.assertError("bad_request", lambda: client.call("verify", token=token, stamp=1), "stamp")
            self.assertError("bad_request", lambda: client.call("ping", token=token), "token")
            self.assertError("bad_request", lambda: client.call("verify", **{f"m{i}": 1 for i in range(17)}), "17 members")
            self.assertError("unknown_method", lambda: client.call("authorise"), "authorise")
            self.assertEqual(client.verify(""), "malformed")
            self.assertEqual(client.verify(token), "accepted")      # none of it cost the connection

    def test_a_member_twice(self):
        agent = self.start(keys=[self.key])
        token = msgpack.packb(self.key.token())
        with agent.connect() as client:
            client.socket.sendall(b"\x94\x00\x05\xa6verify\x91\x82\xa5token" + token + b"\xc4\x05token" + token)
            self.assertRegex(client.receive()[2][1], "^bad_request: `token`")
            for member, value in ((b"\xa5token", token), (b"\xa8audience", b"\xa6orders"), (b"\xa5stamp", b"\xc2")):
                client.socket.sendall(b"\x94\x00\x05\xa6verify\x91\x83\xa5token" + token + 2 * (member + value))
                self.assertRegex(client.receive()[2][1], "^bad_request: `%s`" % member[1:].decode())

    def test_both_spellings_of_an_ecdsa_signature(self):
        agent = self.start(keys=[self.key])
        token = self.key.token()
        for _ in range(2):
            self.assertEqual(agent.verify(other_spelling(token)), "accepted")

    def test_a_cached_token_with_one_bit_changed(self):
        agent = self.start(keys=[self.key])
        token = self.key.token()
        with agent.connect() as client:
            self.assertEqual(client.verify(token), "accepted")
            for place in range(len(token)):
                changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1:]
                self.assertNotEqual(client.verify(changed), "accepted", place)
            self.assertNotEqual(client.verify(token + "A"), "accepted")
            self.assertNotEqual(client.verify(token[:-1]), "accepted")
            self.assertEqual(client.verify(token), "accepted")

    def test_the_folders_of_cases(self):
        agent = self.prepare()
        with open(os.path.join(CASES, "default", "keys.json"), encoding="utf-8") as file:
            put_file(agent.key_file, file.read())
        agent.start()
        tried = 0
        with agent.connect() as client:
            for name in sorted(os.listdir(CASES)):
                files = set(os.listdir(os.path.join(CASES, name))) if os.path.isdir(os.path.join(CASES, name)) else set()
                if "token" not in files or files & {"ask.json", "config.yaml", "keys.json", "keys.pem"}:
                    continue
                with open(os.path.join(CASES, name, "expect"), encoding="utf-8") as file:
                    expected = file.read().strip()
                with open(os.path.join(CASES, name, "token"), "rb") as file:
                    token = file.read()
                if len(token) > 60000:
                    continue
                with self.subTest(name):
                    found = [client.verify(token), client.verify(token)]
                    self.assertEqual(found, [expected] * 2 if expected in BEFORE_TIME else found)
                    self.assertNotEqual(found[0], "accepted")
                    tried += 1
        self.assertGreater(tried, 500)


class Shadow(AssayTest):
    def test_judged_counted_and_refused(self):
        agent = self.prepare(keys=[Key()])
        key = Key()
        put_file(agent.key_file, key_set(key))
        agent.configure([agent.issuer(mode="shadow")])
        agent.start()
        with agent.connect() as client:
            for _ in range(2):
                self.assertEqual(client.verify(key.token()), "unknown_issuer")
                self.assertEqual(client.verify(key.token(aud="x")), "unknown_issuer")
                self.assertEqual(client.verify(Key().token()), "unknown_issuer")
            shadow = client.call("status")["counters"]["shadow"]
            self.assertEqual(shadow, {"accepted": 2, "wrong_audience": 2, "bad_signature": 2})


if __name__ == "__main__":
    unittest.main()
