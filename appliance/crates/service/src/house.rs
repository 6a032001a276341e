//! A small house for the tests of operations: in memory, at a fixed time, with seeded randomness.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::account::{Account, AccountKind};
use domain::amend::Amendment;
use domain::event::{Event, EventFilter};
use domain::id::SessionNumber;
use domain::name::{GroupName, Username};
use domain::permission::{Actor, Need};
use domain::secret::Digest;
use domain::session::{self, Session};
use domain::sign_in::{Factor, Factors};
use domain::time::Timestamp;
use serde_json::Value;

use crate::moment::steady;
use crate::testing::SeededEntropy;
use crate::{Change, Context, GroupAmendment, Idp, Member, OpError, Origin, Refusal, Settings};

/// When the tests happen.
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// The names of that house.
pub(crate) fn settings() -> Settings {
    Settings { host: Some("id.example.org".parse().unwrap()), house: Some("Example".into()), port: 443 }
}

/// A house and what tests ask of it.
pub(crate) struct House {
    pub(crate) idp: Idp,
}

impl House {
    pub(crate) fn new() -> Self {
        Self { idp: Idp::in_memory(settings(), Arc::new(SeededEntropy::new(1)), steady(NOW)).unwrap() }
    }

    /// Makes a person who is signed in, and puts them into these groups.
    pub(crate) fn person(&self, name: &str, groups: &[&str]) -> Account {
        let account = self.newcomer(name, groups);
        self.sit_down(&account);
        account
    }

    /// Makes a person who was never here, and puts them into these groups.
    pub(crate) fn newcomer(&self, name: &str, groups: &[&str]) -> Account {
        self.account(AccountKind::Person, name, groups)
    }

    /// Makes a service account and puts it into these groups.
    pub(crate) fn service(&self, name: &str, groups: &[&str]) -> Account {
        self.account(AccountKind::Service, name, groups)
    }

    /// Opens the session that `fresh` and `stale` speak of.
    pub(crate) fn sit_down(&self, account: &Account) {
        let factors = Factors::NONE.with(Factor::Passkey);
        let session = Session {
            account: account.id,
            number: SessionNumber(1),
            digest: Digest::of(b"cookie"),
            strength: factors.strength(),
            factors,
            device: String::new(),
            address: String::new(),
            created_at: NOW,
            authenticated_at: NOW,
            last_seen_at: NOW,
            expires_at: NOW + session::ABSOLUTE,
        };
        let ctx = Context::system(steady(NOW));
        self.idp.write::<_, Refusal>(&ctx, Need::System, |op| Ok(op.insert_session(&session)?)).unwrap();
    }

    fn account(&self, kind: AccountKind, name: &str, groups: &[&str]) -> Account {
        self.idp.create_account(&console(), kind, &user(name), &Amendment::default()).unwrap();
        for name_of_group in groups {
            self.idp.add_member(&console(), &group(name_of_group), &Member::Account(user(name))).unwrap();
        }
        self.idp.show_account(&console(), kind, &user(name)).unwrap().account
    }

    /// Makes a group and puts these groups into it.
    pub(crate) fn group(&self, name: &str, children: &[&str]) {
        self.idp.create_group(&console(), &group(name), &GroupAmendment::default()).unwrap();
        for child in children {
            self.idp.add_member(&console(), &group(name), &Member::Group(group(child))).unwrap();
        }
    }

    /// The audit log, oldest first.
    pub(crate) fn events(&self) -> Vec<Event> {
        let mut found = self
            .idp
            .read::<_, Refusal>(&Context::system(steady(NOW)), Need::System, |op| {
                Ok(op.events(&EventFilter::default(), None, 10_000)?)
            })
            .unwrap();
        found.sort_by_key(|event| event.number);
        found
    }

    /// What happened last, as `action target outcome`.
    pub(crate) fn last_event(&self) -> String {
        let events = self.events();
        let last = events.last().unwrap();
        format!("{} {} {}", last.action, last.target, last.outcome)
    }

    /// Runs a change that must do nothing and leave no trace.
    pub(crate) fn leaves_no_trace(&self, change: impl FnOnce() -> Result<Change, OpError<Refusal>>) {
        let before = self.events().len();
        assert_eq!(change().unwrap(), Change::Unchanged);
        assert_eq!(self.events().len(), before);
    }
}

/// The control socket.
pub(crate) fn console() -> Context {
    Context::console(steady(NOW))
}

/// That account, signed in a moment ago.
pub(crate) fn fresh(account: &Account) -> Context {
    acting(account, true)
}

/// That account, signed in long ago.
pub(crate) fn stale(account: &Account) -> Context {
    acting(account, false)
}

fn acting(account: &Account, fresh: bool) -> Context {
    let actor = Actor::Person { account: account.id, session: SessionNumber(1), fresh };
    Context::new(actor, steady(NOW), Origin::default())
}

pub(crate) fn user(name: &str) -> Username {
    name.parse().unwrap()
}

pub(crate) fn group(name: &str) -> GroupName {
    name.parse().unwrap()
}

/// The refusal that it must have been.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, OpError<Refusal>>) -> Refusal {
    match result {
        Err(OpError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// A change of one attribute.
pub(crate) fn set(key: &str, value: impl Into<Value>) -> Amendment {
    Amendment { attributes: BTreeMap::from([(key.to_owned(), value.into())]), ..Amendment::default() }
}
