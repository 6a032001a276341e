#!/usr/bin/env bash
# What stands beside the image: compressed, with its block map, checksums and signature. Runs in the tool root.
# in: CARD (card.img), BUNDLE, KEYS, NAME, SLOT, MOST (bytes of the compressed image); out: OUT
set -euo pipefail
mkdir -p "$OUT"
cd "$OUT"
cp --sparse=always "$CARD" "$NAME.img"
cp "$BUNDLE" "$NAME.raucb"
cp "$SLOT/du" latchkey-image.du
bmaptool -q create -o "$NAME.bmap" "$NAME.img" 2>/dev/null
cp "$KEYS/certificate.pem" "$NAME.pem"
zstd -q -T0 -19 --long=27 -f -o "$NAME.img.zst" "$NAME.img"
packed=$(stat -c %s "$NAME.img.zst")
[ "$packed" -le "$MOST" ] || { echo "the compressed image has $packed bytes, and $MOST are the bound; see latchkey-image.du" >&2; exit 1; }
sha256sum "$NAME.img" "$NAME.img.zst" "$NAME.raucb" >"$NAME.sha256"
openssl dgst -sha256 -sign "$KEYS/key.pem" -out "$NAME.sha256.sig" "$NAME.sha256"
