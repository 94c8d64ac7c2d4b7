"""Paths that servers read differently: whatever the agent allows is served as what it allowed, by each of many servers, behind each gateway.

Some thousand paths go through a gateway to a recorder. What the recorder gets is sent on to each server, byte for byte, and each tells which
route or file it serves. The paths are random; their seed is said, and ASSAY_SEED repeats them."""
import os
import random
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

from agent import LONG, AssayTest
from backends import allowed, table
from behind import BehindGateway, needs
from gateway import Caddy, Haproxy, Nginx
from http_client import HAS_HTTP, Http
from tunnels import Tunnel

POLICY = """version: 1
rules:
- {name: products, actions: [GET], resources: [/products, "/products/*"]}
- {name: orders, actions: [GET], resources: ["/users/{sub}/orders", "/users/{sub}/orders/*"]}
- {name: files, actions: [GET], resources: ["/files/**"]}
"""
SEED = int(os.environ.get("ASSAY_SEED") or random.randrange(1 << 32))
COUNT = 60000 if LONG else 10000
PLAIN = ("/products", "/products/7", "/products/8.txt", "/users/alice/orders", "/users/alice/orders/1", "/files/a", "/files/b/c.txt", "/files/x%20y")
WORDS = ("products", "users", "alice", "bob", "orders", "files", "admin", "secret", "7", "1", "a", "b", "x", "index.html", "index.php", "c.txt")
ODD = (*"!$&'()*+,:=@~_-.\"<>[]^`{|}", "..", "...", ";", ";x=1", "\\", "#", "?", "??", "%", "%00", "%09", "%0a", "%0d", "%20", "%23", "%25", "%2523",
       "%252e", "%252e%252e", "%252f", "%25%32%66", "%2e", "%2E%2e", "%2f", "%2F..%2f", "%3a", "%3b", "%3f", "%40", "%5c", "%7e", "%7f", "%80", "%c0%ae",
       "%c0%af", "%c2%a0", "%c3%a4", "%e2%80%ae", "%ef%bc%8e", "%ef%bc%8f", "%u002f", "%zz", "\xc3\xa4", "\xff", "::$DATA", ".php", ".json", ".html", "~",
       "..;", "/..;/", "//", "/./", "/../", "/../..", "/%2e%2e/", "?/../admin", "#/../admin", "@localhost", "http://localhost", "http:", "{sub}", "**")


def paths(rng, count):
    """What the policy allows, with something done to it."""
    yield from PLAIN
    for _ in range(count):
        path = rng.choice(PLAIN) if rng.random() < 0.7 else "/" + "/".join(rng.choice(WORDS) for _ in range(rng.randint(0, 4)))
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
            at = rng.randint(0, len(path)) if rng.random() < 0.6 else rng.choice([i for i in range(len(path) + 1) if path[i - 1:i] == "/" or i == len(path)])
            what = rng.random()
            if what < 0.15 and at < len(path):
                path = path[:at] + f"%{ord(path[at]):02{rng.choice('xX')}}" + path[at + 1:]
            elif what < 0.3:
                path = path[:at] + rng.choice(("/", "")) + rng.choice(WORDS) + rng.choice(("/", "")) + path[at:]
            else:
                path = path[:at] + rng.choice(ODD) + path[at:]
        yield path


backends = []


def setUpModule():
    """One process for each server, for all gateways."""
    if not HAS_HTTP:
        return
    print(f"ASSAY_SEED={SEED}")
    folder = tempfile.TemporaryDirectory(prefix="assay-backends-")
    unittest.addModuleCleanup(folder.cleanup)
    for backend in table():
        if backend.reason is not None:
            print(f"{backend.name} is skipped: {backend.reason}")
            continue
        unittest.addModuleCleanup(backend.stop)
        backend.start(folder.name)
        backends.append(backend)
    for backend in backends:
        backend.wait()


class Backends(BehindGateway):
    policy = POLICY
    tried = set()  # by an earlier gateway

    def application(self):
        return Tunnel()

    def test_servers_differ(self):
        """Asked straight: why the agent and the recipes refuse such paths, and that the table would notice."""
        seen = {backend.name: backend for backend in backends}
        for name, target, served in (("node-url", "//products/admin/users", ("admin", "users")), ("node-express", "/%66iles/a", ("other", "/%66iles/a")),
                                     ("python-flask", "/files/\xc3\xa4", ("file", "\xc3\xa4")), ("caddy-files", "/files/b/../../admin/secret", "/admin/secret"),
                                     ("python-files", "/products/../admin/secret?x", "/admin/secret"), ("php", "//x/admin", ("admin", ""))):
            if name in seen:
                with self.subTest(name):
                    self.assertEqual(self.served(seen[name], target), served)

    def recorded(self):
        """What reached the application, of each path that went out; once each."""
        token, http, heads = self.key.token(), None, {}
        for path in dict.fromkeys(paths(random.Random(SEED), COUNT)):
            http = http or Http(self.gateway.place)
            self.app.heads.clear()
            try:
                http.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")
                answer = http.receive()
            except (EOFError, OSError, TypeError, ValueError, IndexError):
                answer = None
            if answer is None or answer.status != 200:
                self.assertEqual(self.app.heads, [], path)
            if answer is None or answer["Connection"] == "close":
                http.close()
                http = None
            for head in self.app.heads:
                heads.setdefault(head.split(" ")[1], head)
        return heads

    def test_what_is_allowed_is_what_is_served(self):
        for backend in backends:
            with self.subTest(backend=backend.name):
                self.assertTrue(any(self.served(backend, path) for path in PLAIN))
                self.assertEqual([path for path in PLAIN if not backend.is_right(path, self.served(backend, path))], [])
        heads = {target: head for target, head in self.recorded().items() if target not in self.tried}
        self.tried.update(heads)
        self.assertEqual([target for target in heads if allowed(target) is None], [], f"ASSAY_SEED={SEED}")
        with ThreadPoolExecutor(4) as pool:
            for backend, wrong in zip(backends, pool.map(lambda backend: list(self.wrong(backend, heads)), backends)):
                with self.subTest(backend=backend.name):
                    self.assertEqual(wrong, [], f"ASSAY_SEED={SEED}")

    @staticmethod
    def served(backend, target):
        return backend.served(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1"))

    @staticmethod
    def wrong(backend, heads):
        for target, head in heads.items():
            lines = [line for line in head.split("\r\n") if not line.lower().startswith("connection:")] + backend.more
            served = backend.served(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
            if not backend.is_right(target, served):
                yield target, served


class Kept(BehindGateway):
    """Paths such as npm's and GitLab's, and a server to which PRODUCTS are products: Express is both."""
    policy = """version: 1
case_insensitive: true
rules:
- {name: products, actions: [GET], resources: ["/products/*"], encoded_slash: keep, semicolon: keep}
- {name: files, actions: [GET], resources: ["/files/**"]}
- {name: sealed, effect: deny, resources: ["/products/sealed", "/products/a/b"]}
"""
    SERVED = {"/products/@x%2Fy": ("product", "@x/y"), "/products/x%2fy%2Fz": ("product", "x/y/z"), "/products/x;y=1": ("product", "x;y=1"),
              "/PRODUCTS/X": ("product", "X"), "/Products/a%2Fc": ("product", "a/c"), "/FILES/a": ("file", "a")}
    REFUSED = ("/products/x%2F..", "/products/..%2Fadmin", "/products/x%2F", "/products/x%2Fy/z", "/files/a%2Fb", "/files/a;b", "/products/SEALED",
               "/Products/sealed;x", "/products/sealed.", "/products/A%2FB", "/products/a;1%2Fb", "/products/sealed%20", "/ADMIN/users", "/products/x%5Cy")

    def application(self):
        return Tunnel()

    def test_what_is_allowed_is_what_express_serves(self):
        token = self.key.token()
        for target in (*self.SERVED, *self.REFUSED):
            with self.subTest(target=target):
                self.app.heads.clear()
                status = self.ask(token, target=target).status
                heads = list(self.app.heads)
                if target in self.REFUSED:
                    self.assertIn(status, (400, 403))
                    self.assertEqual(heads, [])
                    continue
                self.assertEqual([head.split(" ")[1] for head in heads], [target])
                for backend in backends:
                    if backend.name in ("node-express", "node-express4"):
                        self.assertEqual(Backends.served(backend, target), self.SERVED[target], backend.name)


@needs(Nginx)
class KeptByNginx(Kept, AssayTest):
    gateway_class = Nginx


@needs(Caddy)
class KeptByCaddy(Kept, AssayTest):
    gateway_class = Caddy


@needs(Haproxy)
class KeptByHaproxy(Kept, AssayTest):
    gateway_class = Haproxy


@needs(Nginx)
class BehindNginx(Backends, AssayTest):
    gateway_class = Nginx


@needs(Caddy)
class BehindCaddy(Backends, AssayTest):
    gateway_class = Caddy


@needs(Haproxy)
class BehindHaproxy(Backends, AssayTest):
    gateway_class = Haproxy


if __name__ == "__main__":
    unittest.main()
