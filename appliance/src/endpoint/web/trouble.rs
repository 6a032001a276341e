//! Refusals and accidents as pages: what happened, and what to do next.

use askama::Template;

use super::next::Next;
use super::view::part::Chrome;
use super::view::trouble::{Trouble, TroublePage};
use crate::http::{App, FAULT, Response};

/// How long a busy server asks for, unless the answer says otherwise.
const PAUSE: u32 = 5;

/// How often a page that waits for the clock looks again.
const CLOCK_PAUSE: u32 = 10;

/// Gives an answer that refuses in plain words the page that a person should see instead. `back` is where to try again.
pub(crate) fn in_plain_sight(app: &App, response: Response, back: &str) -> Response {
    if !response.is_plain_refusal() {
        return response;
    }
    let trouble = match response.status() {
        403 => Trouble::NotFromHere,
        410 => Trouble::Moved { issuer: app.house().issuer() },
        404 | 405 => Trouble::NotFound,
        503 if response.waits_for_the_clock() => {
            Trouble::ClockNotSet { seconds: CLOCK_PAUSE, again: Next::read(back).path().to_owned() }
        }
        503 => Trouble::Busy { seconds: PAUSE, again: Next::read(back).path().to_owned() },
        400 | 413 | 415 => Trouble::BadRequest,
        500 => Trouble::Fault { id: response.get(FAULT).unwrap_or_default().to_owned() },
        // What is left is for programmers: a wrong host name, say. Its words are better than a page of ours.
        _ => return response,
    };
    match page(app, trouble) {
        Ok(page) => response.with_page(page),
        Err(_) => response,
    }
}

fn page(app: &App, trouble: Trouble) -> askama::Result<String> {
    TroublePage { chrome: Chrome::nobody(&app.house()), trouble }.render()
}
