# Sourced by agent/quickstart.sh and tests/run.sh: installs Debian packages that are missing. Nothing happens where all are there.

packages_build="cmake ninja-build gcc libc6-dev pkg-config libuv1-dev liblmdb-dev libssl-dev libjwt-dev libjansson-dev libyaml-dev
                libsystemd-dev libxxhash-dev libcurl4-openssl-dev libhiredis-dev"

# Debian 13 calls msgpack-c what it is; Debian 12 calls it msgpack.
package_msgpack() {
    if apt-cache show libmsgpack-c-dev >/dev/null 2>&1; then echo libmsgpack-c-dev; else echo libmsgpack-dev; fi
}

install_packages() {
    missing=""
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -eq 0 ]; then as_root=""; else as_root="sudo"; fi
    echo "Installing:$missing"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
        echo "The packages could not be installed. On Debian: apt-get install$missing" >&2
        return 1
    }
}

# The lists of packages, once, if this machine never had them.
update_package_lists() {
    [ -n "$(find /var/lib/apt/lists -name '*Packages*' 2>/dev/null | head -n 1)" ] && return 0
    if [ "$(id -u)" -eq 0 ]; then as_root=""; else as_root="sudo"; fi
    $as_root apt-get update -qq
}

install_build_packages() {
    command -v apt-get >/dev/null || { echo "This script installs with apt-get (Debian); elsewhere install the libraries that README names." >&2; return 1; }
    update_package_lists
    install_packages $packages_build "$(package_msgpack)"
}
