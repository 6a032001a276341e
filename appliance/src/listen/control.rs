//! The control socket: the command line's way in. The kernel says which user is at the other end.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use async_io::Async;

use crate::http::Peer;

/// The socket; the file of one that was made here goes away with it.
pub(crate) struct ControlSocket {
    listener: Async<UnixListener>,
    made: Made,
}

/// Who made the socket decides who is the console.
enum Made {
    /// The server, for its own user and root.
    Here { path: PathBuf, own_uid: u32 },
    /// systemd, for those whom the owner and the mode of its file let in: each of them is the console.
    Elsewhere,
}

impl ControlSocket {
    /// Makes the socket, for this user and root only.
    ///
    /// # Errors
    /// When another server listens there, or the file cannot be made.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        if UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another latchkey server is running"));
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let own_uid = rustix::process::geteuid().as_raw();
        Ok(Self { listener: Async::new(listener)?, made: Made::Here { path: path.to_owned(), own_uid } })
    }

    /// One that was handed over.
    ///
    /// # Errors
    /// When the kernel cannot watch it.
    pub(crate) fn handed(listener: UnixListener) -> io::Result<Self> {
        Ok(Self { listener: Async::new(listener)?, made: Made::Elsewhere })
    }

    pub(super) fn listener(&self) -> &Async<UnixListener> {
        &self.listener
    }

    /// Who is at the other end; `None` when the kernel does not say.
    pub(super) fn peer(&self, stream: &Async<UnixStream>) -> Option<Peer> {
        let uid = rustix::net::sockopt::socket_peercred(stream).ok()?.uid.as_raw();
        let console = match self.made {
            Made::Here { own_uid, .. } => uid == 0 || uid == own_uid,
            Made::Elsewhere => true,
        };
        Some(Peer::Control { uid, console })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if let Made::Here { path, .. } = &self.made {
            // Nothing to do about a failure: the next start removes the file.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn a_second_server_does_not_take_the_socket_away() {
        let folder = Folder::new();
        let path = folder.path().join("run").join("latchkey.sock");
        let first = ControlSocket::bind(&path).unwrap();
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(ControlSocket::bind(&path).err().unwrap().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(!path.exists());
    }

    #[test]
    fn the_socket_of_a_server_that_was_killed_is_replaced() {
        let folder = Folder::new();
        let path = folder.path().join("latchkey.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        ControlSocket::bind(&path).unwrap();
    }

    #[test]
    fn a_socket_that_was_handed_over_stays() {
        let folder = Folder::new();
        let path = folder.path().join("latchkey.sock");
        drop(ControlSocket::handed(UnixListener::bind(&path).unwrap()).unwrap());
        assert!(path.exists());
    }

    #[test]
    fn the_kernel_says_who_is_at_the_other_end() {
        let folder = Folder::new();
        let path = folder.path().join("latchkey.sock");
        let socket = ControlSocket::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        let (stream, _) = smol::block_on(socket.listener().accept()).unwrap();
        let uid = rustix::process::geteuid().as_raw();
        assert_eq!(socket.peer(&stream), Some(Peer::Control { uid, console: true }));
    }
}
