//! The card: a sparse copy of the image as a file, and what can be seen of it without starting anything.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::line::find;
use super::tools::Tools;
use crate::children::{bound, run};
use crate::deadline::Deadline;
use crate::failure::{Failure, Outcome, While, broken};

const SECTOR: u64 = 512;
/// More entries than any card of ours has.
const MOST_PARTITIONS: u32 = 128;
const CHUNK: usize = 4 << 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct Card {
    path: PathBuf,
}

/// Where a partition is, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) bytes: u64,
}

impl Card {
    /// The image on a card of that many bytes, or of just its own size.
    pub(crate) fn write(image: &Path, path: PathBuf, bytes: Option<u64>, limit: Deadline) -> Outcome<Self> {
        run(bound("cp").arg("--sparse=always").arg(image).arg(&path), b"", limit)?
            .good()
            .while_("copying the image")?;
        let own = fs::metadata(&path)?.len();
        if let Some(bytes) = bytes {
            if bytes < own {
                return broken(format!("the image is {own} bytes long, more than a card of {bytes}"));
            }
            File::options().write(true).open(&path)?.set_len(bytes)?;
        }
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a file onto a FAT partition, as its owner would on a PC.
    pub(crate) fn put(&self, tools: &Tools, (partition, name): (&str, &str), text: &str) -> Outcome {
        let source = self.path.with_extension("file");
        fs::write(&source, text)?;
        let at = self.drive(partition)?;
        let said =
            tools.say(tools.command("mcopy").args(["-n", "-o", "-i", &at]).arg(&source).arg(format!("::/{name}")));
        fs::remove_file(&source)?;
        said.while_(&format!("putting {name} onto {partition}")).map(drop)
    }

    /// Takes a file from a FAT partition.
    pub(crate) fn take(&self, tools: &Tools, (partition, name): (&str, &str), to: &Path) -> Outcome {
        let at = self.drive(partition)?;
        let mut command = tools.command("mcopy");
        command.args(["-n", "-o", "-i", &at, &format!("::/{name}")]).arg(to);
        tools.say(&mut command).while_(&format!("taking {name} from {partition}")).map(drop)
    }

    /// As mtools names a partition within a file.
    fn drive(&self, partition: &str) -> Outcome<String> {
        Ok(format!("{}@@{}", self.path.display(), self.partition(partition)?.start))
    }

    /// The partition of that name.
    pub(crate) fn partition(&self, name: &str) -> Outcome<Partition> {
        let mut file = File::open(&self.path)?;
        let mut head = vec![0; 64 << 10];
        file.read_exact(&mut head)?;
        let all = partitions(&head)?;
        let found = all.iter().find(|partition| partition.name == name);
        found.cloned().ok_or_else(|| Failure::Broken(format!("no partition is called {name}: {all:?}")))
    }

    /// Which of these words are anywhere in the bytes of a partition, used or not.
    pub(crate) fn search(&self, partition: &str, words: &[String]) -> Outcome<Vec<String>> {
        let Partition { start, bytes, .. } = self.partition(partition)?;
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        Ok(search(file.take(bytes), words)?)
    }
}

/// The entries of a GPT, from the first sectors of a disk (UEFI 2.10, section 5.3).
fn partitions(head: &[u8]) -> Outcome<Vec<Partition>> {
    let odd = || Failure::Broken("this is no GPT".to_owned());
    let header = head.get(512..604).filter(|header| header.starts_with(b"EFI PART")).ok_or_else(odd)?;
    let word = |at: usize| header.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let (first, count, size) = (long(header, 72), word(80), word(84));
    let (Some(first), Some(count), Some(size)) = (first, count, size) else { return Err(odd()) };
    if count > MOST_PARTITIONS || !(128..=512).contains(&size) {
        return Err(odd());
    }
    let mut found = Vec::new();
    for number in 0..u64::from(count) {
        let at = usize::try_from(first.saturating_mul(SECTOR).saturating_add(number * u64::from(size)))?;
        let Some(entry) = head.get(at..).and_then(|rest| rest.get(..128)) else { break };
        let (Some(start), Some(end)) = (long(entry, 32), long(entry, 40)) else { return Err(odd()) };
        if start == 0 {
            continue;
        }
        let name: Vec<u16> = entry[56..128].chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let name = String::from_utf16_lossy(&name).trim_end_matches('\0').to_owned();
        let sectors = end.saturating_sub(start).saturating_add(1);
        found.push(Partition { name, start: start.saturating_mul(SECTOR), bytes: sectors.saturating_mul(SECTOR) });
    }
    Ok(found)
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn search(mut from: impl Read, words: &[String]) -> std::io::Result<Vec<String>> {
    let longest = words.iter().map(String::len).max().unwrap_or(0);
    let mut found: Vec<String> = Vec::new();
    let mut window = Vec::with_capacity(CHUNK + longest);
    loop {
        let fresh = from.by_ref().take(CHUNK as u64).read_to_end(&mut window)?;
        // Holes of a sparse file are most of it.
        if window.iter().any(|byte| *byte != 0) {
            for word in words {
                if !found.contains(word) && contains(&window, word.as_bytes()) {
                    found.push(word.clone());
                }
            }
        }
        if fresh == 0 {
            return Ok(found);
        }
        // A word may lie across two chunks.
        window.drain(..window.len().saturating_sub(longest));
    }
}

/// As `find`, fast on much text: most bytes are not the first of the word.
fn contains(text: &[u8], word: &[u8]) -> bool {
    let Some(first) = word.first() else { return false };
    let mut rest = text;
    while let Some(place) = rest.iter().position(|byte| byte == first) {
        rest = &rest[place..];
        if rest.starts_with(word) {
            return true;
        }
        rest = &rest[1..];
    }
    find(rest, word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two partitions, the second of 3 sectors.
    fn disk() -> Vec<u8> {
        let mut disk = vec![0; 64 << 10];
        disk[512..520].copy_from_slice(b"EFI PART");
        disk[512 + 72] = 2;
        disk[512 + 80] = 128;
        disk[512 + 84] = 128;
        for (number, (name, start, end)) in [("firmware", 40_u64, 41_u64), ("data", 42, 44)].into_iter().enumerate() {
            let at = 1024 + number * 128;
            disk[at + 32..at + 40].copy_from_slice(&start.to_le_bytes());
            disk[at + 40..at + 48].copy_from_slice(&end.to_le_bytes());
            for (place, letter) in name.bytes().enumerate() {
                disk[at + 56 + 2 * place] = letter;
            }
        }
        disk
    }

    #[test]
    fn partitions_are_found_by_name() {
        let all = partitions(&disk()).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[1], Partition { name: "data".to_owned(), start: 42 * 512, bytes: 3 * 512 });
    }

    #[test]
    fn what_is_no_partition_table_is_refused() {
        assert!(partitions(&[]).is_err());
        assert!(partitions(&vec![0xff; 64 << 10]).is_err());
        let mut disk = disk();
        disk[512 + 83] = 0xff;
        assert!(partitions(&disk).is_err());
    }

    #[test]
    fn words_are_found_across_chunks_and_absent_ones_are_not() {
        let mut text = vec![0; CHUNK - 3];
        text.extend_from_slice(b"Mira Holm and more");
        let words = ["Mira Holm".to_owned(), "more".to_owned(), "nobody".to_owned()];
        assert_eq!(search(&text[..], &words).unwrap(), ["Mira Holm", "more"]);
    }
}
