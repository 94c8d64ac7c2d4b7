"""Good tokens that other programs made: the openssl command, python3-cryptography, libjwt.

Nothing here signs with signing.py.  What such a program makes differs from
run to run for ECDSA and PSS, so these folders are made once and then kept.
"""
import hmac
import json
import os
import subprocess
import tempfile

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

from folders import good, one_issuer
from forge import HERE, claims, header, key, secret, signing_input, with_signature
from jwks import jwk, oct_jwk
from signing import CURVES

PEM = os.path.join(HERE, "keys")
BITS = ("256", "384", "512")
HS = one_issuer(algorithms=["HS256", "HS384", "HS512"])
EC = {"256": ("ec-256", "P-256"), "384": ("ec-384", "P-384"), "512": ("ec-521", "P-521")}
LARGE = [jwk(name, kid=name) for name in ("rsa-3072", "rsa-4096", "rsa-8192")]


def path(name):
    return os.path.join(PEM, name + ".pem")


def run(*command, data=None):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def raw_ecdsa(der, curve):
    """DER, as most programs write it, to the two numbers of RFC 7518 3.4."""
    size = CURVES[curve][5]
    r, s = utils.decode_dss_signature(der)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def hs_keys(size=64):
    return [oct_jwk(secret("program", size), kid="hs-1")]


def with_openssl(alg, by, data):
    sha = "-sha" + alg[2:]
    if alg.startswith("RS"):
        return run("openssl", "dgst", sha, "-sign", path(by), data=data)
    if alg.startswith("PS"):
        return run("openssl", "dgst", sha, "-sign", path(by), "-sigopt", "rsa_padding_mode:pss",
                   "-sigopt", "rsa_pss_saltlen:digest", "-sigopt", "rsa_mgf1_md:sha" + alg[2:], data=data)
    if alg.startswith("ES"):
        return raw_ecdsa(run("openssl", "dgst", sha, "-sign", path(by), data=data), EC[alg[2:]][1])
    if alg.startswith("HS"):
        return run("openssl", "dgst", sha, "-mac", "HMAC", "-macopt", "hexkey:" + by.hex(), "-binary", data=data)
    with tempfile.NamedTemporaryFile() as file:     # pkeyutl -rawin wants a file's length
        file.write(data)
        file.flush()
        return run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", path(by), "-in", file.name)


def with_cryptography(alg, by, data):
    if alg.startswith("HS"):
        return hmac.new(by, data, "sha" + alg[2:]).digest()
    private = key(by)
    if alg in ("EdDSA", "Ed25519"):
        return private.sign(data)
    sha = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[alg[2:]]()
    if alg.startswith("ES"):
        return raw_ecdsa(private.sign(data, ec.ECDSA(sha)), EC[alg[2:]][1])
    if alg.startswith("RS"):
        return private.sign(data, padding.PKCS1v15(), sha)
    return private.sign(data, padding.PSS(padding.MGF1(sha), sha.digest_size), sha)


def every_algorithm(program, words, signer):
    """One token for each algorithm, made when its folder is written."""
    def token(alg, by, kid=None):
        def make_it():
            data = signing_input(header(alg, kid or by), claims(jti=f"{program}-{alg}"))
            return with_signature(data, signer(alg, by, data))
        return make_it

    for bits in BITS:
        good(f"{program}-rs{bits}", f"RS{bits} by {words}", token(f"RS{bits}", "rsa-any"))
        good(f"{program}-ps{bits}", f"PS{bits} by {words}", token(f"PS{bits}", "rsa-any"))
        good(f"{program}-es{bits}", f"ES{bits} by {words}", token(f"ES{bits}", EC[bits][0]))
        size = int(bits) // 8
        good(f"{program}-hs{bits}", f"HS{bits} by {words}, the shortest secret that is taken",
             token(f"HS{bits}", secret("program", size), "hs-1"), keys=hs_keys(size), config=HS)
    for alg in ("EdDSA", "Ed25519"):
        good(f"{program}-{alg.lower()}", f"{alg} by {words}", token(alg, "ed-1"))
    for name, alg in (("rsa-3072", "RS384"), ("rsa-4096", "PS512"), ("rsa-8192", "RS256")):
        good(f"{program}-{name}", f"{alg} by {words} with a key of {name[4:]} bits", token(alg, name), keys=LARGE)


_built = []                     # the directory of the compiled program, removed at exit


def mint_program():
    """libjwt_mint.c as a program, compiled when first asked for."""
    if not _built:
        _built.append(tempfile.TemporaryDirectory())
        flags = run("pkg-config", "--cflags", "--libs", "libjwt").decode().split()
        run("cc", "-O1", "-Wall", "-Wextra", "-o", os.path.join(_built[0].name, "mint"),
            os.path.join(HERE, "libjwt_mint.c"), *flags)
    return os.path.join(_built[0].name, "mint")


def by_libjwt(alg, by, kid, body):
    """A token of libjwt, made when its folder is written."""
    def make_it():
        with tempfile.NamedTemporaryFile() as file:
            if isinstance(by, bytes):
                file.write(by)
                file.flush()
            return run(mint_program(), alg, file.name if isinstance(by, bytes) else path(by),
                       json.dumps({"kid": kid} if kid else {}), json.dumps(body))
    return make_it


def libjwt():
    nested = claims(roles=["user", "admin"], address={"city": "K\u00f6ln", "zip": "50667"},
                    scope="orders:read orders:write",
                    balance=-12.5, active=True, manager=None)
    for bits in BITS:
        for kind, by in (("rs", "rsa-any"), ("es", EC[bits][0])):
            alg = f"{kind.upper()}{bits}"
            good(f"libjwt-{kind}{bits}", f"{alg} by libjwt", by_libjwt(alg, by, by, claims()))
            good(f"libjwt-{kind}{bits}-nested", f"{alg} by libjwt, claims of all JSON types",
                 by_libjwt(alg, by, by, nested))
            good(f"libjwt-{kind}{bits}-no-kid", f"{alg} by libjwt, without a kid", by_libjwt(alg, by, None, claims()))
        good(f"libjwt-hs{bits}", f"HS{bits} by libjwt",
             by_libjwt(f"HS{bits}", secret("program", 64), "hs-1", claims()), keys=hs_keys(), config=HS)
        good(f"libjwt-hs{bits}-nested", f"HS{bits} by libjwt, claims of all JSON types",
             by_libjwt(f"HS{bits}", secret("program", 64), "hs-1", nested), keys=hs_keys(), config=HS)
    good("libjwt-rsa-4096", "RS512 by libjwt with a key of 4096 bits",
         by_libjwt("RS512", "rsa-4096", "rsa-4096", claims()), keys=LARGE)


def make():
    every_algorithm("openssl", "the openssl command", with_openssl)
    every_algorithm("cryptography", "python3-cryptography", with_cryptography)
    libjwt()
