#!/usr/bin/env bash
# The root file system as Debian's packages make it, nothing changed yet: a tar file. The slow step: its programs run under emulation.
# in: APT (folder of sources.sh), PACKAGES (comma-separated), SOURCE_DATE_EPOCH; out: OUT/root.tar, OUT/packages (name, version, architecture, source)
set -euo pipefail
mkdir -p "$OUT"
# In memory it is three times as fast.
[ -w /dev/shm ] && export TMPDIR=/dev/shm
mmdebstrap --quiet --variant=essential --architectures=arm64 --format=tar \
    --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' --aptopt="$APT/host.conf" \
    --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/i18n/*' \
    --dpkgopt='path-exclude=/usr/share/bash-completion/*' --dpkgopt='path-exclude=/usr/share/zsh/*' \
    --setup-hook="mkdir -p \"\$1/etc/apt/preferences.d\" && cp '$APT/preferences' \"\$1/etc/apt/preferences.d/latchkey\"" \
    --customize-hook="chroot \"\$1\" dpkg-query -W -f '\${Package}\t\${Version}\t\${Architecture}\t\${source:Package}\t\${source:Version}\n' | sort >'$OUT/packages'" \
    --include="$PACKAGES" trixie "$OUT/root.tar" "$APT/sources.list"
