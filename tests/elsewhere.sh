#!/bin/sh
# Builds the tree in another environment: a temporary root file system of Debian packages. Needs root, and Debian's packages over the network. If
# something is missing, says what, and exits with 77.
#   sh tests/elsewhere.sh trixie   Debian 13: the quickstart; gcc and clang, whose warnings are errors; all unit tests
#   sh tests/elsewhere.sh arm64    a cross build; under qemu an agent that verifies and revokes, and the unit tests that run there and are quick
set -eu
cd "$(dirname "$0")/.."
what=${1:-}

skipped() {
    echo "$what: skipped, $1"
    exit 77
}

# In its own namespaces: all processes and mounts are gone when it ends, also if it is killed.
if [ -z "${ASSAY_ELSEWHERE:-}" ]; then
    case $what in
    trixie | arm64) ;;
    *)
        echo "usage: sh tests/elsewhere.sh trixie | arm64" >&2
        exit 2
        ;;
    esac
    [ "$(id -u)" -eq 0 ] || skipped "it needs root"
    command -v mmdebstrap >/dev/null || skipped "there is no mmdebstrap"
    unshare --mount --pid --fork true 2>/dev/null || skipped "no namespaces can be made here"
    [ "$what" = trixie ] || [ "$(dpkg --print-architecture)" != arm64 ] || skipped "this is arm64"
    ASSAY_ELSEWHERE=$(mktemp -d)
    export ASSAY_ELSEWHERE
    trap 'rm -rf --one-file-system "$ASSAY_ELSEWHERE"' EXIT
    timeout -k 2 1200 unshare --mount --pid --fork --kill-child --mount-proc sh tests/elsewhere.sh "$what" &
    inside=$!
    trap 'kill $inside; wait $inside || true; exit 130' INT TERM
    code=0
    wait $inside || code=$?
    exit $code
fi

# In memory if there is enough: dpkg waits for the disk after each file.
if [ "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)" -gt 8000000 ]; then
    mount -t tmpfs -o size=6g,mode=755 tmpfs "$ASSAY_ELSEWHERE"
fi
export TMPDIR="$ASSAY_ELSEWHERE"
root="$ASSAY_ELSEWHERE/root"
start=$(date +%s)
case $what in
trixie) set -- trixie ;;
arm64) set -- --architectures="$(dpkg --print-architecture),arm64" bookworm ;;
esac
timeout 300 mmdebstrap --quiet --variant=apt --skip=cleanup/apt "$@" "$root" >"$ASSAY_ELSEWHERE/log" 2>&1 ||
    skipped "there is no such Debian to be had: $(tail -n 1 "$ASSAY_ELSEWHERE/log")"
echo "$what: the root, $(($(date +%s) - start)) s"

mkdir "$root/src"
tar -c --exclude=./.git --exclude='./build*' . | tar -x -C "$root/src"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
echo "127.0.0.1 localhost" >"$root/etc/hosts"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/dev/shm"
unset TMPDIR
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    chroot "$root" sh "/src/tests/elsewhere/$what.sh"
