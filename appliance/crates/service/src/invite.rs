//! Links that let a person in for the first time, or again after a lost phone. The admin never sees a secret of the person:
//! only the link, which is good once.

use domain::account::{Account, AccountKind, Unusable};
use domain::credential::recovery::Worth;
use domain::credential::{Credential, CredentialKind, CredentialView};
use domain::entropy;
use domain::invite::{BY_CODE, Invite, InvitePurpose, LONGEST};
use domain::name::{Label, Username};
use domain::permission::Need;
use domain::secret::Secret;
use domain::sign_in::{Factor, Factors};
use domain::strength::Strength;
use domain::time::{Span, Timestamp};
use domain::token::{OpaqueToken, TokenKind};
use serde_json::json;
use store::Reader;

use crate::credential::{PasskeyAnswer, TotpChallenge, passkey_ids, room_for_passkey};
use crate::operation::{Abort, Writing};
use crate::session::{NewSession, end_sessions};
use crate::setup::IN_SETUP;
use crate::sign_in::webauthn::Entrance;
use crate::sign_in::{PasskeyChallenge, SignInRefusal, demanded};
use crate::{Context, Idp, OpError, Refusal};

/// A link that was just made.
#[derive(Debug)]
pub struct NewInvite {
    /// The link. This is the only moment at which it can be read.
    pub url: Secret<String>,
    /// Its token alone.
    pub token: Secret<String>,
    /// What it is for.
    pub purpose: InvitePurpose,
    /// From when on it is void.
    pub expires_at: Timestamp,
}

/// What the page behind a link shows.
#[derive(Clone, Debug)]
pub struct InviteView {
    /// For whom.
    pub account: Account,
    /// What it is for.
    pub purpose: InvitePurpose,
    /// From when on it is void.
    pub expires_at: Timestamp,
    /// Whether a password with an authenticator app would be enough for this person.
    pub password_possible: bool,
}

/// What somebody typed who comes in without a passkey.
#[derive(Clone, Copy, Debug)]
pub struct PasswordAnswer<'a> {
    /// From the `TotpChallenge`.
    pub ceremony: &'a str,
    /// The new password.
    pub password: &'a Secret<String>,
    /// What the authenticator app shows.
    pub code: &'a str,
}

/// What came of a link.
#[derive(Debug)]
pub struct Accepted {
    /// The person is in.
    pub session: NewSession,
    /// New recovery codes, to be shown once; empty when the person has codes already or could not use any.
    pub recovery_codes: Vec<Secret<String>>,
    /// What the codes are good for.
    pub worth: Worth,
    /// Passkeys that were there before, which a person who lost a phone may want to remove.
    pub older_passkeys: Vec<CredentialView>,
}

/// A link that is about to be made.
pub(crate) struct NewLink {
    pub(crate) purpose: InvitePurpose,
    pub(crate) created_by: String,
    pub(crate) expires_at: Timestamp,
}

impl Idp {
    /// Makes a link for the person and voids the ones made before. Without a purpose it follows from whether the person
    /// can sign in already; without a lifetime it is three days to join and one to recover.
    pub fn create_invite(
        &self,
        ctx: &Context,
        person: &Username,
        purpose: Option<InvitePurpose>,
        lifetime: Option<Span>,
    ) -> Result<NewInvite, OpError<Refusal>> {
        ctx.timely()?;
        if lifetime.is_some_and(|span| span > LONGEST || span < Span::minutes(1)) {
            let why = format!("choose between one minute and {} days", LONGEST.as_seconds() / 86_400);
            return Err(Refusal::Invalid { what: "lifetime".into(), why }.into());
        }
        self.write(ctx, Need::ReadDirectory, |op| {
            let not_found = || Refusal::NotFound { kind: "person", name: person.to_string() };
            let account = op.account_by_name(person)?.ok_or_else(not_found)?;
            op.authorize::<Refusal>(Need::ManagePerson(op.roles(account.id, account.kind)?))?;
            if account.kind != AccountKind::Person {
                return Err(
                    Refusal::Conflict(format!("{person} is a service account; make an API token instead")).into()
                );
            }
            let known = !op.credentials(account.id)?.is_empty();
            let purpose = purpose.unwrap_or(if known { InvitePurpose::Recover } else { InvitePurpose::Join });
            let expires_at = ctx.now + lifetime.unwrap_or(purpose.lifetime());
            Ok(self.put_invite(op, &account, NewLink { purpose, created_by: op.actor_name()?, expires_at })?)
        })
    }

    /// Stores a new link in place of the ones made before.
    pub(crate) fn put_invite(
        &self,
        op: &Writing<'_>,
        account: &Account,
        link: NewLink,
    ) -> Result<NewInvite, store::Fault> {
        let NewLink { purpose, created_by, expires_at } = link;
        let token = OpaqueToken::random(account.id, entropy::number(self.entropy()), self.entropy());
        op.delete_invites(account.id)?;
        op.insert_invite(&Invite {
            account: account.id,
            number: token.row,
            digest: token.digest(),
            purpose,
            created_at: op.ctx.now,
            created_by,
            expires_at,
        })?;
        op.record("invite.create", account.name.as_str(), json!({"purpose": purpose, "expires_at": expires_at}))?;
        let token = token.encode(TokenKind::Invite);
        let url = Secret::new(format!("{}/invite/{}", self.issuer(), token.expose()));
        Ok(NewInvite { url, token, purpose, expires_at })
    }

    /// Voids the person's links.
    pub fn revoke_invites(&self, ctx: &Context, person: &Username) -> Result<crate::Change, OpError<Refusal>> {
        self.write(ctx, Need::ReadDirectory, |op| {
            let not_found = || Refusal::NotFound { kind: "person", name: person.to_string() };
            let account = op.account_by_name(person)?.ok_or_else(not_found)?;
            op.authorize::<Refusal>(Need::ManagePerson(op.roles(account.id, account.kind)?))?;
            if op.delete_invites(account.id)? == 0 {
                return Ok(crate::Change::Unchanged);
            }
            op.record("invite.revoke", person.as_str(), json!({}))?;
            Ok(crate::Change::Removed)
        })
    }

    /// What the page behind the link shows.
    pub fn see_invite(&self, ctx: &Context, token: &str) -> Result<InviteView, OpError<Refusal>> {
        self.read(ctx, Need::Nothing, |op| {
            let (account, invite) = open_invite(op, ctx, token)?;
            let password_possible = password_possible(op, &account, &invite).is_ok();
            Ok(InviteView { account, purpose: invite.purpose, expires_at: invite.expires_at, password_possible })
        })
    }

    /// Asks the browser for the passkey that the link lets its holder add.
    pub fn start_invite_passkey(
        &self,
        ctx: &Context,
        token: &str,
        display_name: Option<Label>,
    ) -> Result<PasskeyChallenge, OpError<Refusal>> {
        let (account, invite, passkeys) = self.read::<_, Refusal>(ctx, Need::Nothing, |op| {
            let (account, invite) = open_invite(op, ctx, token)?;
            let passkeys = passkey_ids(&op.credentials(account.id)?);
            Ok((account, invite, passkeys))
        })?;
        room_for_passkey(passkeys.len())?;
        // A lost phone's passkeys are not excluded: the same device may be set up anew.
        let exclude = match invite.purpose {
            InvitePurpose::Join => passkeys,
            InvitePurpose::Recover => Vec::new(),
        };
        let entrance = Entrance { invite: invite.number, display_name };
        self.ask_for_passkey(ctx, &account, exclude, Some(entrance))
    }

    /// Adds the passkey, uses up the link, and signs the person in: one commit.
    pub fn finish_invite_passkey(
        &self,
        ctx: &Context,
        token: &str,
        answer: &PasskeyAnswer<'_>,
    ) -> Result<Accepted, OpError<Refusal>> {
        let row = OpaqueToken::decode(TokenKind::Invite, token).map(|token| token.row);
        let made = self
            .made_passkey(ctx, answer, |r| r.entrance.as_ref().is_some_and(|entrance| Some(entrance.invite) == row))?;
        let accepted = self.write(ctx, Need::Nothing, |op| {
            let (mut account, invite) = open_invite(op, ctx, token).map_err(Abort::Undo)?;
            if let Some(name) = &made.display_name {
                account.attributes.insert("display_name".into(), json!(name));
                account.updated_at = ctx.now;
                op.update_account(&account)?;
            }
            let older = op.credentials(account.id)?;
            self.add_passkey(op, &account, answer.label, made.passkey)?;
            let older = older.iter().filter(|stored| matches!(stored.credential, Credential::Passkey(_)));
            let older_passkeys = older.map(domain::credential::StoredCredential::view).collect();
            let entered = self.enter(op, &account, &invite, Factors::NONE.with(Factor::Passkey))?;
            Ok(Accepted { older_passkeys, ..entered })
        })?;
        self.look_whether_claimed()?;
        Ok(accepted)
    }

    /// For a device that cannot hold a passkey: shows a secret to an authenticator app.
    pub fn start_invite_password(&self, ctx: &Context, token: &str) -> Result<TotpChallenge, OpError<Refusal>> {
        let (account, invite) = self.read::<_, Refusal>(ctx, Need::Nothing, |op| {
            let (account, invite) = open_invite(op, ctx, token)?;
            password_possible(op, &account, &invite)?;
            Ok((account, invite))
        })?;
        Ok(self.show_totp(ctx, &account, Some(invite.number))?)
    }

    /// Sets password and authenticator app, uses up the link, and signs the person in: one commit.
    /// Computes a hash: to be run on a hashing thread.
    pub fn finish_invite_password(
        &self,
        ctx: &Context,
        token: &str,
        answer: &PasswordAnswer<'_>,
    ) -> Result<Accepted, OpError<Refusal>> {
        let account = self.see_invite(ctx, token)?.account;
        let hash = self.acceptable_password(&account, answer.password)?;
        let row = OpaqueToken::decode(TokenKind::Invite, token).map(|token| token.row);
        let secret =
            self.confirmed_totp(ctx, answer.ceremony, answer.code, |e| e.invite.is_some() && e.invite == row)?;
        let accepted = self.write(ctx, Need::Nothing, |op| {
            let (account, invite) = open_invite(op, ctx, token).map_err(Abort::Undo)?;
            password_possible(op, &account, &invite).map_err(Abort::Undo)?;
            let older = op.credentials(account.id)?;
            let older = older.iter().filter(|stored| matches!(stored.credential, Credential::Passkey(_)));
            let older_passkeys = older.map(domain::credential::StoredCredential::view).collect();
            self.put_credential(op, &account, "Password", Credential::Password(hash))?;
            self.put_credential(op, &account, "Authenticator app", Credential::Totp(secret))?;
            op.record("password.set", account.name.as_str(), json!({}))?;
            op.record("totp.set", account.name.as_str(), json!({}))?;
            let proven = Factors::NONE.with(Factor::Password).with(Factor::Totp);
            Ok(Accepted { older_passkeys, ..self.enter(op, &account, &invite, proven)? })
        })?;
        self.look_whether_claimed()?;
        Ok(accepted)
    }

    /// Uses up the link and opens the session. Whoever lost a phone is signed out everywhere else,
    /// and of every app.
    fn enter(
        &self,
        op: &Writing<'_>,
        account: &Account,
        invite: &Invite,
        proven: Factors,
    ) -> Result<Accepted, Abort<Refusal>> {
        op.delete_invites(account.id)?;
        if invite.purpose == InvitePurpose::Recover {
            end_sessions(op, account.id, None)?;
        }
        let credentials = op.credentials(account.id)?;
        let has_codes =
            credentials.iter().any(|s| s.credential.kind() == CredentialKind::Recovery && s.credential.usable());
        let worth = self.worth(op, account, op.ctx.moment())?;
        let recovery_codes = if !has_codes { self.new_recovery_codes(op, account)? } else { Vec::new() };
        op.record("invite.accept", account.name.as_str(), json!({"purpose": invite.purpose}))?;
        self.claim_by(op, account)?;
        let session = self.grant_session(op, account, proven).map_err(|abort| abort.map(|why| refused(&why)))?;
        Ok(Accepted { session, recovery_codes, worth, older_passkeys: Vec::new() })
    }
}

/// The invite that this token proves, while it is good, and its person, while that account can be used.
fn open_invite(op: &Reader<'_>, ctx: &Context, token: &str) -> Result<(Account, Invite), OpError<Refusal>> {
    let void = || {
        Refusal::Conflict("this link was used, replaced or is too old; ask the person who sent it for a new one".into())
    };
    let token = OpaqueToken::decode(TokenKind::Invite, token).ok_or_else(void)?;
    let invite = op.invite(token.account, token.row)?.ok_or_else(void)?;
    if invite.digest != token.digest() || !invite.good(ctx.now) {
        return Err(void().into());
    }
    let account = op.account(invite.account)?.ok_or_else(void)?;
    // Somebody may have been given an office since a code opened this link.
    if invite.created_by == BY_CODE && op.roles(account.id, account.kind)?.any_office() {
        return Err(void().into());
    }
    match account.usable(ctx.now) {
        Ok(()) => Ok((account, invite)),
        Err(Unusable::Locked) => {
            Err(Refusal::Conflict("this account is locked; ask an admin of the house".into()).into())
        }
        Err(Unusable::NotYet(_) | Unusable::Expired(_)) => {
            Err(Refusal::Conflict("this account cannot be used now; ask an admin of the house".into()).into())
        }
    }
}

/// The first owner begins with a passkey, whatever the house asks of others.
fn password_possible(op: &Reader<'_>, account: &Account, invite: &Invite) -> Result<(), OpError<Refusal>> {
    if demanded(op, account)? == Strength::Passkey || invite.created_by == IN_SETUP {
        let why = "your account needs a passkey; open the link on a device that can keep one";
        return Err(Refusal::Conflict(why.into()).into());
    }
    Ok(())
}

fn refused(refusal: &SignInRefusal) -> Refusal {
    Refusal::Conflict(refusal.to_string())
}

#[cfg(test)]
mod tests;
