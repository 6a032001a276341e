#!/usr/bin/env bash
# usage: test.sh [browser]   Runs every check, goes on after a failure, and ends with what passed and what did not.
set -uo pipefail
cd "$(dirname "$0")/../.."
appliance/tools/prepare.sh test || exit 1
. appliance/tools/env.sh

target=${CARGO_TARGET_DIR:-$PWD/target}
export LATCHKEY="$target/debug/latchkey" PYTHON="$target/python/bin/python3" CHROMIUM="${CHROMIUM:-/usr/bin/chromium}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
summary=()
failed=0

step() { # step NAME COMMAND...
    local name=$1 began=$SECONDS verdict
    shift
    printf '\n=== %s: %s\n' "$name" "$*"
    if "$@" 2>&1 | tee "$log"; then verdict=ok; else verdict=FAIL failed=$((failed + 1)); fi
    summary+=("$(printf '%-5s %-34s %5d s   %s' "$verdict" "$name" $((SECONDS - began)) "$(counts)")")
}

# How many tests the step ran, from cargo's or node's own closing lines.
counts() {
    awk '/^test result:/ { pass += $4; fail += $6; seen = 1 }
         $1 == "ℹ" && $2 == "pass" { pass += $3; seen = 1 }
         $1 == "ℹ" && $2 == "fail" { fail += $3; seen = 1 }
         END { if (seen) printf "%d passed, %d failed", pass, fail }' "$log"
}

node_tests() { # node_tests FOLDER
    local files=(appliance/tests/"$1"/*.test.mjs)
    if [ ! -e "${files[0]}" ]; then
        echo "No appliance/tests/$1/*.test.mjs"
        return 1
    fi
    timeout 900 node --test --test-reporter=spec "${files[@]}"
}

# In a folder of their own; a broken one is made anew.
python_packages() {
    "$target/python/bin/python3" -c '' 2>/dev/null || python3 -m venv --clear "$target/python"
    "$target/python/bin/pip" install --quiet --disable-pip-version-check -r appliance/tests/authlib/requirements.txt
}

if [ "${1:-all}" = all ]; then
    step "formatting" cargo fmt --all --check
    step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
    step "unit and protocol tests" cargo test --workspace --locked --no-fail-fast
fi
step "the binary (debug)" cargo build --locked --bin latchkey
step "npm packages" npm ci --prefix appliance/tests --no-audit --no-fund --loglevel=error
step "a relying party (openid-client)" node_tests relying-party
step "PyPI packages" python_packages
step "a relying party (Authlib)" node_tests authlib
step "what certification looks at" node_tests certification
step "a real browser (Chromium)" node_tests browser

printf '\n=== make test\n'
printf '%s\n' "${summary[@]}"
if [ $failed -gt 0 ]; then
    printf 'FAILED: %d of %d steps, after %d s\n' $failed ${#summary[@]} $SECONDS
    exit 1
fi
printf 'PASSED: all %d steps, in %d s\n' ${#summary[@]} $SECONDS
