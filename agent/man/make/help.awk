# What --help says, as Markdown: without "Usage:", which stands in the page's synopsis. `usage`: that and no more. `title`: all of it, under
# a heading with the command's name.
function term(text,    at) {
    at = index(text, " ")
    return at == 0 ? "`" text "`" : "`" substr(text, 1, at - 1) "` *" escaped(substr(text, at + 1)) "*"
}
function end_code() { if (code) print "```"; code = 0 }

/^assay[a-z ]*: / && last == "" { # at the beginning; again before the second command of `assay policy --help`
    at = index($0, ": ")
    if (title) printf "\n## %s\n\n%s%s%s\n", substr($0, 1, at - 1), toupper(substr($0, at + 2, 1)), escaped(substr($0, at + 3)), /[.?]$/ ? "" : "."
    last = $0
    next
}
/^Usage: / || (in_usage && /^       [^ ]/) {
    if (!in_usage && (usage || title)) print "\n```usage"
    in_usage = 1
    if (usage || title) print substr($0, 8)
    next
}
in_usage { if (usage || title) print "```"; in_usage = 0; done = 1 }
usage && done { exit }
usage { next }
/^(Options|Commands):$/ { last = $0; next }
/^  [^ ].*  +[^ ]/ {
    end_code()
    text = substr($0, 3)
    at = index(text, "  ")
    what = substr(text, at)
    sub(/^ +/, "", what)
    printf "\n%s\n: %s\n", term(substr(text, 1, at - 1)), escaped(what)
    last = $0
    next
}
/^  / {
    if (!code) print "\n```text"
    code = 1
    print substr($0, 3)
    next
}
{
    end_code()
    if ($0 ~ /^(Exit|With --json|--[a-z]+): / && last != "") print ""
    print escaped($0)
    last = $0
}
END { end_code(); if (in_usage && (usage || title)) print "```" }
