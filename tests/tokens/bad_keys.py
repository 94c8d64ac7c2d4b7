"""Keys that must not verify: weak, malformed, or meant for something else.

Each stands in a set beside the good key rsa-1, so the set loads; the token
names the bad key by its kid and is really signed with it where that can be
done, so whoever admits the key accepts the token.  The twin names rsa-1.
"""
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from folders import bad, one_issuer
from forge import DROP, claims, header, key, secret, signed, signing_input, with_signature
from jwks import b64text, ec_jwk, good_rsa, jwk, number, oct_jwk, okp_jwk, rsa_jwk
from signing import pkcs1_encoded


def weak(name, about, odd, token, reason="unknown_key", config=None):
    """A folder with the key odd beside rsa-1."""
    bad(name, reason, about, token, signed(), keys=[good_rsa(), odd], config=config)


def by_odd(alg, by):
    return signed(header(alg, "odd"), by=by)


def rsa():
    for name, about in (("rsa-1024", "an RSA key of 1024 bits"), ("rsa-2047", "an RSA key of 2047 bits"),
                        ("rsa-8200", "an RSA key of 8200 bits"), ("rsa-e65", "an RSA exponent of 65 bits")):
        weak(f"weak-{name}", about, jwk(name, kid="odd"), by_odd("RS256", name))
    weak("weak-rsa-1024-ps256", "an RSA key of 1024 bits, PS256", jwk("rsa-1024", kid="odd"),
         by_odd("PS256", "rsa-1024"))
    n = key("rsa-2").public_key().public_numbers().n
    data = signing_input(header(kid="odd"), claims())
    weak("weak-rsa-exponent-one", "an RSA exponent of 1: the padded digest is its own signature",
         rsa_jwk(n, 1, kid="odd"), with_signature(data, pkcs1_encoded(256, "sha256", data)))
    token = by_odd("RS256", "rsa-2")
    for slug, about, odd in (
            ("exponent-zero", "an RSA exponent of 0", rsa_jwk(n, 65537, kid="odd", e=b64text(b"\0"))),
            ("exponent-two", "an RSA exponent of 2", rsa_jwk(n, 2, kid="odd")),
            ("exponent-even", "an even RSA exponent", rsa_jwk(n, 65536, kid="odd")),
            ("exponent-empty", "an empty RSA exponent", rsa_jwk(n, 65537, kid="odd", e="")),
            ("exponent-missing", "no RSA exponent", rsa_jwk(n, 65537, kid="odd", e=DROP)),
            ("exponent-number", "an RSA exponent that is a JSON number", rsa_jwk(n, 65537, kid="odd", e=65537)),
            ("modulus-even", "an even RSA modulus", rsa_jwk(n - 1, 65537, kid="odd")),
            ("modulus-missing", "no RSA modulus", rsa_jwk(n, 65537, kid="odd", n=DROP)),
            ("modulus-empty", "an empty RSA modulus", rsa_jwk(n, 65537, kid="odd", n="")),
            ("modulus-zero", "an RSA modulus of zeros", rsa_jwk(n, 65537, kid="odd", n=b64text(bytes(256)))),
            ("modulus-padded", "an RSA modulus in padded base64url",
             rsa_jwk(n, 65537, kid="odd", n=number(n) + "==")),
            ("modulus-plain-base64", "an RSA modulus in plain base64",
             rsa_jwk(n, 65537, kid="odd", n=number(n).replace("-", "+").replace("_", "/"))),
            ("modulus-newline", "an RSA modulus with a newline inside",
             rsa_jwk(n, 65537, kid="odd", n=number(n)[:64] + "\n" + number(n)[64:])),
            ("modulus-spare-bits", "an RSA modulus whose last letter has spare bits set",
             rsa_jwk(n, 65537, kid="odd", n=number(n)[:-1] + chr(ord(number(n)[-1]) + 1)))):
        weak(f"weak-rsa-{slug}", about, odd, token)


def elliptic():
    numbers = key("ec-256-b").public_key().public_numbers()
    x, y = numbers.x, numbers.y
    token = by_odd("ES256", "ec-256-b")
    short = key("ec-256-short").public_key().public_numbers()
    p = 2**256 - 2**224 + 2**192 + 2**96 - 1
    for slug, about, odd, one in (
            ("off-curve", "a point that is not on P-256", ec_jwk("P-256", x, (y + 1) % p, kid="odd"), token),
            ("zero-point", "the coordinates 0, 0", ec_jwk("P-256", 0, 0, kid="odd"), token),
            ("x-too-large", "an x beyond the field's prime", ec_jwk("P-256", 2**256 - 1, y, kid="odd"), token),
            ("coordinates-swapped", "y in place of x", ec_jwk("P-256", y, x, kid="odd"), token),
            ("short-x", "an x sent without its leading zero byte",
             ec_jwk("P-256", short.x, short.y, kid="odd", x=number(short.x, 31)), by_odd("ES256", "ec-256-short")),
            ("long-x", "an x with a zero byte more", ec_jwk("P-256", x, y, kid="odd", x=number(x, 33)), token),
            ("long-y", "a y with a zero byte more", ec_jwk("P-256", x, y, kid="odd", y=number(y, 33)), token),
            ("x-missing", "no x", ec_jwk("P-256", x, y, kid="odd", x=DROP), token),
            ("y-missing", "no y: a compressed point", ec_jwk("P-256", x, y, kid="odd", y=DROP), token),
            ("y-padded", "a y in padded base64url", ec_jwk("P-256", x, y, kid="odd", y=number(y, 32) + "="), token),
            ("x-not-string", "an x that is a number", ec_jwk("P-256", x, y, kid="odd", x=5), token),
            ("wrong-curve", "a P-256 point that is said to be on P-384",
             ec_jwk("P-256", x, y, kid="odd", crv="P-384"), by_odd("ES256", "ec-256-b")),
            ("curve-missing", "no crv", ec_jwk("P-256", x, y, kid="odd", crv=DROP), token),
            ("curve-lower", "the curve written p-256", ec_jwk("P-256", x, y, kid="odd", crv="p-256"), token),
            ("curve-other-name", "the curve written secp256r1", ec_jwk("P-256", x, y, kid="odd", crv="secp256r1"),
             token),
            ("secp256k1", "a secp256k1 key, a curve that is not served", jwk("ec-k1", kid="odd"),
             by_odd("ES256", "ec-k1")),
            ("kty-okp", "an EC key whose kty is OKP", ec_jwk("P-256", x, y, kid="odd", kty="OKP"), token)):
        weak(f"weak-ec-{slug}", about, odd, one)


# The points of small order in every spelling (y little-endian, top bit: sign of x).
SMALL = [
    ("zero", "00" * 32), ("zero-signed", "00" * 31 + "80"),
    ("neutral", "01" + "00" * 31), ("neutral-signed", "01" + "00" * 30 + "80"),
    ("minus-one", "ec" + "ff" * 30 + "7f"), ("minus-one-signed", "ec" + "ff" * 31),
    ("eight-a", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ("eight-a-signed", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    ("eight-b", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ("eight-b-signed", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    ("prime", "ed" + "ff" * 30 + "7f"), ("prime-signed", "ed" + "ff" * 31),
    ("prime-and-one", "ee" + "ff" * 30 + "7f"), ("prime-and-one-signed", "ee" + "ff" * 31),
]


def verifies(raw, data, signature):
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def forged_for(raw):
    """A token that a plain Ed25519 check takes under a key of small order.

    With S = 0 it asks whether R = -h·A: true for R neutral whenever the hash
    h is a multiple of the key's order, so one jti in eight will do.  Where
    the library does not decode the key at all, any jti does.
    """
    signature = b"\1" + bytes(63)
    for attempt in range(64):
        data = signing_input(header("EdDSA", "odd"), claims(jti=f"small-{attempt}"))
        if verifies(raw, data, signature):
            break
    return with_signature(data, signature)


def edwards():
    for slug, text in SMALL:
        raw = bytes.fromhex(text)
        weak(f"weak-ed25519-{slug}", f"an Ed25519 key of small order ({slug}), for which anyone can sign",
             okp_jwk(raw, kid="odd"), forged_for(raw))
    raw = key("ed-2").public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    token = by_odd("EdDSA", "ed-2")
    for slug, about, odd in (
            ("short", "an Ed25519 key of 31 bytes", okp_jwk(raw[:31], kid="odd")),
            ("long", "an Ed25519 key of 33 bytes", okp_jwk(raw + b"\0", kid="odd")),
            ("empty", "an Ed25519 key of no bytes", okp_jwk(b"", kid="odd")),
            ("missing", "no x", okp_jwk(raw, kid="odd", x=DROP)),
            ("hex", "an Ed25519 key in hexadecimal", okp_jwk(raw, kid="odd", x=raw.hex())),
            ("padded", "an Ed25519 key in padded base64url", okp_jwk(raw, kid="odd", x=b64text(raw) + "=")),
            ("crv-x25519", "a key for key agreement (X25519)", okp_jwk(raw, crv="X25519", kid="odd")),
            ("crv-lower", "the curve written ed25519", okp_jwk(raw, crv="ed25519", kid="odd")),
            ("crv-missing", "no crv", okp_jwk(raw, kid="odd", crv=DROP)),
            ("kty-ec", "an Ed25519 key whose kty is EC", okp_jwk(raw, kid="odd", kty="EC"))):
        weak(f"weak-ed25519-{slug}", about, odd, token)


def secrets():
    for alg, size in (("HS256", 31), ("HS384", 47), ("HS512", 63)):
        short = secret("short", size)
        weak(f"weak-{alg.lower()}-{size}-bytes", f"a secret of {size} bytes for {alg}",
             oct_jwk(short, kid="odd", alg=alg), by_odd(alg, short), config=one_issuer(algorithms=["RS256", alg]))
    for slug, about, material, more in (
            ("empty", "an empty secret", b"", {}),
            ("one-byte", "a secret of one byte", b"s", {}),
            ("password", "a password for a secret", b"correct horse battery", {}),
            ("missing", "no k", secret("hs-1", 32), {"k": DROP}),
            ("padded", "a secret in padded base64url", secret("hs-1", 32), {"k": b64text(secret("hs-1", 32)) + "="}),
            ("plain-base64", "a secret in plain base64", b"\xff" * 32,
             {"k": b64text(b"\xff" * 32).replace("_", "/")})):
        weak(f"weak-secret-{slug}", about, oct_jwk(material, **{"kid": "odd", **more}), by_odd("HS256", material),
             config=one_issuer(algorithms=["RS256", "HS256"]))


def purposes():
    """Sound keys that are not for verifying, or whose members have wrong types."""
    token = by_odd("RS256", "rsa-2")
    for slug, about, more in (
            ("use-enc", "a key for encryption", {"use": "enc"}),
            ("use-upper", "a key whose use is written SIG", {"use": "SIG"}),
            ("use-empty", "a key whose use is empty", {"use": ""}),
            ("use-null", "a key whose use is null", {"use": None}),
            ("use-array", "a key whose use is an array", {"use": ["sig"]}),
            ("ops-encrypt", "a key for wrapping keys", {"key_ops": ["encrypt", "wrapKey"]}),
            ("ops-sign", "a key for signing alone", {"key_ops": ["sign"]}),
            ("ops-empty", "a key for no operation", {"key_ops": []}),
            ("ops-upper", "a key whose operation is written Verify", {"key_ops": ["Verify"]}),
            ("ops-string", "key_ops that is a string", {"key_ops": "verify"}),
            ("ops-null", "key_ops that is null", {"key_ops": None}),
            ("ops-mixed", "key_ops with a number in it", {"key_ops": ["verify", 1]}),
            ("use-sig-ops-encrypt", "use says sig, key_ops says encrypt", {"use": "sig", "key_ops": ["encrypt"]}),
            ("use-enc-ops-verify", "use says enc, key_ops says verify", {"use": "enc", "key_ops": ["verify"]}),
            ("alg-number", "an alg that is a number", {"alg": 256}),
            ("alg-null", "an alg that is null", {"alg": None}),
            ("alg-array", "an alg that is an array", {"alg": ["RS256"]}),
            ("kty-missing", "no kty", {"kty": DROP}),
            ("kty-lower", "a kty written rsa", {"kty": "rsa"}),
            ("kty-unknown", "a kty that nobody knows", {"kty": "AKP"}),
            ("kty-oct", "an RSA key whose kty is oct", {"kty": "oct"}),
            ("kty-array", "a kty that is an array", {"kty": ["RSA"]})):
        weak(f"key-{slug}", about, jwk("rsa-2", **{"kid": "odd", **more}), token)
    for slug, about, kid, named in (("number", "a number", 7, "7"), ("null", "null", None, "null"),
                                    ("array", "an array", ["odd"], "odd"),
                                    ("object", "an object", {"odd": 1}, "odd")):
        bad(f"key-kid-{slug}", "unknown_key", f"a key whose kid is {about}", signed(header(kid=named), by="rsa-2"),
            signed(), keys=[good_rsa(), jwk("rsa-2", kid=kid)])
    bad("key-kid-number-no-kid-in-token", "bad_signature",
        "the token has no kid, and the key that signed was skipped because its kid is a number",
        signed(header(kid=DROP), by="rsa-2"), signed(header(kid=DROP)), keys=[good_rsa(), jwk("rsa-2", kid=7)])
    bad("key-use-enc-no-kid-in-token", "bad_signature",
        "the token has no kid, and the key that signed is for encryption",
        signed(header(kid=DROP), by="rsa-2"), signed(header(kid=DROP)),
        keys=[good_rsa(), jwk("rsa-2", kid="odd", use="enc")])
    bad("key-in-set-not-an-object", "unknown_key", "a string, a number and null stand in the set among the keys",
        token, signed(), keys=[good_rsa(), "rsa-2", 7, None])


def make():
    rsa()
    elliptic()
    edwards()
    secrets()
    purposes()
