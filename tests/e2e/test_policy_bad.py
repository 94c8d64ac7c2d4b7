"""A policy that is wrong is refused whole, and each fault is told with file, line, column and what to write instead."""
import json
import re
import signal
import time
import unittest

from agent import ISSUER, AssayTest, Key, check_config, key_set, patient, put_file, wait_for

OTHER = "https://other.example.com"
RULE = "version: 1\nrules:\n- name: r\n  "


def config(*issuers):
    return json.dumps({"policy": "policy.yaml", "issuers": [{"issuer": issuer, "keys": {"file": "keys.json"}, "audiences": ["orders"]}
                                                            for issuer in issuers or [ISSUER]]})


def check(policy, *issuers):
    """assayd --check. Exit code and what it said, in lines."""
    code, told, _ = check_config(config(*issuers), files={"keys.json": (KEYS, 0o600), "policy.yaml": (policy, 0o600)})
    return code, told.splitlines()


def bomb(levels, width):
    lines = ['a0: &a0 "x"']
    for level in range(1, levels):
        lines.append("a%d: &a%d [%s]" % (level, level, ",".join(["*a%d" % (level - 1)] * width)))
    return lines


KEYS = key_set(Key())

# The policy, where it is wrong, and words of what is said.
BAD = [
    # The whole file.
    ("", "1:1", "the file is empty"),
    ("# only this\n", "1:1", "the file is empty"),
    ("rules: []\n", "1:1", "`version` is missing"),
    ("version: 1\n", "1:1", "`rules` is missing"),
    ("version: 2\nrules: []\n", "1:10", "`version: 2` is not supported"),
    ("version: one\nrules: []\n", "1:10", "`version: one`"),
    ("version: [1]\nrules: []\n", "1:10", "expected a single value"),
    ("- version: 1\n", "1:1", "expected keys with values"),
    ("version: 1\nrules: []\n---\nversion: 1\nrules: []\n", "3:1", "a second YAML document"),
    ("version: 1\nrules: []\nversion: 1\n", "3:1", "`version` is given twice"),
    ("version: 1\nrules: [\n", None, "this is not valid YAML"),
    ("version: 1\n\trules: []\n", None, "this is not valid YAML"),
    ("version: 1\nrules: []\nx: \"\\0\"\n", "3:1", "unknown key `x`"),
    ("version: 1\nruels: []\nrules: []\n", "2:1", "unknown key `ruels`; did you mean `rules`?"),
    ("version: 1\nrules: []\ntest: []\n", "3:1", "unknown key `test`; did you mean `tests`?"),
    # Rules.
    ("version: 1\nrules: {}\n", "2:8", "expected a list"),
    ("version: 1\nrules: r\n", "2:8", "expected a list"),
    ("version: 1\nrules: [r]\n", "2:9", "expected keys with values"),
    ("version: 1\nrules:\n- resources: [/a]\n", "3:3", "`name` is missing"),
    ("version: 1\nrules: [{name: \"\"}]\n", "2:16", "the value is empty"),
    ("version: 1\nrules: [{name: [a]}]\n", "2:16", "expected a single value"),
    ("version: 1\nrules:\n- name: a\n- name: b\n- name: a\n", "5:3", "an earlier rule has the name `a`"),
    (RULE + "resource: [/a]\n", "4:3", "unknown key `resource`; did you mean `resources`?"),
    (RULE + "role: [a]\n", "4:3", "unknown key `role`; did you mean `roles`?"),
    (RULE + "anonymus: true\n", "4:3", "unknown key `anonymus`; did you mean `anonymous`?"),
    (RULE + "colour: red\n", "4:3", "unknown key `colour`"),
    (RULE + "roles: [a]\n  roles: [b]\n", "5:3", "`roles` is given twice"),
    (RULE + "effect: Deny\n", "4:11", "did you mean `deny`?"),
    (RULE + "effect: forbid\n", "4:11", "allow, deny"),
    (RULE + "mode: shadwo\n", "4:9", "did you mean `shadow`?"),
    (RULE + "anonymous: yes\n", "4:14", "`yes` is not a boolean; write true or false"),
    (RULE + "anonymous: \"true\"\n", "4:14", "is not a boolean"),
    # Lists.
    (RULE + "roles: []\n", "4:10", "the list is empty"),
    (RULE + "scopes: []\n", "4:11", "the list is empty"),
    (RULE + "actions: []\n", "4:12", "the list is empty"),
    (RULE + "resources: []\n", "4:14", "the list is empty"),
    (RULE + "issuers: []\n", "4:12", "the list is empty"),
    (RULE + "roles: admin\n", "4:10", "expected a list"),
    (RULE + "roles:\n", "4:9", "expected a list"),
    (RULE + "actions: {GET: true}\n", "4:12", "expected a list"),
    (RULE + "actions: [GET, \"\"]\n", "4:18", "this entry is empty"),
    (RULE + "actions: [GET, PUT, GET]\n", "4:23", "`GET` is given twice"),
    (RULE + "roles: [[a]]\n", "4:11", "expected a single value"),
    (RULE + "scopes: [{a: b}]\n", "4:12", "expected a single value"),
    (RULE + "scopes: [\"a\\0b\"]\n", "4:12", "NUL"),
    # Patterns.
    (RULE + "resources: [a]\n", "4:14", "`a` is not a pattern: a pattern must begin with `/`"),
    (RULE + "resources: [/a/**/b]\n", "4:14", "`**` is allowed only at the end"),
    (RULE + "resources: [/a/b*]\n", "4:14", "must be whole segments"),
    (RULE + "resources: [/a/***]\n", "4:14", "must be whole segments"),
    (RULE + "resources: [\"/a/x{sub}\"]\n", "4:14", "must be whole segments"),
    (RULE + "resources: [\"/a/{}\"]\n", "4:14", "must be whole segments"),
    (RULE + "resources: [\"/a/{sub}{tenant}\"]\n", "4:14", "must be whole segments"),
    (RULE + "resources: [\"/a/{sub\"]\n", "4:14", "must be whole segments"),
    (RULE + "resources: [/a/../b]\n", "4:14", "must not have a `.` or `..` segment"),
    (RULE + "resources: [/./a]\n", "4:14", "must not have a `.` or `..` segment"),
    (RULE + "resources: [/a//b]\n", "4:14", "must not have an empty segment"),
    (RULE + "resources: [/a/]\n", "4:14", "or a slash at its end"),
    (RULE + "resources: [/a%2fb]\n", "4:14", "`encoded_slash: keep`"),
    (RULE + "resources: [\"/a?b\"]\n", "4:14", "a character that no resource can have"),
    (RULE + "resources: [\"/a;b\"]\n", "4:14", "`semicolon: keep`"),
    (RULE + "resources: ['/a\\b']\n", "4:14", "a character that no resource can have"),
    (RULE + "resources: [\"/a\\tb\"]\n", "4:14", "a character that no resource can have"),
    (RULE + "resources: [\"/\\x85\"]\n", "4:14", "control characters"),
    (RULE + "resources: [/" + "a" * 4096 + "]\n", "4:14", "at most 4096 bytes"),
    # Claims.
    (RULE + "claims: {}\n", "4:11", "no claim"),
    (RULE + "claims: [a]\n", "4:11", "expected claims and their values"),
    (RULE + "claims: {a: []}\n", "4:15", "no value"),
    (RULE + "claims: {a: {b: c}}\n", "4:15", "expected"),
    (RULE + "claims: {a: b, a: c}\n", "4:18", "the claim `a` is given twice"),
    (RULE + "claims: {/a~2: b}\n", "4:12", "neither a claim name nor a JSON pointer"),
    (RULE + "claims: {\"\": b}\n", "4:12", "neither a claim name nor a JSON pointer"),
    # What contradicts itself.
    (RULE + "anonymous: true\n  roles: [a]\n", "3:3", "an anonymous rule cannot have conditions on a token"),
    (RULE + "anonymous: true\n  scopes: [a]\n", "3:3", "an anonymous rule cannot have conditions on a token"),
    (RULE + "anonymous: true\n  claims: {a: b}\n", "3:3", "an anonymous rule cannot have conditions on a token"),
    (RULE + "anonymous: true\n  issuers: [\"%s\"]\n" % ISSUER, "3:3", "an anonymous rule cannot have conditions on a token"),
    (RULE + "anonymous: true\n  resources: [\"/{sub}\"]\n", "3:3", "an anonymous rule cannot have conditions on a token"),
    (RULE + "anonymous: true\n  effect: deny\n", "3:3", "a deny rule cannot be anonymous"),
    # Roles.
    ("version: 1\nroles: [a]\nrules: []\n", "2:8", "expected roles and the roles that each contains"),
    ("version: 1\nroles: {a: [a]}\nrules: []\n", "2:12", "the role `a` contains itself"),
    ("version: 1\nroles: {a: [b], b: [a]}\nrules: []\n", "2:8", "contains itself through other roles"),
    ("version: 1\nroles: {x: [a], a: [b], b: [c, d], d: [], c: [a]}\nrules: []\n", "2:8", "contains itself through other roles"),
    ("version: 1\nroles:\n  a: [b]\n  a: [c]\nrules: []\n", "4:3", "the role `a` is given twice"),
    ("version: 1\nroles: {a: b}\nrules: []\n", "2:12", "expected a list"),
    ("version: 1\nroles: {a: [b, b]}\nrules: []\n", "2:16", "`b` is given twice"),
    ("version: 1\nroles: {\"\": [b]}\nrules: []\n", "2:9", "the role's name is empty"),
    # Issuers.
    (RULE + "issuers: [https://auth.exmaple.com]\n", "4:12", "is not configured; did you mean https://auth.example.com"),
    (RULE + "issuers: [\"https://auth.example.com/\"]\n", "4:12", "is not configured; did you mean https://auth.example.com"),
    (RULE + "issuers: [https://elsewhere]\n", "4:12", "the issuer `https://elsewhere` is not configured"),
    # Tests.
    ("version: 1\nrules: []\ntests: {}\n", "3:8", "expected a list"),
    ("version: 1\nrules: []\ntests: [{action: GET, resource: /, expect: 200}]\n", "3:44", "allow, 401, 403"),
    ("version: 1\nrules: []\ntests: [{action: GET, resource: /}]\n", "3:9", "`expect` is missing"),
    ("version: 1\nrules: []\ntests: [{action: GET, expect: allow}]\n", "3:9", "`resource` is missing"),
    ("version: 1\nrules: []\ntests: [{resource: /, expect: allow}]\n", "3:9", "`action` is missing"),
    ("version: 1\nrules: []\ntests: [{claims: [], action: GET, resource: /, expect: 401}]\n", "3:18", "expected the claims of a token"),
    ("version: 1\nrules: []\ntests: [{claims: {a: b, a: c}, action: GET, resource: /, expect: 401}]\n", "3:25", "twice"),
    ("version: 1\nrules: []\ntests: [{claims: {a: %s1%s}, action: GET, resource: /, expect: 401}]\n" % ("[" * 16, "]" * 16), None, "nested deeper than"),
    ("version: 1\nrules: []\ntests: [{claim: {}, action: GET, resource: /, expect: 401}]\n", "3:10", "did you mean `claims`?"),
    # Values that no claim can be compared with.
    (RULE + "claims: {deleted: null}\n", "4:21", "cannot be required to be null"),
    (RULE + "claims: {deleted: }\n", "4:21", "cannot be required to be null"),
    (RULE + "claims: {account: 9007199254740993}\n", "4:21", "of 2^53 and above"),
    # Anchors, aliases.
    ("version: 1\nrules:\n- {name: a, roles: &x [u]}\n- {name: b, roles: *x}\n", "4:20", "alias"),
    ("version: 1\nrules: [&x {name: a}, *x]\n", "2:23", "alias"),
    ("version: 1\nrules: &x [*x]\n", "2:12", "alias"),
    ("&x version: 1\nrules: [{name: *x}]\n", "2:16", "alias"),
    ("version: 1\nrules: []\ntests: [{claims: &x {a: *x}, action: GET, resource: /, expect: 401}]\n", "3:25", "alias"),
]


class BadPolicy(AssayTest):
    def test_each_is_refused_at_its_place(self):
        for policy, place, words in BAD:
            with self.subTest(policy[:200]):
                code, told = check(policy)
                self.assertNotEqual(code, 0)
                where = re.escape("policy.yaml:" + place) if place else r"policy\.yaml:\d+:\d+"
                self.assertTrue(any(re.match(where + ": ", line) and words in line for line in told), "\n".join(told))

    def test_all_are_told_at_once(self):
        code, told = check("version: 3\nruls: []\nrules:\n- name: a\n  roles: []\n- name: a\n  x: 1\n")
        self.assertNotEqual(code, 0)
        self.assertEqual(sorted(line.split(": ")[0] for line in told if line.startswith("policy.yaml:")),
                         ["policy.yaml:1:10", "policy.yaml:2:1", "policy.yaml:5:10", "policy.yaml:6:3", "policy.yaml:7:3"])

    def test_bombs_are_refused_quickly(self):
        laughs = "\n".join(bomb(9, 9))
        wide = ",".join("a%d" % i for i in range(200000))
        for policy in ("version: 1\nrules: []\n" + laughs + "\n",
                       "version: 1\nrules: []\ntests:\n- action: GET\n  resource: /\n  expect: '401'\n  claims:\n    " + "\n    ".join(bomb(15, 9)) + "\n",
                       "version: 1\nrules:\n- &r {name: a, actions: [%s]}\n%s" % (wide, "- *r\n" * 30000),
                       "version: 1\nrules: " + "[" * 100000,
                       "version: 1\nrules: " + "[" * 5000 + "]" * 5000 + "\n",
                       "version: 1\nrules: []\nx: " + "{a: " * 5000 + "1" + "}" * 5000 + "\n"):
            with self.subTest(policy[:60]):
                start = patient()
                code, told = check(policy)
                self.assertNotEqual(code, 0)
                self.assertTrue(told[0].startswith("policy.yaml:"), told)
                self.assertLess(patient() - start, 10)

    def test_a_large_file(self):
        code, told = check("version: 1\nrules: []\n" + "# ten megabytes\n" * 655360)
        self.assertNotEqual(code, 0)
        self.assertRegex(told[0], r"^policy\.yaml: .*4194304 bytes")

    def test_it_cannot_be_read(self):
        code, told, _ = check_config(config(), files={"keys.json": (KEYS, 0o600)})
        self.assertNotEqual(code, 0)
        self.assertIn("No such file", told)

    def test_issuers_must_be_named_where_two_are_configured(self):
        code, told = check(RULE + "roles: [a]\n", ISSUER, OTHER)
        self.assertNotEqual(code, 0)
        self.assertRegex(told[0], r"^policy\.yaml:3:3: `issuers` is missing; 2 issuers are configured")
        for fine in ("anonymous: true\n", "effect: deny\n", "effect: deny\n  roles: [a]\n", "issuers: [\"%s\"]\n" % OTHER,
                     "issuers: [\"%s\", \"%s\"]\n" % (OTHER, ISSUER)):
            self.assertEqual(check(RULE + fine, ISSUER, OTHER)[0], 0, fine)
        self.assertNotEqual(check(RULE + "mode: shadow\n", ISSUER, OTHER)[0], 0)
        self.assertEqual(check(RULE + "roles: [a]\n", ISSUER)[0], 0)

    def test_an_unknown_role_is_a_warning(self):
        for roles, words in (("{admin: [manager], manager: [user]}", "`mangaer` is not listed under `roles`; did you mean `manager`?"),
                             ("{}", "`mangaer` is not listed under `roles`")):
            code, told = check("version: 1\nroles: %s\nrules:\n- {name: r, resources: [/a], roles: [mangaer]}\n" % roles)
            self.assertEqual(code, 0)
            self.assertEqual(len(told), 1)
            self.assertRegex(told[0], r"^policy\.yaml:4:3: .*" + re.escape(words))
        self.assertEqual(check("version: 1\nrules:\n- {name: r, roles: [mangaer]}\n"), (0, []))   # there is no list to compare it with

    def test_an_audience_that_is_not_configured(self):
        code, told = check(RULE + "audiences: [order]\n")
        self.assertNotEqual(code, 0)
        self.assertRegex(told[0], r"^policy\.yaml:4:14: the audience `order` is not configured for any issuer; did you mean `orders`\?")
        self.assertEqual(check(RULE + "audiences: [orders]\n"), (0, []))
        code, told = check(RULE + "audiences: [orders]\n  anonymous: true\n")
        self.assertRegex(told[0], "an anonymous rule cannot have conditions on a token")

    def test_a_deny_inside_a_wider_allow_is_a_warning(self):
        """It is compared byte for byte, and the allow lets every other spelling in."""
        wide = "version: 1\nrules:\n- {name: all, resources: [%s]%s}\n- {name: not, effect: deny, resources: [%s]%s}\n"
        for allow, deny in (("/**", "/admin"), ("/**", "/admin/**"), ("/a/**", "/a/secret"), ("/a/*", "/a/secret"), ("/*/x", "/a/x"), ('"/{sub}/x"', "/a/x"),
                            ("/a/**", "/a/*/x"), ("/b, /a/**", "/c, /a/b"), ("/u/*/x", '"/u/{sub}/x"')):
            code, told = check(wide % (allow, "", deny, ""))
            self.assertEqual((code, len(told)), (0, 1), (allow, deny))
            self.assertRegex(told[0], r"^policy\.yaml:4:3: this deny rule covers a part of what `all` allows.*narrow the allow rule instead, or write `case_insensitive: true` \(a warning\)")
        self.assertEqual(len(check("version: 1\nrules:\n- {name: all}\n- {name: not, effect: deny, resources: [/a]}\n")[1]), 1)
        self.assertEqual(len(check(wide % ("/**", ", actions: [GET]", "/a", ", actions: [GET, PUT]"))[1]), 1)
        for allow, deny in (("/a", "/a"), ("/a/**", "/b/c"), ("/a/**", "/a"), ("/a/**", "/a/**"), ("/a/*", "/a/b/c"), ("/*/x", "/a/y"), ("/a/*", "/a/*"),
                            ("/a/b", "/a/*"), ("/a", "/**"), ('"/u/{sub}/x"', '"/u/{sub}/x"')):
            self.assertEqual(check(wide % (allow, "", deny, "")), (0, []), (allow, deny))
        for more in ((", mode: shadow", ""), ("", ", mode: shadow"), (", actions: [GET]", ", actions: [PUT]"), (", effect: deny", "")):
            self.assertEqual(check(wide % ("/**", more[0], "/a", more[1])), (0, []), more)

    def test_several_audiences_behind_one_gateway_are_a_warning(self):
        def told(policy, audiences=("orders", "returns"), **settings):
            whole = {"policy": "policy.yaml", "issuers": [{"issuer": ISSUER, "keys": {"file": "keys.json"}, "audiences": list(audiences)}], **settings}
            code, said, _ = check_config(json.dumps(whole), files={"keys.json": (KEYS, 0o600), "policy.yaml": (policy, 0o600)})
            self.assertEqual(code, 0, said)
            return said.splitlines()
        http = {"listen": "unix:/run/assay/http.sock"}
        rules = "version: 1\nrules:\n- {name: a, resources: [/a]}\n- {name: b, resources: [/b]}\n"
        said = told(rules, http=http)
        self.assertEqual(len(said), 1)
        self.assertRegex(said[0], r"^policy\.yaml:3:3: behind a gateway this rule accepts tokens for any audience of https://.*\(`orders`, `returns`\), "
                                  r"and so does another rule; restrict it with `audiences: \[orders\]` \(a warning\)")
        self.assertEqual(told(rules), [])                                  # no gateway
        self.assertEqual(told(rules, ["orders"], http=http), [])           # one audience
        for fine in (rules.replace("]}", "], audiences: [orders]}"), rules.replace("]}", "], anonymous: true}"), rules.replace("]}", "], effect: deny}")):
            self.assertEqual(told(fine, http=http), [])
        one, both = {"name": "gateway", "uid": 33, "methods": ["authorize"], "audiences": ["orders"]}, {"name": "gateway", "uid": 33, "methods": ["authorize"]}
        self.assertEqual(told(rules, http=http, peers=[one, {"name": "admin", "uid": 0, "methods": ["admin"]}]), [])
        self.assertEqual(len(told(rules, http=http, peers=[both])), 1)
        port = {"listen": "127.0.0.1:8181", "peer": "gateway"}
        other = {"name": "other", "uid": 34, "methods": ["authorize"]}
        self.assertEqual(told(rules, http=port, peers=[one, other]), [])
        self.assertEqual(len(told(rules, http=port, peers=[both, {**other, "audiences": ["orders"]}])), 1)

    def test_a_good_one_is_fine(self):
        self.assertEqual(check("""version: 1
roles:
  admin: [manager]
  manager: [user]
rules:
- {name: a, effect: allow, mode: enforce, issuers: [%s], actions: [GET], resources: ["/a/*/{sub}/**"], roles: [admin], scopes: [x]}
- {name: b, resources: [/, /**], claims: {type: service, n: [1, -2.5e3], /a/b~0c: true}}
- {name: c, effect: deny, claims: {status: suspended}}
- {name: d, resources: [/health], anonymous: true}
tests:
- {claims: {sub: x, roles: [admin], deep: {er: [1, null, true]}}, action: GET, resource: /a, expect: 403}
- {action: GET, resource: /a, expect: 401}
- {action: GET, resource: /health, expect: allow}
""" % ISSUER), (0, []))


class Reload(AssayTest):
    def test_a_bad_one_is_refused_whole_and_the_old_one_goes_on(self):
        key = Key()
        agent = self.prepare(keys=[key])
        path = agent.path("policy.yaml")
        put_file(path, "version: 1\nrules: [{name: old, resources: [/old]}]\n")
        agent.configure(policy=path)
        agent.start()
        token = key.token()
        for reload in ("signal", "method"):
            put_file(path, "version: 1\nrules:\n- {name: new, resources: [/new]}\n- {name: worse, resuorces: [/]}\n")
            size = len(agent.log())
            if reload == "signal":
                agent.process.send_signal(signal.SIGHUP)
                wait_for("it was refused", lambda: agent.call("status")["reload_error"] and "configuration refused" in agent.log()[size:])
            else:
                answer = agent.call("reload")
                self.assertIs(answer["reloaded"], False)
                self.assertRegex(answer["faults"][0], r"policy\.yaml:4:17: unknown key `resuorces`; did you mean `resources`\?")
            self.assertIn("policy.yaml:4:17", agent.log()[size:])
            self.assertIn("policy.yaml:4:17", agent.call("status")["reload_error"])
            self.assertEqual(agent.call("authorize", token=token, action="GET", resource="/old")["rule"], "old")
            self.assertEqual(agent.call("authorize", token=token, action="GET", resource="/new")["reason"], "no_rule")
        put_file(path, "version: 1\nrules: [{name: new, resources: [/new]}]\n")
        self.assertEqual(agent.call("reload"), {"reloaded": True, "faults": []})
        self.assertIsNone(agent.call("status")["reload_error"])
        self.assertEqual(agent.call("authorize", token=token, action="GET", resource="/new")["rule"], "new")

    def test_a_bad_configuration_keeps_the_old_policy(self):
        key = Key()
        agent = self.prepare(keys=[key])
        path, other = agent.path("policy.yaml"), agent.path("other.yaml")
        put_file(path, "version: 1\nrules: [{name: old, resources: [/old]}]\n")
        put_file(other, "version: 1\nrules: [{name: new, resources: [/old]}]\n")
        agent.configure(policy=path)
        agent.start()
        for bad in ({"policy": other, "cache": {"size": "1"}}, {"policy": agent.path("none.yaml")}, {"policy": agent.folder}):
            agent.configure(**bad)
            self.assertIs(agent.call("reload")["reloaded"], False)
            self.assertEqual(agent.call("authorize", token=key.token(), action="GET", resource="/old")["rule"], "old")
        agent.configure(policy=other)
        self.assertIs(agent.call("reload")["reloaded"], True)
        self.assertEqual(agent.call("authorize", token=key.token(), action="GET", resource="/old")["rule"], "new")

    def test_it_does_not_start_with_a_bad_one(self):
        agent = self.prepare(keys=[Key()])
        put_file(agent.path("policy.yaml"), "version: 1\n")
        agent.configure(policy=agent.path("policy.yaml"))
        agent.launch()
        self.assertNotEqual(agent.wait_exit(), 0)
        self.assertIn("policy.yaml:1:1: `rules` is missing", agent.log())


if __name__ == "__main__":
    unittest.main()
