#!/bin/sh
# Tests agent/guide/troubleshooting.md, "Why was my token refused?": it has every reason and error, a token of each kind is refused with the reason
# of its row, and the programs print the messages that it quotes.
# $ASSAY_BUILD: the build folder.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
. tests/wait.sh
export PATH="$ASSAY_BUILD/client/cli:$ASSAY_BUILD/agent:$PATH"
folder=$(mktemp -d)
agent=""
listener=""
trap '[ -z "$agent" ] || kill "$agent"; [ -z "$listener" ] || kill "$listener" 2>/dev/null || :; rm -rf "$folder"' EXIT

section() {
    awk '/^## / { on = $0 == "## Why was my token refused?" } on' "$root/agent/guide/troubleshooting.md"
}

fail() {
    echo "troubleshooting: $1" >&2
    exit 1
}

# The names in one list of status.h.
names() {
    awk -v list="$1" '/^#define/ { on = index($2, list "(") == 1; next } on && /^    X\(/ { split($0, part, "\""); print part[2] }' \
        "$root/include/assay/status.h"
}

cd "$folder"
section >section
reasons=$(names ASSAY_REASONS)
errors=$(names ASSAY_WIRE_ERRORS)
[ "$(echo "$reasons" | wc -l)" -ge 23 ] && [ "$(echo "$errors" | wc -l)" -ge 10 ] || fail "the names in status.h are not found"
for name in $reasons $errors; do
    grep -q "^| \`$name\` | [A-Z\`].*[.?] |$" section || fail "$name has no row"
done

issuer=https://auth.example.com
assay keygen --alg ES256 --kid k1 --out k1.pem >/dev/null
assay keygen --alg ES256 --kid k1 --out other.pem >/dev/null
mkdir etc
cp k1.pem.jwks.json etc/keys.json
awk '$0 == "```yaml" { on = 1; next } /^```/ { on = 0 } on' "$root/agent/guide/policy.md" >etc/policy.yaml
cat >assayd.yaml <<EOT
socket: {path: $folder/run/assayd.sock}
state: $folder/state
policy: $folder/etc/policy.yaml
log: {decisions: denied}
issuers:
  - issuer: $issuer
    keys: {file: $folder/etc/keys.json}
    audiences: [orders, returns]
    required_claims: [tenant]
    claims: {tenant: [acme]}
    max_token_lifetime: 24h
EOT
export ASSAY_SOCKET="$folder/run/assayd.sock"

start() {
    assayd --config "$1" 2>>log &
    agent=$!
    eventually answers || { cat log; exit 1; }
}

answers() {
    [ -S "$ASSAY_SOCKET" ] && assay status >/dev/null 2>&1
}

assay health 2>seen && exit 1
grep -q "cannot reach the agent" seen && grep -q '"cannot reach the agent"' section || fail "no agent: $(cat seen)"
start assayd.yaml

mint() {
    assay mint --key "${key:-k1.pem}" --alg ES256 --kid "${kid:-k1}" --issuer "${from:-$issuer}" --audience orders --subject alice --ttl "${ttl:-1h}" \
        --claim tenant="${tenant:-\"acme\"}" "$@"
}
# A token with another header.
headed() {
    printf '%s.%s\n' "$(printf '%s' "$1" | openssl base64 -A | tr '+/' '-_' | tr -d =)" "$(mint | cut -d . -f 2-)"
}

# Checks that the log has the reason too.
got() {
    grep -q "\"reason\":\"$1\"" log || fail "$1: not in the log"
    echo "$1" >>got
}
# The agent refuses the token on stdin with this reason.
expect() {
    cat >token
    assay verify --audience "${asked:-orders}" <token 2>seen && fail "$1: accepted"
    grep -q "^assay: refused: $1: " seen || fail "$1 expected: $(cat seen)"
    got "$1"
}
# `assay inspect`, without an agent, shows the same.
stops() {
    expect "$1"
    assay inspect --keys etc/keys.json --audience "${asked:-orders}" <token >shown 2>seen && fail "inspect accepts what is $1"
    grep -q REFUSED shown && grep -q "$1" seen || fail "inspect, $1: $(cat shown seen)"
}
# authorize answers no, with this status and reason.
denied() {
    cat >token
    assay authorize --action "$3" --resource "$4" --audience orders <token 2>seen && fail "$1: allowed"
    grep -q "$2" seen && grep -q "$1" seen || fail "$2 $1 expected: $(cat seen)"
    got "$1"
}

mint | assay verify --audience orders >/dev/null || fail "a good token"
mint | assay inspect --keys etc/keys.json --audience orders | grep -q '^good$' || fail "inspect, a good token"
mint | sed 's/^/Bearer /' | stops malformed
mint --claim groups="\"$(head -c 13000 /dev/zero | tr '\0' g)\"" | stops too_large
headed '{"alg":"none","kid":"k1"}' | stops unsupported_algorithm
headed '{"alg":"RS256","kid":"k1"}' | stops algorithm_mismatch
headed '{"alg":"ES256","kid":"k1","crit":["exp"]}' | stops unsupported_critical_header
headed '{"alg":"ES256","kid":"k1","typ":"logout+jwt"}' | stops wrong_type
from=$issuer/ mint | expect unknown_issuer
kid=k2 mint | stops unknown_key
key=other.pem mint | stops bad_signature
assay mint --key k1.pem --alg ES256 --kid k1 --issuer $issuer --audience orders --subject alice --ttl 1h | expect missing_claim
mint --claim nbf='"soon"' | stops bad_claim
tenant='"other"' mint | expect claim_mismatch
mint --claim cnf='{"jkt":"x"}' | expect claim_mismatch
mint --claim exp=1700000000 | stops expired
mint --claim nbf=$(($(date +%s) + 600)) | stops not_yet_valid
mint | asked=elsewhere stops wrong_audience
ttl=48h mint | expect lifetime_too_long
mint >revoked
assay revoke --token-file revoked
expect revoked <revoked
denied no_token 401 POST /orders </dev/null
mint | denied no_rule 403 GET /nowhere
mint --claim status='"suspended"' | denied denied_by_rule 403 GET /users/alice/orders
mint | denied insufficient_role 403 POST /orders
mint --claim role='"user"' | denied insufficient_scope 403 POST /orders
mint | denied bad_resource 403 GET /users/alice/orders%2f7
for name in $reasons; do
    grep -qx "$name" got || fail "no token was tried for $name"
done

# The commands in the section. Those that ask about a token answer no, because this one is revoked.
cp revoked token
cp etc/keys.json etc/policy.yaml .
awk '$0 == "```sh" { on = 1; next } /^```/ { on = 0 } on' section | sed 's/  *# .*//' >commands
[ "$(wc -l <commands)" -eq 5 ] || fail "its commands are not found"
while read -r command; do
    code=0
    sh -c "$command" </dev/null >out 2>&1 || code=$?
    case $command in
    "assay verify"* | "assay policy explain"*) [ $code -eq 1 ] || fail "$command: $code, $(cat out)" ;;
    *) [ $code -eq 0 ] || fail "$command: $code, $(cat out)" ;;
    esac
done <commands

# Errors: with an unreachable issuer, and as a user that may ask nothing.
kill "$agent"
wait "$agent" || :
sed "s|^    keys: .*|    keys: {jwks_uri: https://127.0.0.1:1/jwks}|; s|^log:|peers: [{name: nobody-here, uid: 4000000000}]\nlog:|" assayd.yaml >unreachable.yaml
assayd --config unreachable.yaml 2>>log &
agent=$!
is_told() { assay health 2>seen || grep -q "not ready" seen; }
eventually is_told || fail "health: $(cat seen)"
grep -q "not ready; missing: keys of $issuer" seen && grep -q '"not ready; missing: …"' section || fail "health: $(cat seen)"
assay verify <token 2>seen && fail "accepted without keys"
grep -q "^assay: forbidden: " seen && grep -q "{name: …, uid: $(id -u)}" seen || fail "forbidden expected: $(cat seen)"
grep -q '"to_let_it_in":"- {name: NAME, uid: ' log || fail "forbidden is not in the log"
kill "$agent"
wait "$agent" || :
sed -i '/^peers:/d' unreachable.yaml
start unreachable.yaml
assay verify <token 2>seen && fail "accepted without keys"
grep -q "^assay: keys_unavailable: " seen || fail "keys_unavailable expected: $(cat seen)"

# The agent does not start: another agent uses the state folder; the configuration has a fault.
assayd --config unreachable.yaml 2>seen && fail "two agents with one state"
tail -n 1 seen | grep -q "another assayd uses the state folder" || fail "the last line: $(cat seen)"
sed 's/^issuers:/issuer:/' assayd.yaml >bad.yaml
assayd --config bad.yaml --check 2>seen && fail "a bad configuration is good"
grep -q "^bad.yaml:[0-9]*:[0-9]*: .*did you mean" seen || fail "the faults: $(cat seen)"

# A user that may not use the socket, and a stranger that listens there. Only root can become another user.
[ "$(id -u)" -eq 0 ] || exit 0
somebody() {
    setpriv --reuid=65533 --regid=65533 --clear-groups "$@"
}
chmod 711 . run
chmod 644 token
somebody "$(command -v assay)" verify --token-file token 2>seen && fail "accepted from somebody"
quoted=$(sed -n 's/^- \*\*"\(may not use\) .*\(: its group and mode say who may\)"\*\*.*/\1 @\2/p' section | sed "s|@|$ASSAY_SOCKET|")
[ -n "$quoted" ] && grep -qF "$quoted" seen || fail "no permission: $(cat seen)"
mkdir open
chmod 777 open
somebody /usr/bin/python3 -c 'import socket, time
s = socket.socket(socket.AF_UNIX); s.bind("open/s"); s.listen(); time.sleep(30)' &
listener=$!
eventually [ -S open/s ] || fail "nobody listens"
chmod 777 open/s
assay verify --socket "$folder/open/s" <token 2>seen && fail "a stranger is believed"
grep -q "is served by a user who is neither root nor the owner of its directory" seen &&
    grep -q '"is served by a user who is neither root nor the owner of its directory"' section || fail "a stranger: $(cat seen)"
echo "troubleshooting: every reason was given to a token, $(wc -l <got) tokens; the messages are the quoted ones"
