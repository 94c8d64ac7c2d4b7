"""What a Server of tls.py can do with a request: valid answers, and every kind of bad answer.

Each function returns a Behaviour. Some take another Behaviour: bearer("t", slow(document(keys))).
"""
import email.utils
import gzip
import http
import itertools
import json
import zlib

MIB = 1024 * 1024


class Behaviour:
    """function(request, out) writes an answer: out.send(bytes), out.pause(seconds), out.wait_gone(), out.last()."""

    def __init__(self, function):
        self.function = function

    def send(self, request, out):
        self.function(request, out)


def encoded(body):
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def head(code, headers=(), version="HTTP/1.1"):
    """headers: a dict, or pairs where one comes twice."""
    try:
        reason = http.HTTPStatus(code).phrase
    except ValueError:
        reason = "Unheard Of"
    pairs = [("Date", email.utils.formatdate(usegmt=True)), *(headers.items() if isinstance(headers, dict) else headers)]
    return "".join([f"{version} {code} {reason}\r\n", *(f"{name}: {value}\r\n" for name, value in pairs), "\r\n"]).encode("latin-1")


def status(code, body=b"", headers=(), length=None, kind="text/plain"):
    """An answer with a body of the right length, or of the one that is given, which must be a lie."""
    body = encoded(body)
    bodyless = code in (204, 304) or code < 200

    def function(request, out):
        pairs = list(headers.items() if isinstance(headers, dict) else headers)
        if not bodyless:
            pairs += [("Content-Type", kind), ("Content-Length", len(body) if length is None else length)]
        out.send(head(code, pairs) + (b"" if bodyless or request.method == "HEAD" else body))
    return Behaviour(function)


def document(value, etag=None, max_age=None, headers=(), always=False):
    """JSON (or the text or bytes given) with 200, or 304 where the client has that ETag already; always: never 304."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    if etag is not None:
        pairs.append(("ETag", etag))
    if max_age is not None:
        pairs.append(("Cache-Control", f"max-age={max_age}"))
    whole, unchanged = status(200, value, pairs, kind="application/json"), status(304, b"", pairs)

    def function(request, out):
        known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
        (unchanged if etag is not None and etag in known and not always else whole).send(request, out)
    return Behaviour(function)


def in_turn(*behaviours):
    """One after the other, the last one for ever."""
    count = itertools.count()
    return Behaviour(lambda request, out: behaviours[min(next(count), len(behaviours) - 1)].send(request, out))


def changing(*values, etag='"same"'):
    """One after the other, the last one for ever, all with 200 under one ETag."""
    return in_turn(*(document(value, etag, always=True) for value in values))


def bearer(token, behaviour):
    """401 without the token. It may be a function, for one that changes."""
    refused = status(401, "who are you?", {"WWW-Authenticate": "Bearer"})

    def function(request, out):
        wanted = "Bearer " + (token() if callable(token) else token)
        (behaviour if request.headers.get("authorization") == wanted else refused).send(request, out)
    return Behaviour(function)


def no_keys(**how):
    return document({"keys": []}, **how)


def html(code=200):
    return status(code, "<!doctype html><title>Sign in</title><p>Please sign in.", kind="text/html; charset=utf-8")


def unavailable(body="try later", retry_after=None, code=503):
    return status(code, body, {} if retry_after is None else {"Retry-After": retry_after})


def redirect(location, code=302):
    """Where to, or a function of the request that says it."""
    def function(request, out):
        status(code, b"", {"Location": location(request) if callable(location) else location}).send(request, out)
    return Behaviour(function)


def redirect_loop(code=302):
    """To itself, each time under another query."""
    def location(request):
        path, _, number = request.path.partition("?")
        return f"{path}?{int(number or 0) + 1}"
    return redirect(location, code)


# --- what is slow, or never ends -------------------------------------------

class Trickle:
    """A connection to which every few bytes are written apart."""

    def __init__(self, out, every, size):
        self.out, self.every, self.size = out, every, size

    def __getattr__(self, name):
        return getattr(self.out, name)

    def send(self, data):
        for place in range(0, len(data), self.size):
            if not self.out.pause(self.every):
                raise ConnectionAbortedError("the server stops")
            self.out.send(data[place:place + self.size])


def slow(behaviour, every=0.05, size=1):
    """The same answer, headers and all, `size` bytes every `every` seconds."""
    return Behaviour(lambda request, out: behaviour.send(request, Trickle(out, every, size)))


def delayed(behaviour, seconds):
    """The same answer, that much later."""
    return Behaviour(lambda request, out: out.pause(seconds) and behaviour.send(request, out))


def silent(after=b""):
    """No answer, or only these bytes of one."""
    def function(_, out):
        if after:
            out.send(after)
        out.wait_gone()
    return Behaviour(function)


def endless(chunked=False, piece=b" " * 16384, every=0.0):
    """A body without an end. It starts as a key set would."""
    def function(_, out):
        out.send(head(200, {"Content-Type": "application/json", **({"Transfer-Encoding": "chunked"} if chunked else {})}))
        data = b'{"keys": ['
        while out.pause(every):
            out.send(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)
            data = piece
    return Behaviour(function)


def header_flood(lines=0, one=0, keys=None):
    """So many header lines, or one of that length, before a document."""
    pairs = [(f"X-Flood-{number}", "x" * 40) for number in range(lines)]
    return document({"keys": []} if keys is None else keys, headers=pairs + ([("X-Flood", "x" * one)] if one else []))


def endless_headers():
    def function(_, out):
        out.send(b"HTTP/1.1 200 OK\r\n")
        while out.pause(0):
            out.send(b"X-Flood: x\r\n" * 1000)
    return Behaviour(function)


# --- what is wrong ---------------------------------------------------------

def huge(size=2 * MIB, keys=b'{"keys": []}'):
    """A good document made long with white space."""
    return document(encoded(keys).ljust(size))


def raw(data, close=True):
    """These bytes."""
    def function(_, out):
        out.send(encoded(data))
        if close:
            out.last()
    return Behaviour(function)


def hang_up():
    """The connection is closed instead of an answer."""
    return raw(b"")


def truncated(value, missing=100):
    """Content-Length says more than comes before the connection is closed."""
    body = encoded(value)

    def function(request, out):
        status(200, body, length=len(body) + missing, kind="application/json").send(request, out)
        out.last()
    return Behaviour(function)


def http10(value, length=False):
    """HTTP/1.0; where the body ends, the connection does."""
    body = encoded(value)
    pairs = {"Content-Type": "application/json", **({"Content-Length": len(body)} if length else {})}
    return Behaviour(lambda request, out: raw(head(200, pairs, "HTTP/1.0") + body).send(request, out))


def chunked(value, size=100, trailer=b"\r\n", break_off=False):
    """Transfer-Encoding: chunked; break_off: the connection is closed before the last chunk."""
    body = encoded(value)
    parts = [body[place:place + size] for place in range(0, len(body), size)]
    text = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + (b"" if break_off else b"0\r\n" + trailer)
    pairs = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    return Behaviour(lambda request, out: raw(head(200, pairs) + text, close=break_off).send(request, out))


def gzipped(value):
    """Content-Encoding: gzip, whether it was asked for or not."""
    return document(gzip.compress(encoded(value)), headers={"Content-Encoding": "gzip"})


def gzip_bomb(size=256 * MIB):
    """A document of that size, in some hundred KiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b'{"keys": [')] + [packer.compress(b" " * MIB) for _ in range(size // MIB)]
    return document(b"".join(parts) + packer.flush(), headers={"Content-Encoding": "gzip"})
