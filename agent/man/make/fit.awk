# Markdown as README and the guides have it, for the manual page `page`: tables become lists of terms, code is folded (code.awk), links lose
# their targets here.

# [words](target): a page of ours by its name, what is on the net with its address, all else without one.
function unlinked(text,    before, words, target) {
    while (match(text, /\[[^]]*\]\([^)]*\)/)) {
        before = substr(text, 1, RSTART - 1)
        words = substr(text, RSTART + 1, RLENGTH - 2)
        text = substr(text, RSTART + RLENGTH)
        target = substr(words, index(words, "](") + 2)
        words = substr(words, 1, index(words, "](") - 1)
        if (target ~ /^https?:/) words = words " (`" target "`)"
        else words = words where(target)
        text = before words text
    }
    return unraised(text)
}
# The page that has the file of a link, unless it is this one.
function where(target,    found) {
    sub(/#.*/, "", target)
    if (target ~ /PROTOCOL\.md$/) found = "assay-protocol.7"
    if (target ~ /gateways\.md$/) found = "assay-gateways.7"
    if (target ~ /policy\.md$/) found = "assay-policy.5"
    if (target ~ /(configuration|issuers)\.md$/) found = "assayd.yaml.5"
    if (target ~ /(revocation|operations|security|troubleshooting)\.md$/) found = "assayd.8"
    if (target ~ /library\.md$/) found = "libassay.3"
    if (found == "" || found == page) return ""
    return " (**" substr(found, 1, length(found) - 2) "**(" substr(found, length(found)) "))"
}
# lowdown raises what follows a ^ that is not code.
function unraised(text,    i, part, count) {
    count = split(text, part, "`")
    for (i = 1; i <= count; i += 2) gsub(/\^/, "\\^", part[i])
    text = part[1]
    for (i = 2; i <= count; i++) text = text "`" part[i]
    return text
}
# A row of a table: its first cell, with the second of three beside it, is the term. A heading that says more than "what" is repeated.
function print_row(row,    cell, count, i, term, rest) {
    sub(/^\| */, "", row)
    sub(/ *\|$/, "", row)
    count = split(row, cell, / +\| +| +\|$/)
    if (++rows == 1) { for (i = 1; i <= count; i++) heading[i] = cell[i]; columns = count; return }
    if (rows == 2) return
    term = cell[1]
    rest = cell[columns]
    if (columns == 3 && term ~ /^[0-9]+$/) term = cell[2] " (" cell[1] ")"
    else if (columns == 3 && cell[2] != "") term = term " (" cell[2] ")"
    if (rest == "") { printf "\n%s\n", term; return }
    if (columns == 3 && heading[3] !~ /^what/) rest = heading[3] ": " rest
    printf "\n%s\n: %s\n", unlinked(term), unlinked(rest)
}

{ gsub(/…/, "\001") } # as wide as it looks: widths here are bytes
/^ *```/ {
    if (fenced) print_code()
    else { language = $0; sub(/^ *```/, "", language) }
    fenced = !fenced
    next
}
{ gsub(/\t/, "  ") }
fenced { block[++lines] = $0; next }
indented && /^$/ { blanks++; next }
indented && !/^    / { language = ""; print_code(); print ""; indented = blanks = 0; if (in_item) outdent = 1 }
indented || (blank && /^    /) {
    if (!indented) { match($0, /[^ ]/); strip = RSTART - 1 }
    indented = 1
    for (; blanks > 0; blanks--) block[++lines] = ""
    block[++lines] = substr($0, strip + 1)
    next
}
/^\|/ { print_row($0); blank = 0; next }
rows > 0 { rows = 0; print "" }
/^$/ { outdent = 0 }
/^- / { if (outdent) print ""; in_item = 1; outdent = 0 }
/^[^ -]/ { in_item = 0 }
outdent { sub(/^ +/, "") }
{ blank = $0 == ""; print unlinked($0) }
END { if (indented) print_code() }
