//! The partitions of a card. Sizes are fixed: a slot is replaced as a whole, and one that is too small can never grow.

use std::fmt::Write;

/// One mebibyte: partitions begin and end at whole ones.
const MIB: u64 = 1 << 20;

/// What lies on a partition when the card is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A file that is made beside the card.
    File(&'static str),
    /// Zeros: the slot that the first update fills.
    Empty,
}

/// One partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Its label in the partition table; on the device it is `/dev/latchkey/NAME`.
    pub(crate) name: &'static str,
    /// Its size in MiB.
    pub(crate) size: u64,
    /// Its type (GUID). The one of Linux data is given to `data` alone, since systemd-repart grows what has it.
    type_id: &'static str,
    /// The type in the hybrid MBR, for what the boot ROM of a Pi or a PC has to find.
    mbr_type: Option<u8>,
    content: Content,
}

const FAT_FOR_FIRMWARE: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const FAT_FOR_PEOPLE: &str = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7";
const STATE: &str = "4C4B0000-0000-4000-8000-00000000B007";
const SLOT_BOOT: &str = "4C4B0000-0000-4000-8000-0000000B0070";
const SLOT_ROOT: &str = "4C4B0000-0000-4000-8000-000000007007";
const LINUX_DATA: &str = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

/// All of them, in their order on the card.
pub(crate) const PARTITIONS: &[Partition] = &[
    Partition {
        name: "firmware",
        size: 64,
        type_id: FAT_FOR_FIRMWARE,
        mbr_type: Some(0x0c),
        content: Content::File("firmware.vfat"),
    },
    Partition {
        name: "LATCHKEY",
        size: 16,
        type_id: FAT_FOR_PEOPLE,
        mbr_type: Some(0x0e),
        content: Content::File("setup.vfat"),
    },
    Partition { name: "bootstate", size: 1, type_id: STATE, mbr_type: None, content: Content::File("bootstate.img") },
    Partition { name: "bootA", size: 48, type_id: SLOT_BOOT, mbr_type: None, content: Content::File("boot.ext4") },
    Partition { name: "bootB", size: 48, type_id: SLOT_BOOT, mbr_type: None, content: Content::Empty },
    Partition { name: "rootA", size: 192, type_id: SLOT_ROOT, mbr_type: None, content: Content::File("rootfs.erofs") },
    Partition { name: "rootB", size: 192, type_id: SLOT_ROOT, mbr_type: None, content: Content::Empty },
    Partition { name: "data", size: 64, type_id: LINUX_DATA, mbr_type: None, content: Content::File("data.ext4") },
];

/// The size of the partition of that name in MiB.
pub(crate) fn size_of(name: &str) -> u64 {
    PARTITIONS.iter().find(|partition| partition.name == name).map_or(0, |partition| partition.size)
}

/// The smallest card that the image fits on, in bytes.
pub(crate) fn card_size() -> u64 {
    // One MiB in front for the table, one behind for its copy.
    (PARTITIONS.iter().map(|partition| partition.size).sum::<u64>() + 2) * MIB
}

/// The card in the words of genimage. Identifiers are fixed, so that the same input gives the same bytes.
pub(crate) fn genimage() -> String {
    let mut text = format!(
        "image card.img {{\n\tsize = {}\n\thdimage {{\n\t\tpartition-table-type = \"hybrid\"\n\t\tdisk-uuid = \"4C4B0000-0000-4000-8000-000000000000\"\n\t\talign = 1M\n\t}}\n",
        card_size()
    );
    for (number, partition) in PARTITIONS.iter().enumerate() {
        let Partition { name, size, type_id, mbr_type, content } = partition;
        // Writing into a string cannot fail.
        let _ = write!(text, "\tpartition {name} {{\n\t\tsize = {size}M\n\t\tpartition-type-uuid = \"{type_id}\"\n");
        let _ = writeln!(text, "\t\tpartition-uuid = \"4C4B0000-0000-4000-8000-{:012}\"", number + 1);
        if let Some(kind) = mbr_type {
            let _ = writeln!(text, "\t\tpartition-type = {kind:#04x}");
        }
        if name == &"firmware" {
            text.push_str("\t\tbootable = true\n");
        }
        if let Content::File(file) = content {
            let _ = writeln!(text, "\t\timage = \"{file}\"");
        }
        text.push_str("\t}\n");
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_slots_are_alike() {
        for part in ["boot", "root"] {
            assert_eq!(size_of(&format!("{part}A")), size_of(&format!("{part}B")));
        }
    }

    #[test]
    fn only_the_data_grows() {
        let growing: Vec<_> = PARTITIONS.iter().filter(|partition| partition.type_id == LINUX_DATA).collect();
        assert_eq!(growing.len(), 1);
        assert_eq!(
            (growing[0].name, PARTITIONS.last().unwrap().name),
            ("data", "data"),
            "there is room behind the last one only"
        );
    }

    #[test]
    fn a_hybrid_table_has_room_for_three() {
        assert!(PARTITIONS.iter().filter(|partition| partition.mbr_type.is_some()).count() <= 3);
        assert_eq!(PARTITIONS[0].mbr_type, Some(0x0c), "the boot ROM of a Pi 3 looks at the first one");
    }

    #[test]
    fn names_fit_into_u_boots_and_the_kernels_tables() {
        for partition in PARTITIONS {
            assert!(partition.name.len() <= 32 && partition.name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn the_identifiers_of_partitions_differ() {
        let text = genimage();
        let ids: std::collections::BTreeSet<_> = text.lines().filter(|line| line.contains("partition-uuid")).collect();
        assert_eq!(ids.len(), PARTITIONS.len());
    }
}
