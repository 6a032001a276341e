//! Whether the provider can do its work, for `/health`.

use domain::group::Builtin;
use domain::permission::Need;
use domain::time::Timestamp;

use crate::{Context, Fault, Idp, OpError, Refusal};

impl Idp {
    /// Reads one row that every house has.
    pub fn ready(&self, now: Timestamp) -> Result<(), OpError<Refusal>> {
        self.read(&Context::system(now), Need::System, |op| {
            let name = Builtin::Owners.name().parse().map_err(|why| OpError::Fault(Fault::unexpected(why)))?;
            match op.group_by_name(&name)? {
                Some(_) => Ok(()),
                None => Err(OpError::Fault(Fault::unexpected("the built-in groups are gone"))),
            }
        })
    }
}
