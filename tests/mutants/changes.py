"""Wrong versions of a C file, one change each: changes(text) yields Change.

A tokenizer that knows comments, strings and preprocessor lines, and the
brackets; no more of C is needed for these changes:
  negated    the condition of an if, a while or a for
  dropped    one operand of a chain of && or of ||
  compared   a comparison with its neighbour: < and <=, > and >=, == and !=
  shifted    a number or a LIMIT beside a comparison, one more and one less
  returned   a return of a failure, left out
"""
import re
from dataclasses import dataclass

TOKEN = re.compile(r"""
    (?P<space>\s+|/\*.*?\*/|//[^\n]*)
  | (?P<line>^\#(?:[^\n\\]|\\.)*)
  | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<number>\b(?:0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*(?![.\w]))
  | (?P<real>\b[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?)
  | (?P<name>\w+)
  | (?P<sign>->|\+\+|--|<<=?|>>=?|&&|\|\||[<>=!]=|[-+*/%&|^]=|.)
""", re.VERBOSE | re.DOTALL | re.MULTILINE)
NEIGHBOURS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
FAILURES = re.compile(r"-1|false|NULL|0|refuse\b.*|[A-Z]+_(?:UNDECIDED|BAD|NONE|REFUSED)|CHOICE_\w+|FIT_\w+|no\(.*|\".*\"", re.DOTALL)
OPEN, CLOSE = {"(": ")", "[": "]", "{": "}"}, set(")]}")
ENDS = {";", ",", "?", ":", "=", "return", "{", "}", "+=", "|="}


@dataclass
class Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass
class Change:
    kind: str
    start: int
    end: int
    text: str
    line: int

    def applied(self, source):
        return source[:self.start] + self.text + source[self.end:]


def tokenize(source):
    tokens = []
    for found in TOKEN.finditer(source):
        if found.lastgroup not in ("space", "line"):
            tokens.append(Token(found.lastgroup, found.group(), found.start(), found.end()))
    return tokens


def partners(tokens):
    """By the number of an opening bracket that of its closing one, and the other way round."""
    pairs, open_ones = {}, []
    for number, token in enumerate(tokens):
        if token.text in OPEN and token.kind == "sign":
            open_ones.append(number)
        elif token.text in CLOSE and token.kind == "sign":
            first = open_ones.pop()
            pairs[first], pairs[number] = number, first
    return pairs


def bodies(tokens, pairs):
    """The tokens of functions: brackets at the top that follow on a closing parenthesis."""
    number = 0
    while number < len(tokens):
        if tokens[number].text == "{" and tokens[number].kind == "sign":
            if tokens[number - 1].text == ")":
                yield number + 1, pairs[number]
            number = pairs[number]
        number += 1


class File:
    def __init__(self, source):
        self.source = source
        self.tokens = tokenize(source)
        self.pairs = partners(self.tokens)

    def text(self, first, last):
        """From one token to another, that one included."""
        return self.source[self.tokens[first].start:self.tokens[last].end]

    def change(self, kind, first, last, text):
        start = self.tokens[first].start
        return Change(kind, start, self.tokens[last].end, text, self.source.count("\n", 0, start) + 1)

    def operand_start(self, number):
        """The first token of the operand that ends before this one."""
        while True:
            before = self.tokens[number - 1]
            if before.text in CLOSE and before.text != "}":
                number = self.pairs[number - 1]
            elif before.text in OPEN or before.text in ENDS or before.text in ("&&", "||"):
                return number
            else:
                number -= 1

    def operand_end(self, number):
        """The last token of the operand that begins after this one."""
        while True:
            after = self.tokens[number + 1]
            if after.text in OPEN and after.kind == "sign":
                number = self.pairs[number + 1]
            elif after.text in CLOSE or after.text in ENDS or after.text in ("&&", "||"):
                return number
            else:
                number += 1

    def negated(self, number):
        if self.tokens[number].text not in ("if", "while", "for") or self.tokens[number + 1].text != "(":
            return
        first, last = number + 2, self.pairs[number + 1] - 1
        if self.tokens[number].text == "for":
            semicolons = []
            at = first
            while at <= last:
                if self.tokens[at].text in OPEN:
                    at = self.pairs[at]
                elif self.tokens[at].text == ";":
                    semicolons.append(at)
                at += 1
            if len(semicolons) != 2 or semicolons[0] + 1 == semicolons[1]:
                return
            first, last = semicolons[0] + 1, semicolons[1] - 1
        yield self.change("negated", first, last, f"!({self.text(first, last)})")

    def dropped(self, number):
        sign = self.tokens[number].text
        if sign not in ("&&", "||"):
            return
        yield self.change("dropped", number, self.operand_end(number), "")
        first = self.operand_start(number)
        if self.tokens[first - 1].text != sign:     # of a chain the first; the others are the right ones of theirs
            yield self.change("dropped", first, number, "")

    def compared(self, number):
        token = self.tokens[number]
        if token.kind == "sign" and token.text in NEIGHBOURS:
            yield self.change("compared", number, number, NEIGHBOURS[token.text])

    def shifted(self, number):
        token = self.tokens[number]
        limit = token.kind == "number" or re.fullmatch(r"[A-Z][A-Z0-9_]*_(MAX|MIN|BYTES|ROOM|COUNT)", token.text)
        near = {self.tokens[number - 1].text, self.tokens[number + 1].text}
        if limit and near & set(NEIGHBOURS) and self.tokens[number + 1].text != "(":
            yield self.change("shifted", number, number, f"({token.text} + 1)")
            if token.text != "0":
                yield self.change("shifted", number, number, f"({token.text} - 1)")

    def returned(self, number):
        before = self.tokens[number - 1].text
        if self.tokens[number].text != "return" or before not in (")", "else", ";", "}"):
            return
        last = self.operand_end_of_statement(number)
        if not FAILURES.fullmatch(self.text(number + 1, last - 1)):
            return
        # The last return of a function is no early one: what follows closes the function.
        if self.tokens[last + 1].text == "}" and before != ")":
            return
        yield self.change("returned", number, last, ";")

    def operand_end_of_statement(self, number):
        while self.tokens[number].text != ";":
            number = self.pairs[number] if self.tokens[number].text in OPEN else number
            number += 1
        return number

    def changes(self):
        for first, last in bodies(self.tokens, self.pairs):
            for number in range(first, last):
                for make in (self.negated, self.dropped, self.compared, self.shifted, self.returned):
                    yield from make(number)


def changes(source):
    return list(File(source).changes())
