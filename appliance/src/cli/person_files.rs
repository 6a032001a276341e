//! `latchkey person picture` and `latchkey person ssh-key`.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use domain::name::{Label, Username};

use crate::api::{self, Effect, NewSshKey};
use crate::http::Method;

use super::failure::Failure;
use super::shell::{Shell, path, read_file, read_picture, segment};

/// The longest public key file.
const MAX_KEY: u64 = 16 * 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum PictureVerb {
    /// Give a person a picture: PNG, JPEG or WebP
    #[command(after_help = "Example:\n  latchkey person picture set anna anna.jpg")]
    Set(PictureFile),
    /// Save the picture of a person
    #[command(after_help = "Example:\n  latchkey person picture save anna anna.png")]
    Save(PictureFile),
    /// Take the picture of a person away
    #[command(visible_alias = "rm", after_help = "Example:\n  latchkey person picture remove anna")]
    Remove(Name),
}

#[derive(Debug, Args)]
pub(crate) struct PictureFile {
    /// The name that the person signs in with
    name: Username,
    /// The picture
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// The name that the person signs in with
    name: Username,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SshKeyVerb {
    /// List the SSH keys of a person
    #[command(visible_alias = "ls", after_help = "Example:\n  latchkey person ssh-key list anna")]
    List(Name),
    /// Add a public key
    #[command(after_help = "Examples:
  latchkey person ssh-key add anna ~/.ssh/id_ed25519.pub
  latchkey person ssh-key add anna - --label laptop")]
    Add(AddKey),
    /// Take a public key away
    #[command(
        visible_alias = "rm",
        after_help = "Example:
  latchkey person ssh-key remove anna SHA256:uJZWhxuLjcg0eN9LMZkoSGLV1zGGx0jXhbhOaWT1S6w"
    )]
    Remove(RemoveKey),
}

#[derive(Debug, Args)]
pub(crate) struct AddKey {
    /// The name that the person signs in with
    name: Username,
    /// The .pub file, or - to read it from the input
    file: PathBuf,
    /// What to call it; the key's own comment if not given
    #[arg(long)]
    label: Option<Label>,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveKey {
    /// The name that the person signs in with
    name: Username,
    /// Which one: its SHA256:... from `list`
    fingerprint: String,
}

impl PictureVerb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::Set(PictureFile { name, file }) => {
                let (media_type, bytes) = read_picture(&file)?;
                let answer = shell.upload(&picture(&name), media_type, bytes)?;
                shell.changed(answer, "picture", name.as_str())
            }
            Self::Save(PictureFile { name, file }) => {
                let bytes = shell.download(&picture(&name))?;
                let failed = |error| Failure::Local(format!("cannot write {}: {error}", file.display()));
                std::fs::write(&file, bytes).map_err(failed)?;
                shell.effect(Effect::Created, "file", &file.display().to_string())
            }
            Self::Remove(Name { name }) => {
                let answer = shell.bare(Method::Delete, &picture(&name))?;
                shell.changed(answer, "picture", name.as_str())
            }
        }
    }
}

fn picture(name: &Username) -> String {
    path(&["persons", name.as_str(), "picture"])
}

fn keys(name: &Username) -> String {
    path(&["persons", name.as_str(), "ssh-keys"])
}

impl SshKeyVerb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List(Name { name }) => {
                let items = shell.collect(&keys(&name), usize::MAX)?;
                let nothing = format!("{name} has no SSH keys. Add one with: latchkey person ssh-key add {name} FILE");
                shell.list(items, &nothing, &["label", "fingerprint", "added (UTC)"], |key: api::SshKey| {
                    vec![key.label, key.fingerprint, key.created_at.short()]
                })
            }
            Self::Add(AddKey { name, file, label }) => {
                let public_key = read_key(shell, &file)?;
                let request = NewSshKey { public_key, label: label.map(String::from) };
                let answer = shell.send(Method::Post, &keys(&name), &request)?;
                shell.changed(answer, "ssh-key", &format!("of {name}"))
            }
            Self::Remove(RemoveKey { name, fingerprint }) => {
                let which = format!("{}?fingerprint={}", keys(&name), segment(&fingerprint));
                let answer = shell.bare(Method::Delete, &which)?;
                shell.changed(answer, "ssh-key", &fingerprint)
            }
        }
    }
}

fn read_key(shell: &mut Shell<'_, '_>, file: &Path) -> Result<String, Failure> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        let read = (&mut *shell.terminal.input).take(MAX_KEY).read_to_end(&mut bytes);
        read.map_err(|error| Failure::Local(format!("cannot read the key: {error}")))?;
        bytes
    } else {
        read_file(file, MAX_KEY)?
    };
    let text = String::from_utf8(bytes).map_err(|_| Failure::Usage("a public key is one line of text".to_owned()))?;
    if text.contains("PRIVATE KEY") {
        let text = "that is a private key, which must never leave its machine; give the .pub file beside it";
        return Err(Failure::Usage(text.to_owned()));
    }
    Ok(text.trim().to_owned())
}
