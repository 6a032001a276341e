//! What happened to the clock, in the audit log. That nothing is done on a clock that cannot be trusted is in
//! [`crate::operation`] and in [`Context::timely`].

use domain::clock::keeper::Notice;
use domain::permission::{Actor, Denied, Need};
use domain::time::Timestamp;
use serde_json::{Value, json};

use crate::{Context, Idp, OpError, Refusal};

impl Idp {
    /// Writes down what happened to the clock. For the server itself.
    pub fn note_clock(&self, ctx: &Context, notice: Notice) -> Result<(), OpError<Refusal>> {
        let (action, detail) = match notice {
            // Every start ends with this.
            Notice::Trusted(_) => return Ok(()),
            Notice::Jumped(seconds) => ("clock.jump", json!({ "seconds": seconds })),
            Notice::Returned => ("clock.return", Value::Null),
            Notice::Followed(seconds) => ("clock.follow", json!({ "seconds": seconds })),
        };
        self.write(ctx, Need::System, |op| Ok(op.record(action, "", detail)?))
    }

    /// Lets the console alone set the clock, and writes it down. What a clock that is wrong lets live or die is worth more than
    /// an office: over the network it takes presence.
    pub fn permit_clock(&self, ctx: &Context, now: Timestamp) -> Result<(), OpError<Refusal>> {
        self.write(ctx, Need::Own, |op| {
            match ctx.actor {
                Actor::Console => {}
                Actor::Anonymous | Actor::System | Actor::Person { .. } | Actor::Service { .. } => {
                    return Err(Refusal::Denied(Denied::NotAllowed).into());
                }
            }
            Ok(op.record("clock.set", "", json!({ "to": now, "trust_before": ctx.trust }))?)
        })
    }
}

#[cfg(test)]
mod tests;
