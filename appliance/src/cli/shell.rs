//! What every command works with: a server to ask, a format to print in, a terminal to print on.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use domain::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::api::{self, Changed, Page, Problem, ProblemCode};
use crate::http::{Answer, Call, Client, Method};

use super::failure::Failure;
use super::output::{self, Format};
use super::{Connection, Terminal, qr};

/// The longest picture, as the server takes it.
const MAX_PICTURE: u64 = service::MAX_PICTURE_BYTES as u64;
/// The longest token file.
const MAX_TOKEN: u64 = 4096;

pub(crate) struct Shell<'s, 't> {
    connection: Connection,
    client: Option<Client>,
    format: Format,
    pub(super) terminal: &'s mut Terminal<'t>,
}

impl<'s, 't> Shell<'s, 't> {
    pub(super) fn new(connection: Connection, format: Format, terminal: &'s mut Terminal<'t>) -> Self {
        Self { connection, client: None, format, terminal }
    }

    /// The control socket, for what can only be done at the box itself.
    pub(super) fn socket(&self) -> Result<std::path::PathBuf, Failure> {
        self.connection.at_the_box()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.terminal.now
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Looks.
    pub(super) fn get(&mut self, path: &str) -> Result<Value, Failure> {
        self.ask(Call { method: Method::Get, path, body: None })
    }

    /// Does, sets or changes, with a request of the API.
    pub(super) fn send(&mut self, method: Method, path: &str, request: &impl Serialize) -> Result<Value, Failure> {
        let body = serde_json::to_vec(request).map_err(|error| Failure::Local(error.to_string()))?;
        self.ask(Call { method, path, body: Some(("application/json", body)) })
    }

    /// Sets bytes of some media type.
    pub(super) fn upload(&mut self, path: &str, media_type: &str, bytes: Vec<u8>) -> Result<Value, Failure> {
        self.ask(Call { method: Method::Put, path, body: Some((media_type, bytes)) })
    }

    /// Does what its address says, without a body.
    pub(super) fn bare(&mut self, method: Method, path: &str) -> Result<Value, Failure> {
        self.ask(Call { method, path, body: None })
    }

    /// The bytes behind an address.
    pub(super) fn download(&mut self, path: &str) -> Result<Vec<u8>, Failure> {
        Ok(self.answer(Call { method: Method::Get, path, body: None })?.body)
    }

    /// All items of a list that comes in pages, at most `limit`.
    pub(super) fn collect(&mut self, path: &str, limit: usize) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let cursor = after.map(|after| format!("&after={}", segment(&after))).unwrap_or_default();
            let wanted = (limit - found.len()).min(200);
            let page: Page<Value> = read(self.get(&format!("{path}{joint}limit={wanted}{cursor}"))?)?;
            found.extend(page.items);
            match page.next {
                Some(next) if found.len() < limit => after = Some(next),
                Some(_) | None => break,
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    fn ask(&mut self, call: Call<'_>) -> Result<Value, Failure> {
        let answer = self.answer(call)?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| Failure::Strange(format!("the server's answer is no JSON: {error}")))
    }

    fn answer(&mut self, call: Call<'_>) -> Result<Answer, Failure> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.connection.client()?,
        };
        let answer = client.call(call);
        self.client = Some(client);
        let answer = answer?;
        if answer.status < 300 {
            return Ok(answer);
        }
        if answer.media_type == api::PROBLEM_JSON
            && let Ok(problem) = serde_json::from_slice::<Problem>(&answer.body)
        {
            return Err(Failure::Problem(Box::new(problem)));
        }
        let text = String::from_utf8_lossy(&answer.body);
        let text = text.lines().next().unwrap_or_default().chars().take(200).collect::<String>();
        Err(match answer.status {
            413 => Failure::Problem(Box::new(Problem::new(ProblemCode::Invalid, "that is too long for the server"))),
            503 => Failure::Problem(Box::new(
                Problem::new(ProblemCode::Busy, "the server is busy").hint("try again in a few seconds"),
            )),
            421 => Failure::Usage(text),
            status => Failure::Strange(format!("the server answered {status}: {text}")),
        })
    }

    /// Prints a line of the result.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Failure> {
        Ok(writeln!(self.terminal.out, "{text}")?)
    }

    /// Tells something that is no result.
    pub(super) fn note(&mut self, text: &str) -> Result<(), Failure> {
        Ok(writeln!(self.terminal.err, "{text}")?)
    }

    /// Prints JSON.
    pub(super) fn json(&mut self, value: &Value) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Failure::Local(error.to_string()))?;
        self.line(&text)
    }

    /// Prints a list: as it came for programs, as a table for people, or `nothing` when it is empty.
    pub(super) fn list<T: DeserializeOwned>(
        &mut self,
        items: Vec<Value>,
        nothing: &str,
        head: &[&str],
        row: impl FnMut(T) -> Vec<String>,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(&Value::Array(items)),
            Format::Table if items.is_empty() => self.note(nothing),
            Format::Table => {
                let rows: Vec<T> = items.into_iter().map(read).collect::<Result<_, _>>()?;
                let text = output::table(self.width(), head, rows.into_iter().map(row));
                self.line(&text)
            }
        }
    }

    /// Prints one thing: as it came for programs, field by field for people.
    pub(super) fn show<T: DeserializeOwned>(
        &mut self,
        value: Value,
        fields: impl FnOnce(T) -> Vec<(String, String)>,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(&value),
            Format::Table => {
                let text = output::sheet(self.width(), fields(read(value)?));
                self.line(&text)
            }
        }
    }

    /// Says what a change did.
    pub(super) fn changed(&mut self, answer: Value, noun: &str, name: &str) -> Result<(), Failure> {
        let Changed { change } = read(answer)?;
        self.effect(change, noun, name)
    }

    /// Says what was done.
    pub(super) fn effect(&mut self, change: api::Effect, noun: &str, name: &str) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(&json!({ "change": change, "kind": noun, "name": name })),
            Format::Table => self.line(&format!("{} {noun} {name}", change.as_str())),
        }
    }

    /// Several changes, one after the other up to the first that fails. People see each at once; for programs they are given
    /// back, to become part of one JSON value.
    pub(super) fn series(
        &mut self,
        method: Method,
        noun: &str,
        targets: Vec<Target>,
    ) -> (Vec<Value>, Result<(), Failure>) {
        let mut done = Vec::new();
        for Target { path, name } in targets {
            let change = match self.bare(method, &path).and_then(read::<Changed>) {
                Ok(Changed { change }) => change,
                Err(failure) => return (done, Err(failure)),
            };
            done.push(json!({ "change": change, "kind": noun, "name": name }));
            if self.format == Format::Table
                && let Err(failure) = self.effect(change, noun, &name)
            {
                return (done, Err(failure));
            }
        }
        (done, Ok(()))
    }

    /// The same as a whole command: programs get a list.
    pub(super) fn all(&mut self, method: Method, noun: &str, targets: Vec<Target>) -> Result<(), Failure> {
        let (done, ended) = self.series(method, noun, targets);
        if self.format == Format::Json {
            self.json(&Value::Array(done))?;
        }
        ended
    }

    /// Shows a link, with its QR code if `wanted`, or if nothing was said and somebody looks at a screen.
    pub(super) fn link(&mut self, answer: Value, wanted: Option<bool>, text: &str) -> Result<(), Failure> {
        if self.format == Format::Json {
            return self.json(&answer);
        }
        let invite: api::Invite = read(answer)?;
        self.note(&format!("{text}; it works once, until {} UTC:", invite.expires_at.short()))?;
        self.line(&invite.url)?;
        if wanted.unwrap_or(self.terminal.screen)
            && let Some(code) = qr::drawing(&invite.url, self.terminal.screen)
        {
            self.line(&code)?;
        }
        Ok(())
    }

    /// Asks before something that cannot be undone.
    pub(super) fn confirm(&mut self, yes: bool, what: &str, name: &str) -> Result<(), Failure> {
        if yes {
            return Ok(());
        }
        if !self.terminal.interactive {
            return Err(Failure::Usage(format!("{what} cannot be undone; say --yes to do it without being asked")));
        }
        self.typed(&format!("{what} cannot be undone. Type {name} to do it: "), name)
    }

    fn typed(&mut self, question: &str, name: &str) -> Result<(), Failure> {
        write!(self.terminal.err, "{question}")?;
        self.terminal.err.flush()?;
        let mut typed = String::new();
        let read = self.terminal.input.read_line(&mut typed);
        read.map_err(|error| Failure::Local(format!("cannot read the answer: {error}")))?;
        if typed.trim() == name { Ok(()) } else { Err(Failure::Local("nothing was done".to_owned())) }
    }

    /// What comes on stdin, at most `limit` bytes.
    pub(super) fn stdin(&mut self, limit: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = (&mut *self.terminal.input).take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failure::Local(format!("cannot read stdin: {error}")))?;
        if bytes.len() as u64 > limit {
            return Err(Failure::Usage(format!("stdin is longer than {} KiB; is it the right file?", limit / 1024)));
        }
        Ok(bytes)
    }

    /// Asks before something that costs others work; `cost` is one sentence that says what.
    pub(super) fn agree(&mut self, yes: bool, cost: &str, name: &str) -> Result<(), Failure> {
        if yes {
            return Ok(());
        }
        if !self.terminal.interactive {
            return Err(Failure::Usage(format!("{cost} Say --yes to do it without being asked")));
        }
        self.typed(&format!("{cost} Type {name} to do it: "), name)
    }

    /// The width of the screen, where results go to one.
    pub(super) fn width(&self) -> Option<u16> {
        self.terminal.width.filter(|_| self.terminal.screen)
    }
}

/// Something to be changed by its address alone.
pub(super) struct Target {
    /// Its address.
    pub(super) path: String,
    /// What people call it.
    pub(super) name: String,
}

impl Connection {
    /// The control socket, for what can only be done at the box itself.
    pub(super) fn at_the_box(&self) -> Result<std::path::PathBuf, Failure> {
        match &self.url {
            None => Ok(self.socket.clone()),
            Some(_) => Err(Failure::Usage("that works only on the machine of the server; leave --url out".to_owned())),
        }
    }

    fn client(&self) -> Result<Client, Failure> {
        let Some(url) = &self.url else {
            return Ok(Client::socket(self.socket.clone())?);
        };
        let Some(file) = &self.token_file else {
            let text = "--url needs a token: give --token-file FILE or set LATCHKEY_TOKEN_FILE. An owner makes one with \
                        `latchkey service-account token create NAME`";
            return Err(Failure::Usage(text.to_owned()));
        };
        let bytes = read_file(file, MAX_TOKEN)?;
        let token = String::from_utf8(bytes).unwrap_or_default().trim().to_owned();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::Usage(format!("there is no API token in {}", file.display())));
        }
        Ok(Client::tls(url, token, self.ca_file.as_deref())?)
    }
}

/// Reads what the server answered into the type that was asked for.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|error| Failure::Strange(format!("the server's answer is not understood: {error}")))
}

/// A file to be sent, at most `limit` bytes long.
pub(super) fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::Local(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(Failure::Usage(format!(
            "{} is longer than {} KiB; choose a smaller file",
            path.display(),
            limit / 1024
        )));
    }
    Ok(bytes)
}

/// The bytes and the media type of a picture file; the server looks at the bytes again.
pub(super) fn read_picture(path: &Path) -> Result<(&'static str, Vec<u8>), Failure> {
    let bytes = read_file(path, MAX_PICTURE)?;
    let media_type = match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, ..] => "image/jpeg",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => return Err(Failure::Usage(format!("{} is no PNG, JPEG or WebP picture", path.display()))),
    };
    Ok((media_type, bytes))
}

/// The address of something, each part percent-encoded: `path(&["persons", name])`.
pub(super) fn path(parts: &[&str]) -> String {
    let mut path = api::PREFIX.to_owned();
    for part in parts {
        path.push('/');
        path.push_str(&segment(part));
    }
    path
}

/// RFC 3986 §2.3: everything but the unreserved characters is encoded.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
