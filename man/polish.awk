# lowdown's roff, for man and mandoc alike: a term and what it is are .TP, code is indented, and there is no font C, which terminals lack.
function is_term(at) { return lines[at] == ".LP" && lines[at + 2] ~ /^\.if n/ && lines[at + 6] ~ /^\.IP ""/ }
{ gsub(/\\fC/, "\\fB"); lines[++count] = $0 }
END {
    for (i = 1; i <= count; i++) {
        if (lines[i] ~ /^\.S[HS]$/) {
            print lines[i] " " lines[i + 1]
            i++
            if (lines[i + 1] ~ /^\.[LP]P$/ && !is_term(i + 1)) i++
        } else if (is_term(i)) {
            print ".TP\n" lines[i + 1]
            i += 6
        } else if (lines[i] ~ /^\.TH /) print ".nr HY 0\n" lines[i] "\n.ad l" # a name that is cut by a hyphen is another name
        else if (lines[i] == ".EX") print ".RS 2\n.EX"
        else if (lines[i] == ".EE") print ".EE\n.RE"
        else print lines[i]
    }
}
