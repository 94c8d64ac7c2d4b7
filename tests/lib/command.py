"""Runs the command `assay`, and checks what holds for every run; also a fake agent for it."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading

import msgpack

from agent import ASSAY, AssayTest, Key, put_file


class Done:
    """What a run of `assay` left: its exit code, and what it wrote."""

    def __init__(self, code, out, err):
        self.code, self.raw_out, self.raw_err = code, out, err
        self.out, self.err = (text.decode("utf-8", "surrogateescape") for text in (out, err))

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out[:2000]}\n--- stderr\n{self.err[:2000]}"

    def json(self):
        return json.loads(self.out)


def assay(*arguments, at=None, given=b"", program=ASSAY, **how):
    """Runs it, with the agent's socket in $ASSAY_SOCKET. It must not crash, whatever it is given."""
    environment = dict(os.environ, ASSAY_SOCKET=at or "/nonexistent/s")
    given = given if isinstance(given, bytes) else given.encode()
    run = subprocess.run([program, *arguments], input=given, capture_output=True, env=environment, timeout=30, check=False, **how)
    done = Done(run.returncode, run.stdout, run.stderr)
    if run.returncode not in (0, 1, 2, 3) or b"Sanitizer" in run.stderr or b"runtime error" in run.stderr:
        raise AssertionError(f"{arguments[:4]}: {done}")
    return done


def copy_for_all(folder):
    """The program where other users reach it too: the build folder may be in a home."""
    os.chmod(folder, 0o755)
    return shutil.copy(ASSAY, os.path.join(folder, "assay"))


class Impostor:
    """Listens where an agent would, and answers a request with what `answer(msgid, method)` returns: bytes, or None for silence."""

    def __init__(self, answer, folder=None):
        self.answer, self.folder = answer, folder or tempfile.mkdtemp(prefix="assay-impostor-")
        self.path = os.path.join(self.folder, "s")
        self.kept = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.socket.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.kept.append(connection)
            try:
                self.converse(connection)
            except OSError:
                pass        # whoever asked is gone

    def converse(self, connection):
        unpacker = msgpack.Unpacker(raw=True)
        unpacker.feed(connection.recv(65536))
        for request in unpacker:
            answer = self.answer(request[1], request[2].decode())
            if answer is not None:
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        for one in [self.socket, *self.kept]:
            one.close()
        os.unlink(self.path)
        os.rmdir(self.folder)


def saying(result=None, error=None):
    """An answer in the agent's own form."""
    return lambda msgid, method: msgpack.packb([1, msgid, error, result])


class CommandTest(AssayTest):
    """A key, a folder, and what every run of a command must look like."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="assay-commands-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.key = Key()

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, text, mode=0o600):
        put_file(self.path(name), text, mode)
        return self.path(name)

    def assertDone(self, code, done, *words):
        self.assertEqual(done.code, code, done)
        for word in words:
            self.assertIn(word, done.out if code == 0 else done.err, done)
        if code >= 2:
            self.assertEqual(done.out, "", done)
        if code == 0:
            self.assertEqual(done.err, "", done)
        else:
            self.assertRegex(done.err, r"(?m)\Aassay: [^\n]+\n\Z", done)
