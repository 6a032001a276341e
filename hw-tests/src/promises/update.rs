//! Updates from a stick, as an admin installs them over SSH.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Failure, Outcome, While, broken, ensure, not_here};
use crate::home::Home;

/// An emulated Pi writes and checks a slot in minutes.
const INSTALLS_WITHIN: Duration = Duration::from_secs(420);
/// Two minutes of being stable, and what it takes to get there.
const COMMITS_WITHIN: Duration = Duration::from_secs(420);
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";
const STICK: &str = "/run/rig-stick";

/// Bundles of the image's builder, beside the image.
struct Bundles {
    /// Of the image itself.
    own: PathBuf,
    newer: PathBuf,
    unhealthy: PathBuf,
    unsigned: PathBuf,
    /// Good but for the key that signed it.
    foreign: PathBuf,
    other_board: PathBuf,
}

impl Bundles {
    fn of(image: &Path) -> Self {
        let tests = image.with_file_name("test-bundles");
        Self {
            own: image.with_extension("raucb"),
            newer: tests.join("newer.raucb"),
            unhealthy: tests.join("unhealthy.raucb"),
            unsigned: tests.join("unsigned.raucb"),
            foreign: tests.join("foreign.raucb"),
            other_board: tests.join("other-board.raucb"),
        }
    }
}

pub(crate) fn bad_bundles(home: &mut Home) -> Outcome {
    home.claimed()?;
    home.is_well()?;
    let Bundles { own, unsigned, foreign, other_board, .. } = Bundles::of(&home.image);
    let (truncated, damaged) = (home.folder.join("truncated.raucb"), home.folder.join("damaged.raucb"));
    cut_short(&own, &truncated)?;
    damage(&own, &damaged)?;
    let before = slots(home)?;
    stick(home, &[unsigned, foreign, other_board, truncated, damaged])?;
    for name in ["unsigned", "foreign", "other-board", "truncated", "damaged"] {
        let said = install(home, name)?;
        ensure(!said.0, || format!("{name}.raucb was installed: {}", said.1))?;
        home.note(format!("{name}: {}", last_line(&said.1)));
    }
    unplug(home)?;
    let after = slots(home)?;
    ensure(before == after, || format!("the slots to boot from were\n{before}\nand are\n{after}"))?;
    home.serves_again("the box to serve after bad bundles")
}

pub(crate) fn there_and_back(home: &mut Home) -> Outcome {
    home.claimed()?;
    home.is_well()?;
    let Bundles { own, newer, .. } = Bundles::of(&home.image);
    home.latchkey("person create stays --display-name Stays --or-update")?;
    let from = booted(home)?;
    goes_to(home, &newer, if from == "A" { "B" } else { "A" })?;
    goes_to(home, &own, &from)?;
    let listed = home.latchkey("person list")?;
    let names: Vec<&str> =
        listed.as_array().into_iter().flatten().filter_map(|person| person["name"].as_str()).collect();
    ensure(names.contains(&"stays") && names.contains(&"mira"), || format!("these are left: {names:?}"))
}

pub(crate) fn unhealthy(home: &mut Home) -> Outcome {
    home.claimed()?;
    home.is_well()?;
    let Bundles { unhealthy, .. } = Bundles::of(&home.image);
    let from = booted(home)?;
    home.latchkey("person create before --display-name Before --or-update")?;
    stick(home, std::slice::from_ref(&unhealthy))?;
    // It starts twice: from the other slot, and back.
    install_for_good(home, "unhealthy")?;
    let state = home.until("the version to be taken back", INSTALLS_WITHIN * 2, |home| {
        let Some(state) = state_now(home) else { return Ok(None) };
        Ok((state["state"] == "rolled-back").then_some(state))
    })?;
    home.note(format!("taken back: {}", state["reason"].as_str().unwrap_or("no reason")));
    ensure(state["slot"] == from.as_str(), || format!("it runs from another slot: {state}"))?;
    ensure(state["reason"].as_str().is_some_and(|reason| !reason.is_empty()), || format!("no reason: {state}"))?;
    home.watched()?;
    home.serves_again("the version before to serve")?;
    home.has_time()?;
    home.led_says("degraded-rolled-back", Duration::from_secs(60))?;
    let listed = home.latchkey("person list")?.to_string();
    ensure(listed.contains("\"before\""), || format!("somebody is lost: {listed}"))
}

/// Installs that bundle and lets the box go over to that slot for good.
fn goes_to(home: &mut Home, bundle: &Path, slot: &str) -> Outcome {
    stick(home, &[bundle.to_owned()])?;
    install_and_restart(home, &stem(bundle))?;
    home.watched()?;
    home.serves_again("the new version to serve")?;
    let on_trial = state_now(home).unwrap_or_default();
    ensure(on_trial["slot"] == slot, || format!("it should run from {slot}: {on_trial}"))?;
    let state = home.until("the new version to be kept", COMMITS_WITHIN, |home| {
        // The health gate does not ask what time it is, but the LED does.
        let state = state_now(home).unwrap_or_default();
        ensure(state["state"] != "rolled-back", || format!("it was taken back: {state}"))?;
        Ok((state["state"] == "committed").then_some(state))
    })?;
    home.note(format!("version {} runs from {slot}", state["version"]));
    home.is_well()
}

/// Installs that bundle; the box then restarts by itself to try it.
fn install_and_restart(home: &mut Home, name: &str) -> Outcome {
    let boot = home.root(BOOT_ID)?;
    install_for_good(home, name)?;
    home.until("another start", Duration::from_secs(400), |home| {
        Ok(asked_of_one_that_restarts(home, BOOT_ID).is_some_and(|now| now != boot).then_some(()))
    })
}

fn install_for_good(home: &mut Home, name: &str) -> Outcome {
    let said = install(home, name)?;
    ensure(said.0, || format!("{name}.raucb was not installed: {}", said.1))?;
    home.rig.remove_usb()?;
    home.restarts();
    Ok(())
}

/// What the updater told last.
fn state_now(home: &mut Home) -> Option<Value> {
    let text = asked_of_one_that_restarts(home, "cat /data/system/update/state.json")?;
    serde_json::from_str(&text).ok()
}

/// The answer of a shell that may end at any moment; after none, a new one is looked for.
fn asked_of_one_that_restarts(home: &mut Home, command: &str) -> Option<String> {
    let limit = home.limit;
    let answer = home.rig.shell().and_then(|shell| shell.say(command, limit.at_most(Duration::from_secs(20))));
    answer.map_err(|_| home.restarts()).ok()
}

/// From which slot the kernel says that it was started.
fn booted(home: &mut Home) -> Outcome<String> {
    let text = home.root("tr ' ' '\\n' < /proc/cmdline | sed -n 's/^rauc.slot=//p'")?;
    if text.is_empty() { broken("the kernel was not told its slot") } else { Ok(text) }
}

/// What U-Boot will do at the next start.
fn slots(home: &mut Home) -> Outcome<String> {
    home.root("strings -n 4 /dev/latchkey/bootstate 2>/dev/null | head -n 20 || head -c 512 /dev/latchkey/bootstate | tr '\\0' '\\n'")
}

fn stick(home: &mut Home, files: &[PathBuf]) -> Outcome {
    if let Some(missing) = files.iter().find(|file| !file.exists()) {
        return not_here(format!("the image came without {}", missing.display()));
    }
    home.rig.insert_usb(files)?;
    home.until("the stick", Duration::from_secs(60), |home| {
        let limit = home.limit;
        let mount = format!("mkdir -p {STICK} && mount -o ro,umask=022 $(ls /dev/disk/by-label/STICK /dev/sd[a-z] 2>/dev/null | tail -n 1) {STICK}");
        Ok((home.rig.shell()?.ask(&mount, limit.at_most(Duration::from_secs(30)))?.status == 0).then_some(()))
    })
}

fn unplug(home: &mut Home) -> Outcome {
    let limit = home.limit;
    if home.rig.shell()?.ask(&format!("umount {STICK}"), limit.at_most(Duration::from_secs(30)))?.status == 0 {
        home.rig.remove_usb()
    } else {
        Ok(())
    }
}

/// Whether that bundle was installed, and what the box said.
fn install(home: &mut Home, name: &str) -> Outcome<(bool, String)> {
    let said = home
        .ssh(&format!("latchkey update install {STICK}/{name}.raucb"), INSTALLS_WITHIN)
        .while_("installing over SSH")?;
    Ok((said.status.success(), format!("{}{}", said.out, said.err)))
}

fn stem(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn last_line(text: &str) -> &str {
    text.trim().lines().last().unwrap_or("nothing was said")
}

/// The first two thirds of a bundle.
fn cut_short(from: &Path, to: &Path) -> Outcome {
    if !from.exists() {
        return not_here(format!("the image came without {}", from.display()));
    }
    let bytes = fs::copy(from, to)?;
    File::options().write(true).open(to)?.set_len(bytes / 3 * 2).map_err(Failure::from)
}

/// A bundle with one byte that is another, in the middle of what it holds.
fn damage(from: &Path, to: &Path) -> Outcome {
    let mut bytes = fs::read(from)?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 0xff;
    }
    fs::write(to, bytes).map_err(Failure::from)
}
