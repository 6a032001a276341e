//! What a factory reset is on this machine.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where a factory reset is asked for. Only an image knows how to make its data partition anew: root there waits for this file.
pub(super) struct Reset(Option<PathBuf>);

impl Reset {
    /// By that file, if there is somebody who waits for it.
    pub(super) fn by(file: Option<PathBuf>) -> Self {
        Self(file)
    }

    /// Asks for a factory reset; whether somebody was asked. Without anybody nothing is erased, and the journal says so.
    pub(super) fn request(&self) -> bool {
        let Some(file) = &self.0 else {
            tracing::error!(
                "a factory reset was asked for; it is not available on this machine, so nothing was erased"
            );
            return false;
        };
        match ask(file) {
            Ok(()) => tracing::warn!("everything is erased; the box starts again as a new one"),
            Err(error) => {
                let file = file.display();
                tracing::error!(%file, %error, "a factory reset cannot be asked for, so nothing was erased");
                return false;
            }
        }
        true
    }
}

fn ask(file: &Path) -> std::io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(file)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn where_nobody_waits_for_it_nothing_is_asked_for() {
        assert!(!Reset::by(None).request());
        assert!(!Reset::by(Some("/nowhere/factory-reset".into())).request());
    }

    #[test]
    fn an_empty_file_asks_for_it_and_asking_twice_is_asking_once() {
        let folder = Folder::new();
        let file = folder.path().join("factory-reset");
        let reset = Reset::by(Some(file.clone()));
        assert!(reset.request() && reset.request());
        assert_eq!(std::fs::read(file).unwrap(), b"");
    }
}
