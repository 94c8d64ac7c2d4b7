# Plain text as Markdown: what would be markup is not; `code` stays.
function escaped(text,    i, parts, count) {
    count = split(text, parts, "`")
    text = ""
    for (i = 1; i <= count; i++) {
        if (i % 2 == 1) gsub(/[\\*_<>[\]|#]/, "\\\\&", parts[i])
        text = text (i > 1 ? "`" : "") parts[i]
    }
    return text
}
