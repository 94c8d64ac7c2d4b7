"""`assay keygen` makes keys that the agent takes and nobody else reads; `assay mint` signs with them, and whoever checks agrees."""
import json
import os
import stat
import subprocess
import tempfile
import time
import unittest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat,
                                                          PublicFormat, load_pem_private_key)

from agent import ASSAY, CURVES, HASH, Key, check_config, unb64
from command import CommandTest, assay

RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
SECRETS = ["HS256", "HS384", "HS512"]
ALL = [*RSA, *CURVES, "EdDSA", "Ed25519", *SECRETS]


def issuer_of(alg):
    return f"https://{alg.lower()}.example.com"


def integer(text):
    return int.from_bytes(unb64(text), "big")


def public_key(jwk):
    """Of a JWK, by another program than ours; a secret is its bytes."""
    if jwk["kty"] == "oct":
        return unb64(jwk["k"])
    if jwk["kty"] == "RSA":
        return rsa.RSAPublicNumbers(integer(jwk["e"]), integer(jwk["n"])).public_key()
    if jwk["kty"] == "OKP":
        return ed25519.Ed25519PublicKey.from_public_bytes(unb64(jwk["x"]))
    curve, name, size = next(entry for entry in CURVES.values() if entry[1] == jwk["crv"])
    assert [len(unb64(jwk[name])) for name in "xy"] == [size, size]
    return ec.EllipticCurvePublicNumbers(integer(jwk["x"]), integer(jwk["y"]), curve()).public_key()


def check_signature(alg, key, token):
    """By python-cryptography. Raises InvalidSignature."""
    data, signature = (lambda parts: (parts[0].encode(), unb64(parts[1])))(token.rsplit(".", 1))
    digest = HASH[alg[2:]]()
    if alg.startswith("HS"):
        check = hmac.HMAC(key, digest)
        check.update(data)
        check.verify(signature)
    elif alg.startswith("ES"):
        size = CURVES[alg][2]
        assert len(signature) == 2 * size
        pair = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
        key.verify(encode_dss_signature(*pair), data, ec.ECDSA(digest))
    elif alg.startswith("RS"):
        key.verify(signature, data, padding.PKCS1v15(), digest)
    else:
        key.verify(signature, data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)


made = tempfile.TemporaryDirectory(prefix="assay-keys-")
told = {}


def setUpModule():
    """One key of each algorithm: RSA of 4096 bits takes its time."""
    unittest.addModuleCleanup(made.cleanup)
    runs = {alg: subprocess.Popen([ASSAY, "keygen", "--alg", alg, "--kid", f"my {alg}", "--out", os.path.join(made.name, alg)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, umask=0) for alg in ALL}
    told.update({alg: [*run.communicate(timeout=50), run.returncode] for alg, run in runs.items()})


class MadeKeys(CommandTest):
    def file(self, alg, end=""):
        return os.path.join(made.name, alg + end)

    def set_file(self, alg):
        return self.file(alg, "" if alg in SECRETS else ".jwks.json")

    def jwk(self, alg):
        with open(self.set_file(alg), encoding="utf-8") as file:
            [jwk] = json.load(file)["keys"]
        return jwk

    def pem(self, alg):
        with open(self.file(alg), "rb") as file:
            return load_pem_private_key(file.read(), None)

    def mint(self, alg, *claims, key=None, kid=None, **how):
        return assay("mint", "--key", key or self.file(alg), "--alg", alg, "--kid", kid or f"my {alg}", "--issuer", issuer_of(alg),
                     "--audience", "orders", "--subject", "alice", "--ttl", "1h",
                     *(word for claim in claims for word in ("--claim", claim)), **how)

    def minted(self, alg, *claims, **how):
        done = self.mint(alg, *claims, **how)
        self.assertDone(0, done)
        self.assertRegex(done.out, r"\A[\w-]+\.[\w-]+\.[\w-]+\n\Z")
        return done.out.strip()


class Keygen(MadeKeys):
    def test_files_and_their_modes_whatever_the_umask(self):
        for alg in ALL:
            out, err, code = told[alg]
            self.assertEqual((code, err), (0, b""), alg)
            self.assertIn(self.set_file(alg).encode(), out)
            self.assertEqual(stat.S_IMODE(os.stat(self.file(alg)).st_mode), 0o600, alg)
            self.assertEqual(os.path.exists(self.file(alg, ".jwks.json")), alg not in SECRETS)
            if alg not in SECRETS:
                self.assertEqual(stat.S_IMODE(os.stat(self.set_file(alg)).st_mode), 0o644, alg)
        self.assertDone(0, assay("keygen", "--alg", "EdDSA", "--kid", "k", "--out", self.path("k"), umask=0o777))
        self.assertEqual([stat.S_IMODE(os.stat(self.path(name)).st_mode) for name in ("k", "k.jwks.json")], [0o600, 0o644])

    def test_the_set_names_the_key_and_has_nothing_private(self):
        for alg in ALL:
            jwk = self.jwk(alg)
            self.assertEqual((jwk["kid"], jwk["alg"], jwk["use"]), (f"my {alg}", alg, "sig"))
            self.assertLessEqual(set(jwk), {"kid", "alg", "use", "kty", *("k" if alg in SECRETS else ("crv", "x", "y", "n", "e"))})

    def test_both_halves_belong_together(self):
        for alg in (alg for alg in ALL if alg not in SECRETS):
            shape = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            self.assertEqual(self.pem(alg).public_key().public_bytes(*shape), public_key(self.jwk(alg)).public_bytes(*shape), alg)
        for alg in RSA:
            bits = {"256": 2048, "384": 3072, "512": 4096}[alg[2:]]
            self.assertEqual((self.pem(alg).key_size, self.jwk(alg)["e"]), (bits, "AQAB"))
        self.assertEqual([len(public_key(self.jwk(alg))) for alg in SECRETS], [32, 48, 64])

    def test_the_agent_takes_them_all(self):
        files, issuers = {}, []
        for alg in ALL:
            with open(self.set_file(alg), encoding="utf-8") as file:
                files[alg + ".json"] = (file.read(), 0o600 if alg in SECRETS else 0o644)
            issuers.append({"issuer": issuer_of(alg), "keys": {"file": alg + ".json"}, "audiences": ["a"], "algorithms": [alg]})
        code, err, out = check_config(json.dumps({"issuers": issuers}), files=files)
        self.assertEqual((code, err), (0, ""), out)

    def test_nothing_is_overwritten(self):
        for alg in ("ES256", "HS256"):
            os.symlink(self.path("elsewhere"), self.path("link"))
            self.put("there", "mine")
            self.put("half.jwks.json", "mine")
            names = ["there", "link"] + (["half"] if alg != "HS256" else [])
            for name in names:
                done = assay("keygen", "--alg", alg, "--kid", "k", "--out", self.path(name))
                self.assertDone(2, done, name, "exists and is not overwritten")
            for name in ("there", "half.jwks.json"):
                with open(self.path(name), encoding="utf-8") as file:
                    self.assertEqual(file.read(), "mine")
            self.assertEqual(sorted(os.listdir(self.folder)), ["half.jwks.json", "link", "there"])     # no half of a pair is left
            os.unlink(self.path("link"))

    def test_what_is_no_order(self):
        for alg, kid, out, *words in [("none", "k", "o", "no algorithm 'none'"), ("es256", "k", "o", "ES256"), ("ES256", "", "o", "--kid"),
                                      ("ES256", "k", "d/o", "No such file"), ("ES256", "\udcff", "o", "UTF-8"),
                                      ("HS256", "\udcff", "o", "UTF-8"), ("ES256", "k" * 5000, "o", "too long")]:
            self.assertDone(2, assay("keygen", "--alg", alg, "--kid", kid, "--out", self.path(out)), *words)
        self.assertEqual(os.listdir(self.folder), [])

    def test_any_name_for_a_key(self):
        self.assertDone(0, assay("keygen", "--alg", "ES256", "--kid", 'ü"\\ \n', "--out", self.path("k")))
        with open(self.path("k.jwks.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["keys"][0]["kid"], 'ü"\\ \n')
        token = self.minted("ES256", key=self.path("k"), kid='ü"\\ \n')
        self.assertDone(0, assay("inspect", "--keys", self.path("k.jwks.json"), given=token), "good")


class Mint(MadeKeys):
    """libjwt's algorithms: PS256 and its like depend on its version."""

    def algorithms(self):
        algs = [alg for alg in ALL if self.mint(alg).code == 0]
        self.assertEqual([alg for alg in algs if not alg.startswith("PS")], ["RS256", "RS384", "RS512", *CURVES, *SECRETS])
        return algs

    def test_the_agent_accepts_what_was_minted(self):
        agent = self.prepare()
        algs = self.algorithms()
        agent.configure([agent.issuer(issuer_of(alg), self.set_file(alg), algorithms=[alg]) for alg in algs])
        agent.start()
        for alg in algs:
            now = int(time.time())
            done = assay("verify", "--audience", "orders", at=agent.socket, given=self.minted(alg))
            self.assertDone(0, done)
            claims = done.json()
            self.assertEqual((claims["iss"], claims["sub"], claims["aud"]), (issuer_of(alg), "alice", "orders"))
            self.assertIn(claims["iat"] - now, range(0, 3))
            self.assertEqual(claims["exp"], claims["iat"] + 3600)
            self.assertRegex(claims["jti"], r"\A[0-9a-f]{32}\Z")
            self.assertEqual(set(claims), {"iss", "sub", "aud", "iat", "exp", "jti"})
        for alg in algs:        # and no other issuer's key verifies it
            token = self.minted(alg, f'iss="{issuer_of(algs[algs.index(alg) - 1])}"')
            self.assertDone(1, assay("verify", at=agent.socket, given=token), "refused: ")

    def test_somebody_else_verifies_it(self):
        for alg in self.algorithms():
            token, key = self.minted(alg), public_key(self.jwk(alg))
            check_signature(alg, key, token)
            header = json.loads(unb64(token.split(".")[0]))
            self.assertEqual(header, {"alg": alg, "kid": f"my {alg}", "typ": "JWT"})
            with self.assertRaises(InvalidSignature):
                check_signature(alg, key, token.replace(".", "x.", 1))

    def test_claims_of_every_type(self):
        agent = self.prepare()
        agent.configure([agent.issuer(issuer_of("ES256"), self.set_file("ES256"))])
        agent.start()
        claims = {"s": "ü \"\\\u0001", "empty": "", "i": 5, "n": -5, "zero": 0, "big": 2**53, "f": 1.5, "tiny": 5e-324, "t": True,
                  "no": False, "nothing": None, "l": [1, "a", [True]], "o": {"a": {"b": ["c"]}}, "el": [], "eo": {}, "equals": "a=b",
                  "ü": 1, "sub": "bob"}
        token = self.minted("ES256", *(f"{name}={json.dumps(value)}" for name, value in claims.items()))
        done = assay("verify", at=agent.socket, given=token)
        self.assertDone(0, done)
        found = {name: value for name, value in done.json().items() if name in claims}
        self.assertEqual(json.dumps(found, sort_keys=True), json.dumps(claims, sort_keys=True))    # True is not 1

    def test_audiences_and_json(self):
        done = self.mint("ES256", 'aud=["a","b"]')
        self.assertEqual(json.loads(unb64(done.out.split(".")[1]))["aud"], ["a", "b"])
        done = assay("mint", "--key", self.file("ES256"), "--alg", "ES256", "--kid", "k", "--issuer", "i", "--subject", "s",
                     "--audience", "a", "--audience", "b", "--ttl", "90s", "--json")
        self.assertDone(0, done)
        claims = json.loads(unb64(done.json()["token"].split(".")[1]))
        self.assertEqual((claims["aud"], claims["exp"] - claims["iat"]), (["a", "b"], 90))
        self.assertNotEqual(self.minted("HS256"), self.minted("HS256"))      # the jti is random

    def test_claims_that_are_none(self):
        for claim, *words in [("x", "NAME=JSON"), ("=1", "NAME=JSON"), ("x=", "not JSON"), ("x=a", "not JSON", "x='\"…\"'"),
                              ("x={", "not JSON"), ('x={"a":1,"a":2}', "not JSON"), ("x=1 2", "not JSON"), ("x=NaN", "not JSON"),
                              ("\udcff=1", "UTF-8"), ('x="\udcff"', "not JSON")]:
            self.assertDone(2, self.mint("ES256", claim), "--claim", *words)

    def test_what_is_needed(self):
        order = {"key": self.file("ES256"), "alg": "ES256", "kid": "k", "issuer": "i", "audience": "a", "subject": "s", "ttl": "1h"}
        for left_out in order:
            words = [word for name, value in order.items() if name != left_out for word in ("--" + name, value)]
            self.assertDone(2, assay("mint", *words), f"--{left_out} is needed")
        for ttl in ("0s", "1500ms", "1"):
            self.assertDone(2, assay("mint", *(w for n, v in {**order, "ttl": ttl}.items() for w in ("--" + n, v))), "--ttl")

    def test_a_key_that_others_can_read_is_none(self):
        for alg in ("ES256", "HS256"):
            with open(self.file(alg), encoding="utf-8") as file:
                text = file.read()
            for mode in (0o640, 0o604, 0o620, 0o602, 0o610, 0o777):
                path = self.put("key", text, mode)
                self.assertDone(2, self.mint(alg, key=path), path, f"(mode {mode:04o})", f"'chmod 600 {path}'", "create a new key")
            for mode in (0o600, 0o400):
                self.assertDone(0, self.mint(alg, key=self.put("key", text, mode)))

    def test_a_key_that_does_not_fit(self):
        locked = self.pem("ES256").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")).decode()
        weak = rsa.generate_private_key(65537, 1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        for alg, key, *words in [("ES256", self.file("RS256"), "does not fit", "an EC key on P-256"),
                                 ("ES384", self.file("ES256"), "P-384"), ("ES256", self.file("EdDSA"), "P-256"),
                                 ("RS256", self.file("ES256"), "RSA key of at least 2048"),
                                 ("RS256", self.put("weak", weak), "at least 2048"), ("ES256", self.put("locked", locked), "passphrase"),
                                 ("ES256", self.put("public", Key().pem()), "no private key"), ("ES256", self.put("text", "x"), "keygen"),
                                 ("ES256", self.put("empty", ""), "no private key"), ("ES256", self.path("none"), "No such file"),
                                 ("ES256", self.folder, "not a regular file"), ("ES256", "/dev/zero", "not a regular file"),
                                 ("ES256", self.put("large", "x" * 65536), "too large"), ("HS256", self.file("ES256"), "not a JWK Set"),
                                 ("HS512", self.file("HS256"), "not a JWK Set with a secret of kid 'my HS512'")]:
            self.assertDone(2, self.mint(alg, key=key), key, *words)
        self.assertDone(2, self.mint("HS512", key=self.file("HS256"), kid="my HS256"), "shorter than HS512 needs (64 bytes)")
        short = json.dumps({"keys": [{"kty": "oct", "kid": "k", "k": "not base64url!"}]})
        self.assertDone(2, self.mint("HS256", key=self.put("bad", short), kid="k"), "not base64url")

    def test_what_libjwt_does_not_have_is_told_with_the_remedy(self):
        for alg in ("EdDSA", "Ed25519"):
            self.assertDone(2, self.mint(alg), f"does not have {alg}", "write one of RS256", "ES256", "sign elsewhere")
        self.assertDone(2, self.mint("none", key="x"), "no algorithm 'none'", "ES256")
        self.assertDone(2, self.mint("ES", key="x"), "no algorithm 'ES'")


if __name__ == "__main__":
    unittest.main()
