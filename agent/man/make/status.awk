# Names and meanings of status.h: `wanted` is reasons, errors or statuses. Exit 1: none were found.
BEGIN { list["reasons"] = "ASSAY_REASONS"; list["errors"] = "ASSAY_WIRE_ERRORS"; list["statuses"] = "ASSAY_STATUSES" }
/^#define/ { on = index($2, list[wanted] "(") == 1; next }
on && /^ +X\(/ {
    found = 1
    split($0, text, "\"")
    split($0, part, /[(,] */)
    if (wanted == "reasons") printf "\n`%s`\n: %s\n", text[2], escaped(text[4])
    if (wanted == "errors") printf "\n`ASSAY_E_%s`, `%s` (%d)\n: %s\n", part[3], text[2], part[2], escaped(text[4])
    if (wanted == "statuses") printf "\n`ASSAY_E_%s`, `%s` (%d)\n: %s\n", part[3], text[2], part[2], escaped(text[4])
}
END { exit !found }
