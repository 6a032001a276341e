#!/usr/bin/env bash
# The two file systems of a slot: rootfs.erofs, and boot.ext4 with kernel, initramfs and device trees. Runs in the tool root.
# in: ROOT_TAR, DEBS, BINARY, KEYRING, OVERLAY, UNITS, BOOT (image/boot), STEPS, VERSION, DEVICE_TREES, WIFI_FIRMWARE, BOOT_SIZE, ROOT_SIZE (MiB), MOST (bytes unpacked),
#     SOURCE_DATE_EPOCH, optional PATCH (a script that gets the root's path: for bundles that a test wants to fail); out: OUT
set -euo pipefail
mkdir -p "$OUT"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
kernel=$(cat "$DEBS/kernel")
stamp() { find "$@" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

mkdir "$root" "$work/debs"
tar -C "$root" --numeric-owner -xf "$ROOT_TAR" --exclude='./dev/*'
for deb in "$DEBS"/*.deb; do dpkg-deb -x "$deb" "$work/debs"; done
packed=$work/debs/usr/lib/modules/$kernel

# What only installing and removing packages needs, documentation, and what nothing here reads.
rm -rf "$root"/var/lib/{dpkg,apt,ucf,pam,systemd,dbus} "$root"/var/{cache,log,backups,mail,opt,spool}/* "$root"/var/tmp/* \
    "$root"/usr/bin/{dpkg*,perl*,deb-systemd*,apt*,debconf*,pdb*,update-alternatives,ucf*,lcf,localedef,bootctl,systemd-cryptenroll,openssl,c_rehash,rpcgen,infocmp,tset,tabs,toe,ucfq} \
    "$root"/usr/sbin/{update-passwd,update-ca-certificates,dpkg*,add-shell,remove-shell,debugfs,e4crypt,e4defrag,filefrag,e2scrub*,mklost+found,fsck.minix,mkfs.minix,mkfs.bfs,mkfs.cramfs,fsck.cramfs,cfdisk,deb-systemd*,invoke-rc.d,update-rc.d,service,dpkg-preconfigure} \
    "$root"/usr/lib/*/{perl*,gconv,e2fsprogs,libapt*} "$root"/usr/{share/perl*,lib/apt,lib/dpkg,lib/udev/hwdb.d,lib/udev/hwdb.bin,lib/locale,lib/tmpfiles.d/dpkg.conf,lib/pcrlock.d} \
    "$root"/usr/share/{doc-base,man,info,locale,i18n,lintian,debconf,bug,perl5,dpkg,bash-completion,zsh,polkit-1,gcc,gdb,menu,pixmaps,applications,base-files,adduser,pam-configs,keyrings,ca-certificates,xml,initramfs-tools,rauc} \
    "$root"/etc/{apt,dpkg,cron*,init.d,rc?.d,rcS.d,default/grub*,ca-certificates*,pam.d/.placeholder,logrotate.d,kernel,apparmor*,ufw,update-motd.d,skel,perl,alternatives/README,debconf.conf,deluser.conf,adduser.conf,issue*,motd} \
    "$root"/usr/share/zoneinfo/{right,posix} "$root"/boot/* "$root"/lib/init 2>/dev/null || true
find "$root/usr/share/doc" -type f ! -name copyright -delete 2>/dev/null || true
# The licences stay, each text once.
mkdir -p "$root/usr/share/licenses"
find "$root/usr/share/doc" -name copyright | sort | while read -r file; do
    printf '== %s\n' "$(basename "$(dirname "$file")")"
    cat "$file"
done | xz -T1 -9e >"$root/usr/share/licenses/debian.xz"
rm -rf "$root/usr/share/doc"
rm -f "$root"/etc/{hostname,resolv.conf,machine-id,localtime,timezone,mtab,ssh/ssh_host_*,systemd/system/*.wants/*,systemd/system/*.service}
rm -rf "$root"/etc/systemd/system/*.wants "$root"/usr/lib/clock-epoch

# Latchkey.
cp -R --no-preserve=ownership,timestamps "$OVERLAY/." "$root/"
install -D -m 644 -t "$root/usr/lib/systemd/system" "$UNITS"/*.{service,socket,path,timer}
install -D -m 755 "$BINARY" "$root/usr/bin/latchkey"
install -D -m 644 "$KEYRING" "$root/etc/rauc/keyring.pem"
echo "$VERSION" >"$root/usr/lib/latchkey/version"
cat >"$root/usr/lib/os-release" <<RELEASE
PRETTY_NAME="Latchkey $VERSION"
NAME="Latchkey"
ID=latchkey
ID_LIKE=debian
VERSION_ID="$VERSION"
IMAGE_ID=latchkey
IMAGE_VERSION="$VERSION"
RELEASE
mkdir -p "$root"/{data,boot/latchkey,usr/lib/locale}
: >"$root/etc/machine-id"
echo latchkey >"$root/etc/hostname"
printf '127.0.0.1 localhost latchkey\n::1 localhost latchkey\n' >"$root/etc/hosts"
ln -s /run/systemd/resolve/resolv.conf "$root/etc/resolv.conf"
ln -s /run/latchkey-system/localtime "$root/etc/localtime"
ln -s ../proc/self/mounts "$root/etc/mtab"
ln -sf latchkey-console@.service "$root/usr/lib/systemd/system/serial-getty@.service"
# No screen: nothing to log in to. No hardware, firmware variables or debugging to look after either: each costs a start its time.
for unit in getty@.service autovt@.service systemd-logind.service dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-network-generator.service modprobe@drm.service modprobe@efi_pstore.service systemd-firstboot.service systemd-homed-firstboot.service e2scrub_reap.service systemd-hwdb-update.service ldconfig.service systemd-update-done.service systemd-journal-catalog-update.service systemd-pcrphase.service rauc-mark-good.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
# It would open sshd on local sockets, whether anybody has a key or not.
rm -f "$root/usr/lib/systemd/system-generators/systemd-ssh-generator"
touch -d "@$SOURCE_DATE_EPOCH" "$root/usr/lib/clock-epoch"

# Firmware of the radios; the kernel's modules.
mkdir -p "$root/usr/lib/firmware"
for pattern in $WIFI_FIRMWARE; do
    compgen -G "$work/debs/usr/lib/firmware/$pattern" >/dev/null || { echo "no package has the firmware $pattern" >&2; exit 1; }
    (cd "$work/debs/usr/lib/firmware" && find . -path "./$pattern" -print0 | tar -cf - --null -T -) | tar -C "$root/usr/lib/firmware" -xf -
done
for dangling in $(find "$root/usr/lib/firmware" -xtype l); do
    source=$work/debs/usr/lib/firmware/${dangling#"$root/usr/lib/firmware/"}
    target=$(readlink -f "$source")
    [ -e "$target" ] || continue
    install -D -m 644 "$target" "$root/usr/lib/firmware/${target#"$work/debs/usr/lib/firmware/"}"
done
depmod -b "$work/debs" "$kernel" 2>/dev/null || { mkdir -p "$work/debs/lib" && ln -sfn ../usr/lib/modules "$work/debs/lib/modules" && depmod -b "$work/debs" "$kernel"; }
pick() { # pick LIST ROOT
    mkdir -p "$2/usr/lib/modules/$kernel"
    cp "$packed"/modules.{order,builtin,builtin.modinfo} "$2/usr/lib/modules/$kernel/"
    awk -f "$STEPS/modules.awk" "$1" "$packed/modules.dep" | sort | (cd "$packed" && xargs cp --parents -t "$2/usr/lib/modules/$kernel")
    depmod -b "$2" "$kernel"
}
pick "$BOOT/modules.list" "$root"

# As the device's own programs see it: users, and which units start.
chroot "$root" systemd-sysusers
chroot "$root" systemctl preset-all >/dev/null 2>&1
sed -i 's/^\([^:]*\):!\?\*\?:/\1:*:/' "$root/etc/shadow"
chown -R 0:0 "$root/etc" "$root/usr/lib/latchkey"
chown 0:42 "$root/etc/shadow" && chmod 640 "$root/etc/shadow"
rm -f "$root"/etc/{passwd-,group-,shadow-,gshadow-,.pwd.lock,subuid-,subgid-} "$root"/usr/bin/qemu-*
[ -z "${PATCH:-}" ] || bash -c "$PATCH" patch "$root"
stamp "$root"
# Files that are newer than the build's date would make systemd's clock run ahead of it.

# The initramfs.
first=$work/initramfs
mkdir -p "$first"/{bin,dev,proc,sys,root,usr/lib/modules}
ln -s usr/lib "$first/lib"
cp "$root/usr/bin/busybox" "$first/bin/busybox"
for name in sh cat grep sed sort find xargs basename dirname readlink sleep mkdir mount umount modprobe switch_root chroot dd tr head ls chmod sync; do
    ln -s busybox "$first/bin/$name"
done
pick "$BOOT/initramfs.list" "$first"
find "$first" -name '*.ko.xz' -exec xz -d {} +
depmod -b "$first" "$kernel"
install -m 755 "$BOOT/init" "$first/init"
stamp "$first"
(cd "$first" && find . | sort | cpio --quiet --reproducible -o -H newc -R 0:0) | zstd -q -19 -T1 >"$work/initrd.img"

# The slot's boot file system.
boot=$work/boot
mkdir -p "$boot/dtb/broadcom"
gzip -9n <"$packed/vmlinuz" >"$boot/vmlinuz"
cp "$work/initrd.img" "$boot/initrd.img"
for tree in $DEVICE_TREES; do cp "$packed/dtb/broadcom/$tree" "$boot/dtb/broadcom/"; done
cp "$BOOT/bootargs.txt" "$boot/"
stamp "$boot"
uuid=$(cat "$boot/vmlinuz" "$boot/initrd.img" | sha256sum | sed 's/^\(.\{8\}\)\(.\{4\}\).\(.\{3\}\).\(.\{3\}\)\(.\{12\}\).*/\1-\2-4\3-8\4-\5/')
E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mkfs.ext4 -q -d "$boot" -L boot -m 0 -b 4096 -U "$uuid" \
    -O '^has_journal,^metadata_csum_seed,^orphan_file,^resize_inode' -E "hash_seed=$uuid,lazy_itable_init=0,root_owner=0:0" "$OUT/boot.ext4" "${BOOT_SIZE}M"

# The root. lz4hc is what a Pi unpacks fastest; the image as a whole is compressed again.
mkfs.erofs --quiet -zlz4hc,12 -C65536 -Efragments,dedupe -T "$SOURCE_DATE_EPOCH" -U "$uuid" "$OUT/rootfs.erofs" "$root" >/dev/null
size=$(stat -c %s "$OUT/rootfs.erofs")
[ "$size" -le $((ROOT_SIZE << 20)) ] || { echo "the root file system has $size bytes and the slot $ROOT_SIZE MiB" >&2; exit 1; }

unpacked=$(du -B1 --apparent-size -s "$root" | cut -f1)
[ "$unpacked" -le "$MOST" ] || { echo "the root file system has $unpacked bytes unpacked, and $MOST are the bound; see $OUT/du" >&2; over=1; }

# Where the bytes went.
{
    printf '# bytes unpacked, largest first; the root file system packed has %s bytes\n' "$size"
    du -B1 --apparent-size -s "$root" | sed "s|$root|/ (all)|"
    (cd "$root" && du -B1 --apparent-size -d 3 . | sort -rn | sed -n '2,60p')
    printf '# the largest files\n'
    (cd "$root" && find . -type f -printf '%s\t%p\n' | sort -rn | sed -n '1,40p')
    printf '# the slot beside it\n'
    (cd "$boot" && find . -type f -printf '%s\t%p\n' | sort -rn)
} >"$OUT/du"
[ -z "${over:-}" ]
