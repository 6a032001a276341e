//! The emulated box: QEMU, which boots the image itself.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::card::Card;
use super::line::Line;
use super::machine::{Machine, Parts, forwarded};
use super::qmp::Qmp;
use super::shell::Shell;
use super::tools::Tools;
use super::write_log::WriteLog;
use super::{NewCard, Rig, Service, Start};
use crate::children::Kept;
use crate::deadline::Deadline;
use crate::failure::{Failure, Outcome, While, broken, not_here};
use crate::led::Edge;

/// QEMU connects to us at once, unless its computer is busy.
const SOON: Duration = Duration::from_secs(60);
/// Until the system has a shell, from the moment of power; an emulated board that shares its computer is slow.
const SHELL_WITHIN: Duration = Duration::from_secs(240);
/// What a command of the rig itself may take.
const COMMAND_WITHIN: Duration = Duration::from_secs(60);
/// The longest path of a socket, near enough.
const LONGEST_SOCKET: usize = 90;

/// See the module.
pub(crate) struct Qemu {
    machine: Machine,
    tools: Tools,
    image: PathBuf,
    /// Card, device tree and sockets; gone with the rig.
    folder: PathBuf,
    logs: PathBuf,
    limit: Deadline,
    card: Option<Card>,
    /// What is kept of the writes to the card.
    writes: Option<WriteLog>,
    guest: Option<Guest>,
}

/// What there is while the power is on.
struct Guest {
    qemu: Kept,
    qmp: Qmp,
    console: Line,
    shell: Shell,
    sticks: u32,
}

/// What the rigs of a run have in common.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) tools: Tools,
    pub(crate) image: PathBuf,
    pub(crate) logs: PathBuf,
}

impl Qemu {
    /// A box without a card. `name` tells its logs from those of others.
    pub(crate) fn new(machine: Machine, bench: &Bench, name: &str, limit: Deadline) -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("latchkey-hw-{}-{name}", std::process::id()));
        if folder.as_os_str().len() > LONGEST_SOCKET {
            return not_here(format!("{} is too long a path for sockets; set TMPDIR", folder.display()));
        }
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder)?;
        let logs = bench.logs.join(name);
        drop(fs::remove_dir_all(&logs));
        fs::create_dir_all(&logs)?;
        let (tools, image) = (bench.tools.clone(), bench.image.clone());
        Ok(Self { machine, tools, image, folder, logs, limit, card: None, writes: None, guest: None })
    }

    /// The device tree and U-Boot for this board.
    fn boot_files(&self) -> Outcome<(PathBuf, PathBuf)> {
        let tree = self.folder.join("tree.dtb");
        let Some(name) = self.machine.tree() else {
            let mut command = self.tools.command("qemu-system-aarch64");
            command.args(["-nodefaults", "-display", "none", "-serial", "null", "-serial", "null"]);
            command.arg("-machine").arg(format!("{},dumpdtb={}", self.machine.name(), tree.display()));
            // With its firmware: `virt` is another machine without.
            command.args(self.machine.board()).arg("-bios").arg(self.tools.u_boot());
            self.tools.say(&mut command).while_("asking QEMU for its device tree")?;
            self.tools.edit(&tree, &self.machine.edits(&self.machine.kernel_words("")))?;
            return Ok((tree, self.tools.u_boot()));
        };
        let card = self.inserted()?;
        let (u_boot, cmdline) = (self.folder.join("u-boot.bin"), self.folder.join("cmdline.txt"));
        card.take(&self.tools, ("firmware", name), &tree)?;
        card.take(&self.tools, ("firmware", "u-boot.bin"), &u_boot)?;
        card.take(&self.tools, ("firmware", "cmdline.txt"), &cmdline)?;
        let words = self.machine.kernel_words(&fs::read_to_string(&cmdline)?);
        self.tools.edit(&tree, &self.machine.edits(&words))?;
        Ok((tree, u_boot))
    }

    fn inserted(&self) -> Outcome<&Card> {
        self.card.as_ref().ok_or_else(|| Failure::Broken("there is no card in the box".to_owned()))
    }

    fn guest(&mut self) -> Outcome<&mut Guest> {
        self.guest.as_mut().ok_or_else(|| Failure::Broken("the power is off".to_owned()))
    }

    fn listen(&self, name: &str) -> Outcome<UnixListener> {
        let path = self.folder.join(name);
        drop(fs::remove_file(&path));
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    fn line(&self, name: &'static str, stream: &UnixStream) -> Outcome<Line> {
        Line::new(name, stream.try_clone()?, stream.try_clone()?, &self.logs.join(format!("{name}.log")))
    }

    /// A command of the rig itself.
    fn say(&mut self, command: &str) -> Outcome<String> {
        let limit = self.limit;
        self.shell()?.say(command, limit.at_most(COMMAND_WITHIN))
    }
}

/// The next one who connects, unless QEMU ends before.
fn accept(listener: &UnixListener, qemu: &mut Kept, log: &Path) -> Outcome<UnixStream> {
    Deadline::within(SOON).until("QEMU to connect", || {
        if let Some(status) = qemu.ended()? {
            return broken(format!("QEMU ended with {status}: {}", fs::read_to_string(log).unwrap_or_default()));
        }
        let Ok((stream, _)) = listener.accept() else { return Ok(None) };
        stream.set_nonblocking(false)?;
        Ok(Some(stream))
    })
}

impl Rig for Qemu {
    fn set_limit(&mut self, limit: Deadline) {
        self.limit = limit;
    }

    fn insert_card(&mut self, new: &NewCard) -> Outcome {
        self.guest = None;
        (self.card, self.writes) = (None, None);
        let mut bytes = new.bytes;
        if self.machine == Machine::Raspi3b {
            // Its card slot takes powers of two only.
            bytes = Some(bytes.unwrap_or(fs::metadata(&self.image)?.len()).next_power_of_two());
        }
        let card = Card::write(&self.image, self.folder.join("card.img"), bytes, self.limit)?;
        if let Some(text) = &new.latchkey_toml {
            card.put(&self.tools, ("LATCHKEY", "latchkey.toml"), text)?;
        }
        self.card = Some(card);
        Ok(())
    }

    fn power_on(&mut self, start: &Start) -> Outcome {
        self.guest = None;
        let (tree, u_boot) = self.boot_files()?;
        let listeners = (self.listen("console")?, self.listen("shell")?);
        // One log is of one start.
        let writes = self.writes.take();
        let parts = Parts {
            card: self.inserted()?.path(),
            writes: writes.as_ref().map(WriteLog::path),
            tree: &tree,
            u_boot: &u_boot,
            sockets: &self.folder,
        };
        let mut command = self.tools.command("qemu-system-aarch64");
        command.args(self.machine.arguments(&parts, start));
        let log = self.logs.join("qemu.log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log)?);
        let mut qemu = Kept::start(&mut command)?;
        let console = accept(&listeners.0, &mut qemu, &log)?;
        let shell = accept(&listeners.1, &mut qemu, &log)?;
        // A word to its monitor is lost while QEMU sets itself up; it has when the board says something.
        let mut console = self.line("console", &console)?;
        console.wait_for("U-Boot", Deadline::within(SOON))?;
        let mut shell = self.line("shell", &shell)?;
        if self.machine == Machine::Raspi3b {
            // There the first line is the shell's, and the other stays silent. U-Boot takes whatever is typed for a wish to stop it.
            console.wait_for("Starting kernel", self.limit.at_most(SHELL_WITHIN))?;
            std::mem::swap(&mut console, &mut shell);
        }
        let qmp = Qmp::open(&self.folder.join("qmp"))?;
        self.guest = Some(Guest { qemu, qmp, console, shell: Shell::on(shell), sticks: 0 });
        Ok(())
    }

    fn cut_power(&mut self) -> Outcome {
        // What QEMU has handed to this computer's kernel stays: a card that keeps what it has taken.
        if let Some(guest) = self.guest.take() {
            guest.qemu.kill();
        }
        Ok(())
    }

    fn record_writes(&mut self, partition: &str) -> Outcome<WriteLog> {
        if self.machine == Machine::Raspi3b {
            return not_here("the card slot of the emulated Pi has no place for a recorder");
        }
        let card = self.inserted()?;
        let log = WriteLog::begin(card.path(), card.partition(partition)?, &self.folder)?;
        self.writes = Some(log.clone());
        Ok(log)
    }

    fn program(&self, name: &str) -> Command {
        self.tools.command(name)
    }

    fn console(&mut self) -> Outcome<&mut Line> {
        let board = self.machine;
        let guest = self.guest()?;
        match board {
            Machine::Raspi3b => not_here("the only serial line of the emulated Pi is the shell's"),
            Machine::Virt => Ok(&mut guest.console),
        }
    }

    fn shell(&mut self) -> Outcome<&mut Shell> {
        let limit = self.limit.at_most(SHELL_WITHIN);
        let shell = &mut self.guest()?.shell;
        if shell.open(limit).while_("opening a shell on the box")? {
            for words in HELPERS {
                shell.say(words, limit).inspect_err(|_| shell.expect_another())?;
            }
        }
        Ok(shell)
    }

    fn expect_restart(&mut self) {
        if let Some(guest) = &mut self.guest {
            guest.shell.expect_another();
        }
    }

    fn press(&mut self, long: Duration) -> Outcome {
        let seconds = long.as_secs_f64();
        let limit = self.limit;
        let press = format!("rig_pull down; sleep {seconds}; rig_pull up");
        self.shell()?.say(&press, limit.at_most(COMMAND_WITHIN + long)).map(drop)
    }

    fn hold(&mut self, held: bool) -> Outcome {
        self.say(if held { "rig_pull down" } else { "rig_pull up" }).map(drop)
    }

    fn watch_led(&mut self) -> Outcome {
        for line in WATCH {
            self.say(line)?;
        }
        Ok(())
    }

    fn led(&mut self) -> Outcome<(Vec<Edge>, f64)> {
        let text = self.say("cat /run/rig-led; cut -d' ' -f1 /proc/uptime")?;
        edges(&text).ok_or_else(|| Failure::Broken(format!("the samples of the LED are not understood: {text}")))
    }

    fn address(&mut self, service: Service) -> Outcome<SocketAddr> {
        let table = self.guest()?.qmp.ask_in_words("info usernet")?;
        let port = forwarded(&table, service.port());
        let port = port.ok_or_else(|| Failure::Broken(format!("{service:?} is not forwarded: {table}")))?;
        Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    fn insert_usb(&mut self, files: &[PathBuf]) -> Outcome {
        let stick = self.folder.join("stick.img");
        let mut bytes = 8 << 20;
        for file in files {
            bytes += fs::metadata(file)?.len();
        }
        // A FAT32 needs a certain size.
        let mebibytes = ((bytes * 21 / 20) >> 20).max(64);
        drop(fs::remove_file(&stick));
        fs::File::create(&stick)?.set_len(mebibytes << 20)?;
        self.tools.say(self.tools.command("mformat").args(["-F", "-v", "STICK", "-i"]).arg(&stick).arg("::"))?;
        for file in files {
            self.tools.say(self.tools.command("mcopy").arg("-i").arg(&stick).arg(file).arg("::/"))?;
        }
        let path = stick.display().to_string();
        let guest = self.guest()?;
        guest.sticks += 1;
        let (drive, id) = (format!("drive{}", guest.sticks), format!("stick{}", guest.sticks));
        guest.qmp.ask(
            "blockdev-add",
            &json!({
                "driver": "raw", "node-name": drive, "file": { "driver": "file", "filename": path, "locking": "off" },
            }),
        )?;
        guest.qmp.ask("device_add", &json!({ "driver": "usb-storage", "id": id, "drive": drive, "bus": "usb.0" }))?;
        Ok(())
    }

    fn remove_usb(&mut self) -> Outcome {
        let guest = self.guest()?;
        let id = format!("stick{}", guest.sticks);
        guest.qmp.ask("device_del", &json!({ "id": id })).map(drop)
    }

    fn plug_network(&mut self, plugged: bool) -> Outcome {
        self.guest()?.qmp.ask("set_link", &json!({ "name": "nic", "up": plugged })).map(drop)
    }

    fn card(&mut self) -> Outcome<&Card> {
        self.inserted()
    }

    fn last_words(&self) -> String {
        let Some(guest) = &self.guest else { return "    the power is off".to_owned() };
        format!(
            "    console:\n{}\n    shell:\n{}\n    logs: {}",
            guest.console.last_lines(25),
            guest.shell.last_lines(8),
            self.logs.display()
        )
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        self.guest = None;
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Words for the shell: where gpio-sim has a line, and pulling the button's.
const HELPERS: [&str; 3] = [
    // What the kernel says is no answer to anybody.
    "dmesg -n 1",
    r#"rig_line() { set -- /sys/devices/platform/*/gpiochip*/sim_gpio$1; [ -e "$1" ] && echo "$1"; }"#,
    r#"rig_pull() { echo "pull-$1" > "$(rig_line 27)/pull"; }"#,
];

/// Looks at the LED every 20 ms without starting a process, and writes a line when it changes.
const WATCH: [&str; 4] = [
    "[ -p /run/rig-tick ] || mkfifo /run/rig-tick",
    r#"rig_watch() { local f v t _ last=; until f=$(rig_line 17); do sleep 0.2; done; while :; do read -r v < "$f/value"; if [ "$v" != "$last" ]; then read -r t _ < /proc/uptime; echo "$t $v" >> /run/rig-led; last=$v; fi; read -r -t 0.02 -u 9; done; }"#,
    r#": > /run/rig-led; [ -z "$RIG_WATCH" ] || kill $RIG_WATCH"#,
    "rig_watch 9<>/run/rig-tick >/dev/null 2>&1 & RIG_WATCH=$!",
];

/// Lines of `<seconds> <0 or 1>`, and at the end the time of the question.
pub(super) fn edges(text: &str) -> Option<(Vec<Edge>, f64)> {
    let mut lines: Vec<&str> = text.lines().collect();
    let now = lines.pop()?.trim().parse().ok()?;
    let edge = |line: &&str| {
        let (at, level) = line.split_once(' ')?;
        let lit = match level.trim() {
            "1" => true,
            "0" => false,
            _ => return None,
        };
        Some(Edge { at: at.parse().ok()?, lit })
    };
    Some((lines.iter().map(edge).collect::<Option<_>>()?, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_the_led_are_read_and_odd_ones_refused() {
        let (seen, now) = edges("12.50 0\n13.04 1\n20.01\n").unwrap();
        assert_eq!((seen.len(), seen[1], now), (2, Edge { at: 13.04, lit: true }, 20.01));
        assert!(edges("12.5 2\n20\n").is_none() && edges("").is_none() && edges("x 1\n3\n").is_none());
    }
}
