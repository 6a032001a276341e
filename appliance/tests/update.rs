//! `latchkey update` against a helper that is not root.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{Cursor, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use appliance::cli::{self, Terminal};
use domain::time::Timestamp;

#[path = "support/seeded.rs"]
#[expect(unreachable_pub, reason = "other tests use it too")]
mod seeded;

const COMMITTED: &str =
    r#"{"slot":"A","version":"0.1.0","state":"committed","other_version":"","reason":"","at":1800000000}"#;
const ROLLED_BACK: &str = r#"{"slot":"A","version":"0.1.0","state":"rolled-back","other_version":"0.2.0","reason":"discovery did not answer","at":1800000000}"#;

/// A folder with a socket on which each connection gets the next answer.
struct Helper {
    folder: PathBuf,
    heard: thread::JoinHandle<Vec<Vec<u8>>>,
}

impl Helper {
    /// One that reads all of each request before it answers.
    fn that_says(answers: &[&[u8]]) -> Self {
        Self::start(answers, true)
    }

    fn start(answers: &[&[u8]], reads: bool) -> Self {
        let folder = folder();
        let listener = UnixListener::bind(folder.join("update.sock")).unwrap();
        let answers: Vec<Vec<u8>> = answers.iter().map(|answer| answer.to_vec()).collect();
        let heard = thread::spawn(move || {
            let serve = |answer: Vec<u8>| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                if reads {
                    stream.read_to_end(&mut request).unwrap();
                }
                // Who is told too much hangs up.
                let _ = stream.write_all(&answer);
                request
            };
            answers.into_iter().map(serve).collect()
        });
        Self { folder, heard }
    }

    fn run(&self, line: &str) -> (u8, String, String) {
        run(&self.folder, line, b"")
    }

    /// What it was asked.
    fn heard(self) -> Vec<String> {
        let heard = self.heard.join().unwrap();
        fs::remove_dir_all(&self.folder).unwrap();
        heard.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
    }
}

fn folder() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    let folder = std::env::temp_dir().join(format!("latchkey-update-test-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("good.raucb"), "a whole new system").unwrap();
    folder
}

/// FOLDER in the line is the folder.
fn run(folder: &std::path::Path, line: &str, typed: &[u8]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let line = line.replace("FOLDER", folder.to_str().unwrap());
    let socket = format!("--update-socket {}/update.sock", folder.display());
    let words = format!("latchkey update {line} {socket}");
    let mut terminal = Terminal {
        out: &mut out,
        err: &mut err,
        input: &mut Cursor::new(typed.to_vec()),
        interactive: false,
        screen: false,
        width: None,
        now: Timestamp::from_unix(1_800_000_000),
        entropy: &seeded::SeededEntropy::new(7),
    };
    let code = cli::run(words.split_whitespace().map(Into::into), &mut terminal);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn a_bundle_is_sent_with_its_length_and_the_progress_is_told() {
    let helper = Helper::that_says(&[b"- looking at the signature\n- writing slot B\nok installed 0.2.0\n"]);
    let said = helper.run("install FOLDER/good.raucb");
    assert_eq!(said, (0, "installed 0.2.0\n".to_owned(), "looking at the signature\nwriting slot B\n".to_owned()));
    assert_eq!(helper.heard(), ["install 18\na whole new system"]);
}

#[test]
fn a_bundle_may_come_on_stdin() {
    let helper = Helper::that_says(&[b"ok good for this box\n"]);
    let said = run(&helper.folder, "--output json check -", b"from a pipe");
    assert_eq!(said.0, 0, "{}", said.2);
    assert!(said.1.contains("\"text\": \"good for this box\""), "{}", said.1);
    assert_eq!(helper.heard(), ["check 11\nfrom a pipe"]);
}

#[test]
fn a_no_says_whose_fault_it_is() {
    let helper = Helper::that_says(&[b"refused it is for another board\n", b"failed the card is full\n"]);
    let (code, out, err) = helper.run("check FOLDER/good.raucb");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("another board"), "{err}");
    let (code, _, err) = helper.run("install FOLDER/good.raucb");
    assert!(code == 6 && err.contains("the card is full"), "{code} {err}");
    helper.heard();
}

#[test]
fn a_helper_that_refuses_before_it_has_read_everything_is_heard() {
    let helper = Helper::start(&[b"refused it is too long\n"], false);
    fs::write(helper.folder.join("long"), vec![7; 4 << 20]).unwrap();
    let (code, _, err) = helper.run("install FOLDER/long");
    assert!(code == 1 && err.contains("too long"), "{code} {err}");
    helper.heard();
}

#[test]
fn a_helper_that_talks_nonsense_or_hangs_up_is_told_and_not_believed() {
    let endless = vec![b'-'; 100_000];
    let chatty = b"- again\n".repeat(20_000);
    for answer in [&b""[..], b"- writing slot B\n", b"ok", b"okay\n", b"\xff\xfe\n", b"\n", &endless, &chatty] {
        let helper = Helper::that_says(&[answer]);
        let (code, out, err) = helper.run("install FOLDER/good.raucb");
        assert_eq!((code, out.as_str()), (6, ""), "{err}");
        assert!(err.contains("broke off"), "{err}");
        helper.heard();
    }
}

#[test]
fn the_terminal_is_not_moved_by_what_the_helper_says() {
    let helper = Helper::that_says(&[b"- \x1b[2J\nok \x1b[2J\n"]);
    let (code, out, err) = helper.run("check FOLDER/good.raucb");
    assert!(code == 0 && !out.contains('\x1b') && !err.contains('\x1b'));
    helper.heard();
}

#[test]
fn the_status_is_told_to_people_and_to_programs() {
    let answer = format!("ok {ROLLED_BACK}\n");
    let helper = Helper::that_says(&[answer.as_bytes(), answer.as_bytes()]);
    let (code, out, _) = helper.run("status");
    assert!(code == 0 && out.contains("0.2.0 was taken back: discovery did not answer"), "{out}");
    let (code, out, _) = helper.run("status --output json");
    assert!(code == 0 && out.contains("\"state\": \"rolled-back\"") && out.contains("\"slot\": \"A\""), "{out}");
    assert_eq!(helper.heard(), ["status\n", "status\n"]);
}

#[test]
fn a_status_that_is_none_is_not_believed() {
    for answer in ["ok \n", "ok {}\n", "ok [1]\n", "- waiting\nok {\"slot\":\"Z\"}\n"] {
        let helper = Helper::that_says(&[answer.as_bytes()]);
        let (code, out, err) = helper.run("status");
        assert!(code == 6 && out.is_empty() && err.contains("not understood"), "{code} {err}");
        helper.heard();
    }
}

#[test]
fn a_rollback_is_acknowledged_once_and_then_there_is_nothing_to_do() {
    let (before, after) = (format!("ok {ROLLED_BACK}\n"), format!("ok {COMMITTED}\n"));
    let helper = Helper::that_says(&[before.as_bytes(), b"ok acknowledged\n", after.as_bytes()]);
    assert_eq!(helper.run("acknowledge").1, "changed update 0.2.0\n");
    assert_eq!(helper.run("acknowledge"), (0, "unchanged update 0.1.0\n".to_owned(), String::new()));
    assert_eq!(helper.heard(), ["status\n", "acknowledge\n", "status\n"]);
}

#[test]
fn what_is_no_bundle_is_not_sent() {
    let folder = folder();
    fs::write(folder.join("empty"), "").unwrap();
    fs::File::create(folder.join("huge")).unwrap().set_len((256 << 20) + 1).unwrap();
    for (line, code, expected) in [
        ("check FOLDER/empty", 2, "is empty"),
        ("check FOLDER/huge", 2, "longer than 256 MiB"),
        ("check FOLDER", 2, "is no file"),
        ("check FOLDER/none", 1, "cannot read"),
        ("check -", 2, "stdin is empty"),
        ("install FOLDER/good.raucb", 3, "not updated this way"),
        ("status", 3, "not updated this way"),
        ("acknowledge", 3, "not updated this way"),
        ("status --url https://id.example", 2, "leave --url out"),
    ] {
        let said = run(&folder, line, b"");
        assert!(said.0 == code && said.2.contains(expected), "{line}: {said:?}");
    }
    fs::remove_dir_all(folder).unwrap();
}
