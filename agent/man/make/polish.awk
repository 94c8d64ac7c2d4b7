# lowdown's roff, of 1.0 as of 2.0, for man and mandoc alike: a term and what it is are .TP, code is indented, and there is no font C, which
# terminals lack.
function is_term(at) { return lines[at] == ".LP" && lines[at + 2] ~ /^\.if n/ && lines[at + 6] ~ /^\.IP ""/ }
# What is to be typed is ASCII, also where roff would make a hyphen, or a quotation mark, of it.
function literal(text) {
    gsub(/\\?-/, "\\-", text)
    gsub(/'/, "\\(aq", text)
    gsub(/\^/, "\\(ha", text)
    gsub(/~/, "\\(ti", text)
    return text
}
function with_literals(text,    done) {
    while (match(text, /\\fB[^\\]+/)) {
        done = done substr(text, 1, RSTART + 2) literal(substr(text, RSTART + 3, RLENGTH - 3))
        text = substr(text, RSTART + RLENGTH)
    }
    return done text
}
{ gsub(/\\fC|\\f\(CR/, "\\fB"); lines[++count] = $0 }
END {
    for (i = 1; i <= count; i++) {
        if (lines[i] ~ /^\.S[HS]/) {
            if (lines[i] ~ /^\.S[HS]$/) { lines[i + 1] = lines[i] " " lines[i + 1]; i++ }
            print lines[i]
            if (lines[i + 1] ~ /^\.[LP]P$/ && !is_term(i + 1)) i++
        } else if (is_term(i)) {
            print ".TP\n" with_literals(lines[i + 1])
            i += 6
        } else if (lines[i] ~ /^\.TP/) print ".TP"
        else if (lines[i] ~ /^\.TH /) print ".nr HY 0\n" lines[i] "\n.ad l" # a name that is cut by a hyphen is another name
        else if (lines[i] == ".EX") {
            print ".RS 2\n.EX"
            while (lines[++i] != ".EE") print literal(lines[i])
            print ".EE\n.RE"
        } else print with_literals(lines[i])
    }
}
