"""A day of an agent: started, asked everything that it can be asked, told to revoke and to reload, given other keys, stopped.

One call somewhere in it fails. Where that shows, the agent may refuse to start and say so, answer with an error, or close the connection,
and asked again it must do what was asked. Nowhere may it end, hang, lose what it answered, or say yes to what is no. To add something to
the day, write a method step_N_what: the steps run in the order of their names."""
import json
import shutil
import signal
import socket
import subprocess
import time

import agent as e2e
from agent import Agent, Key, WireError, put_file
from http_client import Http

import table as tables

SECONDS = 8           # a call, or a start, that takes longer hangs
TRIES = 4             # a failure can show up more than once, while it is being dealt with
UNDECIDED = {"internal", "overloaded"}
with open(e2e.ASSAYD, "rb") as program:
    HAS_HTTP = b"/ext_authz/" in program.read()
SANITIZER_SIGNS = ("ERROR: AddressSanitizer", "runtime error", "ERROR: LeakSanitizer")
NO = "refused"

POLICY = """
version: 1
roles: {admin: [user]}
rules:
  - {name: own, actions: [GET], resources: ["/users/{sub}/orders"], roles: [user], issuers: ["https://auth.example.com"]}
  - {name: admin, resources: ["/admin/**"], roles: [admin], scopes: [all], issuers: ["https://auth.example.com"]}
  - {name: anybody, actions: [GET], resources: [/products], anonymous: true}
tests:
  - {action: GET, resource: /products, expect: allow}
"""


class Problem(Exception):
    """What must never happen."""


class Ended(Exception):
    """The agent has ended, and has said why: whoever watches over it starts it again, on the same state."""


class Materials:
    """Keys and tokens, which are the same in every run."""

    def __init__(self):
        self.keys = [Key(alg, alg) for alg in ("RS256", "ES256", "ES384", "EdDSA")]
        self.secret, self.pem, self.later = Key("HS256", "hs"), Key("ES256", "pem"), Key("ES256", "later")
        rsa = self.keys[0]
        others = {"iss": "https://secret.example.com"}, {"iss": "https://pem.example.com"}
        self.good = [key.token(jti=f"good-{key.alg}", role="user") for key in self.keys]
        self.good += [self.secret.token(jti="good-hs", **others[0]), self.pem.token(jti="good-pem", **others[1])]
        wrong = [key.token(jti=f"bad-{key.alg}") for key in (Key("RS256", "RS256", Key.make("RS256")), Key("ES256", "ES256"),
                                                             Key("EdDSA", "EdDSA"), Key("HS256", "hs"))]
        wrong[3] = Key("HS256", "hs").token(**others[0])
        self.bad = [(token, "bad_signature") for token in wrong]
        self.bad += [(rsa.token(exp=int(time.time()) - 1000), "expired"), (rsa.token(aud="else"), "wrong_audience"),
                     (rsa.token(iss="https://nobody.example.com"), "unknown_issuer"),
                     (rsa.token(header={"kid": "nobody"}), "unknown_key"), ("a.b", "malformed"),
                     (rsa.token(header={"alg": "none"}), "unsupported_algorithm"), (rsa.token(nbf=2 ** 33), "not_yet_valid")]
        self.revoked = {name: rsa.token(jti=name, sub=f"sub-{name}") for name in ("one", "two", "three", "four", "five")}
        self.fed = {name: rsa.token(jti=name) for name in ("fed-before", "fed-later")}
        self.by_kid = self.later.token(jti="kid")
        self.user = rsa.token(jti="user", role="user", scope="some")


class Day:
    """One run. `fault`: what is to fail; None: nothing does, and the places are counted."""

    def __init__(self, materials, shim, fault=None):
        self.m = materials
        self.fault = fault
        self.agent = Agent(keys=materials.keys)
        self.table = tables.Table(self.agent.path("table"))
        self.outcome, self.held, self.free, self.step = "unnoticed", set(), set(), ""
        put_file(self.agent.path("keys/secret.json"), e2e.key_set(materials.secret))
        put_file(self.agent.path("keys/key.pem"), materials.pem.pem())
        put_file(self.agent.path("policy.yaml"), POLICY)
        self.feed = self.agent.path("revoked.ndjson")
        self.say("fed-before")
        http = {"http": {"listen": "unix:" + self.agent.path("http")}} if HAS_HTTP else {}
        self.agent.configure(self.issuers(), policy=self.agent.path("policy.yaml"), revocation={"feeds": [{"file": self.feed}]}, **http)
        self.agent.environment = {
            "LD_PRELOAD": shim, "ASSAY_FAULT_TABLE": self.table.path,
            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=1:allocator_may_return_null=1", **({"ASSAY_FAULT": fault} if fault else {})}
        self.client = None

    def say(self, jti):
        """A line of the feed."""
        with open(self.feed, "a", encoding="utf-8") as file:
            file.write(json.dumps({"iss": e2e.ISSUER, "jti": jti}) + "\n")

    def issuers(self):
        agent = self.agent
        return [agent.issuer(),
                agent.issuer("https://secret.example.com", agent.path("keys/secret.json"), algorithms=["HS256"]),
                {**agent.issuer("https://pem.example.com"), "keys": {"file": agent.path("keys/key.pem"), "kid": "pem"}}]

    # --- one question ------------------------------------------------------

    def failed(self):
        return self.table[tables.FAILED] > 0

    def note(self, outcome):
        if not self.failed():
            raise Problem(f"{outcome} although nothing had failed yet")
        self.outcome = outcome

    def ended(self):
        if self.agent.process.poll() is not None:
            if self.failed() and self.agent.process.returncode == 1 and self.agent.log().endswith("out of memory\n"):
                raise Ended
            raise Problem(f"the agent ended with {self.agent.process.returncode}: {self.agent.log()[-300:]}")

    def ask_once(self, method, params):
        """The result, or None: an error was answered, or the connection closed."""
        self.ended()
        try:
            if self.client is None:
                self.client = self.agent.connect()
                self.client.socket.settimeout(SECONDS)
            return self.client.call(method, **params)
        except WireError as error:
            if error.name not in UNDECIDED:
                raise Problem(f"{method}: {error.text}") from None
            self.note("error answered")
        except socket.timeout:
            raise Problem(f"{method}: no answer in {SECONDS} s") from None
        except (OSError, EOFError):
            try:
                self.agent.process.wait(0.05 if self.failed() else 1)
            except subprocess.TimeoutExpired:
                pass
            self.ended()
            self.note("connection closed")
        if self.outcome == "connection closed" and self.client is not None:
            self.client.close()
            self.client = None
        return None

    def ask(self, method, **params):
        for _ in range(TRIES):
            result = self.ask_once(method, params)
            if result is not None:
                return result
        raise Problem(f"{method}: fails again and again after one failure")

    def reload(self):
        for _ in range(TRIES):
            answer = self.ask("reload")
            if answer["reloaded"] is True:
                return
            if not answer["faults"]:
                raise Problem("reload: refused, and no word why")
            self.note("error answered")
        raise Problem(f"reload: fails again and again after one failure: {answer}")

    def verify(self, token, expected):
        """A token in force is accepted or undecided, one that is not is refused for its own reason or undecided."""
        answer = self.ask("verify", token=token)
        found = "accepted" if answer["active"] is True else answer["reason"]
        if found != expected:
            raise Problem(f"a token that is {expected} is answered {found}")

    def tokens(self):
        for token in self.m.good:
            self.verify(token, "accepted")
        for token, reason in self.m.bad:
            self.verify(token, reason)
        for name, token in self.m.revoked.items():
            self.verify(token, "revoked" if name in self.held else "accepted")
        self.verify(self.m.fed["fed-before"], "revoked")

    # --- the day -----------------------------------------------------------

    def run(self):
        """What came of it: an outcome; or Problem is raised."""
        try:
            if not self.start():
                return "refused to start"
            steps = sorted(name for name in dir(self) if name.startswith("step_"))
            for number, name in enumerate(steps, 1):
                self.step = name
                self.table[tables.STEP] = number
                getattr(self, name)()
            self.stop()
            if self.failed() or self.fault is None:
                self.restart()
            return self.outcome if self.failed() else "not reached"
        except Ended:
            self.restart(whole=False)
            return "ended with a word"
        finally:
            if self.client is not None:
                self.client.close()
            if self.agent.process is not None and self.agent.process.poll() is None:
                self.agent.kill()

    def forget(self):
        self.table.close()
        shutil.rmtree(self.agent.folder, ignore_errors=True)

    def look_at_log(self):
        log = self.agent.log()
        for sign in SANITIZER_SIGNS:
            if sign in log:
                raise Problem(log[log.index(sign):][:2500])

    def start(self):
        self.step = "start"
        self.agent.launch()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            if self.agent.process.poll() is not None:
                self.look_at_log()
                if self.agent.process.returncode not in (1, 2) or not self.agent.log().strip():
                    raise Problem(f"the agent ended with {self.agent.process.returncode}, and said: {self.agent.log()[-1500:]!r}")
                if not self.failed():
                    raise Problem(f"it does not start: {self.agent.log()}")
                return False
            try:
                with self.agent.connect() as client:
                    client.socket.settimeout(SECONDS)
                    if client.call("ping")["ready"] is True:
                        return True
            except (OSError, EOFError, WireError):
                pass
            time.sleep(0.002)
        raise Problem(f"not ready in {SECONDS} s, and did not end")

    def step_10_verify(self):
        self.tokens()

    def step_12_again_from_the_cache(self):
        self.tokens()

    def step_14_authorize(self):
        for resource, action, allow in (("/users/alice/orders", "GET", True), ("/users/bob/orders", "GET", False),
                                        ("/admin/x", "GET", False), ("/a/../admin/x", "GET", False), ("/products", "GET", True)):
            if self.ask("authorize", token=self.m.user, action=action, resource=resource)["allow"] is not allow:
                raise Problem(f"authorize {action} {resource}: not {allow}")
        if self.ask("authorize", token=self.m.bad[0][0], action="GET", resource="/users/alice/orders")["allow"] is not False:
            raise Problem("authorize with a bad token: yes")

    def http_once(self, requests):
        """What is answered to requests that are sent together, up to where one is undecided or the connection is closed."""
        answers = []
        try:
            with Http(self.agent.path("http"), SECONDS) as http:
                http.send("".join(requests))
                for _ in requests:
                    answers.append(http.receive())
                    if answers[-1].status == 503:
                        self.note("error answered")
                        return answers[:-1]
        except socket.timeout:
            raise Problem(f"HTTP: no answer in {SECONDS} s") from None
        except (OSError, EOFError):
            self.ended()
            self.note("connection closed")
        return answers

    def http(self, *questions):
        """Pairs of a request and what is right to say to it."""
        for _ in range(TRIES):
            answers = self.http_once([request for request, _ in questions])
            for answer, (request, right) in zip(answers, questions):
                if not right(answer):
                    raise Problem(f"HTTP: {request.splitlines()[0]}: {answer.status} {answer.headers} {answer.body}")
            if len(answers) == len(questions):
                return
        raise Problem("HTTP: fails again and again after one failure")

    def step_15_http(self):
        if not HAS_HTTP:
            return

        def gateway(token, resource):
            return (f"GET /auth HTTP/1.1\r\nHost: x\r\nX-Original-Method: GET\r\nX-Original-URI: {resource}\r\n"
                    f"Authorization: Bearer {token}\r\n\r\n")

        def post(path, kind, body):
            return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/{kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"

        fresh = [self.m.keys[i % 4].token(jti=f"http-{i}", role="user") for i in range(4)]
        own, others = "/users/alice/orders", "/users/bob/orders"
        self.http(*((gateway(token, own), lambda answer: answer.status == 200 and answer["X-User-Id"] == "alice") for token in [*fresh, self.m.user]))
        self.http((gateway(self.m.user, others), lambda answer: answer.status == 403),
                  (gateway(self.m.bad[0][0], own), lambda answer: answer.status == 401),
                  (gateway(self.m.bad[1][0], "/products"), lambda answer: answer.status == 200 and answer["X-User-Id"] == ""))
        self.http((post("/verify", "json", json.dumps({"token": self.m.user})), lambda answer: answer.json()["valid"] is True),
                  (post("/verify", "json", json.dumps({"token": self.m.bad[0][0]})), lambda answer: answer.json() == {"valid": False, "reason": self.m.bad[0][1]}),
                  (post("/introspect", "x-www-form-urlencoded", f"token={self.m.user}"), lambda answer: answer.json()["sub"] == "alice"),
                  ("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", lambda answer: answer.json()["ready"] is True))
        self.http((post("/verify", "json", " " * 60000), lambda answer: answer.status == 400))

    def revoke(self, name, **selector):
        self.ask("revoke", **selector)
        self.held.add(name)
        self.verify(self.m.revoked[name], "revoked")

    def step_20_revoke(self):
        self.revoke("one", jti="one", iss=e2e.ISSUER)

    def step_21_revoke_by_token(self):
        self.revoke("two", token=self.m.revoked["two"])

    def step_22_revoke_by_subject(self):
        self.revoke("three", sub="sub-three", before=int(time.time()), iss=e2e.ISSUER)

    def step_23_unrevoke(self):
        self.revoke("four", jti="four", iss=e2e.ISSUER)
        self.ask("unrevoke", jti="four", iss=e2e.ISSUER)
        self.held.discard("four")
        self.verify(self.m.revoked["four"], "accepted")

    def step_24_revoke_key(self):
        self.ask("revoke", kid="later", iss=e2e.ISSUER)

    def step_25_many_at_once(self):
        """In flight together: whatever is answered is answered for the right question."""
        waiting = {}
        try:
            with self.agent.connect() as client:
                client.socket.settimeout(SECONDS)
                for token, expected in [*self.m.bad, *((token, "accepted") for token in self.m.good)] * 2:
                    waiting[client.send("verify", token=token)] = expected
                waiting[client.send("revoke", jti="five", iss=e2e.ISSUER)] = "held"
                while waiting:
                    _, msgid, error, result = client.receive()
                    expected = waiting.pop(msgid)
                    if error is not None:
                        self.note("error answered")
                    elif expected == "held":
                        self.held.add("five")
                    elif ("accepted" if result["active"] is True else result["reason"]) != expected:
                        raise Problem(f"one of many: {expected} is answered {result}")
        except socket.timeout:
            raise Problem(f"{len(waiting)} of many answers did not come") from None
        except (OSError, EOFError):
            self.ended()
            self.note("connection closed")
        if "five" not in self.held:
            self.revoke("five", jti="five", iss=e2e.ISSUER)

    def step_30_look(self):
        self.ask("ping")
        self.ask("status")
        self.ask("revocations")
        if self.ask("revocations", jti="one", iss=e2e.ISSUER)["revoked"] is not True:
            raise Problem("revocations: not revoked")

    def step_40_reload(self):
        self.reload()
        self.tokens()

    def step_41_hangup(self):
        self.agent.process.send_signal(signal.SIGHUP)
        self.ask("ping")
        self.tokens()

    def until(self, what, condition):
        """Soon, or after a reload if something failed meanwhile, as the log or the status says."""
        end = time.monotonic() + SECONDS
        while not condition():
            if self.failed() and time.monotonic() > end - SECONDS + 0.5:
                self.reload()
                if not condition():
                    raise Problem(f"{what}: not even after a reload")
                self.outcome = "after a reload"
                return
            if time.monotonic() > end:
                raise Problem(f"{what}: never")
            time.sleep(0.004)

    def step_50_keys_replaced(self):
        put_file(self.agent.key_file, e2e.key_set(*self.m.keys, self.m.later, self.m.later.named("otherwise")))
        self.until("the new keys", lambda: self.answer(self.m.by_kid) != "unknown_key")
        self.verify(self.m.by_kid, "revoked")

    def answer(self, token):
        answer = self.ask("verify", token=token)
        return "accepted" if answer["active"] is True else answer["reason"]

    def step_51_bad_keys(self):
        """A broken file is told, and the old keys go on."""
        put_file(self.agent.key_file, "{}")
        self.until("the fault in the status", lambda: self.failed() or any(issuer["error"] for issuer in self.ask("status")["issuers"]))
        self.verify(self.m.good[0], "accepted")
        put_file(self.agent.key_file, e2e.key_set(*self.m.keys, self.m.later))

    def step_60_feed(self):
        """What a feed says counts soon; and for ever, once it has counted."""
        self.say("fed-later")
        self.until("the feed's line", lambda: self.answer(self.m.fed["fed-later"]) == "revoked")

    def step_90_all_is_well(self):
        self.reload()
        self.tokens()
        self.verify(self.m.by_kid, "revoked")

    def stop(self):
        self.step = "stop"
        self.table[tables.STEP] = 99
        self.agent.process.terminate()
        try:
            code = self.agent.process.wait(SECONDS + 10)
        except subprocess.TimeoutExpired:
            raise Problem("it does not stop") from None
        self.look_at_log()
        if code != 0:
            raise Problem(f"the agent ended with {code} after SIGTERM: {self.agent.log()[-1500:]}")

    def restart(self, whole=True):
        """Without faults: what was answered before is so now. Not whole: the day had not come to the key that was revoked."""
        self.step = "restart"
        self.table[tables.ARMED] = 0
        self.agent.environment = {"ASAN_OPTIONS": "detect_leaks=0"}
        if self.client is not None:
            self.client.close()
            self.client = None
        self.agent.start()
        self.tokens()
        if whole:
            self.verify(self.m.by_kid, "revoked")
            self.verify(self.m.fed["fed-later"], "revoked")
        self.agent.kill()
