# bash completion of assayd: its options are what --help of the very program says.
_assayd() {
    local program=${1/#\~\//$HOME/} current=${COMP_WORDS[COMP_CWORD]} names

    if [[ $current == -* ]]; then
        names=$("$program" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\) .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
        return
    fi
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
}

complete -F _assayd assayd
