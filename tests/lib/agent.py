"""A real assayd on a private socket, keys and tokens for it, and a client.

Every test starts the agents that it needs with AssayTest.start(). At the end
of the test each agent gets SIGTERM, must exit with 0, and its log must have no
report of a sanitizer. Nothing here sleeps for a fixed time: wait_for() checks a
condition until it holds, or fails at its deadline.

The programs come from the build folder named by ASSAY_BUILD.
"""
import atexit
import base64
import ctypes
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import msgpack
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

BUILD = os.environ.get("ASSAY_BUILD", os.path.join(os.getcwd(), "build"))
ASSAYD = os.path.join(BUILD, "agent", "assayd")
ASSAY = os.path.join(BUILD, "client", "cli", "assay")

ISSUER = "https://auth.example.com"
AUDIENCE = "orders"
NOBODY = 65534

LONG = "ASSAY_LONG" in os.environ   # more of what is random
TEST_SECONDS = 600 if LONG else 110 # no test may take longer
START_SECONDS = 30
CALL_SECONDS = 10


def has_sanitizer():
    with open(ASSAYD, "rb") as file:
        program = file.read()
    return b"__asan_init" in program or b"__tsan_init" in program


ASAN = has_sanitizer()


def patient():
    """Seconds, for bounds: time in which programs on this machine had to wait for a processor counts a quarter."""
    try:
        with open("/proc/pressure/cpu", encoding="utf-8") as file:
            waited = int(file.readline().rpartition("total=")[2]) / 1e6
    except OSError:     # a kernel that does not measure it
        waited = 0
    return time.monotonic() - 0.75 * waited


def wait_for(what, condition, seconds=10):
    """What condition() returns as soon as it is true."""
    deadline = patient() + seconds
    while True:
        found = condition()
        if found:
            return found
        if patient() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.003)


# --- keys and tokens -------------------------------------------------------

def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


CURVES = {"ES256": (ec.SECP256R1, "P-256", 32), "ES384": (ec.SECP384R1, "P-384", 48),
          "ES512": (ec.SECP521R1, "P-521", 66)}
HASH = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551


class Key:
    """A signing key under one algorithm, and how a key set names it."""

    def __init__(self, alg="ES256", kid="k1", private=None):
        self.alg, self.kid = alg, kid
        self.private = private or self.make(alg)

    @staticmethod
    def make(alg):
        if alg in CURVES:
            return ec.generate_private_key(CURVES[alg][0]())
        if alg == "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        if alg.startswith("HS"):
            return os.urandom(64)
        return rsa.generate_private_key(65537, 2048)

    def named(self, kid):
        """The same material under another name."""
        return Key(self.alg, kid, self.private)

    def material(self):
        if self.alg in CURVES:
            _, curve, size = CURVES[self.alg]
            point = self.private.public_key().public_numbers()
            return {"crv": curve, "kty": "EC", "x": number(point.x, size), "y": number(point.y, size)}
        if self.alg == "EdDSA":
            raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            return {"crv": "Ed25519", "kty": "OKP", "x": b64(raw)}
        if self.alg.startswith("HS"):
            return {"k": b64(self.private), "kty": "oct"}
        modulus = self.private.public_key().public_numbers()
        return {"e": number(modulus.e), "kty": "RSA", "n": number(modulus.n)}

    def jwk(self):
        jwk = dict(self.material(), alg=self.alg)
        if self.kid is not None:
            jwk["kid"] = self.kid
        return jwk

    def thumbprint(self):
        text = json.dumps(self.material(), separators=(",", ":"), sort_keys=True)
        return b64(hashlib.sha256(text.encode()).digest())

    def pem(self):
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def signature(self, data):
        if self.alg in CURVES:
            size = CURVES[self.alg][2]
            pair = decode_dss_signature(self.private.sign(data, ec.ECDSA(HASH[self.alg[2:]]())))
            return b"".join(half.to_bytes(size, "big") for half in pair)
        if self.alg == "EdDSA":
            return self.private.sign(data)
        if self.alg.startswith("HS"):
            return hmac.new(self.private, data, "sha" + self.alg[2:]).digest()
        return self.private.sign(data, padding.PKCS1v15(), HASH[self.alg[2:]]())

    def token(self, header=None, **claims):
        """A token that is good for an hour. A claim or header of None is left out."""
        now = int(time.time())
        head = {"alg": self.alg, "typ": "JWT", "kid": self.kid, **(header or {})}
        body = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now - 10, "exp": now + 3600, **claims}
        parts = [json.dumps({k: v for k, v in part.items() if v is not None}, separators=(",", ":"))
                 for part in (head, body)]
        data = ".".join(b64(part.encode()) for part in parts)
        return data + "." + b64(self.signature(data.encode()))


def other_spelling(token):
    """The other signature that an ES256 key verifies for the same words: n - s for s."""
    data, signature = token.rsplit(".", 1)
    raw = unb64(signature)
    other = P256_ORDER - int.from_bytes(raw[32:], "big")
    return data + "." + b64(raw[:32] + other.to_bytes(32, "big"))


def key_set(*keys):
    return json.dumps({"keys": [key if isinstance(key, dict) else key.jwk() for key in keys]})


def put_file(path, text, mode=0o600):
    """As it should be done: written beside it, then renamed."""
    beside = path + ".new"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(beside, mode)
    os.rename(beside, path)


# --- a client --------------------------------------------------------------

class WireError(Exception):
    """The agent's `error`: it could not decide."""

    def __init__(self, error):
        super().__init__(error[1])
        self.number, self.text = error
        self.name = error[1].split(":", 1)[0]


class Client:
    """MessagePack-RPC in a few lines."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(CALL_SECONDS)
        until = time.monotonic() + CALL_SECONDS
        while True:
            try:
                self.socket.connect(path)
                break
            except BlockingIOError:  # more connections wait than the kernel keeps: not refused, only not yet
                if time.monotonic() > until:
                    self.socket.close()
                    raise
                time.sleep(0.001)
            except OSError:
                self.socket.close()
                raise
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        self.last = 0

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def pack(self, method, params):
        self.last += 1
        return self.last, msgpack.packb([0, self.last, method, [params]])

    def send(self, method, **params):
        msgid, request = self.pack(method, params)
        self.socket.sendall(request)
        return msgid

    def receive(self):
        """The next answer, whole: [1, msgid, error, result]. A decision's id is taken out of it, because each answer has another one."""
        while True:
            for answer in self.unpacker:
                self.decision_id = answer[3].pop("decision_id", None) if len(answer) == 4 and isinstance(answer[3], dict) else None
                return answer
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the agent closed the connection")
            self.unpacker.feed(data)

    def call(self, method, **params):
        msgid = self.send(method, **params)
        answer = self.receive()
        assert answer[:2] == [1, msgid], answer
        if answer[2] is not None:
            raise WireError(answer[2])
        return answer[3]

    def verify(self, token, **params):
        """"accepted", or the reason of the refusal."""
        answer = self.call("verify", token=token, **params)
        return "accepted" if answer["active"] is True else answer["reason"]

    def is_closed(self, seconds=CALL_SECONDS):
        """Waits for the end; answers that come before it are passed over."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        except socket.timeout:
            return False
        return True


# --- the agent -------------------------------------------------------------

def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


running = []


@atexit.register
def kill_all():
    for process in running:
        if process.poll() is None:
            process.kill()


class Agent:
    """A folder with a configuration, key files, a state and a socket; and an assayd on it."""

    def __init__(self, issuers=None, keys=None, folder=None, environment=None, **top):
        self.folder = folder or tempfile.mkdtemp(prefix="assay-e2e-")
        self.environment = environment
        self.socket = os.path.join(self.folder, "s")
        self.state = os.path.join(self.folder, "state")
        self.config = os.path.join(self.folder, "assayd.yaml")
        self.key_file = os.path.join(self.folder, "keys", "keys.json")
        self.log_path = os.path.join(self.folder, "log")
        self.process = None
        os.makedirs(os.path.dirname(self.key_file), exist_ok=True)
        if keys is not None:
            put_file(self.key_file, key_set(*keys))
        self.configure(issuers, **top)

    def issuer(self, name=ISSUER, file=None, **settings):
        return {"issuer": name, "keys": {"file": file or self.key_file}, "audiences": [AUDIENCE], **settings}

    def configure(self, issuers=None, **top):
        """JSON is YAML."""
        config = {"socket": {"path": self.socket, "mode": "0666"}, "state": self.state, "threads": "2",
                  "issuers": issuers or [self.issuer()], **top}
        put_file(self.config, json.dumps(config, indent=1))

    def path(self, name):
        return os.path.join(self.folder, name)

    def launch(self, *arguments, before=None, pass_fds=(), stdout=None):
        environment = dict(os.environ, **(self.environment or {}))
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        log = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        command = [*(before or []), ASSAYD, "--config", self.config, *arguments]
        stdout = log if stdout is None else stdout
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=log, env=environment,
                                            preexec_fn=die_with_parent, pass_fds=pass_fds)
        finally:
            os.close(log)
        running.append(self.process)
        return self

    def start(self, **how):
        self.launch(**how)
        self.wait_ready()
        return self

    def wait_answers(self):
        """Not ready perhaps, but it answers: what it said to a ping."""
        def answers():
            try:
                return self.call("ping")
            except (OSError, EOFError):
                return None
        return wait_for("the agent answers", answers)

    def wait_ready(self, seconds=START_SECONDS):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"assayd ended with {self.process.returncode}:\n{self.log()}")
            try:
                with Client(self.socket) as client:
                    return client.call("ping")["ready"]
            except (OSError, EOFError):
                return False
        wait_for("the agent is ready", ready, seconds)

    def connect(self):
        return Client(self.socket)

    def call(self, method, **params):
        with self.connect() as client:
            return client.call(method, **params)

    def verify(self, token, **params):
        with self.connect() as client:
            return client.verify(token, **params)

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def resident(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))

    def anonymous(self):
        """Bytes of memory that are the process's own, not a file's."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon:"))

    def restart(self):
        self.stop()
        return self.start()

    def wait_exit(self, seconds=15):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            stacks = self.stacks()
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"assayd did not end within {seconds} s:\n{self.log()[-4000:]}\n{stacks}") from None

    def stacks(self):
        """Where each thread stands, for what happens too seldom to be watched."""
        if not shutil.which("gdb"):
            return ""
        command = ["gdb", "-p", str(self.process.pid), "-batch", "-ex", "thread apply all bt"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout[-8000:]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
        return self.wait_exit() if self.process is not None else 0


def check_config(text, name="assayd.yaml", files=None):
    """assayd --check on a configuration that stands alone in a folder. Exit code, what it said, the folder."""
    with tempfile.TemporaryDirectory(prefix="assay-check-") as folder:
        for file, (content, mode) in (files or {}).items():
            put_file(os.path.join(folder, file), content, mode)
        path = os.path.join(folder, name)
        put_file(path, text)
        done = subprocess.run([ASSAYD, "--config", path, "--check"], capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, done.stderr.replace(folder + "/", ""), done.stdout.replace(folder + "/", "")


class AssayTest(unittest.TestCase):
    """Starts agents and sees to it that they end well."""

    maxDiff = None

    def setUp(self):
        def too_long(*_):
            raise AssertionError(f"the test took longer than {TEST_SECONDS} s")
        self.agents = []
        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(TEST_SECONDS)
        self.addCleanup(signal.alarm, 0)

    def prepare(self, *arguments, **named):
        agent = Agent(*arguments, **named)
        self.agents.append(agent)
        return agent

    def start(self, *arguments, **named):
        return self.prepare(*arguments, **named).start()

    def tearDown(self):
        problems = []
        for agent in self.agents:
            killed = agent.process is None or agent.process.returncode is not None
            try:
                code = agent.stop()
                if not killed and code != 0:
                    problems.append(f"assayd ended with {code} after SIGTERM")
            except AssertionError as error:
                problems.append(str(error))
            log = agent.log()
            for sign in ("ERROR: AddressSanitizer", "runtime error", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer"):
                if sign in log:
                    problems.append(log[log.index(sign):][:4000])
            shutil.rmtree(agent.folder, ignore_errors=True)
        self.assertEqual(problems, [])

    def assertError(self, name, call, *words):
        with self.assertRaises(WireError) as raised:
            call()
        self.assertEqual(raised.exception.name, name)
        for word in words:
            self.assertIn(word, raised.exception.text)


needs_root = unittest.skipUnless(os.geteuid() == 0, "needs root, to be somebody else")


def as_user(uid, function, groups=()):
    """What function() returns as that user, in a child."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            os.setgroups(list(groups))
            os.setgid(uid)
            os.setuid(uid)
            os.write(write, json.dumps(function()).encode())
        except BaseException as error:  # a child of a test must not go on with the tests
            os.write(write, json.dumps(["exception", repr(error)]).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text)


def connect_as(agent, uid, gid=None, groups=()):
    """A client whose connection is that user's for as long as it is open: the kernel keeps who it was that connected."""
    before = os.getgroups()
    os.setgroups(list(groups))
    os.setegid(uid if gid is None else gid)
    os.seteuid(uid)
    try:
        return agent.connect()
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)
