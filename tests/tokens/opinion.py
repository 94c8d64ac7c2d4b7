"""A second opinion on a token, on python3-cryptography alone.

decide() takes the texts of a folder through the same ordered list of checks
as the agent, written anew and without regard for speed.  It shares no code
with the agent, nor with the scripts that make the tokens.
"""
import base64
import hashlib
import hmac
import json
import math
import re

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

MAX_TOKEN = 16384
SHA = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
EC = {"P-256": (ec.SECP256R1(), 32, "ES256"), "P-384": (ec.SECP384R1(), 48, "ES384"),
      "P-521": (ec.SECP521R1(), 66, "ES512")}
KINDS = {"RSA": {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"},
         "OKP": {"EdDSA"}, "oct": {"HS256", "HS384", "HS512"}}
KNOWN = KINDS["RSA"] | KINDS["OKP"] | KINDS["oct"] | {"Ed25519", "ES256", "ES384", "ES512"}
ED_P = 2**255 - 19
MISSING = object()


class Refused(Exception):
    pass


def refuse_if(condition, reason):
    if condition:
        raise Refused(reason)


def unbase64(text):
    """Strict base64url, or None."""
    if not re.fullmatch(rb"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        return None
    raw = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=") == text else None


def strict_json(raw, max_depth):
    """One JSON object as the agent takes it, or Refused."""
    def pairs(members):
        result = dict(members)
        refuse_if(len(result) != len(members), "malformed")
        return result

    def constant(_):
        raise Refused("malformed")

    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError):
        raise Refused("malformed") from None
    refuse_if(not isinstance(value, dict), "malformed")
    check_values(value, 1, max_depth)
    return value


def check_values(value, depth, max_depth):
    if isinstance(value, str):
        refuse_if("\0" in value or any(0xd800 <= ord(c) < 0xe000 for c in value), "malformed")
    elif isinstance(value, (dict, list)):
        refuse_if(depth > max_depth, "malformed")
        if isinstance(value, dict):
            for name in value:
                check_values(name, depth, max_depth)
            value = value.values()
        for item in value:
            check_values(item, depth + 1, max_depth)
    elif is_number(value):
        try:
            refuse_if(not math.isfinite(float(value)), "malformed")
        except OverflowError:
            raise Refused("malformed") from None


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def one_name(alg):
    return "EdDSA" if alg == "Ed25519" else alg


class Key:
    """A usable key: its kind, the algorithms that it serves, its material."""

    def __init__(self, kid, alg, public, serves, members):
        self.kid, self.public = kid, public
        self.serves = serves if alg is None else serves & {one_name(alg)}
        text = json.dumps(members, separators=(",", ":"), sort_keys=True)
        self.thumbprint = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()

    def verifies(self, alg, data, signature):
        try:
            if isinstance(self.public, bytes):
                right = hmac.new(self.public, data, "sha" + alg[2:]).digest()
                return hmac.compare_digest(right, signature)
            if isinstance(self.public, ed25519.Ed25519PublicKey):
                self.public.verify(signature, data)
                return len(signature) == 64
            sha = SHA[alg[2:]]
            if isinstance(self.public, ec.EllipticCurvePublicKey):
                size = (self.public.curve.key_size + 7) // 8
                if len(signature) != 2 * size:
                    return False
                r, s = (int.from_bytes(part, "big") for part in (signature[:size], signature[size:]))
                self.public.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(sha))
                return True
            if len(signature) != (self.public.key_size + 7) // 8:
                return False
            scheme = padding.PKCS1v15()
            if alg.startswith("PS"):
                scheme = padding.PSS(padding.MGF1(sha), sha.digest_size)
            self.public.verify(signature, data, scheme, sha)
            return True
        except (InvalidSignature, ValueError):
            return False


def small_order(raw):
    """Is 8 times this point the neutral one?  Told by its y alone."""
    y = (int.from_bytes(raw, "little") & (2**255 - 1)) % ED_P
    if y in (0, 1, ED_P - 1):
        return True
    # x² = y² / … : the points of order 8 have y² with d·y⁴ + 2·y² - 1 = 0.
    d = -121665 * pow(121666, -1, ED_P) % ED_P
    return (d * pow(y, 4, ED_P) + 2 * y * y - 1) % ED_P == 0


def admit_rsa(n, e):
    if not 2048 <= n.bit_length() <= 8192 or n % 2 == 0 or e % 2 == 0 or e < 3 or e.bit_length() > 64:
        return None
    return rsa.RSAPublicNumbers(e, n).public_key()


def admit(jwk):
    """A usable Key from a JWK, or None."""
    if not isinstance(jwk, dict):
        return None
    for name in ("kty", "kid", "alg", "use"):
        if name in jwk and not isinstance(jwk[name], str):
            return None
    ops = jwk.get("key_ops", ["verify"])
    if not isinstance(ops, list) or not all(isinstance(op, str) for op in ops) or "verify" not in ops:
        return None
    if jwk.get("use", "sig") != "sig":
        return None
    parts = {}
    for name in ("n", "e", "x", "y", "k"):
        if name in jwk:
            parts[name] = unbase64(jwk[name].encode()) if isinstance(jwk[name], str) else None
    try:
        return admit_parts(jwk, parts) or spoilt(jwk)
    except (KeyError, TypeError, ValueError):
        return spoilt(jwk)


class Spoilt:
    """A key of a known kind that is damaged or too weak: the kid that it bears names no key for certain."""
    def __init__(self, kid):
        self.kid = kid


def spoilt(jwk):
    kty, crv = jwk.get("kty"), jwk.get("crv")
    known = kty in ("RSA", "oct") or (kty == "EC" and crv in EC) or (kty == "OKP" and crv == "Ed25519")
    return Spoilt(jwk.get("kid")) if known and jwk.get("alg", "EdDSA") in KNOWN else None


def admit_parts(jwk, parts):
    kty, alg = jwk["kty"], jwk.get("alg")
    if kty == "RSA":
        names, serves = ("e", "kty", "n"), KINDS["RSA"]
        public = admit_rsa(int.from_bytes(parts["n"], "big"), int.from_bytes(parts["e"], "big"))
    elif kty == "EC":
        curve, size, serves = EC[jwk["crv"]]
        names, serves = ("crv", "kty", "x", "y"), {serves}
        if len(parts["x"]) != size or len(parts["y"]) != size:
            return None
        public = ec.EllipticCurvePublicNumbers(int.from_bytes(parts["x"], "big"),
                                               int.from_bytes(parts["y"], "big"), curve).public_key()
    elif kty == "OKP" and jwk["crv"] == "Ed25519":
        names, serves = ("crv", "kty", "x"), KINDS["OKP"]
        if len(parts["x"]) != 32 or small_order(parts["x"]):
            return None
        public = ed25519.Ed25519PublicKey.from_public_bytes(parts["x"])
    elif kty == "oct":
        names, public = ("k", "kty"), parts["k"]
        serves = {name for name in KINDS["oct"] if len(public) * 8 >= int(name[2:])}
    else:
        return None
    if public is None or not serves or (alg is not None and one_name(alg) not in serves):
        return None
    return Key(jwk.get("kid"), alg, public, serves, {name: jwk[name] for name in names})


def pem_key(raw, kid):
    if b"BEGIN CERTIFICATE" in raw:
        public = x509.load_pem_x509_certificate(raw).public_key()
    else:
        public = serialization.load_pem_public_key(raw)

    def text(value, size=None):
        data = value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        jwk = {"kty": "RSA", "n": text(numbers.n), "e": text(numbers.e)}
    elif isinstance(public, ec.EllipticCurvePublicKey):
        numbers, size = public.public_numbers(), (public.key_size + 7) // 8
        crv = {256: "P-256", 384: "P-384", 521: "P-521"}[public.key_size]
        jwk = {"kty": "EC", "crv": crv, "x": text(numbers.x, size), "y": text(numbers.y, size)}
    else:
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()}
    if kid is not None:
        jwk["kid"] = kid
    return admit(jwk)


def load_keys(raw, kid=None):
    """The usable keys of a file, in order."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if raw.lstrip().startswith(b"-----BEGIN"):
        found = [pem_key(raw, kid)]
    else:
        found = [admit(jwk) for jwk in strict_json(raw, 64)["keys"]]
    return KeyList(found)


class KeyList(list):
    """The usable keys, and beside them the kids that name none."""
    def __init__(self, found):
        super().__init__(one for one in found if isinstance(one, Key))
        self.spoilt = {one.kid for one in found if isinstance(one, Spoilt) and one.kid is not None}


def distinct(keys):
    """Keys of the same material once."""
    return list({one.thumbprint: one for one in reversed(keys)}.values())[::-1]


def choose(keys, alg, kid):
    """The keys to try."""
    refuse_if(not keys or kid in keys.spoilt, "unknown_key")
    fitting = [one for one in keys if alg in one.serves]
    if kid is None:
        refuse_if(not fitting, "algorithm_mismatch")
        return distinct(fitting)[:4]
    named = distinct([one for one in fitting if one.kid == kid])
    if named:
        return named[:4]
    refuse_if(any(one.kid == kid for one in keys), "algorithm_mismatch")
    if len(distinct(keys)) == 1 and keys[0].kid is None:
        refuse_if(not fitting, "algorithm_mismatch")
        return fitting[:1]
    raise Refused("unknown_key")


def seconds(value):
    found = re.fullmatch(r"(\d+)(ms|s|m|h|d)", str(value))
    return int(found[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def strings(value):
    """A string or a list of strings as a list, else an empty one."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def typed(value):
    """Strings, numbers and booleans, each with its JSON type, of a value or of an array's members."""
    items = value if isinstance(value, list) else [value]
    return {("bool" if isinstance(one, bool) else "text" if isinstance(one, str) else "number", one)
            for one in items if isinstance(one, (bool, str, int, float))}


def check_header(head):
    refuse_if(any(name in head for name in ("b64", "zip", "enc")), "malformed")
    refuse_if(any(not isinstance(head.get(name, ""), str) for name in ("kid", "typ", "cty")), "malformed")
    refuse_if(not isinstance(head.get("alg"), str), "malformed")
    refuse_if(head["alg"] not in KNOWN, "unsupported_algorithm")
    refuse_if("crit" in head, "unsupported_critical_header")


def find_issuer(issuers, body):
    iss = body.get("iss", MISSING)
    refuse_if(iss is MISSING, "missing_claim")
    refuse_if(not isinstance(iss, str), "bad_claim")
    for one in issuers:
        if iss in [one["issuer"], *one.get("aliases", [])]:
            refuse_if(one.get("mode", "enforce") == "shadow", "unknown_issuer")
            return one
    raise Refused("unknown_issuer")


def check_type(issuer, head):
    wanted = issuer.get("token_types", ["JWT", "at+jwt", ""])
    if "typ" not in head:
        refuse_if("" not in wanted, "wrong_type")
        return
    def bare(name):
        name = name.lower()
        return name[len("application/"):] if name.startswith("application/") else name
    refuse_if(bare(head["typ"]) not in [bare(name) for name in wanted if name], "wrong_type")


def check_kind(body):
    refuse_if(isinstance(body.get("events"), dict), "wrong_type")
    for name in ("token_use", "type", "typ", "token_type", "tokenType", "tokenUse"):
        for value in strings(body.get(name)):
            word = re.sub("[-_ ]", "", value.lower().split(":")[-1].removesuffix("+jwt"))
            refuse_if(re.fullmatch("refresh|refreshtoken|offline|offlinetoken|offlineaccess|logout|logouttoken", word), "wrong_type")


def check_claims(issuer, body):
    audience_claim = issuer.get("audience_claim", "aud")
    wanted = ["exp", audience_claim, *issuer.get("required_claims", [])]
    wanted += ["iat"] if "max_token_lifetime" in issuer else []
    refuse_if(any(name not in body for name in wanted), "missing_claim")
    for name in ("exp", "nbf", "iat"):
        value = body.get(name, 0)
        refuse_if(not is_number(value) or not 0 <= value <= 2**53, "bad_claim")
    for name in ["sub", "jti", "sid"] + (["client_id"] if audience_claim == "client_id" else []):
        refuse_if(not isinstance(body.get(name, ""), str), "bad_claim")
    aud = body.get("aud", "")
    refuse_if(not isinstance(aud, str) and not (isinstance(aud, list) and len(strings(aud)) == len(aud)),
              "bad_claim")
    for name, allowed in issuer.get("claims", {}).items():
        refuse_if(not typed(body.get(name)) & typed(allowed), "claim_mismatch")
    refuse_if("cnf" in body and issuer.get("sender_constrained", "refuse") == "refuse", "claim_mismatch")


def check_times_and_audience(issuer, body, now, asked):
    leeway = seconds(issuer.get("leeway", "30s"))
    refuse_if(not now < body["exp"] + leeway, "expired")
    refuse_if(now < body.get("nbf", 0) - leeway or now < body.get("iat", 0) - leeway, "not_yet_valid")
    audience_claim = issuer.get("audience_claim", "aud")
    wanted = {asked} if asked is not None else set(issuer["audiences"])
    refuse_if(not wanted <= set(issuer["audiences"]), "wrong_audience")
    for name in {audience_claim} | ({"aud"} & set(body)):
        refuse_if(not wanted & set(strings(body[name])), "wrong_audience")
    if "max_token_lifetime" in issuer:
        refuse_if(body["exp"] - body["iat"] > seconds(issuer["max_token_lifetime"]), "lifetime_too_long")


def covers(record, issuer, body, key, key_names, signing_input):
    if record["iss"] not in [issuer["issuer"], *issuer.get("aliases", [])]:
        return False
    if "before" in record and "iat" in body and math.floor(body["iat"]) > record["before"]:
        return False
    for name in ("jti", "sub", "sid"):
        if name in record:
            return body.get(name) == record[name]
    if "kid" in record:
        return record["kid"] in key_names
    if "jkt" in record:
        return record["jkt"] == key.thumbprint
    if "signing_input_sha256" in record:
        return record["signing_input_sha256"] == hashlib.sha256(signing_input).hexdigest()
    return "before" in record


def decide(token, issuers, read_key_file, now, audience=None, revoked=()):
    """(reason, a key that verifies or None); the reason is "accepted" for a yes."""
    key = None
    try:
        refuse_if(len(token) > MAX_TOKEN, "too_large")
        parts = token.split(b".")
        refuse_if(len(parts) != 3, "malformed")
        raw = [unbase64(part) for part in parts]
        refuse_if(None in raw, "malformed")
        head = strict_json(raw[0], 8)
        check_header(head)
        body = strict_json(raw[1], 16)
        issuer = find_issuer(issuers, body)
        check_type(issuer, head)
        alg = one_name(head["alg"])
        allowed = {one_name(name) for name in issuer.get("algorithms", KNOWN - KINDS["oct"])}
        refuse_if(alg not in allowed, "algorithm_mismatch")
        keys = load_keys(read_key_file(issuer["keys"]["file"]), issuer["keys"].get("kid"))
        signing_input = parts[0] + b"." + parts[1]
        for candidate in choose(keys, alg, head.get("kid")):
            if candidate.verifies(alg, signing_input, raw[2]):
                key = candidate
        refuse_if(key is None, "bad_signature")
        check_kind(body)
        check_claims(issuer, body)
        check_times_and_audience(issuer, body, now, audience)
        key_names = {one.kid for one in keys if one.thumbprint == key.thumbprint} - {None}
        refuse_if(any(covers(record, issuer, body, key, key_names, signing_input) for record in revoked),
                  "revoked")
        return "accepted", key
    except Refused as refused:
        return str(refused), key
