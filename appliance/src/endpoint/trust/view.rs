//! What the pages about trust show; every word of them stands in `pages/trust`.

use askama::Template;
use askama::filters::HtmlSafe;
use ring::digest;

use crate::certificate::Authority;
use crate::endpoint::web::view::part::Chrome;
use crate::http::App;

use super::platform::{AndroidBrowser, Platform};

/// The steps to trust.
#[derive(Debug, Template)]
#[template(path = "trust/steps.html")]
pub(crate) struct TrustPage {
    pub chrome: Chrome,
    pub issuer: String,
    /// Whether anybody on the way could have changed the page.
    pub plain: bool,
    /// What there is to install, if anything.
    pub handout: Option<Handout>,
    /// Whether browsers warn of the certificate whatever is installed.
    pub self_made: bool,
    pub platform: Option<Platform>,
    pub android_browser: AndroidBrowser,
    pub reach: Reach,
}

/// For a box without an owner.
#[derive(Debug, Template)]
#[template(path = "trust/arrival.html")]
pub(crate) struct ArrivalPage {
    pub chrome: Chrome,
    /// Where to go on.
    pub address: String,
    /// Of the certificate that the browser will see there.
    pub fingerprint: Vec<String>,
    /// What there is to install, so that the browser does not warn at all.
    pub handout: Option<Handout>,
}

/// For a form that came in the clear.
#[derive(Debug, Template)]
#[template(path = "trust/in_the_clear.html")]
pub(crate) struct InTheClearPage {
    pub chrome: Chrome,
    pub issuer: String,
}

/// The house's own authority, as a person sees it.
#[derive(Clone, Debug)]
pub(crate) struct Handout {
    /// What a phone shows in its list.
    pub name: String,
    /// The SHA-256 of the certificate, in lines of eight bytes.
    pub sha256: Vec<String>,
    /// The SHA-1, which is what Windows shows.
    pub sha1: String,
}

impl Handout {
    pub(super) fn of(authority: &Authority) -> Self {
        let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &authority.der);
        Self {
            name: authority.facts.subject.clone(),
            sha256: lines(&authority.facts.fingerprint),
            sha1: sha1.as_ref().iter().map(|byte| format!("{byte:02X}")).collect(),
        }
    }
}

/// A fingerprint such as `AB:CD:..` in lines that can be read aloud.
pub(super) fn lines(fingerprint: &str) -> Vec<String> {
    let bytes: Vec<&str> = fingerprint.split(':').collect();
    bytes.chunks(8).map(|line| line.join(" ")).collect()
}

/// The check whether the name of the house reaches this box, for any page. `static/reach.js` runs it, and the page's answer must
/// be [allowed](crate::endpoint::reach::allow) to ask.
#[derive(Clone, Debug, Template)]
#[template(path = "part/reach.html")]
pub(crate) struct Reach {
    /// The name.
    pub host: String,
    /// Where the name is asked over TLS.
    pub issuer: String,
    /// Where it is asked in the clear, if the box listens there.
    pub plain: Option<String>,
    /// Whether the page itself came in the clear: only then may it ask there.
    pub from_plain: bool,
}

impl HtmlSafe for Reach {}

impl Reach {
    pub(crate) fn of(app: &App, from_plain: bool) -> Self {
        let house = app.house();
        Self { host: house.host.as_str().to_owned(), issuer: house.issuer(), plain: plain_origin(app), from_plain }
    }
}

/// The house's name in the clear.
pub(crate) fn plain_origin(app: &App) -> Option<String> {
    let port = app.config.plain_addresses().first()?.port();
    let house = app.house();
    Some(if port == 80 { format!("http://{}", house.host) } else { format!("http://{}:{port}", house.host) })
}
