"""Good tokens, and what becomes of them: one change, or two, that follow from a random number.

token(random, ring) makes a token that is good, changes it, and gives its text
and the name of the change.  Where the change is in what is signed, the token
is mostly signed again, so that what lies behind the signature is reached.
"""
import base64
import json

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils

import forge

NOW = 1767225600
ISSUER = "https://auth.example.com"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"]
# Cheap ones more often: what is looked for lies seldom in the signature's kind.
OFTEN = ["HS256"] * 8 + ["HS384", "HS512"] * 2 + ["ES256"] * 3 + ["EdDSA"] * 4
ORDERS = {"ES256": 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551}
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
VALUES = [None, True, False, 0, 1, -1, 1.5, 1e300, 2**53, 2**53 + 2, 2**63, 2**64, -2**63, NOW, NOW + 0.5, str(NOW), "", "x", "orders", "JWT",
          "at+jwt", "refresh", "Offline", "urn:x:logout", [], {}, ["orders"], ["x", "orders"], ["orders", 1], [["orders"]], {"a": 1}, "é", "\u0001"]
CLAIMS = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "typ", "type", "token_use", "events", "cnf", "client_id", "scope", "x"]
PARAMETERS = ["alg", "kid", "typ", "cty", "crit", "b64", "zip", "enc", "jwk", "jku", "x5c", "x5u", "x5t", "x"]
TYPES = ["JWT", "jwt", "at+jwt", "AT+JWT", "application/jwt", "application/at+jwt", "APPLICATION/JWT", "application/", "JWE", "", "JWT ", "jwt\n",
         "application/application/jwt", "a/jwt"]
SPELLED = ["none", "None", "NONE", "", "rs256", "RS257", "HS1", "ES256K", "Ed25519", "Ed448", "EdDSA ", "RSA-OAEP", "dir", "HS256\0", "ed25519"]
PIECES = ["\ufeff", ",", "}", "{", "[", "]", "\"", "\\", "//", "/**/", "NaN", "Infinity", "-0", "01", "1.", ".5", "1e", "+1", "0x1", "'a'", "\t", "\n",
          "\u0001", "\\u0000", "\\ud800", "\\udc00", "\\ud83d\\ude00", "\\x41", "\\/", "\\u0061", "\u00a0", "true", "nul", "1e400", "-1e-400", "é"]


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign(alg, key, data):
    """What that algorithm makes of the key; a key that does not fit it makes something of its own kind."""
    if isinstance(key, bytes):
        return forge.sign(alg if alg in ("HS256", "HS384", "HS512") else "HS256", key, data)
    sha = forge.SHA[alg[2:]] if alg[2:] in forge.SHA else forge.SHA["256"]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(sha)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if alg.startswith("PS"):
        return key.sign(data, padding.PSS(padding.MGF1(sha), sha.digest_size), sha)
    return key.sign(data, padding.PKCS1v15(), sha)


class Draft:
    """A token as it is being made."""

    def __init__(self, random, ring):
        self.random = random
        self.ring = ring
        self.alg = random.choice(OFTEN + ALGORITHMS)
        self.kid, self.key = random.choice(ring.signers(self.alg))
        self.head = {"alg": self.alg, "typ": random.choice(["JWT", "at+jwt"])}
        if self.kid is not None and random.random() < 0.9:
            self.head["kid"] = self.kid
        self.body = {"iss": ISSUER, "sub": f"user-{random.randrange(100)}", "aud": random.choice(["orders", ["x", "orders"]]),
                     "iat": NOW - random.randrange(600), "exp": NOW + 1 + random.randrange(3600), "jti": str(random.randrange(10**6))}

    def texts(self):
        return [json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass") for part in (self.head, self.body)]

    def finish(self, texts, key):
        signed = b64(texts[0]) + "." + b64(texts[1])
        return signed + "." + b64(sign(self.alg, key, signed.encode()))


def value(random):
    return random.choice(VALUES + [NOW + random.choice([-1, 0, 1, 0.001, -0.001])] * 8)


def nested(random, text):
    """A value some levels deep, at the limits mostly."""
    depth = random.choice([2, 6, 7, 8, 14, 15, 16, 17, 100])
    inner = random.choice([b'{"a":', b"["])
    deep = inner * depth + b"1" + (b"}" if inner[0] == 123 else b"]") * depth
    return text[:-1] + b',"deep":' + deep + b"}"


# Of what is signed: each changes the draft or its two texts, and the token is signed again.

def edit_claim(draft, _):
    name = draft.random.choice(CLAIMS)
    if draft.random.random() < 0.3:
        draft.body.pop(name, None)
    else:
        draft.body[name] = value(draft.random)


def edit_header(draft, _):
    name = draft.random.choice(PARAMETERS)
    if draft.random.random() < 0.2:
        draft.head.pop(name, None)
    else:
        draft.head[name] = value(draft.random)


def edit_type(draft, _):
    draft.head["typ"] = draft.random.choice(TYPES)


def edit_kid(draft, _):
    draft.head["kid"] = draft.random.choice(["rsa-1", "ec-256", "shared", "hs-1", "ed-1", "enc", "weak", "no such", "", "RSA-1", draft.kid or "x"])


def edit_algorithm(draft, _):
    draft.head["alg"] = draft.random.choice(SPELLED + ALGORITHMS)
    if draft.head["alg"] in ALGORITHMS and draft.random.random() < 0.5:
        draft.alg = draft.head["alg"]


def confuse(draft, _):
    """A secret that everybody knows: somebody's public key."""
    draft.kid, draft.key = draft.random.choice(draft.ring.public_texts())
    draft.alg = draft.head["alg"] = draft.random.choice(["HS256", "HS512"])
    draft.head["kid"] = draft.kid


def change_text(draft, texts):
    """JSON that is none, or is written oddly."""
    random, which = draft.random, draft.random.randrange(2)
    text = bytearray(texts[which])
    at = random.randrange(len(text) + 1)
    how = random.randrange(7)
    if how == 0:
        text[at:at] = random.choice(PIECES).encode()
    elif how == 1:
        text[at:at + random.randrange(1, 4)] = b""
    elif how == 2:
        text[at % len(text)] ^= 1 << random.randrange(8)
    elif how == 3:
        text[at:at] = bytes([random.randrange(256)])
    elif how == 4:
        text = bytearray(nested(random, bytes(text)))
    elif how == 5:
        members = [member for member in bytes(text[1:-1]).split(b',"') if member]
        text[-1:] = b"," + (b'"' if not members[-1].startswith(b'"') else b"") + random.choice(members[1:] or members) + b"}"
    else:
        text = bytearray(json.dumps([draft.head, draft.body][which], indent=random.choice([0, 1, 4])).encode())
        text = random.choice([b" ", b"\n", b"\r\n\t", b"\x0b", b"\xc2\xa0"]) + text + random.choice([b"", b" ", b"\0", b"x"])
    texts[which] = bytes(text)


def make_large(draft, texts):
    """At the limit of what a token may have, and around it."""
    wanted = 16384 + draft.random.randrange(-4, 5)
    texts[1] = texts[1][:-1] + b',"pad":"'
    rest = wanted - len(b64(texts[0])) - 2 - len(b64(sign(draft.alg, draft.key, b"")))
    texts[1] += b"y" * (rest * 3 // 4 - len(texts[1]) - 2) + b'"}'


# Of the token's text: not signed again.

def flip(draft, text):
    at = draft.random.randrange(len(text))
    return text[:at] + chr(ord(text[at]) ^ 1 << draft.random.randrange(7)) + text[at + 1:]


def other_character(draft, text):
    at = draft.random.randrange(len(text))
    return text[:at] + draft.random.choice(BASE64URL + "+/=. \n\t\r,\0é") + text[at + draft.random.randrange(2):]


def spare_bits(draft, text):
    parts = text.split(".")
    which = draft.random.randrange(3)
    last = BASE64URL.index(parts[which][-1])
    parts[which] = parts[which][:-1] + BASE64URL[last ^ draft.random.randrange(1, 16)]
    return ".".join(parts)


def padded(draft, text):
    parts = text.split(".")
    parts[draft.random.randrange(3)] += "=" * draft.random.randrange(1, 4)
    return ".".join(parts)


def plain_base64(draft, text):
    return text.replace("-", "+").replace("_", "/")


def segments(draft, text):
    parts = text.split(".")
    random = draft.random
    how = random.randrange(5)
    if how == 0:
        random.shuffle(parts)
    elif how == 1:
        del parts[random.randrange(3)]
    elif how == 2:
        parts.insert(random.randrange(4), random.choice(parts + [""]))
    elif how == 3:
        parts[random.randrange(3)] = ""
    else:
        parts[random.randrange(3)] *= 2
    return ".".join(parts)


def cut(draft, text):
    return text[draft.random.randrange(2):draft.random.randrange(len(text))]


def signature(draft, text):
    head, body, end = text.split(".")
    raw, random = bytearray(unb64(end)), draft.random
    half = len(raw) // 2
    how = random.randrange(9)
    if how == 0:
        raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)
    elif how == 1:
        raw = raw[:-1] if random.random() < 0.5 else raw[1:]
    elif how == 2:
        raw = raw + b"\0" if random.random() < 0.5 else b"\0" + raw
    elif how == 3:
        raw = bytearray(len(raw))
    elif how == 4:
        raw = raw[half:] + raw[:half]
    elif how == 5 and draft.alg in ORDERS and len(raw) == 64:   # the other s: as good as the first
        raw[32:] = (ORDERS[draft.alg] - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    elif how == 6 and draft.alg.startswith("ES"):
        raw = utils.encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
    elif how == 7:
        raw = bytearray(b"\xff" * len(raw))
    else:
        raw = sign(draft.alg, draft.key, body.encode() + b"." + head.encode())
    return f"{head}.{body}.{b64(bytes(raw))}"


DRAFT = [edit_claim] * 8 + [edit_header] * 4 + [edit_type, edit_kid, edit_algorithm] * 2 + [confuse]
TEXTS = [change_text] * 12 + [make_large]
TOKEN = [flip, other_character, spare_bits, padded, plain_base64, segments, cut, signature, signature]


def token(random, ring):
    draft = Draft(random, ring)
    names = []
    for _ in range(random.choice([1, 1, 1, 2])):
        kind = random.choice([DRAFT, DRAFT, TEXTS, TOKEN, []])
        if kind:
            names.append(random.choice(kind))
    for name in [one for one in names if one in DRAFT]:
        name(draft, None)
    texts = draft.texts()
    for name in [one for one in names if one in TEXTS]:
        name(draft, texts)
    key = draft.key
    if random.random() < 0.05:
        names.append(wrong_key)
        key = random.choice(ring.attackers())
    text = draft.finish(texts, key)
    for name in [one for one in names if one in TOKEN][:1]:
        text = name(draft, text)
    return text, "+".join(name.__name__ for name in names) or "as it was"


def wrong_key():
    """Signed by somebody else, or with a public key for a secret."""
