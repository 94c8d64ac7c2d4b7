# Lines of stdin, completed at their end as bash would; what is offered goes to stdout, sorted, a line each. $1: the folder of the functions.
source "$1/assay" && source "$1/assayd" || exit 1
while IFS= read -r line; do
    # bash cuts at = as well.
    read -ra COMP_WORDS <<<"${line//=/ = }"
    [[ $line == *[\ =] ]] && [[ $line != *= ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMPREPLY=()
    function=$(complete -p "${COMP_WORDS[0]}" | sed 's/.*-F \([a-z_]*\) .*/\1/')
    "$function" "${COMP_WORDS[0]}"
    printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | xargs
done
