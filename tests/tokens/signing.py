"""Signatures made by hand, so that they can also be made wrongly.

RSA and ECDSA in plain integers: every step may be bent (salt length, padding
type, r and s), and the salts and nonces are derived from what is signed, so
that making a token again gives the same bytes.  Nothing here is constant
time; these keys guard nothing.
"""
import hashlib

# name: (p, a, b, order, base point, bytes of a coordinate)
CURVES = {
    "P-256": (
        0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff,
        -3,
        0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b,
        0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551,
        (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
         0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5),
        32),
    "P-384": (
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        -3,
        0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef,
        0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973,
        (0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7,
         0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f),
        48),
    "P-521": (
        2**521 - 1,
        -3,
        0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00,
        0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409,
        (0x00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66,
         0x011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650),
        66),
    "secp256k1": (
        2**256 - 2**32 - 977,
        0,
        7,
        0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141,
        (0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798,
         0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8),
        32),
}
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493

# The DER in front of a digest in a PKCS #1 v1.5 signature (RFC 8017 9.2).
DIGEST_INFO = {
    "md5": "3020300c06082a864886f70d020505000410",
    "sha1": "3021300906052b0e03021a05000414",
    "sha256": "3031300d060960864801650304020105000420",
    "sha384": "3041300d060960864801650304020205000430",
    "sha512": "3051300d060960864801650304020305000440",
}


def digest(name, data):
    return hashlib.new(name, data).digest()


def rsa_raw(key, encoded):
    """The encoded message to the power of d: what RSA signs in the end."""
    numbers = key.private_numbers()
    p, q = numbers.p, numbers.q
    message = int.from_bytes(encoded, "big")
    by_q = pow(message, numbers.dmq1, q)
    by_p = pow(message, numbers.dmp1, p)
    result = by_q + q * ((by_p - by_q) * numbers.iqmp % p)      # by the Chinese remainder theorem
    return result.to_bytes((key.key_size + 7) // 8, "big")


def pkcs1_encoded(size, hash_name, data, info=None, block_type=1):
    """EMSA-PKCS1-v1_5; info replaces DigestInfo and digest."""
    if info is None:
        info = bytes.fromhex(DIGEST_INFO[hash_name]) + digest(hash_name, data)
    return b"\0" + bytes([block_type]) + b"\xff" * (size - len(info) - 3) + b"\0" + info


def mgf1(hash_name, seed, length):
    out = b""
    counter = 0
    while len(out) < length:
        out += digest(hash_name, seed + counter.to_bytes(4, "big"))
        counter += 1
    return out[:length]


def pss_encoded(bits, hash_name, data, salt_length=None, mgf_hash=None, trailer=0xbc):
    """EMSA-PSS (RFC 8017 9.1.1) with a salt that comes from the message."""
    hash_length = hashlib.new(hash_name).digest_size
    if salt_length is None:
        salt_length = hash_length
    em_bits = bits - 1
    em_length = (em_bits + 7) // 8
    if salt_length == "max":
        salt_length = em_length - hash_length - 2
    salt = mgf1("sha256", b"salt" + data, salt_length)
    h = digest(hash_name, b"\0" * 8 + digest(hash_name, data) + salt)
    block = b"\0" * (em_length - salt_length - hash_length - 2) + b"\1" + salt
    mask = mgf1(mgf_hash or hash_name, h, len(block))
    masked = bytearray(x ^ y for x, y in zip(block, mask))
    masked[0] &= 0xff >> (8 * em_length - em_bits)
    return bytes(masked) + h + bytes([trailer])


def rsa_pss(key, hash_name, data, **how):
    return rsa_raw(key, pss_encoded(key.key_size, hash_name, data, **how))


def on_curve(curve, point):
    p, a, b = CURVES[curve][:3]
    x, y = point
    return (y * y - (x * x * x + a * x + b)) % p == 0


def add(curve, left, right):
    p, a = CURVES[curve][:2]
    if left is None or right is None:
        return right if left is None else left
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % p == 0:
        return None
    if left == right:
        slope = (3 * x1 * x1 + a) * pow(2 * y1, -1, p)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, p)
    x = (slope * slope - x1 - x2) % p
    return x, (slope * (x1 - x) - y1) % p


def multiply(curve, scalar, point=None):
    point = point or CURVES[curve][4]
    result = None
    while scalar:
        if scalar & 1:
            result = add(curve, result, point)
        point = add(curve, point, point)
        scalar >>= 1
    return result


def ecdsa_numbers(curve, secret, hash_name, data):
    """r, s with a nonce that is a hash of the secret and the message."""
    order, size = CURVES[curve][3], CURVES[curve][5]
    nonce = int.from_bytes(mgf1("sha512", secret.to_bytes(size, "big") + data, size + 8), "big")
    nonce = nonce % (order - 1) + 1
    z = int.from_bytes(digest(hash_name, data), "big")
    excess = max(0, len(digest(hash_name, b"")) * 8 - order.bit_length())
    r = multiply(curve, nonce)[0] % order
    s = pow(nonce, -1, order) * ((z >> excess) + r * secret) % order
    return r, s


def ecdsa_raw(curve, r, s):
    """r and s as RFC 7518 3.4 wants them: two numbers of the curve's size."""
    size = CURVES[curve][5]
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def der_length(length):
    return bytes([length]) if length < 128 else bytes([0x81, length])


def der_integer(number):
    body = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + der_length(len(body)) + body


def ecdsa_der(r, s):
    body = der_integer(r) + der_integer(s)
    return b"\x30" + der_length(len(body)) + body
