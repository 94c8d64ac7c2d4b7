"""Tokens, good and bent: the test keys, base64url, headers, claims, signing.

Everything that is signed here is signed deterministically (signing.py), so
that a folder made again has the same bytes.
"""
import base64
import hashlib
import hmac
import json
import os

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

import signing

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = 1767225600                # 2026-01-01T00:00:00Z, the runner's default clock
ISSUER = "https://auth.example.com"
AUDIENCE = "orders"
LEEWAY = 30                     # seconds, the default configuration's
DROP = object()                 # as a value: this member is left out

HASHES = {"256": "sha256", "384": "sha384", "512": "sha512"}
SHA = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
EC_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521",
             "secp256k1": "secp256k1"}

_loaded = {}


def key(name):
    """A private key of keys/, by the name of its file."""
    if name not in _loaded:
        with open(os.path.join(HERE, "keys", name + ".pem"), "rb") as file:
            _loaded[name] = serialization.load_pem_private_key(file.read(), None)
    return _loaded[name]


def secret(name, size):
    """A test secret for HS*: bytes that follow from its name."""
    return hashlib.shake_256(b"test secret " + name.encode()).digest(size)


def public_pem(private):
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def public_der(private):
    return private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def compact(value):
    """JSON without spaces, or the bytes as they are when given as bytes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def changed(base, changes):
    result = dict(base)
    for name, value in changes.items():
        if value is DROP:
            result.pop(name, None)
        else:
            result[name] = value
    return result


def header(alg="RS256", kid="rsa-1", **changes):
    """The good header of most tests, with some members changed or dropped."""
    return changed({"alg": "RS256", "kid": "rsa-1", "typ": "JWT"}, {"alg": alg, "kid": kid, **changes})


def claims(**changes):
    """The good claims of most tests, with some changed or dropped."""
    base = {"iss": ISSUER, "sub": "user-123", "aud": AUDIENCE,
            "iat": NOW - 60, "exp": NOW + 3600, "jti": "token-1"}
    return changed(base, changes)


def hash_of(alg):
    return HASHES[alg[-3:]]


def curve_of(private):
    return EC_CURVES[private.curve.name]


def ec_pair(private, data, hash_name):
    """r, s of a real signature."""
    return signing.ecdsa_numbers(curve_of(private), private.private_numbers().private_value,
                                 hash_name, data)


def sign(alg, by, data):
    """The right signature of data under alg with a private key or a secret."""
    if isinstance(by, str):
        by = key(by)
    if isinstance(by, bytes):
        return hmac.new(by, data, hash_of(alg)).digest()
    if isinstance(by, ed25519.Ed25519PrivateKey):
        return by.sign(data)
    if isinstance(by, ec.EllipticCurvePrivateKey):
        return signing.ecdsa_raw(curve_of(by), *ec_pair(by, data, hash_of(alg)))
    if isinstance(by, rsa.RSAPrivateKey):
        if alg.startswith("PS"):
            return signing.rsa_pss(by, hash_of(alg), data)
        return by.sign(data, padding.PKCS1v15(), SHA[alg[-3:]])
    return by.sign(data)        # Ed448


def signing_input(head, body):
    return b64(compact(head)) + b"." + b64(compact(body))


def with_signature(data, signature):
    return data + b"." + b64(signature)


def signed(head=None, body=None, by="rsa-1", alg=None):
    """A token.  alg is what really signs, where the header says otherwise."""
    head = header() if head is None else head
    body = claims() if body is None else body
    if alg is None:
        alg = head["alg"] if isinstance(head, dict) else "RS256"
    data = signing_input(head, body)
    return with_signature(data, sign(alg, by, data))


def signed_raw(segment1, segment2, by="rsa-1", alg="RS256"):
    """A token whose first two segments are given as they go on the wire."""
    data = segment1 + b"." + segment2
    return with_signature(data, sign(alg, by, data))


def find(make, wanted, limit=20000):
    """The first make(n) for n = 0, 1, 2… that is as wanted."""
    for number in range(limit):
        candidate = make(number)
        if wanted(candidate):
            return candidate
    raise RuntimeError("nothing found")


def inserted_header(member):
    """The usual header's text with a raw member behind the others."""
    return compact(header())[:-1] + b"," + member + b"}"
