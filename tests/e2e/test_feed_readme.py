"""The guide on revocation, "Revocations for a fleet", verbatim: its configuration, its command, its nginx."""
import os
import re
import shlex
import shutil
import socket
import subprocess
import unittest

import yaml

from agent import ASSAY, AssayTest, Key, die_with_parent, running, wait_for
from redis_server import RedisServer, needs_redis
from test_feed_https import line
from tls import Authority

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


def blocks(language):
    with open(os.path.join(ROOT, "agent", "guide", "revocation.md"), encoding="utf-8") as file:
        section = file.read().split("## Revocations for a fleet\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.S)


class Guide(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()

    @needs_redis
    def test_one_command_refuses_a_token_at_two_agents(self):
        redis = RedisServer(self.prepare(keys=[self.key]).folder).start()
        self.addCleanup(redis.stop)
        agents = []
        for _ in range(2):
            agent = self.prepare(keys=[self.key])
            config = yaml.safe_load(blocks("yaml")[0].replace("redis://localhost:6379/0", redis.url + "/0"))
            config["issuers"][0]["keys"]["file"] = agent.key_file
            agent.configure(config["issuers"], revocation=config["revocation"])
            agents.append(agent.start())
        token, other = self.key.token(jti="some-id"), self.key.token(jti="another")
        self.assertEqual([agent.verify(token) for agent in agents], ["accepted"] * 2)
        command = shlex.split(blocks("shell")[0].replace("redis://localhost:6379/0", redis.url + "/0"))
        self.assertEqual(command[0], "assay")
        done = subprocess.run([ASSAY, *command[1:]], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        for agent in agents:
            wait_for("it is refused", lambda: agent.verify(token) == "revoked", 3)
            self.assertEqual(agent.verify(other), "accepted")

    @unittest.skipUnless(os.path.exists(NGINX), "needs nginx")
    def test_a_list_that_nginx_serves(self):
        agent = self.prepare(keys=[self.key])
        folder = agent.path("nginx")
        os.mkdir(folder)
        os.chmod(agent.folder, 0o755)
        authority = Authority(folder)
        certificate = authority.issue()
        listed = os.path.join(folder, "revoked.ndjson")
        self.write(listed, line(jti="a"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        location = blocks("nginx")[0].replace("/srv/assay/revoked.ndjson", listed)
        self.write(os.path.join(folder, "nginx.conf"), f"""
            daemon off; pid {folder}/pid; error_log {folder}/error.log; user root;
            events {{}}
            http {{
                access_log {folder}/access.log;
                client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4;
                scgi_temp_path {folder}/5;
                server {{
                    listen 127.0.0.1:{port} ssl; ssl_certificate {certificate.cert}; ssl_certificate_key {certificate.key};
                    {location}
                }}
            }}""")
        process = subprocess.Popen([NGINX, "-c", os.path.join(folder, "nginx.conf"), "-p", folder], preexec_fn=die_with_parent,
                                   stderr=subprocess.DEVNULL)
        running.append(process)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        feed = {"url": f"https://localhost:{port}/revocations", "ca_file": authority.ca, "interval": "1s"}
        agent.configure(revocation={"feeds": [feed]})
        agent.start()
        self.assertEqual([agent.verify(self.key.token(jti=j)) for j in "ab"], ["revoked", "accepted"])
        with open(listed, "a", encoding="utf-8") as file:
            file.write(line(jti="b"))
        wait_for("it is refused", lambda: agent.verify(self.key.token(jti="b")) == "revoked", 4)
        wait_for("an unchanged list costs a 304", lambda: " 304 " in self.read(os.path.join(folder, "access.log")), 4)

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()


if __name__ == "__main__":
    unittest.main()
