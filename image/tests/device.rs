//! What the device gets besides the program: the overlay, the units and their scripts hang together.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

fn overlay() -> PathBuf {
    top().join("buildroot-overlay")
}

fn units() -> Vec<PathBuf> {
    files(&top().join("systemd"))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn each_file_says_in_its_first_line_why_it_is_there() {
    for path in files(&overlay()).into_iter().chain(units()) {
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().skip_while(|line| line.starts_with("#!"));
        let first = lines.next().unwrap_or_default();
        assert!(first.starts_with("# ") && first.len() > 20, "{}: {first:?}", path.display());
    }
}

#[test]
fn every_unit_that_starts_by_itself_is_there_and_wants_to() {
    let preset = fs::read_to_string(overlay().join("usr/lib/systemd/system-preset/10-latchkey.preset")).unwrap();
    let there: BTreeSet<_> = units().iter().map(|path| name(path)).collect();
    let enabled: Vec<_> = preset.lines().filter_map(|line| line.strip_prefix("enable latchkey")).collect();
    let starts = |unit: &str| {
        let rest = unit.strip_prefix("latchkey").unwrap();
        enabled.iter().any(|name| match name.split_once('*') {
            Some((head, tail)) => rest.starts_with(head) && rest.ends_with(tail),
            None => *name == rest,
        })
    };
    for name in enabled.iter().filter(|name| !name.contains('*')) {
        assert!(there.contains(&format!("latchkey{name}")), "there is no unit latchkey{name}");
    }
    for path in units() {
        let installs = fs::read_to_string(&path).unwrap().contains("[Install]");
        assert_eq!(installs, starts(&name(&path)), "{}: [Install] and preset differ", path.display());
    }
}

#[test]
fn what_units_run_is_there_and_can_be_run() {
    use std::os::unix::fs::PermissionsExt;
    for path in units() {
        for line in fs::read_to_string(&path).unwrap().lines().filter(|line| line.starts_with("Exec")) {
            let program = line.split_once('=').unwrap().1.trim_start_matches(['-', '+', '!', ':', '@']);
            let program = program.split(' ').next().unwrap();
            if program.starts_with("/usr/lib/latchkey/") {
                let mode = fs::metadata(overlay().join(&program[1..])).unwrap().permissions().mode();
                assert!(mode & 0o111 != 0, "{}: {program} cannot be run", path.display());
            } else {
                assert!(program.starts_with("/usr/"), "{}: {program} has no whole path", path.display());
            }
        }
    }
}

#[test]
fn the_scripts_are_good_shell() {
    let scripts = files(&overlay().join("usr/lib/latchkey")).into_iter().chain(files(&top().join("image/steps")));
    for path in scripts.chain([top().join("image/boot/init"), top().join("image/build.sh")]) {
        let text = fs::read_to_string(&path).unwrap();
        let shell = match text.lines().next().unwrap_or_default() {
            "#!/bin/sh" => "sh",
            "#!/bin/bash" | "#!/usr/bin/env bash" => "bash",
            _ => continue,
        };
        let judged = Command::new(shell).arg("-n").arg(&path).output().unwrap();
        assert!(judged.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&judged.stderr));
    }
}

#[test]
fn services_see_as_little_of_the_box_as_they_can() {
    // In tenths, as systemd-analyze counts what a service could reach.
    for (unit, most) in [("latchkey.service", 15), ("latchkey-panel.service", 15), ("latchkey-console@.service", 25)] {
        let path = top().join("systemd").join(unit);
        let judged = Command::new("systemd-analyze")
            .args(["security", "--offline=true", &format!("--threshold={most}")])
            .arg(&path)
            .output();
        let judged = judged.expect("systemd-analyze, which comes with systemd");
        let text = String::from_utf8_lossy(&judged.stdout).into_owned();
        assert!(judged.status.success(), "{unit}: {}", text.lines().last().unwrap_or_default());
    }
}

#[test]
fn nobody_has_a_password_and_no_key_is_in_the_image() {
    let sshd = fs::read_to_string(overlay().join("etc/ssh/sshd_config")).unwrap();
    for line in
        ["PasswordAuthentication no", "PermitRootLogin no", "AllowUsers admin", "KbdInteractiveAuthentication no"]
    {
        assert!(sshd.lines().any(|has| has == line), "sshd_config lacks {line:?}");
    }
    for path in files(&overlay()) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("PRIVATE KEY") && !text.contains("BEGIN CERTIFICATE"), "{}", path.display());
    }
}

#[test]
fn the_firewall_opens_what_the_guide_says_and_nothing_else() {
    let rules = fs::read_to_string(overlay().join("etc/nftables.conf")).unwrap();
    assert!(rules.contains("type filter hook input priority filter; policy drop;"));
    let open: Vec<_> =
        rules.lines().map(str::trim).filter(|line| line.contains("dport") && line.ends_with("accept")).collect();
    assert_eq!(
        open,
        [
            "udp dport 68 udp sport 67 accept",
            "ip6 saddr fe80::/10 udp dport 546 udp sport 547 accept",
            "tcp dport { 22, 80, 443, 636 } accept",
            "udp dport 5353 accept",
        ]
    );
}
