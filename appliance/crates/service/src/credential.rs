//! Managing credentials: the person's own, and those of others by an admin, who may look, remove and clear a doubt, but never
//! set a secret for somebody else.

use domain::account::Account;
use domain::credential::{
    Credential, CredentialKind, CredentialView, MAX_PASSKEYS, Passkey, RecoveryCodes, StoredCredential, TotpSecret,
    totp,
};
use domain::entropy;
use domain::id::{AccountId, CredentialNumber};
use domain::lockout::Lockout;
use domain::name::Label;
use domain::permission::{Actor, Denied, Need};
use domain::secret::Secret;
use domain::sign_in::{self, Factors};
use serde_json::{Value, json};

use crate::operation::{Abort, Writing};
use crate::session::end_sessions;
use crate::sign_in::webauthn::Entrance;
use crate::sign_in::{PasskeyChallenge, demanded, password_hash, step_of, webauthn};
use crate::{Change, Context, Fault, Idp, OpError, Refusal, Whose};

/// An authenticator app that was shown its secret and has not sent a code yet.
pub(crate) struct TotpEnrolment {
    pub(crate) account: AccountId,
    pub(crate) invite: Option<i64>,
    pub(crate) secret: [u8; 20],
}

/// What an authenticator app is set up with. Shown once.
#[derive(Debug)]
pub struct TotpChallenge {
    /// To be handed back with the first code; good for 15 minutes.
    pub ceremony: String,
    /// The secret in base 32, for typing.
    pub secret: Secret<String>,
    /// `otpauth://totp/...`, for a QR code.
    pub uri: Secret<String>,
}

/// What the browser made when it was asked for a new passkey.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyAnswer<'a> {
    /// From the `PasskeyChallenge`.
    pub ceremony: &'a str,
    /// What the person calls the new passkey.
    pub label: &'a Label,
    /// What `navigator.credentials.create` gave, as JSON.
    pub answer: &'a Value,
}

impl Idp {
    /// The person's credentials, the oldest first.
    pub fn list_credentials(&self, ctx: &Context, whose: &Whose) -> Result<Vec<CredentialView>, OpError<Refusal>> {
        self.read(ctx, whose.need_to_see(ctx), |op| {
            let account = whose.load(ctx, op)?;
            Ok(op.credentials(account.id)?.iter().map(StoredCredential::view).collect())
        })
    }

    /// Gives a credential another label.
    pub fn rename_credential(
        &self,
        ctx: &Context,
        whose: &Whose,
        number: CredentialNumber,
        label: Label,
    ) -> Result<Change, OpError<Refusal>> {
        self.change_credential(ctx, whose, number, |op, account, stored| {
            if stored.label == label {
                return Ok(Change::Unchanged);
            }
            op.record("credential.rename", account.name.as_str(), json!({"from": stored.label, "to": label}))?;
            op.update_credential(&StoredCredential { label, ..stored })?;
            Ok(Change::Changed)
        })
    }

    /// Removes a credential. A person cannot remove the last way in; an admin can, and hands out a link then. A person who
    /// removes one of their own is signed out everywhere else.
    pub fn remove_credential(
        &self,
        ctx: &Context,
        whose: &Whose,
        number: CredentialNumber,
    ) -> Result<Change, OpError<Refusal>> {
        self.change_credential(ctx, whose, number, |op, account, stored| {
            if ctx.actor.account() == Some(account.id) {
                self.keeps_a_way_in(op, account, number)?;
            }
            op.delete_credential(account.id, number)?;
            let detail = json!({"kind": stored.credential.kind().as_str(), "label": stored.label});
            op.record("credential.remove", account.name.as_str(), detail)?;
            match stored.credential.kind() {
                CredentialKind::Passkey | CredentialKind::Password | CredentialKind::Totp => {
                    sign_out_elsewhere(op, account)?;
                }
                CredentialKind::Recovery => {}
            }
            Ok(Change::Removed)
        })
    }

    /// Lets a passkey in again that may have been copied, after somebody looked into it.
    pub fn trust_passkey(
        &self,
        ctx: &Context,
        whose: &Whose,
        number: CredentialNumber,
    ) -> Result<Change, OpError<Refusal>> {
        self.change_credential(ctx, whose, number, |op, account, stored| {
            let Credential::Passkey(passkey) = &stored.credential else { return Ok(Change::Unchanged) };
            if !passkey.suspect {
                return Ok(Change::Unchanged);
            }
            let credential = Credential::Passkey(Passkey { suspect: false, ..passkey.clone() });
            op.record("passkey.trust", account.name.as_str(), json!({"label": stored.label}))?;
            op.update_credential(&StoredCredential { credential, ..stored })?;
            Ok(Change::Changed)
        })
    }

    /// Asks the browser for one more passkey of the person who is signed in.
    pub fn start_passkey_registration(&self, ctx: &Context) -> Result<PasskeyChallenge, OpError<Refusal>> {
        let me = me(ctx)?;
        let (account, passkeys) = self.read(ctx, Need::ChangeSelf(me), |op| {
            let account = op.account(me)?.ok_or(Refusal::Denied(Denied::NotSignedIn))?;
            Ok((account, passkey_ids(&op.credentials(me)?)))
        })?;
        room_for_passkey(passkeys.len())?;
        self.ask_for_passkey(ctx, &account, passkeys, None)
    }

    /// Adds the passkey that the browser made.
    pub fn finish_passkey_registration(
        &self,
        ctx: &Context,
        answer: &PasskeyAnswer<'_>,
    ) -> Result<CredentialNumber, OpError<Refusal>> {
        let me = me(ctx)?;
        let passkey = self
            .made_passkey(ctx, answer, |registration| registration.account == me && registration.entrance.is_none())?;
        self.write(ctx, Need::ChangeSelf(me), |op| {
            let account = op.account(me)?.ok_or(Refusal::Denied(Denied::NotSignedIn))?;
            self.add_passkey(op, &account, answer.label, passkey.passkey)
        })
    }

    /// Sets or changes the password of the person who is signed in; a change signs them out everywhere else. Computes a hash: to be run on a hashing thread.
    pub fn set_password(&self, ctx: &Context, password: &Secret<String>) -> Result<Change, OpError<Refusal>> {
        let me = me(ctx)?;
        let account = self.read(ctx, Need::ChangeSelf(me), |op| {
            op.account(me)?.ok_or_else(|| Refusal::Denied(Denied::NotSignedIn).into())
        })?;
        let hash = self.acceptable_password(&account, password)?;
        self.write(ctx, Need::ChangeSelf(me), |op| {
            let change = self.put_credential(op, &account, "Password", Credential::Password(hash))?;
            op.record("password.set", account.name.as_str(), json!({}))?;
            if change == Change::Changed {
                sign_out_elsewhere(op, &account)?;
            }
            Ok(change)
        })
    }

    /// Shows a new secret to an authenticator app. Nothing changes before its first code came back.
    pub fn start_totp(&self, ctx: &Context) -> Result<TotpChallenge, OpError<Refusal>> {
        let me = me(ctx)?;
        let account = self.read(ctx, Need::ChangeSelf(me), |op| {
            op.account(me)?.ok_or_else(|| Refusal::Denied(Denied::NotSignedIn).into())
        })?;
        Ok(self.show_totp(ctx, &account, None)?)
    }

    /// Takes the authenticator app into use, in place of an older one. A wrong code may be corrected.
    pub fn confirm_totp(&self, ctx: &Context, ceremony: &str, code: &str) -> Result<Change, OpError<Refusal>> {
        let me = me(ctx)?;
        let secret = self.confirmed_totp(ctx, ceremony, code, |e| e.account == me && e.invite.is_none())?;
        self.write(ctx, Need::ChangeSelf(me), |op| {
            let account = op.account(me)?.ok_or(Refusal::Denied(Denied::NotSignedIn))?;
            let change = self.put_credential(op, &account, "Authenticator app", Credential::Totp(secret))?;
            op.record("totp.set", account.name.as_str(), json!({}))?;
            Ok(change)
        })
    }

    /// Makes ten new recovery codes; the old ones are void. Shown once.
    pub fn regenerate_recovery_codes(&self, ctx: &Context) -> Result<Vec<Secret<String>>, OpError<Refusal>> {
        let me = me(ctx)?;
        self.write(ctx, Need::ChangeSelf(me), |op| {
            let account = op.account(me)?.ok_or(Refusal::Denied(Denied::NotSignedIn))?;
            self.new_recovery_codes(op, &account)
        })
    }

    /// Loads one credential, authorizes (oneself freshly, or an admin who may manage that person), and changes it.
    fn change_credential(
        &self,
        ctx: &Context,
        whose: &Whose,
        number: CredentialNumber,
        change: impl FnOnce(&Writing<'_>, &Account, StoredCredential) -> Result<Change, Abort<Refusal>>,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, whose.need_to_change(ctx), |op| {
            let account = whose.load_to_change(ctx, op, "credential.change")?;
            match op.credentials(account.id)?.into_iter().find(|stored| stored.number == number) {
                Some(stored) => change(op, &account, stored),
                None => Ok(Change::Unchanged),
            }
        })
    }

    pub(crate) fn ask_for_passkey(
        &self,
        ctx: &Context,
        account: &Account,
        exclude: Vec<Vec<u8>>,
        entrance: Option<Entrance>,
    ) -> Result<PasskeyChallenge, OpError<Refusal>> {
        let display_name = entrance.as_ref().and_then(|entrance| entrance.display_name.as_ref());
        let shown_as = display_name.map_or_else(|| account.display_name().to_owned(), ToString::to_string);
        let (options, registration) = self.sign_ins.webauthn().current.start_registration(webauthn::NewKey {
            account: account.id,
            handle: account.subject.as_uuid(),
            name: account.name.as_str(),
            shown_as: &shown_as,
            exclude,
            entrance,
        })?;
        let ceremony = self.sign_ins.registrations.put(self.entropy(), ctx.origin.address, ctx.uptime, registration)?;
        Ok(PasskeyChallenge { ceremony, options })
    }

    /// Verifies the browser's answer to `ask_for_passkey`.
    pub(crate) fn made_passkey(
        &self,
        ctx: &Context,
        answer: &PasskeyAnswer<'_>,
        ours: impl FnOnce(&webauthn::Registration) -> bool,
    ) -> Result<MadePasskey, OpError<Refusal>> {
        let held = self.sign_ins.registrations.take(answer.ceremony, ctx.uptime).filter(|held| ours(&held.value));
        let Some(held) = held else {
            return Err(Refusal::Conflict("this took too long or was used before; start again".into()).into());
        };
        match self.sign_ins.webauthn().current.finish_registration(answer.answer, &held.value)? {
            Some(passkey) => Ok(MadePasskey {
                passkey,
                display_name: held.value.entrance.and_then(|entrance| entrance.display_name),
            }),
            None => Err(Refusal::Invalid {
                what: "passkey".into(),
                why: "the device did not make it as asked (with a screen lock, face, finger or PIN); try again".into(),
            }
            .into()),
        }
    }

    pub(crate) fn add_passkey(
        &self,
        op: &Writing<'_>,
        account: &Account,
        label: &Label,
        passkey: Passkey,
    ) -> Result<CredentialNumber, Abort<Refusal>> {
        room_for_passkey(passkey_ids(&op.credentials(account.id)?).len()).map_err(Abort::refuse)?;
        if op.passkey(&passkey.credential_id)?.is_some() {
            return Err(Abort::refuse(Refusal::Exists { kind: "passkey", name: label.to_string() }));
        }
        let stored = self.stored(op.ctx, account.id, label.clone(), Credential::Passkey(passkey));
        op.insert_credential(&stored)?;
        op.record("passkey.add", account.name.as_str(), json!({"label": label}))?;
        Ok(stored.number)
    }

    /// A password that the house takes, hashed.
    pub(crate) fn acceptable_password(
        &self,
        account: &Account,
        password: &Secret<String>,
    ) -> Result<domain::credential::PasswordHash, OpError<Refusal>> {
        let invalid = |why: String| Refusal::Invalid { what: "password".into(), why };
        let password =
            password_hash::normalized(password.expose()).ok_or_else(|| invalid("use at most 256 characters".into()))?;
        let house = self.house();
        let mut words: Vec<&str> = vec![account.name.as_str(), "latchkey", &house.name, house.host.as_str()];
        words.extend(account.attributes.values().flat_map(texts));
        let pieces: Vec<&str> = words
            .iter()
            .flat_map(|word| word.split(|c: char| !c.is_alphanumeric()))
            .filter(|piece| piece.chars().count() > 2)
            .collect();
        words.extend(pieces);
        if let Some(why) = password_hash::objection(password.expose(), &words) {
            return Err(invalid(why).into());
        }
        Ok(password_hash::make(password.expose(), self.entropy())?)
    }

    pub(crate) fn show_totp(
        &self,
        ctx: &Context,
        account: &Account,
        invite: Option<i64>,
    ) -> Result<TotpChallenge, Fault> {
        let secret: [u8; 20] = entropy::bytes(self.entropy());
        let text = base32(&secret);
        let house = &self.house().name;
        let mut uri = url::Url::parse("otpauth://totp/").ok();
        if let Some(uri) = &mut uri {
            uri.set_path(&format!("{house}:{}", account.name));
            uri.query_pairs_mut().append_pair("secret", &text).append_pair("issuer", house);
        }
        let uri = uri.map(|uri| uri.as_str().replace('+', "%20")).unwrap_or_default();
        let enrolment = TotpEnrolment { account: account.id, invite, secret };
        let ceremony = self.sign_ins.totp.put(self.entropy(), ctx.origin.address, ctx.uptime, enrolment)?;
        Ok(TotpChallenge { ceremony, secret: Secret::new(text), uri: Secret::new(uri) })
    }

    pub(crate) fn confirmed_totp(
        &self,
        ctx: &Context,
        ceremony: &str,
        code: &str,
        ours: impl FnOnce(&TotpEnrolment) -> bool,
    ) -> Result<TotpSecret, OpError<Refusal>> {
        let Some(held) = self.sign_ins.totp.take(ceremony, ctx.uptime).filter(|held| ours(&held.value)) else {
            return Err(Refusal::Conflict("this took too long or was used before; start again".into()).into());
        };
        let mut secret = TotpSecret { secret: held.value.secret.to_vec(), last_step: 0 };
        match step_of(&secret, code, ctx.now)? {
            Some(step) => {
                secret.accept(step);
                Ok(secret)
            }
            None => {
                self.sign_ins.totp.put_back(ceremony, held);
                let why = format!("this is not what the app shows now; type its {} digits again", totp::DIGITS);
                Err(Refusal::Invalid { what: "code".into(), why }.into())
            }
        }
    }

    /// Sets a credential of which a person has one at the most.
    pub(crate) fn put_credential(
        &self,
        op: &Writing<'_>,
        account: &Account,
        label: &str,
        credential: Credential,
    ) -> Result<Change, Abort<Refusal>> {
        let kind = credential.kind();
        let label: Label = label.parse().map_err(|why| Abort::from(Fault::unexpected(why)))?;
        let mut change = Change::Created;
        for old in op.credentials(account.id)?.iter().filter(|stored| stored.credential.kind() == kind) {
            op.delete_credential(account.id, old.number)?;
            change = Change::Changed;
        }
        op.insert_credential(&self.stored(op.ctx, account.id, label, credential))?;
        Ok(change)
    }

    pub(crate) fn new_recovery_codes(
        &self,
        op: &Writing<'_>,
        account: &Account,
    ) -> Result<Vec<Secret<String>>, Abort<Refusal>> {
        let (codes, texts) = RecoveryCodes::generate(self.entropy());
        self.put_credential(op, account, "Recovery codes", Credential::Recovery(codes))?;
        op.record("recovery_codes.set", account.name.as_str(), json!({}))?;
        Ok(texts)
    }

    /// Refuses to take away the credential without which the person could not sign in any more.
    fn keeps_a_way_in(
        &self,
        op: &Writing<'_>,
        account: &Account,
        without: CredentialNumber,
    ) -> Result<(), Abort<Refusal>> {
        let demanded = demanded(op, account)?;
        let (credentials, hears) = (op.credentials(account.id)?, self.ear(op.ctx.moment()));
        let factors = |skip: Option<CredentialNumber>| -> Factors {
            let kept = credentials.iter().filter(|stored| Some(stored.number) != skip);
            sign_in::enrolled(kept.map(|stored| &stored.credential).filter(|known| hears(known)))
        };
        if sign_in::reachable(factors(None), demanded) && !sign_in::reachable(factors(Some(without)), demanded) {
            let why = "this is your last way in; add another passkey first";
            return Err(Abort::refuse(Refusal::Conflict(why.into())));
        }
        Ok(())
    }

    fn stored(&self, ctx: &Context, account: AccountId, label: Label, credential: Credential) -> StoredCredential {
        StoredCredential {
            account,
            number: CredentialNumber(entropy::number(self.entropy())),
            label,
            credential,
            lockout: Lockout::default(),
            created_at: ctx.now,
            last_used_at: None,
        }
    }
}

/// A passkey that was verified and not stored yet.
pub(crate) struct MadePasskey {
    pub(crate) passkey: Passkey,
    pub(crate) display_name: Option<Label>,
}

pub(crate) fn passkey_ids(credentials: &[StoredCredential]) -> Vec<Vec<u8>> {
    credentials.iter().filter_map(|stored| stored.credential.lookup().map(<[u8]>::to_vec)).collect()
}

pub(crate) fn room_for_passkey(have: usize) -> Result<(), Refusal> {
    if have >= MAX_PASSKEYS { Err(Refusal::TooMany { what: "passkeys", limit: MAX_PASSKEYS }) } else { Ok(()) }
}

fn me(ctx: &Context) -> Result<AccountId, Refusal> {
    ctx.actor.account().ok_or(Refusal::Denied(Denied::NotSignedIn))
}

/// Ends what a credential may have opened that its owner no longer trusts: every session but the one the person is in.
fn sign_out_elsewhere(op: &Writing<'_>, account: &Account) -> Result<(), store::Fault> {
    let Actor::Person { account: me, session, .. } = op.ctx.actor else { return Ok(()) };
    if me != account.id {
        return Ok(());
    }
    let ended = end_sessions(op, me, Some(session))?;
    if ended.sessions > 0 || ended.tokens > 0 {
        let detail = json!({"sessions": ended.sessions, "tokens": ended.tokens});
        op.record("session.revoke", account.name.as_str(), detail)?;
    }
    Ok(())
}

/// The texts inside an attribute: mail addresses are kept as objects in a list.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// RFC 4648 section 6, without padding, as authenticator apps want it.
fn base32(bytes: &[u8; 20]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    bytes
        .chunks(5)
        .flat_map(|chunk| {
            let block = chunk.iter().fold(0u64, |block, byte| (block << 8) | u64::from(*byte));
            (0..8).rev().map(move |index| usize::try_from((block >> (index * 5)) & 31).unwrap_or(0))
        })
        .map(|index| char::from(ALPHABET[index]))
        .collect()
}

#[cfg(test)]
mod tests;
