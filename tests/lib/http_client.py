"""HTTP as raw bytes: sends exactly the bytes that the test gives, and returns the answer unchanged."""
import json
import socket
import unittest

from agent import ASSAYD

with open(ASSAYD, "rb") as program:
    HAS_HTTP = b"/ext_authz/" in program.read()
needs_http = unittest.skipUnless(HAS_HTTP, "the agent was built without llhttp")


class Answer:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.version = lines[0].split(" ")[0]
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:]]
        self.body = body

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def __getitem__(self, name):
        values = self.all(name)
        assert len(values) <= 1, self.headers
        return values[0] if values else None

    def json(self):
        assert self["Content-Type"] == "application/json", self.headers
        return json.loads(self.body)


class Http:
    """A connection to a Unix socket's path, to a port, or to an address with a port."""

    def __init__(self, place, seconds=10):
        if isinstance(place, int):
            self.socket = socket.create_connection(("127.0.0.1", place), timeout=seconds)
        elif isinstance(place, tuple):
            self.socket = socket.create_connection(place, timeout=seconds)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(seconds)
            self.socket.connect(place)
        self.data = b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.data += data

    def receive(self, head_only=False):
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        answer = Answer(head, b"")
        if answer.status == 100:
            return self.receive(head_only)
        length = 0 if head_only else int(answer["Content-Length"])
        while len(self.data) < length:
            self.more()
        answer.body, self.data = self.data[:length], self.data[length:]
        return answer

    def ask(self, method, target, *headers, body=None, version="HTTP/1.1", host="localhost"):
        lines = [f"{method} {target} {version}", *([f"Host: {host}"] if host is not None else []), *headers]
        if body is not None:
            body = body.encode() if isinstance(body, str) else body
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines) + "\r\n\r\n")
        if body:
            self.send(body)
        return self.receive(head_only=method == "HEAD")

    def is_closed(self):
        """Waits for the end: nothing more may come before it."""
        try:
            return self.data == b"" and self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except socket.timeout:
            return False
