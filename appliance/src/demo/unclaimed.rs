//! `latchkey demo --unclaimed`: a box that was just flashed. This terminal is its front panel: Enter is a tap of the button.

use std::io::{self, BufRead, Write};
use std::thread;

use domain::permission::Actor;
use domain::presence::WindowKind;
use service::{Context, Origin};

use super::DemoError;
use crate::config::Config;
use crate::serve::{Desk, ServeError};

/// The stack of the thread that waits for Enter.
const STACK: usize = 64 << 10;

/// Says what to do, and lets Enter be the button.
pub(super) fn welcome(config: &Config, desk: &Desk, out: &mut dyn Write) -> Result<(), DemoError> {
    let text = words(config, desk)?;
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(DemoError::Output)?;
    let desk = desk.clone();
    let waiting = thread::Builder::new().name("button".to_owned()).stack_size(STACK).spawn(move || button(&desk));
    waiting.map(drop).map_err(|error| DemoError::Serve(ServeError::Threads(error)))
}

fn words(config: &Config, desk: &Desk) -> Result<String, DemoError> {
    let house = desk.house();
    if desk.claimed() {
        let kept = config.data_dir.display();
        return Ok(format!(
            "\nThis box has an owner: {}\nIt is kept in {kept} (--fresh starts over).\n\nCtrl-C stops it.\n",
            house.issuer()
        ));
    }
    let console = Context::new(Actor::Console, desk.moment(), Origin::default());
    let code = desk.operate(move |idp| idp.presence_code(&console));
    let code = code.map_err(|_| DemoError::Unexpected("the server is busy before it began".to_owned()))??;
    let program = std::env::current_exe().map_or_else(|_| "latchkey".to_owned(), |path| path.display().to_string());
    let plain = config.plain_addresses().first().map_or_else(String::new, |address| {
        format!("\nWhat its port 80 would say is on http://localhost:{}\n", address.port())
    });
    Ok(format!(
        "\nNobody owns this Latchkey yet. Open\n\n  {}/setup\n\n\
         in a browser on this computer (\"Advanced\", then \"Proceed to localhost\": the demo made its certificate itself),\n\
         and press Enter here when the page asks for the button. Without a button, this code does the same: {}\n\n\
         From another terminal, see its LED, and manage it:\n\n\
         \x20 export LATCHKEY_SOCKET={}\n  {program} panel --keys\n  {program} status\n{plain}\nCtrl-C stops it.\n",
        house.issuer(),
        code.expose(),
        config.socket().display()
    ))
}

/// Each line is a tap, until nobody types any more.
fn button(desk: &Desk) {
    for line in io::stdin().lock().lines() {
        if line.is_err() {
            return;
        }
        let console = Context::new(Actor::Console, desk.moment(), Origin::default());
        match desk.operate(move |idp| idp.open_window(&console, WindowKind::Claim)) {
            Ok(Ok(())) => tracing::warn!("the button was tapped: the page in the browser goes on within two minutes"),
            Ok(Err(why)) => tracing::warn!(?why, "the button was tapped"),
            Err(_) => tracing::warn!("the button was tapped, but the server is busy"),
        }
    }
}
