//! The line to the person: a serial port, or the terminal that this program was started on.
//!
//! Reading and writing go over a descriptor of our own that never blocks, so that a cable that nobody reads from stops nothing.
//! The serial port crate sets the line (115200 8N1, raw) and keeps other programs away.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_io::Async;
use futures_lite::{AsyncReadExt, AsyncWriteExt, FutureExt};
use rustix::fs::{Mode, OFlags};
use serialport::{DataBits, FlowControl, Parity, StopBits, TTYPort};

use crate::system;

const BAUD: u32 = 115_200;
/// Whoever does not take a screen within this time gets no more of it.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// Columns of a terminal that cannot tell.
const USUAL_WIDTH: usize = 80;
/// Read at once.
const READ: usize = 256;

/// Where the person is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// At the other end of a serial cable.
    Serial(PathBuf),
    /// At the terminal of this program's input.
    Terminal,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(path) => path.display().fmt(f),
            Self::Terminal => f.write_str("the terminal of this program's input"),
        }
    }
}

/// An open line.
pub(super) struct Port {
    line: Async<File>,
    /// Held to keep others away; nothing is read or written through it.
    _settings: Option<TTYPort>,
    /// Whether what is typed has to be shown by us.
    pub(super) echo: bool,
    /// Columns.
    pub(super) width: usize,
}

impl Place {
    /// Opens the line.
    ///
    /// # Errors
    /// When it is not there, in use, or no line at all.
    pub(super) fn open(&self) -> io::Result<Port> {
        match self {
            Self::Serial(path) => {
                // First ours: nobody else can open it once it is kept.
                let line = open(path)?;
                Ok(Port { line, _settings: Some(keep(path)?), echo: true, width: USUAL_WIDTH })
            }
            Self::Terminal => {
                // Opened anew: not to block is a property that a shell would inherit from its own descriptor.
                let line = open(Path::new("/proc/self/fd/0"))?;
                if !rustix::termios::isatty(&line) {
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no terminal"));
                }
                let told = rustix::termios::tcgetwinsize(&line).map_or(0, |size| usize::from(size.ws_col));
                let width = if told == 0 { USUAL_WIDTH } else { told };
                Ok(Port { line, _settings: None, echo: false, width })
            }
        }
    }
}

fn open(path: &Path) -> io::Result<Async<File>> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Async::new(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

fn keep(path: &Path) -> io::Result<TTYPort> {
    let path = path.to_str().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8"))?;
    let port = serialport::new(path, BAUD)
        .data_bits(DataBits::Eight)
        .parity(Parity::None)
        .stop_bits(StopBits::One)
        .flow_control(FlowControl::None);
    Ok(port.open_native()?)
}

impl Port {
    /// What came, or nothing within that time.
    ///
    /// # Errors
    /// When the line is gone.
    pub(super) async fn read(&mut self, patience: Duration) -> io::Result<Option<Vec<u8>>> {
        let line = &mut self.line;
        let come = async {
            let mut bytes = vec![0; READ];
            match line.read(&mut bytes).await? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                count => {
                    bytes.truncate(count);
                    Ok(Some(bytes))
                }
            }
        };
        let late = async {
            system::after(patience).await;
            Ok(None)
        };
        come.or(late).await
    }

    /// Shows a text, as far as somebody takes it.
    ///
    /// # Errors
    /// When the line is gone.
    pub(super) async fn write(&mut self, text: &str) -> io::Result<()> {
        // A terminal that shows what is typed makes a return of every line feed as well.
        let text = if self.echo { text.replace('\n', "\r\n") } else { text.to_owned() };
        let line = &mut self.line;
        let late = async {
            system::after(WRITE_LIMIT).await;
            Ok(())
        };
        async { line.write_all(text.as_bytes()).await }.or(late).await
    }
}
