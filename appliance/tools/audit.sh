#!/usr/bin/env bash
# Licences, sources and duplicates with cargo-deny; known advisories with cargo-audit.
# Both tools are built once, without optimisation, into a cache outside the repository.
set -uo pipefail
cd "$(dirname "$0")/../.."
appliance/tools/prepare.sh build || exit 1
. appliance/tools/env.sh

cache=${XDG_CACHE_HOME:-$HOME/.cache}/latchkey-tools
PATH="$cache/bin:$PATH"

tool() { # tool NAME VERSION [INSTALL OPTION...]
    case "$("$1" --version 2>/dev/null)" in *" $2"*) return 0 ;; esac
    echo "Installing $1 $2 into $cache (some minutes, once)"
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="$cache/build" \
        cargo install --quiet --debug --locked --root "$cache" "${@:3}" "$1@$2"
}

tool cargo-deny 0.20.2 || exit 1
tool cargo-audit 0.22.2 --no-default-features || exit 1
rm -rf "$cache/build"

failed=()
echo "=== licences, sources, duplicates (appliance/deny.toml)"
cargo-deny --locked --config appliance/deny.toml check bans licenses sources || failed+=("cargo-deny")

echo "=== advisories (.cargo/audit.toml)"
advisories=${ADVISORY_DB:-../shared/advisory-db}
if [ -d "$advisories/crates" ]; then
    cargo-audit audit --no-fetch --stale --db "$advisories" || failed+=("cargo-audit")
else
    echo "No advisory database at $advisories: advisories were NOT checked."
    echo "With a checkout of RustSec's advisory-db: make audit ADVISORY_DB=/path/to/it"
fi

echo "=== make audit"
if [ ${#failed[@]} -gt 0 ]; then
    echo "FAILED: ${failed[*]}"
    exit 1
fi
echo "PASSED, in $SECONDS s"
