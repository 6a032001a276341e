//! The programs of the host: those of the image's own tool root, a Debian root folder, or the host's where they are new enough.
//!
//! A program of the tool root is run by the loader of that root with that root's libraries. That needs neither root nor a mount
//! namespace, paths are the host's paths, and the id of the process is the program's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::children::{bound, run};
use crate::deadline::Deadline;
use crate::failure::{Outcome, While, not_here};

/// The first QEMU whose `virt` board shows the guest a second serial port.
const OLDEST_QEMU: (u32, u32) = (9, 1);
const U_BOOT: &str = "usr/lib/u-boot/qemu_arm64/u-boot.bin";
const SOON: Duration = Duration::from_secs(60);

/// Where programs are.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    root: Option<PathBuf>,
}

impl Tools {
    /// Those of that root if it is there; else the host's, if its QEMU is new enough.
    pub(crate) fn find(root: &Path) -> Outcome<Self> {
        if root.join("usr/bin/qemu-system-aarch64").exists() {
            return Ok(Self { root: Some(root.canonicalize()?) });
        }
        let host = Self { root: None };
        let version = host.say(host.command("qemu-system-aarch64").arg("--version")).unwrap_or_default();
        match version_of(&version) {
            Some(version) if version >= OLDEST_QEMU => Ok(host),
            Some(_) | None => not_here(format!(
                "no QEMU 9.1 or newer: {} has none, and this machine says {:?}",
                root.display(),
                version.lines().next().unwrap_or("that it has none")
            )),
        }
    }

    /// The command that runs a program of ours; it ends with the thread that starts it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let Some(root) = &self.root else { return bound(program) };
        let mut command = bound(root.join("lib64/ld-linux-x86-64.so.2"));
        let libraries = ["usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/pulseaudio", "usr/lib"];
        let libraries: Vec<String> = libraries.iter().map(|folder| root.join(folder).display().to_string()).collect();
        let folders = ["usr/bin", "usr/sbin"].map(|folder| root.join(folder).join(program));
        let file = folders.iter().find(|file| file.exists()).unwrap_or(&folders[0]);
        command.args(["--library-path", &libraries.join(":")]).arg(file);
        if program.starts_with("qemu-system") {
            command.arg("-L").arg(root.join("usr/share/qemu"));
        }
        command
    }

    /// U-Boot for the `virt` board.
    pub(crate) fn u_boot(&self) -> PathBuf {
        self.root.as_deref().unwrap_or(Path::new("/")).join(U_BOOT)
    }

    /// Runs a short command and gives what it said, if it ended well.
    pub(crate) fn say(&self, command: &mut Command) -> Outcome<String> {
        run(command, b"", Deadline::within(SOON))?.good()
    }

    /// A device tree, changed by `fdtput` with these options and words, one call each.
    pub(crate) fn edit(&self, tree: &Path, edits: &[(&str, Vec<String>)]) -> Outcome {
        for (options, words) in edits {
            let mut command = self.command("fdtput");
            command.args(options.split_whitespace()).arg(tree).args(words);
            self.say(&mut command).while_(&format!("changing the device tree ({})", words.join(" ")))?;
        }
        Ok(())
    }
}

/// `QEMU emulator version 10.0.13 (Debian ...)` as (10, 0).
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split("version ").nth(1)?.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_qemu_is_read() {
        assert_eq!(version_of("QEMU emulator version 10.0.13 (Debian 1:10.0)\n"), Some((10, 0)));
        assert_eq!(version_of("QEMU emulator version 7.2.22"), Some((7, 2)));
        assert_eq!(version_of("bash: not found"), None);
    }
}
