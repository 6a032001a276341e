#!/usr/bin/env bash
# The card: partition table, firmware, slots, data. No loop device and no mount. Runs in the tool root.
# in: SLOT (rootfs.sh's OUT), DEBS, BOOT (image/boot), LAYOUT (the text of genimage's configuration), FIRMWARE_SIZE, SETUP_SIZE, DATA_SIZE (MiB), FIRMWARE,
#     DEVICE_TREES, SETUP_TEXT, IDS (namespace of the fixed identifiers), SOURCE_DATE_EPOCH; out: OUT/card.img
set -euo pipefail
mkdir -p "$OUT"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stamp() { find "$@" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }
mkdir "$work"/{debs,firmware,setup,data,in,empty,tmp}
for deb in "$DEBS"/*.deb; do
    case $deb in */raspi-firmware_* | */u-boot-rpi_* | */linux-base-*) dpkg-deb -x "$deb" "$work/debs" ;; esac
done

# fat FOLDER IMAGE MIB LABEL ID: a FAT file system, its files in the order of their names.
fat() {
    stamp "$1"
    truncate -s "$3M" "$2"
    mkfs.vfat --invariant -n "$4" -i "$5" "$2" >/dev/null
    (cd "$1" && find . -mindepth 1 -type d | sort | sed 's|^\./|::/|' | xargs -r mmd -i "$2")
    (cd "$1" && find . -type f | sort | while read -r file; do mcopy -m -i "$2" "$file" "::/${file#./}"; done)
}

for name in $FIRMWARE; do cp "$work/debs/usr/lib/raspi-firmware/$name" "$work/firmware/"; done
mkdir -p "$work/firmware/overlays"
for tree in $DEVICE_TREES; do cp "$work"/debs/usr/lib/modules/*/dtb/broadcom/"$tree" "$work/firmware/"; done
cp "$work/debs/usr/lib/u-boot/rpi_arm64/u-boot.bin" "$BOOT/config.txt" "$BOOT/cmdline.txt" "$work/firmware/"
# U-Boot would look for EFI programs on every partition and stick before our script, and one of them a service may write: its settings say
# that it runs the script and nothing else.
mkenvimage -s 0x4000 -o "$work/firmware/uboot.env" "$BOOT/uboot.env.txt"
SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH mkimage -A arm64 -T script -C none -n latchkey -d "$BOOT/boot.cmd" "$work/firmware/boot.scr" >/dev/null
fat "$work/firmware" "$work/in/firmware.vfat" "$FIRMWARE_SIZE" FIRMWARE 4c4b0001

cp "$SETUP_TEXT" "$work/setup/latchkey.toml.example"
fat "$work/setup" "$work/in/setup.vfat" "$SETUP_SIZE" LATCHKEY 4c4b0002

printf 'BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\nBOOT_GOOD=A\nLATCHKEY_RESET=0\n' >"$work/state"
mkenvimage -s 0x200 -o "$work/in/bootstate.img" "$work/state"

stamp "$work/data"
E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mkfs.ext4 -q -d "$work/data" -L data -b 4096 -m 1 -U 4c4b0000-0000-4000-8000-000000000108 \
    -E hash_seed=4c4b0000-0000-4000-8000-000000000208,lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0 "$work/in/data.ext4" "${DATA_SIZE}M"

cp --sparse=always "$SLOT/boot.ext4" "$SLOT/rootfs.erofs" "$work/in/"
printf "%s" "$LAYOUT" >"$work/genimage.cfg"
genimage --rootpath "$work/empty" --tmppath "$work/tmp/genimage" --inputpath "$work/in" --outputpath "$work/out" --config "$work/genimage.cfg" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
cp --sparse=always "$work/out/card.img" "$OUT/card.img"
