//! The boards of the image, and what each of them brings.

/// A board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Board {
    /// What people call it.
    pub(crate) name: &'static str,
    /// What Raspberry Pi Imager calls its family.
    pub(crate) imager: &'static str,
    /// Its device trees, by file name.
    device_trees: &'static [&'static str],
    /// What the boot ROM or the bootloader of the board reads from the card.
    firmware: &'static [&'static str],
    /// Firmware of its radio, as patterns below `/usr/lib/firmware`.
    radio: &'static [&'static str],
}

const OF_PI_3: &[&str] = &["bootcode.bin", "start.elf", "fixup.dat"];
const OF_PI_4: &[&str] = &["start4.elf", "fixup4.dat"];
const CYW43430: &[&str] = &[
    "brcm/brcmfmac43430-sdio.raspberrypi*",
    "brcm/brcmfmac43430-sdio.bin",
    "brcm/brcmfmac43430-sdio.clm_blob",
    "brcm/brcmfmac43430-sdio.txt",
    "cypress/cyfmac43430-sdio.*",
];
const CYW43455: &[&str] = &[
    "brcm/brcmfmac43455-sdio.raspberrypi*",
    "brcm/brcmfmac43455-sdio.bin",
    "brcm/brcmfmac43455-sdio.clm_blob",
    "brcm/brcmfmac43455-sdio.txt",
    "cypress/cyfmac43455-sdio*",
];

/// All of them.
pub(crate) const BOARDS: &[Board] = &[
    Board {
        name: "Raspberry Pi 3B",
        imager: "pi3-64bit",
        device_trees: &["bcm2837-rpi-3-b.dtb"],
        firmware: OF_PI_3,
        radio: CYW43430,
    },
    Board {
        name: "Raspberry Pi 3B+",
        imager: "pi3-64bit",
        device_trees: &["bcm2837-rpi-3-b-plus.dtb"],
        firmware: OF_PI_3,
        radio: CYW43455,
    },
    Board {
        name: "Raspberry Pi 4",
        imager: "pi4-64bit",
        device_trees: &["bcm2711-rpi-4-b.dtb"],
        firmware: OF_PI_4,
        radio: CYW43455,
    },
    Board {
        name: "Compute Module 4",
        imager: "pi4-64bit",
        device_trees: &["bcm2711-rpi-cm4-io.dtb"],
        firmware: OF_PI_4,
        radio: CYW43455,
    },
    Board {
        name: "Raspberry Pi Zero 2 W",
        imager: "pi3-64bit",
        device_trees: &["bcm2837-rpi-zero-2-w.dtb"],
        firmware: OF_PI_3,
        radio: CYW43430,
    },
    // Its bootloader lives on the board.
    Board {
        name: "Raspberry Pi 5",
        imager: "pi5-64bit",
        device_trees: &["bcm2712-rpi-5-b.dtb", "bcm2712-d-rpi-5-b.dtb"],
        firmware: &[],
        radio: CYW43455,
    },
];

fn of_all(part: impl Fn(&Board) -> &'static [&'static str]) -> Vec<&'static str> {
    let mut all: Vec<_> = BOARDS.iter().flat_map(|board| part(board).iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The device trees of all boards.
pub(crate) fn device_trees() -> Vec<&'static str> {
    of_all(|board| board.device_trees)
}

/// The firmware on the first partition.
pub(crate) fn firmware() -> Vec<&'static str> {
    of_all(|board| board.firmware)
}

/// The firmware of the radios.
pub(crate) fn radio() -> Vec<&'static str> {
    of_all(|board| board.radio)
}

/// The families that Raspberry Pi Imager offers the image for.
pub(crate) fn imager_devices() -> Vec<&'static str> {
    let mut all: Vec<_> = BOARDS.iter().map(|board| board.imager).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_boards_share_is_on_the_card_once() {
        assert_eq!(firmware(), ["bootcode.bin", "fixup.dat", "fixup4.dat", "start.elf", "start4.elf"]);
        assert_eq!(device_trees().len(), 7);
        assert_eq!(imager_devices(), ["pi3-64bit", "pi4-64bit", "pi5-64bit"]);
    }

    #[test]
    fn patterns_stay_below_the_firmware_folder() {
        for pattern in radio() {
            assert!(pattern.starts_with("brcm/brcmfmac43") || pattern.starts_with("cypress/cyfmac43"), "{pattern}");
        }
    }
}
