#!/bin/sh
# Builds the Debian packages assayd, assay, libassay0 and libassay-dev, for the Debian that this is: sh systemd/package.sh [FOLDER]
# Two builds of one source are the same to the byte.
set -eu
cd "$(dirname "$0")/.."
. agent/packages.sh
folder=${1:-build-packages}

install_build_packages
install_packages dpkg-dev file lowdown
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l systemd/debian/changelog -S Timestamp)
export SOURCE_DATE_EPOCH
umask 022
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="-O2 -DNDEBUG" -DCMAKE_INSTALL_PREFIX=/usr \
        -DASSAY_TESTS=OFF -DASSAY_DEBIAN=ON -DASSAY_ZSH_COMPLETIONS=share/zsh/vendor-completions &&
        cmake --build "$folder" && rm -f "$folder"/*.deb && (cd "$folder" && cpack -G DEB); } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
ls "$folder"/*.deb
