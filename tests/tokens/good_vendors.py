"""Tokens and key sets in the shapes that well-known issuers document.

All names, ids and keys are made up; only the shape (claims, their types and
nesting, members of the keys) is theirs.
"""
from certificates import x5_members
from folders import good
from forge import DROP, NOW, signed
from jwks import jwk

IAT, EXP = NOW - 60, NOW + 3539


def issuer(name, audiences, **more):
    return [dict({"issuer": name, "keys": {"file": "keys.json"}, "audiences": audiences}, **more)]


def token(kid, body, alg="RS256", by="vendor-rsa", **more):
    head = {"alg": alg, "kid": kid, "typ": "JWT", **more}
    return signed({k: v for k, v in head.items() if v is not DROP}, body, by=by)


def google():
    client = "123456789012-abcdefghijklmnopqrstuvwxyz012345.apps.googleusercontent.com"
    kid = "7f548f6708690c21120b0ab668caa079acbc2b2f"
    keys = [jwk("rsa-2", kid="a50f6e70ef4b548a5fd9142eecd1fb8f54dce9ee", use="sig", alg="RS256"),
            jwk("vendor-rsa", kid=kid, use="sig", alg="RS256")]
    config = issuer("https://accounts.google.com", [client], aliases=["accounts.google.com"],
                    algorithms=["RS256"], claims={"hd": ["example.com"]})
    body = {"iss": "https://accounts.google.com", "azp": client, "aud": client, "sub": "110169484474386276334",
            "hd": "example.com", "email": "jane@example.com", "email_verified": True,
            "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "nonce": "n-0S6_WzA2Mj", "name": "Jane Doe",
            "picture": "https://lh3.googleusercontent.com/a/photo=s96-c", "given_name": "Jane", "family_name": "Doe",
            "iat": IAT, "exp": EXP}
    good("google-id-token", "an ID token in Google's shape", token(kid, body), keys=keys, config=config)
    good("google-id-token-alias", "the same with iss without https://, which Google also sends",
         token(kid, dict(body, iss="accounts.google.com")), keys=keys, config=config)


def auth0():
    kid = "NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg"
    keys = [dict(jwk("vendor-rsa", kid=kid, use="sig", alg="RS256"), **x5_members("vendor-rsa", "acme.eu.auth0.com"))]
    config = issuer("https://acme.eu.auth0.com/", ["https://api.acme.example/"])
    body = {"iss": "https://acme.eu.auth0.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
            "aud": ["https://api.acme.example/", "https://acme.eu.auth0.com/userinfo"], "iat": IAT, "exp": EXP,
            "azp": "my_client_id", "scope": "openid profile read:orders",
            "permissions": ["read:orders", "write:orders"], "https://acme.example/roles": ["admin"]}
    good("auth0-access-token", "an access token in Auth0's shape", token(kid, body), keys=keys, config=config)
    machine = dict(body, sub="my_client_id@clients", gty="client-credentials", aud="https://api.acme.example/")
    good("auth0-machine-token", "a client-credentials token in Auth0's shape", token(kid, machine, typ="JWT"),
         keys=keys, config=config)
    rfc9068 = dict(body, jti="zKy3qR7HkVJ0rZ0Yc4dXn2", client_id="my_client_id")
    good("auth0-rfc9068-token", "an access token in Auth0's RFC 9068 profile", token(kid, rfc9068, typ="at+jwt"),
         keys=keys, config=config)


def okta():
    kid = "Q1xGtm0sGqd0FMpqAbLZX9t3jFqxOJm2xwHcnZP9Yg0"
    keys = [jwk("vendor-rsa", kid=kid, use="sig", alg="RS256")]
    name = "https://dev-1234567.okta.com/oauth2/default"
    body = {"ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "iss": name, "aud": "api://default",
            "iat": IAT, "exp": EXP, "cid": "nmdP1fcyvdVO11AL7ECm", "uid": "00ujmkLgagxeRrAg20g3",
            "scp": ["openid", "email"], "auth_time": IAT - 4, "sub": "jane@example.com",
            "groups": ["Everyone", "Admins"]}
    good("okta-access-token", "an access token in Okta's shape: no typ, scp as an array", token(kid, body, typ=DROP),
         keys=keys, config=issuer(name, ["api://default"]))


def azure():
    tenant = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
    kid = "nOo3ZDrODXEK1jKWhXslHR_KXEg"
    more = x5_members("vendor-rsa", "accounts.accesscontrol.windows.net")
    other = x5_members("rsa-2", "accounts.accesscontrol.windows.net")
    # These sets name no alg; kid and x5t are the same.
    keys = [dict(jwk("rsa-2", kid="l3sQ-50cCH4xBVZLHTGwnSR7680", use="sig"), **other),
            dict(jwk("vendor-rsa", kid=kid, use="sig"), **more)]
    api = "11112222-bbbb-3333-cccc-4444dddd5555"
    v2 = f"https://login.microsoftonline.com/{tenant}/v2.0"
    body = {"aud": api, "iss": v2, "iat": IAT, "nbf": IAT, "exp": EXP, "aio": "AUQAu/8TAAAA+example==",
            "azp": "00001111-aaaa-2222-bbbb-3333cccc4444", "azpacr": "1", "name": "Jane Doe",
            "oid": "22223333-cccc-4444-dddd-5555eeee6666", "preferred_username": "jane@example.com",
            "rh": "0.AX8Aexample.", "roles": ["Orders.Read"], "scp": "access_as_user",
            "sid": "33334444-dddd-5555-eeee-6666ffff7777", "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
            "tid": tenant, "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0"}
    config = issuer(v2, [api], claims={"tid": [tenant]}, algorithms=["RS256"])
    good("azure-v2-access-token",
         "a v2.0 access token in Microsoft Entra's shape: keys without alg, with x5c and x5t",
         token(kid, body), keys=keys, config=config)
    v1 = f"https://sts.windows.net/{tenant}/"
    old = {"aud": f"api://{api}", "iss": v1, "iat": IAT, "nbf": IAT, "exp": EXP, "acr": "1", "amr": ["pwd", "mfa"],
           "appid": "00001111-aaaa-2222-bbbb-3333cccc4444", "appidacr": "0", "ipaddr": "203.0.113.7",
           "oid": "22223333-cccc-4444-dddd-5555eeee6666", "scp": "user_impersonation", "tid": tenant,
           "unique_name": "jane@example.com", "upn": "jane@example.com", "ver": "1.0",
           "wids": ["b79fbf4d-3ef9-4689-8143-76b194e85509"]}
    good("azure-v1-access-token", "a v1.0 access token in Microsoft Entra's shape: x5t and kid in the header",
         token(kid, old, x5t=kid), keys=keys,
         config=issuer(v1, [f"api://{api}"], claims={"tid": [tenant]}))


def keycloak():
    kid = "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE"
    keys = [dict(jwk("rsa-2", kid="encZ2kq8l0iM3Rj6OZxQn1S0oJ4lTq3y7rB9hVbWdKc", use="enc", alg="RSA-OAEP"),
                 **x5_members("rsa-2", "shop")),
            dict(jwk("vendor-rsa", kid=kid, use="sig", alg="RS256"), **x5_members("vendor-rsa", "shop"))]
    name = "https://sso.example.com/realms/shop"
    body = {"exp": EXP, "iat": IAT, "auth_time": IAT - 10, "jti": "onrtac:7a1e6a0c-5b1f-4f55-8a9c-0c1d2e3f4a5b",
            "iss": name,
            "aud": ["orders", "account"], "sub": "f4a5b6c7-d8e9-4f01-a2b3-c4d5e6f7a8b9", "typ": "Bearer",
            "azp": "web",
            "sid": "6b1f4f55-8a9c-4c1d-8e3f-4a5b6c7d8e9f", "acr": "1",
            "allowed-origins": ["https://shop.example.com"],
            "realm_access": {"roles": ["offline_access", "uma_authorization", "user"]},
            "resource_access": {"account": {"roles": ["manage-account", "view-profile"]}},
            "scope": "openid profile email offline_access", "email_verified": True, "name": "Jane Doe",
            "preferred_username": "jane", "given_name": "Jane", "family_name": "Doe", "email": "jane@example.com"}
    config = issuer(name, ["orders"])
    good("keycloak-access-token",
         "an access token in Keycloak's shape: typ Bearer inside, an encryption key in the set",
         token(kid, body), keys=keys, config=config)
    good("keycloak-id-token", "an ID token in Keycloak's shape: typ ID inside",
         token(kid, dict(body, typ="ID", aud="orders", at_hash="xDhVd4HK6E_P6Dh8Y93mRN")), keys=keys, config=config)
    ed = "R2wvJm3q0dW5cS9kYb7nT1xZ8uH4pL6oQeVfAgCiDjE"
    good("keycloak-eddsa-token", "an EdDSA access token in Keycloak's shape",
         token(ed, body, alg="EdDSA", by="ed-2"), keys=[*keys, jwk("ed-2", kid=ed, use="sig", alg="EdDSA")],
         config=config)


def cognito():
    kid = "1234example+kid/with0plain0base64="
    keys = [jwk("vendor-rsa", kid=kid, use="sig", alg="RS256"),
            jwk("rsa-2", kid="5678example=", use="sig", alg="RS256")]
    name = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXaMPLe01"
    client = "1example23456789"
    access = {"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
              "device_key": "eu-west-1_bbbbbbbb-cccc-dddd-eeee-ffffffffffff",
              "cognito:groups": ["admin"], "token_use": "access", "scope": "aws.cognito.signin.user.admin",
              "auth_time": IAT, "iss": name, "exp": EXP, "iat": IAT, "version": 2,
              "jti": "cccccccc-dddd-eeee-ffff-000000000000", "client_id": client, "username": "jane"}
    good("cognito-access-token", "an access token in Cognito's shape: client_id and no aud",
         token(kid, access, typ=DROP), keys=keys, config=issuer(name, [client], audience_claim="client_id",
                                                                claims={"token_use": ["access"]}))
    identity = {"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "aud": client, "email_verified": True,
                "token_use": "id",
                "auth_time": IAT, "iss": name, "cognito:username": "jane", "exp": EXP, "iat": IAT,
                "email": "jane@example.com", "custom:tenant": "acme",
                "origin_jti": "dddddddd-eeee-ffff-0000-111111111111"}
    good("cognito-id-token", "an ID token in Cognito's shape", token(kid, identity, typ=DROP), keys=keys,
         config=issuer(name, [client]))


def kubernetes():
    kid = "ZfnN1Ma4WZ2bUuXcTjYJmUfpV0bs5wGDbbTzJbKpJ3o"
    name = "https://kubernetes.default.svc.cluster.local"
    body = {"aud": ["orders"], "exp": EXP, "iat": IAT, "iss": name, "jti": "ea28ed49-2e11-4280-9ec5-bc3d1d84661a",
            "kubernetes.io": {"namespace": "shop", "node": {"name": "node-1",
                                                            "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
                              "pod": {"name": "web-5d6f7c8b9-abcde", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
                              "serviceaccount": {"name": "web", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
                              "warnafter": IAT + 3607},
            "nbf": IAT, "sub": "system:serviceaccount:shop:web"}
    good("kubernetes-service-account", "a bound service account token in Kubernetes' shape",
         token(kid, body, typ=DROP), keys=[jwk("vendor-rsa", kid=kid, use="sig", alg="RS256")],
         config=issuer(name, ["orders"], max_token_lifetime="24h"))


def github():
    kid = "cc413527-173f-5a05-976e-9c52b1d7b431"
    keys = [dict(jwk("vendor-rsa", kid=kid, use="sig", alg="RS256"), **x5_members("vendor-rsa", "actions")),
            jwk("rsa-2", kid="38826b17-6a30-5f9b-b169-8beb8202f723", use="sig", alg="RS256")]
    name = "https://token.actions.githubusercontent.com"
    body = {"jti": "9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d", "sub": "repo:acme/shop:environment:prod",
            "environment": "prod",
            "aud": "https://orders.acme.example", "ref": "refs/heads/main",
            "sha": "b8a7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9",
            "repository": "acme/shop", "repository_owner": "acme", "actor_id": "12",
            "repository_visibility": "private",
            "repository_id": "74", "repository_owner_id": "65", "run_id": "1234567890", "run_number": "10",
            "run_attempt": "2", "runner_environment": "github-hosted", "actor": "jane", "workflow": "deploy",
            "head_ref": "", "base_ref": "", "event_name": "workflow_dispatch", "ref_type": "branch",
            "ref_protected": "true",
            "job_workflow_ref": "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
            "iss": name, "nbf": IAT - 600, "exp": IAT + 300, "iat": IAT}
    config = issuer(name, ["https://orders.acme.example"], claims={"repository_owner": ["acme"]})
    good("github-actions", "a workflow's token in GitHub Actions' shape, its owner configured",
         token(kid, body, x5t="ykNaY4qM_ta4k2TgZOCEYLkcYlA"), keys=keys, config=config)


def make():
    google()
    auth0()
    okta()
    azure()
    keycloak()
    cognito()
    kubernetes()
    github()
