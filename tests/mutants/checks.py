"""C files with one check taken out: checks(text) yields Change.

  deleted    the condition of an if that leaves (return, continue, break): never true
  taken out  one operand of a chain of && or of ||, which no longer has a say
  always     the condition of an assignment: always true

What the condition calls is called all the same: it is the check that is
missing, not what it looks at.

Left out is what only exists for lack of memory or for a system call that
fails, which tests/faults makes fail one by one: an operand that compares with
one of FAILURE, or is, the result of a call of SYSTEM or OURS, or a name that
was given such a result last; and in a destructor (free, close), that there is
nothing to end.
"""
import re

from changes import CLOSE, OPEN, File, bodies

# Memory, the system, and the libraries.
SYSTEM = re.compile(r"""
    malloc|calloc|realloc|reallocarray|strn?dup|v?asprintf|open(at)?|fopen|fdopen|opendir|fdopendir|close|[fl]?stat(at|fs|vfs|x)?|fstatat|
    f?chmod|f?chown|mmap|munmap|mprotect|madvise|ftruncate|f(data)?sync|rename(at2?)?|unlink(at)?|mkdir(at)?|readlink(at)?|realpath|fcntl|flock|ioctl|
    socket(pair)?|connect|bind|listen|accept4?|[gs]etsockopt|getpeername|poll|epoll_\w+|eventfd|timerfd_\w+|inotify_\w+|memfd_create|
    clock_gettime|getrandom|pipe2?|dup[23]?|fork|prctl|sig\w+|pthread_\w+|getaddrinfo|p?read|p?write|p?writev|send\w*|recv\w*|lseek|
    uv_\w+|mdb_\w+|LMDB|curl_\w+|EVP_\w+|RAND_\w+|BN_\w+|OSSL_\w+|SSL_\w+|HMAC\w*|msgpack_\w+|redis\w+|json_\w+
""", re.VERBOSE)
# Our own that fail for nothing else: they hash, look up, write, allocate.
OURS = re.compile(r"""
    \w+_new|\w+_copy|copy_\w+|record_key|hash_\w+|hasher_\w+|add_part|prepare|entries_\w+|view_\w+|store_begin|store_view|slot_\w+|make_slot|
    change_one|read_words|undo_one|list_kinds|list_note_kinds|list_cover\w*|list_uncover|uncover|write_\w+|words_take|words_add|keep_word|put_off|load|find_slots|
    count_changes|unreadable_count|begin_anew|note_facts|note_tail|feed_reader_open|read_kinds|make_shared|make_page|make_key|change_bucket|
    start_thread|writer_submit|workers_submit|buffer_\w+|wire_put_\w+|thread_\w+|alarm_\w+|cache_use_page|read_text|take_stored|ask_facts
""", re.VERBOSE)
COUNTS = re.compile(r"p?read|p?write|p?writev|send\w*|recv\w*|lseek|entries_find\w*")  # 0 is an answer of theirs
FAILURE = re.compile(r"(?:<0|>=0|==-1|!=-1)$|(?P<exact>==NULL|!=MDB_SUCCESS|!=NULL|!=0|==0|!=1|==1|==MAP_FAILED|!=MAP_FAILED|!=CURLE_OK|!=CURLM_OK)$")
ENDS_THINGS = re.compile("_(free|close|end|let_go)$")
LEAVES = {"return", "continue", "break"}


class Checks(File):
    def words(self, first, last):
        return "".join(token.text if token.kind != "name" or token.text != "sizeof" else "sizeof " for token in self.tokens[first:last + 1])

    def call(self, first, last):
        """The name of the function whose call these tokens are, or ""."""
        tokens = self.tokens
        if tokens[first].kind == "name" and first < last and tokens[first + 1].text == "(" and self.pairs[first + 1] == last:
            return tokens[first].text
        return ""

    def function(self, start):
        """The name of the function whose body begins there."""
        return self.tokens[self.pairs[start - 2] - 1].text

    def given_by(self, name, before, start):
        """The function whose result was given last to a name."""
        for at in range(before - 1, start, -1):
            if self.tokens[at].text == "=" and self.words(max(start, at - name.count("->") * 2 - name.count(".") * 2 - 1), at - 1).endswith(name):
                end = at + 1
                while self.tokens[end].text not in (";", ","):
                    end = self.pairs[end] + 1 if self.tokens[end].text in OPEN else end + 1
                    if self.tokens[end].text in CLOSE:
                        break
                return self.call(at + 1, end - 1)
        return ""

    def is_failure(self, first, last, start):
        """Is it there for lack of memory, or for a system call, only?"""
        tokens = self.tokens
        while tokens[first].text == "(" and self.pairs[first] == last:
            first, last = first + 1, last - 1
        end, exact = last, True
        found = FAILURE.search(self.words(first, last))
        if found:
            exact = bool(found["exact"])
            while tokens[end].text not in ("==", "!=", "<", ">="):
                end -= 1
            end -= 1
        elif tokens[first].text == "!":
            first += 1
        while tokens[first].text == "(" and self.pairs[first] == end:      # (x = call()) == NULL
            first, end = first + 1, end - 1
            given = [at for at in range(first, end) if tokens[at].text == "="]
            first = given[0] + 1 if given else first
        name = self.words(first, end)
        if name.endswith("out_of_memory"):
            return True
        if ENDS_THINGS.search(self.function(start)) and re.fullmatch(r"\w+", name):
            return True
        function = self.call(first, end) or self.given_by(name, first, start)
        return bool(SYSTEM.fullmatch(function) or OURS.fullmatch(function)) and not (exact and COUNTS.fullmatch(function))

    def statement_end(self, number):
        """The last token of the statement that begins there."""
        if self.tokens[number].text == "{":
            return self.pairs[number]
        if self.tokens[number].text in ("if", "for", "while", "switch"):
            end = self.statement_end(self.pairs[number + 1] + 1)
            return self.statement_end(end + 2) if self.tokens[end + 1].text == "else" else end
        return self.operand_end_of_statement(number)

    def statements(self, first, last):
        """Where the statements of a body begin."""
        if self.tokens[first].text != "{":
            return [first]
        found, at = [], first + 1
        while at < last:
            found.append(at)
            at = self.statement_end(at) + 1
        return found

    def assigns(self, first):
        last = self.operand_end_of_statement(first)
        depth_free, at = [], first
        while at < last:
            at = self.pairs[at] if self.tokens[at].text in OPEN else at
            depth_free.append(self.tokens[at].text)
            at += 1
        return bool({"=", "+=", "-=", "|=", "&=", "++", "--"} & set(depth_free)) and self.tokens[first].text not in ("if", "for", "while", *LEAVES)

    def chained(self, first, last):
        at, signs = first, set()
        while at <= last:
            at = self.pairs[at] if self.tokens[at].text in OPEN else at
            signs.add(self.tokens[at].text)
            at += 1
        return signs & {"&&", "||"}

    def operands(self, first, last):
        """Of a chain of && that is a whole condition, its operands."""
        at, begun = first, first
        while at <= last:
            at = self.pairs[at] if self.tokens[at].text in OPEN else at
            if self.tokens[at].text == "&&":
                yield begun, at - 1
                begun = at + 1
            at += 1
        yield begun, last

    def of_if(self, number, start):
        if self.tokens[number].text != "if":
            return
        first, last = number + 2, self.pairs[number + 1] - 1
        body = last + 2
        end = self.statement_end(body)
        inside, chain = self.statements(body, end), self.chained(first, last)
        if not inside or ("||" not in chain and any(self.is_failure(*one, start) for one in self.operands(first, last))):
            return
        if self.tokens[inside[-1]].text in LEAVES:
            if "||" not in chain:       # each operand of it is taken out below
                yield self.change("deleted", first, last, f"({self.text(first, last)}) && 0")
        elif not chain and self.tokens[end + 1].text != "else" and all(self.assigns(one) for one in inside):
            yield self.change("always", first, last, f"({self.text(first, last)}) || 1")

    def of_chain(self, number, start):
        sign = self.tokens[number].text
        if sign not in ("&&", "||"):
            return
        operands = [(number + 1, self.operand_end(number))]
        first = self.operand_start(number)
        if self.tokens[first - 1].text != sign:     # of a chain the first; the others are the right ones of theirs
            operands.append((first, number - 1))
        for first, last in operands:
            if not self.is_failure(first, last, start):
                yield self.change("taken out", first, last, f"(({self.text(first, last)}), {1 if sign == '&&' else 0})")

    def checks(self):
        for start, last in bodies(self.tokens, self.pairs):
            for number in range(start, last):
                yield from self.of_if(number, start)
                yield from self.of_chain(number, start)


def checks(source):
    return list(Checks(source).checks())
