"""A real redis-server on loopback, which a test can start, stop, kill and freeze; and a small client for it.

    server = RedisServer(folder).start()                # 127.0.0.1, a free port that it keeps
    server.url                                          # redis://localhost:PORT
    server.cli("XADD", "assay:revocations", "*", "r", record)
    server.stop(); server.start(); server.restart()     # its data is gone, unless appendonly=True
    server.kill(); server.freeze(); server.thaw()
    RedisServer(folder, tls=(authority.issue(), authority.ca), password="p", users=["user bob on >b ~* +@all"])

cli() runs as the default user, or as another: cli("PING", user=("bob", "b")). It raises RedisError if Redis answers with an error.
"""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import unittest

from agent import CALL_SECONDS, die_with_parent, running, wait_for

PROGRAM = shutil.which("redis-server") or "/usr/bin/redis-server"

needs_redis = unittest.skipUnless(os.path.exists(PROGRAM), "needs redis-server")


class RedisError(Exception):
    """An error reply."""


class Resp:
    """A connection that speaks RESP 2. Strings that are not UTF-8 survive as surrogates."""

    def __init__(self, port, ca=None, user=None, password=None):
        self.socket = socket.create_connection(("127.0.0.1", port), CALL_SECONDS)
        self.reader = None
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if ca:
                context = ssl.create_default_context(cafile=ca)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # to be trusted is not this client's matter
                self.socket = context.wrap_socket(self.socket)
            self.reader = self.socket.makefile("rb")
            if password is not None:
                self.call("AUTH", *([user] if user else []), password)
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.reader:
            self.reader.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def packed(words):
        raw = [word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogateescape") for word in words]
        return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in raw)

    def line(self):
        line = self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("redis-server closed the connection")
        return line[:-2].decode("utf-8", "surrogateescape")

    def reply(self):
        """An error is returned, for it may stand inside of an array."""
        line = self.line()
        kind, rest = line[0], line[1:]
        if kind == "-":
            return RedisError(rest)
        if kind == ":":
            return int(rest)
        if kind == "$":
            if rest == "-1":
                return None
            return self.reader.read(int(rest) + 2)[:-2].decode("utf-8", "surrogateescape")
        if kind == "*":
            return None if rest == "-1" else [self.reply() for _ in range(int(rest))]
        return rest

    def call(self, *words):
        return self.many([words])[0]

    def many(self, commands, at_once=1000):
        """Their replies; so many of them are under way at a time."""
        commands, replies = list(commands), []
        for begin in range(0, len(commands), at_once):
            some = commands[begin:begin + at_once]
            self.socket.sendall(b"".join(self.packed(words) for words in some))
            replies += [self.reply() for _ in some]
        for reply in replies:
            if isinstance(reply, RedisError):
                raise reply
        return replies


class RedisServer:
    """Its files lie in the folder, the log among them."""

    def __init__(self, folder, tls=None, password=None, users=None, port=0, appendonly=False, settings=()):
        """tls: a tls.Certificate and the path of the authority's; users: lines of its configuration, `user NAME …`;
        settings: further lines."""
        os.makedirs(folder, exist_ok=True)
        self.folder, self.tls, self.password, self.users = folder, tls, password, users or []
        self.port, self.appendonly, self.settings = port, appendonly, list(settings)
        self.log_path = os.path.join(folder, "redis.log")
        self.process = None

    @property
    def url(self):
        return self.url_of()

    def url_of(self, host="localhost", user=None, db=None):
        return (f"{'rediss' if self.tls else 'redis'}://{user + '@' if user else ''}{host}:{self.port}"
                f"{'' if db is None else f'/{db}'}")

    def configuration(self):
        lines = ["bind 127.0.0.1", "protected-mode no", "daemonize no", 'save ""', f'dir "{self.folder}"', f'logfile "{self.log_path}"',
                 f"appendonly {'yes' if self.appendonly else 'no'}", "appendfsync always", f"port {0 if self.tls else self.port}"]
        if self.tls:
            certificate, authority = self.tls
            lines += [f"tls-port {self.port}", f'tls-cert-file "{certificate.cert}"', f'tls-key-file "{certificate.key}"',
                      f'tls-ca-cert-file "{authority}"', "tls-auth-clients no"]
        if self.password is not None:
            lines.append(f'requirepass "{self.password}"')
        return "\n".join([*lines, *self.users, *self.settings]) + "\n"

    def start(self):
        assert not self.runs(), "it runs"
        for _ in range(5):
            if self.launch(free=self.port == 0):
                return self
        raise AssertionError(f"redis-server does not start:\n{self.log()[-4000:]}")

    def launch(self, free):
        """False: it has ended at once, for a free port may be somebody else's by now."""
        if free:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        path = os.path.join(self.folder, "redis.conf")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(self.configuration())
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([PROGRAM, path], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=die_with_parent)
        running.append(self.process)
        if wait_for("redis-server is ready", self.has_begun) == "ready":
            return True
        if free:
            self.port = 0
        return False

    def has_begun(self):
        if self.process.poll() is not None:
            return "ended"
        try:
            with Resp(self.port, self.tls and self.tls[1]) as client:
                client.call("PING")
        except RedisError as error:
            return not str(error).startswith("LOADING") and "ready"
        except (OSError, EOFError):
            return False
        return "ready"

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        if self.runs():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            self.process.wait(CALL_SECONDS)

    def kill(self):
        if self.runs():
            self.signal(signal.SIGKILL)
            self.process.wait(CALL_SECONDS)

    def restart(self):
        self.stop()
        return self.start()

    def freeze(self):
        """It takes connections, by the kernel, and answers nothing."""
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def connect(self, user=None):
        name, password = user or (None, self.password)
        return Resp(self.port, self.tls and self.tls[1], name, password)

    def cli(self, *words, user=None):
        with self.connect(user) as client:
            return client.call(*words)

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def __enter__(self):
        return self if self.runs() else self.start()

    def __exit__(self, *_):
        self.stop()
