#!/bin/sh
# Unpacks Debian's glewlwyd, an OpenID provider in C, and the libraries that it needs, for the end-to-end tests to start it from there.
# Nothing is installed, and no service is started.
#   sh tests/issuers/glewlwyd.sh BUILD_FOLDER    into BUILD_FOLDER/glewlwyd, or into the folder named by ASSAY_GLEWLWYD
# Quick where it is done already.
# Where that cannot be, it says why and ends with 77: its tests are skipped, and say so too.
set -u
[ $# -eq 1 ] || { echo "usage: sh tests/issuers/glewlwyd.sh BUILD_FOLDER" >&2; exit 2; }
folder=${ASSAY_GLEWLWYD:-$1/glewlwyd}

skipped() {
    echo "glewlwyd: not there, for $1; its tests are skipped"
    exit 77
}

[ ! -e "$folder/installed" ] || exit 0
command -v dpkg-deb >/dev/null || skipped "this is no Debian"
apt-cache show glewlwyd >/dev/null 2>&1 || skipped "apt knows no such package"
libraries=$(apt-get install --simulate --no-install-recommends glewlwyd dbconfig-no-thanks 2>/dev/null |
    sed -n 's/^Inst \(lib[^ ]*\) .*/\1/p' | grep -v '^libjs-')
mkdir -p "$folder/packages" && cd "$folder/packages" || exit 1
# shellcheck disable=SC2086
apt-get download -q glewlwyd $libraries >../apt.log 2>&1 || skipped "apt-get could not: $(tail -n 1 ../apt.log)"
for package in *.deb; do
    dpkg-deb --extract "$package" .. || skipped "$package could not be unpacked"
done
cd .. && rm -rf packages && : >installed
echo "glewlwyd: unpacked in $folder"
