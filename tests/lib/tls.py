"""A temporary certificate authority, and an HTTPS server on loopback whose behaviour a test sets.

    authority = Authority(folder)                       # folder/ca.pem is what a client trusts
    server = Server(authority.issue()).start()          # 127.0.0.1, a free port
    server.routes["/jwks"] = document({"keys": []}, etag='"1"', max_age=60)
    server.routes["/jwks"] = slow(document({"keys": []}), every=0.05)
    server.accepting = "silent"                         # of connections from now on: see Server.ACCEPTING
    server.certificate = authority.expired()            # the same
    server.stop(); server.start()                       # an outage; the port stays
    server.seen("/jwks")[0].headers.get("if-none-match")

A behaviour is a Behaviour, or a function of a request that returns one. behaviours.py has all of them.
"""
import collections
import datetime
import ipaddress
import os
import socket
import ssl
import threading
import time
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from behaviours import status

Certificate = collections.namedtuple("Certificate", "cert key")     # paths of PEM files; cert holds the whole chain

KEY_USES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
            "crl_sign", "encipher_only", "decipher_only")


def write_private(path, data):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    return path


class Signer:
    """A key with a certificate that may sign others."""

    def __init__(self, name, by=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.by = by
        self.certificate = (by or self).sign(self.name, self.key.public_key(), 0, 3650, (), ca=True)

    def sign(self, name, public, first_day, last_day, sans, ca=False):
        now = datetime.datetime.now(datetime.timezone.utc)
        uses = ("key_cert_sign", "crl_sign") if ca else ("digital_signature",)
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(public)
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=first_day, hours=-1))
                   .not_valid_after(now + datetime.timedelta(days=last_day, hours=-1))
                   .add_extension(x509.BasicConstraints(ca, None), True)
                   .add_extension(x509.KeyUsage(**{use: use in uses for use in KEY_USES}), True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), False)
        if not ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        return builder.sign(self.key, hashes.SHA256())

    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM)


class Authority:
    """Signs certificates for servers into a folder; `ca` is the path of what a client trusts."""

    def __init__(self, folder, name="Assay test CA"):
        self.folder, self.root, self.count = folder, Signer(name), 0
        os.makedirs(folder, exist_ok=True)
        self.ca = os.path.join(folder, "ca.pem")
        with open(self.ca, "wb") as file:
            file.write(self.root.pem())

    def client(self):
        """A TLS context that trusts this authority, and no other, from TLS 1.2 on."""
        context = ssl.create_default_context(cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def issue(self, names=("localhost", "127.0.0.1"), days=(0, 30), by=None, own=False, chain=True):
        """A certificate for these names and addresses. by: another Signer than the root; own: signed by itself;
        chain: an intermediate signer's certificate is sent along."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0] if names else "nobody")])
        signer = by or self.root
        if own:
            signer = Signer.__new__(Signer)
            signer.key, signer.name, signer.by = key, subject, None
        certificate = signer.sign(subject, key.public_key(), days[0], days[1], [self.san(name) for name in names])
        pem = certificate.public_bytes(Encoding.PEM)
        while chain and signer.by:
            pem += signer.pem()
            signer = signer.by
        self.count += 1
        path = os.path.join(self.folder, f"server{self.count}")
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Certificate(write_private(path + ".pem", pem), write_private(path + ".key", private))

    @staticmethod
    def san(name):
        try:
            return x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            return x509.DNSName(name)

    def chained(self, chain=True):
        """By an intermediate authority; with chain=False the server does not send that one's certificate."""
        return self.issue(by=Signer("Assay test intermediate", self.root), chain=chain)

    def by_other(self):
        """By an authority of the same name that nobody trusts."""
        return self.issue(by=Signer("Assay test CA"))

    def expired(self):
        return self.issue(days=(-30, -1))

    def not_yet(self):
        return self.issue(days=(2, 30))

    def other_host(self):
        return self.issue(names=("elsewhere.example", "192.0.2.1"))

    def self_signed(self):
        return self.issue(own=True)

    def no_names(self):
        """The name stands in the subject only."""
        return self.issue(names=())


class Request:
    """What was asked. connection counts from 1; sent is what was given to the socket for it; left is when the client was found gone."""

    def __init__(self, method, path, headers, body, connection):
        self.method, self.path, self.headers, self.body, self.connection = method, path, headers, body, connection
        self.time, self.sent, self.left = time.monotonic(), 0, None

    def __repr__(self):
        return f"{self.method} {self.path} #{self.connection} {self.headers}"


class Connection:
    """One accepted connection: reads requests, and is what a behaviour writes to."""

    def __init__(self, server, sock, number):
        self.server, self.socket, self.number = server, sock, number
        self.reader, self.request, self.open = None, None, True

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.gone()
            raise
        self.request.sent += len(data)

    def pause(self, seconds):
        """False when the server stops."""
        return not self.server.stopping.wait(seconds)

    def wait_gone(self):
        """Says nothing until the client goes, or the server stops."""
        try:
            while self.socket.recv(4096):
                pass
        except OSError:
            pass
        self.gone()

    def last(self):
        """The connection is closed after this answer."""
        self.open = False

    def gone(self):
        self.open = False
        if self.request and not self.server.stopping.is_set():
            self.request.left = time.monotonic()

    def close(self):
        """At once, whoever is reading or writing; ssl's own shutdown would not do."""
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        except OSError:
            pass

    def run(self):
        try:
            accepting = self.server.accepting
            if accepting == "close":
                return
            if accepting == "silent":
                self.wait_gone()
                return
            if accepting == "tls":
                self.socket = self.server.context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
                self.handshake()
            elif self.socket.recv(1, socket.MSG_PEEK) == b"\x16":   # TLS to plain HTTP: as servers do, after a good look
                self.socket.recv(65536)
                self.socket.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            self.reader = self.socket.makefile("rb")
            while self.open and self.read():
                self.answer()
        except OSError as error:
            if "ALERT" in (getattr(error, "reason", None) or ""):   # in TLS 1.3 a client's refusal comes after the handshake
                self.server.refusals.append(error.reason)
        finally:
            self.server.ended(self)

    def handshake(self):
        try:
            self.socket.do_handshake()
        except OSError as error:
            self.server.refusals.append(getattr(error, "reason", None) or type(error).__name__)
            raise ConnectionAbortedError("no TLS") from error

    def read(self):
        line = self.reader.readline(65537).decode("latin-1").split()
        if len(line) < 3:
            return False
        headers = {}
        while (header := self.reader.readline(65537).decode("latin-1").rstrip("\r\n")):
            name, _, value = header.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = self.reader.read(int(headers.get("content-length", 0)))
        self.request = Request(line[0], line[1], headers, body, self.number)
        self.open = headers.get("connection", "").lower() != "close" and line[2] != "HTTP/1.0"
        self.server.requests.append(self.request)
        return True

    def answer(self):
        routes = self.server.routes
        behaviour = routes.get(self.request.path, routes.get(self.request.path.partition("?")[0], status(404, "not here")))
        while not hasattr(behaviour, "send"):
            behaviour = behaviour(self.request)
        behaviour.send(self.request, self)


class Server:
    """HTTP/1.1 on 127.0.0.1, a thread a connection. Without a certificate it is plain HTTP from the start."""

    ACCEPTING = ("tls", "plain", "close", "silent")     # silent: the handshake never ends; plain: HTTP where TLS is expected

    def __init__(self, certificate=None, port=0, host="localhost"):
        self.port, self.host = port, host
        self.routes, self.requests = {}, []
        self.refusals = []          # why TLS failed, as TLSV1_ALERT_UNKNOWN_CA for an alert that a client sent
        self.names = []             # that clients said they wanted to reach (SNI), None where they said none
        self.accepted = 0           # connections
        self.accepting = "tls" if certificate else "plain"
        self.scheme = "https" if certificate else "http"
        self.stopping = threading.Event()
        self.lock, self.connections, self.listener, self.thread = threading.Lock(), set(), None, None
        self.context = None
        self.certificate = certificate

    @property
    def certificate(self):
        return self.given

    @certificate.setter
    def certificate(self, certificate):
        self.given = certificate
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.cert, certificate.key)
            context.set_alpn_protocols(["http/1.1"])
            context.sni_callback = lambda _, name, __: self.names.append(name)
            self.context = context

    def old_tls(self):
        """From now on TLS 1.1 is the best that is offered, until there is another certificate."""
        self.context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.context.minimum_version = ssl.TLSVersion.TLSv1
            self.context.maximum_version = ssl.TLSVersion.TLSv1_1

    @property
    def accepting(self):
        return self.how

    @accepting.setter
    def accepting(self, how):
        assert how in self.ACCEPTING, how
        self.how = how

    @property
    def origin(self):
        return f"{self.scheme}://{self.host}:{self.port}"

    def url(self, path="/"):
        return self.origin + path

    def seen(self, path=None):
        """The requests so far, those for a path if one is given, whatever its query was."""
        return [request for request in list(self.requests) if path in (None, request.path, request.path.partition("?")[0])]

    def forget(self):
        """Requests, refusals and names so far."""
        self.requests, self.refusals, self.names = [], [], []

    def start(self):
        assert self.listener is None, "it runs"
        self.stopping = threading.Event()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, args=(self.listener, self.stopping), daemon=True)
        self.thread.start()
        return self

    def accept(self, listener, stopping):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.accepted += 1
                connection = Connection(self, sock, self.accepted)
                self.connections.add(connection)
                if stopping.is_set():
                    connection.close()
            threading.Thread(target=connection.run, daemon=True).start()

    def ended(self, connection):
        """Its buffered reader has the descriptor too, so both are closed."""
        with self.lock:
            self.connections.discard(connection)
            connection.close()
            if connection.reader:
                connection.reader.close()
            connection.socket.close()

    def drop(self):
        """Closes the connections of now; the server goes on."""
        with self.lock:
            for connection in self.connections:
                connection.close()

    def stop(self):
        if self.listener is None:
            return
        self.stopping.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join()
        self.listener.close()
        self.listener = None
        self.drop()

    def __enter__(self):
        return self.start() if self.listener is None else self

    def __exit__(self, *_):
        self.stop()
