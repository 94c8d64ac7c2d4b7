"""`assay policy test` runs a policy's own examples, `assay policy explain` says what each rule makes of one question: without an
agent, and with the agent's own decisions."""
import json
import re
import subprocess
import unittest

from agent import ASSAY, AUDIENCE, ISSUER, check_config, key_set
from command import CommandTest, assay

OTHER = "https://other.example.com"
POLICY = """\
version: 1
roles:
  admin: [manager]
  manager: [user]
rules:
  - name: admin-users
    issuers: [https://auth.example.com]
    actions: [GET]
    resources: ["/admin/users", "/admin/users/**"]
    roles: [admin]
  - {name: place-order, actions: [POST], resources: [/orders], roles: [user], scopes: ["orders:write"]}
  - {name: own-profile, resources: ["/users/{sub}/**"]}
  - {name: warehouse, actions: [POST], resources: [/reserve], claims: {type: service, service: [order-service, returns-service]}}
  - {name: suspended, effect: deny, claims: {status: suspended}}
  - {name: health, resources: [/health], anonymous: true}
  - {name: trial, resources: ["/new/**"], roles: [user], mode: shadow}
"""
EXAMPLES = """\
tests:
  - {claims: {role: admin}, action: GET, resource: /admin/users, expect: allow}
  - {claims: {role: admin, status: suspended}, action: GET, resource: /admin/users, expect: 403}
  - {claims: {role: user}, action: GET, resource: /admin/users, expect: 403}
  - {claims: {sub: alice}, action: GET, resource: "/users/alice/x?y", expect: allow}
  - {claims: {sub: alice}, action: GET, resource: /users/bob/x, expect: 403}
  - {claims: {role: user, scope: "a orders:write"}, action: POST, resource: /orders/, expect: allow}
  - {claims: {type: service, service: returns-service}, action: POST, resource: /reserve, expect: allow}
  - {claims: {role: user}, action: GET, resource: /new/x, expect: 403}
  - {action: GET, resource: /health, expect: allow}
  - {action: GET, resource: /admin/users, expect: 401}
  - {action: GET, resource: "/health;x", expect: 403}
"""
RULES = ["admin-users", "place-order", "own-profile", "warehouse", "suspended", "health", "trial"]


class PolicyTest(CommandTest):
    def policy(self, text):
        return self.put("policy.yaml", text)

    def config(self, *issuers, file="assayd.yaml", **top):
        """Of issuers as (name, settings)."""
        self.put("keys.json", key_set(self.key))
        keys = {"file": self.path("keys.json")}
        blocks = [{"issuer": name, "keys": keys, "audiences": [AUDIENCE], **settings} for name, settings in issuers]
        return self.put(file, json.dumps({"issuers": blocks, **top}))

    def run_tests(self, text, *arguments):
        """Exit code, the lines of failures without the folder, the last line."""
        done = assay("policy", "test", self.policy(text), *arguments)
        *failures, total = done.out.replace(self.folder + "/", "").splitlines()
        self.assertEqual(done.code, 1 if failures else 0, done)
        return failures, total, done.err.replace(self.folder + "/", "")


class Tests(PolicyTest):
    def test_all_pass(self):
        self.assertEqual(self.run_tests(POLICY + EXAMPLES), ([], "11 passed, 0 failed", ""))
        self.assertEqual(self.run_tests(POLICY), ([], "0 passed, 0 failed", ""))

    def test_those_that_fail_are_told_with_their_place(self):
        for was, becomes, told in [
                ("/admin/users, expect: allow", "/admin/users, expect: 403", "expected 403, found allow, rule admin-users"),
                ("resource: /admin/users, expect: 401", "resource: /admin/users, expect: 403", "expected 403, found 401, no_token"),
                ("users/bob/x, expect: 403", "users/bob/x, expect: allow", "expected allow, found 403, no_rule"),
                ("suspended}, action: GET, resource: /admin/users, expect: 403",
                 "suspended}, action: GET, resource: /admin/users, expect: allow",
                 "expected allow, found 403, denied_by_rule, rule suspended"),
                ("/health, expect: allow", "/health, expect: 401", "expected 401, found allow, rule health")]:
            text = POLICY + EXAMPLES.replace(was, becomes, 1)
            line = next(i for i, words in enumerate(text.splitlines(), 1) if words not in (POLICY + EXAMPLES).splitlines())
            failures, total, err = self.run_tests(text)
            self.assertEqual((len(failures), total), (1, "10 passed, 1 failed"))
            self.assertRegex(failures[0], rf"\Apolicy\.yaml:{line}:5: (GET|POST) /\S+: {re.escape(told)}\Z")
            self.assertEqual(err, "assay: 1 of the policy's 11 tests failed\n")

    def test_a_rule_that_is_taken_away_fails_a_test(self):
        lines = POLICY.splitlines(keepends=True)
        for at, line in enumerate(lines):
            if re.match(r"  - \{name: (place-order|own-profile|warehouse|suspended|health)", line):
                failures, _, _ = self.run_tests("".join(lines[:at] + lines[at + 1:]) + EXAMPLES)
                self.assertEqual(len(failures), 1, line)

    def test_json(self):
        done = assay("policy", "test", self.policy(POLICY + EXAMPLES), "--json")
        self.assertEqual((done.code, done.json()), (0, {"passed": 11, "failed": 0, "failures": [], "warnings": []}))
        done = assay("policy", "--json", "test", self.policy(POLICY + EXAMPLES.replace("expect: 401", "expect: allow")))
        failure = {"file": self.path("policy.yaml"), "line": 27, "column": 5, "action": "GET", "resource": "/admin/users",
                   "expected": "allow", "found": {"allow": False, "status": 401, "reason": "no_token", "rule": None}}
        self.assertEqual((done.code, done.err), (1, ""))
        self.assertEqual(done.json(), {"passed": 10, "failed": 1, "failures": [failure], "warnings": []})

    def test_whose_token_the_claims_are(self):
        example = "tests:\n  - {claims: {%s}, action: GET, resource: /admin/users, expect: %s}\n"
        plain = ["--config", self.config((ISSUER, {"aliases": ["auth.example.com"]}))]
        keycloak = ["--config", self.config((ISSUER, {"roles": "/realm/roles"}), file="keycloak.yaml")]
        shadow = ["--config", self.config((ISSUER, {"mode": "shadow"}), file="shadow.yaml")]
        for claims, expect, config in [
                ("role: admin", "allow", []), (f"role: admin, iss: {ISSUER}", "allow", []), (f"role: admin, iss: {OTHER}", "403", []),
                ("role: admin, iss: 5", "401", []), ("role: admin", "allow", plain), (f"role: admin, iss: {ISSUER}", "allow", plain),
                ("role: admin, iss: auth.example.com", "allow", plain), (f"role: admin, iss: {OTHER}", "401", plain),
                ("role: admin", "403", keycloak), ("realm: {roles: [x, admin]}", "allow", keycloak),
                (f"realm: {{roles: admin}}, iss: {ISSUER}", "allow", keycloak), ("realm: {roles: [x, admin]}", "403", plain),
                (f"role: admin, iss: {ISSUER}", "401", shadow), ("role: admin", "allow", shadow)]:
            with self.subTest(claims=claims, config=config):
                self.assertEqual(self.run_tests(POLICY + example % (claims, expect), *config), ([], "1 passed, 0 failed", ""))

    def test_issuers_that_differ(self):
        """Claims without iss are any issuer's: whose settings then hold cannot be said, and that is told."""
        text = f"version: 1\nrules:\n  - {{name: r, issuers: [{ISSUER}, {OTHER}], roles: [a]}}\n"
        text += "tests:\n  - {claims: {%s}, action: x, resource: /, expect: allow}\n"
        same = self.config((ISSUER, {"roles": "/r"}), (OTHER, {"roles": "/r"}))
        self.assertEqual(self.run_tests(text % "r: a", "--config", same)[1:], ("1 passed, 0 failed", ""))
        different = self.config((ISSUER, {"roles": "/r"}), (OTHER, {}))
        _, total, err = self.run_tests(text % "role: a", "--config", different)
        self.assertEqual(total, "1 passed, 0 failed")
        self.assertRegex(err, r"\Apolicy\.yaml:5:5: the claims have no `iss`, .* \(a warning\)\n\Z")
        self.assertEqual(self.run_tests(text % f"r: a, iss: {ISSUER}", "--config", different)[1:], ("1 passed, 0 failed", ""))


class Faults(PolicyTest):
    def test_faults_are_told_as_assayd_tells_them(self):
        for text in ["version: 2\nrules: []\n", POLICY.replace("actions", "action", 1),
                     POLICY.replace("manager: [user]", "manager: [admin]"), "", "a: [",
                     POLICY + "tests:\n  - {action: GET, resource: /, expect: 200}\n",
                     POLICY.replace("name: health", "name: trial"),
                     POLICY.replace("https://auth.example.com", "https://auth.exampel.com")]:
            config = self.config((ISSUER, {}), policy="policy.yaml")
            done = assay("policy", "test", self.policy(text), "--config", config)
            with open(config, encoding="utf-8") as file:
                code, err, _ = check_config(file.read(), files={"policy.yaml": (text, 0o600)})
            *faults, last = done.err.replace(self.folder + "/", "").splitlines()
            self.assertEqual((done.code, done.out, code), (2, "", 2))
            self.assertEqual(faults, err.splitlines()[:-1])
            self.assertTrue(faults)
            self.assertEqual(last, f"assay: policy.yaml is refused, {len(faults)} fault" + ("s" if len(faults) > 1 else ""))
            told = assay("policy", "explain", self.path("policy.yaml"), "--action", "a", "--resource", "/", "--config", config, "--json")
            self.assertEqual((told.code, told.err, told.json()["error"]), (2, "", "bad_input"))
            self.assertIn(f" is refused, {len(faults)} fault", told.json()["message"])
            self.assertEqual([fault.replace(self.folder + "/", "") for fault in told.json()["faults"]], faults)

    def test_faults_of_the_configuration_and_of_files_that_are_none(self):
        config, policy = self.put("bad.yaml", "issuers: []\nx: 1\n"), self.policy(POLICY)
        done = assay("policy", "test", policy, "--config", config)
        self.assertEqual((done.code, done.err.splitlines()[-1]), (2, f"assay: {config} is refused, 2 faults"))
        for path in [self.path("none"), self.folder, "/dev/null", "-", ""]:
            done = assay("policy", "test", path, given=POLICY)
            self.assertEqual((done.code, done.out), (2, ""), done)
            self.assertIn("is refused, 1 fault", done.err)

    def test_warnings_are_told_and_change_nothing(self):
        text = POLICY.replace("roles: [admin]", "roles: [admni, admin]") + EXAMPLES
        _, total, err = self.run_tests(text)
        self.assertEqual(total, "11 passed, 0 failed")
        self.assertRegex(err, r"\Apolicy\.yaml:6:5: .*`admni`.*`admin`.*\(a warning\)\n\Z")
        done = assay("policy", "test", self.path("policy.yaml"), "--json")
        self.assertEqual((done.code, done.err, len(done.json()["warnings"])), (0, "", 1))


class Explain(PolicyTest):
    def explain(self, action, resource, claims=None, *arguments):
        given = [] if claims is None else ["--claims", claims if isinstance(claims, str) else json.dumps(claims)]
        return assay("policy", "explain", self.path("policy.yaml"), "--action", action, "--resource", resource, *given, *arguments)

    def fits(self, action, resource, claims=None, *arguments):
        told = self.explain(action, resource, claims, "--json", *arguments).json()
        self.assertEqual([rule["rule"] for rule in told["rules"]], RULES)
        return [rule["fit"] for rule in told["rules"]]

    def test_every_rule_and_why(self):
        self.policy(POLICY)
        done = self.explain("POST", "/orders/?q", {"sub": "alice", "role": "user", "scope": "a b"})
        self.assertEqual(done.out.replace(self.folder + "/", "").splitlines(), [
            "resource: /orders", "roles: user", "scopes: a, b",
            "policy.yaml:6:5: admin-users: the action is not one of: GET, HEAD",
            "policy.yaml:11:5: place-order: the token does not have all of the scopes: orders:write",
            "policy.yaml:12:5: own-profile: the resource matches none of: /users/{sub}/**",
            "policy.yaml:13:5: warehouse: the resource matches none of: /reserve",
            "policy.yaml:14:5: deny suspended: the claim status is not one of: suspended; the token does not have this claim",
            "policy.yaml:15:5: health: the resource matches none of: /health",
            "policy.yaml:16:5: trial: the resource matches none of: /new/**",
            "decision: 403, insufficient_scope, rule place-order"])
        self.assertEqual((done.code, done.err), (1, "assay: denied, 403, insufficient_scope, rule place-order\n"))

    def test_a_number_that_is_compared_with_a_text(self):
        self.policy("""version: 1
rules:
  - {name: text, claims: {tenant: ["5"]}}
  - {name: number, claims: {tenant: [5]}}
  - {name: mixed, claims: {tenant: [a, 5, "true", -7]}}
  - {name: own, resources: ["/users/{user_id}", "/people/{sub}"]}
""")
        def why(claims):
            told = self.explain("GET", "/users/5", claims, "--json").json()
            return {rule["rule"]: (rule["fit"], rule["why"]) for rule in told["rules"]}
        told = why({"tenant": 5, "user_id": 5.5, "sub": "6"})
        self.assertEqual(told["text"], ("claims", "the claim tenant is not one of: 5; "
                                        "the token has a number, but the rule has a string: remove the quotation marks"))
        self.assertEqual(told["number"][0], "applies")
        self.assertEqual(told["own"], ("resource", "the resource matches none of: /users/{user_id}, /people/{sub}; "
                                       "the token's user_id is not a whole number; only a string or a whole number fills {user_id}"))
        self.assertEqual(why({"user_id": 5})["own"][0], "applies")
        told = why({"tenant": "5", "user_id": "5"})
        self.assertEqual((told["text"][0], told["own"][0]), ("applies", "applies"))
        self.assertEqual(told["number"], ("claims", "the claim tenant is not one of: 5; "
                                          "the token has a string, but the rule has none: put the value in quotation marks"))
        self.assertEqual(why({"user_id": "6"})["own"][1], "the resource matches none of: /users/{user_id}, /people/{sub}")
        for claims in ({"tenant": "6"}, {"tenant": 6}):
            self.assertEqual((why(claims)["text"][1], why(claims)["number"][1]), ("the claim tenant is not one of: 5",) * 2)
        self.assertEqual(why({"tenant": True})["mixed"][1], "the claim tenant is not one of: a, 5, true, -7; "
                         "the token has true or false, but the rule has a string: remove the quotation marks")
        self.assertEqual(why({"tenant": "-7"})["mixed"][1], "the claim tenant is not one of: a, 5, true, -7; "
                         "the token has a string, but the rule has none: put the value in quotation marks")
        self.assertEqual(why({"tenant": -7})["mixed"][0], "applies")

    def test_each_way_to_fit_or_not(self):
        self.policy(POLICY)
        no = ["action", "resource", "resource", "resource", "claims", "resource", "resource"]
        self.assertEqual(self.fits("POST", "/", {}), no)
        self.assertEqual(self.fits("POST", "/")[4], "token")
        self.assertEqual(self.fits("GET", "/admin/users")[0], "token")
        self.assertEqual(self.fits("GET", "/admin/users", {"iss": OTHER, "role": "admin"})[0], "issuer")
        self.assertEqual(self.fits("GET", "/admin/users", {"iss": ISSUER, "role": "manager"})[0], "roles")
        self.assertEqual(self.fits("GET", "/admin/users", {"iss": ISSUER, "role": "admin"})[0], "applies")
        self.assertEqual(self.fits("POST", "/reserve", {"type": "service", "service": 5})[3], "claims")
        self.assertEqual(self.fits("POST", "/reserve", {"type": "service", "service": ["returns-service"]})[3], "applies")
        self.assertEqual(self.fits("GET", "/new/x", {"role": "admin"})[6], "applies")
        self.assertIn("shadow", self.explain("GET", "/new/x", {"role": "admin"}).out)
        self.assertDone(0, self.explain("GET", "/health"), "token: none, no_token", "decision: allow, rule health")

    def test_what_is_no_resource_meets_no_rule(self):
        self.policy("version: 1\nrules:\n  - {name: all, anonymous: true}\n")
        self.assertDone(0, self.explain("GET", "/"), "all: applies", "allow, rule all")
        done = self.explain("GET", "/a;b")
        self.assertEqual(done.code, 1)
        self.assertEqual(done.out, "resource: refused; byte 3: some servers cut a segment at `;` (RFC 3986 section 3.3); "
                                   "if yours do not, write `semicolon: keep` in the rule\n"
                                   "token: none, no_token\ndecision: 403, bad_resource\n")
        told = self.explain("GET", "/a;b", None, "--json").json()
        self.assertEqual((told["rules"], told["resource"], told["resource_fault"]["byte"]), ([], None, 3))
        self.assertNotIn("resource_fault", self.explain("GET", "/", None, "--json").json())

    def test_what_a_rule_does_not_keep(self):
        self.policy("""version: 1
rules:
  - {name: kept, resources: ["/npm/*"], encoded_slash: keep}
  - {name: plain, resources: ["/npm/*"], semicolon: keep}
  - {name: sealed, effect: deny, resources: [/npm/a/b]}
""")
        told = self.explain("GET", "/npm/@x%2fy", {"sub": "u"}, "--json").json()
        self.assertEqual((told["resource"], told["rule"]), ("/npm/@x%2Fy", "kept"))
        self.assertEqual([(rule["rule"], rule["fit"]) for rule in told["rules"]], [("kept", "applies"), ("plain", "resource"), ("sealed", "resource")])
        self.assertEqual(told["rules"][1]["why"], "the resource has a `%2F`, and the rule does not have `encoded_slash: keep`")
        self.assertIn("`;`, and the rule does not have `semicolon: keep`", self.explain("GET", "/npm/a;b", {"sub": "u"}).out)
        told = self.explain("GET", "/npm/a%2Fb;c", {"sub": "u"}, "--json").json()
        self.assertEqual([rule["fit"] for rule in told["rules"]], ["resource", "resource", "applies"])
        self.assertEqual(told["reason"], "denied_by_rule")

    def test_what_is_no_resource_names_the_byte_and_the_rule(self):
        self.policy("version: 1\nrules:\n  - {name: all, anonymous: true}\n")
        for resource, byte, words in [
                ("", 1, "begin with `/`"), ("a", 1, "begin with `/`"), ("?x", 1, "begin with `/`"), ("/" + 4096 * "a", 4097, "too long"),
                ("/" + 65 * "a/", 130, "too many segments"), ("/a%2fb", 3, "`%2F`"), ("/a/b;c?d;e", 5, "`;`"), ("/%3b", 2, "`;`"),
                ("/a\\b", 3, "backslash"), ("/%5C", 2, "backslash"), ("/a#b", 3, "fragment"), ("/a/%00", 4, "control"),
                ("/a\x7f", 3, "control"), ("/caf%E9/x", 2, "`%C3%A9`"), ("/a/%C2%85", 4, "U+0080"), ("/100%", 5, "`%25`"),
                ("/100%/x", 5, "`%25`"), ("/%g0", 2, "`%25`"), ("/a//b", 4, "empty segment"), ("//", 2, "empty segment"),
                ("/a/../b", 4, "`..`"), ("/a/%2e", 4, "`..`")]:
            with self.subTest(resource=resource):
                fault = self.explain("GET", resource, None, "--json").json()["resource_fault"]
                self.assertEqual(fault["byte"], byte)
                self.assertIn(words, fault["why"])

    def test_the_decision_is_the_agents(self):
        self.policy(POLICY)
        config = self.config((ISSUER, {"roles": "/realm/roles"}))
        agent = self.prepare(keys=[self.key])
        agent.configure([agent.issuer(roles="/realm/roles")], policy=self.path("policy.yaml"))
        agent.start()
        people = [None, {}, {"realm": {"roles": ["admin"]}}, {"realm": {"roles": "user"}, "scope": "orders:write"}, {"role": "admin"},
                  {"type": "service", "service": "order-service"}, {"realm": {"roles": ["admin"]}, "status": "suspended"}, {"sub": "../x"}]
        for claims in people:
            for action, resource in [("GET", "/admin/users/1"), ("POST", "/orders"), ("PUT", "/users/alice/x"), ("POST", "/reserve"),
                                     ("GET", "/health"), ("GET", "/new/x"), ("GET", "/a%2fb"), ("GET", "/users/%2e%2e/x")]:
                whole = None if claims is None else {"iss": ISSUER, "sub": "alice", **claims}
                token = {} if claims is None else {"token": self.key.token(**whole)}
                asked = agent.call("authorize", action=action, resource=resource, **token)
                told = self.explain(action, resource, whole, "--json", "--config", config)
                self.assertEqual(told.code, 0 if asked["allow"] else 1)
                for name in ("allow", "status", "reason", "rule", "roles"):
                    self.assertEqual(told.json()[name], asked[name], (claims, action, resource, name))

    def test_claims_are_as_strict_as_a_tokens(self):
        self.policy(POLICY)
        for claims in ["", "x", "5", "[]", '{"a":1,"a":2}', '{"a":"\\u0000"}', '{"a":1e999}', "{'a':1}", '{"a":' * 17 + "1" + "}" * 17,
                       '{"a":"' + "x" * 16384 + '"}', '{"a":"\udcff"}', '{} {}']:
            self.assertDone(2, self.explain("GET", "/", claims), "--claims")

    def test_names_of_others_do_not_move_the_cursor(self):
        self.policy('version: 1\nrules:\n  - {name: "a\\e[31mb\\rc", anonymous: true}\n'
                    'tests:\n  - {action: "x\\e[1m", resource: "/\\n", expect: 401}\n')
        for done in (self.explain("GET", "/%c2%b5", {"role": "\u009b1m\x1b"}), assay("policy", "test", self.path("policy.yaml"))):
            self.assertTrue(all(char == "\n" or char >= " " and not "\x7f" <= char < "\xa0" for char in done.out + done.err), done)


class Usage(PolicyTest):
    def test_2_is_wrong_usage(self):
        policy = self.policy(POLICY)
        for arguments, *words in [
                ([], "policy test FILE"), (["tset"], "did you mean 'policy test'?"), (["xyzzy"], "policy explain FILE"),
                (["test"], "FILE is needed"), (["test", policy, "x"], "unexpected argument 'x'"),
                (["test", policy, "--confg", "x"], "did you mean --config?"),
                (["--bogus"], "--bogus"), (["explain", policy], "--action and --resource"),
                (["explain", policy, "--action", "a"], "--resource"), (["explain", policy, "--claims"], "--claims JSON")]:
            self.assertDone(2, assay("policy", *arguments), *words)
        self.assertEqual(set(assay("policy", "tset", "--json").json()), {"error", "message"})

    def test_help_and_version(self):
        done = assay("policy", "--help")
        self.assertDone(0, done, "Usage: assay policy test FILE", "Usage: assay policy explain FILE", "--claims JSON", "--config FILE")
        self.assertDone(0, assay("policy", "explain", "--help"), "Usage: assay policy explain FILE")
        self.assertEqual(assay("policy", "--version").out, assay("--version").out)

    def test_what_could_not_be_written_is_no_yes(self):
        policy = self.policy(POLICY + EXAMPLES)
        for arguments in (["test", policy], ["test", policy, "--json"], ["explain", policy, "--action", "GET", "--resource", "/health"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([ASSAY, "policy", *arguments], stdout=full, stderr=subprocess.PIPE, check=False)
            self.assertEqual((done.returncode, done.stderr), (2, b"assay: stdout: No space left on device\n"), arguments)


if __name__ == "__main__":
    unittest.main()
