#!/bin/sh
# Installs the npm packages that FROM/package-lock.json pins, for the end-to-end tests. Quick if they are installed already.
#   sh tests/npm.sh FROM INTO        tests/issuers (identity providers), or tests/backends (web frameworks)
# If that is impossible, says why and exits with 77; the tests that need the packages are then skipped, and say so.
set -u
[ $# -eq 2 ] || { echo "usage: sh tests/npm.sh FROM INTO" >&2; exit 2; }
here=$1
folder=$2

skipped() {
    echo "npm: what $here names is not installed, for $1; tests that need it are skipped"
    exit 77
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
echo "npm: installed in $folder"
