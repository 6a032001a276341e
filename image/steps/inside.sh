#!/usr/bin/env bash
# usage: inside.sh TOOLS SOURCE WORK CACHE COMMAND...   Runs a command in the tool root, with the repository as /source, the build folder
# as /work and the products of packages as /cache. As root, or else in the same kind of user namespace that mmdebstrap makes for itself.
set -euo pipefail
export TOOLS=$1 SOURCE=$2 WORK=$3 CACHE=$4
shift 4
enter='
set -e
mkdir -p "$TOOLS/source" "$TOOLS/work" "$TOOLS/cache"
mount --rbind /dev "$TOOLS/dev"
mount -t proc proc "$TOOLS/proc" 2>/dev/null || mount --rbind /proc "$TOOLS/proc"
mount -t tmpfs tmpfs "$TOOLS/tmp"
mount --rbind "$SOURCE" "$TOOLS/source"
mount --rbind "$WORK" "$TOOLS/work"
mount --rbind "$CACHE" "$TOOLS/cache"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C TZ=UTC TMPDIR=/tmp
unset LD_LIBRARY_PATH
exec chroot "$TOOLS" "$@"'
if [ "$(id -u)" = 0 ]; then
    exec unshare --mount bash -c "$enter" inside "$@"
fi
exec mmdebstrap --unshare-helper unshare --mount bash -c "$enter" inside "$@"
