//! What a guest wrote to its card, in order, and the card as a power cut at any of these moments may have left it: what was flushed
//! is there, and of what was not yet, any part.
//!
//! The log is that of QEMU's `blklogwrites`, in the format of Linux's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst).

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::card::Partition;
use crate::failure::{Failure, Outcome, broken};
use crate::random::Random;

const SECTOR: u64 = 512;
const MAGIC: u64 = 0x006a_7366_7773_6872;
const VERSION: u64 = 1;
/// Everything before it is on the card when it is answered.
const FLUSH: u64 = 1;
/// So is this write itself.
const FUA: u64 = 2;
const DISCARD: u64 = 4;
/// More than one guest writes in a test.
const MOST_ENTRIES: usize = 1 << 20;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct WriteLog {
    /// The partition's content when the log begins.
    before: PathBuf,
    partition: Partition,
    log: PathBuf,
}

/// A write, or a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Where on the card, in bytes.
    start: u64,
    bytes: u64,
    flags: u64,
    /// Where in the log its data is, and ends.
    data: u64,
    end: u64,
}

impl WriteLog {
    /// A log that begins now, of a partition of a card that nobody writes to. `folder` is for its files.
    pub(crate) fn begin(card: &Path, partition: Partition, folder: &Path) -> Outcome<Self> {
        let (before, log) = (folder.join("before.img"), folder.join("writes.log"));
        let mut from = File::open(card)?;
        from.seek(SeekFrom::Start(partition.start))?;
        std::io::copy(&mut from.take(partition.bytes), &mut File::create(&before)?)?;
        File::create(&log)?;
        Ok(Self { before, partition, log })
    }

    /// For QEMU.
    pub(crate) fn path(&self) -> &Path {
        &self.log
    }

    /// How long it is. Whatever the guest has been told to be written by now ends before it.
    pub(crate) fn length(&self) -> Outcome<u64> {
        Ok(fs::metadata(&self.log)?.len())
    }

    /// The partition as a cut may have left it, at a moment after the log was that long; and how long it was at that moment.
    pub(crate) fn cut(&self, random: &mut Random, after: u64, to: &Path) -> Outcome<u64> {
        let entries = entries(&mut File::open(&self.log)?)?;
        let first = entries.partition_point(|entry| entry.end < after);
        let choice = entries.len().saturating_sub(first);
        if choice == 0 {
            return broken("nothing was written after that");
        }
        let last = first + usize::try_from(random.next() % u64::try_from(choice)?)?;
        let written = &entries[..=last];
        fs::copy(&self.before, to)?;
        let (mut log, mut image) = (File::open(&self.log)?, File::options().write(true).open(to)?);
        for entry in kept(written, random) {
            self.apply(&mut log, &mut image, entry)?;
        }
        Ok(written[last].end)
    }

    /// Writes an entry to the image of the partition, if it is one of its own.
    fn apply(&self, log: &mut File, image: &mut File, entry: &Entry) -> Outcome {
        let Partition { start, bytes, .. } = self.partition;
        let Some(at) = entry.start.checked_sub(start).filter(|at| at + entry.bytes <= bytes) else { return Ok(()) };
        image.seek(SeekFrom::Start(at))?;
        if entry.flags & DISCARD != 0 {
            std::io::copy(&mut std::io::repeat(0).take(entry.bytes), image)?;
            return Ok(());
        }
        let mut data = vec![0; usize::try_from(entry.bytes)?];
        log.seek(SeekFrom::Start(entry.data))?;
        log.read_exact(&mut data)?;
        Ok(image.write_all(&data)?)
    }
}

/// Those that are on the card after a cut: all up to the last flush and all that did not wait for one, of the others every second.
fn kept<'a>(written: &'a [Entry], random: &mut Random) -> Vec<&'a Entry> {
    let flushed = written.iter().rposition(|entry| entry.flags & FLUSH != 0).unwrap_or(0);
    let lasts = |(place, entry): &(usize, &Entry)| {
        entry.bytes > 0 && (*place < flushed || entry.flags & FUA != 0 || random.next().is_multiple_of(2))
    };
    written.iter().enumerate().filter(lasts).map(|(_, entry)| entry).collect()
}

/// Those that are whole: the guest may be writing the next.
fn entries(log: &mut File) -> Outcome<Vec<Entry>> {
    let length = log.metadata()?.len();
    let mut head = [0; 32];
    let odd = || Failure::Broken("this is no log of writes".to_owned());
    log.read_exact(&mut head).map_err(|_| odd())?;
    let [magic, version, _, sector] = words(&head);
    // The size of a sector is the last word's lower half.
    if (magic, version, sector & 0xffff_ffff) != (MAGIC, VERSION, SECTOR) {
        return Err(odd());
    }
    let (mut all, mut at) = (Vec::new(), SECTOR);
    while at + SECTOR <= length && all.len() < MOST_ENTRIES {
        log.seek(SeekFrom::Start(at))?;
        log.read_exact(&mut head)?;
        let [sector, sectors, flags, _] = words(&head);
        let (start, bytes) = (sector.saturating_mul(SECTOR), sectors.saturating_mul(SECTOR));
        let data = at + SECTOR;
        let end = if flags & DISCARD == 0 { data.saturating_add(bytes) } else { data };
        if end > length {
            break;
        }
        all.push(Entry { start, bytes, flags, data, end });
        at = end;
    }
    Ok(all)
}

fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let word = |place: usize| bytes[place * 8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    [word(0), word(1), word(2), word(3)]
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn folder(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("latchkey-log-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn sector(words: [u64; 4]) -> Vec<u8> {
        let mut sector: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        sector.resize(512, 0);
        sector
    }

    /// A log of writes of one sector of a letter each, to a partition that begins at sector 8; `None` is a flush.
    fn log(folder: &Folder, writes: &[Option<(u64, u8)>]) -> WriteLog {
        let card = folder.0.join("card");
        fs::write(&card, vec![b'.'; 16 * 512]).unwrap();
        let partition = Partition { name: "data".to_owned(), start: 8 * SECTOR, bytes: 4 * SECTOR };
        let log = WriteLog::begin(&card, partition, &folder.0).unwrap();
        let mut bytes = sector([MAGIC, VERSION, 0, SECTOR]);
        for write in writes {
            match write {
                Some((at, letter)) => {
                    bytes.extend(sector([*at, 1, 0, 0]));
                    bytes.extend([*letter; 512]);
                }
                None => bytes.extend(sector([0, 0, FLUSH, 0])),
            }
        }
        fs::write(log.path(), bytes).unwrap();
        log
    }

    /// The first byte of each sector of the partition after a cut.
    fn cut(log: &WriteLog, seed: u64, after: u64) -> (String, u64) {
        let to = log.path().with_extension("cut");
        let at = log.cut(&mut Random::of(seed, "cut"), after, &to).unwrap();
        let bytes = fs::read(to).unwrap();
        (bytes.chunks(512).map(|sector| char::from(sector[0])).collect(), at)
    }

    #[test]
    fn what_was_flushed_is_there_and_what_was_not_may_be() {
        let folder = folder("flushed");
        let log = log(&folder, &[Some((8, b'a')), Some((9, b'b')), None, Some((10, b'c')), Some((8, b'd'))]);
        let whole = log.length().unwrap();
        let seen: Vec<String> = (0..64).map(|seed| cut(&log, seed, whole).0).collect();
        assert!(seen.iter().all(|cards| cards[1..2] == *"b" && cards[3..] == *"."), "{seen:?}");
        for possible in ["abc.", "ab..", "dbc.", "db.."] {
            assert!(seen.iter().any(|card| card == possible), "{possible} in {seen:?}");
        }
    }

    #[test]
    fn what_other_partitions_were_written_is_left_alone() {
        let folder = folder("others");
        let log = log(&folder, &[Some((7, b'x')), Some((12, b'y')), Some((11, b'z')), None]);
        assert_eq!(cut(&log, 1, log.length().unwrap()).0, "...z");
    }

    #[test]
    fn a_moment_is_after_what_it_should_be_after() {
        let folder = folder("moment");
        let log = log(&folder, &[Some((8, b'a')), None, Some((9, b'b')), None, Some((10, b'c')), None]);
        let after = 512 + 3 * 512;
        for seed in 0..32 {
            let (card, at) = cut(&log, seed, after);
            assert!(card.starts_with('a') && at >= after, "{card} at {at}");
        }
        assert!(log.cut(&mut Random::of(1, "cut"), log.length().unwrap() + 1, &folder.0.join("no")).is_err());
    }

    #[test]
    fn what_is_no_log_is_refused_and_half_an_entry_is_not_there() {
        let folder = folder("odd");
        let log = log(&folder, &[Some((8, b'a')), None, Some((9, b'b'))]);
        let length = log.length().unwrap();
        File::options().write(true).open(log.path()).unwrap().set_len(length - 1).unwrap();
        assert_eq!(entries(&mut File::open(log.path()).unwrap()).unwrap().len(), 2);
        fs::write(log.path(), vec![0; 4096]).unwrap();
        assert!(entries(&mut File::open(log.path()).unwrap()).is_err());
        fs::write(log.path(), b"").unwrap();
        assert!(entries(&mut File::open(log.path()).unwrap()).is_err());
    }
}
