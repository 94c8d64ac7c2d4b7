#!/bin/sh
# Installs what package-lock.json pins: sh tests/pods/install.sh FOLDER. Where that cannot be it says why and ends with 1. Quick where it is there.
set -u
here=$(dirname "$0")
folder=$1
command -v node >/dev/null && command -v npm >/dev/null || { echo "there is no node, or no npm"; exit 1; }
if [ -e "$folder/installed" ] && cmp -s "$here/package-lock.json" "$folder/installed"; then exit 0; fi
mkdir -p "$folder" && rm -f "$folder/installed" && cp "$here/package.json" "$here/package-lock.json" "$folder/" || exit 1
(cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --silent) >"$folder/npm.log" 2>&1 || {
    echo "npm could not: $(tail -n 1 "$folder/npm.log")"
    exit 1
}
cp "$folder/package-lock.json" "$folder/installed"
