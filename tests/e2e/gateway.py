"""Real gateways in front of an application, configured as README's "Gateways" has it, with other paths and ports."""
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agent import die_with_parent, running, wait_for

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "README.md")


def block(language):
    """The one block of that language in README's section."""
    with open(README, encoding="utf-8") as file:
        section = file.read().split("\n## Gateways\n")[1].split("\n## ")[0]
    found = re.findall(rf"^```{language}\n(.*?)^```$", section, re.S | re.M)
    assert len(found) == 1, (language, len(found))
    return found[0]


def replaced(text, **places):
    """Each of them stands there; a port as nginx, Caddy and HAProxy write it."""
    for old, new in places.items():
        assert old in text, (old, text)
        text = text.replace(old, new)
    return text


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class App:
    """What stands behind: tells what it has got, as it got it."""

    def __init__(self):
        app = self
        self.requests = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                if self.headers.get("Transfer-Encoding") == "chunked":
                    while int(self.rfile.readline(), 16) > 0:
                        self.rfile.readline()
                    self.rfile.readline()
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                got = {"method": self.command, "target": self.path, "headers": self.headers.items()}
                app.requests.append(got)
                data = json.dumps(got).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):  # a gateway has let go of its connection
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Gateway:
    """A program on a port of its own, in a folder of its own."""
    program = None

    def __init__(self, folder, http_socket, app_port):
        self.folder, self.http_socket, self.app_port = folder, http_socket, str(app_port)
        self.port = free_port()
        self.log_path = os.path.join(folder, "gateway.log")
        os.makedirs(folder)

    @classmethod
    def is_there(cls):
        return shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin") is not None

    def put(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def command(self):
        raise NotImplementedError

    def start(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                            env=dict(os.environ, HOME=self.folder, XDG_DATA_HOME=self.folder, XDG_CONFIG_HOME=self.folder,
                                                     PATH=os.environ.get("PATH", "") + ":/usr/sbin"),
                                            preexec_fn=die_with_parent)
        running.append(self.process)

        def listens():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.program} ended:\n{self.log()}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        wait_for(f"{self.program} listens", listens, 20)
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Nginx(Gateway):
    program = "nginx"

    def command(self):
        server = replaced(block("nginx"), **{"/run/assay/http.sock": self.http_socket, "listen 80;": f"listen 127.0.0.1:{self.port};",
                                             "127.0.0.1:8080": "127.0.0.1:" + self.app_port})
        paths = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        path = self.put("nginx.conf", f"daemon off; {user} pid {self.folder}/pid; error_log {self.log_path} warn;\nevents {{}}\n"
                                      f"http {{ access_log off; {paths}\n{server}}}\n")
        return ["nginx", "-e", self.log_path, "-c", path]


class Caddy(Gateway):
    program = "caddy"

    def command(self):
        site = replaced(block("caddyfile"), **{":80 {": f":{self.port} {{", "unix//run/assay/http.sock": f"unix/{self.http_socket}",
                                               "127.0.0.1:8080": "127.0.0.1:" + self.app_port})
        path = self.put("Caddyfile", "{\n\tadmin off\n\tauto_https off\n}\n" + site)
        return ["caddy", "run", "--config", path, "--adapter", "caddyfile"]


class Haproxy(Gateway):
    program = "haproxy"

    def command(self):
        lua = self.put("assay.lua", replaced(block("lua"), **{"unix@/run/assay/http.sock": f"unix@{self.http_socket}"}))
        text = replaced(block("haproxy"), **{"/etc/haproxy/assay.lua": lua, "bind :80": f"bind 127.0.0.1:{self.port}",
                                             "127.0.0.1:8080": "127.0.0.1:" + self.app_port})
        return ["haproxy", "-db", "-f", self.put("haproxy.cfg", text)]
