# Inside a Debian 12 of two architectures: tests/elsewhere.sh. Programs of arm64 are run by qemu, as ctest does too.
set -eu
cd /src
. tests/elsewhere/steps.sh
. agent/packages.sh

# Libraries are the other architecture's, tools this one's.
packages() {
    set -- crossbuild-essential-arm64 qemu-user-static
    for package in $packages_build $(package_msgpack) libcmocka-dev; do
        case $package in
        lib*-dev) set -- "$@" "$package:arm64" ;;
        *) set -- "$@" "$package" ;;
        esac
    done
    apt-get install -y -qq --no-install-recommends "$@" && get_llhttp
}

of_arm64() {
    program=$1
    shift
    qemu-aarch64-static "build-arm64/$program" "$@"
}

assay() {
    of_arm64 client/cli/assay "$@"
}

# An agent with a key, a token that is good, and revoked, and not good any more.
verifies() {
    of_arm64 agent/assayd --version
    assay keygen --alg ES256 --kid k1 --out /tmp/k1.pem
    assay mint --key /tmp/k1.pem --alg ES256 --kid k1 --issuer https://auth.example.com --audience orders --subject alice --ttl 1h >/tmp/token
    cat >/tmp/assayd.yaml <<CONFIG
socket: {path: /tmp/run/assayd.sock}
state: /tmp/state
issuers:
  - issuer: https://auth.example.com
    keys: {file: /tmp/k1.pem.jwks.json}
    audiences: [orders]
CONFIG
    qemu-aarch64-static build-arm64/agent/assayd --config /tmp/assayd.yaml &
    agent=$!
    export ASSAY_SOCKET=/tmp/run/assayd.sock
    tries=0
    until assay health; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || return 1
        sleep 0.1
    done
    assay verify --audience orders --token-file /tmp/token | grep '"sub":"alice"' || return 1
    assay revoke --token-file /tmp/token || return 1
    code=0
    assay verify --audience orders --token-file /tmp/token || code=$?
    [ $code -eq 1 ] || return 1
    kill $agent
    wait $agent
}

# qemu (7.2) cannot wipe memory at a fork, by which the library notices one, nor start programs of arm64 from within.
cannot="client_cache_|client_connections|client_fire_|client_question|client_events_faults|client_events_process|revoke_from_processes"
slow="agent_store|agent_batch\$|agent_policy_random|keys_schedule_fleet|fastpath_schedules"

step "arm64: packages" packages
step "arm64: build, $(aarch64-linux-gnu-gcc --version | head -n 1)" build build-arm64 -DCMAKE_TOOLCHAIN_FILE=tests/aarch64.cmake
step "arm64: verifies and revokes" verifies
step "arm64: unit tests" units build-arm64 "$cannot|$slow"
