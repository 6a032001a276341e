//! What every house has from its first start.

use domain::clock::Moment;
use domain::group::{Builtin, Group};
use domain::id::GroupId;
use domain::permission::Need;

use crate::operation::Abort;
use crate::{Context, Fault, Idp, OpError, Refusal};

impl Idp {
    /// Makes the built-in groups that are missing.
    pub(crate) fn found(&self, moment: Moment) -> Result<(), OpError<Refusal>> {
        let now = moment.now;
        self.write(&Context::system(moment), Need::System, |op| {
            for builtin in Builtin::ALL {
                let name = builtin.name().parse().map_err(|why| Abort::from(Fault::unexpected(why)))?;
                if op.group_by_name(&name)?.is_none() {
                    op.insert_group(&Group {
                        id: GroupId(0),
                        name,
                        description: builtin.description().to_owned(),
                        builtin: Some(builtin),
                        strength: builtin.initial_strength(),
                        created_at: now,
                        updated_at: now,
                    })?;
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::house::NOW;
    use crate::moment::steady;
    use crate::testing::SeededEntropy;

    #[test]
    fn every_house_starts_with_its_built_in_groups() {
        let settings = crate::house::settings();
        let now = steady(NOW);
        let idp = Idp::in_memory(settings, Arc::new(SeededEntropy::new(1)), now).unwrap();
        idp.found(now).unwrap();
        let found = idp
            .read::<_, Refusal>(&Context::system(now), Need::System, |op| {
                Ok(op.group_by_name(&"everyone".parse().unwrap())?)
            })
            .unwrap();
        assert_eq!(found.unwrap().builtin, Some(Builtin::Everyone));
    }
}
