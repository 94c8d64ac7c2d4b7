#!/bin/sh
# Runs all C, shell, YAML and Python code in README and the guides, with an installed library and a real agent. These test the text too:
# refused.sh (troubleshooting.md), packages.sh (operations.md), e2e/test_feed_readme.py (revocation.md), e2e/test_live_shapes.py
# (issuers.md), e2e/test_gateway*.py (gateways.md, README's nginx).
# $ASSAY_BUILD: the build folder.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
. tests/wait.sh
folder=$(mktemp -d)
agent=""
trap '[ -z "$agent" ] || kill "$agent"; rm -rf "$folder"' EXIT

guide=agent/guide

# The N-th block of a language in these files.
block() {
    language=$1
    wanted=$2
    shift 2
    (cd "$root" && awk -v language="$language" -v wanted="$wanted" '$0 == "```" language { n++; on = n == wanted; next } /^```/ { on = 0 } on' "$@")
}

# The shell commands in a section of a guide.
commands() {
    awk -v heading="## $2" '$0 == heading { on = 1; next } /^## / { on = 0 } on' "$root/$guide/$1" |
        awk '$0 == "```sh" { on = 1; next } /^```/ { on = 0 } on'
}

DESTDIR="$folder/root" cmake --install "$ASSAY_BUILD" >/dev/null
pc=$(find "$folder/root" -name libassay.pc)
prefix="$folder/root$(sed -n 's/^prefix=//p' "$pc")"
export PATH="$prefix/bin:$prefix/sbin:$PATH" LD_LIBRARY_PATH="$(dirname "$(dirname "$pc")")" PKG_CONFIG_PATH="$(dirname "$pc")"

cd "$folder"
assay keygen --alg ES256 --kid k1 --out k1.pem >/dev/null
mkdir etc && cp k1.pem.jwks.json etc/keys.json
block json 1 $guide/revocation.md | sed "s/6f1c…/some-id/" >etc/revoked.ndjson

# Every YAML block is a policy or a whole configuration; its paths are changed to this folder. The first configuration is the shortest; the second
# has every key. The keys in its comments are tested too, one after the other, because an issuer has only one source of keys.
pod=secrets/kubernetes.io/serviceaccount
mkdir -p audit "$pod" && (umask 077 && echo token >etc/token && echo token >"$pod/token")
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out etc/ca.pem -subj /CN=ca -days 1 2>/dev/null
cp etc/ca.pem "$pod/ca.crt"
here="s|/etc/assay|$folder/etc|; s|/run/assay|$folder/run|; s|/var/lib/assay|$folder/state|; s|/var/log/assay|$folder/audit|; s|/var/run/secrets|$folder/secrets|"
n=1
configurations=0
while block yaml $n README.md $guide/configuration.md $guide/issuers.md $guide/policy.md $guide/revocation.md >yaml && [ -s yaml ]; do
    if grep -q '^issuers:' yaml; then
        configurations=$((configurations + 1))
        sed "$here" yaml >assayd$configurations.yaml
    else
        cp yaml etc/policy.yaml
    fi
    n=$((n + 1))
done
[ $configurations -eq 13 ] || { echo "guides: $configurations configurations, not 13"; exit 1; }
[ $n -eq 15 ] || { echo "guides: $((n - 1)) YAML blocks, not the configurations and one policy"; exit 1; }
# Rules behind a gateway, for services with different audiences.
{ echo "version: 1" && block yaml 1 $guide/gateways.md; } >rules.yaml
assay policy test rules.yaml >/dev/null
assay policy explain rules.yaml --claims '{"role":"user","aud":"orders"}' --action GET --resource /orders/7 >/dev/null
assay policy explain rules.yaml --claims '{"role":"user","aud":"returns"}' --action GET --resource /orders/7 >/dev/null 2>&1 && exit 1
keys="ca_file|token_file|timeout|refresh|refetch_cooldown|max_key_age"
for source in discovery jwks_uri; do
    sed -E "/^ *file:.*keys.json/d; s/# ($source|$keys):/\\1:/" assayd2.yaml >live-$source.yaml
    [ "$(grep -cE "^ *($source|$keys):" live-$source.yaml)" -eq 7 ]
done
sed 's/^# //' assayd2.yaml >peers.yaml
[ "$(grep -cE '^  - .?name: (orders|operators)|^    (uid|methods|issuers|audiences|rate|connections|in_flight):' peers.yaml)" -eq 10 ]
for configuration in assayd*.yaml live-*.yaml peers.yaml; do
    assayd --config "$configuration" --check
done

export ASSAY_SOCKET="$folder/run/assayd.sock"
assayd --config assayd2.yaml 2>log &
agent=$!
is_ready() { assay health >/dev/null 2>&1; }
eventually is_ready || { cat log; exit 1; }

block c 1 README.md >service.c
PKG_CONFIG_SYSROOT_DIR="$folder/root" sh -ec "$(block sh 2 README.md)"
cc -Wall -Wextra -Werror service.c -o service $(PKG_CONFIG_SYSROOT_DIR="$folder/root" pkg-config --cflags --libs libassay)
mint() {
    assay mint --key k1.pem --alg ES256 --kid k1 --issuer https://auth.example.com --audience orders --subject alice --ttl 1h \
        --claim tenant='"acme"' "$@"
}
mint >token
[ "$(./service "$(cat token)")" = "hello, alice" ]
assay revoke --token-file token
[ "$(./service "$(cat token)" || true)" = "401: revoked" ]

# The library guide: its checks are asked, its event loop compiles, and the examples run.
{ block c 1 $guide/library.md; printf '%s\n' 'int main(int c, char **v) { struct assay *a;' \
    'return c != 3 || assay_open(&a, NULL, NULL) != 0 ? 2 : may_read_and_delete(a, v[1], v[2]) == ASSAY_E_REFUSED ? 1 : 0; }'; } >checks.c
cc -Wall -Wextra -Werror checks.c -o checks $(PKG_CONFIG_SYSROOT_DIR="$folder/root" pkg-config --cflags --libs libassay)
mint >token
./checks "$(cat token)" /nothing/here >seen && { echo "library.md: its checks are allowed"; exit 1; }
[ "$(cat seen)" = "$(printf 'GET: denied\nDELETE: denied')" ] || { cat seen; exit 1; }
block c 2 $guide/library.md >loop.c
cc -Wall -Wextra -Werror -c loop.c -o loop.o $(PKG_CONFIG_SYSROOT_DIR="$folder/root" pkg-config --cflags libassay)
mint >token
for example in epoll uv; do
    libraries=$(PKG_CONFIG_SYSROOT_DIR="$folder/root" pkg-config --cflags --libs libassay)
    [ $example = epoll ] || libraries="$libraries $(pkg-config --cflags --libs libuv)"
    cc -Wall -Wextra -Werror "$root/client/examples/$example.c" -o $example $libraries
    [ "$(cat token token | ./$example | sort)" = "$(printf '1 yes: alice\n2 yes: alice')" ]
done

# The Python of README.
mint >token
{ printf 'token = open("token").read().strip()\n'; block python 1 README.md | sed "s|/run/assay/assayd.sock|$ASSAY_SOCKET|"; } >client.py
/usr/bin/python3 client.py | grep -q "'active': True"

# The commands of the guides, with real values in place of the dots.
assay verify --audience orders <token >/dev/null
jti=$(assay verify <token | sed 's/.*"jti":"\([^"]*\)".*/\1/')
{ commands policy.md "Authorization" && commands operations.md "Commands"; } |
    sed "s/  *#.*//; s/6f1c…/$jti/; s/keys.json/etc\/keys.json/; s/policy.yaml/etc\/policy.yaml/; s/ I / https:\/\/auth.example.com /;
         s/ A / orders /; s/ S / bob /; s/k1/k2/g" | grep -v '^assay verify' >all
mint >tokens # before the list revokes what is alice's
{ grep '^assay bench' all && grep -v '^assay bench' all; } >commands
while read -r command; do
    sh -c "$command" </dev/null >out 2>&1 || { echo "guides: $command"; cat out; exit 1; }
done <commands
count=$(wc -l <commands)
[ "$count" -ge 15 ] || { echo "guides: only $count commands"; exit 1; }

# The quickstart prints the steps and commands that README shows of it. tests/run.sh runs the quickstart.
block text 2 README.md | sed -n 's/^\$ //p; s/^[0-9]\. //p' >steps
[ "$(wc -l <steps)" -eq 9 ] || { echo "README: $(wc -l <steps) steps and commands of the quickstart, not 9"; exit 1; }
while read -r step; do
    grep -qF -- "$step" "$root/agent/quickstart.sh" || { echo "README: the quickstart does not print: $step"; exit 1; }
done <steps

# Links lead to a file that exists and, with a #, to a heading in it.
links=0
for text in README.md $(cd "$root" && echo $guide/*.md); do
    grep -o '](\([^)]*\))' "$root/$text" | sed 's/^](//; s/)$//' | grep -v '^https\?:' >links || continue
    while read -r link; do
        links=$((links + 1))
        target=$text
        case $link in "#"*) ;; *) target=$(dirname "$text")/${link%%#*} ;; esac
        [ -e "$root/$target" ] || { echo "$text: $link leads nowhere"; exit 1; }
        case $link in
        *"#"*)
            sed -n 's/^##* //p' "$root/$target" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9_\n-' | grep -qxF -- "${link#*#}" ||
                { echo "$text: $link: no such heading"; exit 1; }
            ;;
        esac
    done <links
done
[ $links -ge 27 ] || { echo "README, guides: only $links links"; exit 1; }
lines=$(wc -l <"$root/README.md")
[ "$lines" -le 250 ] || { echo "README: $lines lines, more than 250"; exit 1; }
echo "README, guides: their C, YAML, Python, $count commands and $links links work"
