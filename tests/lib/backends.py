"""Web servers and frameworks of tests/backends, each with an application that reports which of its routes or files it serves."""
import http.client
import importlib.util
import json
import os
import shutil
import socket
import subprocess
from urllib.parse import unquote_to_bytes

from agent import BUILD, die_with_parent, running, wait_for
from gateway import SBIN, free_port, is_open

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "backends")
PACKAGES = os.environ.get("ASSAY_BACKENDS", os.path.join(BUILD, "backends"))
FILES = ("products/7", "products/8.txt", "products/index.html", "users/alice/orders/1", "users/alice/orders/index.html", "users/alice/index.html",
         "users/index.html", "users/bob/orders/1", "files/a", "files/b/c.txt", "files/index.html",
         "files/b/index.html", "files/x y", "admin/secret", "admin/index.html", "admin/users/9", "index.html", "7")


def segments(path):
    """Of a decoded path; one slash at its end is nothing."""
    return (path[1:-1] if len(path) > 1 and path.endswith("/") else path[1:]).split("/")


def allowed(target):
    """The route and what it is about, as the policy of the test has it; or None."""
    if not target.startswith("/") or "#" in target.split("?")[0]:
        return None
    parts = segments(unquote_to_bytes(target.split("?")[0].encode("latin-1")).decode("utf-8", "replace"))
    if parts[0] == "products" and len(parts) <= 2:
        return ("product", parts[1]) if len(parts) == 2 else ("products",)
    if parts[:1] + parts[1:3] == ["users", "alice", "orders"] and len(parts) <= 4:
        return ("order", "alice", parts[3]) if len(parts) == 4 else ("orders", "alice")
    if parts[0] == "files":
        return ("file", "/".join(parts[1:]))
    return None


class Backend:
    """What it serves of /products/7 and the like, by `served`: the route and what it is about, or the file."""
    is_static = False
    more = []

    def __init__(self, name, reason, command, configuration=None, **environment):
        self.name, self.reason, self.make, self.configuration, self.environment = name, reason, command, configuration, environment
        self.process = self.connection = None

    def start(self, folder):
        self.folder, self.port = os.path.join(folder, self.name), free_port()
        os.makedirs(self.folder)
        for file in FILES if self.is_static else ():
            os.makedirs(os.path.dirname(os.path.join(self.folder, "www", file)), exist_ok=True)
            with open(os.path.join(self.folder, "www", file), "w", encoding="utf-8") as out:
                out.write("/" + file.removesuffix("/index.html"))
        values = {"folder": self.folder, "port": self.port, "source": os.path.abspath(SOURCE), "packages": os.path.abspath(PACKAGES)}
        if self.configuration:
            with open(os.path.join(self.folder, "conf"), "w", encoding="utf-8") as out:
                out.write(self.configuration % values)
        self.log_path = os.path.join(self.folder, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([word % values for word in self.make.split(" ")], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=os.path.join(self.folder, "www") if self.is_static else self.folder,
                                            env={**os.environ, "PATH": SBIN, "HOME": self.folder, **self.environment}, preexec_fn=die_with_parent)
        running.append(self.process)

    def listens(self):
        if self.process.poll() is not None:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"{self.name} ended:\n{log.read()[-2000:]}")
        return is_open(("127.0.0.1", self.port))

    def wait(self):
        wait_for(f"{self.name} listens", self.listens, 20)

    def stop(self):
        if self.connection is not None:
            self.connection.close()
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def ask(self, head):
        """The status and the body, by a connection that is used again."""
        for fresh in (False, True):
            if self.connection is None or fresh:
                self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.connection.sendall(head)
                answer = http.client.HTTPResponse(self.connection, method="GET")
                answer.begin()
                body = answer.read()
                if answer.will_close:
                    self.connection.close()
                    self.connection = None
                return answer.status, body
            except (OSError, http.client.HTTPException):
                self.connection.close()
                self.connection = None
                if fresh:
                    return None, b""  # it does not answer such a request
        return None, b""

    def served(self, head):
        """Or None: nothing."""
        status, body = self.ask(head)
        if status is None or not 200 <= status < 300:
            return None
        said = json.loads(body)
        return (said["route"], *said["args"])

    def is_right(self, target, served):
        return served is None or [text.removesuffix("/") for text in served] == [text.removesuffix("/") for text in allowed(target) or ()]


class Files(Backend):
    is_static = True

    def served(self, head):
        status, body = self.ask(head)
        return body.decode() if status is not None and 200 <= status < 300 else None

    def is_right(self, target, served):
        path = "/" + "/".join(segments(unquote_to_bytes(target.split("?")[0].encode("latin-1")).decode("utf-8", "replace")))
        return served is None or served == path.removesuffix("/index.html")


def no_program(name):
    return None if shutil.which(name, path=SBIN) else f"there is no {name}"


def no_module(name):
    return None if os.path.exists("/usr/bin/python3") and importlib.util.find_spec(name) else f"there is no python3-{name}"


def no_package(name):
    if name and not os.path.exists(os.path.join(PACKAGES, "node_modules", name)):
        return f"sh tests/npm.sh tests/backends did not install {name} in {PACKAGES}"
    return no_program("node")


def no_file(path, package):
    return None if os.path.exists(path) else f"there is no {package}"


NODE = "node %%(source)s/node.mjs %s %%(port)d %%(packages)s"
PYTHON = "/usr/bin/python3 %%(source)s/python.py %s %%(port)d"
NGINX = """daemon off; pid %(folder)s/pid; error_log %(folder)s/error.log; user root;
events {} http { access_log off; default_type text/plain; keepalive_requests 100000; client_body_temp_path %(folder)s/1; proxy_temp_path %(folder)s/2;
fastcgi_temp_path %(folder)s/3; uwsgi_temp_path %(folder)s/4; scgi_temp_path %(folder)s/5;
server { listen 127.0.0.1:%(port)d; root %(folder)s/www; } }"""
CADDY = "{\n\tadmin off\n\tauto_https off\n}\n:%(port)d {\n\tbind 127.0.0.1\n\troot * %(folder)s/www\n\tfile_server\n}\n"
LIGHTTPD = """server.document-root = "%(folder)s/www"
server.port = %(port)d
server.bind = "127.0.0.1"
server.max-keep-alive-requests = 100000
index-file.names = ("index.html")
static-file.disable-pathinfo = "enable"
"""
PHP_CGI = """server.modules = ("mod_rewrite", "mod_fastcgi")
server.document-root = "%(source)s"
server.port = %(port)d
server.bind = "127.0.0.1"
server.max-keep-alive-requests = 100000
url.rewrite-once = ("^/(.*)$" => "/index.php/$1")
fastcgi.server = (".php" => (("bin-path" => "/usr/bin/php-cgi", "socket" => "%(folder)s/php", "max-procs" => 1)))
"""
APACHE = """ServerRoot /usr/lib/apache2
PidFile %(folder)s/pid
ServerName localhost
Listen 127.0.0.1:%(port)d
ErrorLog %(folder)s/error.log
DocumentRoot %(folder)s/www
MaxKeepAliveRequests 0
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule dir_module modules/mod_dir.so
DefaultRuntimeDir %(folder)s
"""


def table():
    """All of them, those that cannot be had with the reason."""
    for framework, package in (("url", ""), ("url.parse", ""), ("express", "express"), ("express4", "express4"), ("koa", "@koa/router"),
                               ("fastify", "fastify"), ("hapi", "@hapi/hapi"), ("hono", "hono")):
        yield Backend(f"node-{framework}", no_package(package), NODE % framework, NODE_ENV="production")
    for framework, server in (("flask", "werkzeug"), ("django", "werkzeug"), ("tornado", "tornado"), ("aiohttp", "aiohttp"), ("starlette", "uvicorn")):
        yield Backend(f"python-{framework}", no_module(framework) or no_module(server), PYTHON % framework)
    yield Backend("php", no_program("php"), "php -S 127.0.0.1:%(port)d %(source)s/index.php")
    yield Backend("php-path-info", no_program("php"), "php -S 127.0.0.1:%(port)d -t %(source)s", ROUTE_BY="PATH_INFO")
    yield Backend("php-cgi", no_program("lighttpd") or no_program("php-cgi"), "lighttpd -D -f %(folder)s/conf", PHP_CGI, ROUTE_BY="PATH_INFO")
    sinatra = Backend("sinatra", no_program("ruby") or no_file("/usr/share/doc/ruby-sinatra", "ruby-sinatra") or
                      no_file("/usr/share/doc/ruby-webrick", "ruby-webrick"), "ruby %(source)s/ruby.rb %(port)d")
    sinatra.more = ["Connection: close"]  # WEBrick answers in two parts, the second of which waits else
    yield sinatra
    yield Files("python-files", None, PYTHON % "files")
    yield Files("nginx-files", no_program("nginx"), "nginx -e %(folder)s/error.log -c %(folder)s/conf", NGINX)
    yield Files("caddy-files", no_program("caddy"), "caddy run --config %(folder)s/conf --adapter caddyfile", CADDY)
    yield Files("lighttpd-files", no_program("lighttpd"), "lighttpd -D -f %(folder)s/conf", LIGHTTPD)
    yield Files("apache-files", no_program("apache2"), "apache2 -D FOREGROUND -f %(folder)s/conf", APACHE)
