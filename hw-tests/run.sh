#!/usr/bin/env bash
# usage: run.sh [OPTION of hw-tests]...   Builds the image unless it is there, installs what is missing, and tests what the box
# promises. With IMAGE=FILE it tests that one.
set -euo pipefail
cd "$(dirname "$0")/.."
. appliance/tools/env.sh
appliance/tools/prepare.sh build

packages=()
reasons=()
want() { # want REASON PACKAGE...
    reasons+=("  - $1: ${*:2}")
    packages+=("${@:2}")
}
have() { command -v "$1" >/dev/null 2>&1; }

have node && have npm || want "JavaScript, for the browser and the app that sign in" nodejs npm
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || want "a real browser to sign in with" chromium
have ssh && have ssh-keygen || want "to be the admin from afar" openssh-client
have curl || want "to be browsers and apps, many at once" curl
have setpriv || want "to end what was started together with the tests" util-linux
if [ ${#packages[@]} -gt 0 ]; then
    echo "Missing here, to be installed with apt:"
    printf '%s\n' "${reasons[@]}"
    if [ "${CI:-}" != true ] && [ -t 0 ]; then
        read -r -p "Install them now? [Y/n] " answer
        case "$answer" in "" | y | Y | yes) ;; *) echo "Nothing was installed."; exit 1 ;; esac
    fi
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
fi

case " $* " in
    *" --list "*) exec cargo run --quiet --locked -p hw-tests -- "$@" ;;
esac

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
image=${IMAGE:-target/image/latchkey-$version-arm64.img}
[ -n "${IMAGE:-}" ] || [ -e "$image" ] || make image
npm ci --prefix appliance/tests --no-audit --no-fund --loglevel=error
cargo build --quiet --locked -p hw-tests
exec "${CARGO_TARGET_DIR:-target}/debug/hw-tests" "$@" "$image"
