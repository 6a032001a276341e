//! What whoever looks after the box asks of the database itself. For the console alone: it reads all of the card, or writes on it.

use std::path::Path;

use domain::permission::{Actor, Denied, Need};
use serde_json::json;

use crate::{Context, Idp, OpError, Refusal};

/// What a look at the whole database found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// What is wrong, if anything.
    pub trouble: Option<String>,
    /// The number of its schema.
    pub schema: i64,
    /// The number of the newest schema that this version knows.
    pub newest: i64,
}

impl Idp {
    /// Looks at every page of the database.
    pub fn examine(&self, ctx: &Context) -> Result<Examined, OpError<Refusal>> {
        self.read(ctx, Need::Own, |op| {
            at_the_console(ctx)?;
            Ok(Examined { trouble: op.trouble()?, schema: op.schema()?, newest: store::NEWEST_SCHEMA.into() })
        })
    }

    /// Writes a whole, consistent copy of the database into an empty file. Other operations go on meanwhile.
    pub fn copy_database(&self, ctx: &Context, file: &Path) -> Result<(), OpError<Refusal>> {
        self.read(ctx, Need::Own, |_| Ok(at_the_console(ctx)?))?;
        Ok(self.store.copy_to(file)?)
    }

    /// Writes down that a copy is in its place.
    pub fn note_backup(&self, ctx: &Context, name: &str, bytes: u64) -> Result<(), OpError<Refusal>> {
        self.write(ctx, Need::Own, |op| {
            at_the_console(ctx)?;
            Ok(op.record("house.backup", name, json!({ "bytes": bytes }))?)
        })
    }

    /// Writes down that somebody may administer the machine over SSH. For the server itself, at the end of a claim.
    pub fn note_admin_key(&self, ctx: &Context, fingerprint: &str) -> Result<(), OpError<Refusal>> {
        self.write(ctx, Need::System, |op| Ok(op.record("house.admin_key", fingerprint, serde_json::Value::Null)?))
    }

    /// Whether the caller may see which copies there are.
    pub fn may_see_backups(&self, ctx: &Context) -> Result<(), OpError<Refusal>> {
        self.read(ctx, Need::Own, |_| Ok(at_the_console(ctx)?))
    }
}

fn at_the_console(ctx: &Context) -> Result<(), Refusal> {
    match ctx.actor {
        Actor::Console => Ok(()),
        Actor::Anonymous | Actor::System | Actor::Person { .. } | Actor::Service { .. } => {
            Err(Refusal::Denied(Denied::NotAllowed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::{House, NOW, console};
    use crate::moment::steady;

    #[test]
    fn a_good_database_is_of_the_newest_schema_and_nothing_is_wrong_with_it() {
        let found = House::new().idp.examine(&console()).unwrap();
        assert_eq!((found.trouble, found.schema), (None, found.newest));
    }

    #[test]
    fn only_the_console_looks_at_the_whole_card_or_copies_it() {
        let house = House::new();
        let refused = |error| matches!(error, OpError::Refused(Refusal::Denied(Denied::NotAllowed)));
        let owner = Context::system(steady(NOW));
        assert!(refused(house.idp.examine(&owner).unwrap_err()));
        assert!(refused(house.idp.copy_database(&owner, Path::new("/nowhere")).unwrap_err()));
        assert!(refused(house.idp.note_backup(&owner, "a", 1).unwrap_err()));
        assert!(refused(house.idp.may_see_backups(&owner).unwrap_err()));
    }
}
