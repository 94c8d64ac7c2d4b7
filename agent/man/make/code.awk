# Code for a page of 80 columns. `block` has its `lines` lines, `language` what stands behind the fence.
BEGIN { WIDTH = 70; COMMENTS = 34 } # a comment stands beside code of at most so many columns

# Where `line` may be cut so that it fits: behind a comma, or before a shell's option, if there is one far enough, else at a space; never inside
# quotes. 0: nowhere.
function cut_place(line, width,    i, c, quote, comma, space, indent) {
    match(line, /[^ ]/)
    indent = RSTART
    for (i = 1; i <= width; i++) {
        c = substr(line, i, 1)
        if (quote == "" && (c == "\"" || c == "'")) quote = c
        else if (c == quote) quote = ""
        else if (c == " " && quote == "" && i > indent) {
            space = i
            if (substr(line, i - 1, 1) == "," || (language ~ /^sh/ && substr(line, i + 1, 1) == "-")) comma = i
        }
    }
    return comma > width / 2 ? comma : space
}
# A line of code that is too long, in several. A shell's goes on behind a backslash; HAProxy's and Caddy's cannot go on.
function fold(line, indent,    at, tail) {
    if (length(line) <= WIDTH || language ~ /^(haproxy|caddyfile)$/) { print line; return }
    if (indent == "") { match(line, /[^ ]/); indent = substr("                                    ", 1, RSTART + 3) }
    tail = language ~ /^sh/ ? " \\" : ""
    at = language == "" ? last_gap(line) : 0 # an explanation beside it
    if (at == 0) at = cut_place(line, WIDTH - length(tail))
    if (at == 0) { print line; return }
    print trimmed(substr(line, 1, at - 1)) tail
    line = substr(line, at + 1)
    sub(/^ +/, "", line)
    fold(indent line, indent)
}
# Where the last wide gap in a line begins; 0: it has none.
function last_gap(line,    at, from) {
    from = match(line, /[^ ]/)
    while (match(substr(line, from), /    +[^ ]/)) { at = from + RSTART - 1; from += RSTART + RLENGTH - 2 }
    return at
}
# Bytes beside what they mean, at most eight in a row: offset, bytes, words; both as deep as they are nested.
function print_bytes(line,    at, depth, bytes, words) {
    at = length(line) - length(unindented(substr(line, 5))) - 4
    depth = at < 3 ? 0 : int((at - 2) / 3)
    if (line ~ /^ /) depth = deep
    deep = depth
    bytes = unindented(substr(line, 5))
    at = match(bytes, /   +[^ ]/)
    words = at ? unindented(substr(bytes, at)) : ""
    if (at) bytes = trimmed(substr(bytes, 1, at - 1))
    gsub(/  +/, " ", bytes)
    lay_columns(substr(line, 1, 4), bytes, words, depth)
}
function unindented(text) { sub(/^ +/, "", text); return text }
function lay_columns(offset, bytes, words, depth,    part, at) {
    while (bytes != "" || words != "") {
        part = substr(bytes, 1, 24)
        if (bytes ~ /^\[/) part = bytes
        bytes = unindented(substr(bytes, length(part) + 1))
        at = cut_at(words, WIDTH - 35 - depth)
        print trimmed(padded(padded(offset, 5 + depth) trimmed(part), 34 + depth) substr(words, 1, at))
        words = unindented(substr(words, at + 1))
        offset = ""
    }
}
# How much of a text fits, cut at a space.
function cut_at(text, width,    at) {
    if (length(text) <= width) return length(text)
    for (at = width; at > 0 && substr(text, at + 1, 1) != " "; at--);
    return at > 0 ? at : index(text " ", " ") - 1
}
function padded(text, width) { while (length(text) < width) text = text " "; return text }
function trimmed(text) { sub(/ +$/, "", text); return text }
# `text` behind `mark` from a column on, on as many lines as it takes.
function lay_comment(before, text, column, mark,    at) {
    while (text != "") {
        at = cut_at(text, WIDTH - column - length(mark))
        print padded(before, column) mark substr(text, 1, at)
        text = substr(text, at + 2)
        before = ""
        if (mark == "/* ") mark = "   "
    }
}
# Comments beside code, all in one column; above it where the code takes the room.
function print_code(    i, line, rest, lead, wide, column, code, comment, mark) {
    for (i = 1; i <= lines; i++) if (length(block[i]) > WIDTH) wide = 1
    print "```"
    if (wide && block[1] ~ /^[0-9a-f][0-9a-f][0-9a-f][0-9a-f] /) { for (i = 1; i <= lines; i++) print_bytes(block[i]); lines = 0 }
    for (i = 1; i <= lines; i++) {
        comment[i] = ""
        code[i] = block[i]
        match(block[i], /[^ ]/)
        lead = RSTART
        if (match(block[i], /^[# ]*[^# ]/)) lead = RLENGTH
        rest = substr(block[i], lead + 2)
        if (!wide || !match(rest, language ~ /^(ya?ml|sh|shell|python)$/ ? " +# " : "  +# | +(// |/[*] )")) continue
        comment[i] = substr(rest, RSTART)
        sub(/^ +/, "", comment[i])
        code[i] = substr(block[i], 1, lead + RSTART)
        if (length(code[i]) <= COMMENTS && length(code[i]) + 2 > column) column = length(code[i]) + 2
    }
    for (i = 1; i <= lines; i++) {
        if (comment[i] == "") { fold(code[i]); continue }
        mark = substr(comment[i], 1, index(comment[i], " "))
        rest = substr(comment[i], length(mark) + 1)
        if (length(code[i]) <= COMMENTS && mark != "/* ") { lay_comment(code[i], rest, column, mark); continue }
        if (length(code[i]) + 2 + length(comment[i]) <= WIDTH) { print code[i] "  " comment[i]; continue }
        match(code[i], /[^ ]/)
        lay_comment("", rest, RSTART - 1, mark)
        fold(code[i])
    }
    print "```"
    lines = 0
}
