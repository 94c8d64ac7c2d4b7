#!/bin/sh
# Tests the Debian packages: they are clean in lintian, identical in two builds, and small. Then the commands of agent/guide/operations.md install
# them in a clean Debian 12 that boots a real systemd (systemd-nspawn), where tests/packages/inside.sh does what operators do. Skipped if no
# container can be booted.
set -eu
cd "$(dirname "$0")/.."
packages=$PWD/build-packages
work=$(mktemp -d)
redis=""
trap '[ -z "$redis" ] || kill "$redis"; rm -rf "$work"' EXIT

sh systemd/package.sh
mkdir "$work/again"
git ls-files -z | xargs -0 cp --parents -t "$work/again"
[ ! -d build/llhttp ] || { mkdir "$work/again/build" && cp -r build/llhttp "$work/again/build/"; }
sh "$work/again/systemd/package.sh" build-elsewhere >/dev/null
for deb in "$packages"/*.deb; do
    cmp "$deb" "$work/again/build-elsewhere/$(basename "$deb")"
done
echo "packages: two builds are the same"
found=$(lintian --no-cfg --allow-root "$packages"/*.deb 2>&1) || true
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
echo "packages: nothing found by lintian"

kib=0
for name in assayd libassay0; do
    kib=$((kib + $(dpkg-deb -f "$packages/${name}_"*.deb Installed-Size)))
done
dpkg-deb -x "$packages"/libassay0_*.deb "$work/lib"
library=$(find "$work/lib" -name 'libassay.so.0.*')
needed=$(objdump -p "$library" | awk '$1 == "NEEDED" { print $2 }' | grep -vxE 'libc\.so\.6|ld-linux.*|libmsgpackc\.so\.2' || true)
size=$(stat -c %s "$library")
echo "packages: agent and library $kib KiB (limit 700), libassay.so $size bytes (limit 65536)"
[ "$kib" -le 700 ] && [ "$size" -le 65536 ] && [ -z "$needed" ] || { echo "packages: too large, or it needs too much: $needed"; exit 1; }

[ "$(id -u)" -eq 0 ] && command -v systemd-nspawn >/dev/null && command -v mmdebstrap >/dev/null ||
    { echo "packages: not installed anywhere, which needs root, systemd-nspawn and mmdebstrap"; exit 77; }
. /etc/os-release
mirror=$(sed -n 's/^URIs: //p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,dbus,procps,iproute2 --skip=cleanup/apt/lists "$VERSION_CODENAME" \
    "$work/root" "deb $mirror $VERSION_CODENAME main" 2>"$work/mmdebstrap" || { cat "$work/mmdebstrap"; exit 1; }

mkdir "$work/t" "$work/t/newer"
cp -r "$packages" "$work/t/"
rm -rf "$work/t/build-packages/"[!a-z]*
awk '/^## Install/ { on = 1; next } /^## / { on = 0 } on' agent/guide/operations.md | awk '$0 == "```sh" { on = 1; next } /^```/ { on = 0 } on' >"$work/t/commands"
for deb in "$packages"/*.deb; do # the same programs as a later version
    dpkg-deb -R "$deb" "$work/newer"
    sed -i 's/assay1/assay2/' "$work/newer/DEBIAN/control"
    dpkg-deb --root-owner-group -b "$work/newer" "$work/t/newer/$(basename "$deb" | sed 's/assay1/assay2/')" >/dev/null
    rm -rf "$work/newer"
done
dpkg-deb -x "$packages"/libassay-dev_*.deb "$work/dev"
cc -O2 -Wall -Wextra -Werror -D_GNU_SOURCE tests/packages/load.c -o "$work/t/load" -I "$work/dev/usr/include" \
    "$(find "$work/dev" -name libassay.a)" -pthread
cp tests/packages/inside.sh "$work/t/"

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --requirepass "a secret of the test" --save "" --dir "$work" >"$work/redis" 2>&1 &
redis=$!
echo "REDIS_PORT=$port" >"$work/t/environment"
mkdir -p "$work/root/etc/systemd/system"
cat >"$work/root/etc/systemd/system/t.service" <<'UNIT'
[Service]
Type=oneshot
ExecStart=/bin/sh /t/inside.sh
ExecStopPost=/bin/systemctl --no-block exit 0
UNIT
cp /etc/resolv.conf "$work/root/etc/" 2>/dev/null || true
timeout 400 systemd-nspawn -q -D "$work/root" --register=no --keep-unit --console=pipe --resolv-conf=off \
    --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" --bind="$work/t:/t" \
    -b -- --unit=t.service >"$work/console" 2>&1 </dev/null || true
if [ ! -s "$work/t/out" ]; then
    echo "packages: not installed anywhere, for no container boots here:"
    tail -n 3 "$work/console"
    exit 77
fi
grep -q '^ALL GOOD' "$work/t/out" || { cat "$work/t/out"; exit 1; }
grep -E '^--|^→|calls, ' "$work/t/out"
