# A section of a file, `wanted`, below its heading; or, without one, a whole file below its title. Headings go one level up. Exit 1: the
# file has no such section.
/^```/ { fenced = !fenced }
!fenced && /^#+ / {
    if (wanted == "") {
        if ($0 !~ /^# /) { sub(/^#/, ""); if ($0 ~ /^# /) $0 = toupper($0); found = 1; print }
        next
    }
    if (/^###/) { if (on) print substr($0, 2); next }
    on = $0 == "## " wanted
    found = found || on
    next
}
on || wanted == "" { print }
END { exit !found }
