#!/usr/bin/env bash
# usage: bench.sh [--quick]   Measures the release binary (appliance/benches/provider/), then fuzzes for a short while.
set -euo pipefail
cd "$(dirname "$0")/../.."
appliance/tools/prepare.sh bench
. appliance/tools/env.sh

target=${CARGO_TARGET_DIR:-$PWD/target}
echo "Building the release binary (some minutes the first time) ..."
cargo build --quiet --release --locked --bin latchkey
# The driver itself needs no optimisation: what counts is what the server costs.
kept=0
LATCHKEY="$target/release/latchkey" cargo bench --quiet --profile dev --locked -p appliance --bench provider -- "$@" || kept=1
[ "${1:-}" = --quick ] || appliance/tools/fuzz.sh 10
exit $kept
