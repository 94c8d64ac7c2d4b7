"""The configuration of agent/guide/issuers.md for each provider, verbatim, with that provider's own form of documents, keys and tokens.

Only the host is another one: the test's server. What a provider signs for somebody else, or for another purpose, is refused.
"""
import base64
import copy
import hashlib
import json
import os
import re
import time
import unittest
import urllib.parse

import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from agent import Key, b64, check_config, put_file
from behaviours import bearer, document
from live import LiveTest
from tls import Signer

GUIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "agent", "guide", "issuers.md")
POD = "/var/run/secrets/kubernetes.io/serviceaccount"
POLICY = """version: 1
rules:
- {name: admin, resources: ["/admin/**"], roles: [admin]}
- {name: read, resources: [/read], roles: ["read:orders"]}
- {name: scope, resources: [/scope], scopes: ["orders:read"]}
- {name: account, resources: [/account], claims: {/kubernetes.io/serviceaccount/name: cart}}
- {name: branch, resources: [/branch], claims: {repository: acme/shop, ref: refs/heads/main}}
"""
MATERIAL = {}


def guide_issuers():
    """Its configurations for providers: the issuer's host, and the entry below `issuers`."""
    with open(GUIDE, encoding="utf-8") as file:
        section = file.read().split("\n## Identity providers\n")[1].split("\n## ")[0]
    found = {}
    for text in re.findall(r"^```yaml$(.*?)^```$", section, re.M | re.S):
        (entry,) = yaml.safe_load(text)["issuers"]
        found[urllib.parse.urlsplit(entry["issuer"]).hostname] = entry
    return found


def key(number=0, alg="RS256", kid=None):
    """Material is made once for all tests, for RSA's takes long; names are not."""
    if (alg, number) not in MATERIAL:
        MATERIAL[alg, number] = Key(alg)
    return MATERIAL[alg, number].named(kid or b64(os.urandom(32)))


def jwk(signer, x5=False, **members):
    """As providers write it: with `use`, with or without its certificate. A member of None is left out."""
    found = {"kty": signer.material()["kty"], "alg": signer.alg, "use": "sig", "kid": signer.kid, **signer.material()}
    if x5:
        own = Signer.__new__(Signer)
        own.key, own.name = signer.private, Signer("provider").name
        der = own.sign(own.name, signer.private.public_key(), 0, 300, ()).public_bytes(Encoding.DER)
        found.update({"x5c": [base64.b64encode(der).decode()], "x5t": b64(hashlib.sha1(der).digest()),
                      "x5t#S256": b64(hashlib.sha256(der).digest())})
    return {name: value for name, value in {**found, **members}.items() if value is not None}


class Shape(LiveTest):
    def use(self, host, jwks_path, keys, jwks_origin=None, protect=lambda behaviour: behaviour, **how):
        """The entry of the guide for that host: its documents are served, and an agent is started with it."""
        self.entry = copy.deepcopy(guide_issuers()[host])
        self.name = self.entry["issuer"] = self.entry["issuer"].replace("https://" + host, self.server.origin)
        path = urllib.parse.urlsplit(self.name).path.rstrip("/")
        self.server.routes[path + "/.well-known/openid-configuration"] = protect(document({
            "issuer": self.name, "authorization_endpoint": self.name + "/authorize", "token_endpoint": self.name + "/token",
            "jwks_uri": (jwks_origin or self.server.origin) + jwks_path, "response_types_supported": ["code", "id_token", "code token"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"], "claims_supported": ["sub", "iss"],
            "mtls_endpoint_aliases": {"token_endpoint": self.name + "/mtls"}, "request_uri_parameter_supported": False}))
        self.server.routes[jwks_path] = protect(document({"keys": keys}, **how))
        if "ca_file" in self.entry["keys"]:
            self.assertEqual(self.entry["keys"], {"discovery": True, "ca_file": POD + "/ca.crt", "token_file": POD + "/token"})
            self.entry["keys"].update(token_file=self.agent.path("token"))
        else:
            self.assertEqual(self.entry["keys"], {"discovery": True})
        self.entry["keys"]["ca_file"] = self.authority.ca
        put_file(self.agent.path("policy.yaml"), POLICY)
        self.agent.configure([self.entry], policy=self.agent.path("policy.yaml"))
        self.agent.start()
        self.assertEqual(self.issuer_status()["state"], "fresh")

    def verdicts(self, signer, claims, cases, typ="JWT", **header):
        """The typical claims are good; and what each change of them, or of the header's typ (`typ_`), leads to."""
        def mint(typ_=typ, **changed):
            return signer.token({"typ": typ_, **header}, **{"iss": self.name, **claims, **changed})
        for wanted, change in [("accepted", {}), *cases]:
            with self.subTest(wanted, **change):
                self.assertEqual(self.agent.verify(mint(**change)), wanted)
        return mint()

    def authorized(self, token, resource):
        answer = self.agent.call("authorize", token=token, action="GET", resource=resource)
        return answer["status"], answer["reason"] or answer["rule"]

    def assertSaysWhose(self, host):
        """An issuer whose tokens anybody can have: the entry is refused without `claims`."""
        entry = {name: value for name, value in guide_issuers()[host].items() if name != "claims"}
        code, said, _ = check_config(json.dumps({"issuers": [entry]}))
        self.assertEqual(code, 2)
        self.assertIn("issues tokens to everybody", said)

    def test_google(self):
        """The keys are on another host; ID tokens name their issuer in two ways."""
        signer = key(kid=os.urandom(20).hex())
        self.use("accounts.google.com", "/oauth2/v3/certs", [jwk(key(1)), jwk(signer)], f"https://127.0.0.1:{self.server.port}",
                 max_age=20000)
        self.assertGreater(self.issuer_status()["next_fetch"], 9000)
        client = self.entry["audiences"][0]
        self.verdicts(signer, {
            "azp": client, "aud": client, "sub": "110169484474386276334", "hd": "example.com", "email": "alice@example.com",
            "email_verified": True, "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "name": "Alice", "locale": "en"}, [
                ("accepted", {"iss": "accounts.google.com"}),
                ("unknown_issuer", {"iss": "http://accounts.google.com"}),
                ("claim_mismatch", {"hd": "evil.example"}),
                ("claim_mismatch", {"hd": None, "email": "alice@gmail.com"}),
                ("claim_mismatch", {"hd": "EXAMPLE.COM"}),
                ("wrong_audience", {"aud": "another.apps.googleusercontent.com"}),
                ("wrong_audience", {"azp": client, "aud": "another.apps.googleusercontent.com"})])
        self.assertEqual(self.agent.verify("ya29.a0AfB_byC3kQ8nTz"), "malformed")
        self.assertSaysWhose("accounts.google.com")

    def test_auth0(self):
        """A slash at the name's end; the audience is a list; two profiles of tokens."""
        signer = key(kid="NjVBRjY5MDlCMUIwNzU4RTA2QzZF")
        self.use("acme.eu.auth0.com", "/.well-known/jwks.json", [jwk(signer, x5=True), jwk(key(1), x5=True)], max_age=15)
        token = self.verdicts(signer, {
            "sub": "auth0|5f7c8ec7c33c6c004bbafe82", "aud": ["https://orders.example.com", self.name + "userinfo"], "azp": "my_client_id",
            "scope": "openid profile orders:read", "permissions": ["read:orders"]}, [
                ("accepted", {"typ_": "at+jwt", "azp": None, "client_id": "my_client_id", "jti": "73WakrfVbNJBaAmhQtEeDv"}),
                ("accepted", {"typ_": "application/at+jwt"}),
                ("accepted", {"aud": "https://orders.example.com", "sub": "my_client_id@clients", "gty": "client-credentials"}),
                ("unknown_issuer", {"iss": self.name.rstrip("/")}),
                ("wrong_audience", {"aud": "my_client_id", "nonce": "n", "email": "alice@example.com"}),
                ("wrong_audience", {"aud": ["https://billing.example.com", self.name + "userinfo"]}),
                ("wrong_type", {"typ_": "logout+jwt"})])
        self.assertEqual(self.agent.verify(Key("HS256", signer.kid).token(iss=self.name, aud="https://orders.example.com")),
                         "algorithm_mismatch")
        self.assertEqual(self.authorized(token, "/read"), (200, "read"))
        self.assertEqual(self.authorized(token, "/scope"), (200, "scope"))
        self.assertEqual(self.authorized(token, "/admin/users"), (403, "insufficient_role"))

    def test_zitadel(self):
        """Roles are the names of an object, and the audience a list of projects and clients."""
        signer, place = key(kid="257787991247192065"), "urn:zitadel:iam:org:project:roles"
        self.use("acme.zitadel.cloud", "/oauth/v2/keys", [jwk(signer), jwk(key(1))], max_age=300)
        project = self.entry["audiences"][0]
        token = self.verdicts(signer, {
            "sub": "257787991247192066", "aud": ["257787991247192067@shop", project], "client_id": "257787991247192067@shop", "jti": "V2_2",
            place: {"admin": {"257787991247192068": "acme.zitadel.cloud"}, "driver": {}}}, [
                ("accepted", {"aud": project}), ("wrong_audience", {"aud": ["257787991247192067@shop"]})], typ=None)
        self.assertEqual(self.authorized(token, "/admin/users"), (200, "admin"))
        other = signer.token(iss=self.name, aud=project, **{place: {"driver": {"1": "x"}, "admin": {}}})
        self.assertEqual(self.authorized(other, "/admin/users"), (403, "insufficient_role"))

    def test_aws_load_balancer(self):
        """The header says whose it is, for whom and how long, and there is padding."""
        signer, self.entry = key(alg="ES256", kid="0c3f1b2e-9c5e-4d2b-8a46-5b1f3c1f8d11"), copy.deepcopy(guide_issuers()[None])
        put_file(self.agent.path("alb.json"), json.dumps({"keys": [jwk(signer)]}))
        self.assertEqual(self.entry["keys"], {"file": "/etc/assay/keys.json"})
        self.entry["keys"]["file"] = self.agent.path("alb.json")
        self.agent.configure([self.entry])
        self.agent.start()

        def token(by=signer, **header):
            head = {"typ": "JWT", "kid": signer.kid, "alg": "ES256", "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_x",
                    "client": self.entry["audiences"][0], "signer": self.entry["issuer"], "exp": int(time.time()) + 120, **header}
            data = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode()
                            for part in (head, {"sub": "0c3f", "email": "alice@example.com", "email_verified": "true", "username": "alice"}))
            return data + "." + base64.urlsafe_b64encode(by.signature(data.encode())).decode()
        for wanted, change in (("accepted", {}), ("wrong_audience", {"client": "another"}), ("malformed", {"signer": self.entry["issuer"] + "1"}),
                               ("expired", {"exp": 1}), ("bad_signature", {"by": key(1, "ES256")}), ("unknown_key", {"kid": "another"})):
            with self.subTest(wanted):
                self.assertEqual(self.agent.verify(token(**change)), wanted)

    def test_okta(self):
        """No typ; scopes are a list, and groups roles."""
        signer = key()
        self.use("acme.okta.com", "/oauth2/default/v1/keys", [jwk(key(1)), jwk(signer), jwk(key(2))], max_age=5184000)
        token = self.verdicts(signer, {
            "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "aud": "api://default", "cid": "0oabhk4z60hLhKqYF0h7",
            "uid": "00uid4BxXw6I6TV4m0g3", "scp": ["openid", "orders:read"], "sub": "alice@example.com", "groups": ["Everyone", "admin"]}, [
                ("accepted", {"typ_": "JWT"}),
                ("wrong_type", {"typ_": "application/okta-internal-at+jwt", "aud": self.server.origin}),
                ("unknown_issuer", {"iss": self.server.origin}),
                ("unknown_issuer", {"iss": self.server.origin + "/oauth2/other"}),
                ("wrong_audience", {"aud": "0oabhk4z60hLhKqYF0h7", "jti": "ID.4eAWJOCMB3SX8XewDfVR"})], typ=None)
        self.assertEqual(self.authorized(token, "/scope"), (200, "scope"))
        self.assertEqual(self.authorized(token, "/admin/users"), (200, "admin"))
        self.assertEqual(self.authorized(token, "/read"), (403, "insufficient_role"))

    def test_entra(self):
        """Keys without `alg`, some of them other tenants'; what a token for Microsoft's own API has signed is not what it shows."""
        host, tenant, other = "login.microsoftonline.com", "11111111-2222-3333-4444-555555555555", "9188040d-6c67-4c5b-b112-36a304b66dad"
        signer, client = key(kid="Ew0nBw2kQ4wPzs9Y3bJ4dR0aT1c"), "66666666-7777-8888-9999-000000000000"
        self.use(host, f"/{tenant}/discovery/v2.0/keys", [
            jwk(one, x5=True, alg=None, cloud_instance_name="microsoftonline.com", issuer=f"https://{host}/{whose}/v2.0")
            for one, whose in ((key(1), tenant), (signer, tenant), (key(2), other), (key(3), "{tenantid}"))])
        token = self.verdicts(signer, {
            "aud": client, "aio": "AXQAi/8IAAAA", "azp": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "azpacr": "0", "oid": tenant,
            "name": "Alice", "preferred_username": "alice@example.com", "roles": ["admin"], "scp": "orders:read", "tid": tenant,
            "uti": "x", "ver": "2.0"}, [
                ("missing_claim", {"azp": None, "azpacr": None, "scp": None, "nonce": "n"}),
                ("unknown_issuer", {"iss": f"https://sts.windows.net/{tenant}/", "ver": "1.0", "azp": None, "appid": "a"}),
                ("unknown_issuer", {"iss": self.name.replace(tenant, other), "tid": other}),
                ("wrong_audience", {"aud": "api://" + client}),
                ("not_yet_valid", {"nbf": 4102444800})])
        head, body, signature = signer.token({"nonce": "hash"}, iss=self.name, aud="00000003-0000-0000-c000-000000000000").split(".")
        shown = b64(json.dumps({"typ": "JWT", "nonce": "plain", "alg": "RS256", "kid": signer.kid}).encode())
        self.assertEqual(self.agent.verify(f"{shown}.{body}.{signature}"), "bad_signature", head)
        self.assertEqual(self.authorized(token, "/admin/users"), (200, "admin"))
        self.assertEqual(self.authorized(token, "/scope"), (200, "scope"))

    def test_keycloak(self):
        """A key for encryption beside those for signatures of three kinds; roles lie deeper."""
        signer, curve, edwards, secret = key(), key(alg="ES256"), key(alg="EdDSA"), key(1)
        self.use("keycloak.example.com", "/realms/acme/protocol/openid-connect/certs", [
            jwk(secret, x5=True, use="enc", alg="RSA-OAEP"), jwk(signer, x5=True), jwk(curve), jwk(edwards)])
        self.assertEqual([self.issuer_status()[what] for what in ("keys", "skipped")], [3, 1])
        claims = {"jti": "onrtac:6c0e", "aud": ["orders", "account"], "typ": "Bearer", "azp": "web", "sid": "f3b7", "acr": "1",
                  "allowed-origins": ["https://web.example.com"], "realm_access": {"roles": ["offline_access", "admin"]},
                  "resource_access": {"orders": {"roles": ["read:orders"]}}, "scope": "openid orders:read", "email": "alice@example.com"}
        token = self.verdicts(signer, claims, [
            ("claim_mismatch", {"typ": "ID", "at_hash": "h"}),
            ("claim_mismatch", {"typ": "ID", "aud": "web"}),
            ("wrong_type", {"typ": "Refresh", "aud": self.name}),
            ("wrong_type", {"typ": "Offline"}),
            ("wrong_type", {"typ": "Logout", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
            ("wrong_audience", {"aud": "account"}),
            ("missing_claim", {"aud": None}),
            ("unknown_issuer", {"iss": self.name.replace("acme", "master")})])
        for other in (curve, edwards):
            self.verdicts(other, claims, [])
        self.assertEqual(self.agent.verify(secret.token(iss=self.name, aud="orders", typ="Bearer")), "unknown_key")
        self.assertEqual(self.agent.verify(Key("HS512", "h").token(iss=self.name, aud=self.name, typ="Refresh")), "algorithm_mismatch")
        self.assertEqual(self.authorized(token, "/admin/users"), (200, "admin"))
        self.assertEqual(self.authorized(token, "/read"), (403, "insufficient_role"))

    def test_cognito(self):
        """kids of plain base64, a key for each kind of token, and no `aud`."""
        signer, of_id = key(kid=base64.b64encode(b"\xff\xfb" * 16).decode()), key(1, kid=base64.b64encode(os.urandom(32)).decode())
        self.use("cognito-idp.eu-central-1.amazonaws.com", "/eu-central-1_AbCdEfGhI/.well-known/jwks.json", [jwk(of_id), jwk(signer)])
        client = self.entry["audiences"][0]
        claims = {"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "aud": None, "client_id": client, "token_use": "access", "version": 2,
                  "cognito:groups": ["admin", "eu-central-1_AbCdEfGhI_Google"], "scope": "openid orders:read", "auth_time": 1676312777,
                  "origin_jti": "o", "event_id": "e", "username": "alice"}
        token = self.verdicts(signer, claims, [
            ("wrong_audience", {"client_id": "another"}),
            ("wrong_audience", {"aud": "https://billing.example.com"}),
            ("claim_mismatch", {"token_use": "id"}),
            ("claim_mismatch", {"token_use": None}),
            ("wrong_type", {"token_use": "refresh"}),
            ("unknown_issuer", {"iss": self.name.replace("AbCdEfGhI", "IhGfEdCbA")})], typ=None)
        identity = of_id.token({"typ": None}, iss=self.name, aud=client, token_use="id", **{"cognito:username": "alice"})
        self.assertEqual(self.agent.verify(identity), "missing_claim")
        self.assertEqual(self.agent.verify("eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiUlNBLU9BRVAifQ.a.b.c.d"), "malformed")
        self.assertEqual(self.authorized(token, "/admin/users"), (200, "admin"))
        self.assertEqual(self.authorized(token, "/read"), (403, "insufficient_role"))

    def test_kubernetes(self):
        """Both documents are shown to a service account only; the keys are at the API server's address."""
        signer, curve = key(), key(alg="ES256")
        put_file(self.agent.path("token"), "pods-own")
        self.use("kubernetes.default.svc.cluster.local", "/openid/v1/jwks", [jwk(signer), jwk(curve)],
                 f"https://127.0.0.1:{self.server.port}", lambda behaviour: bearer("pods-own", behaviour))
        self.assertEqual({request.headers.get("authorization") for request in self.server.seen()}, {"Bearer pods-own"})
        account = {"namespace": "shop", "node": {"name": "n"}, "pod": {"name": "cart-7"}, "serviceaccount": {"name": "cart", "uid": "u"}}
        claims = {"aud": ["orders"], "jti": "j", "kubernetes.io": account, "sub": "system:serviceaccount:shop:cart"}
        token = self.verdicts(signer, claims, [
            ("wrong_audience", {"aud": [self.name]}),
            ("claim_mismatch", {"kubernetes.io": {**account, "namespace": "other"}, "sub": "system:serviceaccount:other:cart"}),
            ("claim_mismatch", {"kubernetes.io": None}),
            ("unknown_issuer", {"iss": "kubernetes/serviceaccount", "aud": None, "exp": None}),
            ("missing_claim", {"exp": None})], typ=None)
        self.verdicts(curve, claims, [], typ=None)
        self.assertEqual(self.authorized(token, "/account"), (200, "account"))

    def test_github_actions(self):
        """Certificates and long kids; whoever has a repository can have a token for any audience."""
        signer = key(kid="0123456789ABCDEF" * 5)
        self.use("token.actions.githubusercontent.com", "/.well-known/jwks", [
            jwk(one, x5=True) for one in (key(1), signer, key(2))])
        claims = {"jti": "j", "sub": "repo:acme/shop:ref:refs/heads/main", "aud": "orders", "ref": "refs/heads/main",
                  "repository": "acme/shop", "repository_owner": "acme", "repository_owner_id": "65",
                  "run_id": "30904", "actor": "alice", "ref_type": "branch"}
        token = self.verdicts(signer, claims, [
            ("claim_mismatch", {"repository_owner": "evil", "repository": "evil/shop", "sub": "repo:evil/shop:ref:refs/heads/main"}),
            ("claim_mismatch", {"repository_owner": "acme-evil"}),
            ("wrong_audience", {"aud": "https://github.com/acme"})], x5t=b64(os.urandom(20)))
        self.assertEqual(self.authorized(token, "/branch"), (200, "branch"))
        other = signer.token(iss=self.name, **{**claims, "ref": "refs/pull/7/merge"})
        self.assertEqual(self.authorized(other, "/branch")[0], 403)
        self.assertSaysWhose("token.actions.githubusercontent.com")

    def test_no_configuration_is_forgotten(self):
        names = {name for name in dir(self) if name.startswith("test_")}
        self.assertEqual(len(guide_issuers()), len(names) - 1)


if __name__ == "__main__":
    unittest.main()
