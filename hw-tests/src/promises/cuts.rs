//! Pulling the plug while people are being added.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::children::run;
use crate::deadline::Deadline;
use crate::failure::{Outcome, While, broken, ensure};
use crate::home::Home;
use crate::rig::write_log::WriteLog;

/// Every one is a whole boot: what fits into the time of a usual run, and what the soak does.
const USUAL: u32 = 3;
const SOAK: u32 = 30;
/// Moments of one start at which the card is looked at without starting it.
const MOMENTS: u32 = 25;
const SOAK_MOMENTS: u32 = 200;
/// For how long people are added before that.
const RECORDED: Duration = Duration::from_secs(25);
/// The household's database on the data partition, and what belongs to it.
const DATABASE: [&str; 2] = ["latchkey.db", "latchkey.db-wal"];
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The plug is pulled within this much of the first change.
const WITHIN: Duration = Duration::from_secs(8);

pub(crate) fn lose_nothing(home: &mut Home) -> Outcome {
    let cuts = if home.soak { SOAK } else { USUAL };
    let mut acknowledged = BTreeSet::new();
    for cut in 0..cuts {
        check(home, &acknowledged, cut)?;
        let moment = home.random.below(WITHIN);
        acknowledged.extend(change_until(home, cut, moment)?);
    }
    check(home, &acknowledged, cuts)?;
    home.note(format!("{cuts} cuts, {} acknowledged changes, all there", acknowledged.len()));
    ensure(acknowledged.len() >= usize::try_from(cuts)?, || {
        "hardly anything was acknowledged before the cuts".to_owned()
    })
}

/// After the power is back: everybody is there, and nothing needs a person.
fn check(home: &mut Home, acknowledged: &BTreeSet<String>, cut: u32) -> Outcome {
    home.on()?;
    home.until("the box to answer after a cut", Duration::from_secs(240), |home| {
        // The time of the question begins when there is a shell.
        let shell = home.rig.shell()?;
        let asked = shell.ask("latchkey status >/dev/null", Deadline::within(Duration::from_secs(60)))?;
        Ok((asked.status == 0).then_some(()))
    })?;
    let listed = home.latchkey("person list --limit 100000")?;
    let there: BTreeSet<&str> =
        listed.as_array().into_iter().flatten().filter_map(|person| person["name"].as_str()).collect();
    let lost: Vec<&String> = acknowledged.iter().filter(|name| !there.contains(name.as_str())).collect();
    ensure(lost.is_empty(), || format!("after cut {cut} these are lost: {lost:?}"))?;
    let trouble = home.root("dmesg | grep -E 'EXT4-fs (error|warning)|I/O error|erofs: .*error' | head -n 5; true")?;
    ensure(trouble.is_empty(), || format!("after cut {cut} the kernel says {trouble}"))?;
    home.is_well()
}

/// As a card that keeps what it was told to flush and of the rest what it likes: at any moment, the file system repairs itself and
/// the database knows everybody of whom the box had said that they are there.
pub(crate) fn lose_nothing_that_was_flushed(home: &mut Home) -> Outcome {
    home.claimed()?;
    home.is_well()?;
    home.cut()?;
    let log = home.rig.record_writes("data")?;
    home.serving()?;
    let acknowledged = record(home, &log)?;
    home.cut()?;
    let Some((_, first)) = acknowledged.first() else { return broken("nothing was acknowledged") };
    let moments = if home.soak { SOAK_MOMENTS } else { MOMENTS };
    let (mut some, mut most) = (usize::MAX, 0);
    for _ in 0..moments {
        let image = home.folder.join("cut.img");
        let at = log.cut(&mut home.random, *first, &image)?;
        let known = recovered(home, &image).while_(&format!("after a cut at byte {at} of the log"))?;
        let lost: Vec<&str> = acknowledged
            .iter()
            .filter(|(name, written)| *written <= at && !known.contains(name))
            .map(|(name, _)| name.as_str())
            .collect();
        ensure(lost.is_empty(), || format!("after a cut at byte {at} of the log these are lost: {lost:?}"))?;
        (some, most) = (some.min(known.len()), most.max(known.len()));
    }
    home.note(format!(
        "{moments} moments within {} acknowledged changes; {some} to {most} accounts there",
        acknowledged.len()
    ));
    Ok(())
}

/// Adds people for a while: their names, and how long the log was when each had been acknowledged.
fn record(home: &mut Home, log: &WriteLog) -> Outcome<Vec<(String, u64)>> {
    let line = home.rig.shell()?.line();
    drop(line.take());
    line.send(&add_people("r"))?;
    let (mut text, mut found) = (String::new(), Vec::new());
    let until = Deadline::within(RECORDED);
    while !until.is_over() {
        thread::sleep(LOOK_EVERY);
        text.push_str(&line.take());
        // Looked at after the word came, so that everything of it is before.
        let length = log.length()?;
        let names = acknowledged(&text);
        let known = found.len();
        found.extend(names.into_iter().skip(known).map(|name| (name, length)));
    }
    Ok(found)
}

/// Who is known to the box that starts with that data partition: its file system is repaired as at a boot, without a question.
fn recovered(home: &Home, image: &Path) -> Outcome<BTreeSet<String>> {
    let limit = home.limit;
    let repair = run(home.rig.program("e2fsck").arg("-p").arg(image), b"", limit)?;
    // 0: nothing to do; 1: done.
    ensure(matches!(repair.status.code(), Some(0 | 1)), || format!("the file system needs a person: {repair:?}"))?;
    let clean = run(home.rig.program("e2fsck").arg("-fn").arg(image), b"", limit)?;
    ensure(clean.status.success(), || format!("the file system is not whole: {clean:?}"))?;
    let folder = home.folder.join("recovered");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder)?;
    for name in DATABASE {
        let dump = format!("dump /latchkey/{name} {}", folder.join(name).display());
        run(home.rig.program("debugfs").args(["-R", &dump]).arg(image), b"", limit)?.good()?;
    }
    accounts(&folder.join(DATABASE[0]))
}

/// Everybody in a database that is whole.
fn accounts(database: &Path) -> Outcome<BTreeSet<String>> {
    let connection = Connection::open(database)?;
    let whole: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure(whole == "ok", || format!("the database is not whole: {whole}"))?;
    let mut all = connection.prepare("SELECT name FROM account")?;
    let names = all.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// For a shell: people are added one after the other, and each is told.
fn add_people(prefix: &str) -> String {
    format!(
        "i=0; while latchkey person create {prefix}x$i >/dev/null 2>&1; do echo \"ack:{prefix}x$i:\"; i=$((i+1)); done\n"
    )
}

/// Adds people one after the other until the plug is pulled; those of whom the box said that they are there.
fn change_until(home: &mut Home, cut: u32, moment: Duration) -> Outcome<Vec<String>> {
    let line = home.rig.shell()?.line();
    drop(line.take());
    line.send(&add_people(&format!("p{cut}")))?;
    // From the first acknowledged change on, so that every cut comes while there are some.
    let mut text = line.wait_for("ack:", Deadline::within(Duration::from_secs(60)))?;
    text.push_str("ack:");
    thread::sleep(moment);
    // What was heard until now was said before the cut, whatever is still on its way.
    text.push_str(&line.take());
    home.cut()?;
    let names = acknowledged(&text);
    if names.is_empty() { broken(format!("nothing was acknowledged: {text}")) } else { Ok(names) }
}

/// The names between `ack:` and the next colon; one that is cut off does not count.
fn acknowledged(text: &str) -> Vec<String> {
    text.split("ack:").skip(1).filter_map(|rest| rest.split_once(':')).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_acknowledgements_count() {
        assert_eq!(acknowledged("ack:p0x0:\nack:p0x1:\nack:p0"), ["p0x0", "p0x1"]);
        assert!(acknowledged("noise\n").is_empty());
    }
}
