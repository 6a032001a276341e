//! What the owner chose as the source of the house's certificate.

use domain::certificate::CertificateChoice;
use domain::group::Builtin;
use domain::permission::{Denied, Need};
use serde_json::Value;

use crate::operation::{Abort, Writing};
use crate::{Change, Context, Idp, OpError, Refusal};

/// The setting that keeps it, secrets included: the database is as private as they are.
pub(crate) const SETTING: &str = "certificate";

impl Idp {
    /// The choice with its secrets; the house's own authority while nothing was chosen.
    pub fn certificate_choice(&self, ctx: &Context) -> Result<CertificateChoice, OpError<Refusal>> {
        self.read(ctx, Need::Own, |op| Ok(op.setting(SETTING)?.unwrap_or_default()))
    }

    /// The choice as it may be shown.
    pub fn shown_certificate_choice(&self, ctx: &Context) -> Result<Value, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| {
            Ok(op.setting::<CertificateChoice>(SETTING)?.unwrap_or_default().redacted())
        })
    }

    /// Chooses. That it works is for the caller to try first.
    pub fn choose_certificate(&self, ctx: &Context, choice: &CertificateChoice) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::Own, |op| put_choice(op, choice))
    }

    /// Whether that is an owner, who can do something about it.
    pub fn is_owner(&self, ctx: &Context) -> Result<bool, OpError<Refusal>> {
        let me = ctx.actor.account().ok_or(Refusal::Denied(Denied::NotSignedIn))?;
        self.read(ctx, Need::SeeSelf(me), |op| {
            let account = op.account(me)?.ok_or(Refusal::Denied(Denied::NotSignedIn))?;
            Ok(op.roles(me, account.kind)?.has(Builtin::Owners))
        })
    }

    /// Whether somebody may have the certificate made anew; written down, as a public authority counts its orders.
    pub fn note_certificate_renewal(&self, ctx: &Context, new_authority: bool) -> Result<(), OpError<Refusal>> {
        self.write(ctx, Need::Own, |op| {
            let action = if new_authority { "certificate.new_authority" } else { "certificate.renew" };
            Ok(op.record(action, "", Value::Null)?)
        })
    }
}

/// Keeps the choice in a transaction that is under way.
pub(crate) fn put_choice(op: &Writing<'_>, choice: &CertificateChoice) -> Result<Change, Abort<Refusal>> {
    let before: Option<CertificateChoice> = op.setting(SETTING)?;
    if before.as_ref() != Some(choice) {
        // Also when it is what would be done without it: somebody has said so.
        op.put_setting(SETTING, choice, op.ctx.now)?;
    }
    if before.unwrap_or_default() == *choice {
        return Ok(Change::Unchanged);
    }
    op.record("certificate.choose", "", choice.redacted())?;
    Ok(Change::Changed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::house::{House, NOW, console, fresh, refusal};
    use crate::moment::steady;

    fn choice(value: Value) -> CertificateChoice {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_choice_is_kept_and_its_secret_is_neither_shown_nor_written_down() {
        let house = House::new();
        let acme = choice(json!({"kind": "acme", "dns": {"kind": "desec", "token": "hush-hush"}}));
        assert_eq!(house.idp.certificate_choice(&console()).unwrap(), CertificateChoice::OwnCa);
        assert_eq!(house.idp.choose_certificate(&console(), &acme).unwrap(), Change::Changed);
        house.leaves_no_trace(|| house.idp.choose_certificate(&console(), &acme));
        assert_eq!(house.idp.certificate_choice(&Context::system(steady(NOW))).unwrap(), acme);
        let shown = house.idp.shown_certificate_choice(&console()).unwrap().to_string();
        let logged = format!("{:?}", house.events());
        assert!(shown.contains("desec") && logged.contains("certificate.choose"), "{shown} {logged}");
        assert!(!shown.contains("hush-hush") && !logged.contains("hush-hush"));
    }

    #[test]
    fn only_an_owner_chooses_and_sees_secrets() {
        let house = House::new();
        let admin = fresh(&house.person("anna", &["people_admins"]));
        for refused in [
            refusal(house.idp.certificate_choice(&admin)),
            refusal(house.idp.choose_certificate(&admin, &CertificateChoice::OwnCa)),
            refusal(house.idp.note_certificate_renewal(&admin, true)),
        ] {
            assert_eq!(refused, Refusal::Denied(Denied::NotAllowed));
        }
        let owner = fresh(&house.person("olga", &["owners"]));
        house.idp.choose_certificate(&owner, &CertificateChoice::OwnCa).unwrap();
        assert!(house.idp.is_owner(&owner).unwrap() && !house.idp.is_owner(&admin).unwrap());
    }
}
