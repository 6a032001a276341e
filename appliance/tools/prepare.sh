#!/usr/bin/env bash
# Installs what is missing on Debian 12 or 13, with apt, and asks before it does. Silent when nothing is missing.
# usage: prepare.sh build|lint|test|bench|image|hw-test (each of the others wants what `build` wants, and more)
set -euo pipefail
cd "$(dirname "$0")/../.."
. appliance/tools/env.sh

purpose=${1:-build}
packages=()
reasons=()

want() { # want REASON PACKAGE...
    reasons+=("  - $1: ${*:2}")
    packages+=("${@:2}")
}

have() { command -v "$1" >/dev/null 2>&1; }

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

# No question where nobody can answer it: in CI, or as root without a terminal.
agreed() {
    [ "${CI:-}" = true ] && return 0
    if [ ! -t 0 ]; then
        [ "$(id -u)" = 0 ]
        return
    fi
    read -r -p "$1 [Y/n] " answer
    case "$answer" in "" | y | Y | yes) return 0 ;; *) return 1 ;; esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "This needs root and there is no sudo. As root, run:" "    $*" "and then the same make command again."
    fi
}

update_rustup() { # a rustup that is there keeps its job
    agreed "Rust $rust_wanted or newer is needed. Let rustup install its stable toolchain?" &&
        rustup toolchain install stable --profile default &&
        rustup default stable
}

# Debian's own rustc is too old; the one that it ships for browsers (rustc-web) is new, in 12 and in 13.
want_rust() {
    if have rustup && update_rustup; then
        return
    fi
    want "Rust $rust_wanted or newer (Debian's rustc-web; its plain rustc is older)" rustc-web cargo-web
}

want_lints() {
    if cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1; then
        return
    fi
    if have rustup && rustup component add clippy rustfmt; then
        return
    fi
    want "the Rust formatter and linter" rustfmt-web rust-web-clippy
}

# Whether this machine starts programs for arm64; the kernel's table of emulators has to be mounted for that.
runs_arm64() {
    [ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] && return
    [ -e /usr/bin/qemu-aarch64-static ] || [ -e /usr/bin/qemu-aarch64 ] || return
    [ -e /proc/sys/fs/binfmt_misc/status ] || as_root mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc || return
    if have update-binfmts; then as_root update-binfmts --enable qemu-aarch64; else as_root systemctl restart systemd-binfmt; fi
    [ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]
}

debian_12() { [ "$(. /etc/os-release && echo "${VERSION_ID:-}")" = 12 ]; }

# Debian 13 has another package for it than 12.
emulator() {
    if debian_12; then echo qemu-user-static binfmt-support; else echo qemu-user-binfmt; fi
}

want_image() {
    have mmdebstrap || want "to make root file systems of Debian packages" mmdebstrap
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || want "to know Debian's packages from others" debian-archive-keyring
    have curl || want "to ask the binary something over TLS" curl
    have git || want "to know when the source was committed" git
    have xz && have zstd || want "to compress" xz-utils zstd
    if [ "$(dpkg --print-architecture)" != arm64 ]; then
        have aarch64-linux-gnu-gcc || want "a C compiler and linker for arm64" gcc-aarch64-linux-gnu libc6-dev-arm64-cross
        runs_arm64 || want "to run programs of the Pi while its packages are set up" $(emulator)
    fi
    # From LLVM 15 on it packs relocations in the way that glibc wants.
    ls /usr/lib/llvm-*/bin/ld.lld 2>/dev/null | grep -qE 'llvm-(1[5-9]|[2-9][0-9])' ||
        want "a linker that makes the binary smaller" "$(debian_12 && echo lld-16 || echo lld)"
    [ "$(id -u)" = 0 ] || have newuidmap || want "to make files of many owners without being root" uidmap
}

want_browser() {
    have node || want "JavaScript, for the tests that act as a browser or as an app" nodejs
    have npm || want "to install the two npm packages that those tests import" npm
    [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || want "a real browser to sign in with" chromium
}

[ -n "$rust_dir" ] || want_rust
have cc || want "a C compiler and linker (SQLite and ring are built from source)" gcc libc6-dev
[ -e /etc/ssl/certs/ca-certificates.crt ] || want "to trust the crate registry's certificate" ca-certificates
case "$purpose" in
    build) ;;
    lint) want_lints ;;
    test)
        want_lints
        want_browser
        have pebble && have pebble-challtestsrv ||
            want "a certificate authority and a name server of this machine, for the tests that order a certificate" pebble
        have curl || want "to publish a proof in a test's own name server" curl
        have socat || want "a serial cable between two programs, for the tests of the console" socat
        have python3 && python3 -c 'import ensurepip' 2>/dev/null ||
            want "to run an app that is written in Python (Authlib) against the provider" python3 python3-venv
        have certutil || want "to let a browser trust the authority of a house (certutil)" libnss3-tools
        have nginx || [ -x /usr/sbin/nginx ] || want "a reverse proxy that asks about each request, for the test of forward auth (Debian starts it as a service, too: systemctl disable --now nginx)" nginx
        have caddy || want "another such proxy, whose example in the docs the same test runs (a service of Debian's as well: systemctl disable --now caddy)" caddy
        ;;
    bench)
        have strace || want "to count what is written and synced" strace
        have c++ || want "a C++ compiler for the fuzzing engine" g++
        ;;
    image) want_image ;;
    hw-test)
        want_image
        want_browser
        have ssh && have ssh-keygen || want "to be the admin of a box, from afar" openssh-client
        have setpriv || want "to end an emulated box together with its tests" util-linux
        ;;
    *) die "prepare.sh: no such purpose: $purpose" ;;
esac

[ ${#packages[@]} -gt 0 ] || exit 0

have apt-get || die "Missing here, and there is no apt to install it:" "${reasons[@]}" "Install these by hand, then try again."
echo "Missing here, to be installed with apt:"
printf '%s\n' "${reasons[@]}"
agreed "Install them now?" || die "Nothing was installed. By hand: apt-get install ${packages[*]}"
as_root apt-get update -q
removed=$(apt-get install -s --no-install-recommends "${packages[@]}" | sed -n 's/^Remv \([^ ]*\).*/\1/p' | tr '\n' ' ')
if [ -n "$removed" ]; then
    echo "apt would REMOVE these, which stand in the way: $removed"
    agreed "Go on?" || die "Nothing was installed."
fi
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"

rust_dir=
. appliance/tools/env.sh
case "$purpose:$(dpkg --print-architecture)" in
    *:arm64) ;;
    image:* | hw-test:*)
        runs_arm64 || die "Programs for arm64 still do not start here: is this a container without /proc/sys/fs/binfmt_misc?"
        ;;
esac
[ -n "$rust_dir" ] || die "There is still no Rust $rust_wanted or newer. https://rustup.rs installs one; then try again."
