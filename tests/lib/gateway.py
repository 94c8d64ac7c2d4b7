"""Real gateways in front of an application, configured as in the guide on gateways, with other paths and ports."""
import json
import os
import random
import re
import shutil
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agent import die_with_parent, running, wait_for

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GUIDE = os.path.join(ROOT, "agent", "guide", "gateways.md")
README = os.path.join(ROOT, "README.md")
SBIN = os.environ.get("PATH", "") + ":/usr/sbin"


def blocks(section, language, path=GUIDE):
    """The blocks of that language in a section of the guide."""
    with open(path, encoding="utf-8") as file:
        text = file.read().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)


def block(section, language, path=GUIDE):
    """The only one."""
    found = blocks(section, language, path)
    assert len(found) == 1, (section, language, len(found))
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
            disable_nagle_algorithm = True

            def answer(self):
                trailers = []
                if self.headers.get("Transfer-Encoding") == "chunked":
                    while int(self.rfile.readline(), 16) > 0:
                        self.rfile.readline()
                    trailers = [line.decode("latin-1").strip() for line in iter(self.rfile.readline, b"\r\n")]
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                got = {"method": self.command, "target": self.path, "headers": self.headers.items(), "trailers": trailers}
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


def own_addresses(count):
    """Of loopback, where nobody else listens: neither a test beside this one nor a connection that has been given a port."""
    net = f"127.{random.randrange(2, 250)}.{random.randrange(250)}"
    return [f"{net}.{i + 1}" for i in range(count)]


def is_open(place):
    with socket.socket() as probe:
        return probe.connect_ex(place) == 0


class Gateway:
    """A program in a folder of its own, that serves the guide's recipe at `place`; or variants of its text, each at a place of its own."""
    program = section = language = None
    PORT = 8000

    def __init__(self, folder, http_socket, app, variants=None):
        self.folder, self.http_socket = folder, http_socket
        self.app = app if isinstance(app, str) else f"127.0.0.1:{app}"
        self.recipes = variants or [self.recipe()]
        self.addresses = own_addresses(len(self.recipes))
        self.places = [(address, self.PORT) for address in self.addresses]
        self.place = self.places[0]
        self.log_path = os.path.join(folder, "gateway.log")
        os.makedirs(folder, exist_ok=True)

    @classmethod
    def is_there(cls):
        return shutil.which(cls.program, path=SBIN) is not None

    @classmethod
    def recipe(cls):
        return block(cls.section, cls.language)

    def put(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def here(self, text, **places):
        """With this test's application in place of the recipe's."""
        return replaced(text, **{"127.0.0.1:8080": self.app, **places})

    def command(self):
        raise NotImplementedError

    def start(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                            env=dict(os.environ, HOME=self.folder, XDG_DATA_HOME=self.folder, XDG_CONFIG_HOME=self.folder, PATH=SBIN),
                                            preexec_fn=die_with_parent)
        running.append(self.process)

        def listens():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.program} ended:\n{self.log()}")
            return all(is_open(place) for place in self.places)
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
    program, section, language = "nginx", "nginx", "nginx"
    http = ""  # what somebody has written beside the recipe

    def command(self):
        beside = self.recipes[0].split("server {\n    listen")[0]
        text = replaced(beside, **{"/run/assay/http.sock": self.http_socket})
        for recipe, address in zip(self.recipes, self.addresses):
            assert recipe.startswith(beside)
            text += self.here(recipe[len(beside):], **{"listen 80;": f"listen {address}:{self.PORT};"})
        paths = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        path = self.put("nginx.conf", f"daemon off; {user} pid {self.folder}/pid; error_log {self.log_path} warn;\nevents {{}}\n"
                                      f"http {{ access_log off; {self.http} {paths}\n{text}}}\n")
        return ["nginx", "-e", self.log_path, "-c", path]


class ReadmeNginx(Nginx):
    """The core of the recipe, as README has it."""

    @classmethod
    def recipe(cls):
        return block("Put it behind a gateway", "nginx", README)


class Caddy(Gateway):
    program, section, language = "caddy", "Caddy", "caddyfile"

    def command(self):
        text = "{\n\tadmin off\n\tauto_https off\n}\n"
        for recipe, address in zip(self.recipes, self.addresses):
            text += self.here(recipe, **{":80 {": f":{self.PORT} {{\n\tbind {address}", "unix//run/assay/http.sock": f"unix/{self.http_socket}"})
        return ["caddy", "run", "--config", self.put("Caddyfile", text), "--adapter", "caddyfile"]


class Haproxy(Gateway):
    program, section, language = "haproxy", "HAProxy", "haproxy"

    def command(self):
        lua = self.put("assay.lua", replaced(block("HAProxy", "lua"), **{"unix@/run/assay/http.sock": f"unix@{self.http_socket}"}))
        before, after = self.recipes[0].split("frontend edge\n")[0], "\nbackend app\n" + self.recipes[0].split("\nbackend app\n")[1]
        text = replaced(before, **{"/etc/haproxy/assay.lua": lua}) + self.here(after) + "\n"
        for i, (recipe, address) in enumerate(zip(self.recipes, self.addresses)):
            assert recipe.startswith(before) and recipe.endswith(after)
            text += replaced(recipe[len(before):-len(after)], **{"frontend edge": f"frontend edge{i}", "bind :80": f"bind {address}:{self.PORT}"})
        return ["haproxy", "-db", "-f", self.put("haproxy.cfg", text)]


GATEWAYS = (Nginx, Caddy, Haproxy)
