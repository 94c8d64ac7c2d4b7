#!/bin/sh
# Tests completion in a real bash and a real zsh: they offer every command and option that --help lists, files where an option takes a file, and
# nothing that the program refuses.
# $ASSAY_BUILD: the build folder.
set -eu
cd "$(dirname "$0")/.."
tests=$PWD/tests
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
DESTDIR="$folder/root" cmake --install "$ASSAY_BUILD" >"$folder/log" || { cat "$folder/log"; exit 1; }
export PATH="$ASSAY_BUILD/client/cli:$ASSAY_BUILD/agent:$PATH" HOME="$folder"
bash_functions=$(dirname "$(find "$folder/root" -path '*/bash-completion/completions/assay')")
zsh_functions=$(dirname "$(find "$folder/root" -name _assay)")
mkdir "$folder/here" "$folder/here/keys"
: >"$folder/here/keys.json" >"$folder/here/keys.pem"
cd "$folder/here"

fail() {
    echo "completion: $1" >&2
    exit 1
}

# Questions: the line to complete, a bar, and the expected offers.
algorithms="ES256 ES384 ES512 EdDSA HS256 HS384 HS512 PS256 PS384 PS512 RS256 RS384 RS512"
files="keys keys.json keys.pem"
commands=$(assay --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  .*/\1/p')
{
    echo "assay | $(echo $commands --help --version)"
    for command in $commands; do
        echo "assay $(echo "$command" | cut -c 1-3)|$(echo "$commands" | grep "^$(echo "$command" | cut -c 1-3)" | xargs)"
        [ "$command" != policy ] || continue
        echo "assay $command --|$(assay "$command" --help | sed -n 's/^  \(--[a-z0-9-]*\) .*/\1/p' | xargs)"
    done
    for command in test explain; do
        echo "assay policy $command --|$(assay policy "$command" --help | sed -n 's/^  \(--[a-z0-9-]*\) .*/\1/p' | xargs)"
        echo "assay policy $command k|$files"
    done
    echo "assay policy e|explain"
    echo "assay mint --key k|$files"
    echo "assay mint --kid k1 --key=keys.|keys.json keys.pem"
    echo "assay verify --token-file keys.j|keys.json"
    echo "assay inspect --keys k|$files"
    echo "assay revoke --to redis://r --ca-file k|$files"
    echo "assay keygen --alg |$algorithms"
    echo "assay keygen --alg PS|PS256 PS384 PS512"
    echo "assay bench --alg E|ES256 ES384 ES512 EdDSA"
    echo "assay bench --mode |cold local socket"
    echo "assay bench --mode=s|socket"
    echo "assay verify --audience |"
    echo "assay nonsense --|"
    echo "assayd --|$(assayd --help | sed -n 's/^  \(--[a-z]*\) .*/\1/p' | xargs)"
    echo "assayd --config k|$files"
    echo "assayd --salvage k|$files"
    echo "assayd --salvage old k|$files"
} | sed 's/^assay |/assay |/' >questions
[ "$(wc -l <questions)" -ge 45 ] || fail "the commands of --help are not found"
questions=$(wc -l <questions)

# The program accepts every algorithm that is offered.
for algorithm in $algorithms; do
    assay keygen --alg "$algorithm" --kid k --out "$folder/$algorithm.pem" >/dev/null || fail "keygen does not know $algorithm"
done
printf 'assay mint --alg |%s\n' "$(assay mint --help | sed -n 's/^  --alg ALG *//; T; s/,//g; p' | tr ' ' '\n' | sort | xargs)" >>questions

mv questions ../questions
sed 's/|.*//' ../questions >../lines
sed 's/.*|//' ../questions | while read -r words; do echo $words | tr ' ' '\n' | sort | xargs; done >../wanted
bash "$tests/completion/ask.bash" "$bash_functions" <../lines >../bash || fail "bash"
diff ../wanted ../bash >../difference || { paste -d '|' ../lines ../bash; fail "bash: $(cat ../difference)"; }
zsh -f "$tests/completion/ask.zsh" "$zsh_functions" "$folder" <../lines >../zsh || fail "zsh"
diff ../wanted ../zsh >../difference || { paste -d '|' ../lines ../zsh; fail "zsh: $(cat ../difference)"; }
echo "completion: $((questions + 1)) questions, by bash and by zsh"
