//! A home with the box in it: what promises share. It is set up as far as a promise asks for, so that each can be tested alone,
//! and several can share one box that has come that far.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::children::{Said, bound, run};
use crate::deadline::Deadline;
use crate::failure::{Failure, Outcome, While, broken, ensure};
use crate::led::{Shown, decode};
use crate::random::Random;
use crate::rig::{NewCard, Rig, Service, Start, time_server};
use crate::web::{self, HOST};

/// From power to the first answer over TLS; the shared computer is slow, and a first boot grows the card.
const SERVES_WITHIN: Duration = Duration::from_secs(240);
const COMMAND_WITHIN: Duration = Duration::from_secs(60);
/// The owner of every house.
pub(crate) const OWNER: &str = "Mira Holm";

/// See the module.
pub(crate) struct Home {
    pub(crate) rig: Box<dyn Rig>,
    pub(crate) limit: Deadline,
    pub(crate) random: Random,
    pub(crate) start: Start,
    /// Of the card to begin with.
    pub(crate) card_bytes: Option<u64>,
    /// The image, beside which its bundles are.
    pub(crate) image: PathBuf,
    /// Of the soak: more of everything.
    pub(crate) soak: bool,
    /// A folder for what only this home needs; gone with it.
    pub(crate) folder: PathBuf,
    pub(crate) on_since: Option<Instant>,
    has_card: bool,
    watched: bool,
    notes: Vec<String>,
}

impl Home {
    /// A home with a box that is not unpacked yet.
    pub(crate) fn new(rig: Box<dyn Rig>, (image, folder): (PathBuf, PathBuf), random: Random) -> Outcome<Self> {
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder)?;
        let mut keygen = bound("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "hw-tests", "-f"]).arg(folder.join("key"));
        run(&mut keygen, b"", Deadline::within(COMMAND_WITHIN))?.good().while_("making an SSH key")?;
        Ok(Self {
            rig,
            limit: Deadline::within(COMMAND_WITHIN),
            random,
            start: Start::default(),
            card_bytes: None,
            image,
            soak: false,
            folder,
            on_since: None,
            has_card: false,
            watched: false,
            notes: Vec::new(),
        })
    }

    /// From now on nothing takes longer than that.
    pub(crate) fn set_limit(&mut self, limit: Deadline) {
        self.limit = limit;
        self.rig.set_limit(limit);
    }

    /// A figure to be shown beside the promise.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// The figures so far.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// What the owner wrote onto the card: a name, a key, who they are.
    pub(crate) fn latchkey_toml(&self) -> Outcome<String> {
        let key = fs::read_to_string(self.folder.join("key.pub"))?;
        Ok(format!(
            "host = \"{HOST}\"\nhouse = \"Holm\"\n[admin]\nssh_keys = [\"{}\"]\n[certificate]\nkind = \"own-ca\"\n[owner]\nname = \"{OWNER}\"\n",
            key.trim()
        ))
    }

    /// The box is on, from a new card if it never was.
    pub(crate) fn on(&mut self) -> Outcome {
        if self.on_since.is_some() {
            return Ok(());
        }
        if !self.has_card {
            let latchkey_toml = Some(self.latchkey_toml()?);
            self.rig.insert_card(&NewCard { bytes: self.card_bytes, latchkey_toml })?;
            self.has_card = true;
        }
        self.on_since = Some(Instant::now());
        self.rig.power_on(&self.start)
    }

    /// Pulls the plug.
    pub(crate) fn cut(&mut self) -> Outcome {
        (self.on_since, self.watched) = (None, false);
        self.rig.cut_power()
    }

    /// The box is on and answers over TLS.
    pub(crate) fn serving(&mut self) -> Outcome {
        self.on()?;
        self.serves_again("the box to serve")
    }

    /// It answers, soon.
    pub(crate) fn serves_again(&mut self, what: &str) -> Outcome {
        self.until(what, SERVES_WITHIN, |home| {
            // Asked each time: a box that is gone has no address.
            let (at, limit) = (home.https()?, home.limit);
            Ok(web::serves(at, limit)?.then_some(()))
        })
    }

    /// Where it is reached.
    pub(crate) fn https(&mut self) -> Outcome<SocketAddr> {
        self.rig.address(Service::Https)
    }

    /// A command of root's.
    pub(crate) fn root(&mut self, command: &str) -> Outcome<String> {
        // The time of the command begins when there is a shell.
        let limit = self.limit;
        self.rig.shell()?.say(command, limit.at_most(COMMAND_WITHIN))
    }

    /// A command of `latchkey` at the box, in JSON.
    pub(crate) fn latchkey(&mut self, words: &str) -> Outcome<Value> {
        // Remarks for people are not part of the answer, but of a refusal.
        let asked = format!("latchkey --output json {words} 2>/run/rig-said || {{ cat /run/rig-said; false; }}");
        let text = self.root(&asked)?;
        serde_json::from_str(&text).while_(&format!("latchkey {words} said {text:?}"))
    }

    /// A command over SSH, as `admin` with the key from the card.
    pub(crate) fn ssh(&mut self, command: &str, limit: Duration) -> Outcome<Said> {
        let key = self.folder.join("key");
        self.ssh_as("admin", &["-i", &key.display().to_string()], (command, limit))
    }

    /// As anybody.
    pub(crate) fn ssh_as(&mut self, user: &str, more: &[&str], (command, limit): (&str, Duration)) -> Outcome<Said> {
        let at = self.rig.address(Service::Ssh)?;
        let known = self.folder.join("known_hosts").display().to_string();
        let mut ssh = bound("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=20"]);
        // The box is who it was at first: a key that changes is refused.
        ssh.args([
            "-o",
            "StrictHostKeyChecking=accept-new",
            "-o",
            &format!("UserKnownHostsFile={known}"),
            "-o",
            "LogLevel=ERROR",
        ]);
        ssh.args(more).args(["-p", &at.port().to_string(), &format!("{user}@{}", at.ip()), command]);
        run(&mut ssh, b"", self.limit.at_most(limit))
    }

    /// The box is on, and somebody looks at its LED from as early on as there is a shell.
    pub(crate) fn watched(&mut self) -> Outcome {
        self.on()?;
        if !self.watched {
            self.rig.watch_led()?;
            self.watched = true;
        }
        Ok(())
    }

    /// The system of the box starts anew by itself.
    pub(crate) fn restarts(&mut self) {
        (self.on_since, self.watched) = (Some(Instant::now()), false);
        self.rig.expect_restart();
    }

    /// What the LED has said so far.
    pub(crate) fn shown(&mut self) -> Outcome<Vec<Shown>> {
        let (edges, now) = self.rig.led()?;
        Ok(decode(&edges, now))
    }

    /// Waits until the LED says that, and still does.
    pub(crate) fn led_says(&mut self, name: &str, within: Duration) -> Outcome {
        let limit = self.limit.at_most(within);
        let mut seen = Vec::new();
        let came = limit.until("", || {
            let (edges, now) = self.rig.led()?;
            seen = decode(&edges, now);
            // What was shown until a moment ago is what is shown; a state is told after a whole round of it.
            Ok(seen.last().filter(|last| last.name == name && now - last.until < 0.5).map(|_| ()))
        });
        came.map_err(|error| Failure::Broken(format!("the LED does not say {name} but {}{error}", story(&seen))))
    }

    /// The states that the box itself tells, the most urgent first.
    pub(crate) fn states(&mut self) -> Outcome<Vec<String>> {
        let status = self.latchkey("status")?;
        let states = status["states"].as_array().ok_or_else(|| Failure::Broken(format!("no states: {status}")))?;
        Ok(states.iter().filter_map(|state| state["name"].as_str().map(str::to_owned)).collect())
    }

    /// Whether the box tells that state among others.
    pub(crate) fn is(&mut self, state: &str) -> Outcome<bool> {
        Ok(self.states()?.iter().any(|told| told == state))
    }

    /// Lets it have the time: from a time server if this computer may be one, else from whoever is at the box.
    pub(crate) fn has_time(&mut self) -> Outcome {
        if self.latchkey("time")?["level"] == 2 {
            return Ok(());
        }
        if self.start.outside && time_server::runs() {
            return self.asks_time_server();
        }
        self.latchkey(&format!("time set {}", rfc3339(SystemTime::now()))).map(drop)
    }

    /// As if the router had named a time server: this computer.
    pub(crate) fn asks_time_server(&mut self) -> Outcome {
        self.root("mkdir -p /run/systemd/timesyncd.conf.d && printf '[Time]\\nNTP=10.0.2.2\\n' > /run/systemd/timesyncd.conf.d/rig.conf && systemctl restart systemd-timesyncd")?;
        self.until("the time of a time server", Duration::from_secs(60), |home| {
            Ok((home.latchkey("time")?["level"] == 2).then_some(()))
        })
    }

    /// Somebody owns it, made at the box if need be.
    pub(crate) fn claimed(&mut self) -> Outcome {
        self.serving()?;
        self.has_time()?;
        if !self.states()?.iter().any(|state| state == "unclaimed") {
            return Ok(());
        }
        self.latchkey("claim --here")?;
        // The card has named the owner, who may be known already.
        self.latchkey(&format!("person create mira --display-name '{OWNER}' --or-update"))?;
        self.latchkey("group add owners mira")?;
        Ok(())
    }

    /// Looks until there is something.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut look: impl FnMut(&mut Self) -> Outcome<Option<T>>,
    ) -> Outcome<T> {
        let limit = self.limit.at_most(within);
        limit.until(what, || look(self))
    }

    /// The system has come up, and no unit of it failed.
    pub(crate) fn is_well(&mut self) -> Outcome {
        let limit = self.limit;
        let state = self.rig.shell()?.ask("systemctl is-system-running --wait", limit.at_most(SERVES_WITHIN))?;
        let failed = self.root("systemctl --failed --no-legend --plain")?;
        if !failed.is_empty() {
            let names: Vec<&str> = failed.lines().filter_map(|line| line.split_whitespace().next()).collect();
            let why = self
                .root(&format!("journalctl --no-pager -q -n 30 -o cat -u {}", names.join(" -u ")))
                .unwrap_or_default();
            return broken(format!("these units failed: {}\n{why}", names.join(" ")));
        }
        ensure(state.text.trim() == "running", || format!("the system is {}", state.text.trim()))
    }

    /// What the box wrote down of itself, for whoever looks into a failure. If it can be asked at all.
    pub(crate) fn keep_journal(&mut self, file: &Path) {
        self.set_limit(Deadline::within(COMMAND_WITHIN));
        let asked = "systemctl --failed --no-legend --plain; ip -br addr; ss -tln; journalctl --no-pager -b -o short-monotonic -n 600";
        if let Ok(journal) = self.root(asked) {
            // Its place is told with the other logs; a full disk is told by everything else.
            drop(fs::write(file, journal));
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// What the LED said, in one line.
pub(crate) fn story(shown: &[Shown]) -> String {
    if shown.is_empty() {
        return "nothing that is in the table ".to_owned();
    }
    shown.iter().map(|shown| format!("{} ({:.1} to {:.1} s) ", shown.name, shown.from, shown.until)).collect()
}

/// A moment as `2026-12-24T18:00:00Z`.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .unwrap_or_default()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_people_of_the_internet_do() {
        let at = |seconds| rfc3339(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_827_696), "2000-02-29T12:34:56Z");
    }
}
