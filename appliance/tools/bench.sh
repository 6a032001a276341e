#!/usr/bin/env bash
# usage: bench.sh [--quick]   Measures the release binary; see appliance/benches/provider/.
set -euo pipefail
cd "$(dirname "$0")/../.."
appliance/tools/prepare.sh bench
. appliance/tools/env.sh

target=${CARGO_TARGET_DIR:-$PWD/target}
echo "Building the release binary (some minutes the first time) ..."
cargo build --quiet --release --locked --bin latchkey
# The driver itself needs no optimisation: what counts is what the server costs.
LATCHKEY="$target/release/latchkey" cargo bench --quiet --profile dev --locked -p appliance --bench provider -- "$@"
