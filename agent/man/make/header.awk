# A header's declarations, each before what its comment says. `intro`: the first comment and no more.
# Four spaces more than the text's own are code. What a call returns begins a paragraph.
function say(text) {
    if (text ~ /^    /) { said = said text "\n"; return }
    if (said ~ /\.\n$/ && text ~ /^(0: |Returns |Each returns |ASSAY_E_|Threads: |`ret` )/) said = said "\n"
    said = said escaped(text) "\n"
}
function flush_declared() {
    if (declared != "") printf "\n```c\n%s```\n", declared
    if (said != "") printf "\n%s", said
    declared = said = ""
}
/^\/\*/ && !commented {
    if (declared != "" || said != "") flush_declared()
    commented = 1
    comments++
    sub(/^\/\* */, "")
    first = 1
}
commented {
    last = $0 ~ / *\*\/$/
    sub(/ *\*\/$/, "")
    if (!first) sub(/^   /, "")
    first = 0
    if (!intro || comments == 1) say($0)
    if (last) commented = 0
    if (last && comments == 1) { if (intro) exit; said = "" }
    next
}
/^#/ || /^extern "C"/ || /^}$/ { next }
/^enum assay_status/ { skipping = 1 } # its members come from status.h
skipping { if (/^};/) skipping = 0; next }
/^$/ { if (declared != "" || said != "") flush_declared(); next }
{
    sub(/^ASSAY_MUST_USE /, "")
    if (unfinished) { sub(/^ +/, " "); sub(/\n$/, "", declared) }
    declared = declared $0 "\n"
    unfinished = $0 !~ /[;{]( +\/\*.*\*\/)?$/
}
END { flush_declared() }
