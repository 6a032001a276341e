//! How many refusals are written down. Each is a commit, so whoever tries passwords in a loop could wear out the card and
//! push everything else out of the audit log, and so could an account whose every request is refused. Strangers have one
//! allowance together, each account has its own. Past it they are counted, and the next event that is written tells how many
//! there were.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::id::AccountId;
use domain::permission::Actor;
use domain::time::Uptime;

/// Refusals that may be written in a row.
const BURST: u32 = 100;
/// One more for each of these that passes: at most some 100 MB a day written under attack.
const REFILL: Duration = Duration::from_secs(10);

/// Accounts whose refusals are counted at the same time; beyond, the one that was refused longest ago goes.
const MAX_ACCOUNTS: usize = 256;

/// Who may still have refusals written.
#[derive(Debug)]
pub(crate) struct RefusalLog(Mutex<Allowances>);

#[derive(Debug)]
struct Allowances {
    strangers: Allowance,
    accounts: BTreeMap<AccountId, Allowance>,
}

#[derive(Clone, Copy, Debug)]
struct Allowance {
    left: u32,
    counted_from: Uptime,
    unrecorded: u64,
}

impl RefusalLog {
    pub(crate) fn new(now: Uptime) -> Self {
        Self(Mutex::new(Allowances { strangers: Allowance::whole(now), accounts: BTreeMap::new() }))
    }

    /// Whether one more is to be written, and how many were not since the last one that was. The owner of the machine and
    /// the server itself are not counted.
    pub(crate) fn admit(&self, actor: &Actor, now: Uptime) -> Option<u64> {
        let mut allowances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match actor {
            Actor::Anonymous => allowances.strangers.admit(now),
            Actor::Person { account, .. } | Actor::Service { account, .. } => allowances.of(*account, now).admit(now),
            Actor::Console | Actor::System => Some(0),
        }
    }
}

impl Allowances {
    fn of(&mut self, account: AccountId, now: Uptime) -> &mut Allowance {
        if self.accounts.len() >= MAX_ACCOUNTS && !self.accounts.contains_key(&account) {
            let oldest = self.accounts.iter().min_by_key(|(_, allowance)| allowance.counted_from).map(|(id, _)| *id);
            if let Some(gone) = oldest.and_then(|id| self.accounts.remove(&id)) {
                // What was not written of it is told with the next stranger.
                self.strangers.unrecorded += gone.unrecorded;
            }
        }
        self.accounts.entry(account).or_insert_with(|| Allowance::whole(now))
    }
}

impl Allowance {
    fn whole(now: Uptime) -> Self {
        Self { left: BURST, counted_from: now, unrecorded: 0 }
    }

    fn admit(&mut self, now: Uptime) -> Option<u64> {
        self.refill(now);
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Some(std::mem::take(&mut self.unrecorded))
            }
            None => {
                self.unrecorded += 1;
                None
            }
        }
    }

    fn refill(&mut self, now: Uptime) {
        let earned = now.since(self.counted_from).as_secs() / REFILL.as_secs();
        self.left = self.left.saturating_add(u32::try_from(earned).unwrap_or(BURST)).min(BURST);
        self.counted_from = self.counted_from + Duration::from_secs(earned * REFILL.as_secs());
    }
}

#[cfg(test)]
mod tests {
    use domain::time::Span;

    use super::*;

    const NOW: Uptime = Uptime::from_millis(5_000_000);

    #[test]
    fn a_flood_of_refusals_is_counted_rather_than_written() {
        let log = RefusalLog::new(NOW);
        let written = (0..10_000).filter(|_| log.admit(&Actor::Anonymous, NOW).is_some()).count();
        assert_eq!(written, 100);
        assert_eq!(log.admit(&Actor::Anonymous, NOW + Span::seconds(9)), None);
        assert_eq!(log.admit(&Actor::Anonymous, NOW + Span::seconds(10)), Some(9_901));
        assert_eq!(log.admit(&Actor::Anonymous, NOW + Span::seconds(19)), None);
    }

    #[test]
    fn after_a_quiet_time_the_allowance_is_whole_and_no_more() {
        let log = RefusalLog::new(NOW);
        while log.admit(&Actor::Anonymous, NOW).is_some() {}
        let later = NOW + Span::days(30);
        assert_eq!((0..1000).filter(|_| log.admit(&Actor::Anonymous, later).is_some()).count(), 100);
    }

    fn account(number: i64) -> Actor {
        let session = domain::id::SessionNumber(1);
        Actor::Person { account: AccountId(number), session, fresh: true }
    }

    #[test]
    fn an_account_that_is_refused_in_a_loop_uses_up_its_own_allowance_only() {
        let log = RefusalLog::new(NOW);
        assert_eq!((0..10_000).filter(|_| log.admit(&account(1), NOW).is_some()).count(), 100);
        assert_eq!(log.admit(&account(2), NOW), Some(0));
        assert_eq!(log.admit(&Actor::Anonymous, NOW), Some(0));
        assert_eq!(log.admit(&account(1), NOW + Span::seconds(10)), Some(9_900));
    }

    #[test]
    fn accounts_are_counted_in_bounded_memory_and_what_they_tried_is_not_forgotten() {
        let log = RefusalLog::new(NOW);
        while log.admit(&account(0), NOW).is_some() {}
        for number in 1..1000 {
            log.admit(&account(number), NOW + Span::seconds(number));
        }
        assert_eq!(log.0.lock().unwrap().accounts.len(), MAX_ACCOUNTS);
        assert_eq!(log.admit(&Actor::Anonymous, NOW), Some(1));
    }
}
