"""libassay and the agent beside a simple model, while the wall clock runs, leaps, and is set back: hours go by in seconds, tokens begin and
end, and whatever is cached, the library says what the model says.

The model does not know to the millisecond what time it is, nor always what times the agent has seen. It asks itself at both ends of what it
knows, and where that makes a difference an answer may be either."""
import json
import os
import random
import unittest

from agent import ASAN, ISSUER, LONG, AssayTest, Key, WireError, put_file
from library import CLOCK_UNTRUSTED, NO, YES, Apart, WallClock, decided

STEPS = 1_000_000 if LONG else 100_000
RESTARTS = 50 if LONG else 5
MARGIN = 2  # seconds; rounding, and what a call takes
BACK_MAX = 300
TOKENS = 14
SUBJECTS = 3
POLICY = "version: 1\nrules:\n  - {name: read, actions: [GET], roles: [user]}\n"


class Token:
    def __init__(self, rand, key, number, now):
        now = int(now)
        self.jti, self.sub = f"j{number}", f"s{number % SUBJECTS}"
        self.iat = rand.choice([None] + [now - rand.randrange(120)] * 8 + [now + rand.randrange(20, 300)])
        self.nbf = rand.choice([None] * 5 + [now - 5, now + rand.randrange(5, 60), now + rand.randrange(60, 400)])
        latest = max(now, self.iat or 0, self.nbf or 0)
        self.exp = latest + rand.choice([rand.randrange(30, 90), rand.randrange(90, 600), rand.randrange(600, 4000)])
        self.text = key.token(jti=self.jti, sub=self.sub, iat=self.iat, nbf=self.nbf, exp=self.exp, roles=["user"])

    def begin(self, leeway):
        return max(self.iat or 0, self.nbf or 0) - leeway

    def __repr__(self):
        return json.dumps({name: value for name, value in vars(self).items() if name != "text"})


class Model:
    """What must be true. `seen` and `perhaps`: the agent has seen at least this time, and no later one than that."""

    def __init__(self, now):
        self.seen = self.perhaps = now
        self.has_looked = True  # since the clock was moved last
        self.leeway = 30
        self.jtis, self.until = set(), {}

    def is_good(self, token, now):
        return (token.begin(self.leeway) <= now < token.exp + self.leeway and token.jti not in self.jtis and
                (token.sub not in self.until or token.iat is not None and token.iat > self.until[token.sub]))

    def answers(self, token, first, last):
        """All that may be said between these times."""
        times = (first - MARGIN, last + MARGIN)
        behind = {now < highest - BACK_MAX for now in times for highest in (self.seen, self.perhaps)}
        good = {YES if self.is_good(token, now) else NO for now in times}
        if behind == {True} and self.has_looked:
            return {CLOCK_UNTRUSTED}
        return good | {CLOCK_UNTRUSTED} if True in behind else good  # cached results hold until the agent's heart beats

    def may_be_behind(self, now):
        return now - MARGIN < self.perhaps - BACK_MAX

    def looked(self, now):
        self.seen, self.perhaps, self.has_looked = max(self.seen, now), max(self.perhaps, now), True


@unittest.skipIf(ASAN or os.environ.get("ASSAY_NO_FAKETIME"), "the sanitizers' libraries and others before them do not get along")
class AtAnyTime(AssayTest):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("ASSAY_SEED", random.randrange(1 << 30)))
        self.random = random.Random(self.seed)
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.clock = WallClock(self.agent.path("clock"))
        self.agent.environment = self.clock.environment
        put_file(self.agent.path("policy.yaml"), POLICY)
        self.model = Model(self.clock.now())
        self.configure()
        self.agent.start()
        self.library = Apart(self.agent)
        self.addCleanup(self.library.close)
        self.issued = self.looks = self.of_earlier_runs = 0
        self.for_ever = self.key.token(iat=None, exp=int(self.clock.now()) + 10_000_000)
        self.tokens = [self.issue() for _ in range(TOKENS)]
        self.counts = {YES: 0, NO: 0, CLOCK_UNTRUSTED: 0, "either": 0}

    def configure(self):
        self.agent.configure([self.agent.issuer(leeway=f"{self.model.leeway}s")], policy=self.agent.path("policy.yaml"))

    def issue(self):
        self.issued += 1
        return Token(self.random, self.key, self.issued, self.clock.now())

    # --- what may happen between two questions ---

    def look(self):
        """The agent is asked, so that it knows what time it is."""
        self.looks += 1
        before = self.clock.now()
        try:
            self.agent.verify(self.for_ever)
        except WireError as error:
            self.assertEqual(error.name, "clock_untrusted")
            self.assertTrue(self.model.may_be_behind(before), f"ASSAY_SEED={self.seed}: {error.text}")
        self.model.looked(before)

    def move(self, seconds):
        if self.random.random() < 0.8:
            self.look()
        self.model.perhaps = max(self.model.perhaps, self.clock.now())
        self.clock.move(seconds)
        self.model.has_looked = False
        if self.random.random() < 0.8:
            self.look()

    def advance(self):
        self.move(self.random.uniform(0.5, 20))

    def leap(self):
        self.move(self.random.choice([self.random.uniform(20, 300)] * 9 + [self.random.uniform(300, 4000)]))

    def set_back(self):
        self.move(-self.random.uniform(1, 240))

    def set_back_too_far(self):
        self.move(-self.random.uniform(BACK_MAX + 3, 4000))

    def catch_up(self):
        self.move(max(self.model.perhaps - self.clock.now() + self.random.uniform(-BACK_MAX + 5, 20), 1))

    def accept_clock(self):
        self.reload(accept_clock=True)
        self.model.seen = self.model.perhaps = self.clock.now()
        self.model.has_looked = True

    def reload(self, **how):
        self.assertEqual(self.agent.call("reload", **how), {"reloaded": True, "faults": []})

    def set_leeway(self):
        self.model.leeway = self.random.randrange(60)
        self.configure()
        self.reload()

    def revoke(self):
        token = self.random.choice(self.tokens)
        self.agent.call("revoke", iss=ISSUER, jti=token.jti)
        self.model.jtis.add(token.jti)

    def revoke_subject(self):
        sub, before = f"s{self.random.randrange(SUBJECTS)}", int(self.clock.now()) + self.random.randrange(-60, 10)
        self.agent.call("revoke", iss=ISSUER, sub=sub, before=before)
        self.model.until[sub] = max(self.model.until.get(sub, 0), before)

    def unrevoke(self):
        for token in self.tokens:
            if token.jti in self.model.jtis:
                self.agent.call("unrevoke", iss=ISSUER, jti=token.jti)
                self.model.jtis.remove(token.jti)
        for sub, before in self.model.until.items():
            self.agent.call("unrevoke", iss=ISSUER, sub=sub, before=before)
        self.model.until = {}

    def restart(self):
        self.of_earlier_runs += decided(self.agent)
        self.agent.restart()

    EVENTS = ([advance] * 45 + [leap] * 15 + [set_back] * 12 + [set_back_too_far] * 3 + [revoke] * 5 + [revoke_subject] * 2 +
              [unrevoke] * 5) * 4 + [reload, set_leeway] # which wait for half a second each

    def let_something_happen(self):
        now = self.clock.now()
        for i, token in enumerate(self.tokens):
            if not token.begin(400) < now < token.exp + 60 and self.random.random() < 0.5:
                self.model.jtis.discard(token.jti)
                self.tokens[i] = self.issue()
        if self.model.may_be_behind(now) and self.random.random() < 0.4:
            self.random.choice([self.catch_up, self.accept_clock])()
        else:
            self.random.choice(self.EVENTS)(self)

    # --- the questions ---

    def ask(self, count):
        tokens = [self.random.choice(self.tokens) for _ in range(count)]
        first = self.clock.now()
        statuses = self.library.ask(*[self.random.choice("va") + token.text for token in tokens])
        last = self.clock.now()
        self.model.perhaps = max(self.model.perhaps, last)
        for token, status in zip(tokens, statuses, strict=True):
            answers = self.model.answers(token, first, last)
            self.counts[status if len(answers) == 1 else "either"] += 1
            if status not in answers:
                self.fail(f"ASSAY_SEED={self.seed}, after {sum(self.counts.values())} questions: {status} where {answers} is right, at "
                          f"{first}, of {token}; {vars(self.model)}")

    def test_no_time_makes_a_difference(self):
        restarts = sorted(self.random.sample(range(STEPS), RESTARTS))
        asked = 0
        while asked < STEPS:
            count = self.random.randrange(10, 60)
            self.ask(count)
            asked += count
            if restarts and asked >= restarts[0]:
                restarts.pop(0)
                self.restart()
            else:
                self.let_something_happen()
        remembered = asked - (self.of_earlier_runs + decided(self.agent) - self.looks)
        self.assertGreater(self.counts[YES], asked // 4)
        self.assertGreater(self.counts[NO], asked // 10)
        self.assertGreater(self.counts[CLOCK_UNTRUSTED], asked // 100)
        self.assertLess(self.counts["either"], asked // 10)
        self.assertGreater(remembered, asked // 10)


if __name__ == "__main__":
    unittest.main()
