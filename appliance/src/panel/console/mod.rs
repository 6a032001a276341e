//! The console: a menu for whoever is at the box with a serial cable, or with a keyboard and a screen. Being there is the proof
//! of presence, so it needs no password; it is a client of the control socket like every other command.
//!
//! The line may be anything: unplugged and plugged in again, noise, a flood, nobody who reads. What is taken and shown in a
//! second is bounded, and nothing waits for ever.

mod desk;
mod line;
mod menu;
mod port;
mod screen;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::api::Time;
use crate::system::{self, SystemClock};

use super::PanelError;
use desk::{Desk, Facts};
use line::{Budget, Typed, Typing};
use menu::{Action, Menu};
use port::{Place, Port};

/// The serial port of a Pi, whatever it is called there.
pub(crate) const SERIAL: &str = "/dev/serial0";
/// Between two attempts at a line that is not there.
const PAUSE: Duration = Duration::from_millis(250);
/// Attempts at a line that is gone: for ten minutes.
const ATTEMPTS: u32 = 2400;
/// How often the banner is shown anew if it tells something else than before.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What the console is told.
pub(crate) struct Options {
    /// The server's control socket.
    pub(crate) socket: PathBuf,
    /// The serial port; absent for the terminal of this program's input.
    pub(crate) device: Option<PathBuf>,
    /// The program that restarts the box.
    pub(crate) restart: PathBuf,
}

/// Why the console ends.
#[derive(Debug)]
pub(crate) enum ConsoleError {
    /// The line was gone for too long, or is none.
    Line(String, io::Error),
    /// The control socket's address is wrong.
    Panel(PanelError),
}

impl fmt::Display for ConsoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(place, error) => write!(f, "the console cannot use {place}: {error}"),
            Self::Panel(error) => error.fmt(f),
        }
    }
}

/// Serves whoever is at the line, for as long as it is there or comes back.
///
/// # Errors
/// When the line is no line, or was gone for ten minutes.
pub(crate) fn run(options: Options) -> Result<(), ConsoleError> {
    let place = options.device.map_or(Place::Terminal, Place::Serial);
    let desk = Desk::new(options.socket).map_err(ConsoleError::Panel)?;
    async_io::block_on(async {
        let mut attempts = 0;
        loop {
            match place.open() {
                Ok(port) => {
                    let mut talk = Talk::new(port, &desk, &options.restart);
                    let Err(error) = talk.serve().await;
                    tracing::info!(%error, "the console's line is gone");
                    attempts = if talk.heard { 1 } else { attempts + 1 };
                }
                Err(error) if attempts >= ATTEMPTS || !may_come_back(&error) => {
                    return Err(ConsoleError::Line(place.to_string(), error));
                }
                Err(error) => {
                    if attempts <= 1 {
                        tracing::info!(%place, %error, "waiting for the console's line");
                    }
                    attempts += 1;
                }
            }
            system::after(PAUSE).await;
        }
    })
}

/// A cable that is pulled out comes back; a file that is no line does not.
fn may_come_back(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory)
        && error.raw_os_error() != Some(rustix::io::Errno::NOTTY.raw_os_error())
}

/// Nothing: a talk ends only with an error.
enum Never {}

/// A person at a line.
struct Talk<'a> {
    port: Port,
    desk: &'a Desk,
    restart: &'a Path,
    typing: Typing,
    menu: Menu,
    budget: Budget,
    shown: Facts,
    /// Whether anything was ever typed.
    heard: bool,
}

impl<'a> Talk<'a> {
    fn new(port: Port, desk: &'a Desk, restart: &'a Path) -> Self {
        let (typing, menu, budget) = (Typing::default(), Menu::Main, Budget::default());
        Self { port, desk, restart, typing, menu, budget, shown: Facts::default(), heard: false }
    }

    /// Until the line is gone.
    async fn serve(&mut self) -> Result<Never, io::Error> {
        self.banner().await?;
        loop {
            match self.port.read(LOOK_EVERY).await? {
                Some(bytes) => self.take(&bytes).await?,
                None => self.look().await?,
            }
        }
    }

    async fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.heard = true;
        let mut echo = String::new();
        for byte in bytes {
            match self.typing.take(*byte) {
                Typed::Nothing => {}
                Typed::Echo(text) => echo.push_str(text),
                Typed::Char(c) => echo.push(c),
                Typed::Line(line) => {
                    self.echo(&mut echo).await?;
                    self.line(&line).await?;
                }
                Typed::TooLong => {
                    self.echo(&mut echo).await?;
                    self.line("?").await?;
                }
            }
        }
        self.echo(&mut echo).await?;
        if let Some(rest) = self.budget.bytes(bytes.len(), SystemClock.uptime()) {
            system::after(rest).await;
        }
        Ok(())
    }

    async fn echo(&mut self, echo: &mut String) -> io::Result<()> {
        if self.port.echo && !echo.is_empty() {
            self.port.write(echo).await?;
        }
        echo.clear();
        Ok(())
    }

    /// A line was typed. Nobody types many in a second: what a flood brings is dropped.
    async fn line(&mut self, line: &str) -> io::Result<()> {
        if !self.budget.line(SystemClock.uptime()) {
            return Ok(());
        }
        let (menu, text, action) = std::mem::take(&mut self.menu).enter(line);
        self.menu = menu;
        let said = text + &self.act(action);
        let end = if self.port.echo { "\n" } else { "" };
        self.port.write(&format!("{end}{said}{}", self.menu.prompt())).await
    }

    fn act(&mut self, action: Action) -> String {
        let told = match action {
            Action::Nothing => return String::new(),
            Action::Banner => {
                self.shown = self.desk.facts();
                return screen::banner(&self.shown);
            }
            Action::Network => {
                return screen::network(&self.desk.facts(), &desk::interfaces(Path::new("/sys")));
            }
            Action::Status => self.desk.status().map(|status| screen::status(&status)),
            Action::Clock => self.desk.status().map(|status| screen::clock(&status)),
            Action::SetClock(typed) => match typed.parse::<Time>() {
                Ok(now) => self.desk.set_clock(now).map(|set| screen::clock_set(&set)),
                Err(_) => return "That is no time. Type it in UTC as in 2026-12-24T18:00:00Z.\n".to_owned(),
            },
            Action::Owners => self.desk.owners().map(|owners| {
                let (menu, text) = Menu::choose(owners);
                self.menu = menu;
                text
            }),
            Action::Recover(name) => {
                self.desk.recover(&name).map(|invite| screen::link(&name, &invite, self.port.width))
            }
            Action::Restart => return self.restart(),
        };
        told.unwrap_or_else(|error| screen::trouble(&error.to_string()))
    }

    fn restart(&self) -> String {
        let mut program = Command::new(self.restart);
        let started = program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        match started {
            Ok(_) => {
                tracing::warn!("a restart was asked for at the console");
                "The box restarts.\n".to_owned()
            }
            Err(error) => screen::trouble(&format!("{}: {error}", self.restart.display())),
        }
    }

    async fn banner(&mut self) -> io::Result<()> {
        self.shown = self.desk.facts();
        let text = screen::banner(&self.shown) + self.menu.prompt();
        self.port.write(&text).await
    }

    /// Shows the banner anew if it tells something else, and nobody is in the middle of something.
    async fn look(&mut self) -> io::Result<()> {
        if self.menu != Menu::Main || !self.typing.is_empty() {
            return Ok(());
        }
        let facts = self.desk.facts();
        if facts == self.shown {
            return Ok(());
        }
        self.banner().await
    }
}
