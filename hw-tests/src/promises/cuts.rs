//! Pulling the plug while people are being added.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::failure::{Outcome, broken, ensure};
use crate::home::Home;

/// Every one is a whole boot: what fits into the time of a usual run, and what the soak does.
const USUAL: u32 = 6;
const SOAK: u32 = 30;
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
        let limit = Deadline::within(Duration::from_secs(30));
        Ok((home.rig.shell()?.ask("latchkey status >/dev/null", limit)?.status == 0).then_some(()))
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

/// Adds people one after the other until the plug is pulled; those of whom the box said that they are there.
fn change_until(home: &mut Home, cut: u32, moment: Duration) -> Outcome<Vec<String>> {
    let line = home.rig.shell()?.line();
    drop(line.take());
    line.send(&format!(
        "i=0; while latchkey person create p{cut}x$i >/dev/null 2>&1; do echo \"ack:p{cut}x$i:\"; i=$((i+1)); done\n"
    ))?;
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
