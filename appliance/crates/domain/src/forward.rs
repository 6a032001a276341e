//! Passes for apps behind a reverse proxy that asks us about each request (forward auth). Such an app has a name of its own, so the
//! session's cookie does not get there. The browser fetches a hand-over from the house and brings it to the app's name, where it
//! becomes a cookie. Both are seals over whose session it is and for which name; the session's row says whether it has ended.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::grant::access_token::AccessTokenKey;
use crate::host::Host;
use crate::id::{AccountId, SessionNumber};
use crate::secret::Digest;
use crate::time::{SET_BACK, Span, Timestamp};

/// How long a hand-over may be on the way.
pub const HAND_OVER: Span = Span::minutes(1);

/// How long the cookie is good. It is fetched anew without a question while the session lives.
pub const COOKIE: Span = Span::hours(12);

const BODY: usize = 24;
const TAG: usize = 32;
const TEXT: usize = (BODY + TAG) * 4 / 3 + 1;

/// Whose session a pass stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Whose.
    pub account: AccountId,
    /// Which of their sessions.
    pub session: SessionNumber,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

/// What a pass is good for.
#[derive(Clone, Copy, Debug)]
pub enum PassKind<'a> {
    /// To be brought to the app's name by the browser that began there: the digest of what that one holds.
    HandOver(&'a Digest),
    /// The cookie there.
    Cookie,
}

impl PassKind<'_> {
    fn lifetime(self) -> Span {
        match self {
            Self::HandOver(_) => HAND_OVER,
            Self::Cookie => COOKIE,
        }
    }
}

impl Pass {
    /// A new pass of that kind.
    pub fn new(account: AccountId, session: SessionNumber, kind: PassKind<'_>, now: Timestamp) -> Self {
        Self { account, session, expires_at: now + kind.lifetime() }
    }

    /// The text to hand out for that name.
    pub fn encode(&self, key: &AccessTokenKey, host: &Host, kind: PassKind<'_>) -> String {
        let mut bytes = Vec::with_capacity(BODY + TAG);
        bytes.extend_from_slice(&self.account.0.to_be_bytes());
        bytes.extend_from_slice(&self.session.0.to_be_bytes());
        bytes.extend_from_slice(&self.expires_at.unix().to_be_bytes());
        let tag = seal(key, &bytes, host, kind);
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a text of ours for that name says, while it is good. One that lives longer than any was made by a clock that was wrong.
    pub fn decode(
        text: &str,
        key: &AccessTokenKey,
        (host, kind): (&Host, PassKind<'_>),
        now: Timestamp,
    ) -> Option<Self> {
        if text.len() > TEXT {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (said, tag) = bytes.split_last_chunk::<TAG>()?;
        let right: bool = seal(key, said, host, kind).ct_eq(tag).into();
        if !right {
            return None;
        }
        let numbers: &[u8; BODY] = said.try_into().ok()?;
        let pass = Self {
            account: AccountId(i64::from_be_bytes(numbers[..8].try_into().ok()?)),
            session: SessionNumber(i64::from_be_bytes(numbers[8..16].try_into().ok()?)),
            expires_at: Timestamp::from_unix(i64::from_be_bytes(numbers[16..].try_into().ok()?)),
        };
        let latest = now + kind.lifetime() + SET_BACK;
        (now < pass.expires_at && pass.expires_at <= latest).then_some(pass)
    }
}

fn seal(key: &AccessTokenKey, said: &[u8], host: &Host, kind: PassKind<'_>) -> [u8; TAG] {
    let mut context = match kind {
        PassKind::HandOver(state) => {
            let mut context = key.sealing(b"forward hand-over");
            context.update(state.as_bytes());
            context
        }
        PassKind::Cookie => key.sealing(b"forward cookie"),
    };
    context.update(said);
    context.update(host.as_str().as_bytes());
    let mut tag = [0; TAG];
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_unix(1_800_000_000);

    #[test]
    fn a_pass_is_good_for_one_name_one_kind_one_browser_and_a_while() {
        let key = AccessTokenKey::new(&[7; 32]);
        let (here, there): (Host, Host) = ("a.example".parse().unwrap(), "b.example".parse().unwrap());
        let (mine, yours) = (Digest::of(b"mine"), Digest::of(b"yours"));
        for kind in [PassKind::HandOver(&mine), PassKind::Cookie] {
            let pass = Pass::new(AccountId(3), SessionNumber(-9), kind, T0);
            let text = pass.encode(&key, &here, kind);
            let end = pass.expires_at;
            assert_eq!(Pass::decode(&text, &key, (&here, kind), T0), Some(pass));
            assert_eq!(Pass::decode(&text, &key, (&there, kind), T0), None, "another name");
            assert_eq!(Pass::decode(&text, &AccessTokenKey::new(&[8; 32]), (&here, kind), T0), None, "another house");
            assert_eq!(Pass::decode(&text, &key, (&here, kind), end), None, "over");
            assert_eq!(Pass::decode(&text, &key, (&here, kind), T0 - Span::hours(1)), None, "a clock that went back");
            let others = [PassKind::HandOver(&yours), PassKind::HandOver(&mine), PassKind::Cookie];
            let good = others.iter().filter(|other| Pass::decode(&text, &key, (&here, **other), T0).is_some()).count();
            assert_eq!(good, 1, "another kind or browser");
            for at in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).unwrap();
                if URL_SAFE_NO_PAD.decode(&changed) != URL_SAFE_NO_PAD.decode(&text) {
                    assert_eq!(Pass::decode(&changed, &key, (&here, kind), T0), None);
                }
            }
        }
        for rubbish in ["", "x", "é", &"A".repeat(75), &"A".repeat(500)] {
            assert_eq!(Pass::decode(rubbish, &key, (&here, PassKind::Cookie), T0), None);
        }
    }
}
