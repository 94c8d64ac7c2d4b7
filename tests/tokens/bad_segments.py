"""Faults of the outermost layer: size, the number of segments, base64url."""
from folders import bad, good
from forge import b64, claims, compact, find, header, sign, signed, signed_raw, signing_input, with_signature

MAX_BYTES = 16384


def of_length(total):
    """A good token of exactly so many bytes: an odd one out of kid-less header padding."""
    for odd in range(3):
        head = header("EdDSA", "ed-1", pad="x" * odd)
        shorter = len(signed(head, claims(pad=""), by="ed-1"))
        for extra in range((total - shorter) * 3 // 4 - 4, (total - shorter) * 3 // 4 + 5):
            token = signed(head, claims(pad="x" * extra), by="ed-1")
            if len(token) == total:
                return token
    raise RuntimeError("no such length")


def sizes():
    full = of_length(MAX_BYTES)
    bad("size-one-byte-too-many", "too_large", "a well signed token of 16385 bytes", of_length(MAX_BYTES + 1), full)
    bad("size-max-and-newline", "too_large", "16384 good bytes and a newline: size is judged before form",
        full + b"\n", full)
    bad("size-garbage", "too_large", "16385 bytes that are no token at all: size is judged first", b"!" * 16385)
    bad("size-dots-at-max", "malformed", "16384 dots: small enough, and no token", b"." * 16384)
    good("size-max", "exactly 16384 bytes, the most that is taken", full)


def segments():
    token = signed()
    h, p, s = token.split(b".")
    for name, about, bent in (
            ("segments-none", "nothing at all", b""),
            ("segments-one", "a header alone, no dot", h),
            ("segments-two", "no second dot: header and payload alone", h + b"." + p),
            ("segments-four", "a fourth segment behind a good token", token + b"." + s),
            ("segments-four-empty-last", "a dot behind a good token", token + b"."),
            ("segments-leading-dot", "a dot before a good token", b"." + token),
            ("segments-double-dot", "header and payload two dots apart", h + b".." + p + b"." + s),
            ("segments-empty-header", "the header is empty", b"." + p + b"." + s),
            ("segments-empty-payload", "the payload is empty, as with a detached one", h + b".." + s),
            ("segments-all-empty", "two dots and nothing else", b".."),
            ("segments-only-signature", "header and payload are both empty", b".." + s),
            ("segments-slash-for-dot", "slashes where the dots belong", token.replace(b".", b"/")),
            ("segments-json-serialization", "the JSON serialization of a JWS in place of the compact one",
             compact({"payload": p.decode(), "protected": h.decode(), "signature": s.decode()})),
            ("segments-bearer-prefix", "the word Bearer is still in front", b"Bearer " + token),
            ("segments-quoted", "the token in double quotes", b'"' + token + b'"'),
            ("segments-two-tokens", "two tokens with a comma between", token + b"," + token)):
        bad(name, "malformed", about, bent, token)
    jwe = b64(compact({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "rsa-1"}))
    bad("segments-five-jwe", "malformed", "an encrypted token (JWE) with its five segments",
        b".".join([jwe, b64(b"k" * 256), b64(b"i" * 12), b64(b"c" * 90), b64(b"t" * 16)]), token)
    bad("segments-empty-signature", "bad_signature", "a well formed token whose signature is empty",
        h + b"." + p + b".", token)


def around():
    token = signed()
    for name, about, bent in (
            ("around-leading-space", "a space in front of the token", b" " + token),
            ("around-trailing-space", "a space behind the token", token + b" "),
            ("around-leading-newline", "a newline in front of the token", b"\n" + token),
            ("around-trailing-newline", "a newline behind the token", token + b"\n"),
            ("around-trailing-crlf", "CR LF behind the token", token + b"\r\n"),
            ("around-leading-tab", "a tab in front of the token", b"\t" + token),
            ("around-trailing-nul", "a NUL behind the token", token + b"\0"),
            ("around-nul-and-more", "a NUL and another text behind the token", token + b"\0admin"),
            ("around-bom", "a byte order mark in front of the token", b"\xef\xbb\xbf" + token),
            ("around-trailing-equals", "an equals sign behind the token", token + b"=")):
        bad(name, "malformed", about, bent, token)


def padded(text, length):
    """Base64url of text with spaces behind it so that its length mod 4 is as wanted."""
    return find(lambda n: b64(text + b" " * n), lambda s: len(s) % 4 == length)


def spare(segment):
    """The same bytes with a bit set in the last letter that belongs to none."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return segment[:-1] + letters[letters.index(segment[-1:]) | 1:][:1]


def bends(segment):
    """Slug, words and the segment bent, for what is wrong in any of the three."""
    middle = len(segment) // 2
    front, back = segment[:middle], segment[middle:]
    yield "space-inside", "a space inside", front + b" " + back
    yield "newline-inside", "a newline inside", front + b"\n" + back
    yield "crlf-inside", "CR LF inside, as in MIME", front + b"\r\n" + back
    yield "tab-inside", "a tab inside", front + b"\t" + back
    yield "nul-inside", "a NUL inside", front + b"\0" + back
    yield "leading-space", "a space at its start", b" " + segment
    yield "trailing-newline", "a newline at its end", segment + b"\n"
    yield "non-ascii", "a Latin-1 letter inside", front + b"\xe9" + back[1:]
    yield "fullwidth", "a fullwidth letter inside (UTF-8)", front + "\uff21".encode() + back[1:]
    yield "percent", "a percent escape inside", front + b"%41" + back[1:]
    yield "question-mark", "a question mark inside, which some decoders skip", front + b"?" + back
    yield "comma", "a comma for a letter (the IMAP alphabet)", front + b"," + back[1:]
    yield "equals-inside", "an equals sign inside", front + b"=" + back


def base64_faults():
    head, body = compact(header()), compact(claims())
    h, p = b64(head), b64(body)
    for name, about, bent in bends(h):
        bad(f"header-base64-{name}", "malformed", f"header segment: {about}", signed_raw(bent, p), signed_raw(h, p))
    for name, about, bent in bends(p):
        bad(f"payload-base64-{name}", "malformed", f"payload segment: {about}", signed_raw(h, bent), signed_raw(h, p))
    token = signed()
    data, s = token.rsplit(b".", 1)
    for name, about, bent in bends(s):
        bad(f"signature-base64-{name}", "malformed", f"signature segment: {about}", data + b"." + bent, token)


def tails():
    """Padding, spare bits and lengths that no encoder makes."""
    head, body = compact(header()), compact(claims())
    for left, name in ((2, "two-left"), (3, "three-left")):
        h, p = padded(head, left), padded(body, left)
        pad = b"=" * (4 - left)
        twin = signed_raw(h, p)
        bad(f"header-base64-padding-{name}", "malformed", f"header segment padded with {pad.decode()}",
            signed_raw(h + pad, p), twin)
        bad(f"payload-base64-padding-{name}", "malformed", f"payload segment padded with {pad.decode()}",
            signed_raw(h, p + pad), twin)
        bad(f"header-base64-spare-bits-{name}", "malformed", "header segment: spare bits of the last letter set",
            signed_raw(spare(h), p), twin)
        bad(f"payload-base64-spare-bits-{name}", "malformed", "payload segment: spare bits of the last letter set",
            signed_raw(h, spare(p)), twin)
    h, p = padded(head, 0), padded(body, 0)
    twin = signed_raw(h, p)
    bad("header-base64-length-one", "malformed", "header segment of 4n + 1 letters", signed_raw(h + b"A", p), twin)
    bad("payload-base64-length-one", "malformed", "payload segment of 4n + 1 letters", signed_raw(h, p + b"A"), twin)
    bad("header-base64-padding-needless", "malformed", "header segment of 4n letters and = behind",
        signed_raw(h + b"=", p), twin)
    bad("header-base64-one-letter", "malformed", "header segment of a single letter", signed_raw(b"e", p), twin)

    rs = signed()
    ed = signed(header("EdDSA", "ed-1"), by="ed-1")
    es = signed(header("ES384", "ec-384"), by="ec-384")
    bad("signature-base64-padding", "malformed", "signature segment padded with ==", rs + b"==", rs)
    bad("signature-base64-padding-one", "malformed", "signature segment padded with a single = where two belong",
        rs + b"=", rs)
    bad("signature-base64-spare-bits-rsa", "malformed", "RS256 signature: spare bits of the last letter set",
        spare(rs), rs)
    bad("signature-base64-spare-bits-ed25519", "malformed",
        "EdDSA signature: spare bits of the last letter set, a second spelling of the same token", spare(ed), ed)
    bad("signature-base64-length-one", "malformed", "signature segment of 4n + 1 letters", es + b"A", es)


def alphabets():
    """Plain base64's + and / where base64url has - and _."""
    def both(segment):
        return b"-" in segment and b"_" in segment

    h = find(lambda n: b64(compact(header(note="~~~???" + "x" * n + "\u07ff\u07fe"))), both)
    p = find(lambda n: b64(compact(claims(note="~~~???" + "x" * n + "\u07ff\u07fe"))), both)
    twin = signed_raw(h, p)
    token = find(lambda n: signed(body=claims(jti=f"alphabet-{n}")), lambda t: both(t.rsplit(b".", 1)[1]))
    data, s = token.rsplit(b".", 1)
    for letter, plain, name in ((b"-", b"+", "plus"), (b"_", b"/", "slash")):
        bad(f"header-base64-{name}", "malformed", f"header segment with {plain.decode()}",
            signed_raw(h.replace(letter, plain), p), twin)
        bad(f"payload-base64-{name}", "malformed", f"payload segment with {plain.decode()}",
            signed_raw(h, p.replace(letter, plain)), twin)
        bad(f"signature-base64-{name}", "malformed", f"signature segment with {plain.decode()}",
            data + b"." + s.replace(letter, plain), token)
    # The signature is over the segment as sent, so bent text that still decodes must not be healed.
    data = signing_input(header(), claims())
    bad("header-base64-signed-unbent", "malformed", "padding added to the header after signing",
        with_signature(data.replace(b".", b"=.", 1), sign("RS256", "rsa-1", data)), signed())


def make():
    sizes()
    segments()
    around()
    base64_faults()
    tails()
    alphabets()
