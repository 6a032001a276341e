//! The owner's own program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use domain::certificate::DnsChoice;
use serde_json::json;

use super::{Ground, VALUE, choice, round};
use crate::certificate::acme::AcmeErrorKind;
use crate::testing::Folder;

const NAME: &str = "_acme-challenge.id.example.org";

/// A program in that folder that does this.
fn program(folder: &Folder, script: &str) -> (DnsChoice, PathBuf) {
    let path = folder.path().join("hook");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    (choice(json!({"kind": "exec", "program": path.to_str().unwrap()})), folder.path().join("log"))
}

fn words(choice: &DnsChoice, limit: Duration) -> String {
    let ground = Ground::nowhere();
    let mut world = ground.world();
    world.pace.program = limit;
    let error = round(choice, NAME, &world).unwrap_err();
    assert_eq!(error.kind, AcmeErrorKind::Program);
    error.to_string()
}

#[test]
fn a_program_gets_three_words_and_nothing_else() {
    let folder = Folder::new();
    let log = folder.path().join("log");
    let (choice, _) = program(
        &folder,
        &format!(
            "echo \"$# $1 $2 $3\" >> {0}; /usr/bin/env | /bin/grep -v -e ^PWD= -e ^_= -e ^SHLVL= >> {0}; exit 0",
            log.display()
        ),
    );
    round(&choice, NAME, &Ground::nowhere().world()).unwrap();
    let expected = format!("3 present {NAME} {VALUE}\n3 cleanup {NAME} {VALUE}\n");
    assert_eq!(fs::read_to_string(log).unwrap(), expected);
}

#[test]
fn what_a_program_says_is_told() {
    let folder = Folder::new();
    let (choice, log) = program(&folder, "echo $1 >> ${0%hook}log; echo 'no <i>such</i> zone' >&2; exit 3");
    let words = words(&choice, Duration::from_secs(5));
    assert_eq!(fs::read_to_string(log).unwrap(), "present\ncleanup\n", "what it may have made is taken away");
    assert!(words.contains("no \u{2039}i\u{203a}such") && !words.contains('<'), "{words}");
}

#[test]
fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
    let folder = Folder::new();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (choice, _) = program(&folder, &format!("/bin/sleep 600 > {}; exit 0", pipe.display()));
    // It ends when nobody is left who could write: the program's child is gone as well.
    let listener = std::thread::spawn(move || fs::read(pipe).unwrap());
    let words = words(&choice, Duration::from_secs(2));
    assert!(words.contains("did not end"), "{words}");
    assert_eq!(listener.join().unwrap(), b"");
}

#[test]
fn a_program_that_never_stops_talking_is_ended() {
    let folder = Folder::new();
    let (choice, _) = program(&folder, "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx >&2; done");
    let words = words(&choice, Duration::from_secs(20));
    assert!(words.contains("64 KiB"), "{words}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let choice = choice(json!({"kind": "exec", "program": "/nowhere/dns-hook"}));
    let words = words(&choice, Duration::from_secs(5));
    assert!(words.contains("/nowhere/dns-hook"), "{words}");
}
