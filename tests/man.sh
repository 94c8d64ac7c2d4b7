#!/bin/sh
# Tests the manual pages: they are installed, readable, and cover everything that the programs, the header and the configuration have.
# $ASSAY_BUILD: the build folder.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
export PATH="$ASSAY_BUILD/client/cli:$ASSAY_BUILD/agent:$PATH" MANWIDTH=80 MAN_KEEP_FORMATTING= MANPAGER=cat
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "manual pages: $1" >&2
    exit 1
}

DESTDIR="$folder/root" cmake --install "$ASSAY_BUILD" >"$folder/log" || fail "$(cat "$folder/log")"
manual=$(dirname "$(dirname "$(find "$folder/root" -name assayd.8)")")
[ -d "$manual" ] || fail "none are installed; is lowdown there?"
pages="assay.1 libassay.3 assayd.yaml.5 assay-policy.5 assay-gateways.7 assay-protocol.7 assayd.8"

# The text as a terminal of 80 columns shows it, and on one line for searches.
for page in $pages; do
    file=$manual/man${page##*.}/$page
    [ -s "$file" ] || fail "$page is not installed"
    man --warnings -E UTF-8 -l "$file" >"$folder/$page" 2>"$folder/warnings" || fail "$page: man fails"
    [ ! -s "$folder/warnings" ] || fail "$page: $(cat "$folder/warnings")"
    # A page has no date, so that the same sources give the same bytes on any day.
    mandoc -Tlint -Wwarning "$file" | grep -v 'missing date' >"$folder/warnings" && fail "$(cat "$folder/warnings")"
    lexgrog "$file" | grep -q "\"${page%.*} - " || fail "$page: apropos would not find it"
    # Only what cannot be broken may be wider: a name, an address, a line of HAProxy's or Caddy's configuration.
    LC_ALL=C awk -v page="$page" '{ gsub(/[\200-\277]/, ""); text = $0; sub(/^ */, "", text) }
        length($0) > 80 && text ~ / / && text !~ /^(http-request|@unusual)/ { print page ": " $0; bad = 1 } END { exit bad }' "$folder/$page" ||
        fail "a line is too wide"
    tr -s ' \n' '  ' <"$folder/$page" >"$folder/$page.text"
    grep -q ' NAME .* DESCRIPTION .* SEE ALSO ' "$folder/$page.text" || fail "$page: a section is missing"
done

# has PAGE WORD…: the page has each word.
has() {
    page=$1
    shift
    [ $# -gt 0 ] || fail "$page: nothing to look for"
    for what in "$@"; do
        LC_ALL=C awk -v what="$what" '{ rest = $0
            while ((at = index(rest, what)) > 0) {
                if (substr(" " rest, at, 1) !~ /[A-Za-z0-9_-]/ && substr(rest, at + length(what), 1) !~ /[A-Za-z0-9_-]/) found = 1
                rest = substr(rest, at + 1)
            } } END { exit !found }' "$folder/$page.text" || fail "$page has no $what"
    done
    total=$((total + $#))
}
# counted N WHAT: fails if fewer than N words were checked since the last call, because then the lists were not found.
counted() {
    [ "$total" -ge "$1" ] || fail "$total $2, not $1"
    echo "$total $2"
    total=0
}
total=0

commands=$(assay --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  .*/\1/p')
for command in $commands; do
    has assay.1 "assay $command"
    assay "$command" --help >"$folder/help"
    # Each option is explained below its own command.
    sed -n 's/^  \(--[a-z0-9-]*\)[^a-z].*/\1/p' "$folder/help" | sort -u >"$folder/options"
    awk -v from="   assay $command" '/^   [^ ]/ || /^[^ ]/ { on = $0 == from || index($0, from " ") == 1 } on' "$folder/assay.1" >"$folder/section"
    while read -r option; do
        grep -qE "^       $option( |\$)" "$folder/section" || fail "assay.1: $command has no $option"
        total=$((total + 1))
    done <"$folder/options"
done
counted 120 "commands and options of assay"
has assayd.8 $(assayd --help | sed -n 's/^  \(--[a-z]*\).*/\1/p')
counted 5 "options of assayd"

# The keys that the agent's code reads: {"name", reader, …}.
keys() {
    sed -n 's/{"/\n{"/gp' "$root"/agent/"$1"/*.c | sed -n 's/^{"\([a-z_]*\)", *[a-z_]*read_[a-z_]*,.*/\1/p' | sort -u
}
has assayd.yaml.5 $(keys config)
counted 50 "keys of the configuration"
has assay-policy.5 $(keys policy)
counted 15 "keys of a policy"

names() {
    awk -v list="$1" -v part="${2:-}" '/^#define/ { on = index($2, list "(") == 1; next }
        on && /^    X\(/ { split($0, quoted, "\""); split($0, comma, /[(,] */); print part ? comma[3] : quoted[2] }' include/assay/status.h
}
for page in libassay.3 assay-protocol.7 assay.1 assayd.8; do
    has $page $(names ASSAY_REASONS) $(names ASSAY_WIRE_ERRORS)
done
counted 132 "reasons and errors"
has libassay.3 $(names ASSAY_STATUSES 1 | sed 's/^/ASSAY_E_/') $(names ASSAY_WIRE_ERRORS 1 | sed 's/^/ASSAY_E_/')
counted 21 "statuses"

for function in $(sed -n 's/^ *\(assay_[a-z_]*\);.*/\1/p' client/libassay.map); do
    grep -qE "^         .*[ *]$function\(" "$folder/libassay.3" || fail "libassay.3: $function is not declared"
    [ "$(cat "$manual/man3/$function.3")" = ".so man3/libassay.3" ] || fail "man $function shows nothing"
    total=$((total + 1))
done
counted 44 "functions"
(cd "$manual" && man --warnings -E UTF-8 -l man3/assay_verify.3) | cmp - "$folder/libassay.3" || fail "man assay_verify shows something else"

# Every page of Assay that a page names exists.
cat "$folder"/*.text | tr ' ,;' '\n\n\n' | sed -n 's/^[(]*\(lib\)\{0,1\}\(assay[a-z_.-]*\)(\([1-8]\)).*/\1\2.\3/p' | sort -u >"$folder/named"
while read -r page; do
    [ -e "$manual/man${page##*.}/$page" ] || fail "$page is named and not there"
    total=$((total + 1))
done <"$folder/named"
for page in $pages; do
    grep -qx "$page" "$folder/named" || fail "$page is named by no other"
done
counted 7 "pages that are named"

# The bytes do not depend on the day, the time zone or the locale.
version=$(assay --version | sed 's/.* //')
TZ=Asia/Tokyo LANG=C.UTF-8 VERSION=$version ASSAY=assay ASSAYD=assayd LOWDOWN=lowdown faketime '2031-02-03 04:05:06' \
    sh agent/man/make/page.sh agent/man/assayd.8.md "$folder/again.8"
sed 's/"again"/"assayd"/' "$folder/again.8" | cmp - "$manual/man8/assayd.8" || fail "assayd.8 comes out otherwise on another day"

# A template that names something missing fails the build.
for line in '@README No such heading@' '@GUIDE policy No such heading@' '@GUIDE policy@' '@GUIDE no-such-guide Peers@' '@HELP assay no-such-command@' '@FILE no/such/file@' '@STATUS nothing@' '@NOTHING at all@' '@HEADER no/such/header.h@'; do
    printf '# NAME\n\nx - y\n\n%s\n' "$line" >"$folder/x.1.md"
    VERSION=0 ASSAY=assay ASSAYD=assayd LOWDOWN=lowdown sh agent/man/make/page.sh "$folder/x.1.md" "$folder/x.1" 2>"$folder/error" && fail "$line is taken"
    grep -qF "$line" "$folder/error" || fail "$line: $(cat "$folder/error")"
    [ ! -e "$folder/x.1" ] || fail "$line: half a page is left"
done
