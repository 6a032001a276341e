#!/usr/bin/env bash
# usage: run.sh [OPTION of hw-tests]...   Builds the image if anything in it is new, and tests what the box promises. With IMAGE=FILE
# it tests that one.
set -euo pipefail
cd "$(dirname "$0")/.."
appliance/tools/prepare.sh hw-test
. appliance/tools/env.sh

cargo build --quiet --locked -p hw-tests
hw_tests=${CARGO_TARGET_DIR:-target}/debug/hw-tests
case " $* " in
    *" --list "* | *" --help "*) exec "$hw_tests" "$@" ;;
esac

image=${IMAGE:-}
if [ -z "$image" ]; then
    image/build.sh build
    # The same inputs make the same bytes.
    image/build.sh --offline reproduce
    image/build.sh --offline test-bundles
    image=target/image/latchkey-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)-arm64.img
fi
npm ci --prefix appliance/tests --no-audit --no-fund --loglevel=error
exec "$hw_tests" "$@" "$image"
