"""Applications that accept an upgrade: one that accepts any, and reports what came after it; and Hypercorn, which then speaks HTTP/2."""
import base64
import hashlib
import importlib.util
import os
import socket
import subprocess
import threading

from agent import die_with_parent, running, wait_for

HAS_HYPERCORN = all(importlib.util.find_spec(name) for name in ("hypercorn", "h2"))
APPLICATION = """import json, os
seen = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

async def app(scope, receive, send):
    if scope["type"] == "http":
        got = {"method": scope["method"], "target": scope["path"], "headers": [[k.decode(), v.decode()] for k, v in scope["headers"]]}
        os.write(seen, json.dumps(got).encode() + b"\\n")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
"""


class Tunnel:
    """Switches to whatever a client wants, and keeps the head of each request and the bytes after it."""

    def __init__(self):
        self.heads, self.after = [], []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()

    def accept(self):
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        data = b""
        with connection:
            try:
                while True:
                    while b"\r\n\r\n" not in data:
                        data += self.more(connection)
                    head, data = data.split(b"\r\n\r\n", 1)
                    self.heads.append(head.decode("latin-1"))
                    lines = [line.split(": ", 1) for line in self.heads[-1].split("\r\n")[1:]]
                    headers = {name.lower(): value for name, value in lines}
                    if "upgrade" not in headers:
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                        continue
                    key = headers.get("sec-websocket-key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
                    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
                    connection.sendall((f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {headers['upgrade']}\r\n"
                                        f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode())
                    while True:
                        data = data or self.more(connection)
                        self.after.append(data)
                        connection.sendall(b"heard " + data)
                        data = b""
            except (EOFError, OSError):
                pass

    @staticmethod
    def more(connection):
        data = connection.recv(65536)
        if not data:
            raise EOFError
        return data

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)      # close() alone leaves accept() where it is
        self.accepting.join(10)
        self.socket.close()


class Hypercorn:
    """As Debian has it, with its defaults."""

    def __init__(self, folder, port):
        self.port, self.seen = port, os.path.join(folder, "seen")
        with open(os.path.join(folder, "application.py"), "w", encoding="utf-8") as file:
            file.write(APPLICATION)
        with open(os.path.join(folder, "hypercorn.log"), "wb") as log:
            self.process = subprocess.Popen(["/usr/bin/python3", "-m", "hypercorn", "-b", f"127.0.0.1:{port}", "application:app"], cwd=folder,
                                            env=dict(os.environ, SEEN=self.seen), stdout=log, stderr=log, preexec_fn=die_with_parent)
        running.append(self.process)

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_for("Hypercorn listens", listens, 20)

    def requests(self):
        try:
            with open(self.seen, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def close(self):
        self.process.terminate()
        self.process.wait()
