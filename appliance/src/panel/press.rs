//! `latchkey panel press`: what one press of the button does, for scripts and for a machine without a button. The same machine
//! decides it, and only who may use the control socket can do it.

use std::path::PathBuf;
use std::time::Duration;

use domain::panel::{BOUNCE, Effect, Event, Panel};
use domain::time::Uptime;

use super::PanelError;
use super::link::{self, Job};
use crate::http::Client;

/// Does what a press of that length does; the sentence says what that was.
///
/// # Errors
/// When the server cannot be reached or says no.
pub(crate) fn press(socket: PathBuf, length: Duration) -> Result<&'static str, PanelError> {
    let client = Client::socket(socket)?;
    let heard = link::heard(&link::ask(&client, None)?);
    let effect = effect(Event::Server(heard.report), length);
    let (job, said) = match effect {
        Some(Effect::OpenClaimWindow) => (Job::OpenClaimWindow, "the claim window is open for two minutes"),
        Some(Effect::OpenRecoveryWindow) => (Job::OpenRecoveryWindow, "a recovery window is open for two minutes"),
        Some(
            Effect::RefuseRecoveryWindow
            | Effect::Confirm
            | Effect::ArmReset
            | Effect::BeginCountdown
            | Effect::CancelReset
            | Effect::FactoryReset,
        )
        | None => {
            let why = "this press opens nothing now: a tap claims a box without an owner, a hold lets an owner of a claimed one back in";
            return Err(PanelError::Refused(why.to_owned()));
        }
    };
    link::perform(&client, job)?;
    Ok(said)
}

/// What the machine makes of one press.
fn effect(server: Event, length: Duration) -> Option<Effect> {
    let pressed = Uptime::default();
    let released = pressed + length;
    let panel = Panel::new(false, pressed).step(server, pressed).0;
    let panel = panel.step(Event::Pressed, pressed).0.step(Event::Released, released).0;
    panel.step(Event::Tick, released + BOUNCE).1.into_iter().next()
}

#[cfg(test)]
mod tests {
    use domain::indicator::{Active, Indicator};
    use domain::panel::Report;

    use super::*;

    #[test]
    fn a_scripts_press_is_what_the_machine_makes_of_it() {
        let told = |active| Event::Server(Report { active, waiting: false });
        let (unclaimed, claimed) = (told(Active::NONE.with(Indicator::Unclaimed)), told(Active::NONE));
        let tap = Duration::from_millis(300);
        let hold = Duration::from_secs(5);
        assert_eq!(effect(unclaimed, tap), Some(Effect::OpenClaimWindow));
        assert_eq!(effect(claimed, tap), None);
        assert_eq!(effect(claimed, hold), Some(Effect::OpenRecoveryWindow));
        assert_eq!(effect(unclaimed, hold), None);
    }
}
