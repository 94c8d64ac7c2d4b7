#!/bin/sh
# Installs what the tests need, builds, and runs all tests. Ends with "N passed, N failed"; exits with 1 if a test failed.
#   sh tests/run.sh           everything: some 25 minutes on two processors
#   sh tests/run.sh --quick   one build, no sanitizers: some 15 minutes
#   sh tests/run.sh --long    more cycles of the random tests
# A step that cannot run here, because root, a program or the network is missing, is skipped: it says why, and is counted separately.
# Run these by hand, because they take long or need a quiet machine: tests/bench/run (speed), tests/mutants/mutants.py (do the tests notice a
# fault?) and tests/coverage (which code do the tests not reach?).
set -u
cd "$(dirname "$0")/.."
. agent/packages.sh

began=$(date +%s)
quick=""
case "${1:-}" in
"") ;;
--quick) quick=1 ;;
--long) export ASSAY_LONG=1 ;;
*)
    echo "usage: sh tests/run.sh [--quick | --long]" >&2
    exit 2
    ;;
esac

packages_test="libcmocka-dev faketime valgrind clang lld python3 python3-msgpack python3-cryptography python3-yaml neovim strace
               binutils jq openssl man-db mandoc lowdown zsh libjwt-dev spin redis-server nginx-light caddy haproxy curl
               php-cli php-cgi lighttpd apache2-bin ruby-sinatra ruby-webrick python3-flask python3-django python3-tornado python3-aiohttp
               python3-starlette python3-uvicorn python3-hypercorn systemd systemd-container podman crun mmdebstrap lintian iproute2"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
results=$work/results # a line for each step that has ended: passed, failed or skipped; seconds; those of a processor; name
skip=77               # what a step's command exits with where it cannot run here

# What "times" has written (in this shell, because a subshell has no children): processor seconds of all steps so far, but not of services.
processor_seconds() {
    awk 'NR == 2 { gsub(/[ms]/, " "); print int($1 * 60 + $2 + $3 * 60 + $4) }' "$1"
}

# A step: its name, and the command that must succeed. Its output is printed when it ends, because two steps may run at the same time.
step() {
    name=$1
    shift
    log=$(mktemp -p "$work")
    start=$(date +%s)
    times >"$log"
    before=$(processor_seconds "$log")
    printf '== %s begins\n' "$name"
    "$@" >"$log" 2>&1
    case $? in
    0) word=passed ;;
    "$skip") word=skipped ;;
    *) word=FAILED ;;
    esac
    seconds=$(($(date +%s) - start))
    times >"$log.times"
    printf '%s %s %s %s\n' "$word" "$seconds" "$(($(processor_seconds "$log.times") - before))" "$name" >>"$results"
    { printf '\n== %s\n' "$name"; cat "$log"; printf '== %s: %s, %s s\n\n' "$name" "$word" "$seconds"; } >"$log.whole"
    cat "$log.whole"
    rm -f "$log" "$log.times" "$log.whole"
}

build() {
    folder=$1
    shift
    said=$(mktemp -p "$work")
    cmake -S . -B "$folder" -G Ninja -DASSAY_WERROR=ON "$@" >"$said" 2>&1 && cmake --build "$folder" >"$said" 2>&1
    built=$?
    if [ $built -eq 0 ]; then tail -n 1 "$said"; else tail -n 60 "$said"; fi
    rm -f "$said"
    return $built
}

# cmocka, the cases, the vectors, the fuzzers' corpus.
units() {
    (cd "$1" && ctest --output-on-failure --timeout 300 -j 2)
}

# The real agent, one file per promise.
promises() {
    folder=$PWD/$1
    shift
    ASSAY_BUILD="$folder" /usr/bin/python3 tests/promises.py "$@"
}

sanitizers() {
    ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
        TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.suppressions "$@"
}

# README is right: its C code compiles with the installed library and runs, and its commands exist.
readme() {
    ASSAY_BUILD="$PWD/$1" sh tests/readme.sh
}

# Injected failures: tests/faults/*.py.
faults() {
    ASSAY_BUILD="$PWD/$1" /usr/bin/python3 "tests/faults/$2.py"
}

refused() {
    ASSAY_BUILD="$PWD/$1" sh tests/refused.sh
}

# Speed, as far as it does not depend on the machine.
instructions() {
    ASSAY_BUILD="$PWD/$1" /usr/bin/python3 tests/budget.py
}

manual_pages() {
    ASSAY_BUILD="$PWD/$1" sh tests/man.sh
}

completion() {
    ASSAY_BUILD="$PWD/$1" sh tests/completion.sh
}

# A build without the optional libraries.
small_build() {
    build "$1" -DASSAY_HTTPS=OFF -DASSAY_REDIS=OFF -DASSAY_HTTP=OFF -DASSAY_MINT=OFF &&
        ASSAY_BUILD="$PWD/$1" ASSAY_FULL="$PWD/$2" sh tests/small.sh
}

quickstart() {
    output=$(sh agent/quickstart.sh 2>&1) || { printf '%s\n' "$output"; return 1; }
    printf '%s\n' "$output" | grep -q '"sub":"alice"' && printf '%s\n' "$output" | grep -q 'own-orders' && printf '%s\n' "$output" | grep -q 'refused: revoked'
}

pods() {
    ASSAY_BUILD="$PWD/$1" sh tests/pods.sh
}

memcheck() {
    ASSAY_BUILD="$PWD/$1" sh tests/valgrind.sh
}

# Identity providers from npm, for the promises. If they cannot be installed, it says why, and their tests are skipped.
providers() {
    export ASSAY_NODE_MODULES="$PWD/$1/issuers"
    sh tests/npm.sh tests/issuers "$ASSAY_NODE_MODULES"
}

# Likewise, from Debian.
glewlwyd() {
    export ASSAY_GLEWLWYD="$PWD/$1/glewlwyd"
    sh tests/issuers/glewlwyd.sh "$1"
}

# Web frameworks from npm, behind gateways. Likewise.
backends() {
    export ASSAY_BACKENDS="$PWD/$1/backends"
    sh tests/npm.sh tests/backends "$ASSAY_BACKENDS"
}

differ() {
    ASSAY_BUILD="$PWD/$1" /usr/bin/python3 tests/tokens/differ.py
}

echo "Installs Debian's packages that the build and the tests need, where they are missing (as root or with sudo), then builds and runs:"
if [ -n "$quick" ]; then echo "some 15 minutes on two processors."; else echo "some 25 minutes on two processors; --quick takes some 15."; fi
install_build_packages || exit 2
install_packages $packages_test || exit 2

# Builds in other environments and with other options. They need the processors, so they have a lower priority than the tests of the agent, which
# mostly wait.
elsewhere() {
    step "without optional libraries" small_build build-small build-tests
    step "Debian packages, in a systemd" sh tests/packages.sh
    step "container image, Kubernetes manifests" pods build-tests
    step "quickstart" quickstart
    step "model of the fast path" sh tests/model/run.sh
    [ -z "$quick" ] || return 0
    step "build (clang)" build build-clang -DCMAKE_C_COMPILER=clang
    step "Debian 13 (gcc, clang)" sh tests/elsewhere.sh trixie
    step "arm64 cross build" sh tests/elsewhere.sh arm64
    step "unit tests under valgrind" memcheck build-tests
}

step "build (gcc)" build build-tests
step "rooms" /usr/bin/python3 tests/house.py
step "unit tests, cases, vectors" units build-tests
step "identity providers of npm" providers build-tests # one installation for all builds
step "identity provider of Debian" glewlwyd build-tests # likewise
step "web frameworks" backends build-tests # likewise
elsewhere &
beside=$!
renice -n 5 -p "$beside" >/dev/null

step "promises of the agent" promises build-tests
step "instructions of a verification" instructions build-tests
step "README" readme build-tests
step "README, why a token is refused" refused build-tests
step "manual pages" manual_pages build-tests
step "completion" completion build-tests
step "kill -9 and power cuts at every write" faults build-tests cuts
step "kill -9 while key sets are stored" faults build-tests sets
step "kill -9 while a stream is applied" faults build-tests streams
step "what other programs signed, by a second opinion" /usr/bin/python3 tests/tokens/check.py
if [ -z "$quick" ]; then
    step "changed tokens, by second opinions" differ build-tests
    step "build (ASan, UBSan)" build build-asan -DCMAKE_BUILD_TYPE=Debug -DASSAY_SANITIZE=address,undefined
    step "unit tests under ASan, UBSan" sanitizers units build-asan
    step "promises under ASan, UBSan" sanitizers promises build-asan
    step "every call fails once" faults build-asan faults
    step "build (TSan)" build build-tsan -DCMAKE_BUILD_TYPE=Debug -DASSAY_SANITIZE=thread
    step "unit tests under TSan" sanitizers units build-tsan
    step "verify, feeds, keys over HTTPS under TSan" sanitizers promises build-tsan --only Verify --only test_feed --only live_keys
fi
wait "$beside"

count() { grep -c "^$1" "$results"; }
printf '\n%-8s %7s %9s  step\n' "" seconds computing
while read -r word seconds computing name; do printf '%-8s %7s %9s  %s\n' "$word" "$seconds" "$computing" "$name"; done <"$results"
printf '\n%s passed, %s failed, %s skipped, in %s s\n' "$(count passed)" "$(count FAILED)" "$(count skipped)" "$(($(date +%s) - began))"
[ "$(count FAILED)" -eq 0 ]
