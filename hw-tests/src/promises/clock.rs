//! A clock that is wrong, and no network that could tell the time.

use std::time::Duration;

use serde_json::Value;

use crate::failure::{Outcome, ensure};
use crate::home::{Home, story};
use crate::rig::{Start, time_server};
use crate::web;

const SOON: Duration = Duration::from_secs(30);
/// What the LED says while the clock is not to be trusted: that it waits, or that the clock cannot be right.
const DOUBTS: [&str; 2] = ["clock-not-trusted", "fault-clock-impossible"];
/// A code that nobody was given: refused once there is time, and not looked at before.
const EXCHANGE: &str = "grant_type=authorization_code&client_id=album&code=lk_c_none&redirect_uri=http://127.0.0.1/cb&code_verifier=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

pub(crate) fn in_1970(home: &mut Home) -> Outcome {
    issues_nothing(home, Start { clock: Some("1970-01-01T00:00:00"), outside: false })?;
    home.has_time()?;
    recovers(home)
}

pub(crate) fn in_2038(home: &mut Home) -> Outcome {
    // A time server is within reach of the network that is not plugged in yet.
    let outside = time_server::runs();
    issues_nothing(home, Start { clock: Some("2038-01-20T00:00:00"), outside })?;
    // The cable is out, and in again: the router names a time server then.
    home.rig.plug_network(false)?;
    home.until("the box to miss its cable", SOON, |home| {
        Ok(home.root("cat /sys/class/net/eth0/carrier")?.eq("0").then_some(()))
    })?;
    ensure(home.latchkey("time")?["level"].as_u64().is_some_and(|level| level < 2), || "it is trusted".to_owned())?;
    home.rig.plug_network(true)?;
    home.serves_again("the box to be back in the network")?;
    if outside {
        home.asks_time_server()?;
    } else {
        home.note("no time server: port 123 is not ours to take; somebody sets the time instead");
        home.has_time()?;
    }
    recovers(home)
}

fn issues_nothing(home: &mut Home, start: Start) -> Outcome {
    an_app_is_there(home)?;
    home.cut()?;
    let usual = std::mem::replace(&mut home.start, start);
    let seen = started_without_time(home);
    home.start = usual;
    seen
}

fn started_without_time(home: &mut Home) -> Outcome {
    home.watched()?;
    home.serving()?;
    let (date, time) = (home.root("date -u +%FT%TZ")?, home.latchkey("time")?);
    home.note(format!("the machine's clock says {date}, the server's {}", time["now"].as_str().unwrap_or("nothing")));
    ensure(time["level"].as_u64().is_some_and(|level| level < 2), || format!("the clock is trusted: {time}"))?;
    let states = home.states()?;
    ensure(states.iter().any(|state| DOUBTS.contains(&state.as_str())), || format!("the box says {states:?}"))?;
    home.until("the LED to say so", SOON, |home| {
        let shown = home.shown()?;
        Ok(shown.last().filter(|shown| DOUBTS.contains(&shown.name)).map(|_| ()))
    })?;
    let at = home.https()?;
    for (path, form) in [("/token", EXCHANGE), ("/signin/password", "username=mira&password=otter+lantern&next=")] {
        let answer = web::ask(at, path, Some(form), home.limit)?;
        let waits = answer.status == 503 && answer.wait.is_some();
        ensure(waits && !answer.body.contains("_token"), || {
            format!("{path} answered {}: {}", answer.status, answer.body)
        })?;
    }
    Ok(())
}

fn recovers(home: &mut Home) -> Outcome {
    home.led_says("healthy", SOON * 2)?;
    let story = story(&home.shown()?);
    home.note(story.trim().to_owned());
    let at = home.https()?;
    let answer = web::ask(at, "/token", Some(EXCHANGE), home.limit)?;
    let error: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    ensure(error["error"] == "invalid_grant", || format!("/token answered {}: {}", answer.status, answer.body))
}

/// Somebody owns the box, and an app is known.
fn an_app_is_there(home: &mut Home) -> Outcome {
    home.claimed()?;
    if home.latchkey("app list")?.as_array().is_some_and(Vec::is_empty) {
        home.latchkey("app create album --public --redirect-uri http://127.0.0.1/cb --allow everyone")?;
    }
    // The owner's words are on the card before the plug is pulled.
    home.root("sync").map(drop)
}
