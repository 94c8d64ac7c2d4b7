"""What can be read of a damaged store is carried over into a new one, and what is lost is said."""
import json
import os
import random
import subprocess

from agent import ASSAYD, ISSUER, AssayTest, Key

WORDS = 4000


class Salvage(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.prepare(keys=[self.key])
        self.new = self.agent.path("new")
        with open(self.agent.path("feed"), "w", encoding="utf-8") as file:
            for i in range(WORDS):
                file.write(json.dumps({"iss": ISSUER, "jti": f"j{i}"}) + "\n")
            file.write("not a line\n")
        self.configure_feed()
        self.agent.start()
        self.agent.call("revoke", sub="bob", before=4000000000)
        self.agent.call("revoke", kid="gone")
        self.agent.call("revoke", jti="taken back")
        self.agent.call("unrevoke", jti="taken back")
        self.agent.stop()
        self.agent.configure() # without the feed: what it said must come out of the store

    def configure_feed(self):
        self.agent.configure(revocation={"feeds": [{"file": self.agent.path("feed")}]})

    def salvage(self, old=None, new=None):
        done = subprocess.run([ASSAYD, "--salvage", old or self.agent.state, new or self.new], capture_output=True, text=True, timeout=60,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def data(self):
        return os.path.join(self.agent.state, "data.mdb")

    def damage(self, change):
        with open(self.data(), "rb") as file:
            data = bytearray(file.read())
        change(data)
        with open(self.data(), "wb") as file:
            file.write(data)

    def start_on_new(self):
        self.agent.state = self.new
        self.agent.configure()
        return self.agent.start()

    def verdicts(self, jtis):
        with self.agent.connect() as client:
            return [client.verify(self.key.token(jti=j)) for j in jtis]

    def test_a_whole_store_comes_over_whole(self):
        code, said, _ = self.salvage()
        self.assertEqual(code, 0)
        self.assertIn(f"{WORDS + 2} revocations", said)
        self.assertIn("1 unreadable lines", said)
        self.assertIn("nothing is missing", said)
        self.start_on_new()
        self.assertEqual(self.verdicts(["j0", f"j{WORDS - 1}", "taken back", "free"]), ["revoked", "revoked", "accepted", "accepted"])
        self.assertEqual(self.agent.verify(self.key.token(sub="bob")), "revoked")
        counts = {(r["kind"], r["source"].split(":")[0]): r["count"] for r in self.agent.call("revocations")["revocations"]}
        self.assertEqual(counts, {("jti", "file"): WORDS, ("sub", "operators"): 1, ("kid", "operators"): 1})
        self.assertEqual(self.agent.call("unrevoke", sub="bob"), {"held_by": []})
        self.agent.call("unrevoke", jti="j0", all_sources=True)
        self.configure_feed()
        self.agent.restart()
        self.assertEqual(self.verdicts(["j0"]), ["revoked"])    # feeds are read from their start

    def test_a_lost_index_costs_nothing(self):
        def lose(data):
            data[0:8192] = bytes(8192) # both meta pages
        self.damage(lose)
        self.agent.launch()
        self.assertEqual(self.agent.wait_exit(), 1)
        self.assertIn(f"assayd --salvage {self.agent.state} NEW", self.agent.log())
        code, said, words = self.salvage()
        self.assertEqual((code, words), (0, ""))
        self.assertIn(f"{WORDS + 2} revocations", said)
        self.start_on_new()
        self.assertEqual(set(self.verdicts([f"j{i}" for i in range(0, WORDS, 97)])), {"revoked"})

    def test_what_is_lost_is_said_and_the_rest_stands(self):
        rng = random.Random(5)

        def lose(data):
            for page in range(2, len(data) // 4096):
                if rng.random() < 0.3:
                    data[page * 4096:page * 4096 + 4096] = rng.randbytes(4096)
        self.damage(lose)
        code, said, words = self.salvage()
        self.assertEqual(code, 1, said)
        self.assertRegex(words, r"about [0-9.]+ % of all revocations are lost.*assay revoke --all --before")
        self.start_on_new()
        found = self.verdicts([f"j{i}" for i in range(WORDS)]).count("revoked")
        carried = int(said.split(": ")[1].split(" ")[0])
        self.assertGreater(found, WORDS // 3)
        self.assertLessEqual(abs(carried - found), 3)

    def test_it_refuses_what_makes_no_sense(self):
        self.assertEqual(self.salvage(old=self.agent.path("nothing"))[0], 2)
        self.assertEqual(self.salvage(new=self.agent.state)[0], 2)
        with open(self.agent.path("keys/data.mdb"), "wb") as file:
            file.write(bytes(100000))
        code, _, words = self.salvage(old=self.agent.path("keys"))
        self.assertEqual(code, 2)
        self.assertIn("nothing that this version", words)
        self.agent.start()
        code, _, words = self.salvage()
        self.assertEqual(code, 2)
        self.assertIn("stop it first", words)
        done = subprocess.run([ASSAYD, "--salvage", "one"], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--salvage needs", done.stderr)
