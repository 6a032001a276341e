//! What was asked for on the command line.

use std::path::PathBuf;

use crate::failure::{Failure, Outcome, broken};
use crate::random::Random;

pub(crate) const USAGE: &str = "usage: hw-tests [OPTION]... IMAGE
Tests what the box promises, on an emulated Pi or on a real one.
  --rig qemu|board   which kind of box (qemu)
  --board FILE       how the real box is reached (hw-tests/board.toml)
  --only NAME        only this promise; may be repeated
  --jobs N           emulated boxes at a time, 1 or 2 (2)
  --soak             more of everything
  --seed N           the random moments of an earlier run
  --tools FOLDER     the image's tool root (beside IMAGE: tools)
  --logs FOLDER      where serial logs are kept (target/hw-tests)
  --list             only say what is promised";

/// Which kind of box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RigKind {
    Qemu,
    Board,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) rig: RigKind,
    pub(crate) board: PathBuf,
    pub(crate) only: Vec<String>,
    pub(crate) jobs: usize,
    pub(crate) soak: bool,
    pub(crate) seed: u64,
    pub(crate) tools: PathBuf,
    pub(crate) logs: PathBuf,
    pub(crate) list: bool,
    pub(crate) image: PathBuf,
}

impl Options {
    /// Of these words, without the name of the program.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut words = words;
        let (mut image, mut tools, mut seed) = (None, None, None);
        let mut options = Self {
            rig: RigKind::Qemu,
            board: PathBuf::from("hw-tests/board.toml"),
            only: Vec::new(),
            jobs: 2,
            soak: false,
            seed: 0,
            tools: PathBuf::new(),
            logs: PathBuf::from("target/hw-tests"),
            list: false,
            image: PathBuf::new(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| Failure::Broken(format!("{word} wants a value")));
            match word.as_str() {
                "--rig" => options.rig = rig_kind(&value()?)?,
                "--board" => options.board = value()?.into(),
                "--only" => options.only.push(value()?),
                "--jobs" => options.jobs = value()?.parse::<usize>()?.clamp(1, 2),
                "--soak" => options.soak = true,
                "--seed" => seed = Some(value()?.parse()?),
                "--tools" => tools = Some(value()?.into()),
                "--logs" => options.logs = value()?.into(),
                "--list" => options.list = true,
                _ if word.starts_with('-') || image.is_some() => {
                    return broken(format!("{word} is not understood\n{USAGE}"));
                }
                _ => image = Some(PathBuf::from(word)),
            }
        }
        options.seed = seed.unwrap_or_else(Random::seed);
        match image {
            Some(image) => options.image = image,
            None if options.list => {}
            None => return broken(USAGE),
        }
        options.tools = tools.unwrap_or_else(|| options.image.with_file_name("tools"));
        Ok(options)
    }
}

fn rig_kind(word: &str) -> Outcome<RigKind> {
    match word {
        "qemu" => Ok(RigKind::Qemu),
        "board" => Ok(RigKind::Board),
        _ => broken(format!("there is no rig {word}: qemu or board")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Outcome<Options> {
        Options::parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn an_image_is_enough() {
        let options = parse("target/image/a.img").unwrap();
        assert_eq!((options.rig, options.jobs, options.soak), (RigKind::Qemu, 2, false));
        assert_eq!(options.tools, PathBuf::from("target/image/tools"));
    }

    #[test]
    fn what_is_given_counts() {
        let options = parse("--rig board --only led --only idle --jobs 9 --seed 42 --soak a.img --tools /t").unwrap();
        assert_eq!((options.rig, options.jobs, options.seed, options.soak), (RigKind::Board, 2, 42, true));
        assert_eq!((options.only.len(), options.tools), (2, PathBuf::from("/t")));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in ["", "--jobs two a.img", "--rig pi a.img", "a.img b.img", "--quick a.img", "a.img --only"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
