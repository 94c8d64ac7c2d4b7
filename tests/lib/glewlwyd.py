"""Debian's glewlwyd, an OpenID provider in C, started on loopback: keys and tokens of another implementation than node's.

    with Glewlwyd(authority) as provider:
        token = provider.client_credentials(alg="EdDSA")
        provider.rotate()

The issuer's name is a path on its server, and the discovery document is below it. needs_glewlwyd skips a test if glewlwyd is not installed;
tests/issuers/glewlwyd.sh BUILD unpacks it.
"""
import base64
import contextlib
import ctypes
import glob
import gzip
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from provider import ALGS, BUILD, START_SECONDS, Issuer, Refused

FOLDER = os.environ.get("ASSAY_GLEWLWYD", os.path.join(BUILD, "glewlwyd"))
SCOPE = "orders"    # the audience of a token is its scope here
PROGRAM = os.path.join(FOLDER, "usr", "bin", "glewlwyd")

needs_glewlwyd = unittest.skipUnless(os.path.exists(os.path.join(FOLDER, "installed")),
                                     f"sh tests/issuers/glewlwyd.sh did not unpack into {FOLDER}")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def number(value, size=None):
    return base64.urlsafe_b64encode(value.to_bytes(size or (value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def private_jwk(alg, kid):
    """A new private key as a set has it."""
    if alg == "EdDSA":
        key = ed25519.Ed25519PrivateKey.generate()
        parts = (key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()),
                 key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        d, x = (number(int.from_bytes(part, "big"), 32) for part in parts)
        return {"kty": "OKP", "crv": "Ed25519", "d": d, "x": x, "alg": alg, "kid": kid}
    if alg == "ES256":
        numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
        point = numbers.public_numbers
        return {"kty": "EC", "crv": "P-256", "d": number(numbers.private_value, 32), "x": number(point.x, 32), "y": number(point.y, 32),
                "alg": alg, "kid": kid}
    numbers = rsa.generate_private_key(65537, 2048).private_numbers()
    values = {"n": numbers.public_numbers.n, "e": numbers.public_numbers.e, "d": numbers.d, "p": numbers.p, "q": numbers.q,
              "dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp}
    return {"kty": "RSA", **{name: number(value) for name, value in values.items()}, "alg": alg, "kid": kid}


class Glewlwyd(Issuer):
    """Clients service-ALG for client_credentials. After stop(), start() is at the same place with new keys."""

    def start(self):
        if self.arguments["port"] == 0:
            with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
                self.arguments["port"] = free.getsockname()[1]
        self.port = self.arguments["port"]
        self.origin = f"https://{self.arguments['host']}:{self.port}"
        self.issuer = self.origin + "/api/oidc"
        self.discovery = self.issuer + "/.well-known/openid-configuration"
        self.folder = tempfile.mkdtemp(prefix="assay-glewlwyd-")
        self.count, self.keys, self.cookie = 0, [], None
        self.fresh()
        self.database()
        config = os.path.join(self.folder, "glewlwyd.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(self.config())
        (libraries,) = glob.glob(os.path.join(FOLDER, "usr", "lib", "*-linux-gnu"))
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([PROGRAM, "--config-file", config], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env=dict(os.environ, LD_LIBRARY_PATH=libraries), start_new_session=True,
                                        preexec_fn=die_with_parent)
        try:
            self.wait()
            self.sign_in()
            self.clients("POST")
        except BaseException:
            self.stop()
            raise

    def wait(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                if self.ask("GET", self.discovery).status == 200:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"glewlwyd did not start:\n{self.errors()}")
            time.sleep(0.01)

    def stop(self):
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()
        self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def config(self):
        strings = {"external_url": self.origin, "api_prefix": "api", "log_mode": "console", "log_level": "WARNING",
                   "cookie_domain": self.arguments["host"], "admin_scope": "g_admin", "profile_scope": "g_profile",
                   "secure_connection_key_file": self.arguments["key"], "secure_connection_pem_file": self.arguments["cert"],
                   "hash_algorithm": "SHA512", "bind_address": "127.0.0.1"}
        for setting, part in (("user", "user"), ("client", "client"), ("user_auth_scheme", "scheme"), ("plugin", "plugin"),
                              ("user_middleware", "user_middleware")):
            strings[setting + "_module_path"] = os.path.join(FOLDER, "usr", "lib", "glewlwyd", part)
        lines = [f'{name} = "{value}"' for name, value in strings.items()]
        path = os.path.join(self.folder, "glewlwyd.db")
        return "\n".join([*lines, f"port = {self.port}", "use_secure_connection = true",
                          f'database = {{ type = "sqlite3"; path = "{path}"; }};', ""])

    def fresh(self):
        """A new key for each algorithm, first in the set."""
        self.count += 1
        new = [private_jwk(alg, f"{alg}-{self.count}-{os.urandom(4).hex()}") for alg in ALGS]
        self.keys = new + self.keys
        return [key["kid"] for key in new]

    def parameters(self):
        return {"iss": self.issuer, "jwks-private": json.dumps({"keys": self.keys}), "jwks-show": True,
                "client-sign_kid-parameter": "sign_kid", "access-token-duration": 300, "refresh-token-duration": 3600,
                "code-duration": 600, "auth-type-client-enabled": True, "auth-type-code-enabled": True,
                "auth-type-refresh-enabled": True, "allow-non-oidc": True, "subject-type": "public"}

    def database(self):
        """Its tables, as Debian's package makes them, with the plugin in them."""
        with gzip.open(os.path.join(FOLDER, "usr", "share", "doc", "glewlwyd", "database", "init.sqlite3.sql.gz"), "rt") as file:
            script = file.read()
        with contextlib.closing(sqlite3.connect(os.path.join(self.folder, "glewlwyd.db"))) as data:
            data.executescript(script)
            data.execute("INSERT INTO g_plugin_module_instance (gpmi_module, gpmi_name, gpmi_display_name, gpmi_parameters) "
                         "VALUES ('oidc', 'oidc', 'oidc', ?)", (json.dumps(self.parameters()),))
            data.execute("UPDATE g_client_module_instance SET gcmi_parameters = json_set(gcmi_parameters, ?, json(?))",
                         ('$."data-format".sign_kid', '{"multiple": false, "read": true, "write": true}'))
            data.commit()

    # --- its administrator -------------------------------------------------

    def order(self, method, path, value=None):
        headers = {"Content-Type": "application/json", **({"Cookie": self.cookie} if self.cookie else {})}
        answer = self.ask(method, self.origin + "/api" + path, json.dumps(value or {}), headers)
        if answer.status != 200:
            raise Refused(answer.status, answer.body.decode())
        return answer

    def sign_in(self):
        answer = self.order("POST", "/auth/", {"username": "admin", "password": "password"})
        self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        self.order("POST", "/scope/", {"name": SCOPE, "display_name": SCOPE, "password_required": False})

    def clients(self, method):
        """Each signs with the newest key of its algorithm."""
        for alg, key in zip(ALGS, self.keys):
            name = f"service-{alg}"
            self.order(method, "/client/" + (name if method == "PUT" else ""), {
                "client_id": name, "confidential": True, "password": "secret", "enabled": True, "scope": [SCOPE],
                "authorization_type": ["client_credentials"], "token_endpoint_auth_method": ["client_secret_basic"],
                "sign_kid": key["kid"]})

    def publish(self):
        self.order("PUT", "/mod/plugin/oidc", {"display_name": "oidc", "parameters": self.parameters()})
        self.order("PUT", "/mod/plugin/oidc/reset")
        self.clients("PUT")

    def rotate(self):
        """A new key for each algorithm, first in the set and signed with from now on. The kids of the new ones."""
        new = self.fresh()
        self.publish()
        return new

    def retire(self):
        """All but the newest keys are gone. The kids of those left."""
        del self.keys[len(ALGS):]
        self.publish()
        return [key["kid"] for key in self.keys]

    def client_credentials(self, scope=SCOPE, alg="ES256"):
        """An access token for a program: sub is service-ALG, aud the scope. It has no roles."""
        secret = base64.b64encode(f"service-{alg}:secret".encode()).decode()
        return self.token_request({"Authorization": "Basic " + secret}, grant_type="client_credentials", scope=scope)["access_token"]
