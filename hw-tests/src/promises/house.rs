//! People: the first owner, somebody who is invited, and an admin from afar.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::panel::tap_opens_the_window;
use crate::children::{Kept, bound};
use crate::deadline::Deadline;
use crate::failure::{Failure, Outcome, While, broken, ensure, not_here};
use crate::home::{Home, OWNER};
use crate::rig::line::Line;
use crate::web::HOST;

/// A browser, against an emulated board.
const BROWSER_WITHIN: Duration = Duration::from_secs(180);

pub(crate) fn moves_in(home: &mut Home) -> Outcome {
    home.watched()?;
    home.serving()?;
    home.has_time()?;
    let new = home.states()?.contains(&"unclaimed".to_owned());
    let at = home.https()?;
    if new {
        let mut browser = Browser::start(home, "claim", &[OWNER], at)?;
        browser.says("tap please", home.limit)?;
        tap_opens_the_window(home)?;
        browser.line.send("go on\n")?;
        browser.says("done", home.limit)?;
        let members = home.latchkey("group members owners")?.to_string();
        ensure(members.contains("\"mira\""), || format!("the owners are {members}"))?;
    }
    home.led_says("healthy", Duration::from_secs(45))?;
    home.latchkey("person create jonas --display-name 'Jonas Holm' --or-update")?;
    let invite = home.latchkey("person invite jonas")?;
    let link = invite["url"].as_str().ok_or_else(|| Failure::Broken(format!("no link: {invite}")))?.to_owned();
    let callback = "http://127.0.0.1/callback";
    let app = home.latchkey(&format!("app create notes --redirect-uri {callback} --allow everyone"))?;
    let secret = app["client_secret"].as_str().ok_or_else(|| Failure::Broken(format!("no secret: {app}")))?.to_owned();
    let mut browser = Browser::start(home, "move-in", &[&link, "notes", &secret, callback], at)?;
    browser.says("done", home.limit)?;
    home.note("Chromium made a passkey, openid-client took the tokens");
    Ok(())
}

pub(crate) fn ssh(home: &mut Home) -> Outcome {
    home.serving()?;
    let within = Duration::from_secs(40);
    home.until("SSH to let the admin in", Duration::from_secs(120), |home| {
        Ok(home.ssh("true", within)?.status.success().then_some(()))
    })?;
    let said = home.ssh("id -un; latchkey status --output json", within)?.good()?;
    let (user, status) = said.split_once('\n').unwrap_or_default();
    let status: serde_json::Value = serde_json::from_str(status).while_("latchkey status over SSH")?;
    let issuer = format!("https://{HOST}");
    ensure(user == "admin" && status["issuer"] == issuer.as_str(), || said.clone())?;
    let key = home.folder.join("key").display().to_string();
    let refused: [(&str, &[&str]); 3] =
        [("root", &["-i", &key]), ("admin", &["-o", "PubkeyAuthentication=no"]), ("latchkey", &["-i", &key])];
    for (user, options) in refused {
        let said = home.ssh_as(user, options, ("true", within))?;
        ensure(!said.status.success() && said.err.contains("ermission denied"), || {
            format!("{user}@ got in: {said:?}")
        })?;
    }
    // The way in is the key alone: the box offers no password to try.
    let said = home.ssh_as("admin", &["-o", "PubkeyAuthentication=no"], ("true", within))?;
    ensure(said.err.contains("(publickey)"), || format!("it offers more than keys: {}", said.err))?;
    let groups = home.ssh("id -Gn; sudo -n true 2>&1; test -r /data/latchkey/latchkey.db && echo READS", within)?;
    ensure(!groups.out.contains("READS"), || format!("admin reads the database: {}", groups.out))
}

/// Chromium and an app, in a script of their own; they say line by line how far they are.
struct Browser {
    _kept: Kept,
    line: Line,
}

impl Browser {
    fn start(home: &Home, what: &str, words: &[&str], at: SocketAddr) -> Outcome<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        if !folder.join("../appliance/tests/node_modules/playwright-core").exists() {
            return not_here("the npm packages of appliance/tests are not installed (npm ci --prefix appliance/tests)");
        }
        let mut node = bound("node");
        node.arg(folder.join("browser/household.mjs")).arg(what).args(words);
        node.env("BOX_HOST", HOST).env("BOX_ADDRESS", at.ip().to_string()).env("BOX_PORT", at.port().to_string());
        node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut kept = Kept::start(&mut node)?;
        let (Some(out), Some(input)) = (kept.stdout(), kept.stdin()) else { return broken("the browser has no lines") };
        let line = Line::new("browser", out, input, &home.folder.join(format!("{what}.log")))?;
        Ok(Self { _kept: kept, line })
    }

    fn says(&mut self, words: &str, limit: Deadline) -> Outcome {
        match self.line.wait_for(&format!("{words}\n"), limit.at_most(BROWSER_WITHIN)) {
            Ok(_) => Ok(()),
            Err(error) => broken(format!("the browser: {error}")),
        }
    }
}
