//! How the house is doing.

use domain::permission::Need;
use store::Counts;

use crate::{Context, Idp, OpError, Refusal};

/// What `latchkey status` shows of the household.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How much there is.
    pub counts: Counts,
    /// The issuer of all tokens.
    pub issuer: String,
}

impl Idp {
    /// Counts what there is.
    pub fn status(&self, ctx: &Context) -> Result<Status, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| Ok(Status { counts: op.counts(ctx.now)?, issuer: self.issuer() }))
    }

    /// Whether the caller may see how the box is: whoever may see how the house is.
    pub fn may_look(&self, ctx: &Context) -> Result<(), OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |_| Ok(()))
    }

    /// Whether the database can be read. Open to all; tells nothing else.
    pub fn healthy(&self, ctx: &Context) -> Result<(), OpError<Refusal>> {
        self.read_at_any_time(ctx, Need::Nothing, |op| Ok(op.ping()?))
    }

    /// Whether somebody who wants to write gets to: takes the writer and writes nothing. For the server itself.
    pub fn pulse(&self, ctx: &Context) -> Result<(), OpError<Refusal>> {
        self.write(ctx, Need::System, |op| Ok(op.ping()?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::permission::Denied;
    use domain::time::Timestamp;

    use super::*;
    use crate::Origin;
    use crate::moment::steady;
    use crate::testing::SeededEntropy;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn idp() -> Idp {
        Idp::in_memory(crate::house::settings(), Arc::new(SeededEntropy::new(1)), steady(NOW)).unwrap()
    }

    #[test]
    fn a_new_house_counts_its_built_in_groups_and_nobody() {
        let counts = idp().status(&Context::console(steady(NOW))).unwrap().counts;
        assert_eq!((counts.persons, counts.groups, counts.apps, counts.sessions), (0, 5, 0, 0));
        assert!(counts.database_bytes > 0 && counts.schema > 0);
    }

    #[test]
    fn strangers_learn_that_it_is_healthy_but_not_how_it_is_doing() {
        let stranger = Context::anonymous(steady(NOW), Origin::default());
        idp().healthy(&stranger).unwrap();
        assert!(matches!(idp().status(&stranger), Err(OpError::Refused(Refusal::Denied(Denied::NotSignedIn)))));
    }
}
