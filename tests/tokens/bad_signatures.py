"""Signatures that are wrong: cut, bent, of another encoding, forged."""
from folders import bad, good, one_issuer
from forge import (b64, claims, compact, ec_pair, find, header, key, secret, sign, signed,
                   signing_input, with_signature)
from jwks import ec_jwk, jwk, oct_jwk
from signing import (CURVES, DIGEST_INFO, ED25519_ORDER, add, digest, ecdsa_der, ecdsa_raw, multiply,
                     on_curve, pkcs1_encoded, pss_encoded, rsa_raw)

KINDS = (("rs256", "RS256", "rsa-1"), ("ps256", "PS256", "rsa-any"), ("es256", "ES256", "ec-256"),
         ("es384", "ES384", "ec-384"), ("es512", "ES512", "ec-521"), ("eddsa", "EdDSA", "ed-1"))


def flipped(data, place, bit=1):
    bent = bytearray(data)
    bent[place] ^= bit
    return bytes(bent)


def general():
    """What can be done to any signature."""
    for slug, alg, by in KINDS:
        head = header(alg, by)
        data = signing_input(head, claims())
        right = sign(alg, by, data)
        twin = with_signature(data, right)
        for name, about, bent in (
                ("first-bit", "its first bit flipped", flipped(right, 0, 0x80)),
                ("middle-bit", "a bit in its middle flipped", flipped(right, len(right) // 2)),
                ("last-bit", "its last bit flipped", flipped(right, -1)),
                ("cut", "its last byte cut off", right[:-1]),
                ("half", "its second half cut off", right[:len(right) // 2]),
                ("byte-more", "a zero byte behind it", right + b"\0"),
                ("byte-before", "a zero byte before it", b"\0" + right),
                ("doubled", "the signature twice", right * 2),
                ("empty", "no bytes", b""),
                ("zeros", "all bytes zero", bytes(len(right))),
                ("ones", "all bits set", b"\xff" * len(right)),
                ("reversed", "its bytes in reverse order", right[::-1])):
            bad(f"signature-{slug}-{name}", "bad_signature", f"{alg}: {about}", with_signature(data, bent), twin)
        bad(f"signature-{slug}-of-another-token", "bad_signature",
            f"{alg}: the signature of another token of the same key",
            with_signature(data, sign(alg, by, signing_input(head, claims(jti="token-2")))), twin)
    mac = signing_input(header("HS256", "hs-1"), claims())
    right = sign("HS256", secret("hs-1", 32), mac)
    for name, about, bent in (("first-bit", "its first bit flipped", flipped(right, 0, 0x80)),
                              ("last-bit", "its last bit flipped", flipped(right, -1)),
                              ("cut", "its last byte cut off", right[:-1]), ("half", "cut to 16 bytes", right[:16]),
                              ("one-byte", "cut to one byte", right[:1]), ("empty", "no bytes", b""),
                              ("byte-more", "a zero byte behind it", right + b"\0")):
        bad(f"signature-hs256-{name}", "bad_signature", f"HS256: {about}", with_signature(mac, bent),
            with_signature(mac, right), keys=[oct_jwk(secret("hs-1", 32), kid="hs-1")],
            config=one_issuer(algorithms=["HS256"]))


def changed_content():
    """Header or payload exchanged behind the signer's back."""
    token = signed()
    h, p, s = token.split(b".")
    for slug, about, head, body in (
            ("payload-sub", "another sub", None, claims(sub="admin")),
            ("payload-exp", "a later exp", None, claims(exp=4102444800)),
            ("payload-claim-more", "a claim more", None, claims(role="admin")),
            ("payload-space", "a space in the payload's JSON", None, compact(claims())[:-1] + b" }"),
            ("payload-order", "the same claims in another order", None, dict(reversed(claims().items()))),
            ("header-typ", "another typ", header(typ="at+jwt"), None),
            ("header-kid", "the kid of another key that fits", header(kid="rsa-any"), None),
            ("header-space", "a space in the header's JSON", compact(header())[:-1] + b" }", None)):
        bent = b".".join([b64(compact(head)) if head else h, b64(compact(body)) if body else p, s])
        bad(f"changed-{slug}", "bad_signature", f"changed after signing: {about}", bent, token)
    bad("changed-alg-ps256", "bad_signature", "changed after signing: alg PS256 for RS256, a key that serves both",
        b64(compact(header("PS256", "rsa-any"))) + b"." + b".".join(signed(header(kid="rsa-any"),
                                                                           by="rsa-any").split(b".")[1:]),
        signed(header(kid="rsa-any"), by="rsa-any"))
    bad("changed-payload-of-another-token", "bad_signature", "the payload of another good token of the same key",
        b".".join([h, signed(body=claims(sub="user-456")).split(b".")[1], s]), token)


def ecdsa():
    for slug, alg, by, hash_name in (("es256", "ES256", "ec-256", "sha256"), ("es384", "ES384", "ec-384", "sha384"),
                                     ("es512", "ES512", "ec-521", "sha512")):
        curve = {"ec-256": "P-256", "ec-384": "P-384", "ec-521": "P-521"}[by]
        n, size = CURVES[curve][3], CURVES[curve][5]
        data = signing_input(header(alg, by), claims())
        r, s = ec_pair(key(by), data, hash_name)
        twin = with_signature(data, ecdsa_raw(curve, r, s))
        for name, about, bent in (
                ("der", "DER in place of the two numbers", ecdsa_der(r, s)),
                ("r-zero", "r is zero", ecdsa_raw(curve, 0, s)),
                ("s-zero", "s is zero", ecdsa_raw(curve, r, 0)),
                ("r-order", "r is the group's order", ecdsa_raw(curve, n, s)),
                ("s-order", "s is the group's order", ecdsa_raw(curve, r, n)),
                ("both-order", "r and s are the group's order", ecdsa_raw(curve, n, n)),
                ("r-s-one", "r and s are one", ecdsa_raw(curve, 1, 1)),
                ("s-r-swapped", "s before r", ecdsa_raw(curve, s, r)),
                ("r-negated", "n - r for r", ecdsa_raw(curve, n - r, s)),
                ("little-endian", "the two numbers little-endian",
                 r.to_bytes(size, "little") + s.to_bytes(size, "little"))):
            bad(f"ecdsa-{slug}-{name}", "bad_signature", f"{alg}: {about}", with_signature(data, bent), twin)
        good(f"ecdsa-{slug}-other-s", f"{alg} with n - s for s: the second spelling of a valid signature",
             with_signature(data, ecdsa_raw(curve, r, n - s)))
    # Numbers that begin with a zero byte must be sent at full length.
    def attempt(number):
        data = signing_input(header("ES256", "ec-256"), claims(jti=f"short-{number}"))
        return data, *ec_pair(key("ec-256"), data, "sha256")
    data, r, s = find(attempt, lambda found: found[1] < 2**248)
    full = with_signature(data, ecdsa_raw("P-256", r, s))
    bad("ecdsa-es256-r-shortened", "bad_signature", "ES256: r sent without its leading zero byte",
        with_signature(data, r.to_bytes(31, "big") + s.to_bytes(32, "big")), full)
    good("ecdsa-es256-r-leading-zero", "ES256 whose r begins with a zero byte", full)


def small_numbers():
    """A signature with r and s so small that r + n and s + n still fit 32 bytes.

    Nobody finds one for a given key, so the key is made for the signature:
    from a point R with a small x, Q = (s·R - z·G) / r.
    """
    p, a, b, n = CURVES["P-256"][:4]
    data = signing_input(header("ES256", "made"), claims())
    z, s = int.from_bytes(digest("sha256", data), "big"), 7

    def point(x):
        square = (x**3 + a * x + b) % p
        return x, pow(square, (p + 1) // 4, p)
    big_r = find(lambda number: point(number + 5), lambda found: on_curve("P-256", found))
    r = big_r[0]
    inverse = pow(r, -1, n)
    public = add("P-256", multiply("P-256", s * inverse % n, big_r), multiply("P-256", -z * inverse % n))
    keys = [ec_jwk("P-256", *public, kid="made")]
    twin = with_signature(data, ecdsa_raw("P-256", r, s))
    for name, about, first, second in (("r", "r + n for r", r + n, s), ("s", "s + n for s", r, s + n),
                                       ("both", "n added to both", r + n, s + n)):
        bad(f"ecdsa-es256-{name}-plus-order", "bad_signature", f"ES256: {about}, the same numbers modulo n",
            with_signature(data, ecdsa_raw("P-256", first, second)), twin, keys=keys)


def ed25519():
    data = signing_input(header("EdDSA", "ed-1"), claims())
    right = sign("EdDSA", "ed-1", data)
    twin = with_signature(data, right)
    r, s = right[:32], int.from_bytes(right[32:], "little")
    for name, about, bent in (
            ("s-plus-order", "S + L for S, a second spelling of the same",
             r + (s + ED25519_ORDER).to_bytes(32, "little")),
            ("s-high-bits", "the top bits of S set", r + flipped(right[32:], 31, 0xe0)),
            ("s-zero", "S is zero", r + bytes(32)),
            ("r-neutral", "R is the neutral point, S zero", b"\1" + bytes(63)),
            ("r-sign-bit", "the sign bit of R flipped", flipped(r, 31, 0x80) + right[32:]),
            ("swapped", "S before R", right[32:] + r)):
        bad(f"ed25519-{name}", "bad_signature", f"EdDSA: {about}", with_signature(data, bent), twin)
    bad("ed25519-prehashed", "bad_signature", "EdDSA over the SHA-512 of the text in place of the text",
        with_signature(data, sign("EdDSA", "ed-1", digest("sha512", data))), twin)


def pkcs1():
    """Encoded messages that only a lax reader of PKCS #1 v1.5 takes."""
    private = key("rsa-1")
    data = signing_input(header(), claims())
    twin = signed()
    sha256 = bytes.fromhex(DIGEST_INFO["sha256"])
    hashed = digest("sha256", data)
    without_null = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + hashed
    tail = sha256 + hashed
    for name, about, encoded in (
            ("no-digest-info", "the bare digest without its DigestInfo", pkcs1_encoded(256, None, data, info=hashed)),
            ("null-missing", "a DigestInfo without its NULL", pkcs1_encoded(256, None, data, info=without_null)),
            ("sha1", "SHA-1 in the DigestInfo", pkcs1_encoded(256, "sha1", data)),
            ("md5", "MD5 in the DigestInfo", pkcs1_encoded(256, "md5", data)),
            ("sha512-name", "a DigestInfo that names SHA-512, with SHA-256's digest",
             pkcs1_encoded(256, None, data, info=bytes.fromhex(DIGEST_INFO["sha512"]) + hashed)),
            ("block-type-2", "block type 2", pkcs1_encoded(256, "sha256", data, block_type=2)),
            ("block-type-0", "block type 0", pkcs1_encoded(256, "sha256", data, block_type=0)),
            ("trailing-garbage", "short padding and bytes behind the digest",
             b"\0\1" + b"\xff" * 8 + b"\0" + tail + b"x" * (245 - len(tail))),
            ("padding-not-ff", "a padding byte that is not FF",
             flipped(pkcs1_encoded(256, "sha256", data), 100, 0x80)),
            ("padding-zero-early", "two zero bytes at the padding's end",
             b"\0\1" + b"\xff" * (252 - len(tail)) + b"\0\0" + tail)):
        bad(f"pkcs1-{name}", "bad_signature", f"RS256: {about}", with_signature(data, rsa_raw(private, encoded)),
            twin)
    n = private.public_key().public_numbers().n

    def attempt(number):
        text = signing_input(header(), claims(jti=f"rsa-{number}"))
        return text, sign("RS256", "rsa-1", text)
    data, right = find(attempt, lambda found: found[1][0] == 0)
    full = with_signature(data, right)
    bad("rsa-leading-zero-dropped", "bad_signature", "RS256: the signature without its leading zero byte",
        with_signature(data, right[1:]), full)
    good("rsa-leading-zero", "RS256 whose signature begins with a zero byte", full)
    data, right = find(attempt, lambda found: int.from_bytes(found[1], "big") + n < 2**2048)
    bad("rsa-plus-modulus", "bad_signature", "RS256: signature + n, which is the same number modulo n",
        with_signature(data, (int.from_bytes(right, "big") + n).to_bytes(256, "big")), with_signature(data, right))
    data, right = find(attempt, lambda found: True)
    bad("rsa-negated", "bad_signature", "RS256: n - signature",
        with_signature(data, (n - int.from_bytes(right, "big")).to_bytes(256, "big")), with_signature(data, right))


def cube_root(number):
    low, high = 0, 1 << (number.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < number else (low, middle)
    return low


def forged_cube():
    """Bleichenbacher's forgery of 2006: no private key, only an exponent of 3."""
    data = signing_input(header(kid="rsa-e3"), claims())
    front = (b"\0\1" + b"\xff" * 8 + b"\0" + bytes.fromhex(DIGEST_INFO["sha256"]) + digest("sha256", data))
    root = cube_root(int.from_bytes(front.ljust(256, b"\0"), "big"))
    assert (root**3).to_bytes(256, "big").startswith(front)
    bad("pkcs1-cube-root", "bad_signature",
        "RS256: a cube root that is right in its leading bytes, for a key with e = 3",
        with_signature(data, root.to_bytes(256, "big")), signed(header(kid="rsa-e3"), by="rsa-e3"),
        keys=[jwk("rsa-e3", kid="rsa-e3")])


def pss():
    private = key("rsa-any")
    for alg, hash_name, length in (("PS256", "sha256", 32), ("PS384", "sha384", 48), ("PS512", "sha512", 64)):
        data = signing_input(header(alg, "rsa-any"), claims())
        twin = with_signature(data, sign(alg, "rsa-any", data))
        for name, about, how in (
                ("salt-none", "no salt", {"salt_length": 0}),
                ("salt-max", "the longest salt that fits", {"salt_length": "max"}),
                ("salt-longer", "a salt one byte too long", {"salt_length": length + 1}),
                ("salt-shorter", "a salt one byte too short", {"salt_length": length - 1}),
                ("salt-20", "a salt of 20 bytes, the default of old", {"salt_length": 20}),
                ("mgf-sha1", "MGF1 with SHA-1", {"mgf_hash": "sha1"}),
                ("trailer", "a trailer byte other than BC", {"trailer": 0xcc})):
            encoded = pss_encoded(2048, hash_name, data, **how)
            bad(f"pss-{alg.lower()}-{name}", "bad_signature", f"{alg}: {about}",
                with_signature(data, rsa_raw(private, encoded)), twin)


def make():
    general()
    changed_content()
    ecdsa()
    small_numbers()
    ed25519()
    pkcs1()
    forged_cube()
    pss()
