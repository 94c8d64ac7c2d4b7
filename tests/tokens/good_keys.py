"""Good tokens whose key files are of unusual but right shape: PEM and key sets."""
import json

from cryptography.hazmat.primitives import serialization

from certificates import certificate_pem
from folders import good, one_issuer
from forge import DROP, header, key, public_pem, secret, signed
from jwks import b64text, good_rsa, jwk, key_set, oct_jwk, okp_jwk


def pkcs1_pem(name):
    public = key(name).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)


def pem(**more):
    return one_issuer(keys=dict({"file": "keys.pem"}, **more))


def pem_files():
    for slug, alg, by in (("rsa", "RS256", "rsa-1"), ("rsa-ps", "PS384", "rsa-1"), ("ec", "ES256", "ec-256"),
                          ("p384", "ES384", "ec-384"), ("p521", "ES512", "ec-521"), ("ed25519", "EdDSA", "ed-1")):
        text = {"keys.pem": public_pem(key(by))}
        good(f"pem-{slug}", f"a PEM public key with a kid in the configuration, {alg}",
             signed(header(alg, "pem-1"), by=by),
             files=text, config=pem(kid="pem-1"))
        good(f"pem-{slug}-any-kid", f"a PEM public key without a kid serves any, {alg}",
             signed(header(alg, "whatever"), by=by), files=text, config=pem())
    good("pem-rsa-pkcs1", "BEGIN RSA PUBLIC KEY", signed(header("RS256", "pem-1")), files={"keys.pem": pkcs1_pem("rsa-1")}, config=pem(kid="pem-1"))
    good("pem-after-a-byte-order-mark", "a byte order mark before BEGIN", signed(header("RS256", "pem-1")),
         files={"keys.pem": b"\xef\xbb\xbf" + public_pem(key("rsa-1"))}, config=pem(kid="pem-1"))
    good("keys-after-a-byte-order-mark", "a byte order mark before a JWK Set", signed(), files={"keys.json": b"\xef\xbb\xbf" + key_set(good_rsa()).encode()})
    good("pem-no-kid-in-token", "a PEM key with a kid, and a token without one", signed(header(kid=DROP)),
         files={"keys.pem": public_pem(key("rsa-1"))}, config=pem(kid="pem-1"))
    for slug, alg, by in (("rsa", "RS256", "rsa-1"), ("ec", "ES256", "ec-256")):
        good(f"pem-certificate-{slug}", f"a certificate as the key file, {alg}", signed(header(alg, "cert"), by=by),
             files={"keys.pem": certificate_pem(by)}, config=pem(kid="cert"))


def strange_neighbours():
    """Keys that are skipped beside the one that counts."""
    x = b64text(bytes(range(32)))
    neighbours = {
        "unknown-kty": {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": x},
        "ed448": jwk("ed448-1", kid="ed448"),
        "x25519": okp_jwk(bytes(range(32)), crv="X25519", kid="x"),
        "secp256k1": jwk("ec-k1", kid="k1", alg="ES256K"),
        "encryption": jwk("rsa-2", kid="enc-1", use="enc", alg="RSA-OAEP"),
        "weak-rsa": jwk("rsa-1024", kid="weak"),
        "empty-object": {},
        "no-kty": {"kid": "none", "n": x, "e": "AQAB"},
        "kid-number": jwk("rsa-2", kid=7),
        "short-secret": oct_jwk(b"short", kid="hs"),
        "secret": oct_jwk(secret("hs-1", 32), kid="hs-1", alg="HS256"),
    }
    for slug, neighbour in neighbours.items():
        good(f"keys-beside-{slug}",
             f"a key that is of no use here stands before the good one: {slug.replace('-', ' ')}",
             signed(), keys=[neighbour, good_rsa()])
    good("keys-beside-all", "all of them around the good one", signed(),
         keys=[*list(neighbours.values())[:6], good_rsa(), *list(neighbours.values())[6:]])
    good("keys-beside-enc-single-nameless",
         "the only usable key has no kid and serves any; a key for encryption stands beside",
         signed(header(kid="any")), keys=[jwk("rsa-2", kid="enc-1", use="enc"), jwk("rsa-1")])


def members():
    """Members of keys and sets that must not disturb."""
    token = signed()
    for slug, about, more in (
            ("ops-verify", "key_ops is verify", {"key_ops": ["verify"]}),
            ("ops-sign-verify", "key_ops has sign and verify", {"key_ops": ["sign", "verify"]}),
            ("ops-and-use", "use and key_ops agree", {"use": "sig", "key_ops": ["verify"]}),
            ("no-use", "no use, no alg", {"use": DROP, "alg": DROP}),
            ("extra-members", "members that nobody knows", {"x5t": "abc", "iat": 1, "status": {"a": [None]},
                                                            "e2": None}),
            ("odd-x5c", "an x5c that is no certificate", {"x5c": ["bm90IGEgY2VydA=="]})):
        good(f"keys-{slug}", f"a key in whose JWK {about}", token, keys=[good_rsa(**more)])
    line = key_set(good_rsa())
    good("keys-set-members", "members of the set besides keys", token,
         keys=line.replace("{", '{"version": 7, "next": null, ', 1))
    good("keys-set-pretty", "a key set as printed for people", token,
         keys=json.dumps(json.loads(line), indent=4) + "\n")
    good("keys-set-compact", "a key set without white space", token,
         keys=json.dumps(json.loads(line), separators=(",", ":")))
    good("keys-set-large", "the good key behind a hundred others", token,
         keys=[oct_jwk(secret(f"many-{n}", 32), kid=f"k-{n}") for n in range(100)] + [good_rsa()])
    for slug, kid in (("path", "../../keys/1"), ("spaces", " a b "), ("unicode", "schl\u00fcssel-\U0001f511"),
                      ("url", "https://auth.example.com/keys#1"), ("long", "k" * 500), ("quotes", "a\"b'c\\d")):
        good(f"keys-kid-{slug}", f"a kid with {slug} in it, which the set has", signed(header(kid=kid)),
             keys=[good_rsa(kid=kid), jwk("rsa-2", kid="other")])
    good("keys-ed25519-alg", "a key whose alg is Ed25519, and a token that says EdDSA",
         signed(header("EdDSA", "ed-1"), by="ed-1"), keys=[jwk("ed-1", kid="ed-1", alg="Ed25519")])
    good("keys-eddsa-alg", "a key whose alg is EdDSA, and a token that says Ed25519",
         signed(header("Ed25519", "ed-1"), by="ed-1"), keys=[jwk("ed-1", kid="ed-1", alg="EdDSA")])


def exponents():
    for name, about in (("rsa-e3", "3"), ("rsa-e64", "a prime of 64 bits")):
        good(f"keys-{name}", f"an RSA key whose exponent is {about}", signed(header(kid=name), by=name),
             keys=[jwk(name, kid=name)])
    good("keys-rsa-8192", "an RSA key of 8192 bits, the largest that is taken",
         signed(header("PS512", "big"), by="rsa-8192"),
         keys=[jwk("rsa-8192", kid="big")])
    good("keys-ec-short-x", "a P-256 key whose x begins with a zero byte, sent at full length",
         signed(header("ES256", "short"), by="ec-256-short"), keys=[jwk("ec-256-short", kid="short")])


def secrets():
    for size, alg in ((32, "HS256"), (64, "HS256"), (48, "HS384"), (64, "HS512"), (200, "HS256"), (1024, "HS512")):
        good(f"secret-{size}-bytes-{alg.lower()}", f"a secret of {size} bytes, {alg}",
             signed(header(alg, "s"), by=secret("shape", size)),
             keys=[oct_jwk(secret("shape", size), kid="s", alg=alg)],
             config=one_issuer(algorithms=[alg]))
    good("secret-beside-rsa", "HS256 is named, and the token is RS256's all the same", signed(),
         keys=[good_rsa(), oct_jwk(secret("hs-1", 32), kid="hs-1")], config=one_issuer(algorithms=["HS256", "RS256"]))


def make():
    pem_files()
    strange_neighbours()
    members()
    exponents()
    secrets()
