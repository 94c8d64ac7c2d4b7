#!/bin/sh
# Installs the Cerbos that cerbos/package-lock.json pins, and measures it beside us. Skipped where npm or the package cannot be had.
#   sh tests/bench/cerbos.sh FOLDER PROGRAM    where it is installed to, and the built bench_cerbos
set -u
here=$(dirname "$0")
folder=$1
program=$2

if [ "$(uname -m)" != x86_64 ] || ! command -v npm >/dev/null; then
    echo "Cerbos: skipped, for there is no npm, or no Cerbos for this machine"
    exit 0
fi
mkdir -p "$folder"
cp "$here/cerbos/package.json" "$here/cerbos/package-lock.json" "$folder/"
if ! npm ci --prefix "$folder" --no-audit --no-fund --silent >"$folder/npm.log" 2>&1; then
    echo "Cerbos: skipped, for npm could not install it: $(tail -n 1 "$folder/npm.log")"
    exit 0
fi
ASSAY_CERBOS="$folder/node_modules/@cerbos/cerbos-linux-x64/cerbos-linux-x64" exec "$program"
