# Inside a Debian 13 that has nothing but apt: tests/elsewhere.sh.
set -eu
cd /src
. tests/elsewhere/steps.sh
. agent/packages.sh

# It installs what the build needs, as for a user; what it builds, the build with tests goes on from.
quickstart() {
    CFLAGS=-Werror sh agent/quickstart.sh >/tmp/quickstart 2>&1 || { cat /tmp/quickstart && return 1; }
    grep -q '"sub":"alice"' /tmp/quickstart && grep -q 'refused: revoked' /tmp/quickstart || { cat /tmp/quickstart && return 1; }
}

# Built for it, and installed in it. No systemd runs here: that is tests/packages.sh, on Debian 12.
packages() {
    sh systemd/package.sh && apt-get install -y -qq --no-install-recommends ./build-packages/*.deb && assayd --version &&
        getent passwd assay && [ -e /usr/lib/systemd/system/assayd.service ]
}

step "trixie: quickstart" quickstart
step "trixie: Debian packages" packages
step "trixie: packages" install_packages clang libcmocka-dev
step "trixie: build, $(gcc --version | head -n 1)" build build
step "trixie: unit tests" units build
step "trixie: build, $(clang --version | head -n 1)" build build-clang -DCMAKE_C_COMPILER=clang
# All orders of the fast path's steps take half a minute, and are the same whoever compiled them.
step "trixie: unit tests (clang)" units build-clang fastpath_schedules
