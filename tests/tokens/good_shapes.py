"""Good tokens of unusual but right shape: JSON, numbers, text, typ, headers."""
from folders import good, one_issuer
from forge import DROP, ISSUER, NOW, b64, claims, compact, header, signed, signed_raw


def payload(name, about, text):
    """The usual token with a raw member, or a raw payload as a whole."""
    body = text if text.startswith(b"{") or text[:1].isspace() else compact(claims())[:-1] + b"," + text + b"}"
    good(name, about, signed_raw(b64(compact(header())), b64(body)))


def head(name, about, text):
    good(name, about, signed_raw(b64(text), b64(compact(claims()))))


def base(exp, more=b""):
    return b'{"iss":"' + ISSUER.encode() + b'","aud":"orders","exp":' + exp + more + b"}"


def numbers():
    payload("number-exp-fraction", "exp with a fraction", base(b"1767229200.5"))
    payload("number-exp-point-zero", "exp with .0, as some libraries write it", base(b"1767229200.0"))
    payload("number-exp-exponent", "exp as 1.8e9", base(b"1.8e9"))
    payload("number-exp-capital-exponent", "exp as 18E8", base(b"18E8"))
    payload("number-exp-plus-exponent", "exp as 1.8e+9", base(b"1.8e+9"))
    payload("number-exp-negative-exponent", "exp as 18000000000e-1", base(b"18000000000e-1"))
    payload("number-exp-long-fraction", "exp with thirty decimals", base(b"1767229200." + b"123456789" * 3 + b"123"))
    payload("number-nbf-iat-fractions", "nbf and iat with microseconds, as Python's time.time() gives them",
            base(b"1767229200", b',"nbf":1767225540.123456,"iat":1767225540.123456'))
    payload("number-minus-zero-nbf", "nbf is -0", base(b"1767229200", b',"nbf":-0'))
    for name, about, text in (
            ("2-53", "2^53", b"9007199254740992"), ("2-53-and-one", "2^53 + 1", b"9007199254740993"),
            ("2-63", "2^63", b"9223372036854775808"), ("int64-max", "2^63 - 1", b"9223372036854775807"),
            ("int64-min", "-2^63", b"-9223372036854775808"), ("uint64-max", "2^64 - 1", b"18446744073709551615"),
            ("2-64", "2^64", b"18446744073709551616"), ("30-digits", "thirty digits",
                                                        b"123456789012345678901234567890"),
            ("minus-30-digits", "minus and thirty digits", b"-123456789012345678901234567890"),
            ("double-max", "the largest double", b"1.7976931348623157e308"),
            ("double-min", "the smallest double", b"5e-324"),
            ("underflow", "1e-999, which is zero as a double", b"1e-999"),
            ("minus-zero", "-0", b"-0"), ("minus-zero-point", "-0.0", b"-0.0"),
            ("many-decimals", "a thousand decimals", b"0." + b"3" * 1000), ("zero-exponent", "0e0", b"0e0")):
        payload(f"number-other-{name}", f"a claim of no meaning is {about}", b'"x":' + text)


def texts():
    payload("text-unicode", "Greek, Chinese, Arabic, an emoji and a private letter",
            '"name":"\u0391\u03b8\u03ae\u03bd\u03b1 \u4e2d\u6587 \u0627\u0644 \U0001f600 \ue000"'.encode())
    payload("text-escapes", "every escape of JSON", b'"x":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00"')
    payload("text-escaped-names", "all names of claims are escaped",
            b'{"\\u0069ss":"' + ISSUER.encode() + b'","\\u0061\\u0075\\u0064":"orders","ex\\u0070":1767229200}')
    payload("text-control-escaped", "an escaped control character in sub", base(b"1767229200", b',"sub":"a\\u0001b"'))
    payload("text-delete", "DEL and C1 controls raw in a string", '"x":"\x7f\x80\x9f"'.encode())
    payload("text-noncharacters", "U+FFFE, U+FFFF and U+10FFFF", '"x":"\ufffe\uffff\U0010ffff"'.encode())
    payload("text-bom-inside", "a byte order mark inside a string", '"x":"a\ufeffb"'.encode())
    payload("text-line-separators", "U+2028 and U+2029", '"x":"\u2028\u2029"'.encode())
    payload("text-names-by-normal-form", "two names that differ only by Unicode's normal form",
            '"caf\u00e9":1,"cafe\u0301":2'.encode())
    payload("text-empty-name", "an empty name and an empty string", b'"":""')
    payload("text-proto", "the names __proto__ and constructor", b'"__proto__":{"exp":0},"constructor":1')
    payload("text-long", "a string of 8000 letters", b'"x":"' + b"y" * 8000 + b'"')
    payload("text-looks-like-faults", "a string that holds braces, quotes and a second exp",
            b'"x":"\\"},{\\"exp\\":0,\\"alg\\":\\"none\\"}"')
    payload("text-names-in-other-objects", "the same name in several objects",
            b'"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]')
    payload("text-claims-inside", "exp, iss and events in an inner object mean nothing",
            b'"inner":{"exp":0,"iss":"x","events":{},"cnf":{},"typ":"Refresh"}')


def white_space():
    spaced = b' \t\r\n{ \n"iss" :\t"' + ISSUER.encode() + (
        b'" ,\r\n "aud":[ "orders" ],"exp": 1767229200 , "x" : { } , "y":[ ]\n}\n ')
    payload("space-payload", "white space wherever JSON allows it in the payload", spaced)
    head("space-header", "white space wherever JSON allows it in the header",
         b'\n{\r\n\t"alg" : "RS256" ,\n\t"kid": "rsa-1"\n}\r\n ')
    payload("space-pretty", "a payload as printed for people",
            b'{\n    "iss": "' + ISSUER.encode() + b'",\n    "aud": "orders",\n    "exp": 1767229200\n}\n')
    many = b",".join(b'"claim-%d":%d' % (n, n) for n in range(400))
    payload("many-claims", "four hundred claims", many)
    payload("long-array", "an array of a thousand numbers", b'"x":[' + b",".join(b"%d" % n for n in range(1000)) + b"]")
    payload("claims-of-all-types", "claims of all JSON types",
            b'"s":"","n":null,"t":true,"f":false,"i":-7,"d":0.25,"a":[],"o":{},"m":[1,"2",[3],{"4":5}]')


def headers():
    for slug, value in (("lower", "jwt"), ("mixed", "Jwt"), ("application", "application/jwt"),
                        ("application-upper", "APPLICATION/JWT"), ("at", "at+jwt"), ("at-upper", "AT+JWT"),
                        ("at-application", "application/at+jwt"), ("at-application-mixed", "Application/At+Jwt")):
        good(f"typ-{slug}", f"typ written {value}", signed(header(typ=value)))
    good("typ-absent", "no typ", signed(header(typ=DROP)))
    good("typ-configured", "another typ that the configuration lists", signed(header(typ="service+jwt")),
         config=one_issuer(token_types=["service+jwt"]))
    good("typ-configured-long-form", "the configuration lists it with application/, the token has it without",
         signed(header(typ="SERVICE+JWT")), config=one_issuer(token_types=["application/service+jwt"]))
    head("header-escaped", "names and values of the header are escaped",
         b'{"\\u0061lg":"\\u0052S256","k\\u0069d":"rsa\\u002d1","typ":"J\\u0057T"}')
    head("header-order", "typ first, alg last", b'{"typ":"JWT","kid":"rsa-1","alg":"RS256"}')
    head("header-other-members", "members that mean nothing here",
         b'{"alg":"RS256","kid":"rsa-1","x":{"alg":"none","crit":[]},'
         b'"ALG":"none","Crit":[],"epk":{},"p2c":1e300,"iss":"x"}')
    good("header-cty", "cty is there", signed(header(cty="JWT")))
    good("header-cty-empty", "cty is empty", signed(header(cty="")))
    good("header-minimal", "alg and nothing else", signed(header(kid=DROP, typ=DROP)))
    good("header-large", "a header of 8 KB", signed(header(note="n" * 8000)))


def make():
    numbers()
    texts()
    white_space()
    headers()
    good("usual", "the token that most tests start from", signed(body=claims(exp=NOW + 3600)))
