#!/usr/bin/env bash
# usage: demo.sh [--fresh] ...   Builds `latchkey` and runs its demo household; the arguments go to `latchkey demo`.
set -euo pipefail
cd "$(dirname "$0")/../.."
appliance/tools/prepare.sh build
. appliance/tools/env.sh

echo "Building Latchkey (some minutes the first time) ..."
cargo build --quiet --locked --bin latchkey
exec "${CARGO_TARGET_DIR:-target}/debug/latchkey" demo "$@"
