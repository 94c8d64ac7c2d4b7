"""libassay with the real agent: what a verdict has after authorize, many checks at once, time for one call, and why nothing was decided."""
import ctypes
import os
import signal
import time
import unittest

from agent import ASAN, BUILD, ISSUER, AssayTest, Key, patient, put_file, wait_for
from library import decided

POLICY = """version: 1
rules:
- {name: orders, actions: [GET], resources: ["/orders/**"], roles: [user]}
- {name: health, resources: [/health], anonymous: true}
"""
VERIFY, AUTHORIZE, CLAIMS = 1, 2, 4
YES, REFUSED, ARGUMENT, UNREACHABLE, TIMEOUT, NO_CLAIM, FORBIDDEN, RATE_LIMITED = 0, -1, -2, -3, -4, -8, -103, -104


class Check(ctypes.Structure):
    _fields_ = [("action", ctypes.c_char_p), ("resource", ctypes.c_char_p)]


class Question(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("token", ctypes.c_char_p), ("token_bytes", ctypes.c_size_t), ("audience", ctypes.c_char_p),
                ("action", ctypes.c_char_p), ("resource", ctypes.c_char_p), ("checks", ctypes.POINTER(Check)),
                ("check_count", ctypes.c_size_t), ("what", ctypes.c_uint), ("timeout_ms", ctypes.c_uint)]


class Verdict:
    """What a verdict says, taken out of it."""

    def __init__(self, lib, status, pointer):
        def text(name, *more):
            function = getattr(lib, "assay_verdict_" + name)
            function.restype = ctypes.c_char_p
            found = function(pointer, *more)
            return None if found is None else found.decode()

        def texts(name):
            found = []
            while (one := text(name, ctypes.c_size_t(len(found)))) is not None:
                found.append(one)
            return found

        lib.assay_verdict_expires_at.restype = ctypes.c_int64
        lib.assay_verdict_ok.restype = ctypes.c_bool
        lib.assay_verdict_check.restype = ctypes.c_void_p
        self.status, self.ok = status, lib.assay_verdict_ok(pointer)
        self.http_status, self.errno = lib.assay_verdict_http_status(pointer), lib.assay_verdict_errno(pointer)
        self.reason, self.text, self.rule, self.issuer, self.subject = (text(name) for name in ("reason", "text", "rule", "issuer", "subject"))
        self.expires_at, self.roles, self.scopes = lib.assay_verdict_expires_at(pointer), texts("role"), texts("scope")
        claims = ctypes.c_char_p()
        self.claims_status = lib.assay_verdict_claim_json(pointer, b"", ctypes.byref(claims))
        self.claims = claims.value.decode() if self.claims_status == 0 else None
        self.checks = []
        while (one := lib.assay_verdict_check(pointer, ctypes.c_size_t(len(self.checks)))) is not None:
            self.checks.append(Verdict(lib, None, ctypes.c_void_p(one)))


class Handle:
    def __init__(self, path):
        self.lib = ctypes.CDLL(os.path.join(BUILD, "client", "libassay.so.0"))
        self.handle = ctypes.c_void_p()
        assert self.lib.assay_open(ctypes.byref(self.handle), path.encode(), None) == 0

    def ask(self, token, what, action=None, resource=None, checks=(), timeout_ms=0, audience=None):
        array = (Check * max(1, len(checks)))(*[Check(one.encode(), other.encode()) for one, other in checks])
        question = Question(ctypes.sizeof(Question), token.encode() if token else None, len(token or ""), audience,
                            action.encode() if action else None, resource.encode() if resource else None,
                            array if checks else None, len(checks), what, timeout_ms)
        pointer = ctypes.c_void_p()
        status = self.lib.assay_ask(self.handle, ctypes.byref(question), ctypes.byref(pointer))
        verdict = Verdict(self.lib, status, pointer)
        self.lib.assay_verdict_free(pointer)
        return verdict

    def close(self):
        self.lib.assay_close(self.handle)


@unittest.skipIf(ASAN, "a library with a sanitizer does not load into Python")
class LibraryTest(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        put_file(self.agent.path("policy.yaml"), POLICY)
        self.agent.configure(policy=self.agent.path("policy.yaml"))
        self.agent.start()
        self.handle = Handle(self.agent.socket)
        self.addCleanup(self.handle.close)

    def test_what_the_token_says_after_authorize(self):
        exp = int(time.time()) + 600
        token = self.key.token(role="user", scope="read write", exp=exp)
        for _ in range(3):   # asked, and cached
            verdict = self.handle.ask(token, AUTHORIZE, "GET", "/orders/1")
            self.assertEqual((verdict.status, verdict.ok, verdict.rule, verdict.issuer, verdict.subject, verdict.expires_at),
                             (YES, True, "orders", ISSUER, "alice", exp))
            self.assertEqual((verdict.roles, verdict.scopes, verdict.claims_status), (["user"], ["read", "write"], NO_CLAIM))
        denied = self.handle.ask(token, AUTHORIZE, "PUT", "/orders/1")
        self.assertEqual((denied.status, denied.ok, denied.http_status, denied.issuer), (REFUSED, False, 403, ISSUER))
        public = self.handle.ask("no.good.token", AUTHORIZE, "GET", "/health")
        self.assertEqual((public.status, public.rule, public.issuer, public.subject, public.expires_at, public.roles, public.scopes),
                         (YES, "health", None, None, 0, [], []))

    def test_claims_are_remembered_for_whom_they_were_asked(self):
        """In whatever order: an answer without claims is never given to somebody who wants them."""
        tokens = [self.key.token(role="user", n=i, email="a@example.com") for i in range(4)]
        for i, token in enumerate(tokens):
            for what in ([AUTHORIZE, AUTHORIZE | CLAIMS] if i % 2 else [AUTHORIZE | CLAIMS, AUTHORIZE]) * 4:
                verdict = self.handle.ask(token, what, "GET", "/orders/1")
                self.assertEqual(verdict.status, YES)
                self.assertEqual(verdict.claims_status, YES if what & CLAIMS else NO_CLAIM)
                self.assertEqual("a@example.com" in (verdict.claims or ""), bool(what & CLAIMS))
        def asked_in_vain():
            before = decided(self.agent)
            for what in (AUTHORIZE, AUTHORIZE | CLAIMS):
                self.assertEqual(self.handle.ask(tokens[0], what, "GET", "/orders/1").status, YES)
            return decided(self.agent) > before
        wait_for("both are cached", lambda: not asked_in_vain())
        self.agent.call("revoke", token=tokens[0])
        for what in (AUTHORIZE, AUTHORIZE | CLAIMS):
            self.assertEqual(self.handle.ask(tokens[0], what, "GET", "/orders/1").reason, "revoked")

    def test_many_checks(self):
        token = self.key.token(role="user")
        checks = [("GET", "/orders/1"), ("PUT", "/orders/1"), ("GET", "/health"), ("GET", "/a;b")]
        verdict = self.handle.ask(token, AUTHORIZE | CLAIMS, checks=checks)
        self.assertEqual((verdict.status, verdict.http_status, verdict.reason), (REFUSED, 403, "no_rule"))
        self.assertEqual([(one.ok, one.http_status, one.rule, one.reason) for one in verdict.checks],
                         [(True, 200, "orders", None), (False, 403, None, "no_rule"), (True, 200, "health", None), (False, 403, None, "bad_resource")])
        self.assertEqual({one.subject for one in verdict.checks} | {verdict.subject}, {"alice"})
        self.assertIn('"role":"user"', verdict.claims)
        allowed = self.handle.ask(token, AUTHORIZE, checks=checks[::2])
        self.assertEqual((allowed.status, allowed.http_status, len(allowed.checks)), (YES, 200, 2))
        most = self.handle.ask(token, AUTHORIZE, checks=[("GET", f"/orders/{i}") for i in range(256)])
        self.assertEqual((most.status, len(most.checks)), (YES, 256))
        self.assertEqual(self.handle.ask(token, AUTHORIZE, checks=checks[:1] * 257).status, ARGUMENT)
        for bad in ("rubbish", "x" * 30000, None):
            verdict = self.handle.ask(bad, AUTHORIZE, checks=checks)
            self.assertEqual([one.http_status for one in verdict.checks], [401, 401, 200, 403])
        self.agent.call("revoke", token=token)
        self.assertEqual(self.handle.ask(token, AUTHORIZE, checks=checks[:1]).checks[0].reason, "revoked")

    def test_one_call_in_a_hurry(self):
        token = self.key.token()
        self.assertEqual(self.handle.ask(token, VERIFY).status, YES)
        os.kill(self.agent.process.pid, signal.SIGSTOP)
        try:
            start = patient()
            for i in range(3):
                verdict = self.handle.ask(self.key.token(n=i), VERIFY, timeout_ms=100)
                self.assertEqual((verdict.status, verdict.ok, verdict.http_status, verdict.reason), (TIMEOUT, False, 503, "timeout"))
            self.assertLess(patient() - start, 3)
        finally:
            os.kill(self.agent.process.pid, signal.SIGCONT)
        self.assertEqual(self.handle.ask(self.key.token(n=9), VERIFY, timeout_ms=2**32 - 1).status, YES)

    def test_what_is_undecided_says_why(self):
        nobody = Handle(self.agent.path("nobody"))
        self.addCleanup(nobody.close)
        verdict = nobody.ask("t", VERIFY)
        self.assertEqual((verdict.status, verdict.errno, verdict.http_status, verdict.reason), (UNREACHABLE, 2, 503, "unreachable"))
        self.assertIn(self.agent.path("nobody"), verdict.text)
        verdict = self.handle.ask("t", AUTHORIZE, "GET")
        self.assertEqual((verdict.status, verdict.reason, verdict.text), (ARGUMENT, "argument", "the resource is NULL"))
        self.agent.configure(policy=self.agent.path("policy.yaml"), peers=[{"name": "me", "uid": os.getuid(), "methods": ["authorize"], "rate": "1/m"}])
        self.assertEqual(self.agent.call("reload"), {"reloaded": True, "faults": []})
        verdict = self.handle.ask(self.key.token(n=7), VERIFY)
        self.assertEqual((verdict.status, verdict.http_status, verdict.reason, verdict.ok), (FORBIDDEN, 503, "forbidden", False))
        self.assertTrue(verdict.text.startswith("forbidden: "), verdict.text)
        self.assertIn("verify", verdict.text)
        limited = [self.handle.ask(self.key.token(n=i), AUTHORIZE, "GET", "/orders/1") for i in range(3)][-1]
        self.assertEqual((limited.status, limited.http_status, limited.reason, limited.ok), (RATE_LIMITED, 429, "rate_limited", False))


if __name__ == "__main__":
    unittest.main()
