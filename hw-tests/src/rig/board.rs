//! A real box: serial adapters, a relay, two wires and a card writer, each reached by a device or a command of its owner's.
//! `board.toml.example` shows all of it, README.md the wires.

use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::card::Card;
use super::line::Line;
use super::qemu::edges;
use super::shell::Shell;
use super::write_log::WriteLog;
use super::{NewCard, Rig, Service, Start};
use crate::children::{Kept, bound, run};
use crate::deadline::Deadline;
use crate::failure::{Failure, Outcome, While, not_here};
use crate::led::Edge;

const SHELL_WITHIN: Duration = Duration::from_secs(120);
/// More than any sensible file.
const MAX_FILE: u64 = 64 << 10;

/// What the owner of the board wrote down; a key that is not known is an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the box is in the network.
    address: IpAddr,
    /// The adapter at the box's first serial line.
    console: PathBuf,
    /// The one at the line on which `systemd.debug_shell=` was put into the card's `cmdline.txt`.
    #[serde(default)]
    shell: Option<PathBuf>,
    power_on: String,
    power_off: String,
    /// Writes `$IMAGE` to the card, and `$LATCHKEY_TOML` onto its partition LATCHKEY, and puts it into the box.
    #[serde(default)]
    write_card: Option<String>,
    #[serde(default)]
    button_down: Option<String>,
    #[serde(default)]
    button_up: Option<String>,
    /// Writes a line `<seconds> <0 or 1>` whenever the LED changes.
    #[serde(default)]
    led_changes: Option<String>,
    #[serde(default)]
    usb_insert: Option<String>,
    #[serde(default)]
    usb_remove: Option<String>,
    #[serde(default)]
    network_on: Option<String>,
    #[serde(default)]
    network_off: Option<String>,
}

impl Config {
    /// Reads the file.
    pub(crate) fn load(path: &Path) -> Outcome<Self> {
        let size = fs::metadata(path).while_(&format!("{}", path.display()))?.len();
        if size > MAX_FILE {
            return not_here(format!("{} is longer than 64 KiB; is it the right file?", path.display()));
        }
        Self::parse(&fs::read_to_string(path)?).while_(&format!("{}", path.display()))
    }

    fn parse(text: &str) -> Outcome<Self> {
        Ok(toml::from_str(text)?)
    }
}

/// See the module.
pub(crate) struct Board {
    config: Config,
    image: PathBuf,
    logs: PathBuf,
    limit: Deadline,
    console: Option<Line>,
    shell: Option<Shell>,
    led: Option<(Kept, Line, String)>,
}

impl Board {
    /// The board as it stands there.
    pub(crate) fn new(config: Config, image: PathBuf, logs: PathBuf, limit: Deadline) -> Outcome<Self> {
        fs::create_dir_all(&logs)?;
        Ok(Self { config, image, logs, limit, console: None, shell: None, led: None })
    }

    fn does(&self, command: Option<&String>, what: &str, with: &[(&str, String)]) -> Outcome {
        let Some(command) = command else { return not_here(format!("this board has no command to {what}")) };
        let mut child = bound("sh");
        child.args(["-c", command]).envs(with.iter().map(|(name, value)| (name, value)));
        run(&mut child, b"", self.limit)?.good().while_(&format!("the command to {what}")).map(drop)
    }

    fn open(&self, name: &'static str, device: &Path) -> Outcome<Line> {
        let mut stty = bound("stty");
        stty.arg("-F").arg(device).args(["115200", "raw", "-echo", "clocal", "-crtscts"]);
        run(&mut stty, b"", self.limit)?.good().while_(&format!("the serial adapter {}", device.display()))?;
        let port = File::options().read(true).write(true).open(device)?;
        Line::new(name, port.try_clone()?, port, &self.logs.join(format!("{name}.log")))
    }
}

impl Rig for Board {
    fn set_limit(&mut self, limit: Deadline) {
        self.limit = limit;
    }

    fn insert_card(&mut self, new: &NewCard) -> Outcome {
        if new.bytes.is_none() {
            return not_here("a real card has the size that it has");
        }
        let file = self.logs.join("latchkey.toml");
        fs::write(&file, new.latchkey_toml.as_deref().unwrap_or_default())?;
        let with = [("IMAGE", self.image.display().to_string()), ("LATCHKEY_TOML", file.display().to_string())];
        self.does(self.config.write_card.as_ref(), "write a card", &with)
    }

    fn power_on(&mut self, start: &Start) -> Outcome {
        if start.clock.is_some() {
            return not_here("the clock of a board without a battery starts where the image says");
        }
        // The lines first, so that the first words are heard.
        if self.console.is_none() {
            self.console = Some(self.open("console", &self.config.console)?);
        }
        self.does(Some(&self.config.power_on), "switch the power on", &[])
    }

    fn cut_power(&mut self) -> Outcome {
        self.expect_restart();
        self.does(Some(&self.config.power_off), "cut the power", &[])
    }

    fn record_writes(&mut self, _partition: &str) -> Outcome<WriteLog> {
        not_here("what is written to a real card is not recorded")
    }

    fn program(&self, name: &str) -> Command {
        bound(name)
    }

    fn console(&mut self) -> Outcome<&mut Line> {
        self.console.as_mut().ok_or_else(|| Failure::Broken("the power was never on".to_owned()))
    }

    fn shell(&mut self) -> Outcome<&mut Shell> {
        let mut shell = match self.shell.take() {
            Some(shell) => shell,
            None => {
                let Some(device) = self.config.shell.clone() else {
                    return not_here("this board has no second serial line for a shell");
                };
                Shell::on(self.open("shell", &device)?)
            }
        };
        shell.open(self.limit.at_most(SHELL_WITHIN))?;
        Ok(self.shell.insert(shell))
    }

    fn expect_restart(&mut self) {
        self.shell = None;
    }

    fn press(&mut self, long: Duration) -> Outcome {
        self.hold(true)?;
        thread::sleep(long);
        self.hold(false)
    }

    fn hold(&mut self, held: bool) -> Outcome {
        let command = if held { &self.config.button_down } else { &self.config.button_up };
        self.does(command.as_ref(), "press the button", &[])
    }

    fn watch_led(&mut self) -> Outcome {
        let Some(command) = &self.config.led_changes else { return not_here("nothing looks at this board's LED") };
        let mut child = bound("sh");
        child.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut kept = Kept::start(&mut child)?;
        let out = kept.stdout().ok_or_else(|| Failure::Broken("no output".to_owned()))?;
        let line = Line::new("LED", out, std::io::sink(), &self.logs.join("led.log"))?;
        self.led = Some((kept, line, String::new()));
        Ok(())
    }

    fn led(&mut self) -> Outcome<(Vec<Edge>, f64)> {
        let Some((_, line, seen)) = &mut self.led else { return not_here("nobody looks at the LED") };
        seen.push_str(&line.take());
        // Whole lines only; the last change is the latest moment that is known for sure.
        let whole = &seen[..seen.rfind('\n').map_or(0, |end| end + 1)];
        let now = whole.lines().last().and_then(|line| line.split_once(' ')).map_or("0", |(at, _)| at);
        edges(&format!("{whole}{now}\n")).ok_or_else(|| Failure::Broken(format!("not understood: {whole}")))
    }

    fn address(&mut self, service: Service) -> Outcome<SocketAddr> {
        Ok(SocketAddr::new(self.config.address, service.port()))
    }

    fn insert_usb(&mut self, files: &[PathBuf]) -> Outcome {
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        self.does(self.config.usb_insert.as_ref(), "put a stick in", &[("FILES", files.join("\n"))])
    }

    fn remove_usb(&mut self) -> Outcome {
        self.does(self.config.usb_remove.as_ref(), "pull the stick", &[])
    }

    fn plug_network(&mut self, plugged: bool) -> Outcome {
        let command = if plugged { &self.config.network_on } else { &self.config.network_off };
        self.does(command.as_ref(), "plug the network", &[])
    }

    fn card(&mut self) -> Outcome<&Card> {
        not_here("the card of a board is not looked into from here")
    }

    fn last_words(&self) -> String {
        let console = self.console.as_ref().map(|line| line.last_lines(25)).unwrap_or_default();
        format!("    console:\n{console}\n    logs: {}", self.logs.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_whole_configuration() {
        let example = include_str!("../../board.toml.example");
        let config = Config::parse(example).unwrap();
        assert!(config.shell.is_some() && config.led_changes.is_some() && config.network_off.is_some());
    }

    #[test]
    fn a_key_that_is_not_known_is_refused() {
        assert!(Config::parse("adress = \"192.0.2.1\"").is_err());
        let few = "address = \"192.0.2.1\"\nconsole = \"/dev/ttyUSB0\"\npower_on = \"true\"\npower_off = \"true\"\n";
        assert!(Config::parse(few).unwrap().write_card.is_none());
        assert!(Config::parse(&format!("{few}relay = 3\n")).is_err());
    }
}
