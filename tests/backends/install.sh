#!/bin/sh
# Installs what package-lock.json pins, for the end-to-end tests to start web frameworks from. Quick where it is done already.
#   sh tests/backends/install.sh BUILD_FOLDER    into BUILD_FOLDER/backends, or into the folder named by ASSAY_BACKENDS
# Where that cannot be, it says why and ends with 0: the frameworks of npm are skipped, and the test says so too.
set -u
[ $# -eq 1 ] || { echo "usage: sh tests/backends/install.sh BUILD_FOLDER" >&2; exit 2; }
here=$(dirname "$0")
folder=${ASSAY_BACKENDS:-$1/backends}

skipped() {
    echo "backends: those of npm are not installed, for $1; they are skipped"
    exit 0
}

command -v node >/dev/null || skipped "there is no node"
command -v npm >/dev/null || skipped "there is no npm"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || a === 20 && b >= 19 ? 0 : 1)' ||
    skipped "node $(node --version) is older than 20.19"
if [ -e "$folder/installed" ] && cmp -s "$here/package-lock.json" "$folder/installed"; then
    exit 0
fi
mkdir -p "$folder" && rm -f "$folder/installed" && cp "$here/package.json" "$here/package-lock.json" "$folder/" || exit 1
if ! (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --silent) >"$folder/npm.log" 2>&1; then
    skipped "npm could not: $(tail -n 1 "$folder/npm.log")"
fi
cp "$folder/package-lock.json" "$folder/installed"
echo "backends: installed in $folder"
