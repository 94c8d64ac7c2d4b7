"""JSON Web Keys and key sets, right ones and bent ones."""
import hashlib
import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from forge import b64, changed, curve_of, key
from signing import CURVES


def b64text(data):
    return b64(data).decode()


def number(value, size=None):
    if size is None:
        size = (value.bit_length() + 7) // 8
    return b64text(value.to_bytes(size, "big"))


def rsa_jwk(n, e, /, **more):
    return changed({"kty": "RSA", "n": number(n), "e": number(e)}, more)


def ec_jwk(curve, x, y, /, **more):
    size = CURVES[curve][5]
    return changed({"kty": "EC", "crv": curve, "x": number(x, size), "y": number(y, size)}, more)


def okp_jwk(x, /, **more):
    return changed({"kty": "OKP", "crv": "Ed25519", "x": b64text(x)}, more)


def oct_jwk(secret, /, **more):
    return changed({"kty": "oct", "k": b64text(secret)}, more)


def jwk(private, /, **more):
    """The public JWK of a private key (or the name of one)."""
    if isinstance(private, str):
        private = key(private)
    public = private.public_key()
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = public.public_numbers()
        return rsa_jwk(numbers.n, numbers.e, **more)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        numbers = public.public_numbers()
        return ec_jwk(curve_of(private), numbers.x, numbers.y, **more)
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return okp_jwk(raw, **{"crv": {32: "Ed25519", 57: "Ed448"}[len(raw)], **more})


def key_set(*keys):
    """The text of a key set, one key a line."""
    lines = ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in keys)
    return '{"keys": [\n  ' + lines + "\n]}\n"


def thumbprint(one):
    """RFC 7638."""
    members = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"),
               "OKP": ("crv", "kty", "x"), "oct": ("k", "kty")}[one["kty"]]
    text = json.dumps({name: one[name] for name in members}, separators=(",", ":"))
    return b64text(hashlib.sha256(text.encode()).digest())


def good_rsa(**more):
    """rsa-1 as in the default set: the good key beside a bad one."""
    return jwk("rsa-1", **changed({"kid": "rsa-1", "use": "sig", "alg": "RS256"}, more))


DEFAULT_KEYS = [
    good_rsa(),
    jwk("rsa-any", kid="rsa-any"),
    jwk("ec-256", kid="ec-256", use="sig", alg="ES256"),
    jwk("ec-384", kid="ec-384", use="sig", alg="ES384"),
    jwk("ec-521", kid="ec-521", use="sig", alg="ES512"),
    jwk("ed-1", kid="ed-1", use="sig", alg="EdDSA"),
]
DEFAULT_CONFIG = [{"issuer": "https://auth.example.com", "keys": {"file": "keys.json"},
                   "audiences": ["orders"]}]
