#!/bin/sh
# Installs what the tests need, builds, and runs everything. Ends with "N passed, N failed", and 1 if anything failed.
#   sh tests/run.sh           everything, some minutes
#   sh tests/run.sh --quick   one build, no sanitizers
#   sh tests/run.sh --long    more cycles of what is random
# By hand, for they take long: tests/mutants/mutants.py (would the tests notice?) and tests/coverage (what do they not reach?).
set -u
cd "$(dirname "$0")/.."
. agent/packages.sh

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
               binutils openssl man-db mandoc lowdown zsh libjwt-dev spin redis-server nginx-light caddy haproxy curl
               php-cli php-cgi lighttpd apache2-bin ruby-sinatra ruby-webrick python3-flask python3-django python3-tornado python3-aiohttp
               python3-starlette python3-uvicorn python3-hypercorn systemd systemd-container podman crun mmdebstrap lintian iproute2"

passed=0
failed=0
names=""

# A step: its name, and the command that must succeed. Its output is shown as it comes.
step() {
    name=$1
    shift
    printf '\n== %s\n' "$name"
    start=$(date +%s)
    if "$@"; then
        passed=$((passed + 1))
        printf '== %s: passed, %s s\n' "$name" "$(($(date +%s) - start))"
    else
        failed=$((failed + 1))
        names="$names
  $name"
        printf '== %s: FAILED\n' "$name"
    fi
}

build() {
    folder=$1
    shift
    log=$(mktemp)
    cmake -S . -B "$folder" -G Ninja -DASSAY_WERROR=ON "$@" >"$log" 2>&1 && cmake --build "$folder" >"$log" 2>&1
    built=$?
    if [ $built -eq 0 ]; then tail -n 1 "$log"; else tail -n 60 "$log"; fi
    rm -f "$log"
    return $built
}

# cmocka, the cases, the vectors, the fuzzers' corpus.
units() {
    (cd "$1" && ctest --output-on-failure --timeout 300 -j 2)
}

# The real agent, one file a promise. All of them: in two halves at a time, for most of it is waiting.
promises() {
    if [ $# -gt 1 ]; then
        ASSAY_BUILD="$PWD/$1" /usr/bin/python3 -m unittest discover -s tests/e2e -k "$2" 2>&1
        return
    fi
    odd=$(ls tests/e2e | sed -n 's/^\(test_.*\)\.py$/\1/p' | sed -n 'p;n')
    even=$(ls tests/e2e | sed -n 's/^\(test_.*\)\.py$/\1/p' | sed -n 'n;p')
    half=$(mktemp)
    some_promises "$1" $even >"$half" 2>&1 &
    other=$!
    some_promises "$1" $odd 2>&1
    first=$?
    wait "$other"
    second=$?
    cat "$half"
    rm -f "$half"
    [ "$first" -eq 0 ] && [ "$second" -eq 0 ]
}

some_promises() {
    build=$PWD/$1
    shift
    (cd tests/e2e && ASSAY_BUILD="$build" /usr/bin/python3 -W ignore::ResourceWarning -m unittest "$@")
}

sanitizers() {
    ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
        TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.suppressions "$@"
}

# What README shows is what happens: its C compiles against the installed library and runs, its commands exist.
readme() {
    ASSAY_BUILD="$PWD/$1" sh tests/readme.sh
}

# Failures that no test waits for: tests/faults/*.py.
faults() {
    ASSAY_BUILD="$PWD/$1" /usr/bin/python3 "tests/faults/$2.py"
}

refused() {
    ASSAY_BUILD="$PWD/$1" sh tests/refused.sh
}

manual_pages() {
    ASSAY_BUILD="$PWD/$1" sh tests/man.sh
}

completion() {
    ASSAY_BUILD="$PWD/$1" sh tests/completion.sh
}

# Without the libraries that can be left out.
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

# Identity providers for the promises, of npm's packages and of Debian's. Where they cannot be had it says why, and their tests are skipped.
providers() {
    export ASSAY_NODE_MODULES="$PWD/$1/issuers" ASSAY_GLEWLWYD="$PWD/$1/glewlwyd"
    sh tests/npm.sh tests/issuers "$ASSAY_NODE_MODULES" && sh tests/issuers/glewlwyd.sh "$1"
}

# Web frameworks of npm's that stand behind gateways. Likewise.
backends() {
    export ASSAY_BACKENDS="$PWD/$1/backends"
    sh tests/npm.sh tests/backends "$ASSAY_BACKENDS"
}

differ() {
    ASSAY_BUILD="$PWD/$1" /usr/bin/python3 tests/tokens/differ.py
}

install_build_packages || exit 2
install_packages $packages_test || exit 2

step "build (gcc)" build build-tests
step "unit tests, cases, vectors" units build-tests
step "identity providers" providers build-tests # one installation for all builds
step "web frameworks" backends build-tests # likewise
step "promises of the agent" promises build-tests
step "README" readme build-tests
step "README, why a token is refused" refused build-tests
step "manual pages" manual_pages build-tests
step "completion" completion build-tests
step "quickstart" quickstart
step "Debian packages, in a systemd" sh tests/packages.sh
step "without optional libraries" small_build build-small build-tests
step "container image, Kubernetes manifests" pods build-tests
step "model of the fast path" sh tests/model/run.sh
step "kill -9 and power cuts at every write" faults build-tests cuts
step "kill -9 while key sets are stored" faults build-tests sets
step "kill -9 while a stream is applied" faults build-tests streams
step "what other programs signed, by a second opinion" /usr/bin/python3 tests/tokens/check.py
if [ -z "$quick" ]; then
    step "changed tokens, by second opinions" differ build-tests
    step "unit tests under valgrind" memcheck build-tests
    step "Debian 13 (gcc, clang)" sh tests/elsewhere.sh trixie
    step "arm64 cross build" sh tests/elsewhere.sh arm64
    step "build (clang)" build build-clang -DCMAKE_C_COMPILER=clang
    step "build (ASan, UBSan)" build build-asan -DCMAKE_BUILD_TYPE=Debug -DASSAY_SANITIZE=address,undefined
    step "unit tests under ASan, UBSan" sanitizers units build-asan
    step "promises under ASan, UBSan" sanitizers promises build-asan
    step "every call fails once" faults build-asan faults
    step "build (TSan)" build build-tsan -DCMAKE_BUILD_TYPE=Debug -DASSAY_SANITIZE=thread
    step "unit tests under TSan" sanitizers units build-tsan
    step "promises under TSan" sanitizers promises build-tsan Verify
    step "feeds under TSan" sanitizers promises build-tsan test_feed
    step "keys over HTTPS under TSan" sanitizers promises build-tsan live_keys
    step "benchmarks" cmake --build build-tests --target bench
fi

[ "$failed" -eq 0 ] || printf '\nFailed:%s\n' "$names"
printf '\n%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
