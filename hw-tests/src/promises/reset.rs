//! Handing the box on: two holds, and it knows nobody.

use std::fs;
use std::time::Duration;

use crate::failure::{Failure, Outcome, ensure};
use crate::home::{Home, OWNER};
use crate::web::HOST;

const SOON: Duration = Duration::from_secs(30);

pub(crate) fn leaves_no_trace(home: &mut Home) -> Outcome {
    home.claimed()?;
    let words = old_household(home)?;
    // Looked for before, too: a search that finds nothing then would prove nothing later.
    home.root("sync")?;
    let before = home.rig.card()?.search("data", &words)?;
    ensure(before.len() == words.len(), || format!("of {words:?} only {before:?} are on the card at all"))?;

    home.rig.press(Duration::from_secs(12))?;
    home.until("reset to be armed", SOON, |home| Ok(home.is("reset-armed")?.then_some(())))?;
    hold_again(home)?;
    home.serves_again("the box to serve as a new one")?;
    home.watched()?;
    let states = home.states()?;
    ensure(states.contains(&"unclaimed".to_owned()), || format!("the box says {states:?}"))?;
    let status = home.latchkey("status")?;
    ensure(status["persons"] == 0, || format!("somebody is still there: {status}"))?;
    home.is_well()?;
    home.root("sync")?;
    home.cut()?;
    let after = home.rig.card()?.search("data", &words)?;
    home.note(format!(
        "looked for {} names and keys in every byte of the partition: {} left",
        words.len(),
        after.len()
    ));
    ensure(after.is_empty(), || format!("of the old household these are left: {after:?}"))
}

/// The second hold and its countdown; the box restarts ten seconds later, and the answers before that are the old one's.
fn hold_again(home: &mut Home) -> Outcome {
    home.rig.press(Duration::from_secs(5))?;
    home.restarts();
    home.until("the old box to go", Duration::from_secs(90), |home| {
        let (at, limit) = (home.https()?, home.limit);
        Ok((!crate::web::serves(at, limit.at_most(Duration::from_secs(5)))?).then_some(()))
    })
}

/// What nobody shall find: people, the name of the house, and the key that opens the box.
fn old_household(home: &mut Home) -> Outcome<Vec<String>> {
    let secret = format!("trace-{:016x}", home.random.next());
    home.latchkey(&format!("person create leaver --display-name '{secret}' --or-update"))?;
    let key = fs::read_to_string(home.folder.join("key.pub"))?;
    let key = key.split(' ').nth(1).ok_or_else(|| Failure::Broken("no key".to_owned()))?.to_owned();
    Ok(vec![secret, OWNER.to_owned(), HOST.to_owned(), key])
}
