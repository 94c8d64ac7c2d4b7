"""Makes the private test keys of keys/ that are not there yet.

They are worth nothing and are in the repository on purpose: a token made
again with the same key is the same token.  The large ones take a minute.
"""
import os

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

KEYS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keys")

RSA = {"rsa-1": 2048, "rsa-any": 2048, "rsa-2": 2048, "rsa-3": 2048, "rsa-4": 2048, "rsa-5": 2048,
       "rsa-3072": 3072, "rsa-4096": 4096, "rsa-8192": 8192, "rsa-8200": 8200,
       "rsa-1024": 1024, "rsa-2047": 2047, "attacker-rsa": 2048, "vendor-rsa": 2048}
EC = {"ec-256": ec.SECP256R1, "ec-256-b": ec.SECP256R1, "ec-384": ec.SECP384R1,
      "ec-521": ec.SECP521R1, "ec-k1": ec.SECP256K1, "attacker-ec": ec.SECP256R1}
ED = ("ed-1", "ed-2", "attacker-ed")


def with_exponent(private, exponent):
    """The same primes under another public exponent."""
    numbers = private.private_numbers()
    p, q = numbers.p, numbers.q
    d = pow(exponent, -1, (p - 1) * (q - 1))
    return rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q),
        rsa.RSAPublicNumbers(exponent, p * q)).private_key()


def short_coordinate():
    """A P-256 key whose x begins with a zero byte."""
    scalar = 1
    while True:
        scalar += 1
        private = ec.derive_private_key(scalar, ec.SECP256R1())
        if private.public_key().public_numbers().x < 2**248:
            return private


def makers():
    for name, bits in RSA.items():
        yield name, lambda bits=bits: rsa.generate_private_key(65537, bits)
    for name, curve in EC.items():
        yield name, lambda curve=curve: ec.generate_private_key(curve())
    for name in ED:
        yield name, ed25519.Ed25519PrivateKey.generate
    yield "ed448-1", ed448.Ed448PrivateKey.generate
    yield "rsa-e3", lambda: rsa.generate_private_key(3, 2048)
    # The largest prime of 64 bits and the smallest of 65.
    yield "rsa-e64", lambda: with_exponent(rsa.generate_private_key(65537, 2048), 2**64 - 59)
    yield "rsa-e65", lambda: with_exponent(rsa.generate_private_key(65537, 2048), 2**64 + 13)
    yield "ec-256-short", short_coordinate


def make():
    os.makedirs(KEYS, exist_ok=True)
    for name, maker in makers():
        path = os.path.join(KEYS, name + ".pem")
        if not os.path.exists(path):
            pem = maker().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                        serialization.NoEncryption())
            with open(path, "wb") as file:
                file.write(pem)
