//! The help is part of the product: every verb has an example, and every example is a command that exists.

use clap::{Command, CommandFactory, Parser};

use super::Cli;

/// Every command that does something, with its words.
fn leaves(command: &Command, words: &[String], found: &mut Vec<(Vec<String>, Command)>) {
    let mut here = words.to_vec();
    here.push(command.get_name().to_owned());
    let children: Vec<&Command> = command.get_subcommands().filter(|child| child.get_name() != "help").collect();
    if children.is_empty() {
        found.push((here, command.clone()));
        return;
    }
    for child in children {
        leaves(child, &here, found);
    }
}

fn all_leaves() -> Vec<(Vec<String>, Command)> {
    let mut found = Vec::new();
    leaves(&Cli::command(), &[], &mut found);
    found
}

/// The words of a line as a shell would split it, up to a redirection.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None, ' ') => words.extend(word.take()),
            (None, '>') => break,
            (None | Some(_), c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn the_words_fit_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_verb_has_an_example_of_itself_that_works() {
    for (words, command) in all_leaves() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<Vec<String>> =
            help.lines().filter(|line| line.starts_with("  latchkey ")).map(|line| split(line.trim())).collect();
        assert!(!examples.is_empty(), "{words:?} has no example");
        for example in examples {
            assert_eq!(example.get(..words.len()), Some(words.as_slice()), "an example of something else");
            if let Err(why) = Cli::try_parse_from(&example) {
                panic!("{example:?}: {why}");
            }
        }
    }
}

#[test]
fn every_verb_and_option_says_what_it_is() {
    for (words, command) in all_leaves() {
        assert!(command.get_about().is_some(), "{words:?}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{words:?} {}", argument.get_id());
        }
    }
}

#[test]
fn the_examples_of_the_whole_program_work() {
    for line in super::AFTER_LONG_HELP.lines().filter(|line| line.starts_with("  latchkey ")) {
        let words = split(line.trim());
        assert!(Cli::try_parse_from(&words).is_ok(), "{line}");
    }
}

#[test]
fn wrong_words_are_refused_with_what_to_write() {
    for (line, said) in [
        ("latchkey person create 9lives", "begin with a letter"),
        ("latchkey person create root", "reserved"),
        ("latchkey person create anna --mail anna", "not a mail address"),
        ("latchkey person create anna --locale english", "language tag"),
        ("latchkey person set anna --display-name ''", "--clear display-name"),
        ("latchkey person set anna --valid-until soon", "2026-12-24"),
        ("latchkey person invite anna --expires-in 3", "30m"),
        ("latchkey group set family --strength strong", "any, mfa, passkey"),
        ("latchkey group add family", "<ACCOUNT>"),
        ("latchkey app set jellyfin --algorithm none", "ES256"),
        ("latchkey app claim set grafana role", "--group"),
        ("latchkey app claim set grafana role --group owners", "GROUP=VALUE"),
        ("latchkey session revoke anna", "<NUMBER>"),
        ("latchkey audit --outcome maybe", "refused"),
        ("latchkey persn list", "person"),
    ] {
        let error = Cli::try_parse_from(split(line)).unwrap_err().to_string();
        assert!(error.contains(said), "{line}: {error}");
    }
}
