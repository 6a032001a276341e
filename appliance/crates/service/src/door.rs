//! A house with a door, for the tests of signing in: persons with authenticators, passwords and apps.

use std::net::IpAddr;

use domain::account::Account;
use domain::credential::CredentialKind;
use domain::credential::totp::TotpSecret;
use domain::id::CredentialNumber;
use domain::name::Label;
use domain::permission::Actor;
use domain::secret::Secret;
use domain::strength::Strength;
use domain::time::{Span, Timestamp};
use serde_json::Value;

use crate::authenticator::Authenticator;
use crate::house::{House, NOW, console, group, user};
use crate::moment::steady;
use crate::{
    Accepted, Context, GroupAmendment, NewSession, OpError, Origin, PasskeyAnswer, SignInOutcome, SignInRefusal, Whose,
};

pub(crate) const ORIGIN: &str = "https://id.example.org";
pub(crate) const PASSWORD: &str = "otter lantern sixty moss";

/// A house and the time there.
pub(crate) struct Door {
    pub(crate) house: House,
    pub(crate) now: Timestamp,
}

impl Door {
    pub(crate) fn new() -> Self {
        Self { house: House::new(), now: NOW }
    }

    pub(crate) fn pass(&mut self, span: Span) {
        self.now = self.now + span;
    }

    /// Somebody at the page.
    pub(crate) fn stranger(&self) -> Context {
        let origin =
            Origin { address: Some(IpAddr::from([192, 0, 2, 7])), device: "Firefox on Linux".into(), at: None };
        Context::anonymous(steady(self.now), origin)
    }

    /// A person who came in by a link, with a passkey on that device.
    pub(crate) fn join(&self, name: &str, device: &mut Authenticator) -> Accepted {
        self.house.newcomer(name, &[]);
        self.accept(name, device)
    }

    /// Follows a new link to its end.
    pub(crate) fn accept(&self, name: &str, device: &mut Authenticator) -> Accepted {
        let console = Context::console(steady(self.now));
        let invite = self.house.idp.create_invite(&console, &user(name), None, None).unwrap();
        let ctx = self.stranger();
        let asked = self.house.idp.start_invite_passkey(&ctx, invite.token.expose(), None).unwrap();
        let made = device.create(&asked.options);
        let label = label("My phone");
        let answer = PasskeyAnswer { ceremony: &asked.ceremony, label: &label, answer: &made };
        self.house.idp.finish_invite_passkey(&ctx, invite.token.expose(), &answer).unwrap()
    }

    /// A person with a password and, if wanted, an authenticator app; no passkey is left.
    pub(crate) fn with_password(&self, name: &str, app: bool) -> (Account, Option<TotpSecret>) {
        let mut device = Authenticator::new(ORIGIN);
        let accepted = self.join(name, &mut device);
        let me = accepted.session.signed_in.context;
        self.house.idp.set_password(&me, &secret(PASSWORD)).unwrap();
        let totp = app.then(|| {
            let challenge = self.house.idp.start_totp(&me).unwrap();
            let totp = TotpSecret { secret: unbase32(challenge.secret.expose()), last_step: 0 };
            let code = code(&totp, self.now - Span::seconds(30));
            self.house.idp.confirm_totp(&me, &challenge.ceremony, &code).unwrap();
            totp
        });
        let account = accepted.session.signed_in.account;
        for kind in [CredentialKind::Passkey, CredentialKind::Recovery] {
            self.drop_credential(name, kind);
        }
        self.house.idp.revoke_sessions(&console(), &Whose::Of(user(name)), None).unwrap();
        (account, totp)
    }

    /// As an admin does.
    pub(crate) fn drop_credential(&self, name: &str, kind: CredentialKind) {
        let number = self.number(name, kind);
        self.house.idp.remove_credential(&console(), &Whose::Of(user(name)), number).unwrap();
    }

    pub(crate) fn number(&self, name: &str, kind: CredentialKind) -> CredentialNumber {
        let all = self.house.idp.list_credentials(&console(), &Whose::Of(user(name))).unwrap();
        all.iter().find(|view| view.kind == kind).unwrap().number
    }

    /// What the house demands of everybody.
    pub(crate) fn demand(&self, strength: Strength) {
        let amendment = GroupAmendment { strength: Some(strength), ..GroupAmendment::default() };
        self.house.idp.set_group(&console(), &group("everyone"), &amendment).unwrap();
    }

    pub(crate) fn passkey(&self, device: &mut Authenticator) -> Result<NewSession, OpError<SignInRefusal>> {
        self.passkey_as(&self.stranger(), device)
    }

    pub(crate) fn passkey_as(
        &self,
        ctx: &Context,
        device: &mut Authenticator,
    ) -> Result<NewSession, OpError<SignInRefusal>> {
        let asked = self.house.idp.start_passkey_sign_in(ctx).unwrap();
        let answer = device.get(&asked.options);
        self.house.idp.finish_passkey_sign_in(ctx, &asked.ceremony, &answer)
    }

    /// An answer that was tampered with.
    pub(crate) fn passkey_tampered(
        &self,
        device: &mut Authenticator,
        tamper: impl FnOnce(&mut Value),
    ) -> Result<NewSession, OpError<SignInRefusal>> {
        let ctx = self.stranger();
        let asked = self.house.idp.start_passkey_sign_in(&ctx).unwrap();
        let mut answer = device.get(&asked.options);
        tamper(&mut answer);
        self.house.idp.finish_passkey_sign_in(&ctx, &asked.ceremony, &answer)
    }

    pub(crate) fn password(&self, name: &str, typed: &str) -> Result<SignInOutcome, OpError<SignInRefusal>> {
        self.house.idp.sign_in_with_password(&self.stranger(), name, &secret(typed))
    }

    /// The half-done sign-in after a right password.
    pub(crate) fn half_in(&self, name: &str) -> String {
        match self.password(name, PASSWORD).unwrap() {
            SignInOutcome::NeedsSecondFactor { attempt, .. } => attempt,
            SignInOutcome::SignedIn(_) => panic!("a second factor should have been asked for"),
        }
    }

    pub(crate) fn code(&self, attempt: &str, typed: &str) -> Result<NewSession, OpError<SignInRefusal>> {
        self.house.idp.finish_sign_in_with_code(&self.stranger(), attempt, typed)
    }

    /// Whether this cookie opens anything now.
    pub(crate) fn opens(&self, cookie: &Secret<String>) -> bool {
        self.house.idp.authenticate_session(cookie.expose(), Origin::default(), steady(self.now)).unwrap().is_some()
    }

    /// The circumstances of whoever has this cookie, now.
    pub(crate) fn context(&self, cookie: &Secret<String>) -> Context {
        let origin = self.stranger().origin;
        self.house.idp.authenticate_session(cookie.expose(), origin, steady(self.now)).unwrap().unwrap().context
    }
}

pub(crate) fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

pub(crate) fn label(text: &str) -> Label {
    text.parse().unwrap()
}

/// What the authenticator app shows.
pub(crate) fn code(totp: &TotpSecret, now: Timestamp) -> String {
    crate::sign_in::code_at(totp, now)
}

pub(crate) fn why<T: std::fmt::Debug>(result: Result<T, OpError<SignInRefusal>>) -> SignInRefusal {
    match result {
        Err(OpError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub(crate) fn is_person(ctx: &Context, account: &Account) -> bool {
    matches!(ctx.actor, Actor::Person { account: id, .. } if id == account.id)
}

pub(crate) fn unbase32(text: &str) -> Vec<u8> {
    let mut bits = 0u64;
    let mut count = 0;
    let mut out = Vec::new();
    for c in text.bytes() {
        let value = if c.is_ascii_uppercase() { c - b'A' } else { c - b'2' + 26 };
        bits = (bits << 5) | u64::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    out
}
