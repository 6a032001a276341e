//! Which Debian packages the image is made of. What they depend on comes with them; nothing that they only recommend does.

/// Installed on the device, each with the reason.
const ROOT: &[(&str, &str)] = &[
    ("systemd", "starts and watches everything"),
    ("systemd-sysv", "reboot, poweroff"),
    ("udev", "device names"),
    ("dbus", "RAUC and systemd talk over it"),
    ("systemd-resolved", "names from the router's DNS"),
    ("systemd-timesyncd", "the time"),
    ("systemd-repart", "gives the data partition the rest of the card"),
    ("systemd-zram-generator", "compressed swap in memory"),
    ("openssh-server", "how an admin comes in"),
    ("rauc", "updates"),
    ("rauc-service", "updates"),
    ("libubootenv-tool", "which slot U-Boot boots"),
    ("iproute2", "what an admin looks at first"),
    ("kmod", "modules"),
    ("procps", "what an admin looks at second"),
    ("busybox-static", "the initramfs, and the small toolbox"),
    ("wpasupplicant", "Wi-Fi"),
    ("wireless-regdb", "which channels are allowed where"),
    ("ca-certificates", "to trust Let's Encrypt's servers and DNS providers"),
    ("nftables", "the firewall"),
    ("e2fsprogs", "checks, grows and makes the data partition"),
    ("tzdata", "the night of the LED is the owner's"),
];

/// Taken apart instead of installed. `KERNEL` is the version of the newest kernel.
const PARTS: &[&str] = &[
    "linux-binary-KERNEL",
    "linux-modules-KERNEL",
    "linux-base-KERNEL",
    "raspi-firmware",
    "u-boot-rpi",
    "firmware-brcm80211",
];

/// The tools that build, and the machine that tests.
const TOOLS: &[&str] = &[
    "bmap-tools",
    "ca-certificates",
    "cpio",
    "device-tree-compiler",
    "dosfstools",
    "e2fsprogs",
    "erofs-utils",
    "fdisk",
    "genimage",
    "kmod",
    "libubootenv-tool",
    "mtools",
    "openssl",
    "qemu-system-arm",
    "qemu-utils",
    "rauc",
    "squashfs-tools",
    "u-boot-qemu",
    "u-boot-tools",
    "xz-utils",
    "zstd",
];

/// Those of the device.
pub(crate) fn root() -> Vec<&'static str> {
    ROOT.iter().map(|(name, _)| *name).collect()
}

/// Those that are taken apart.
pub(crate) fn parts() -> &'static [&'static str] {
    PARTS
}

/// Those of the tool root.
pub(crate) fn tools() -> &'static [&'static str] {
    TOOLS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_has_its_reason_and_stands_once() {
        let mut names = root();
        assert!(ROOT.iter().all(|(_, reason)| !reason.is_empty()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROOT.len());
    }
}
