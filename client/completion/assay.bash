# bash completion of assay. It reads commands, options and their values from --help of the program on the command line, so it always offers what
# that program has.

# Completes the value of an option, by the name that --help gives the value.
_assay_value() {
    local help=$1 option=$2 current=$3 line value names

    line=$(sed -n "s/^  $option \([A-Z][A-Z=]*\)  /\1 /p" <<<"$help")
    value=${line%% *}
    case $value in
    FILE | F | PATH)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        ;;
    ALG) # all algorithms, unless --help has the whole list
        names=${line#ALG}
        [[ $names == *[,\ ][^A-Z\ ]* ]] && names="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA HS256 HS384 HS512"
        mapfile -t COMPREPLY < <(compgen -W "${names//,/ }" -- "$current")
        ;;
    *) # "Usage: … [--mode local|socket|cold]"
        names=$(sed -n "s/^Usage: .*\[$option \([a-z][a-z|]*\)\].*/\1/p" <<<"$help")
        mapfile -t COMPREPLY < <(compgen -W "${names//|/ }" -- "$current")
        ;;
    esac
    [ -n "$value" ]
}

_assay() {
    local program=${1/#\~\//$HOME/} current=${COMP_WORDS[COMP_CWORD]} at=2 before help names first

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        names=$("$program" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\)  .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$names --help --version" -- "$current")
        return
    fi
    first=${COMP_WORDS[1]}
    help=$("$program" "$first" --help 2>/dev/null) || return

    # A command of two words, as `policy test`: --help of the first word lists the second words.
    names=$(sed -n "s/^assay $first \([a-z][a-z]*\): .*/\1/p" <<<"$help")
    if [ -n "$names" ]; then
        if [ "$COMP_CWORD" -eq 2 ]; then
            mapfile -t COMPREPLY < <(compgen -W "$names --help" -- "$current")
            return
        fi
        at=3
        help=$("$program" "$first" "${COMP_WORDS[2]}" --help 2>/dev/null) || return
    fi

    # bash cuts --key=FILE at the =.
    before=$((COMP_CWORD - 1))
    [ "$current" = "=" ] && current=""
    [ "${COMP_WORDS[before]}" = "=" ] && before=$((before - 1))
    if [ $before -ge $at ] && [[ ${COMP_WORDS[before]} == --* ]] && _assay_value "$help" "${COMP_WORDS[before]}" "$current"; then
        return
    fi
    if [[ $current != -* ]] && grep -q '^  FILE  ' <<<"$help"; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
    fi
    names=$(sed -n 's/^  \(--[a-z0-9-]*\) .*/\1/p' <<<"$help")
    mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
}

complete -F _assay assay
