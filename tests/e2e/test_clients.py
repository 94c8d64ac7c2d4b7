"""Clients that other people wrote for MessagePack-RPC can call the agent as it is."""
import json
import os
import shutil
import socket
import subprocess
import unittest

import msgpack

from agent import AssayTest, Key


def has_msgpack_for_node():
    node = shutil.which("node")
    if node is None:
        return None
    found = subprocess.run([node, "-e", "require('@msgpack/msgpack')"], capture_output=True, timeout=20, check=False)
    return node if found.returncode == 0 else None


class Clients(AssayTest):
    def setUp(self):
        super().setUp()
        self.key = Key()
        self.agent = self.start(keys=[self.key])
        self.token = self.key.token()

    def test_python_msgpack_streaming(self):
        """A plain Unpacker over the socket's file, fed by the library itself."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as plain:
            plain.settimeout(10)
            plain.connect(self.agent.socket)
            packer = msgpack.Packer()
            for i in range(20):
                plain.sendall(packer.pack([0, i, "verify", [{"token": self.token}]]))
            plain.shutdown(socket.SHUT_WR)
            with plain.makefile("rb") as stream:
                answers = {answer[1]: answer for answer in msgpack.Unpacker(stream)}
        self.assertEqual(sorted(answers), list(range(20)))
        for answer in answers.values():
            self.assertEqual((answer[0], answer[2], answer[3]["active"]), (1, None, True))

    def nvim(self, script):
        out = self.agent.path("out.json")
        program = self.agent.path("script.vim")
        with open(program, "w", encoding="utf-8") as file:
            file.write(f"let s:out = {{}}\nlet s:ch = sockconnect('pipe', '{self.agent.socket}', {{'rpc': v:true}})\n"
                       f"{script}\ncall writefile([json_encode(s:out)], '{out}')\nqa!\n")
        done = subprocess.run(["nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n", "-S", program], capture_output=True, timeout=30,
                              check=False, stdin=subprocess.DEVNULL, env={**os.environ, "HOME": self.agent.folder,
                                                                          "XDG_STATE_HOME": self.agent.folder})
        with open(out, encoding="utf-8") as file:
            return json.load(file), done.stderr.decode()

    @unittest.skipUnless(shutil.which("nvim"), "needs Neovim")
    def test_neovim(self):
        self.agent.call("revoke", jti="gone")
        revoked = self.key.token(jti="gone")
        out, said = self.nvim(f"""
let s:out.ping = rpcrequest(s:ch, 'ping', {{}})
let s:out.yes = rpcrequest(s:ch, 'verify', {{'token': '{self.token}'}})
let s:out.no = rpcrequest(s:ch, 'verify', {{'token': '{revoked}', 'audience': 'orders'}})
try
  call rpcrequest(s:ch, 'verify', {{'tokn': 'x'}})
catch
  let s:out.error = v:exception
endtry
try
  call rpcrequest(s:ch, 'nonsense', {{}})
catch
  let s:out.unknown = v:exception
endtry
let s:out.again = rpcrequest(s:ch, 'ping', {{}})
""")
        self.assertEqual(said.strip(), "")
        self.assertIs(out["ping"]["ready"], True)
        self.assertEqual(out["ping"], out["again"])
        self.assertIs(out["yes"]["active"], True)
        self.assertEqual(out["yes"]["claims"]["sub"], "alice")
        self.assertRegex(out["no"].pop("decision_id"), "^[0-9a-f]{12}-[0-9a-f]{12}$")
        self.assertEqual(out["no"], {"active": False, "reason": "revoked"})
        self.assertRegex(out["error"], "bad_request: unknown member `tokn`")      # the words themselves, not "unknown error"
        self.assertRegex(out["unknown"], "nonsense")    # Neovim knows texts of its own two numbers, 0 and 1, only

    @unittest.skipUnless(has_msgpack_for_node(), "needs Node.js with @msgpack/msgpack")
    def test_node_msgpack(self):
        program = """
const net = require('net'), {encode, decodeMultiStream} = require('@msgpack/msgpack');
const s = net.connect(process.argv[1]);
s.write(encode([0, 1, 'verify', [{token: process.argv[2]}]]));
s.write(encode([0, 2, 'verify', [{token: 'x'}]]));
(async () => { const out = {}; for await (const a of decodeMultiStream(s)) { out[a[1]] = a;
  if (Object.keys(out).length == 2) { console.log(JSON.stringify(out)); process.exit(0); } } })();
"""
        done = subprocess.run([has_msgpack_for_node(), "-e", program, self.agent.socket, self.token], capture_output=True, timeout=20,
                              check=True)
        out = json.loads(done.stdout)
        self.assertIs(out["1"][3]["active"], True)
        self.assertEqual(out["2"], [1, 2, None, {"active": False, "reason": "malformed"}])


if __name__ == "__main__":
    unittest.main()
