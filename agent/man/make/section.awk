# A section of README, `wanted`; or, without one, a whole file below its title, its headings one level up. Exit 1: there is none.
/^```/ { fenced = !fenced }
!fenced && /^#+ / {
    if (wanted == "") {
        if ($0 !~ /^# /) { sub(/^#/, ""); if ($0 ~ /^# /) $0 = toupper($0); found = 1; print }
        next
    }
    on = $0 == "## " wanted
    found = found || on
    next
}
on || wanted == "" { print }
END { exit !found }
