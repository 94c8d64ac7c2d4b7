"""The components that tests start on loopback do what they promise: the HTTPS server, the OpenID providers, and the mock issuer."""
import base64
import contextlib
import http.client
import json
import socket
import ssl
import tempfile
import time
import unittest
import warnings

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

import behaviours as do
from glewlwyd import Glewlwyd, needs_glewlwyd
from provider import ALGS, USERS, Mock, Provider, Refused, needs_issuers
from tls import Authority, Server

KEYS = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "a"}]}


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def integer(text):
    return int.from_bytes(unb64(text), "big")


def check(token, jwks):
    """Header and claims of a token, once its signature is right for the one key that its kid names."""
    head, body, signature = (unb64(part) for part in token.split("."))
    header, data = json.loads(head), token.rsplit(".", 1)[0].encode()
    (jwk,) = (key for key in jwks["keys"] if key["kid"] == header["kid"])
    assert jwk.get("alg", header["alg"]) == header["alg"] and "d" not in jwk, jwk
    if header["alg"] == "EdDSA":
        ed25519.Ed25519PublicKey.from_public_bytes(unb64(jwk["x"])).verify(signature, data)
    elif header["alg"] == "ES256":
        key = ec.EllipticCurvePublicNumbers(integer(jwk["x"]), integer(jwk["y"]), ec.SECP256R1()).public_key()
        pair = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        key.verify(encode_dss_signature(*pair), data, ec.ECDSA(hashes.SHA256()))
    else:
        pad = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if header["alg"] == "PS256" else padding.PKCS1v15()
        rsa.RSAPublicNumbers(integer(jwk["e"]), integer(jwk["n"])).public_key().verify(signature, data, pad, hashes.SHA256())
    return header, json.loads(body)


class WithAuthority(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="assay-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.authority = Authority(folder.name)


@needs_issuers
class AProvider(WithAuthority):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.provider = cls.enterClassContext(Provider(cls.authority))

    def test_tokens_of_every_algorithm(self):
        (email, (password, subject, roles)), jwks, issuer = list(USERS.items())[1], self.provider.jwks(), self.provider.issuer
        for alg in ALGS:
            with self.subTest(alg):
                header, claims = check(self.provider.client_credentials(alg=alg), jwks)
                self.assertEqual((header["alg"], header["typ"]), (alg, "at+jwt"))
                self.assertEqual((claims["iss"], claims["aud"], claims["sub"]), (issuer, "orders", "service-" + alg))
                self.assertEqual((claims["roles"], claims["scope"]), (["service"], "orders:read orders:write"))
                tokens = self.provider.login(email, password, alg=alg)
                for given in (tokens, self.provider.refresh(tokens, alg)):
                    header, claims = check(given["access_token"], jwks)
                    self.assertEqual((header["alg"], claims["aud"], claims["sub"], claims["roles"]), (alg, "orders", subject, roles))
                header, claims = check(tokens["id_token"], jwks)
                self.assertEqual((header["alg"], claims["iss"], claims["aud"]), (alg, issuer, "web-" + alg))
                self.assertEqual((claims["sub"], claims["email"], claims["roles"]), (subject, email, roles))

    def test_who_is_refused(self):
        for email, password in (("alice@example.com", "the-boss"), ("nobody@example.com", "wonderland"), ("alice@example.com", "")):
            with self.assertRaises(Refused) as raised:
                self.provider.login(email, password)
            self.assertEqual(raised.exception.status, 401)
        with self.assertRaises(Refused) as raised:
            self.provider.client_credentials(resource="urn:assay:nothing")
        self.assertIn("invalid_target", raised.exception.said)

    def test_rotation(self):
        login = self.provider.login("alice@example.com", "wonderland")
        before, old = self.provider.jwks(), self.provider.client_credentials()
        new = self.provider.rotate()
        between = self.provider.jwks()
        kids = [key["kid"] for key in between["keys"]]
        self.assertEqual(kids, new + [key["kid"] for key in before["keys"]])
        check(old, between)
        for token in (self.provider.client_credentials(), self.provider.refresh(login)["access_token"]):
            self.assertIn(check(token, between)[0]["kid"], new)
        self.assertEqual(self.provider.retire(), new)
        self.assertEqual([key["kid"] for key in self.provider.jwks()["keys"]], new)

    def test_an_rsa_key_for_two_algorithms(self):
        with Provider(self.authority, shared_rsa="yes", ttl=7) as provider:
            (shared,) = (key for key in provider.jwks()["keys"] if key["kty"] == "RSA")
            self.assertNotIn("alg", shared)
            for alg in ("RS256", "PS256"):
                header, claims = check(provider.client_credentials(alg=alg), provider.jwks())
                self.assertEqual((header["alg"], header["kid"], claims["exp"] - claims["iat"]), (alg, shared["kid"], 7))
            self.assertEqual(provider.requests("/token"), 2)
            issuer, old = provider.issuer, provider.jwks()
            provider.stop()
            with self.assertRaises(ConnectionRefusedError):
                provider.jwks()
            provider.start()
            self.assertEqual(provider.issuer, issuer)
            self.assertNotEqual(provider.jwks(), old)


@needs_glewlwyd
class AGlewlwyd(WithAuthority):
    def test_tokens_and_rotation(self):
        with Glewlwyd(self.authority) as provider:
            before, old = provider.jwks(), provider.client_credentials()
            for alg in ALGS:
                header, claims = check(provider.client_credentials(alg=alg), before)
                self.assertEqual((header["alg"], claims["iss"], claims["aud"]), (alg, provider.issuer, "orders"))
            self.assertEqual(provider.configuration()["issuer"], provider.issuer)
            new = provider.rotate()
            check(old, provider.jwks())
            for alg in ALGS:
                self.assertIn(check(provider.client_credentials(alg=alg), provider.jwks())[0]["kid"], new)
            self.assertEqual(provider.retire(), new)
            self.assertEqual([key["kid"] for key in provider.jwks()["keys"]], new)


@needs_issuers
class AMock(WithAuthority):
    def test_signs_anything(self):
        for tls in (True, False):
            with self.subTest(tls=tls), Mock(self.authority, tls=tls) as mock:
                self.assertEqual(mock.configuration()["issuer"], mock.issuer)
                first, token = mock.ready["kid"], mock.token()
                for alg in ALGS if tls else ():
                    kid = mock.add(alg, "my-" + alg)
                    forged = mock.token(kid, {"sub": "x", "roles": ["admin"], "nbf": None}, {"typ": "at+jwt"}, 60)
                    header, claims = check(forged, mock.jwks())
                    self.assertEqual(header, {"alg": alg, "kid": "my-" + alg, "typ": "at+jwt"})
                    self.assertEqual((claims["sub"], claims["roles"], claims["exp"] - claims["iat"]), ("x", ["admin"], 60))
                    self.assertNotIn("nbf", claims)
                check(token, mock.jwks())
                self.assertNotIn(first, mock.remove(first))
                with self.assertRaises(ValueError):
                    check(token, mock.jwks())
                with self.assertRaises(Refused):
                    mock.remove(first)

    def test_a_changed_token_is_noticed(self):
        with Mock(self.authority) as mock:
            head, body, signature = mock.token().split(".")
            with self.assertRaises(InvalidSignature):
                check(".".join((head, body[:-2] + ("Q" if body[-2] != "Q" else "g") + body[-1], signature)), mock.jwks())


class AServer(WithAuthority):
    def setUp(self):
        self.server = Server(self.authority.issue()).start()
        self.addCleanup(self.server.stop)

    def get(self, path="/", headers=None, timeout=3, most=None):
        """The response, its body, and the exception that ended the reading of it, if one did."""
        connection = http.client.HTTPSConnection("localhost", self.server.port, context=self.authority.client(), timeout=timeout)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            with contextlib.closing(response):
                try:
                    return response, response.read(most), None
                except (http.client.HTTPException, OSError) as error:
                    return response, getattr(error, "partial", b""), error

    def given(self, behaviour, **how):
        self.server.routes["/"] = behaviour
        return self.get(**how)

    def test_etag_and_what_was_seen(self):
        self.server.routes["/keys"] = do.document(KEYS, etag='"1"', max_age=60)
        response, body, _ = self.get("/keys?x=1")
        self.assertEqual((response.status, json.loads(body)), (200, KEYS))
        self.assertEqual((response.headers["ETag"], response.headers["Cache-Control"]), ('"1"', "max-age=60"))
        response, body, _ = self.get("/keys", {"If-None-Match": '"1"'})
        self.assertEqual((response.status, body, response.headers["ETag"]), (304, b"", '"1"'))
        self.server.routes["/keys"] = do.document(KEYS, etag='"2"')
        self.assertEqual(self.get("/keys", {"If-None-Match": '"1"'})[0].status, 200)
        self.assertEqual(self.get("/other")[0].status, 404)
        seen = self.server.seen("/keys")
        self.assertEqual([request.headers.get("if-none-match") for request in seen], [None, '"1"', '"1"'])
        self.assertEqual([request.connection for request in self.server.seen()], [1, 2, 3, 4])
        self.assertLess(seen[0].time, seen[1].time)
        connection = http.client.HTTPSConnection("localhost", self.server.port, context=self.authority.client(), timeout=3)
        with contextlib.closing(connection):
            for path in ("/keys", "/other", "/keys"):
                connection.request("GET", path)
                connection.getresponse().read()
        self.assertEqual([request.connection for request in self.server.seen()][4:], [5, 5, 5])

    def test_certificates(self):
        for name in ("by_other", "expired", "not_yet", "other_host", "self_signed", "no_names"):
            with self.subTest(name):
                self.server.certificate = getattr(self.authority, name)()
                self.server.refusals.clear()
                self.assertRaises(ssl.SSLCertVerificationError, self.get)
                deadline = time.monotonic() + 3
                while not self.server.refusals and time.monotonic() < deadline:
                    time.sleep(0.003)
                self.assertRegex(self.server.refusals[0], "ALERT")
        self.server.certificate = self.authority.chained(chain=False)
        self.assertRaises(ssl.SSLCertVerificationError, self.get)
        self.server.certificate = self.authority.chained()
        self.assertEqual(self.get()[0].status, 404)

    def test_old_tls(self):
        self.server.old_tls()
        self.assertRaisesRegex(ssl.SSLError, "PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL", self.get)
        client = self.authority.client()
        client.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            client.minimum_version = ssl.TLSVersion.TLSv1
        with socket.create_connection(("127.0.0.1", self.server.port), 3) as plain:
            with client.wrap_socket(plain, server_hostname="localhost") as sock:
                self.assertEqual(sock.version(), "TLSv1.1")
        self.assertEqual(self.server.names[-1], "localhost")

    def test_connections_that_come_to_nothing(self):
        for how, error in (("close", OSError), ("plain", ssl.SSLError), ("silent", socket.timeout)):
            with self.subTest(how):
                self.server.accepting = how
                with self.assertRaises(error):
                    self.get(timeout=0.3 if how == "silent" else 10)
        self.server.accepting = "tls"
        self.assertEqual(self.get()[0].status, 404)

    def test_an_outage(self):
        self.server.routes["/"] = do.silent()
        connection = http.client.HTTPSConnection("localhost", self.server.port, context=self.authority.client(), timeout=3)
        with contextlib.closing(connection):
            connection.request("GET", "/")
            self.server.stop()
            with self.assertRaises(http.client.RemoteDisconnected):
                connection.getresponse()
        self.assertRaises(ConnectionRefusedError, self.get)
        self.server.start()
        self.assertEqual(self.given(do.document(KEYS))[0].status, 200)

    def test_good_answers_in_other_shapes(self):
        for name, behaviour in {"slow": do.slow(do.document(KEYS), 0.001, 5), "chunked": do.chunked(KEYS, 7), "1.0": do.http10(KEYS),
                                "delayed": do.delayed(do.document(KEYS), 0.02), "function": lambda _: do.document(KEYS)}.items():
            with self.subTest(name):
                response, body, error = self.given(behaviour)
                self.assertEqual((response.status, json.loads(body), error), (200, KEYS, None))
        self.server.routes["/"] = do.bearer("secret", do.document(KEYS))
        self.assertEqual(self.get()[0].status, 401)
        self.assertEqual(self.get(headers={"Authorization": "Bearer secret"})[0].status, 200)
        self.server.routes["/"] = do.changing({"a": 1}, {"a": 2})
        found = [self.get(headers={"If-None-Match": '"same"'}) for _ in range(3)]
        self.assertEqual([(response.status, body) for response, body, _ in found], [(200, b'{"a": 1}')] + 2 * [(200, b'{"a": 2}')])

    def test_refusals_and_redirects(self):
        for code in (204, 206, 404, 500):
            self.assertEqual(self.given(do.status(code, "x"))[0].status, code)
        response, body, _ = self.given(do.unavailable("later", 7))
        self.assertEqual((response.status, body, response.headers["Retry-After"]), (503, b"later", "7"))
        self.assertIn("text/html", self.given(do.html())[0].headers["Content-Type"])
        response, _, _ = self.given(do.redirect("https://elsewhere.example/keys"))
        self.assertEqual((response.status, response.headers["Location"]), (302, "https://elsewhere.example/keys"))
        self.server.routes["/"] = do.redirect_loop(307)
        self.assertEqual([self.get(path)[0].headers["Location"] for path in ("/", "/?1")], ["/?1", "/?2"])

    def test_too_much_or_too_little(self):
        response, body, error = self.given(do.truncated(KEYS, 10))
        self.assertEqual((response.status, json.loads(body), type(error)), (200, KEYS, http.client.IncompleteRead))
        self.assertIsInstance(self.given(do.chunked(KEYS, break_off=True))[2], http.client.IncompleteRead)
        self.assertEqual(len(self.given(do.huge())[1]), 2 * do.MIB)
        for chunked in (False, True):
            self.assertEqual(len(self.given(do.endless(chunked), most=3_000_000)[1]), 3_000_000)
        self.assertLess(len(self.given(do.gzip_bomb(64 * do.MIB))[1]), do.MIB)
        self.assertEqual(self.given(do.gzipped(KEYS))[0].headers["Content-Encoding"], "gzip")
        for behaviour, error in ((do.header_flood(5000), "more than 100 headers"), (do.header_flood(one=do.MIB), "header line"),
                                 (do.endless_headers(), "more than 100 headers"), (do.hang_up(), "closed connection")):
            with self.assertRaisesRegex(http.client.HTTPException, error):
                self.given(behaviour)
        with self.assertRaises(socket.timeout):
            self.given(do.silent(b"HTTP/1.1 200 OK\r\n"), timeout=0.1)
