# Sourced by agent/quickstart.sh and tests/run.sh: installs Debian packages that are missing. Nothing happens where all are there.

packages_build="cmake ninja-build gcc libc6-dev pkg-config libuv1-dev liblmdb-dev libssl-dev libjwt-dev libjansson-dev libyaml-dev
                libxxhash-dev libcurl4-openssl-dev libhiredis-dev lowdown"

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

# llhttp: a library on Debian 13. Debian 12 has only its sources, in a package that would bring Node.js with it: they are taken out of it, into
# the source tree's build/llhttp, where CMake looks. Without it everything but the HTTP endpoints is built.
get_llhttp() {
    if apt-cache show libllhttp-dev >/dev/null 2>&1; then
        install_packages libllhttp-dev
        return
    fi
    [ ! -e build/llhttp/llhttp.h ] && [ ! -e /usr/share/llhttp/llhttp.c ] || return 0
    unpacked=$(mktemp -d)
    chmod 755 "$unpacked"
    if (cd "$unpacked" && apt-get download -qq node-llhttp >/dev/null 2>&1 && dpkg-deb -x node-llhttp_*.deb .); then
        mkdir -p build/llhttp
        find "$unpacked/usr/share" \( -path '*/llhttp/api.c' -o -path '*/llhttp/http.c' -o -path '*/llhttp/llhttp.c' -o -name llhttp.h \) \
            -exec cp {} build/llhttp/ \;
    else
        echo "llhttp's sources cannot be had (Debian's node-llhttp), so the agent is built without its HTTP endpoints." >&2
    fi
    rm -rf "$unpacked"
}

install_build_packages() {
    command -v apt-get >/dev/null || { echo "This script installs with apt-get (Debian); elsewhere install the libraries that agent/guide/operations.md names." >&2; return 1; }
    update_package_lists
    install_packages $packages_build "$(package_msgpack)" && get_llhttp
}
