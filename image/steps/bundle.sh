#!/usr/bin/env bash
# An update: both file systems of a slot in one signed file, in RAUC's verity format. Runs in the tool root.
# in: SLOT (rootfs.sh's OUT), KEYS, VERSION, COMPATIBLE, SOURCE_DATE_EPOCH; out: OUT/bundle.raucb
set -euo pipefail
mkdir -p "$OUT"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/content"
cp --sparse=always "$SLOT/boot.ext4" "$work/content/boot.ext4"
cp "$SLOT/rootfs.erofs" "$work/content/rootfs.img"
cat >"$work/content/manifest.raucm" <<MANIFEST
[update]
compatible=$COMPATIBLE
version=$VERSION

[bundle]
format=verity

[image.boot]
filename=boot.ext4

[image.rootfs]
filename=rootfs.img
MANIFEST
find "$work/content" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
rauc --cert "$KEYS/certificate.pem" --key "$KEYS/key.pem" bundle "$work/content" "$OUT/bundle.raucb" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
