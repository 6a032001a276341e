//! SSH keys of accounts, which hosts of the house look up.

use domain::name::Label;
use domain::ssh_key::{MAX_KEYS, ParsedKey, SshKey};
use serde_json::json;

use crate::{Change, Context, Idp, OpError, Refusal, Whose};

impl Idp {
    /// Adds a key, as one line of OpenSSH's format. Without a label its comment is taken, or else the kind of key.
    pub fn add_ssh_key(
        &self,
        ctx: &Context,
        whose: &Whose,
        line: &str,
        label: Option<&Label>,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, whose.need_to_change(ctx), |op| {
            let account = whose.load_to_change(ctx, op, "ssh_key.add")?;
            let parsed = line
                .parse::<ParsedKey>()
                .map_err(|why| Refusal::Invalid { what: "ssh_key".to_owned(), why: format!("{why}") })?;
            let keys = op.ssh_keys(account.id)?;
            let known = keys.iter().find(|key| key.fingerprint == parsed.fingerprint);
            let change = match known {
                Some(key) if label.is_none_or(|label| *label == key.label) => return Ok(Change::Unchanged),
                Some(_) => Change::Changed,
                None if keys.len() >= MAX_KEYS => {
                    return Err(Refusal::TooMany { what: "SSH keys of an account", limit: MAX_KEYS }.into());
                }
                None => Change::Created,
            };
            let label = match label {
                Some(label) => label.clone(),
                None => usual_label(&parsed)?,
            };
            op.record(
                "ssh_key.add",
                account.name.as_str(),
                json!({ "fingerprint": parsed.fingerprint, "label": label }),
            )?;
            let ParsedKey { fingerprint, public_key, comment: _ } = parsed;
            op.put_ssh_key(account.id, &SshKey { fingerprint, label, public_key, created_at: ctx.now })?;
            Ok(change)
        })
    }

    /// Removes the key of that fingerprint (`SHA256:...`).
    pub fn remove_ssh_key(&self, ctx: &Context, whose: &Whose, fingerprint: &str) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, whose.need_to_change(ctx), |op| {
            let account = whose.load_to_change(ctx, op, "ssh_key.remove")?;
            if !op.delete_ssh_key(account.id, fingerprint)? {
                return Ok(Change::Unchanged);
            }
            op.record("ssh_key.remove", account.name.as_str(), json!({ "fingerprint": fingerprint }))?;
            Ok(Change::Removed)
        })
    }

    /// Lists the keys.
    pub fn list_ssh_keys(&self, ctx: &Context, whose: &Whose) -> Result<Vec<SshKey>, OpError<Refusal>> {
        self.read(ctx, whose.need_to_see(ctx), |op| Ok(op.ssh_keys(whose.load(ctx, op)?.id)?))
    }
}

fn usual_label(key: &ParsedKey) -> Result<Label, Refusal> {
    if let Some(comment) = &key.comment {
        return Ok(comment.clone());
    }
    let kind = key.public_key.split(' ').next().unwrap_or_default();
    kind.parse::<Label>().map_err(|why| Refusal::Invalid { what: "label".to_owned(), why: format!("{why}") })
}

#[cfg(test)]
mod tests {
    use domain::permission::Denied;

    use super::*;
    use crate::house::{House, console, fresh, refusal, stale, user};

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGMBwr0iwjSCUcqCo/WXRpnhgJKINJyTaazk+t1zt1UY";

    fn of(name: &str) -> Whose {
        Whose::Of(user(name))
    }

    #[test]
    fn a_person_adds_a_key_and_adding_it_again_is_unchanged() {
        let house = House::new();
        let anna = fresh(&house.person("anna", &[]));
        let add = || house.idp.add_ssh_key(&anna, &Whose::Mine, &format!("{KEY} anna@laptop"), None);
        assert_eq!(add().unwrap(), Change::Created);
        assert_eq!(house.last_event(), "ssh_key.add anna success");
        house.leaves_no_trace(add);
        let keys = house.idp.list_ssh_keys(&anna, &Whose::Mine).unwrap();
        assert_eq!((keys.len(), keys[0].label.as_str(), &*keys[0].public_key), (1, "anna@laptop", KEY));
        let label = "Old laptop".parse().unwrap();
        assert_eq!(house.idp.add_ssh_key(&anna, &Whose::Mine, KEY, Some(&label)).unwrap(), Change::Changed);
        let keys = house.idp.list_ssh_keys(&anna, &Whose::Mine).unwrap();
        assert_eq!((keys.len(), &keys[0].label), (1, &label));
    }

    #[test]
    fn a_removed_key_is_gone_and_removing_it_again_is_unchanged() {
        let house = House::new();
        let anna = fresh(&house.person("anna", &[]));
        house.idp.add_ssh_key(&console(), &of("anna"), KEY, None).unwrap();
        let keys = house.idp.list_ssh_keys(&console(), &of("anna")).unwrap();
        assert_eq!(keys[0].label.as_str(), "ssh-ed25519");
        let remove = || house.idp.remove_ssh_key(&anna, &Whose::Mine, &keys[0].fingerprint);
        assert_eq!(remove().unwrap(), Change::Removed);
        house.leaves_no_trace(remove);
    }

    #[test]
    fn nobody_adds_a_key_to_somebody_else() {
        let house = House::new();
        let ben = house.person("ben", &[]);
        let pia = house.person("pia", &["people_admins"]);
        house.person("anna", &["owners"]);
        let add = |ctx: &Context, whose: &Whose| refusal(house.idp.add_ssh_key(ctx, whose, KEY, None));
        assert_eq!(add(&fresh(&ben), &of("anna")), Refusal::Denied(Denied::NotAllowed));
        assert_eq!(add(&fresh(&pia), &of("anna")), Refusal::Denied(Denied::NotAllowed));
        assert_eq!(add(&stale(&ben), &Whose::Mine), Refusal::Denied(Denied::NotFresh));
        assert_eq!(add(&console(), &Whose::Mine), Refusal::Denied(Denied::NotSignedIn));
        assert!(house.idp.add_ssh_key(&fresh(&pia), &of("ben"), KEY, None).is_ok());
        assert!(house.idp.list_ssh_keys(&stale(&ben), &Whose::Mine).is_ok());
        let refused = house.idp.list_ssh_keys(&fresh(&ben), &of("anna"));
        assert_eq!(refusal(refused), Refusal::Denied(Denied::NotAllowed));
    }

    #[test]
    fn what_is_no_key_is_refused_with_what_to_do() {
        let house = House::new();
        house.person("anna", &[]);
        let refused = house.idp.add_ssh_key(&console(), &of("anna"), "ssh-rsa AAAA", None);
        assert!(matches!(refusal(refused), Refusal::Invalid { why, .. } if why.contains(".pub")));
    }
}
