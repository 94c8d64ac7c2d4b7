#!/bin/sh
# Tests a build without the optional libraries ($ASSAY_BUILD): it verifies and revokes, does not link them, and refuses by name what it cannot do.
# $ASSAY_FULL: a full build, whose `assay mint` signs the token.
set -eu
. "$(dirname "$0")/wait.sh"
small=$ASSAY_BUILD
work=$(mktemp -d)
agent=""
trap '[ -z "$agent" ] || kill "$agent"; rm -rf "$work"' EXIT
cd "$work"
assay() { "$small/client/cli/assay" "$@"; }
fail() { echo "small: $1"; exit 1; }

for program in agent/assayd client/cli/assay; do
    objdump -p "$small/$program" | grep -E 'NEEDED.*(curl|hiredis|jwt|libssl|llhttp)' && fail "$program links what was left out"
done
assay keygen --alg ES256 --kid k1 --out k1.pem >/dev/null
"$ASSAY_FULL/client/cli/assay" mint --key k1.pem --alg ES256 --kid k1 --issuer https://auth.example.com --audience orders --subject alice --ttl 1h >token

configure() {
    cat >assayd.yaml <<END
socket: {path: $work/run/assayd.sock}
state: $work/state
issuers:
  - {issuer: https://auth.example.com, audiences: [orders], keys: $1}
$2
END
}
refused() { # what is refused, and the library that is named
    configure "$1" "$2"
    if "$small/agent/assayd" --config assayd.yaml --check 2>why; then fail "taken: $1 $2"; fi
    grep -qF "$3" why || fail "not refused for want of $3: $(cat why)"
}
key='{file: k1.pem.jwks.json}'
refused '{discovery: true}' '' libcurl
refused '{jwks_uri: https://auth.example.com/jwks}' '' libcurl
refused "$key" 'revocation: {feeds: [{url: https://auth.example.com/revoked}]}' libcurl
refused "$key" 'revocation: {feeds: [{redis: redis://localhost}]}' hiredis
refused "$key" 'http: {listen: 127.0.0.1:8080}' llhttp
assay revoke --to redis://localhost --issuer I --jti J 2>why && fail "published"
grep -q hiredis why || fail "--to: $(cat why)"
assay mint --key k1.pem 2>/dev/null && fail "minted"

configure "$key" ''
export ASSAY_SOCKET="$work/run/assayd.sock"
"$small/agent/assayd" --config assayd.yaml 2>log &
agent=$!
is_ready() { assay health >/dev/null 2>&1; }
eventually is_ready || { cat log; exit 1; }
assay verify --audience orders <token | grep -q alice || fail "a good token"
assay revoke --token-file token >/dev/null
assay verify <token 2>why && fail "a revoked token"
grep -q revoked why || fail "$(cat why)"
echo "small: works without curl, hiredis, libjwt and llhttp, and says what it cannot do"
