"""Writes the folders: one a token, its files as the test program reads them.

A folder whose token is already there is left alone unless everything is to
be made anew: some signatures (the openssl command's ECDSA and PSS, libjwt's
ECDSA) differ each time.
"""
import json
import os
import shutil

from jwks import DEFAULT_CONFIG, DEFAULT_KEYS, key_set

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CASES = os.path.join(TESTS, "cases")
ACCEPTED = os.path.join(TESTS, "accepted")

everything = False              # --all
only = None                     # a part of the names wanted
names = set()
written = []


def yaml_value(value):
    """Flow style; strings are quoted unless plainly words."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{yaml_word(k)}: {yaml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(yaml_value(item) for item in value) + "]"
    return yaml_word(value)


def yaml_word(value):
    if not isinstance(value, str):
        return json.dumps(value)
    plain = value.replace("-", "").replace("_", "").replace(".", "").replace("/", "").replace(":", "")
    if (plain.isascii() and plain.isalnum() and not plain.isdigit() and value[0].isalnum()
            and value[-1] != ":" and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off")):
        return value
    return json.dumps(value, ensure_ascii=False)


def config_text(issuers):
    lines = ["issuers:"]
    for issuer in issuers:
        mark = "  - "
        for name, value in issuer.items():
            lines.append(f"{mark}{name}: {yaml_value(value)}")
            mark = "    "
    return "\n".join(lines) + "\n"


def one_issuer(**changes):
    """A configuration like the default one but for some keys."""
    return [dict(DEFAULT_CONFIG[0], **changes)]


def write(path, content):
    if isinstance(content, str):
        content = content.encode()
    with open(path, "wb") as file:
        file.write(content)


def claim_name(name):
    if name in names:
        raise ValueError(f"two folders are named {name}")
    names.add(name)


def folder(root, name, expect, about, token, twin=None, keys=None, config=None,
           ask=None, files=None):
    """One folder.  keys: a list of JWKs or the text of keys.json; files: further ones."""
    claim_name(name)
    path = os.path.join(root, name)
    if only and only not in name:
        return
    if os.path.exists(os.path.join(path, "token")) and not everything:
        return
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    write(os.path.join(path, "token"), token() if callable(token) else token)
    write(os.path.join(path, "expect"), expect + "\n")
    write(os.path.join(path, "about"), about + "\n")
    if twin is not None:
        write(os.path.join(path, "twin"), twin() if callable(twin) else twin)
    if keys is not None:
        write(os.path.join(path, "keys.json"), keys if isinstance(keys, (str, bytes)) else key_set(*keys))
    if config is not None:
        write(os.path.join(path, "config.yaml"), config_text(config))
    if ask is not None:
        write(os.path.join(path, "ask.json"), json.dumps(ask, ensure_ascii=False) + "\n")
    for file, content in (files or {}).items():
        write(os.path.join(path, file), content)
    written.append(name)


def bad(name, reason, about, token, twin=None, **more):
    folder(CASES, name, reason, about, token, twin, **more)


def good(name, about, token, **more):
    folder(ACCEPTED, name, "accepted", about, token, None, **more)


def defaults():
    """The key set and the configuration of the folders that bring none."""
    path = os.path.join(CASES, "default")
    os.makedirs(path, exist_ok=True)
    write(os.path.join(path, "keys.json"), key_set(*DEFAULT_KEYS))
    write(os.path.join(path, "config.yaml"), config_text(DEFAULT_CONFIG))


def strangers():
    """Folders on disk that no script makes."""
    on_disk = set()
    for root in (CASES, ACCEPTED):
        on_disk |= {entry for entry in os.listdir(root) if os.path.isdir(os.path.join(root, entry))}
    return sorted(on_disk - names - {"default"})
