#!/usr/bin/env bash
# A folder with the tools of Debian trixie, so that the image comes out the same on whatever Debian it is built.
# in: APT (folder of sources.sh), PACKAGES (comma-separated); out: OUT
set -euo pipefail
mmdebstrap --quiet --variant=essential --format=directory --architectures="$(dpkg --print-architecture)" \
    --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' --aptopt="$APT/host.conf" \
    --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --include="$PACKAGES" trixie "$OUT" "$APT/tools.list"
