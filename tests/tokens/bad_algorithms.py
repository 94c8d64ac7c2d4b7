"""Confusions about the algorithm: none, HMAC with public keys, neighbours."""
import hashlib
import hmac

from cryptography.hazmat.primitives import serialization

from folders import bad, good, one_issuer
from forge import (DROP, b64, claims, compact, ec_pair, header, key, public_der, public_pem, secret,
                   sign, signed, signing_input, with_signature)
from jwks import good_rsa, jwk, number, oct_jwk, rsa_jwk
from signing import ecdsa_raw

HS_TOO = one_issuer(algorithms=["RS256", "ES256", "EdDSA", "HS256"])
WITH_SECRET = [good_rsa(), oct_jwk(secret("hs-1", 32), kid="hs-1", alg="HS256")]


def none():
    twin = signed()
    for slug, alg in (("none", "none"), ("capital", "None"), ("upper", "NONE"), ("mixed", "nOnE"),
                      ("space-behind", "none "), ("space-before", " none"), ("tab", "none\t"),
                      ("null-word", "null"), ("empty", "")):
        head = header(alg)
        bad(f"none-{slug}", "unsupported_algorithm", f'alg is "{alg.strip()}" ({slug}) and the signature is empty',
            signing_input(head, claims()) + b".", twin)
    bad("none-with-signature", "unsupported_algorithm", "alg none with the signature of another token",
        signing_input(header("none"), claims()) + b"." + twin.rsplit(b".", 1)[1], twin)
    bad("none-really-signed", "unsupported_algorithm", "alg none, well signed with RS256 all the same",
        signed(header("none"), alg="RS256"), twin)
    bad("none-without-kid", "unsupported_algorithm", "alg none and no kid",
        signing_input(header("none", DROP), claims()) + b".", twin)
    bad("none-two-segments", "malformed", "alg none and no second dot", signing_input(header("none"), claims()), twin)
    bad("none-in-the-key", "unknown_key", "the key's own alg says none, so it verifies nothing",
        signed(header(kid="weak"), by="rsa-2"), twin, keys=[good_rsa(), jwk("rsa-2", kid="weak", alg="none")])


def spellings():
    twin = signed()
    for slug, alg in (("rs256-lower", "rs256"), ("rs256-mixed", "Rs256"), ("rs256-space", "RS256 "),
                      ("rs256-fullwidth", "\uff32\uff33256"), ("rs1", "RS1"), ("rs", "RS"),
                      ("rs2560", "RS2560"), ("sha256withrsa", "SHA256withRSA"), ("uri",
                      "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"), ("rsa-oaep", "RSA-OAEP"),
                      ("rsa1-5", "RSA1_5"), ("dir", "dir"), ("a128kw", "A128KW"), ("hs1", "HS1"),
                      ("hs256-lower", "hs256"), ("es256k", "ES256K"), ("es521", "ES521"), ("ed448", "Ed448"),
                      ("eddsa-lower", "eddsa"), ("ed25519-upper", "ED25519"), ("ml-dsa", "ML-DSA-44"),
                      ("jwt", "JWT")):
        bad(f"alg-{slug}", "unsupported_algorithm", f"alg is {alg}, signed as RS256",
            signed(header(alg), alg="RS256"),
            twin)
    private = key("ec-k1")
    data = signing_input(header("ES256K", "ec-k1"), claims())
    bad("alg-es256k-real", "unsupported_algorithm", "a real ES256K token whose key is in the set",
        with_signature(data, ecdsa_raw("secp256k1", *ec_pair(private, data, "sha256"))), twin,
        keys=[good_rsa(), jwk(private, kid="ec-k1")])
    bad("alg-ed448-real", "unsupported_algorithm", "a real Ed448 token whose key is in the set",
        signed(header("Ed448", "ed448"), by="ed448-1"), twin, keys=[good_rsa(), jwk("ed448-1", kid="ed448")])
    bad("alg-eddsa-with-ed448-key", "unknown_key", "EdDSA with an Ed448 key, a curve that is not served",
        signed(header("EdDSA", "ed448"), by="ed448-1"), twin, keys=[good_rsa(), jwk("ed448-1", kid="ed448")])


def mac(alg, secret_bytes, kid="rsa-1"):
    return signed(header(alg, kid), by=secret_bytes)


def public_as_secret():
    """The oldest trick: the public key, which everyone has, as the HMAC secret."""
    private = key("rsa-1")
    numbers = private.public_key().public_numbers()
    modulus = numbers.n.to_bytes(256, "big")
    pkcs1 = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    spellings_of_it = [
        ("pem", "its PEM", public_pem(private)),
        ("pem-no-newline", "its PEM without the last newline", public_pem(private).rstrip()),
        ("pem-crlf", "its PEM with CR LF", public_pem(private).replace(b"\n", b"\r\n")),
        ("pem-pkcs1", "its PKCS #1 PEM", pkcs1),
        ("der", "its DER", public_der(private)),
        ("jwk", "its JWK as compact JSON", compact(good_rsa())),
        ("modulus", "the bytes of its modulus", modulus),
        ("modulus-text", "its modulus as written in the JWK", number(numbers.n).encode()),
    ]
    twin = signed()
    for slug, about, material in spellings_of_it:
        bad(f"hmac-rsa-{slug}", "algorithm_mismatch", f"HS256 with the RSA key as secret: {about}",
            mac("HS256", material), twin)
        bad(f"hmac-rsa-{slug}-hs-allowed", "algorithm_mismatch",
            f"HS256 is allowed, and the secret is the RSA key that kid names: {about}",
            mac("HS256", material), twin, config=HS_TOO)
    for alg in ("HS384", "HS512"):
        bad(f"hmac-rsa-pem-{alg.lower()}", "algorithm_mismatch", f"{alg} with the RSA key's PEM as secret",
            mac(alg, public_pem(private)), twin)
    bad("hmac-rsa-key-without-alg", "algorithm_mismatch", "the same with a key that names no alg, HS256 allowed",
        mac("HS256", public_pem(key("rsa-any")), "rsa-any"), signed(header(kid="rsa-any"), by="rsa-any"),
        config=HS_TOO)
    bad("hmac-rsa-no-kid", "algorithm_mismatch", "the same without a kid, HS256 allowed",
        mac("HS256", public_pem(private), DROP), twin, config=HS_TOO)
    bad("hmac-ec-pem", "algorithm_mismatch", "HS256 with an EC key's PEM as secret, HS256 allowed",
        mac("HS256", public_pem(key("ec-256")), "ec-256"), signed(header("ES256", "ec-256"), by="ec-256"),
        config=HS_TOO)
    raw = key("ed-1").public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    bad("hmac-ed25519-raw", "algorithm_mismatch",
        "HS256 with the 32 bytes of an Ed25519 key as secret, HS256 allowed",
        mac("HS256", raw, "ed-1"), signed(header("EdDSA", "ed-1"), by="ed-1"), config=HS_TOO)
    bad("hmac-rsa-pem-under-the-secrets-kid", "bad_signature",
        "kid names the secret, but the MAC is made with the RSA PEM",
        mac("HS256", public_pem(private), "hs-1"), mac("HS256", secret("hs-1", 32), "hs-1"),
        keys=WITH_SECRET, config=HS_TOO)
    bad("hmac-not-allowed", "algorithm_mismatch", "a right HS256 token where HS256 is not named for the issuer",
        mac("HS256", secret("hs-1", 32), "hs-1"), twin, keys=WITH_SECRET)
    bad("hmac-empty-secret", "bad_signature", "HS256 with an empty secret",
        mac("HS256", b"", "hs-1"), mac("HS256", secret("hs-1", 32), "hs-1"), keys=WITH_SECRET, config=HS_TOO)
    bad("hmac-secret-as-text", "bad_signature", "HS256 with the secret's base64url text in place of its bytes",
        mac("HS256", b64(secret("hs-1", 32)), "hs-1"), mac("HS256", secret("hs-1", 32), "hs-1"),
        keys=WITH_SECRET, config=HS_TOO)
    plain = hashlib.sha256(secret("hs-1", 32) + signing_input(header("HS256", "hs-1"), claims())).digest()
    bad("hmac-plain-hash", "bad_signature", "SHA-256 over secret and text in place of HMAC",
        with_signature(signing_input(header("HS256", "hs-1"), claims()), plain),
        mac("HS256", secret("hs-1", 32), "hs-1"), keys=WITH_SECRET, config=HS_TOO)
    bad("rs256-with-a-secret", "algorithm_mismatch", "RS256 under the kid of a secret",
        signed(header("RS256", "hs-1")), mac("HS256", secret("hs-1", 32), "hs-1"), keys=WITH_SECRET, config=HS_TOO)
    bad("hs512-under-hs256-secret", "algorithm_mismatch", "HS512 with a secret whose alg is HS256",
        mac("HS512", secret("hs-64", 64), "hs-64"), mac("HS256", secret("hs-64", 64), "hs-64"),
        keys=[oct_jwk(secret("hs-64", 64), kid="hs-64", alg="HS256")],
        config=one_issuer(algorithms=["HS256", "HS512"]))
    bad("hs512-with-a-secret-for-hs256", "algorithm_mismatch",
        "HS512 with a secret without alg that is long enough for HS256 alone",
        mac("HS512", secret("hs-1", 32), "hs-1"), mac("HS256", secret("hs-1", 32), "hs-1"),
        keys=[oct_jwk(secret("hs-1", 32), kid="hs-1")], config=one_issuer(algorithms=["HS256", "HS512"]))


def neighbours():
    """A real signature of another algorithm than the key's or the header's."""
    ok = {"rsa": signed(), "any": signed(header(kid="rsa-any"), by="rsa-any"),
          "ec-256": signed(header("ES256", "ec-256"), by="ec-256"),
          "ec-384": signed(header("ES384", "ec-384"), by="ec-384"),
          "ed": signed(header("EdDSA", "ed-1"), by="ed-1")}
    for alg in ("PS256", "RS384", "RS512"):
        bad(f"{alg.lower()}-under-rs256-key", "algorithm_mismatch", f"{alg} with a key whose alg is RS256",
            signed(header(alg)), ok["rsa"])
    for alg, by in (("ES384", "ec-256"), ("ES512", "ec-256"), ("ES256", "ec-384"), ("ES512", "ec-384"),
                    ("ES256", "ec-521"), ("ES384", "ec-521"), ("ES256", "rsa-any"), ("EdDSA", "ec-256"),
                    ("EdDSA", "rsa-any"), ("ES256", "ed-1"), ("RS256", "ed-1"), ("RS256", "ec-256"),
                    ("PS256", "ec-256"), ("Ed25519", "rsa-1")):
        data = signing_input(header(alg, by), claims())
        real = sign({"EdDSA": "ES256", "Ed25519": "ES256"}.get(alg, alg), by, data)
        twin = {"rsa-any": ok["any"], "ed-1": ok["ed"], "rsa-1": ok["rsa"], "ec-521":
                signed(header("ES512", "ec-521"), by="ec-521")}.get(by) or ok[by]
        bad(f"{alg.lower()}-under-{by}", "algorithm_mismatch", f"{alg} with the key {by}, which is of another kind",
            with_signature(data, real), twin)
    for head, real in (("RS256", "PS256"), ("PS256", "RS256"), ("RS256", "RS512"), ("RS512", "RS256"),
                       ("PS256", "PS384"), ("PS384", "PS256"), ("PS512", "RS512"), ("RS384", "RS256")):
        bad(f"header-{head.lower()}-signed-{real.lower()}", "bad_signature",
            f"the header says {head}, signed with {real}",
            signed(header(head, "rsa-any"), by="rsa-any", alg=real), signed(header(head, "rsa-any"), by="rsa-any"))
    for real in ("ES384", "ES512"):
        bad(f"header-es256-hashed-{real.lower()}", "bad_signature", f"P-256 with the hash of {real}",
            signed(header("ES256", "ec-256"), by="ec-256", alg=real), ok["ec-256"])
    bad("header-hs256-signed-hs512", "bad_signature", "the header says HS256, the MAC is HS512's",
        signed(header("HS256", "hs-1"), by=secret("hs-1", 32), alg="HS512"), mac("HS256", secret("hs-1", 32), "hs-1"),
        keys=WITH_SECRET, config=HS_TOO)
    data = signing_input(header("HS256", "hs-1"), claims())
    bad("header-hs256-hs512-cut", "bad_signature", "HS512's MAC cut to 32 bytes under HS256",
        with_signature(data, hmac.new(secret("hs-1", 32), data, "sha512").digest()[:32]),
        mac("HS256", secret("hs-1", 32), "hs-1"), keys=WITH_SECRET, config=HS_TOO)


def not_allowed():
    """Algorithms that the issuer's configuration does not list."""
    for alg, by, allowed, twin in (
            ("RS256", "rsa-any", ["ES256", "PS256"], signed(header("PS256", "rsa-any"), by="rsa-any")),
            ("PS256", "rsa-any", ["RS256"], signed(header(kid="rsa-any"), by="rsa-any")),
            ("RS512", "rsa-any", ["RS256"], signed(header(kid="rsa-any"), by="rsa-any")),
            ("ES256", "ec-256", ["RS256", "ES384"], signed()),
            ("EdDSA", "ed-1", ["RS256"], signed()),
            ("Ed25519", "ed-1", ["RS256"], signed())):
        bad(f"not-allowed-{alg.lower()}", "algorithm_mismatch",
            f"a right {alg} token of an issuer for {', '.join(allowed)}",
            signed(header(alg, by), by=by), twin, config=one_issuer(algorithms=allowed))
    for name, configured in (("EdDSA", "Ed25519"), ("Ed25519", "EdDSA")):
        good(f"{name.lower()}-where-{configured.lower()}-listed",
             f"alg {name} where the configuration says {configured}",
             signed(header(name, "ed-1"), by="ed-1"), config=one_issuer(algorithms=[configured]))
    numbers = key("rsa-2").public_key().public_numbers()
    for slug, alg in (("es256", "ES256"), ("rsa-oaep", "RSA-OAEP"), ("hs256", "HS256"), ("lower", "rs256"),
                      ("unknown", "XX512"), ("empty", "")):
        bad(f"key-alg-{slug}", "unknown_key", f"an RSA key whose alg is {alg or 'empty'} verifies nothing",
            signed(header(kid="odd"), by="rsa-2"), signed(),
            keys=[good_rsa(), rsa_jwk(numbers.n, numbers.e, kid="odd", alg=alg)])
    for alg, by in (("ES384", "ec-256"), ("EdDSA", "ec-256"), ("RS256", "ed-1"), ("HS256", "ed-1")):
        bad(f"key-alg-{alg.lower()}-on-{by}", "unknown_key", f"the key {by} whose alg is {alg} verifies nothing",
            signed(header("ES256" if by == "ec-256" else "EdDSA", "odd"), by=by), signed(),
            keys=[good_rsa(), jwk(by, kid="odd", alg=alg)])


def make():
    none()
    spellings()
    public_as_secret()
    neighbours()
    not_allowed()
