#!/bin/sh
# Makes one manual page from TEMPLATE (Markdown): replaces its lines @KIND NAME@ by texts from other files, so that each text exists once.
#   VERSION=… ASSAY=… ASSAYD=… LOWDOWN=… sh agent/man/make/page.sh TEMPLATE PAGE
#   @README Heading@   that section of README.md          @HELP assay verify@   what --help says; of `assay` also @COMMANDS assay@
#   @GUIDE policy Heading@   that section of agent/guide/policy.md
#   @FILE path@        a whole file, without its title     @USAGE assayd@        the lines behind "Usage:"
#   @HEADER path@      declarations, with their comments   @INTRO path@          the header's first comment
#   @STATUS reasons@   or errors, statuses: of include/assay/status.h
# What a template names and is not there ends the build.
set -eu
export LC_ALL=C
template=$1
page=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
name=$(basename "$template" .md)
work=$page.work
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

fail() {
    printf '%s: %s\n' "$template" "$1" >&2
    exit 1
}

# What --help of "assay verify" says.
help() {
    program=$1
    shift
    case $program in
    assay) $ASSAY "$@" --help ;;
    assayd) $ASSAYD "$@" --help ;;
    *) return 1 ;;
    esac
}

commands() {
    help "$1" | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\)  .*/\1/p'
}

# A command of two, as `policy`, says both.
all_commands() {
    for command in $(commands "$1"); do
        help "$1" "$command" >"$work/command"
        awk -v title=1 -f "$here/escape.awk" -f "$here/help.awk" "$work/command"
    done
}

include() {
    kind=$1
    shift
    case $kind in
    README) awk -v wanted="$*" -f "$here/section.awk" "$root/README.md" ;;
    GUIDE)
        guide=$root/agent/guide/$1.md
        shift
        [ $# -gt 0 ] && awk -v wanted="$*" -f "$here/section.awk" "$guide"
        ;;
    FILE) awk -f "$here/section.awk" "$root/$1" ;;
    HELP) help "$@" >"$work/help" && awk -f "$here/escape.awk" -f "$here/help.awk" "$work/help" ;;
    USAGE) help "$@" >"$work/help" && awk -v usage=1 -f "$here/escape.awk" -f "$here/help.awk" "$work/help" ;;
    COMMANDS) all_commands "$@" ;;
    HEADER) awk -f "$here/escape.awk" -f "$here/header.awk" "$root/$1" ;;
    INTRO) awk -v intro=1 -f "$here/escape.awk" -f "$here/header.awk" "$root/$1" ;;
    STATUS) awk -v wanted="$1" -f "$here/escape.awk" -f "$here/status.awk" "$root/include/assay/status.h" ;;
    *) return 1 ;;
    esac
}

while IFS= read -r line; do
    case $line in
    @*@)
        words=${line#@}
        words=${words%@}
        # shellcheck disable=SC2086 # the words of a line are its arguments
        include $words >"$work/part" 2>"$work/error" || fail "$line: not there $(cat "$work/error")"
        [ -s "$work/part" ] || fail "$line: nothing is there"
        cat "$work/part"
        ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$template" >"$work/whole"

awk -v page="$name" -f "$here/code.awk" -f "$here/fit.awk" "$work/whole" >"$work/fit"
sed "s/$(printf '\001')/…/g" "$work/fit" >"$work/fitted"
# No date: a page says which version it is of, and the same sources give the same bytes on any day.
$LOWDOWN -s -tman --out-no-smarty -M "title=${name%.*}" -M "section=${name##*.}" -M "source=Assay $VERSION" -M "volume=Assay" -o "$work/rough" \
    "$work/fitted"
awk -f "$here/polish.awk" "$work/rough" >"$work/page"
mv "$work/page" "$page"
