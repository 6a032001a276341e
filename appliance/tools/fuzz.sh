#!/usr/bin/env bash
# usage: fuzz.sh [SECONDS [TARGET...]]   Runs the fuzz targets, each for so long (20 s). Fails at the first input that breaks one.
set -euo pipefail
cd "$(dirname "$0")/../.."
appliance/tools/prepare.sh bench
. appliance/tools/env.sh

cache=${XDG_CACHE_HOME:-$HOME/.cache}/latchkey-tools
PATH="$cache/bin:$PATH"
version=0.13.2
case "$(cargo-fuzz --version 2>/dev/null)" in
    *" $version"*) ;;
    *)
        echo "Installing cargo-fuzz $version into $cache (once)"
        CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="$cache/build" \
            cargo install --quiet --debug --locked --root "$cache" "cargo-fuzz@$version"
        rm -rf "$cache/build"
        ;;
esac

seconds=${1:-20}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(head chunked json words keys oauth token dpop registration http forward)
# Fuzzing wants unstable switches; a stable compiler takes them when it is told that it may.
export RUSTC_BOOTSTRAP=1
for target in "${targets[@]}"; do
    features=()
    dictionary=()
    case "$target" in
        words | keys) features=(--features domain) ;;
        oauth | token | dpop | registration) features=(--features operations) ;;
        http | forward) features=(--features server) ;;
    esac
    case "$target" in head | http) dictionary=(-dict=appliance/fuzz/dictionaries/http.dict) ;; esac
    echo "--- fuzz $target: $seconds s"
    cargo fuzz run --fuzz-dir appliance/fuzz -s none "${features[@]}" "$target" -- -max_total_time="$seconds" \
        "${dictionary[@]}" 2>&1 | grep -E '^(error|Done|==|#[0-9]+.*DONE|SUMMARY|thread|Failing|assertion)'
done
