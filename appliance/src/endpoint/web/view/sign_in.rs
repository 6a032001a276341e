//! The pages at the door: signing in, proving it again, leaving, and the first steps after an invitation.

use super::part::{Chrome, Face, Notice, When};
use askama::Template;

/// `/signin`: a passkey with or without a name, or a name and a password.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignIn {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    /// The app that waits for this sign-in, by its title.
    pub app: Option<String>,
    /// The name that the house had: its passkeys are asked for by a button of their own.
    pub former: Option<String>,
    /// What was typed before.
    pub username: String,
    /// Where to go afterwards: an address on this site, or empty.
    pub next: String,
}

/// `/signin/second`: the password was right, now the second proof.
#[derive(Debug, Template)]
#[template(path = "second_factor.html")]
pub(crate) struct SecondFactor {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    /// Names this attempt; worthless without its cookie.
    pub attempt: String,
    /// Whether the recovery code's field is opened, because the last answer was one.
    pub recovery_open: bool,
    pub next: String,
}

/// `/recover`: a name and a recovery code, for a new passkey.
#[derive(Debug, Template)]
#[template(path = "recover.html")]
pub(crate) struct Recover {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    /// What was typed before.
    pub username: String,
}

/// `/reauthenticate`: before something that matters is changed.
#[derive(Debug, Template)]
#[template(path = "reauthenticate.html")]
pub(crate) struct Reauthenticate {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub username: String,
    /// The app that wants it, by its title.
    pub app: Option<String>,
    /// Only a passkey is enough for that app.
    pub stronger: bool,
    /// Where somebody else takes over.
    pub somebody_else: String,
    pub has_password: bool,
    /// The name that the house had: its passkeys are asked for by a button of their own.
    pub former: Option<String>,
    pub next: String,
}

/// `/choose`: the person who is signed in, or somebody else?
#[derive(Debug, Template)]
#[template(path = "choose.html")]
pub(crate) struct Choose {
    pub chrome: Chrome,
    pub username: String,
    /// The app that waits, by its title.
    pub app: Option<String>,
    /// It must be somebody else.
    pub somebody_else: bool,
    /// Where the person who is signed in goes on.
    pub as_me: String,
    pub next: String,
}

/// `/moved`: after a sign-in with a passkey of the name that the house had.
#[derive(Debug, Template)]
#[template(path = "moved.html")]
pub(crate) struct Moved {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    /// Until when the person's passkeys work; `None` when there is one for the new name already.
    pub until: Option<When>,
    pub next: String,
}

/// `/signout`, asked.
#[derive(Debug, Template)]
#[template(path = "sign_out.html")]
pub(crate) struct SignOut {
    pub chrome: Chrome,
}

/// `/logout`, asked: an app wants the session to end.
#[derive(Debug, Template)]
#[template(path = "log_out.html")]
pub(crate) struct LogOut {
    pub chrome: Chrome,
    /// The app's title, if it said which one it is.
    pub app: Option<String>,
    /// The request, to be posted back with the answer.
    pub request: String,
}

/// `/signout`, done.
#[derive(Debug, Template)]
#[template(path = "signed_out.html")]
pub(crate) struct SignedOut {
    pub chrome: Chrome,
}

/// `/invite/:token`: a first passkey for a new person, or a new one after a lost phone.
#[derive(Debug, Template)]
#[template(path = "invite.html")]
pub(crate) struct Invite {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub token: String,
    pub name: String,
    pub username: String,
    pub face: Face,
    /// The person has been here before: this link replaces what was lost.
    pub again: bool,
    pub until: When,
    /// The person may also come in with a password and an authenticator app.
    pub password_possible: bool,
}

/// The way in by password, for a device that cannot hold a passkey.
#[derive(Debug, Template)]
#[template(path = "invite_password.html")]
pub(crate) struct InvitePassword {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub token: String,
    pub username: String,
    pub qr: Svg,
    pub key: String,
    pub ceremony: String,
}

/// A drawing that we made ourselves (a QR code), so it goes into the page as it is.
#[derive(Clone, Debug)]
pub(crate) struct Svg(pub String);

impl std::fmt::Display for Svg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::FastWritable for Svg {
    fn write_into(&self, dest: &mut dyn std::fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        Ok(dest.write_str(&self.0)?)
    }
}

impl askama::filters::HtmlSafe for Svg {}
