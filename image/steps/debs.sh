#!/usr/bin/env bash
# Packages that are taken apart instead of installed: kernel, firmware of the boards, U-Boot.
# in: APT (folder of sources.sh), PACKAGES (space-separated; a name that ends in - is completed to the newest); out: OUT/*.deb, OUT/packages
set -euo pipefail
export APT_CONFIG=$APT/apt.conf
mkdir -p "$OUT" && cd "$OUT"
kernel=$(apt-cache depends linux-image-arm64 | sed -n 's/^ *Depends: linux-image-\(.*-arm64\)$/\1/p')
[ -n "$kernel" ] || { echo "there is no kernel for arm64 in the package lists" >&2; exit 1; }
packages=()
for package in $PACKAGES; do packages+=("${package/KERNEL/$kernel}"); done
apt-get download -q -o APT::Sandbox::User=root "${packages[@]}"
for deb in *.deb; do
    dpkg-deb -W --showformat '${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n' "$deb"
done | sort >packages
echo "$kernel" >kernel
