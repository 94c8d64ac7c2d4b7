"""Issuers that were not written for Assay, from tests/issuers, started on loopback: an OpenID provider, and an issuer that signs anything.

    with Provider(authority) as provider:
        token = provider.client_credentials("urn:assay:orders", "orders:read", alg="EdDSA")
        tokens = provider.login("alice@example.com", "wonderland")     # access_token, id_token, refresh_token
        provider.rotate()
    with Mock(authority) as mock:
        token = mock.token(claims={"sub": "anybody"})

needs_issuers skips a test or a class if they are not installed. sh tests/npm.sh tests/issuers BUILD/issuers installs them.
"""
import base64
import contextlib
import hashlib
import html.parser
import http.client
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.parse

BUILD = os.environ.get("ASSAY_BUILD", os.path.join(os.getcwd(), "build"))
FOLDER = os.environ.get("ASSAY_NODE_MODULES", os.path.join(BUILD, "issuers"))
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "issuers")

ALGS = ("RS256", "PS256", "ES256", "EdDSA")
USERS = {"alice@example.com": ("wonderland", "alice", ["user"]), "boss@example.com": ("the-boss", "boss", ["admin"])}
CALLBACK = "https://app.example.com/callback"
SCOPES = "orders:read orders:write"
START_SECONDS = 30
ANSWER_SECONDS = 20


def why_not():
    """Why there are no issuers here, or nothing if there are."""
    node = shutil.which("node")
    if not node:
        return "there is no node"
    if not os.path.exists(os.path.join(FOLDER, "installed")):
        return f"sh tests/npm.sh tests/issuers did not install into {FOLDER}"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout.strip()
    if [int(part) for part in version.lstrip("v").split(".")[:2]] < [20, 19]:
        return f"node {version} is older than 20.19"
    return ""


def available():
    return not why_not()


needs_issuers = unittest.skipUnless(available(), f"no issuers: {why_not()}")


class Refused(Exception):
    """The issuer said no: its status, and what it said."""

    def __init__(self, status, said):
        super().__init__(f"{status}: {said}")
        self.status, self.said = status, said


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    def json(self):
        return json.loads(self.body)


class Issuer:
    """A program of tests/issuers. Starts at once; stop() ends it and whatever it started."""

    PROGRAM = None

    def __init__(self, authority, certificate=None, port=0, host="127.0.0.1", tls=True, **options):
        self.authority = authority
        self.arguments = {"port": port, "host": host, **{name.replace("_", "-"): value for name, value in options.items()}}
        if tls:
            certificate = certificate or authority.issue()
            self.arguments.update(cert=certificate.cert, key=certificate.key)
        self.process, self.read = None, b""
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Once more after stop(): at the same place, with new keys."""
        for file in ("lines.mjs", self.PROGRAM):    # node looks for packages beside and above where a module lies
            beside = os.path.join(FOLDER, f"{file}.{os.getpid()}")
            shutil.copyfile(os.path.join(SOURCE, file), beside)
            os.rename(beside, os.path.join(FOLDER, file))
        command = ["node", os.path.join(FOLDER, self.PROGRAM)]
        for name, value in self.arguments.items():
            command += [f"--{name}", str(value)]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, bufsize=0,
                                        start_new_session=True)
        try:
            self.ready = self.line(START_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.issuer, self.port = self.ready["issuer"], self.ready["port"]
        self.arguments["port"] = self.port
        self.discovery = self.issuer + "/.well-known/openid-configuration"

    def stop(self):
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)     # it keeps nothing that could be lost
        self.process.wait()
        for file in (self.process.stdin, self.process.stdout, self.log):
            file.close()
        self.process = None

    def line(self, seconds):
        """The next line of JSON that it says."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.read:
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{self.PROGRAM} said nothing for {seconds} s:\n{self.errors()}")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise AssertionError(f"{self.PROGRAM} ended:\n{self.errors()}")
            self.read += data
        line, self.read = self.read.split(b"\n", 1)
        return json.loads(line)

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def command(self, *words):
        self.process.stdin.write(" ".join(words).encode() + b"\n")
        answer = self.line(ANSWER_SECONDS)
        if "error" in answer:
            raise Refused(0, answer["error"])
        return answer

    # --- what anybody may ask it -------------------------------------------

    def ask(self, method, url, form=None, headers=None):
        """One request on a connection of its own; a path is one of the issuer's. form: a dict, or text of another kind."""
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(self.issuer + "/", url))
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.netloc, timeout=ANSWER_SECONDS, context=self.authority.client())
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=ANSWER_SECONDS)
        with contextlib.closing(connection):
            body = urllib.parse.urlencode(form) if isinstance(form, dict) else form
            sent = {"Content-Type": "application/x-www-form-urlencoded"} if isinstance(form, dict) else {}
            connection.request(method, parts._replace(scheme="", netloc="").geturl(), body, {**sent, **(headers or {})})
            response = connection.getresponse()
            return Answer(response, response.read())

    def fetch(self, url):
        """A document of JSON."""
        answer = self.ask("GET", url)
        if answer.status != 200:
            raise Refused(answer.status, answer.body.decode())
        return answer.json()

    def configuration(self):
        return self.fetch(self.discovery)

    def jwks(self):
        return self.fetch(self.configuration()["jwks_uri"])

    def token_request(self, headers=None, **form):
        answer = self.ask("POST", self.configuration()["token_endpoint"], form, headers)
        if answer.status != 200:
            raise Refused(answer.status, answer.body.decode())
        return answer.json()


class Form(html.parser.HTMLParser):
    """Where the page's form is sent to, and its fields."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.action = attrs["action"]
        if tag == "input":
            self.fields.append(attrs["name"])


class Browser:
    """Follows redirects by hand, with cookies, until one leaves the issuer."""

    def __init__(self, issuer):
        self.issuer, self.cookies = issuer, {}

    def go(self, url, form=None):
        """The page's text and None, or None and the address outside that it was sent to."""
        for _ in range(10):
            cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            answer = self.issuer.ask("GET" if form is None else "POST", url, form, {"Cookie": cookies} if cookies else {})
            for cookie in answer.headers.get_all("Set-Cookie", []):
                name, value = cookie.split(";")[0].split("=", 1)
                self.cookies[name] = value
            if answer.status not in (302, 303):
                if answer.status != 200:
                    raise Refused(answer.status, answer.body.decode())
                return answer.body.decode(), None
            url, form = answer.headers["Location"], None
            if not urllib.parse.urljoin(self.issuer.issuer + "/", url).startswith(self.issuer.issuer + "/"):
                return None, url
        raise AssertionError("too many redirects")


class Provider(Issuer):
    """oidc-provider. ttl: how long tokens are good; shared_rsa="yes": RS256 and PS256 with one key that names neither."""

    PROGRAM = "provider.mjs"

    def client_credentials(self, resource="urn:assay:orders", scope=SCOPES, alg="ES256"):
        """An access token for a program: sub is service-ALG, roles are ["service"]."""
        secret = base64.b64encode(f"service-{alg}:secret".encode()).decode()
        return self.token_request({"Authorization": "Basic " + secret}, grant_type="client_credentials", resource=resource,
                                  scope=scope)["access_token"]

    def login(self, email, password, resource="urn:assay:orders", scope="openid email profile roles " + SCOPES, alg="ES256"):
        """Signs in as a browser does, with a code and PKCE. What the token endpoint gave: access_token, id_token, refresh_token, ..."""
        verifier, state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(8), secrets.token_urlsafe(8)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {"client_id": f"web-{alg}", "response_type": "code", "redirect_uri": CALLBACK, "scope": scope, "resource": resource,
                 "code_challenge": challenge, "code_challenge_method": "S256", "state": state, "nonce": nonce}
        browser = Browser(self)
        page, outside = browser.go(self.configuration()["authorization_endpoint"] + "?" + urllib.parse.urlencode(query))
        if page is not None:
            form = Form(page)
            assert form.fields == ["email", "password"], page
            page, outside = browser.go(form.action, {"email": email, "password": password})
        if outside is None or not outside.startswith(CALLBACK + "?"):
            raise AssertionError(f"not sent back to the application: {outside or page}")
        given = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(outside).query))
        if "error" in given:
            raise Refused(0, given)
        assert given["state"] == state and given["iss"] == self.issuer, given
        return self.token_request(grant_type="authorization_code", client_id=f"web-{alg}", code=given["code"], redirect_uri=CALLBACK,
                                  code_verifier=verifier)

    def refresh(self, tokens, alg="ES256"):
        """New tokens for those of a login, with the client of that algorithm."""
        return self.token_request(grant_type="refresh_token", client_id=f"web-{alg}", refresh_token=tokens["refresh_token"])

    def rotate(self):
        """A new key for each algorithm, first in the set and signed with from now on. The kids of the new ones."""
        return self.command("rotate")["new"]

    def retire(self):
        """All but the newest keys are gone. The kids of those left."""
        return self.command("retire")["kids"]

    def requests(self, path=None):
        """How often each path was asked for, or that one."""
        counts = self.command("requests")["requests"]
        return counts if path is None else counts.get(path, 0)


class Mock(Issuer):
    """oauth2-mock-server. alg: of its first key, whose kid is ready["kid"]; tls=False: plain HTTP."""

    PROGRAM = "mock.mjs"

    def add(self, alg, kid=None):
        """A new key's kid."""
        return self.command("add", alg, *([kid] if kid else []))["kid"]

    def remove(self, kid):
        """The kids of the keys that are left."""
        return self.command("remove", kid)["kids"]

    def token(self, kid=None, claims=None, header=None, seconds=3600):
        """Whatever is wanted, well signed. A claim or header of None is left out; without a kid the keys take turns."""
        wanted = {"claims": claims or {}, "header": header or {}, "seconds": seconds, **({"kid": kid} if kid else {})}
        return self.command("token", json.dumps(wanted))["token"]
