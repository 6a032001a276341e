#!/usr/bin/env bash
# Runs the binary under emulation: it makes keys, signs a certificate and answers over TLS.
# in: BINARY; out: OUT/size
set -euo pipefail
mkdir -p "$OUT"
folder=$(mktemp -d)
emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
export QEMU_LD_PREFIX=/usr/aarch64-linux-gnu
run=("$emulator" -cpu cortex-a53 "$BINARY")
[ "$(uname -m)" != aarch64 ] || run=("$BINARY")
"${run[@]}" --version
printf 'data_dir = "%s/data"\nlisten = ["127.0.0.1:0"]\nclock = "trusted"\n' "$folder" >"$folder/config.toml"
"${run[@]}" serve --config "$folder/config.toml" >"$folder/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null && wait $server || true; rm -rf "$folder"' EXIT
for _ in $(seq 300); do
    port=$(sed -n 's/.*addresses=\[127\.0\.0\.1:\([0-9]*\)\].*/\1/p' "$folder/log")
    [ -z "$port" ] || break
    kill -0 $server 2>/dev/null || break
    sleep 0.2
done
if [ -z "${port:-}" ] || ! curl -ksS --max-time 30 "https://127.0.0.1:$port/health" -H 'Host: latchkey.local' -o "$folder/health"; then
    echo "latchkey does not serve under emulation:" >&2
    tail -n 20 "$folder/log" >&2
    exit 1
fi
size=$(stat -c %s "$BINARY")
echo "latchkey for arm64 has $size bytes (bound 12000000)" | tee "$OUT/size"
[ "$size" -le 12000000 ] || { echo "that is more than the bound" >&2; exit 1; }
