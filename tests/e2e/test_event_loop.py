"""The library in programs that have an event loop of their own: client/examples, against a real agent."""
import os
import signal
import subprocess
import threading
import time
import unittest

from agent import BUILD, AssayTest, Key, wait_for

EXAMPLES = [os.path.join(BUILD, "tests", "example_" + name) for name in ("epoll", "uv")]
TIMEOUT = "undecided: the agent did not answer in time"


class Program:
    """An example that runs: tokens go in by lines, and its answers are there as they come."""

    def __init__(self, path, agent):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                        env=dict(os.environ, ASSAY_SOCKET=agent.socket))
        self.asked, self.answers, self.twice = 0, {}, []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            number, _, answer = line.rstrip("\n").partition(" ")
            if int(number) in self.answers:
                self.twice.append(line)
            self.answers[int(number)] = answer

    def ask(self, *tokens):
        """The numbers that their answers will have."""
        self.process.stdin.write("".join(token + "\n" for token in tokens))
        self.process.stdin.flush()
        self.asked += len(tokens)
        return range(self.asked - len(tokens) + 1, self.asked + 1)

    def wait(self, numbers, seconds=20):
        wait_for("all are answered", lambda: all(number in self.answers for number in numbers), seconds)
        return [self.answers[number] for number in numbers]

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(20)
        self.reader.join(20)
        self.process.stdout.close()
        return code


class EventLoop(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.start(keys=[self.key])

    def programs(self):
        for path in EXAMPLES:
            with self.subTest(program=os.path.basename(path)):
                program = Program(path, self.agent)
                try:
                    yield program
                    self.assertEqual(program.end(), 0)
                    self.assertEqual(program.twice, [])
                    self.assertEqual(len(program.answers), program.asked)
                finally:
                    program.process.kill()
                    program.process.wait()

    def tokens(self, count, first=0):
        return [self.key.token(sub=f"user{i}") for i in range(first, first + count)]

    def accepted(self):
        return self.agent.call("status")["counters"]["accepted"]

    def test_what_is_known_is_not_asked_and_a_revocation_counts_at_once(self):
        for number, program in enumerate(self.programs()):
            token = self.key.token(jti=f"known{number}")

            def is_known():
                """The first answers come before the page, whose arrival nothing tells."""
                before = self.accepted()
                self.assertEqual(program.wait(program.ask(token)), ["yes: alice"])
                return self.accepted() == before
            wait_for("it is known", is_known)
            before = self.accepted()
            for _ in range(50):
                self.assertEqual(program.wait(program.ask(token)), ["yes: alice"])
            self.assertLess(self.accepted() - before, 10)  # each processor that it runs on asks once
            self.agent.call("revoke", jti=f"known{number}")
            self.assertEqual(program.wait(program.ask(token)), ["no: revoked"])

    def test_each_token_has_its_answer(self):
        self.agent.call("revoke", jti="gone")
        now = int(time.time())
        tokens = [self.key.token(), self.key.token(exp=now - 1000, iat=now - 2000), self.key.token(jti="gone"), "x", "y" * 64000,
                  self.key.token(aud="others"), Key().token()]
        for program in self.programs():
            answers = program.wait(program.ask(*tokens))
            self.assertEqual(answers, ["yes: alice", "no: expired", "no: revoked", "no: malformed", "no: too_large",
                                       "no: wrong_audience", "no: bad_signature"])

    def test_hundreds_at_a_time(self):
        tokens = self.tokens(700)
        for program in self.programs():
            for _ in range(3):
                answers = program.wait(program.ask(*tokens))
                self.assertEqual(answers, [f"yes: user{i}" for i in range(700)])
            program.ask(*tokens)    # and its input ends while they are on their way

    def test_a_revocation_holds_for_the_next_question(self):
        token = self.key.token(jti="j")
        for program in self.programs():
            self.assertEqual(program.wait(program.ask(token)), ["yes: alice"])
            self.agent.call("revoke", jti="j")
            self.assertEqual(program.wait(program.ask(token)), ["no: revoked"])
            self.agent.call("unrevoke", jti="j")

    def test_an_agent_that_is_killed_and_started_again(self):
        tokens = self.tokens(300)
        unreachable = "undecided: the agent cannot be reached; is assayd running, and is this its socket?"
        for program in self.programs():
            self.assertEqual(program.wait(program.ask(*tokens)), [f"yes: user{i}" for i in range(300)])
            for _ in range(3):
                numbers = program.ask(*tokens)
                self.agent.kill()
                for i, answer in enumerate(program.wait(numbers)):
                    self.assertIn(answer, (f"yes: user{i}", unreachable))
                self.assertEqual(program.wait(program.ask(self.key.token(sub="never seen"))), [unreachable])
                self.agent.start()
                self.assertEqual(program.wait(program.ask(*tokens)), [f"yes: user{i}" for i in range(300)])

    def test_an_agent_that_is_replaced(self):
        """Between two questions: nobody notices."""
        for program in self.programs():
            self.assertEqual(program.wait(program.ask(self.key.token())), ["yes: alice"])
            self.agent.restart()
            self.assertEqual(program.wait(program.ask(self.key.token())), ["yes: alice"])

    def test_an_agent_that_is_stopped(self):
        tokens, others = self.tokens(100), self.tokens(400, 1000)
        for program in self.programs():
            self.assertEqual(program.wait(program.ask(*tokens)), [f"yes: user{i}" for i in range(100)])
            self.agent.process.send_signal(signal.SIGSTOP)
            try:
                begin = time.monotonic()
                late = program.ask(*others)
                self.assertEqual(set(program.wait(late)), {TIMEOUT})
                self.assertGreater(time.monotonic() - begin, 1.9)
                self.assertLess(time.monotonic() - begin, 8)
                second = program.ask(*tokens)    # behind those that nobody waits for any more
            finally:
                self.agent.process.send_signal(signal.SIGCONT)
            self.assertEqual(program.wait(second), [f"yes: user{i}" for i in range(100)])
            self.assertEqual({program.answers[number] for number in late}, {TIMEOUT})


if __name__ == "__main__":
    unittest.main()
