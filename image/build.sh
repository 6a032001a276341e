#!/usr/bin/env bash
# usage: build.sh build|test-bundles|reproduce|plan [OPTION...]   Builds the card image; see `latchkey-image --help`.
set -euo pipefail
cd "$(dirname "$0")/.."
appliance/tools/prepare.sh image
. appliance/tools/env.sh
cargo build --quiet --locked -p image
exec "${CARGO_TARGET_DIR:-target}/debug/latchkey-image" "$@"
