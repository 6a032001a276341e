//! Sockets that systemd opened and hands over (sd_listen_fds(3)): a server that binds nothing itself needs no capability, and nobody is
//! turned away while it starts.
//!
//! Their names (`FileDescriptorName=`) say what they are for: `https`, `http` and `control`. What is not handed over is opened as the
//! configuration says. Each use gets a copy, so that the page of a fault and the house after it are served from the same sockets.

use std::env;
use std::fmt;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;

/// More than any unit has.
const MOST: usize = 16;

/// What was handed over.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    https: Vec<TcpListener>,
    http: Vec<TcpListener>,
    control: Option<UnixListener>,
}

impl Handed {
    /// Takes what this process was given, and the words about it out of its environment. Once, before there are threads.
    ///
    /// # Errors
    /// When there is something else than listening sockets of the known names.
    pub(crate) fn from_environment() -> Result<Self, HandedError> {
        let word = |name| env::var(name).ok();
        let names = promised(
            [word("LISTEN_PID").as_deref(), word("LISTEN_FDS").as_deref(), word("LISTEN_FDNAMES").as_deref()],
            std::process::id(),
        );
        let mut given = ListenFd::from_env();
        let mut handed = Self::default();
        for (index, name) in names?.into_iter().enumerate() {
            handed.take(&mut given, index, &name).map_err(|error| HandedError(format!("{name}: {error}")))?;
        }
        Ok(handed)
    }

    fn take(&mut self, given: &mut ListenFd, index: usize, name: &str) -> io::Result<()> {
        match name {
            "https" => self.https.extend(given.take_tcp_listener(index)?.map(listening).transpose()?),
            "http" => self.http.extend(given.take_tcp_listener(index)?.map(listening).transpose()?),
            "control" if self.control.is_some() => return Err(strange("there may be one of that name")),
            "control" => self.control = given.take_unix_listener(index)?.map(listening).transpose()?,
            _ => return Err(strange("the names are https, http and control (FileDescriptorName=)")),
        }
        Ok(())
    }

    /// For HTTPS; `None` where none was handed over.
    pub(crate) fn https(&self) -> io::Result<Option<Vec<TcpListener>>> {
        copies(&self.https)
    }

    /// For the trust page; `None` where none was handed over.
    pub(crate) fn http(&self) -> io::Result<Option<Vec<TcpListener>>> {
        copies(&self.http)
    }

    /// The control socket; `None` where none was handed over.
    pub(crate) fn control(&self) -> io::Result<Option<UnixListener>> {
        self.control.as_ref().map(UnixListener::try_clone).transpose()
    }
}

fn copies(listeners: &[TcpListener]) -> io::Result<Option<Vec<TcpListener>>> {
    let copies = listeners.iter().map(TcpListener::try_clone).collect::<Result<Vec<_>, _>>()?;
    Ok((!copies.is_empty()).then_some(copies))
}

/// A socket that is connected, or only bound, would look as if nobody ever came.
fn listening<S: AsFd>(socket: S) -> io::Result<S> {
    if rustix::net::sockopt::socket_acceptconn(&socket)? { Ok(socket) } else { Err(strange("it does not listen")) }
}

fn strange(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// The names of what is said to be there, from the values of `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`. What was meant for another
/// process is none.
fn promised([pid, count, names]: [Option<&str>; 3], own: u32) -> Result<Vec<String>, HandedError> {
    let Some(count) = count else { return Ok(Vec::new()) };
    let wrong = |what: &str, value: &str| HandedError(format!("{what}={value:?} is nothing that systemd says"));
    let pid = pid.unwrap_or_default();
    if pid.parse::<u32>().map_err(|_| wrong("LISTEN_PID", pid))? != own {
        return Ok(Vec::new());
    }
    let number = count.parse::<usize>().ok().filter(|count| *count <= MOST);
    let number = number.ok_or_else(|| wrong("LISTEN_FDS", count))?;
    let names: Vec<String> = names.unwrap_or_default().split(':').map(str::to_owned).collect();
    match number {
        0 => Ok(Vec::new()),
        _ if names.len() == number => Ok(names),
        _ => Err(HandedError(format!("LISTEN_FDS={number}, but LISTEN_FDNAMES has other than {number} names"))),
    }
}

/// What was handed over cannot be used.
#[derive(Debug)]
pub struct HandedError(String);

impl fmt::Display for HandedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a socket that systemd hands over cannot be used: {}", self.0)
    }
}

impl std::error::Error for HandedError {}

impl From<io::Error> for HandedError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_and_what_was_said_to_another_process_is_nothing() {
        for said in [
            [None, None, None],
            [Some("7"), Some("2"), Some("https:http")],
            [Some("8"), None, Some("https")],
            [Some("8"), Some("0"), None],
        ] {
            assert_eq!(promised(said, 8).unwrap(), Vec::<String>::new(), "{said:?}");
        }
        assert_eq!(promised([Some("8"), Some("2"), Some("https:control")], 8).unwrap(), ["https", "control"]);
    }

    #[test]
    fn wrong_values_are_refused() {
        for said in [
            [None, Some("1"), Some("https")],
            [Some(""), Some("1"), Some("https")],
            [Some("eight"), Some("1"), Some("https")],
            [Some("8"), Some(""), Some("https")],
            [Some("8"), Some("-1"), Some("https")],
            [Some("8"), Some("4000000000"), Some("https")],
            [Some("8"), Some("2"), Some("https")],
            [Some("8"), Some("2"), None],
            [Some("8"), Some("1"), Some("https:http")],
        ] {
            assert!(promised(said, 8).is_err(), "{said:?}");
        }
    }

    #[test]
    fn a_socket_that_does_not_listen_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connected = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(listening(connected).is_err());
        assert!(listening(listener).is_ok());
    }

    #[test]
    fn the_same_sockets_are_given_again_and_again() {
        let https = vec![TcpListener::bind("127.0.0.1:0").unwrap()];
        let address = https[0].local_addr().unwrap();
        let handed = Handed { https, ..Handed::default() };
        for _ in 0..2 {
            let copies = handed.https().unwrap().unwrap();
            assert_eq!(copies[0].local_addr().unwrap(), address);
        }
        assert!(handed.http().unwrap().is_none() && handed.control().unwrap().is_none());
    }
}
