"""A key and tokens, made by the image's own command: it has no shell, so what it writes lands in a folder that is mounted."""
import os

from podman import IMAGE, run

ISSUER = "https://auth.example.com"


def make_key(folder):
    os.chmod(folder, 0o777)
    options = [f"--volume={folder}:/keys", "--entrypoint=/usr/bin/assay"]
    run(*options, IMAGE, "keygen", "--alg", "ES256", "--kid", "k1", "--out", "/keys/k1.pem")
    with open(f"{folder}/k1.pem.jwks.json", encoding="utf-8") as jwks:
        return jwks.read()


def mint(folder, issuer=ISSUER, audience="orders", subject="alice"):
    options = [f"--volume={folder}:/keys:ro", "--entrypoint=/usr/bin/assay"]
    return run(*options, IMAGE, "mint", "--key", "/keys/k1.pem", "--alg", "ES256", "--kid", "k1", "--issuer", issuer, "--audience", audience, "--subject", subject, "--ttl", "1h").strip()
