#!/usr/bin/env bash
# Who may make updates for the boxes that this build makes: the holder of this key. One is made here the first time; keep it, since a
# box takes updates of no other. It is dated back: a box without a clock must not find it to be of the future. Runs in the tool root.
# in: KEYS (folder that stays: key.pem, certificate.pem)
set -euo pipefail
mkdir -p "$KEYS" && chmod 700 "$KEYS"
[ -s "$KEYS/key.pem" ] && [ -s "$KEYS/certificate.pem" ] && exit 0
umask 077
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$KEYS/key.new"
openssl req -x509 -new -key "$KEYS/key.new" -subj "/O=Latchkey/CN=Development key of this build" -not_before 20200101000000Z -not_after 20991231235959Z \
    -addext basicConstraints=critical,CA:true -addext keyUsage=critical,digitalSignature,keyCertSign -out "$KEYS/certificate.pem"
mv "$KEYS/key.new" "$KEYS/key.pem"
