#!/usr/bin/env bash
# usage: sources.sh FOLDER   Writes FOLDER/sources.list and the private apt lists beside it. The mirror is the one that this host's
# own apt uses (MIRROR overrides it), and nothing of the host's apt is changed.
set -euo pipefail
folder=$1
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

if [ -z "${MIRROR:-}" ]; then
    MIRROR=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^Debian \(.*[^/]\)\/*$/\1/p' | grep -v -e '-security$' | head -n 1)
fi
[ -n "$MIRROR" ] || {
    echo "This host's apt names no Debian mirror. Say which: make image MIRROR=http://.../debian" >&2
    exit 1
}
SECURITY=${SECURITY:-${MIRROR%/debian}/debian-security}

mkdir -p "$folder"/{lists,archives}/partial
# A proxy, or a mirror that is a copy of some day: what this host's apt was told, those that build the roots have to know too.
env -u APT_CONFIG apt-config dump |
    grep -E '^Acquire::(Check-Valid-Until|Check-Date|Retries|(http|https)::(Proxy|Timeout))' >"$folder/host.conf" || true
components="main non-free-firmware"
{
    for suite in trixie trixie-updates trixie-backports; do
        echo "deb [signed-by=$keyring] $MIRROR $suite $components"
    done
    echo "deb [signed-by=$keyring] $SECURITY trixie-security $components"
    # For RAUC alone: see the preferences.
    echo "deb [signed-by=$keyring] $MIRROR sid main"
} >"$folder/sources.list"

grep -v ' sid ' "$folder/sources.list" >"$folder/tools.list"

# What comes from elsewhere than trixie, and nothing else does. The kernel: gpio-sim and the Pi 5. RAUC: older ones do not
# understand dm-verity's status from Linux 6.19 on; it wants a libnl of its age.
cat >"$folder/preferences" <<'PREFERENCES'
Package: *
Pin: release n=sid
Pin-Priority: -10

Package: rauc rauc-service src:libnl3
Pin: release n=sid
Pin-Priority: 600

Package: src:linux src:linux-signed-arm64
Pin: release n=trixie-backports
Pin-Priority: 600
PREFERENCES

cat >"$folder/apt.conf" <<CONF
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "$folder/preferences";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$folder";
Dir::State::lists "$folder/lists";
Dir::State::status "$folder/status";
Dir::Cache::archives "$folder/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
: >>"$folder/status"
APT_CONFIG=$folder/apt.conf apt-get update -q
