"""Faults of the JSON in the header and in the payload.

One table of members that no strict parser takes, each beside a good one, and
one of whole texts that are bent; both are applied to the header and to the
payload.
"""
import json

from folders import bad, good
from forge import b64, claims, compact, header, signed, signed_raw

# slug, words, the bad member, the good one of the twin
MEMBERS = [
    ("number-1e999", "a number beyond every finite double", '"x":1e999', '"x":1e308'),
    ("number-minus-1e999", "a negative number beyond every finite double", '"x":-1e999', '"x":-1e308'),
    ("number-400-digits", "an integer of 400 digits", '"x":' + "9" * 400, '"x":' + "9" * 300),
    ("number-just-too-large", "1.8e308, just beyond the largest double", '"x":1.8e308', '"x":1.7e308'),
    ("number-nan", "NaN", '"x":NaN', '"x":0'),
    ("number-infinity", "Infinity", '"x":Infinity', '"x":0'),
    ("number-minus-infinity", "-Infinity", '"x":-Infinity', '"x":0'),
    ("number-leading-zero", "a leading zero", '"x":01', '"x":1'),
    ("number-leading-plus", "a leading plus sign", '"x":+1', '"x":1'),
    ("number-no-integer-part", "no digit before the point", '"x":.5', '"x":0.5'),
    ("number-no-fraction", "no digit behind the point", '"x":1.', '"x":1.0'),
    ("number-no-exponent", "no digit in the exponent", '"x":1e', '"x":1e1'),
    ("number-exponent-sign-only", "only a sign in the exponent", '"x":1e+', '"x":1e+1'),
    ("number-minus-only", "a minus sign alone", '"x":-', '"x":-1'),
    ("number-hex", "a hexadecimal number", '"x":0x10', '"x":16'),
    ("number-underscore", "an underscore between digits", '"x":1_000', '"x":1000'),
    ("literal-capital", "True for true", '"x":True', '"x":true'),
    ("literal-cut", "nul for null", '"x":nul', '"x":null'),
    ("literal-undefined", "undefined", '"x":undefined', '"x":null'),
    ("string-single-quotes", "a string in single quotes", "\"x\":'y'", '"x":"y"'),
    ("string-raw-newline", "a raw newline in a string", '"x":"a\nb"', '"x":"a\\nb"'),
    ("string-raw-tab", "a raw tab in a string", '"x":"a\tb"', '"x":"a\\tb"'),
    ("string-raw-unit-separator", "a raw 0x1f in a string", '"x":"a\x1fb"', '"x":"a\\u001fb"'),
    ("string-raw-nul", "a raw NUL in a string", '"x":"a\0b"', '"x":"ab"'),
    ("string-escaped-nul", "an escaped NUL in a string", '"x":"a\\u0000b"', '"x":"a\\u0001b"'),
    ("string-escaped-nul-in-name", "an escaped NUL in a member's name", '"x\\u0000":1', '"x\\u0001":1'),
    ("string-bad-escape", "the escape \\x41", '"x":"\\x41"', '"x":"\\u0041"'),
    ("string-escape-not-hex", "\\u with a letter that is no hex digit", '"x":"\\u00g1"', '"x":"\\u00a1"'),
    ("string-escape-cut", "\\u with three digits", '"x":"\\u041"', '"x":"\\u0041"'),
    ("string-unterminated", "a string without its closing quote", '"x":"y', '"x":"y"'),
    ("surrogate-lone-high", "a lone high surrogate", '"x":"\\ud83d"', '"x":"\\ud83d\\ude00"'),
    ("surrogate-lone-low", "a lone low surrogate", '"x":"\\ude00"', '"x":"\\ud83d\\ude00"'),
    ("surrogates-swapped", "a low surrogate before a high one", '"x":"\\ude00\\ud83d"', '"x":"\\ud83d\\ude00"'),
    ("surrogates-two-high", "two high surrogates", '"x":"\\ud83d\\ud83d"', '"x":"\\ud83d\\ude00"'),
    ("surrogate-and-letter", "a high surrogate and the escape of a letter", '"x":"\\ud83d\\u0041"',
     '"x":"\\ud83d\\ude00"'),
    ("surrogate-in-name", "a lone surrogate in a member's name", '"\\ud83d":1', '"\\ud83d\\ude00":1'),
    ("comment", "a comment", '/* x */"x":1', '"x":1'),
    ("name-unquoted", "a member's name without quotes", "x:1", '"x":1'),
    ("name-number", "a number for a member's name", "1:1", '"1":1'),
    ("colon-missing", "no colon behind a member's name", '"x" 1', '"x":1'),
    ("value-missing", "no value behind the colon", '"x":', '"x":0'),
    ("comma-trailing", "a comma behind the last member", '"x":1,', '"x":1'),
    ("comma-doubled", "two commas between members", ',"x":1', '"x":1'),
    ("array-unclosed", "an array that is not closed", '"x":[1', '"x":[1]'),
    ("array-trailing-comma", "a comma behind an array's last item", '"x":[1,]', '"x":[1]'),
    ("brackets-crossed", "an array closed with a brace", '"x":[1}', '"x":[1]'),
    ("duplicate-nested", "the same name twice in an inner object", '"x":{"a":1,"a":1}', '"x":{"a":1,"b":1}'),
    ("duplicate-nested-in-array", "the same name twice in an object in an array",
     '"x":[0,{"a":1,"a":2}]', '"x":[0,{"a":1,"b":2}]'),
    ("duplicate-escaped-nested", "the same name twice in an inner object, once escaped",
     '"x":{"a":1,"\\u0061":1}', '"x":{"a":1,"\\u0062":1}'),
    ("duplicate-surrogate-pair", "a name written raw and as a surrogate pair",
     '"\U0001f600":1,"\\ud83d\\ude00":2', '"\U0001f600":1,"\\ud83d\\ude01":2'),
]

# slug, words, the bytes put into a string, those of the twin
UTF8 = [
    ("overlong-slash", "an overlong slash (C0 AF)", b"\xc0\xaf", b"/"),
    ("overlong-nul", "an overlong NUL (C0 80)", b"\xc0\x80", b"0"),
    ("overlong-three-bytes", "an overlong slash in three bytes", b"\xe0\x80\xaf", b"/"),
    ("overlong-four-bytes", "an overlong euro sign in four bytes", b"\xf0\x82\x82\xac", b"\xe2\x82\xac"),
    ("surrogate", "a surrogate encoded in UTF-8 (CESU-8)", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf0\x9f\x98\x80"),
    ("beyond-unicode", "U+110000", b"\xf4\x90\x80\x80", b"\xf4\x8f\xbf\xbf"),
    ("five-bytes", "a sequence of five bytes", b"\xf8\x88\x80\x80\x80", b"\xf0\x9f\x98\x80"),
    ("truncated", "a sequence that ends early", b"\xe2\x82", b"\xe2\x82\xac"),
    ("continuation-alone", "a continuation byte without a start", b"\x80", b"\xc2\x80"),
    ("byte-ff", "the byte FF", b"\xff", b"\xc3\xbf"),
    ("latin-1", "a Latin-1 letter", b"caf\xe9", b"caf\xc3\xa9"),
]


def wholes(text):
    """Slug, words, the text bent."""
    yield "bom", "a byte order mark in front", b"\xef\xbb\xbf" + text
    yield "trailing-brace", "a second closing brace", text + b"}"
    yield "trailing-object", "a second object behind the first", text + b"{}"
    yield "trailing-comma", "a comma behind the object", text + b","
    yield "trailing-nul", "a NUL behind the object", text + b"\0"
    yield "trailing-letter", "a letter behind the object", text + b" x"
    yield "truncated", "the closing brace is missing", text[:-1]
    yield "form-feed", "a form feed as white space", text[:1] + b"\f" + text[1:]
    yield "no-break-space", "a no-break space as white space", text[:1] + b"\xc2\xa0" + text[1:]
    yield "in-array", "an array around the object", b"[" + text + b"]"
    yield "in-string", "the object as a JSON string", json.dumps(text.decode()).encode()
    yield "utf-16", "UTF-16 for UTF-8", text.decode().encode("utf-16-le")
    yield "null", "null in place of the object", b"null"
    yield "number", "a number in place of the object", b"42"
    yield "true", "true in place of the object", b"true"
    yield "empty-array", "an empty array in place of the object", b"[]"
    yield "white-space", "white space and nothing else", b"  \n"
    yield "base64-twice", "the object encoded twice", b64(text)


def nested(levels, kind):
    """A member that takes the text to so many levels, its own object counted."""
    opening, closing = {"arrays": ("[", "]"), "objects": ('{"x":', "}")}[kind]
    inner = "0" if kind == "objects" else ""
    return '"x":' + opening * (levels - 1) + inner + closing * (levels - 1)


def inserted(text, member):
    member = member if isinstance(member, bytes) else member.encode()
    return text[:-1] + b"," + member + text[-1:]


def part(name, text, token, max_depth):
    """All of the tables for one of the two; token makes one from the part's text."""
    twin = token(text)
    for slug, about, member, other in MEMBERS:
        bad(f"{name}-json-{slug}", "malformed", f"{name}: {about}",
            token(inserted(text, member)), token(inserted(text, other)))
    for slug, about, inside, other in UTF8:
        bad(f"{name}-utf8-{slug}", "malformed", f"{name}: {about}",
            token(inserted(text, b'"x":"' + inside + b'"')), token(inserted(text, b'"x":"' + other + b'"')))
    for slug, about, bent in wholes(text):
        bad(f"{name}-json-{slug}", "malformed", f"{name}: {about}", token(bent), twin)
    for kind in ("arrays", "objects"):
        full = token(inserted(text, nested(max_depth, kind)))
        bad(f"{name}-depth-{kind}-one-too-many", "malformed", f"{name}: {kind} one level deeper than allowed",
            token(inserted(text, nested(max_depth + 1, kind))), full)
        good(f"{name}-depth-{kind}-max", f"{name}: {kind} {max_depth} levels deep, the object itself counted", full)
    bad(f"{name}-depth-thousands", "malformed", f"{name}: arrays 4000 levels deep",
        token(inserted(text, nested(4001, "arrays"))), twin)


def duplicates():
    head, body = compact(header()), compact(claims())
    for slug, about, member, other in (
            ("alg-none-first", "alg twice, none first", None, None),
            ("alg-same", "alg twice with the same value", '"alg":"RS256"', '"ALG":"RS256"'),
            ("alg-escaped", 'alg a second time as "\\u0061lg"', '"\\u0061lg":"none"', '"\\u0062lg":"none"'),
            ("kid", "kid twice", '"kid":"rsa-any"', '"KID":"rsa-any"'),
            ("typ-escaped", "typ a second time, escaped", '"t\\u0079p":"JWT"', '"t\\u007ap":"JWT"')):
        if member is None:
            bent, twin = head.replace(b'{', b'{"alg":"none",', 1), head
        else:
            bent, twin = inserted(head, member), inserted(head, other)
        bad(f"header-duplicate-{slug}", "malformed", f"header: {about}",
            signed_raw(b64(bent), b64(body)), signed_raw(b64(twin), b64(body)))
    for slug, about, member, other in (
            ("exp", "exp twice", '"exp":9999999999', '"EXP":9999999999'),
            ("exp-escaped", "exp a second time, escaped", '"\\u0065xp":9999999999', '"\\u0066xp":9999999999'),
            ("iss", "iss twice", '"iss":"https://evil.example.com"', '"ISS":"https://evil.example.com"'),
            ("sub", "sub twice", '"sub":"admin"', '"Sub":"admin"'),
            ("aud-same", "aud twice with the same value", '"aud":"orders"', '"Aud":"orders"'),
            ("other", "a claim of no meaning twice", '"x":1,"x":1', '"x":1,"y":1')):
        bad(f"payload-duplicate-{slug}", "malformed", f"payload: {about}",
            signed_raw(b64(head), b64(inserted(body, member))), signed_raw(b64(head), b64(inserted(body, other))))


def make():
    head, body = compact(header()), compact(claims())
    part("header", head, lambda text: signed_raw(b64(text), b64(body)), 8)
    part("payload", body, lambda text: signed_raw(b64(head), b64(text)), 16)
    bad("header-json-empty-object", "malformed", "header: an empty object, so no alg",
        signed_raw(b64(b"{}"), b64(body)), signed())
    duplicates()
