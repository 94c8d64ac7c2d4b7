#!/bin/sh
# Installs what is needed, builds Assay, and shows its main job for real: a key, an agent, a token that is verified, revoked and refused.
# Everything happens in a temporary folder and on a private socket; nothing of it stays but the build folder and the packages.
set -eu
cd "$(dirname "$0")/.."
. agent/packages.sh

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

# Prints a command as a user would type it, then runs it.
run() {
    printf '$ %s\n' "$*"
    "$@"
}

say "1. Build"
install_build_packages
cmake -S . -B build -G Ninja -DASSAY_TESTS=OFF >/dev/null
built=$(cmake --build build 2>&1) || { printf '%s\n' "$built" | tail -n 40 >&2; exit 1; }
printf '%s\n' "$built" | tail -n 1
PATH="$PWD/build/agent:$PWD/build/client/cli:$PATH"

folder=$(mktemp -d)
agent=""
finish() {
    [ -z "$agent" ] || kill "$agent" 2>/dev/null || true
    [ -z "$agent" ] || wait "$agent" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM
cd "$folder"
export ASSAY_SOCKET="$folder/assayd.sock"

say "2. A key, as an issuer has one"
run assay keygen --alg ES256 --kid demo-1 --out issuer.pem

say "3. An agent that trusts it"
cat >assayd.yaml <<CONFIG
socket: {path: $folder/assayd.sock}
state: $folder/state
issuers:
  - issuer: https://auth.example.com
    keys: {file: issuer.pem.jwks.json}
    audiences: [orders]
policy: policy.yaml
log: {level: warning, format: text, decisions: off}
CONFIG
cat >policy.yaml <<CONFIG
version: 1
rules:
  - {name: own-orders, actions: [GET], resources: ["/users/{sub}/orders"]}
CONFIG
printf '$ cat policy.yaml\n'
cat policy.yaml
printf '$ cat assayd.yaml\n'
cat assayd.yaml
run assayd --config assayd.yaml --check
printf '$ assayd --config assayd.yaml &\n'
assayd --config assayd.yaml &
agent=$!
tries=0
until assay health >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "the agent did not start" >&2; exit 1; }
    sleep 0.05
done
run assay health

say "4. A token: minted and verified"
printf '$ assay mint --key issuer.pem --alg ES256 --kid demo-1 --issuer https://auth.example.com --audience orders --subject alice --ttl 1h >token\n'
assay mint --key issuer.pem --alg ES256 --kid demo-1 --issuer https://auth.example.com --audience orders --subject alice --ttl 1h >token
run assay verify --audience orders --token-file token

say "5. Authorization: alice's own orders, and bob's"
run assay authorize --action GET --resource /users/alice/orders --token-file token
printf '$ assay authorize --action GET --resource /users/bob/orders --token-file token\n'
if assay authorize --action GET --resource /users/bob/orders --token-file token; then
    echo "a forbidden request was allowed" >&2
    exit 1
fi

say "6. Revoked: from now on every service on this machine refuses it"
printf '$ assay revoke --token "$(cat token)"\n'
assay revoke --token "$(cat token)"
printf '$ assay verify --audience orders --token-file token\n'
if assay verify --audience orders --token-file token; then
    echo "the revoked token was accepted" >&2
    exit 1
fi

say "7. What next"
cat <<NEXT
  A service of your own:   README.md, "Verify a token in C"
  An agent for this host:  sh systemd/package.sh; agent/guide/operations.md
  Your issuer's keys:      keys: {discovery: true}; agent/guide/issuers.md
  Your rules:              agent/guide/policy.md; assay policy test FILE
  All commands:            build/client/cli/assay --help
NEXT
